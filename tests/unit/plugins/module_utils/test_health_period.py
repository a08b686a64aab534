# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test for a period: it finds bytes that come again wherever that begins, and nothing in sound bytes."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._health_period import LONGEST_PERIOD, Period
from health_bytes import STEADY, pieces, sound
from hypothesis import given
from hypothesis import strategies as some

ALPHA = 2.0 ** -30


def looked(data, min_entropy=4.0, alpha=ALPHA, is_bulk=False, size=65536):
    """Return the Period that has taken ``data`` in pieces of ``size`` bytes."""
    test = Period(min_entropy, alpha, is_bulk)
    for at in range(0, len(data), size):
        test.update(data[at:at + size])
    return test


def again(lead, period, length):
    """Return ``length`` bytes that begin to repeat themselves after ``lead`` of them, each ``period`` bytes."""
    loop = sound(period, 1)
    return (sound(lead) + loop * (1 + length // period))[:length]


@pytest.mark.parametrize(("min_entropy", "length", "within"), [(8.0, 6, 37), (4.0, 12, 43), (1.0, 46, 77), (0.1, 460, 2452)])
def test_how_many_equal_bytes_are_a_repetition_and_where_it_is_found_follow_from_the_claim(min_entropy, length, within):
    test = Period(min_entropy, ALPHA)
    assert (test.length, test.delay) == (length, within)


@STEADY
@given(some.integers(1, 3000), some.lists(some.integers(0, 2000)))
def test_bytes_that_begin_again_are_found_after_whatever_period(period, cuts):
    test = Period(8.0, 2.0 ** -40)
    for piece in pieces(again(0, period, period + 3000), cuts):
        test.update(piece)
    assert test.period == period


@pytest.mark.parametrize(("lead", "period"), [(1200, 64), (16, 256), (4999, 1), (1000, 1023), (100_000, 64), (3_000_000, 4096), (300_000, 65536)])
def test_a_period_that_begins_later_is_found_within_so_many_bytes_of_its_first_repetition(lead, period):
    end = lead + period + Period(4.0, ALPHA).delay
    data = again(lead, period, end)
    assert looked(data[:-1]).period == period
    # Nothing has come again until then.
    assert looked(data[:lead + period]).period is None


def test_0_to_255_for_ever_after_16_other_bytes_is_found_within_the_start_up_test():
    assert looked((sound(16) + bytes(range(256)) * 4)[:1024]).period == 256


@pytest.mark.parametrize("is_bulk", [False, True])
def test_the_longest_period_is_found_wherever_it_begins(is_bulk):
    lead = 200_001
    end = lead + LONGEST_PERIOD + Period(8.0, ALPHA, is_bulk).delay
    data = again(lead, LONGEST_PERIOD, end)
    assert looked(data, 8.0, is_bulk=is_bulk).period == LONGEST_PERIOD


@pytest.mark.parametrize("is_bulk", [False, True])
def test_a_stream_that_begins_again_is_found_after_whatever_length(is_bulk):
    data = sound(3 * LONGEST_PERIOD)
    assert looked(data + data[:32768], is_bulk=is_bulk).period == len(data)


def test_a_buffer_of_which_some_bytes_change_each_time_is_found():
    # A counter of four bytes in each buffer of 64, and the rest stuck.
    stuck = sound(60)
    assert looked(b"".join(number.to_bytes(4, "big") + stuck for number in range(10**6, 10**6 + 60))).period % 64 == 0


def test_one_replayed_piece_is_found_although_nothing_is_periodic():
    data = sound(5000)
    assert looked(data + data[1000:1064] + sound(1000, 1)).period == 4000


def test_a_replay_after_a_restart_is_found_and_bytes_across_the_gap_are_no_window():
    data = sound(4000)
    test = looked(data)
    test.restart()
    test.update(data[1003:1003 + test.delay])
    assert (bool(test.period), test.is_replay) == (True, True)
    test = looked(data)
    assert test.is_replay is False
    test.restart()
    # Half of a window on either side of the gap.
    test.update(data[:6] + sound(50, 1))
    assert test.period is None


@pytest.mark.parametrize("is_bulk", [False, True])
@pytest.mark.parametrize("min_entropy", [8.0, 4.0, 1.0])
def test_sound_bytes_have_no_period(min_entropy, is_bulk):
    assert looked(sound(2 ** 21), min_entropy, is_bulk=is_bulk).period is None


def test_a_source_of_little_entropy_may_repeat_itself_for_a_while():
    # 50 equal bytes are nothing for a source that claims a tenth of a bit each.
    assert looked(bytes(300) + sound(1000) + bytes(300), 0.1, 2.0 ** -40).period is None


@pytest.mark.parametrize("min_entropy", [8.0, 4.0, 1.0, 0.1, 0.0078125])
@pytest.mark.parametrize("is_bulk", [False, True])
def test_what_is_remembered_is_bounded(min_entropy, is_bulk):
    test = looked(sound(2 ** 21 + 5), min_entropy, is_bulk=is_bulk)
    kept = test._seen  # noqa: SLF001 (memory has no other door)
    assert len(kept) <= LONGEST_PERIOD // test.stride + 36
    assert sum(map(len, kept)) <= 3 * LONGEST_PERIOD


def test_so_few_windows_are_compared_that_chance_stays_below_alpha():
    # The chance that two windows of a sound source are equal, times how many a window is compared with at most: those remembered and those taken at once.
    test = Period(8.0, ALPHA)
    compared = (LONGEST_PERIOD + 1024 + 65536) // test.stride + 4
    assert compared * 2.0 ** (-8.0 * test.length) <= ALPHA
