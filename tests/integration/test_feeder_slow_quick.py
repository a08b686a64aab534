# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder with sources that give nothing for long, or little: a dry device, a device at 5 bytes per second, a FIFO at 1 KiB/s."""

import contextlib
import os

import feeder_quick
import pytest
from lab import quick
from lab.debian import SUITES

# Far more (s) than it takes under TCG, and far less than the read under way may (30 s).
AT_ONCE = 5

_DRY = """
load("virtio_pci", "virtio_rng")

def waits():
    'Return whether the feeder reads its source and waits in it: x86-64 numbers the system call read 0.'
    try:
        return feeder.is_reading() and all(read("/proc/%d/syscall" % reader).startswith("0 ") for reader in feeder.readers())
    except (FileNotFoundError, ProcessLookupError):
        return False

feeder = Feeder("ended")
tell("TERM", waits=until(waits), ended=feeder.ends())

def is_gone(process):
    try:
        return " Z " in read("/proc/%d/stat" % process)
    except (FileNotFoundError, ProcessLookupError):
        return True

feeder = Feeder("killed", "--timeout", "2")
until(waits)
readers = feeder.readers()
feeder.ends(signal.SIGKILL)
tell("KILLED", readers=len(readers), gone=until(lambda: all(is_gone(reader) for reader in readers), 30))

feeder = Feeder("fed", "--timeout", "10")
silent = feeder.reaches(state="silent")
# Until it has given up to wait for a first byte; then for two reads: one that waits in the device, and one that asks it again and again.
until(lambda: feeder.age() > 15)
rest = at_rest(feeder.process.pid, lambda: time.sleep(20))
tell("DRY", status=silent, ready=is_ready(), rest=rest)
tell("FLOWS", status=feeder.reaches(state="feeding", kernel_ready=True), log=feeder.log(), ended=feeder.ends())
"""

_SLOW = """
load("virtio_pci", "virtio_rng")
feeder = Feeder("slow", "--timeout", "5")
seen = []
def is_observed():
    status = feeder.status()
    if status and (not seen or seen[-1]["read_bytes"] < status["read_bytes"]):
        seen.append(status)
    return len(seen) > 3
until(is_observed, 90)
tell("SLOW", seen=seen, ready=is_ready(), age=feeder.age())
feeder.reaches(300, state="feeding") if IS_THOROUGH else None
tell("SLOW-END", status=feeder.status(), ready=is_ready(), ended=feeder.ends())

with open("/lab/sound", "rb") as file:
    sound = file.read()
os.mkfifo("/tmp/counted")
held = os.open("/tmp/counted", os.O_RDWR)
feeder = Feeder("counted", "--source", "/tmp/counted", "--timeout", "1")
os.write(held, sound[:1024])
until(lambda: (feeder.status() or {"read_bytes": 0})["read_bytes"] == 1024)
before = feeder.status()
tell("COUNTED-1024", status=before, ready=is_ready())
os.write(held, sound[1024:1024 + 63])
until(lambda: feeder.status()["read_bytes"] == 1024 + 63)
tell("COUNTED-1087", status=feeder.status(), ready=is_ready())
os.write(held, sound[1024 + 63:1024 + 64])
tell("COUNTED-1088", status=feeder.reaches(state="feeding", credited_bits=256), ready=is_ready(), ended=feeder.ends())

os.mkfifo("/tmp/kib")
source = pour("/tmp/kib", sound[2048:], 1 / 16)
feeder = Feeder("kib", "--source", "/tmp/kib", "--interval", "1")
until(lambda: (feeder.status() or {"reseeds": 0})["reseeds"] >= 3)
tell("KIB", status=feeder.status(), age=feeder.age(), ended=feeder.ends())
over(source)
"""


@pytest.fixture(scope="module", params=SUITES if feeder_quick.IS_THOROUGH else ["trixie"])
def dry(request):
    """The Result (quick.Result) of a guest whose device gives nothing until its feeder has found that out."""
    with contextlib.ExitStack() as stack:
        path, give = stack.enter_context(quick.fifo())
        flow = stack.enter_context(quick.flowing(give))
        return feeder_quick.run(request.param, _DRY, device=quick.virtio_rng("random", path), append="rng_core.default_quality=0",
                                meanwhile=("DRY", flow.set), timeout=200)


@pytest.fixture(scope="module")
def slow():
    """The Result (quick.Result) of a guest whose device gives 5 bytes per second, and that has a slow FIFO."""
    script = "IS_THOROUGH = %r\n" % feeder_quick.IS_THOROUGH + _SLOW
    return feeder_quick.run("trixie", script, device=quick.virtio_rng(rate_bytes=5, rate_period=1000), append="rng_core.default_quality=0",
                            files={"/lab/sound": os.urandom(65536)}, timeout=600)


def test_sigterm_ends_it_in_the_middle_of_a_read_that_waits_for_a_dry_device(dry):
    term = dry.json("TERM ")
    status, seconds = term["ended"]
    print("SIGTERM, in a read of a dry device: %s s" % seconds)
    assert (term["waits"], status) == (True, 0)
    assert seconds < AT_ONCE


def test_its_reader_ends_by_itself_where_it_was_killed(dry):
    assert dry.json("KILLED ") == {"readers": 1, "gone": True}


def test_a_dry_device_is_silent_and_is_fed_from_as_soon_as_it_gives(dry):
    before, after = dry.json("DRY "), dry.json("FLOWS ")
    assert (before["status"]["read_bytes"], before["status"]["why"], before["ready"]) == (0, "virtio_rng.0 gives nothing", False)
    print("at a dry device, under TCG: %.3f %% of a processor" % before["rest"]["percent"])
    # With reads of 10 s in place of 30; one that is killed in the driver is followed by another process.
    assert before["rest"]["percent"] < 10 * feeder_quick.NO_LOAD
    assert (after["status"]["pid"], after["status"]["credited_bits"]) == (before["status"]["pid"], 256)
    assert after["ended"][0] == 0


def test_a_device_of_5_bytes_per_second_gets_on_and_is_not_credited_before_1024_bytes(slow):
    seen = slow.json("SLOW ")
    counts = [status["read_bytes"] for status in seen["seen"]]
    print("5 bytes per second: read %s in %s s" % (", ".join(map(str, counts)), seen["age"]))
    assert len(counts) > 3
    assert 0 < counts[-1] < 1024
    assert {(status["state"], status["credited_bits"]) for status in seen["seen"]} <= {("starting", 0), ("silent", 0)}
    assert seen["ready"] is False
    assert slow.json("SLOW-END ")["ended"][0] == 0


@feeder_quick.thorough
def test_such_a_device_is_credited_in_the_end(slow):
    end = slow.json("SLOW-END ")
    assert (end["status"]["state"], end["status"]["credited_bits"], end["ready"]) == ("feeding", 256, True)


def test_the_first_credit_is_for_what_comes_after_exactly_1024_bytes(slow):
    for count in (1024, 1024 + 63):
        counted = slow.json("COUNTED-%d " % count)
        assert (counted["status"]["read_bytes"], counted["status"]["credited_bits"], counted["ready"]) == (count, 0, False)
    counted = slow.json("COUNTED-1088 ")
    assert (counted["status"]["read_bytes"], counted["status"]["credited_bits"], counted["ready"]) == (1088, 256, True)


def test_a_fifo_of_1_kib_per_second_is_enough(slow):
    kib = slow.json("KIB ")
    print("1 KiB/s: %d reseeds in %s s" % (kib["status"]["reseeds"], kib["age"]))
    assert (kib["status"]["state"], kib["status"]["credited_bits"]) == ("feeding", 256 * kib["status"]["reseeds"])
    assert kib["ended"][0] == 0
