# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Block by block and test by test the verdicts are rngtest's, of Debian's rng-tools5.

It is not quite FIPS 140-2 (fips.c of rng-tools 5), which matters only where a block is at a limit already:
- A block's last run is booked under the other bit.
- A block whose first bit is not the last one of the block before (0 before the first block) begins with a run that is none: a block that begins with 1 has
  one more of 6 and more, and one that begins with 0 has one more nibble 15.
So what is constructed here begins with the last bit of what is before it, and has runs two away from their limits. Those at the limits are in
test_health_fips.py, beside a plain reading of the standard.
"""

import re
import shutil
import subprocess

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._health_fips import TESTS, WORD, Fips140
from fips_blocks import RANGES, with_nibbles, with_ones, with_run, with_runs
from health_bytes import BLOCK, by_chance, sound

# What rngtest calls the tests.
NAMES = ("Monobit", "Poker", "Runs", "Long run", "Continuous run")


def ours(data):
    """Return which tests (tuple of str) each block of ``data`` fails; the first word is only compared with."""
    stream = Fips140()
    stream.begin(data[:WORD])
    return stream.update(data[WORD:])


def told(data):
    """Return what rngtest writes (str) about ``data``, after each block."""
    program = shutil.which("rngtest")
    assert program, "no rngtest; ./run unpacks it from the package rng-tools5"
    return subprocess.run([program, "--blockstats=1"], input=data, capture_output=True, check=False).stderr.decode()


def rngtests(data):
    """Return the same as rngtest says it: its counts grow from one block to the next."""
    text = told(data)
    counts = list(zip(*([int(count) for count in re.findall(r"\) %s: (\d+)\n" % name, text)] for name in NAMES), strict=True))
    blocks = (len(data) - WORD) // BLOCK
    # The last counts come once more at the end.
    assert len(counts) == blocks + 1
    before = [(0,) * len(NAMES), *counts]
    return [tuple(test for test, old, new in zip(TESTS, *pair, strict=True) if new > old) for pair in zip(before, counts[:blocks], strict=False)]


def compared(blocks):
    """Return which tests each of ``blocks`` fails, which must be what rngtest says. Before each of them is a sound one that ends with its first bit."""
    data, last = bytes(3) + b"\x0e", 0
    for block in blocks:
        data += filler(last, block[0] >> 7) + block
        last = block[-1] & 1
    found = ours(data)
    assert found == rngtests(data)
    assert set(found[0::2]) == {()}
    return found[1::2]


def filler(first, last):
    """Return a block that fails nothing and has this ``first`` and ``last`` bit (int)."""
    blocks = (sound(BLOCK, seed) for seed in range(100, 200))
    return next(block for block in blocks if (block[0] >> 7, block[-1] & 1) == (first, last) and ours(bytes(WORD) + block) == [()])


def test_a_million_random_bytes_get_the_same_verdicts():
    data = by_chance(7).randbytes(1000000)
    found = ours(data)
    assert found == rngtests(data)
    assert (len(found), sum(map(bool, found))) == (399, 1)


def test_too_few_and_too_many_ones_get_the_same_verdicts():
    found = compared([with_ones(count) for count in (9725, 9726, 10274, 10275)])
    assert ["monobit" in failed for failed in found] == [True, False, False, True]


def test_nibbles_that_are_too_even_or_too_uneven_get_the_same_verdicts():
    found = compared([with_nibbles(more) for more in (0, 7, 30, 40)])
    assert ["poker" in failed for failed in found] == [True, False, False, True]


@pytest.mark.parametrize("bit", ["0", "1"])
@pytest.mark.parametrize("length", range(1, 7))
def test_too_few_and_too_many_runs_get_the_same_verdicts(bit, length):
    low, high = RANGES[length - 1]
    found = compared([with_runs(bit, length, count) for count in (low - 2, low + 2, high - 2, high + 2)])
    assert ["runs" in failed for failed in found] == [True, False, False, True]


@pytest.mark.parametrize("bit", ["0", "1"])
def test_long_runs_get_the_same_verdicts_wherever_they_are(bit):
    found = compared([with_run(bit, length, at) for at in (1, 1000, 8 * BLOCK - 27) for length in (25, 26)])
    assert ["long_run" in failed for failed in found] == [False, True] * 3


def test_equal_words_get_the_same_verdicts():
    block = sound(BLOCK)
    words = block[:40] + block[36:40] + block[44:], block[:42] + block[38:42] + block[46:], block[:-4] + block[-8:-4]
    found = compared(words)
    assert ["continuous_run" in failed for failed in found] == [True, False, True]


def test_the_word_before_a_block_gets_the_same_verdict():
    first, second = sound(BLOCK, 1), sound(BLOCK, 2)
    for data in (first[:4] + first, sound(4, 3) + first + first[-4:] + second[4:]):
        assert ours(data) == rngtests(data)
        assert ours(data)[-1] == ("continuous_run",)


@pytest.mark.parametrize("block", [bytes(BLOCK), b"\xff" * BLOCK, b"\xa5" * BLOCK, b"\x0f" * BLOCK])
def test_constants_get_the_same_verdicts(block):
    assert "poker" in compared([block, block])[0]


def test_where_rngtest_counts_a_nibble_too_many_the_standard_says_otherwise():
    if not told(b"").startswith("rngtest 5\n"):
        pytest.skip("another version of rngtest")
    # The sum of squares is 1563048, too even by 128. One more nibble 15 makes it 1563675.
    at = WORD + 6633 * BLOCK
    data = by_chance(100).randbytes(25000000)[at - BLOCK - WORD:at + BLOCK]
    digits = data[-BLOCK:].hex()
    assert sum(digits.count("%x" % value) ** 2 for value in range(16)) == 1563048
    assert (data[-BLOCK - 1] & 1, data[-BLOCK] >> 7) == (1, 0)
    assert (ours(data), rngtests(data)) == ([(), ("poker",)], [(), ()])
    alone = data[-BLOCK - WORD:]
    assert ours(alone) == rngtests(alone) == [("poker",)]
