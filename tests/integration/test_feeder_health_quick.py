# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder does with sources that are stuck, biased or periodic, and with one that gets well: FIFOs in a guest whose kernel is not ready."""

import os
import random

import feeder_quick
import pytest

# Two bits per byte where four are claimed; the same at each run.
BIASED = bytes(random.Random(1).choices(b"\x17\x5a\xc3\xee", k=65536))  # noqa: S311 (not for secrets)
FILES = {"/lab/zeros": bytes(65536), "/lab/biased": BIASED, "/lab/periodic": bytes(range(256)) * 256, "/lab/sound": os.urandom(65536)}

_SCRIPT = """
def bad(name, *words):
    'Feed from a FIFO that gives what is in /lab/name until it has been tested twice; tell how it went.'
    os.mkfifo("/tmp/source-" + name)
    with open("/lab/" + name, "rb") as file:
        source = pour("/tmp/source-" + name, file.read())
    feeder = Feeder(name, "--source", "/tmp/source-" + name, "--retry", "1", *words)
    first = feeder.reaches(state="failed")
    until(lambda: feeder.status()["read_bytes"] > first["read_bytes"])
    tell("AFTER-" + name, first=first, status=feeder.status(), ready=is_ready(), ended=feeder.ends())
    over(source)

bad("zeros")
bad("biased")
bad("periodic")

# A stuck source that gets well.
os.mkfifo("/tmp/source")
held = os.open("/tmp/source", os.O_RDWR)
feeder = Feeder("well", "--source", "/tmp/source", "--retry", "1", "--timeout", "2")
os.write(held, bytes(1024))
tell("ILL", status=feeder.reaches(state="failed"), ready=is_ready())
with open("/lab/sound", "rb") as file:
    os.write(held, file.read(2048))
tell("WELL", status=feeder.reaches(state="feeding", kernel_ready=True), log=feeder.log(), ended=feeder.ends())

# One that is stuck after it has been sound.
os.mkfifo("/tmp/source-late")
held = os.open("/tmp/source-late", os.O_RDWR)
feeder = Feeder("late", "--source", "/tmp/source-late", "--retry", "3600", "--interval", "1", "--timeout", "2")
with open("/lab/sound", "rb") as file:
    os.write(held, file.read(1024 + 64))
sound = feeder.reaches(state="feeding")
os.write(held, bytes(4096))
tell("LATE", sound=sound, status=feeder.reaches(state="failed"), log=feeder.log(), ended=feeder.ends())

# What is honestly claimed is credited as little as it is worth.
os.mkfifo("/tmp/source-honest")
with open("/lab/biased", "rb") as file:
    source = pour("/tmp/source-honest", file.read())
feeder = Feeder("honest", "--source", "/tmp/source-honest", "--min-entropy", "1.5")
tell("HONEST", status=feeder.reaches(state="feeding"), ended=feeder.ends())
over(source)
"""


@pytest.fixture(scope="module")
def seen():
    """The Result (quick.Result) of a guest without a device."""
    return feeder_quick.run("trixie", _SCRIPT, files=FILES, timeout=240)


@pytest.mark.parametrize(("name", "why"), [
    ("zeros", "repetition count (cutoff 9)"), ("biased", "adaptive proportion (cutoff 71)"), ("periodic", "its bytes came again after 256")])
def test_a_bad_source_is_given_no_credit_and_its_state_says_which_test_failed(seen, name, why):
    after = seen.json("AFTER-%s " % name)
    status = after["status"]
    assert status["read_bytes"] > after["first"]["read_bytes"]
    assert (status["state"], status["credited_bits"], status["last_credit"], status["kernel_ready"]) == ("failed", 0, None, False)
    assert "/source-%s failed: " % name in status["why"]
    assert why in after["first"]["why"]
    # What it saw it remembers: the second test need not find the period anew.
    assert (why if name != "periodic" else "it gives again what it gave before") in status["why"]
    assert status["source_failures"] == status["recent_failures"] >= 2
    assert status["discarded_bytes"] == status["read_bytes"]
    assert after["ready"] is False


def test_a_source_that_gets_well_is_credited_after_its_rest_and_a_whole_start_up_test(seen):
    ill, well = seen.json("ILL "), seen.json("WELL ")
    assert (ill["status"]["credited_bits"], ill["ready"]) == (0, False)
    status = well["status"]
    assert (status["kernel_ready"], status["credited_bits"]) == (True, 256)
    # The zeros, and the start-up test of what came after them.
    assert status["discarded_bytes"] - ill["status"]["discarded_bytes"] >= 1024
    told = [line for line in well["log"] if "gives nothing" not in line]
    assert told == ["failed: " + ill["status"]["why"], "feeding: " + status["why"]]


def test_a_source_that_was_sound_loses_its_credit_as_soon_as_it_is_stuck(seen):
    late = seen.json("LATE ")
    sound, status = late["sound"], late["status"]
    assert sound["credited_bits"] > 0
    assert "repetition count" in status["why"]
    assert status["credited_bits"] <= 4 * (status["read_bytes"] - status["discarded_bytes"])
    # The 64 bytes after the start-up test's.
    assert status["credited_bits"] == sound["credited_bits"] == 4 * 64


def test_less_is_credited_of_a_source_of_which_less_is_claimed(seen):
    status = seen.json("HONEST ")["status"]
    assert 256 <= status["credited_bits"] <= 1.5 * (status["read_bytes"] - status["discarded_bytes"])


def test_every_feeder_ended_well(seen):
    ended = [seen.json(marker + " ")["ended"][0] for marker in ("AFTER-zeros", "AFTER-biased", "AFTER-periodic", "WELL", "LATE", "HONEST")]
    assert ended == [0] * 6
