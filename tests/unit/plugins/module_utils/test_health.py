# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The continuous tests of SP 800-90B: each finds its fault wherever a stream is cut."""

import ast
import itertools
from pathlib import Path

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _health, _health_cutoffs, _health_fips, _health_period
from ansible_collections.kvm.entropy.plugins.module_utils._health import AdaptiveProportion, Continuous, RepetitionCount
from health_bytes import STEADY, pieces, sound
from hypothesis import given
from hypothesis import strategies as some


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


def test_sound_bytes_fail_nothing():
    data = sound(2 ** 20)
    tests = RepetitionCount(6), AdaptiveProportion(19)
    assert [test.update(data) for test in tests] == [0, 0]


def test_all_tests_begin_anew_with_what_follows_a_gap_and_only_the_period_remembers_what_was_before_it():
    tests = Continuous(4.0, 2.0 ** -30)
    data = sound(500)
    assert tests.update(data + bytes(8)) == {"repetition": 0, "proportion": 0, "period": 0}
    tests.restart()
    assert tests.update(bytes(8) + sound(500, 1)) == {"repetition": 0, "proportion": 0, "period": 0}
    tests.restart()
    assert tests.update(data[100:200]) == {"repetition": 0, "proportion": 0, "period": 1}


@pytest.mark.parametrize("module", [_health, _health_cutoffs, _health_fips, _health_period])
def test_the_statistics_import_nothing_but_the_standard_library(module):
    # They are to be part of the feeder, which is one file.
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module.split(".")[-1] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= {"collections", "decimal", "fractions", "re", "_health_cutoffs", "_health_period"}
