# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For how long a thread has been asleep, and whether it is worth waiting for."""

import os
import subprocess
import time

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_fill import RESTED, WATCH, slept, switches, wait_for_rest, watch
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_tree import Tree

GUEST = {"/proc/cpuinfo": "flags\t: fpu hypervisor", "/proc/uptime": "500.00 900.00", "/sys/class/misc/hw_random/rng_current": "tpm-rng-0"}
RESTING = {"fill_state": "S", "fill_slept": 4.0}


@pytest.fixture
def tree():
    opened = Tree("/")
    yield opened
    opened.close()


@pytest.mark.skipif(not os.path.exists("/proc/self/sched"), reason="a kernel without CONFIG_SCHED_DEBUG")
def test_a_process_that_sleeps_is_seen_to_and_our_own_place_is_given_back(tree):
    before = os.sched_getaffinity(0)
    process = subprocess.Popen(["sleep", "60"])
    try:
        time.sleep(1.5)
        assert 1.0 < slept(tree, str(process.pid)) < 3.0
    finally:
        process.kill()
        process.wait()
    assert os.sched_getaffinity(0) == before


def test_one_that_is_gone_is_not_told_of(tree):
    assert slept(tree, "4194304") is None


@pytest.mark.parametrize("text", ["", "7 (hwrng) S 2", "7 (hwrng) S " + "x " * 50, "7 (hwrng) S " + "9" * 30 + " 1" * 50])
def test_nonsense_is_not_told_of(text, tmp_path):
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/stat").write_text(text)
    (tmp_path / "proc/7/sched").write_text("se.exec_start  :  x")
    other = Tree(str(tmp_path))
    assert slept(other, "7") is None
    other.close()


def waited(texts, processes):
    naps = []
    return wait_for_rest(texts, processes, naps.append), naps


def test_a_guest_with_another_source_is_looked_at_again_once_the_pause_after_a_failure_would_be_over():
    done, (nap,) = waited(GUEST, RESTING)
    assert done is True
    assert RESTED < RESTING["fill_slept"] + nap < RESTED + 1


@pytest.mark.parametrize(("texts", "processes"), [
    ({}, dict(RESTING, fill_slept=RESTED)),
    ({}, dict(RESTING, fill_slept=None)),
    ({}, dict(RESTING, fill_state="D")),
    ({}, {}),
    ({"/proc/cpuinfo": "flags\t: fpu"}, RESTING),
    ({"/proc/uptime": "20.00 1.00"}, RESTING),
    ({"/proc/uptime": "nonsense"}, RESTING),
    ({"/sys/class/misc/hw_random/rng_current": "virtio_rng.0"}, RESTING),
    ({"/sys/class/misc/hw_random/rng_current": "other-source"}, RESTING),
    ({"/sys/class/misc/hw_random/rng_current": None}, RESTING),
])
def test_nobody_else_waits(texts, processes):
    assert waited(dict(GUEST, **texts), processes) == (False, [])


class Thread:
    """A thread as /proc/PID/status shows it, one line of ``looks`` (pairs of state and switches) after the other; the last one stays."""

    def __init__(self, looks):
        self.looks = list(looks)
        self.time = 0.0

    def text(self, path):
        assert path == "/proc/60/status"
        state, count = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return state and "Name:\thwrng\nState:\t%s (x)\nvoluntary_ctxt_switches:\t%d\nnonvoluntary_ctxt_switches:\t7" % (state, count)

    def watched(self):
        return watch(self, 60, sleep=lambda seconds: setattr(self, "time", self.time + seconds), clock=lambda: self.time)


def test_a_thread_is_watched_until_it_rests():
    assert Thread([("D", 7), ("D", 7), ("D", 8), ("S", 10)]).watched() == {"seconds": 0.75, "state": "S", "woke": [0.5, 0.75, 0.75]}


def test_a_thread_that_does_not_rest_is_watched_for_as_long_as_it_may_take_and_no_longer():
    found = Thread([("D", 7)]).watched()
    assert (found["seconds"], found["state"], found["woke"]) == (WATCH, "D", [])


def test_one_that_ends_meanwhile_ends_the_watch():
    assert Thread([("D", 7), (None, 0)]).watched() == {"seconds": 0.25, "state": None, "woke": []}


def test_how_often_a_process_went_to_sleep_is_seen(tree):
    state, before = switches(tree, "self")
    time.sleep(0.05)
    assert state == "R"
    assert switches(tree, "self")[1] > before
    assert switches(tree, "4194304") == (None, None)
