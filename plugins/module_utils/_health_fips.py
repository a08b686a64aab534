# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statistical tests of FIPS 140-2, section 4.9, on blocks of 20,000 bits. Pure, of the standard library alone, and streaming.

The standard of 2001; its change notice 2 took these tests out, and rngtest and rngd still use them. A block is read from its first byte's
highest bit on. All ranges are inclusive.
"""

BLOCK = 2500
TESTS = ("monobit", "poker", "runs", "long_run", "continuous_run")

_ONES = (9726, 10274)
# 5,000 nibbles: 2.16 < 16 / 5000 * (sum of squares) - 5000 < 46.17, in whole numbers.
_POKER = (1563176, 1576928)
# Runs of 1, 2, 3, 4, 5, and of 6 or more equal bits: as many of zeros and as many of ones.
_RUNS = ((2315, 2685), (1114, 1386), (527, 723), (240, 384), (103, 209), (103, 209))
_LONG_RUN = 26
# The continuous test compares each word of 32 bits with the one before.
WORD = 4

_ALL = (1 << 8 * BLOCK) - 1
_NIBBLES = [("%x" % value, bin(value).count("1")) for value in range(16)]


def _mask(pattern):
    return int.from_bytes(pattern * (BLOCK // len(pattern)), "big")


_PAIRS, _QUADS, _BYTES, _WORDS = _mask(b"\x55"), _mask(b"\x33"), _mask(b"\x0f"), _mask(b"\x00\xff")


def failures(block, before=b""):
    """Return the names (tuple of str, of TESTS) of the tests that ``block`` (BLOCK bytes) fails; ``before`` is the word (4 bytes) before it, if any."""
    digits = block.hex()
    counts = [digits.count(digit) for digit, _ones in _NIBBLES]
    ones = sum(count * bits for count, (_digit, bits) in zip(counts, _NIBBLES))
    number = int.from_bytes(block, "big")
    found = [_runs(number, ones), _runs(number ^ _ALL, 8 * BLOCK - ones)]
    passed = (
        _within(ones, _ONES),
        _within(sum(count * count for count in counts), _POKER),
        all(_within(count, limits) for runs, _long in found for count, limits in zip(runs, _RUNS)),
        not any(long for _runs_found, long in found),
        not _repeats(before + block),
    )
    return tuple(test for test, good in zip(TESTS, passed) if not good)


class Fips140:
    """Tests a stream. ``blocks`` (int) were whole, ``passed`` (int) of them failed no test; ``failures`` (dict) counts the others by test."""

    def __init__(self):
        self.blocks = 0
        self.passed = 0
        self.failures = dict.fromkeys(TESTS, 0)
        self._rest = b""
        self._before = b""

    def begin(self, before):
        """Begin a block with the next byte, and compare its first word with the word ``before`` (4 bytes; none where it is empty)."""
        self._before, self._rest = before, b""

    def update(self, data):
        """Take ``data`` (bytes, of any length); return one tuple per block that it completes: the names of the tests that the block fails."""
        data = self._rest + data
        end = len(data) - len(data) % BLOCK
        self._rest = data[end:]
        return [self._block(data[start:start + BLOCK]) for start in range(0, end, BLOCK)]

    def _block(self, block):
        failed = failures(block, self._before)
        self._before = block[-WORD:]
        self.blocks += 1
        self.passed += not failed
        for test in failed:
            self.failures[test] += 1
        return failed


def _within(value, limits):
    return limits[0] <= value <= limits[1]


def _runs(bits, ones):
    """Return (how many runs of 1, 2, ... and 6 or more, whether one is long) of set bits there are in ``bits`` (int), of which ``ones`` are set.

    A bit stays set in ``bits & bits >> 1`` where its higher neighbour is set too: each run is one shorter, and the runs are as many as bits went.
    """
    left, longer = [ones], bits
    for _length in range(len(_RUNS)):
        longer &= longer >> 1
        left.append(_count(longer))
    at_least = [now - later for now, later in zip(left, left[1:])]
    counts = [these - longer_ones for these, longer_ones in zip(at_least, at_least[1:])] + at_least[-1:]
    # What is set now begins 7 equal bits; 6 more make 13, and twice these 26.
    longer &= longer >> 6
    return counts, bool(longer & longer >> 13)


def _sums(number):
    """Return how many bits of ``number`` (int, BLOCK bytes long) are set: sums in ever wider fields, then of the fields of 16 bits by casting out."""
    number -= number >> 1 & _PAIRS
    number = (number & _QUADS) + (number >> 2 & _QUADS)
    number = number + (number >> 4) & _BYTES
    return (number + (number >> 8) & _WORDS) % 0xffff


# Python counts them itself from 3.10 on, and does it several times as fast.
_count = getattr(int, "bit_count", _sums)


def _repeats(data):
    """Return whether two neighbouring words of ``data`` (bytes, whole words) are equal."""
    number = int.from_bytes(data, "big")
    same = (number ^ number >> 8 * WORD).to_bytes(len(data), "big")
    # The first word has none before it. Four zeros in a row are rare, and rarer in one word.
    at = same.find(bytes(WORD), WORD)
    while at > 0 and at % WORD:
        at = same.find(bytes(WORD), at + 1)
    return at > 0
