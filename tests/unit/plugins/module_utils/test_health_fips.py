# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""FIPS 140-2 on blocks: each test finds its own fault, its limits are inclusive, and it is what a plain reading of the standard counts."""

import itertools

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _health_fips
from ansible_collections.kvm.entropy.plugins.module_utils._health_fips import BLOCK, Fips140, failures
from fips_blocks import RANGES, with_nibbles, with_ones, with_run, with_runs
from health_bytes import STEADY, biased, bits, by_chance, sound
from hypothesis import given
from hypothesis import strategies as some


def plainly(block, before=b""):
    """Return the tests that ``block`` fails, bit by bit as the standard says it."""
    text = "".join(f"{byte:08b}" for byte in block)
    runs = {"0": [0] * 6, "1": [0] * 6}
    longest = 0
    for bit, run in itertools.groupby(text):
        length = len(list(run))
        longest = max(longest, length)
        runs[bit][min(length, 6) - 1] += 1
    nibbles = [text[at:at + 4] for at in range(0, len(text), 4)]
    poker = 16 / 5000 * sum(nibbles.count(f"{value:04b}") ** 2 for value in range(16)) - 5000
    data = before + block
    words = [data[at:at + 4] for at in range(0, len(data), 4)]
    failed = {
        "monobit": not 9725 < text.count("1") < 10275,
        "poker": not 2.16 < poker < 46.17,
        "runs": any(not low <= count <= high for counts in runs.values() for count, (low, high) in zip(counts, RANGES, strict=True)),
        "long_run": longest >= 26,
        "continuous_run": any(one == other for one, other in itertools.pairwise(words)),
    }
    return tuple(test for test, is_failed in failed.items() if is_failed)


def test_a_sound_block_fails_nothing():
    assert failures(sound(BLOCK)) == ()


@pytest.mark.parametrize("block", [bytes(BLOCK), b"\xff" * BLOCK, b"\xa5" * BLOCK])
def test_a_constant_fails(block):
    assert {"poker", "runs", "continuous_run"} <= set(failures(block))


@pytest.mark.parametrize(("ones", "fails"), [(9725, True), (9726, False), (10274, False), (10275, True)])
def test_the_limits_of_ones_are_inclusive(ones, fails):
    assert ("monobit" in failures(with_ones(ones))) is fails


@pytest.mark.parametrize("bit", ["0", "1"])
@pytest.mark.parametrize("length", range(1, 7))
def test_the_limits_of_each_length_of_runs_are_inclusive(bit, length):
    low, high = RANGES[length - 1]
    assert ["runs" in failures(with_runs(bit, length, count)) for count in (low - 1, low, high, high + 1)] == [True, False, False, True]


@pytest.mark.parametrize(("more", "fails"), [(0, True), (7, False), (30, False), (40, True)])
def test_nibbles_may_be_neither_too_even_nor_too_uneven(more, fails):
    # 312 or 313 of each are too even to be chance; some of one instead of another are what chance makes, many are not. The sum of squares grows by
    # 2 * more ** 2 for each of eight pairs.
    assert ("poker" in failures(with_nibbles(more))) is fails


@pytest.mark.parametrize("bit", ["0", "1"])
@pytest.mark.parametrize("at", [1, 1000, 8 * BLOCK - 27])
def test_a_run_of_26_is_long_and_one_of_25_is_not(bit, at):
    assert "long_run" in failures(with_run(bit, 26, at))
    assert "long_run" not in failures(with_run(bit, 25, at))


def test_too_many_short_runs_fail_without_any_bias():
    block = bits("01" * 2000 + "".join(f"{byte:08b}" for byte in sound(BLOCK))[4000:])
    assert failures(block) == ("poker", "runs", "continuous_run")


def test_equal_words_count_only_where_words_begin():
    block = sound(BLOCK)
    assert failures(block[:40] + block[36:40] + block[44:]) == ("continuous_run",)
    assert failures(block[:42] + block[38:42] + block[46:]) == ()


def test_the_word_before_a_block_counts():
    assert failures(sound(BLOCK), before=sound(4)) == ("continuous_run",)
    stream = Fips140()
    first = sound(BLOCK, 1)
    assert stream.update(first + first[-4:] + sound(BLOCK, 2)[4:]) == [(), ("continuous_run",)]


def test_a_bias_of_nine_in_sixteen_fails_every_block():
    stream = Fips140()
    stream.update(biased(10 * BLOCK))
    assert (stream.blocks, stream.passed, stream.failures["monobit"]) == (10, 0, 10)


PIECES = [b"\0", b"\xff", b"\x55", b"\x01\x80", b"\x0f", b"\xfe\xff\xff\xff", sound(37), sound(100), sound(2), b"1234"]


@STEADY
@given(some.lists(some.sampled_from(PIECES), min_size=1), some.integers(0, 10000), some.binary(min_size=4, max_size=4))
def test_whatever_the_bytes_the_result_is_that_of_a_plain_reading(pieces, seed, before):
    block = (b"".join(pieces) + sound(BLOCK, seed))[:BLOCK]
    assert failures(block, before) == plainly(block, before)


@pytest.mark.parametrize("block", [bytes(BLOCK), b"\xff" * BLOCK, b"\x80" + bytes(BLOCK - 1), bytes(BLOCK - 1) + b"\1", sound(BLOCK), b"\x7f" * BLOCK])
def test_bits_are_counted_where_python_does_not_do_it_itself(block):
    assert _health_fips._sums(int.from_bytes(block, "big")) == bin(int.from_bytes(block, "big")).count("1")


@STEADY
@given(some.floats(0.45, 0.55), some.integers(0, 10 ** 6))
def test_near_every_limit_too(chance, seed):
    # A bit differs from the one before with this chance: numbers of runs on either side of their limits.
    order, text = by_chance(seed), ["1"]
    for _bit in range(8 * BLOCK - 1):
        text.append(text[-1] if order.random() > chance else "1" if text[-1] == "0" else "0")
    block = bits("".join(text))
    assert failures(block) == plainly(block)


@STEADY
@given(some.lists(some.integers(0, 6000), max_size=8))
def test_how_a_stream_is_cut_makes_no_difference(cuts):
    data = sound(3 * BLOCK) + bytes(BLOCK) + sound(BLOCK + 17)
    whole, cut = Fips140(), Fips140()
    expected = whole.update(data)
    found, at = [], 0
    for end in [*itertools.accumulate(cuts), len(data)]:
        found += cut.update(data[at:end])
        at = max(at, end)
    assert found == expected
    assert (cut.blocks, cut.passed, cut.failures) == (whole.blocks, whole.passed, whole.failures)
    assert [bool(each) for each in expected] == [False, False, False, True, False]
