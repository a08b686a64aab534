# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""FIPS 140-2 on blocks: each test finds its own fault, its limits are inclusive, and it is what a plain reading of the standard counts."""

import itertools

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._health_fips import BLOCK, Fips140, failures
from health_bytes import STEADY, biased, bits, by_chance, sound
from hypothesis import given
from hypothesis import strategies as some

RANGES = [(2315, 2685), (1114, 1386), (527, 723), (240, 384), (103, 209), (103, 209)]


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


def with_run(bit, length, at):
    """Return a sound block that has exactly ``length`` bits in a row from bit ``at`` on."""
    text = "".join(f"{byte:08b}" for byte in sound(BLOCK))
    other = "1" if bit == "0" else "0"
    return bits((text[:at - 1] + other + bit * length + other + text[at + length + 1:])[:8 * BLOCK])


def with_ones(count):
    """Return a block with exactly ``count`` bits set, all over it."""
    order = by_chance(count)
    text = ["1"] * count + ["0"] * (8 * BLOCK - count)
    order.shuffle(text)
    return bits("".join(text))


def with_runs(bit, length, count):
    """Return a block with ``count`` runs of ``length`` of this ``bit``, and as many of all others as a sound one has, more or less."""
    usual = {"0": [2500, 1250, 625, 313, 156, 156], "1": [2500, 1250, 625, 313, 156, 156]}
    more = count - usual[bit][length - 1]
    usual[bit][length - 1] = count
    # There are as many runs of ones as of zeros.
    for other, share in {1: {2: more // 2, 3: more - more // 2}}.get(length, {1: more}).items():
        usual[bit][other - 1] -= share
    runs = {each: [size for number, size in zip(counts, range(1, 7), strict=True) for _run in range(number)] for each, counts in usual.items()}
    left, at = 8 * BLOCK - sum(map(sum, runs.values())), {"0": len(runs["0"]) - 1, "1": len(runs["1"]) - 1}
    for turn in range(left):
        each = "01"[turn % 2]
        runs[each][at[each]] += 1
        at[each] -= 1
        if runs[each][at[each]] < 6:
            at[each] = len(runs[each]) - 1
    for each in runs.values():
        by_chance(count).shuffle(each)
    return bits("".join("0" * zeros + "1" * ones for zeros, ones in zip(runs["0"], runs["1"], strict=True)))


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
    counts = [312 + value // 8 for value in range(16)]
    for value in range(0, 16, 2):
        counts[value] += more
        counts[value + 1] -= more
    digits = list("".join("%x" % value * count for value, count in enumerate(counts)))
    by_chance(1).shuffle(digits)
    assert len(digits) == 5000
    assert ("poker" in failures(bytes.fromhex("".join(digits)))) is fails


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
