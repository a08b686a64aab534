# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interrupt is not a full buffer: whether a source that delivers something delivers enough, by what the kernel's fill thread does.

The numbers are those of quick guests of Linux 5.10 and 6.12 whose host had one byte each 5 s, 16 bytes a second, and enough beside a reader of
/dev/hwrng that never paused.
"""

import random

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _kernel_fill
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_hwrng import is_doubtful
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_fill import rests
from entropy_machines import codes, machine
from fill_simulation import Fifo, Limit, Then, Thread

COUNTER = " 21:   %d   IO-APIC  21-fasteoi   virtio0"
RANDOM = "/proc/sys/kernel/random/"


def fed(served, interrupts, switches, state="S", slept=1.0, watch=None, **changes):  # noqa: PLR0913 (what a look shows)
    """Return the observations of a guest whose driver came ``served`` (s) ago, and made the CRNG ready at once unless ``changes`` say otherwise."""
    seen = machine("trixie-fed", texts={"/proc/interrupts": COUNTER % interrupts}, **changes)
    seen["processes"].update(fill_state=state, fill_slept=slept, fill_switches=switches, fill_pid=60)
    seen["texts"]["/proc/uptime"] = "%.2f 1.00" % (seen["processes"]["fill"] + served)
    if watch:
        seconds, last, woke = watch
        seen["processes"]["fill_watch"] = {"seconds": seconds, "state": last, "woke": list(woke)}
    return seen


def by_cpu(seen):
    """Return ``seen`` as if the CPU had made the CRNG ready, long before the driver came."""
    seen["log"]["lines"] = [[0.05 if "crng init done" in text else when, text] for when, text in seen["log"]["lines"]]
    return seen


def filling(seen):
    return facts_of(seen)["hwrng"]["filling"]


def test_a_trickle_that_is_seen_in_the_driver_feeds_nothing():
    # One byte each 5 s for 95 s: 19 interrupts, the thread went to sleep after each, and two more came while it was watched.
    assert filling(by_cpu(fed(100.08, 21, 22, "D", 3.01, (11.11, "D", (1.28, 6.37))))) is False
    facts = facts_of(by_cpu(fed(95, 19, 20, "D", 2.0, (11.1, "D", (3.0, 8.0)))))
    assert (facts["hwrng"]["filling"], codes(facts), facts["verdict"]) == (False, ["not-filling"], "degraded")
    assert "come in pieces, 5.0 s apart; thread hwrng has waited 95 of 95 s for full buffers, and got 0 at most" in facts["problems"][0]["evidence"]


@pytest.mark.parametrize(("served", "interrupts", "switches", "watch"), [
    # One byte each 5 s: 64 of them take 320 s, then comes a minute's rest. Two bytes each 10 s. One each 20 s.
    (900, 150, 151, (11.1, "D", (3.0, 8.0))), (86400, 14550, 14551, (11.1, "D", (3.0, 8.0))), (86400, 7270, 7271, (11.1, "D", (8.0,))),
])
def test_a_trickle_is_one_for_ever(served, interrupts, switches, watch):
    assert filling(by_cpu(fed(served, interrupts, switches, "D", 2.0, watch))) is False


@pytest.mark.parametrize("switches", [14551, 7271])
def test_a_trickle_in_the_pause_after_its_last_buffer_is_not_called_fed(switches):
    assert filling(by_cpu(fed(86400, switches, switches, "S", 20.0))) == "unknown"


@pytest.mark.parametrize("woke", [(3.0, 8.0), (8.0,)])
def test_a_source_that_became_a_trickle_is_not_called_fed_by_what_it_was(woke):
    assert filling(fed(10 ** 6, 16700, 16702, "D", 2.0, (11.1, "D", woke))) == "unknown"


def test_a_device_is_not_judged_by_what_the_one_before_it_did():
    # The kernel's thread goes on where a new device is there before the old one goes.
    assert filling(by_cpu(fed(86400, 40, 14551))) is True
    assert filling(by_cpu(fed(86400, 40, 14551, "D", 0.0, (0.3, "S", (0.25,))))) is True


def test_a_source_that_gives_a_byte_a_minute_is_not_called_fed():
    seen = by_cpu(fed(1000, 17, 18, "D", 40.0, (11.1, "D", ())))
    assert filling(seen) == "unknown"
    seen["processes"]["fill_slept"] = 60.0
    assert filling(seen) is False


def test_too_early_to_tell_a_trickle_is_unknown():
    assert filling(by_cpu(fed(30, 6, 7, "D", 2.0, (11.1, "D", (3.0, 8.0))))) == "unknown"


@pytest.mark.parametrize("served", [100, 300, 3600, 86400, 10 ** 8])
def test_a_healthy_guest_that_is_idle_is_fed_however_long_it_runs(served):
    reads = int(served / 60) + 8
    assert filling(fed(served, reads, reads + 1)) is True
    assert filling(by_cpu(fed(served, reads, reads + 1))) is True


@pytest.mark.parametrize(("served", "interrupts", "switches"), [(10, 26, 2), (15, 36095, 4), (60, 432161, 11), (147, 1324916, 15), (86400, 10 ** 9, 9000)])
def test_readers_of_the_source_are_no_trickle(served, interrupts, switches):
    assert filling(fed(served, interrupts, switches)) is True


@pytest.mark.parametrize(("served", "buffers"), [(90, 8), (3600, 64), (86400, 1350)])
def test_a_limit_that_gives_each_buffer_in_four_pieces_is_enough(served, buffers):
    # 16 bytes a second: 4 s of waiting in 64.
    pieces = 4 * buffers
    assert filling(by_cpu(fed(served, pieces, pieces))) is True
    assert filling(by_cpu(fed(served, pieces, pieces, "D", 0.4, (3.1, "S", (0.6, 1.6, 2.6))))) is True


def test_a_limit_of_five_bytes_a_second_is_seen_to_be_enough_where_it_is_watched():
    # 13 s of waiting in 73: the limit that was published as an example.
    pieces = 13 * 50
    assert filling(by_cpu(fed(3650, pieces, pieces, "D", 0.4, (11.1, "D", [0.6 + n for n in range(11)])))) is True
    assert filling(by_cpu(fed(3650, pieces, pieces, "D", 0.4, (5.1, "S", (0.6, 1.6, 2.6, 3.6, 4.6))))) is True


def test_a_moment_in_the_driver_is_no_wait():
    assert filling(by_cpu(fed(3600, 68, 69, "D", 0.0, (0.3, "S", (0.25,))))) is True
    assert filling(by_cpu(fed(3600, 68, 69, "D", 0.0, (0.3, "S", (0.25, 0.25))))) is True


@pytest.mark.parametrize(("slept", "seconds", "expected"), [(30.0, 11.1, "unknown"), (60.0, 11.1, False)])
def test_a_wait_that_nothing_ends_is_unknown_until_a_buffer_a_minute_would_have_come(slept, seconds, expected):
    assert filling(fed(3600, 68, 69, "D", slept, (seconds, "D", ()))) == expected


def test_one_look_at_a_thread_in_its_driver_is_none_that_tells():
    # As through an agent, which watches nothing.
    seen = by_cpu(fed(3600, 700, None, "D", None))
    facts = facts_of(seen)
    assert (facts["hwrng"]["filling"], facts["verdict"]) == ("unknown", "unknown")


@pytest.mark.parametrize(("served", "expected", "found"), [(5, "unknown", ["not-ready"]), (15, False, ["not-filling", "not-ready"])])
def test_interrupts_before_the_crng_is_ready_are_not_one_full_buffer(served, expected, found):
    seen = fed(served, 7, 8, "D", 1.0, getrandom="waiting")
    seen["texts"][RANDOM + "entropy_avail"] = "0"
    facts = facts_of(seen)
    assert (facts["hwrng"]["filling"], codes(facts), facts["verdict"]) == (expected, found, "broken")


def test_a_quality_of_which_one_buffer_does_not_make_ready_proves_nothing_before():
    seen = fed(15, 7, 8, "S", 1.0, getrandom="waiting")
    seen["texts"]["/sys/class/misc/hw_random/rng_quality"] = "100"
    assert filling(seen) is True


def test_the_old_generators_thread_takes_what_its_users_draw_and_is_not_judged_by_how_often():
    seen = by_cpu(fed(3600, 9000, 9000, "S", 0.2))
    seen["texts"].update({RANDOM + "poolsize": "4096", RANDOM + "entropy_avail": "2100"})
    assert filling(seen) is True
    seen["processes"].update(fill_state="D", fill_watch={"seconds": 11.1, "state": "D", "woke": [1.0, 4.0, 8.0]})
    assert filling(seen) == "unknown"


@pytest.mark.parametrize(("changes", "expected"), [
    ({"state": "D"}, True), ({"state": "R"}, True), ({"state": "S"}, False), ({"state": None}, False), ({"state": "D", "interrupts": 0}, False),
    ({"state": "D", "slept": 71.0}, False), ({"state": "D", "slept": None}, True), ({"state": "D", "getrandom": "waiting"}, False),
    ({"state": "D", "live": False}, False)])
def test_only_a_thread_in_its_driver_of_which_nothing_else_tells_is_watched(changes, expected):
    look = dict({"served": 95, "interrupts": 19, "switches": 20}, **changes)
    assert is_doubtful(fed(**look)) is expected


def test_other_sources_and_those_of_no_quality_are_not_watched():
    for path, text in (("rng_current", "tpm-rng-0"), ("rng_quality", "0")):
        seen = fed(95, 19, 20, "D")
        seen["texts"]["/sys/class/misc/hw_random/" + path] = text
        assert is_doubtful(seen) is False


@pytest.mark.parametrize(("start", "seconds", "count"), [(0.5, 0.9, 0), (0.5, 1, 1), (4, 1.9, 0), (4, 2, 1), (4, 102, 8), (600, 599, 9), (600, 600, 10)])
def test_a_thread_rests_for_half_of_the_time_since_the_boot_and_at_most_a_minute(start, seconds, count):
    assert rests(start, seconds) == count


class TestTimeThatIsNotWaited:
    """Steal time and suspend make nobody late."""

    def test_a_device_of_a_machine_that_slept_has_had_no_time_to_deliver(self):
        seen = fed(3600, 0, 1, "D", 2.0, suspended=3597.0)
        assert filling(seen) == "unknown"
        seen["processes"].update(fill_slept=None)
        assert filling(seen) == "unknown"

    def test_a_thread_that_its_host_did_not_run_has_not_waited(self):
        assert filling(fed(60, 0, 1, "D", 3.0)) == "unknown"
        assert filling(fed(60, 0, 1, "D", 12.0)) is False


class TestSimulated:
    """The thread for a day, at moments that chance has chosen, of a guest that does nothing else, and whose CPU made the CRNG ready."""

    @staticmethod
    def looks(thread, begin, end, count=40):
        """Return what ``count`` looks between ``begin`` and ``end`` (s since boot) at ``thread`` (Thread) find."""
        moments = random.Random(7)  # noqa: S311 (moments, and no secrets)
        return [TestSimulated.look(thread, moments.uniform(begin, end)) for _look in range(count)]

    @staticmethod
    def look(thread, now):
        seen = by_cpu(machine("trixie-fed", texts={
            "/proc/interrupts": COUNTER % thread.interrupts(now), "/proc/uptime": "%.2f 1.00" % now,
            "/proc/loadavg": "%.2f %.2f 0.00 1/60 300" % (thread.load(now, 1), thread.load(now, 5))}))
        seen["processes"].update(thread.look(now))
        if is_doubtful(seen):
            moving = _Moving(thread, now)
            seen["processes"]["fill_watch"] = _kernel_fill.watch(moving, 60, sleep=moving.sleep, clock=moving.clock)
        return filling(seen)

    @pytest.mark.parametrize("host", [Limit(1024, 1), Limit(64, 1), Limit(32, 1), Limit(16, 1), Limit(16, 0.25), Limit(8, 0.1), Limit(1, 0.01), Limit(64, 20),
                                      Fifo(1024, 1), Fifo(64, 30), Fifo(1, 0.01)])
    def test_a_source_that_is_limited_and_quick_enough_is_fed_at_every_look(self, host):
        thread = Thread(host, 3, 90000)
        for begin, end in ((100, 400), (400, 3000), (3000, 90000)):
            assert set(self.looks(thread, begin, end)) == {True}, (begin, end)

    @pytest.mark.parametrize("host", [Limit(8, 1), Limit(5, 1)])
    def test_one_that_takes_ten_seconds_for_a_buffer_is_hardly_ever_unknown_and_never_starving(self, host):
        thread = Thread(host, 3, 90000)
        found = self.looks(thread, 100, 400) + self.looks(thread, 400, 90000)
        assert False not in found and found.count(True) >= 0.8 * len(found)

    @pytest.mark.parametrize("host", [Fifo(1, 5), Fifo(2, 10), Fifo(1, 10), Limit(1, 5), Limit(2, 10)])
    def test_a_trickle_is_mostly_seen_and_never_called_fed_while_the_thread_waits(self, host):
        thread = Thread(host, 3, 90000)
        early, later = self.looks(thread, 150, 3000), self.looks(thread, 3000, 90000)
        assert early.count(False) >= 0.5 * len(early)
        assert later.count(False) >= 0.7 * len(later) and True not in later
        waits = [now for now in range(150, 3000, 97) if thread.state(now)[0] == "D"]
        assert len(waits) > 15 and True not in [self.look(thread, now) for now in waits]

    def test_one_that_dried_up_to_a_trickle_is_not_called_fed_while_the_thread_waits(self):
        thread = Thread(Then(Limit(1024, 1), 50000, Fifo(1, 5)), 3, 90000)
        assert set(self.looks(thread, 100, 50000)) == {True}
        assert True not in [self.look(thread, now) for now in range(50200, 52000, 97) if thread.state(now)[0] == "D"]

    def test_one_that_was_repaired_is_fed(self):
        thread = Thread(Then(Fifo(1, 5), 5000, Limit(1024, 1)), 3, 90000)
        assert set(self.looks(thread, 7000, 90000)) == {True}


class _Moving:
    """/proc of a Thread while time goes on."""

    def __init__(self, thread, now):
        self._thread, self._now = thread, now

    def text(self, _path):
        return self._thread.text(self._now)

    def sleep(self, seconds):
        self._now += seconds

    def clock(self):
        return self._now
