# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to the feeder in a guest: its device is unplugged, it is killed, a disk is full; and that it never credits more than is claimed."""

import feeder_quick
import pytest
from lab import quick

CLAIMS = (0.5, 2.5, 8.0)

_SCRIPT = """
load("virtio_pci", "virtio_rng")
DEVICE = glob.glob("/sys/bus/pci/drivers/virtio-pci/0000:*")[0].rpartition("/")[2]

# A limit would have them rest for a quarter of a minute after each start-up test.
FAST = ("--interval", "1", "--limit", "1048576")

# Unplugged, and given back.
feeder = Feeder("unplugged", *FAST)
tell("PLUGGED", status=feeder.reaches(state="feeding", kernel_ready=True))
write("/sys/bus/pci/devices/%s/remove" % DEVICE, "1")
absent = feeder.reaches(state="absent")
tries = []
def is_tried():
    at = os.stat("/run/unplugged/status.json").st_mtime_ns / 1e9
    if at not in tries:
        tries.append(at)
    return len(tries) > 3
until(is_tried)
tell("UNPLUGGED", absent=absent, status=feeder.status(), tries=tries)
write("/sys/bus/pci/rescan", "1")
back = feeder.reaches(state="feeding")
goes_on = until(lambda: feeder.status()["reseeds"] > back["reseeds"])
tell("BACK", back=back, goes_on=goes_on, pid=feeder.process.pid, log=feeder.log(), ended=feeder.ends())

# Killed, and started again.
feeder = Feeder("killed", *FAST)
feeder.reaches(state="feeding")
os.environ["RUNTIME_DIRECTORY"] = "/run/killed"
runs = said("--status")
feeder.ends(signal.SIGKILL)
tell("KILLED", runs=runs, said=said("--status"))
feeder = Feeder("killed", *FAST)
status = feeder.reaches(state="feeding", kernel_ready=True)
tell("AGAIN", status=status, pid=feeder.process.pid, said=said("--status", "--json"), ended=feeder.ends())

# A full disk for its metrics.
os.makedirs("/full")
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=755", "full", "/full"], check=True)
def fill():
    try:
        with open("/full/much", "wb") as file:
            file.write(bytes(1 << 20))
    except OSError as error:
        return error.errno == errno.ENOSPC
feeder = Feeder("full", *FAST, "--metrics", "/full/metrics.prom") if fill() else None
feeder.reaches(state="feeding")
goes_on = until(lambda: feeder.status()["reseeds"] >= 4)
# What it began to write is there for a moment at each try.
tell("FULL", goes_on=goes_on, log=feeder.log(), cleans_up=until(lambda: os.listdir("/full") == ["much"]))
os.unlink("/full/much")
is_there = until(lambda: os.path.exists("/full/metrics.prom"))
tell("FREE", is_there=is_there, log=feeder.log(), metrics=read("/full/metrics.prom") if is_there else "", ended=feeder.ends())

# Never more than is claimed.
credit = {}
for claim in CLAIMS:
    feeder = Feeder("claim-%s" % claim, *FAST, "--min-entropy", str(claim))
    until(lambda: (feeder.status() or {"reseeds": 0})["reseeds"] >= 2)
    credit[str(claim)] = feeder.status()
    feeder.ends()
tell("CREDIT", **credit)
"""


@pytest.fixture(scope="module")
def seen():
    """The Result (quick.Result) of a guest with a device from which its kernel does not feed itself."""
    return feeder_quick.run("trixie", "CLAIMS = %r\n" % (CLAIMS,) + _SCRIPT, device=quick.virtio_rng(), append="rng_core.default_quality=0", timeout=300)


def test_a_feeder_outlives_its_device_and_says_that_it_is_absent(seen):
    plugged, unplugged = seen.json("PLUGGED ")["status"], seen.json("UNPLUGGED ")
    assert unplugged["absent"]["pid"] == plugged["pid"]
    assert unplugged["absent"]["why"].endswith("No such device")
    assert unplugged["status"]["credited_bits"] == unplugged["absent"]["credited_bits"]


def test_it_looks_for_its_device_again_after_one_second_then_two_then_four(seen):
    tries = seen.json("UNPLUGGED ")["tries"]
    waits = [after - before for before, after in zip(tries, tries[1:], strict=False)]
    print("looked again after %s s" % ", ".join("%.1f" % wait for wait in waits))
    # A file's time is the kernel's last tick's.
    assert [wait > expected - 0.1 for wait, expected in zip(waits, (1, 2, 4), strict=True)] == [True] * 3, waits


def test_a_device_that_is_back_is_tested_anew_before_it_is_credited(seen):
    plugged, unplugged, back = seen.json("PLUGGED ")["status"], seen.json("UNPLUGGED ")["status"], seen.json("BACK ")
    assert (back["goes_on"], back["pid"], back["ended"][0]) == (True, plugged["pid"], 0)
    assert back["back"]["discarded_bytes"] >= unplugged["discarded_bytes"] + 1024
    assert back["back"]["credited_bits"] <= 4 * (back["back"]["read_bytes"] - back["back"]["discarded_bytes"])
    assert [line.partition(":")[0] for line in back["log"] if not line.startswith("starting")] == ["feeding", "absent", "feeding"], back["log"]


def test_one_that_was_killed_is_known_not_to_run_and_can_be_started_again(seen):
    killed, again = seen.json("KILLED "), seen.json("AGAIN ")
    assert (killed["runs"]["status"], killed["runs"]["out"].splitlines()[:2]) == (0, ["the feeder runs", "feeding: reads virtio_rng.0"])
    assert (killed["said"]["status"], killed["said"]["out"].splitlines()[0]) == (1, "the feeder does not run")
    assert (again["status"]["pid"], again["status"]["discarded_bytes"], again["ended"][0]) == (again["pid"], 1024, 0)
    assert '"running": true' in again["said"]["out"]


def test_a_full_disk_is_complained_of_once_and_keeps_nobody_from_being_fed(seen):
    full = seen.json("FULL ")
    assert full["goes_on"] is True
    assert full["log"].count("cannot write /full/metrics.prom: No space left on device") == 1, full["log"]
    assert full["cleans_up"] is True


def test_what_it_could_not_write_is_there_once_there_is_space(seen):
    free = seen.json("FREE ")
    assert free["is_there"] is True
    assert "entropy_feeder_kernel_ready 1\n" in free["metrics"]
    assert free["log"] == seen.json("FULL ")["log"]
    assert free["ended"][0] == 0


@pytest.mark.parametrize("claim", CLAIMS)
def test_it_never_credits_more_than_is_claimed_of_the_bytes_after_the_start_up_test(seen, claim):
    status = seen.json("CREDIT ")[str(claim)]
    assert status["reseeds"] >= 2
    assert 512 <= status["credited_bits"] <= claim * (status["read_bytes"] - 1024)
