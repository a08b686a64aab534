# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder as a service manager sees it: what it is told, what it tells, and how fast it ends."""

import feeder_quick
import pytest
from lab import quick

# Far more (s) than it takes under TCG, and far less than one of its reads may (30 s).
AT_ONCE = 5

_SCRIPT = """
class Manager:
    'What listens at a socket for what services tell it.'

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)
        self.heard = []

    def hears(self, text, times=1):
        def is_heard():
            try:
                while True:
                    self.heard.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return sum(heard.startswith(text) for heard in self.heard) >= times
        return until(is_heard)

load("virtio_pci", "virtio_rng")
os.mkfifo("/tmp/silent")

# A limit would have them rest for a quarter of a minute after each start-up test.
FAST = "limit = 1048576\\n"

feeder = Feeder("start", "--source", "/tmp/silent")
until(feeder.is_reading)
tell("TERM-start", ended=feeder.ends())

manager = Manager("/tmp/silent-socket")
silent = Feeder("silent", "--source", "/tmp/silent", NOTIFY_SOCKET="/tmp/silent-socket")
until(silent.is_reading)
reading = time.monotonic()

# While that one waits.
second = Feeder("second", "--source", "/tmp/silent")
tell("SECOND", ended=second.process.wait(60), log=second.log(), first=silent.process.pid, status=second.status())
tell("ONCE-SILENT", said=said("--once", "--within", "2", "--source", "/tmp/silent"), ready=is_ready())

tell("SILENT", heard=manager.hears("READY=1"), after=round(time.monotonic() - reading, 1), ready=is_ready())
tell("TERM-silent", ended=silent.ends())

tell("ONCE", said=said("--once"), ready=is_ready())
tell("ONCE-AGAIN", said=said("--once"))

def notified(name, address, *words):
    'Return a feeder that tells at this address, its manager, and what is to be told of both.'
    manager = Manager(address)
    feeder = Feeder(name, *words, NOTIFY_SOCKET=address.replace("\\0", "@"), WATCHDOG_USEC="3000000")
    heard = [manager.hears("READY=1"), manager.hears("STATUS=feeding"), manager.hears("WATCHDOG=1", 3)]
    return feeder, manager, heard, list(manager.heard)

feeder, manager, heard, texts = notified("rest", "/tmp/socket")
until(lambda: not feeder.is_reading())
ended = feeder.ends()
stops = manager.hears("STOPPING=1")
tell("TERM-rest", ended=ended)
tell("NOTIFY-path", heard=heard + [stops], texts=texts, last=manager.heard[-1], ended=ended)

def configured(text):
    'Put a configuration in the place of the one before, as the role does.'
    write("/tmp/new", "[feeder]\\n" + FAST + text + "\\n")
    os.rename("/tmp/new", "/tmp/feeder.conf")

def stale():
    return json.loads(said("--status", "--json")["out"])["stale"]

os.environ["RUNTIME_DIRECTORY"] = "/run/changed"
configured("interval = 1")
feeder, manager, heard, texts = notified("changed", "\\0feeder", "--config", "/tmp/feeder.conf")
feeder.reaches(state="feeding")
for name, text, expected in (("bounds", "interval = 0", "left as it was"), ("urandom", "source = /dev/urandom", "left as it was"),
                             ("right", "interval = 2", "was read again")):
    times = sum(expected in line for line in feeder.log())
    configured(text)
    feeder.process.send_signal(signal.SIGHUP)
    is_told = feeder.logs(expected, times + 1)
    before = feeder.status()
    goes_on = until(lambda: feeder.status()["reseeds"] > before["reseeds"])
    tell("CHANGED-" + name, told=is_told, goes_on=goes_on, log=feeder.log(), status=feeder.status(), stale=stale() if name != "bounds" else None)
with open("INSIDE", "rb") as program, open("/lab/new", "wb") as copy:
    copy.write(program.read() + b"# another")
os.chmod("/lab/new", 0o755)
os.rename("/lab/new", "INSIDE")
tell("REPLACED", stale=stale())
# There is no room for the last word where nobody listens.
manager.hears("WATCHDOG=1")
ended = feeder.ends()
tell("TERM-changed", ended=ended)
tell("NOTIFY-abstract", heard=heard + [manager.hears("STOPPING=1")], texts=texts, last=manager.heard[-1], ended=ended)
""".replace("INSIDE", feeder_quick.INSIDE)


@pytest.fixture(scope="module")
def seen():
    """The Result (quick.Result) of a guest with a device from which its kernel does not feed itself."""
    return feeder_quick.run("trixie", _SCRIPT, device=quick.virtio_rng(), append="rng_core.default_quality=0", timeout=240)


def test_it_says_that_it_is_ready_though_its_source_is_silent_so_that_a_boot_goes_on(seen):
    silent = seen.json("SILENT ")
    assert (silent["heard"], silent["ready"]) == (True, False)
    # It waits 10 s for a kernel that may still become ready, and not for the end of its read after 30.
    assert 8 < silent["after"] < 20, silent


@pytest.mark.parametrize("moment", ["start", "silent", "rest", "changed"])
def test_sigterm_ends_it_at_once_whatever_it_waits_for(seen, moment):
    status, seconds = seen.json("TERM-%s " % moment)["ended"]
    print("SIGTERM, %s: %s s" % (moment, seconds))
    assert status == 0
    assert seconds < AT_ONCE


def test_a_second_service_is_refused_wherever_its_status_is_and_names_the_first(seen):
    second = seen.json("SECOND ")
    assert (second["ended"], second["status"]) == (1, None)
    assert second["log"] == ["another entropy-feeder feeds this kernel (process %d, which holds /run/entropy-feeder/lock): "
                             "found a second service, expected one. End the other first" % second["first"]]


def test_once_seeds_a_kernel_that_is_not_ready_and_says_so(seen):
    once = seen.json("ONCE ")
    assert once["said"]["status"] == 0
    assert (once["said"]["out"], once["ready"]) == ("credited 256 bits from virtio_rng.0; the kernel is ready and has reseeded\n", True)


def test_once_reseeds_one_that_is_ready(seen):
    said = seen.json("ONCE-AGAIN ")["said"]
    assert (said["status"], said["out"]) == (0, "credited 256 bits from virtio_rng.0; the kernel is ready and has reseeded\n")


def test_once_gives_up_on_a_silent_source_and_says_so(seen):
    once = seen.json("ONCE-SILENT ")
    assert (once["said"]["status"], once["said"]["out"], once["ready"]) == (1, "", False)
    assert once["said"]["error"].splitlines()[-1] == "entropy-feeder: nothing was credited in 2 s: silent: /tmp/silent gives nothing"


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_systemd_is_told_that_it_is_ready_once_what_it_does_and_that_it_lives(seen, kind):
    notified = seen.json("NOTIFY-%s " % kind)
    assert notified["heard"] == [True] * 4, notified
    assert notified["texts"].count("READY=1") == 1
    assert [text for text in notified["texts"] if text.startswith("STATUS=")] == ["STATUS=feeding: reads virtio_rng.0"]
    assert notified["last"] == "STOPPING=1"
    assert notified["ended"][0] == 0


@pytest.mark.parametrize(("name", "why"), [("bounds", "interval: found 0"), ("urandom", "source /dev/urandom: found the kernel's own output")])
def test_a_wrong_configuration_at_sighup_leaves_it_feeding_as_before(seen, name, why):
    changed = seen.json("CHANGED-%s " % name)
    assert (changed["told"], changed["goes_on"]) == (True, True)
    assert "the configuration is left as it was: " in changed["log"][-1]
    assert why in changed["log"][-1]
    assert (changed["status"]["state"], changed["status"]["source"], changed["status"]["discarded_bytes"]) == ("feeding", "virtio_rng.0", 1024)


def test_a_right_configuration_at_sighup_is_taken_and_the_source_tested_again(seen):
    changed = seen.json("CHANGED-right ")
    assert (changed["told"], changed["goes_on"]) == (True, True)
    assert "the configuration was read again" in changed["log"]
    assert (changed["status"]["state"], changed["status"]["discarded_bytes"]) == ("feeding", 2048)


def test_what_is_installed_and_not_in_use_is_stale_until_it_is(seen):
    assert seen.json("CHANGED-urandom ")["stale"] == ["configuration"]
    assert seen.json("CHANGED-right ")["stale"] == []
    assert seen.json("REPLACED ")["stale"] == ["program"]
