# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks for FIPS 140-2 that are as near a limit as is wanted, of one test each."""

from health_bytes import BLOCK, bits, by_chance, sound

# Of runs of 1, 2, 3, 4, 5, and of 6 or more: as many may be in a block.
RANGES = [(2315, 2685), (1114, 1386), (527, 723), (240, 384), (103, 209), (103, 209)]


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


def with_nibbles(more):
    """Return a block with 312 or 313 of each nibble, but for ``more`` of every second one instead of its neighbour."""
    counts = [312 + value // 8 for value in range(16)]
    for value in range(0, 16, 2):
        counts[value] += more
        counts[value + 1] -= more
    digits = list("".join("%x" % value * count for value, count in enumerate(counts)))
    by_chance(1).shuffle(digits)
    return bytes.fromhex("".join(digits))
