# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The continuous tests of SP 800-90B and the period: cutoffs as published, and each test finds its fault wherever a stream is cut."""

import ast
import itertools
import math
from fractions import Fraction
from pathlib import Path

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _health, _health_fips
from ansible_collections.kvm.entropy.plugins.module_utils._health import AdaptiveProportion, Period, RepetitionCount, critbinom
from health_bytes import STEADY, sound
from hypothesis import given
from hypothesis import strategies as some


def pieces(data, cuts):
    """Return ``data`` cut into pieces of the lengths ``cuts`` (list of int), and what is left."""
    bounds = [min(end, len(data)) for end in itertools.accumulate(cuts, initial=0)]
    return [data[start:end] for start, end in itertools.pairwise([*bounds, len(data)])]


@pytest.mark.parametrize(("min_entropy", "repetition", "proportion"), [(8, 5, 16), (4, 9, 71), (1, 31, 325)])
def test_the_cutoffs_are_the_published_ones(min_entropy, repetition, proportion):
    alpha = 2.0 ** -30
    assert _health.repetition_cutoff(min_entropy, alpha) == repetition
    assert _health.proportion_cutoff(min_entropy, alpha) == proportion


def test_a_smaller_chance_of_a_false_alarm_and_a_smaller_claim_take_higher_cutoffs():
    cutoffs = [_health.proportion_cutoff(8, 2.0 ** -bits) for bits in (20, 30, 40, 50)]
    assert cutoffs == sorted(set(cutoffs))
    claims = [(_health.repetition_cutoff(bits, 2.0 ** -40), _health.proportion_cutoff(bits, 2.0 ** -40)) for bits in (8, 7.8125, 4, 1, 0.5)]
    assert claims == sorted(set(claims))
    # A source that claims next to nothing can be a constant: the window is never full of it.
    assert _health.proportion_cutoff(0.01, 2.0 ** -40) == _health.WINDOW + 1


@STEADY
@given(some.integers(1, 30), some.floats(0.001, 0.999), some.integers(1, 60))
def test_critbinom_is_the_definition_in_exact_fractions(trials, chance, bits):
    alpha, exact = Fraction(1, 2 ** bits), Fraction(chance)
    weights = [math.comb(trials, k) * exact ** k * (1 - exact) ** (trials - k) for k in range(trials + 1)]
    assert critbinom(trials, chance, 2.0 ** -bits) == min(k for k in range(trials + 1) if sum(weights[k + 1:]) <= alpha)


def test_so_many_equal_bytes_in_a_row_fail_and_one_less_does_not():
    test = RepetitionCount(6)
    assert test.update(b"abc" + b"x" * 5 + b"yz") == 0
    assert test.update(b"abc" + b"x" * 6 + b"yz") == 1
    assert test.update(b"x" * 17 + b"yz") == 2
    assert test.failures == 3


def test_a_run_across_pieces_counts_and_a_stuck_source_goes_on_failing():
    test = RepetitionCount(6)
    assert [test.update(b"\n") for _byte in range(13)] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]
    assert test.update(b"") == 0


@STEADY
@given(some.lists(some.tuples(some.sampled_from([0, 10, 255]), some.integers(1, 20))), some.lists(some.integers(0, 30)), some.integers(2, 9))
def test_runs_are_counted_wherever_the_stream_is_cut(runs, cuts, cutoff):
    data = b"".join(bytes([value]) * count for value, count in runs)
    expected = sum(len(list(run)) // cutoff for _value, run in itertools.groupby(data))
    test = RepetitionCount(cutoff)
    assert sum(map(test.update, pieces(data, cuts))) == test.failures == expected


def test_the_first_byte_of_a_window_so_often_in_it_fails_once_and_at_once():
    test = AdaptiveProportion(19)
    assert test.update(b"x" + b"x1" * 17) == 0
    assert test.update(b"x") == 1
    assert test.update(b"x" * (512 - 36)) == 0
    # The next window, whose first byte is rare; another one may be as frequent as it likes.
    assert test.update(b"1" + b"x" * 511) == 0
    assert test.update(b"x" * 512) == 1
    assert test.failures == 2


@STEADY
@given(some.lists(some.integers(0, 700)), some.integers(0, 50), some.integers(2, 40))
def test_windows_are_counted_wherever_the_stream_is_cut(cuts, seed, cutoff):
    data = sound(1500, seed) + bytes(600) + b"ab" * 700
    expected = sum(data[at:at + 512].count(data[at]) >= cutoff for at in range(0, len(data), 512))
    test = AdaptiveProportion(cutoff)
    assert sum(map(test.update, pieces(data, cuts))) == test.failures == expected


@STEADY
@given(some.integers(1, 3000), some.lists(some.integers(0, 2000)))
def test_bytes_that_begin_again_are_found_after_whatever_period(period, cuts):
    data = (sound(period) * (1 + 6000 // period))[:period + 3000]
    test = Period(8.0, 2.0 ** -40)
    for piece in pieces(data, cuts):
        test.update(piece)
    assert test.period == period


def test_sound_bytes_fail_nothing():
    data = sound(2 ** 20)
    tests = RepetitionCount(6), AdaptiveProportion(19), Period(8.0, 2.0 ** -40)
    for test in tests:
        test.update(data)
    assert (tests[0].failures, tests[1].failures, tests[2].period) == (0, 0, None)


def test_a_source_of_little_entropy_may_repeat_itself_for_a_while():
    # 50 equal bytes are nothing for a source that claims a tenth of a bit each.
    test = Period(0.1, 2.0 ** -40)
    test.update(bytes(300) + sound(1000) + bytes(300))
    assert test.period is None


@pytest.mark.parametrize("module", [_health, _health_fips])
def test_the_statistics_import_nothing_but_the_standard_library(module):
    # They are to be part of the feeder, which is one file.
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= {"math", "re"}
