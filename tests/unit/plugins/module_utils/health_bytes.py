# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes for the tests of health: sound ones, the same in each run, and faults."""

import hashlib
import itertools
import random

from hypothesis import settings

BLOCK = 2500

# The same examples in each run, and none fails because the machine was busy.
STEADY = settings(derandomize=True, database=None, deadline=None)


def sound(length, seed=0):
    """Return ``length`` bytes as a sound source delivers them: a hash of a counter."""
    count = -(-length // 32)
    return b"".join(hashlib.sha256(b"%d %d" % (seed, number)).digest() for number in range(count))[:length]


def biased(length, seed=0):
    """Return bytes with 9 of 16 bits set: two bits of each byte are set as soon as one of two sound ones has them."""
    one, other = sound(length, seed), sound(length, seed + 1000)
    return bytes(first | (second & 0x88) for first, second in zip(one, other, strict=True))


def pieces(data, cuts):
    """Return ``data`` cut into pieces of the lengths ``cuts`` (list of int), and what is left."""
    bounds = [min(end, len(data)) for end in itertools.accumulate(cuts, initial=0)]
    return [data[start:end] for start, end in itertools.pairwise([*bounds, len(data)])]


def bits(text):
    """Return the bytes of a text of 0 and 1."""
    return int(text, 2).to_bytes(len(text) // 8, "big")


def by_chance(seed):
    """Return a random.Random that is the same in each run: no secret."""
    return random.Random(seed)  # noqa: S311
