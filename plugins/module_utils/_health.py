# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Continuous health tests of a source's bytes after NIST SP 800-90B, section 4.4. Pure, of the standard library alone, and streaming.

They find a source that is stuck, broken or worse than is claimed of it. None of them can prove entropy. A sample is one byte.
"""

import math
import re

# SP 800-90B, 4.4.2: the window of the adaptive proportion test for samples of more than one bit.
WINDOW = 512
# For how many samples the chance that bytes come again by accident stays below alpha.
_HORIZON = 2 ** 20


def critbinom(trials, chance, alpha):
    """Return the smallest k (int) with P(X > k) <= ``alpha`` for X of a binomial distribution: what a spreadsheet calls CRITBINOM(.., 1 - alpha).

    ``chance`` and ``alpha`` (float) are taken for the fractions that they are, and all is whole numbers: no rounding, however small ``alpha`` is.
    """
    hit, scale = chance.as_integer_ratio()
    part, whole = alpha.as_integer_ratio()
    miss = scale - hit
    # The term and the tail P(X >= k), both times scale ** trials, from k = trials down. The division leaves no rest.
    term, tail, limit = hit ** trials, 0, part * scale ** trials
    for k in range(trials, 0, -1):
        tail += term
        if tail * whole > limit:
            return k
        term = term * (k * miss) // ((trials - k + 1) * hit)
    return 0


def repetition_cutoff(min_entropy, alpha):
    """Return how many equal samples in a row (int) a source of ``min_entropy`` (bits per sample) gives with a chance of ``alpha`` (4.4.1)."""
    return 1 + math.ceil(-math.log2(alpha) / min_entropy)


def proportion_cutoff(min_entropy, alpha, window=WINDOW):
    """Return how often (int) the first of ``window`` samples is in them with a chance of ``alpha``, of ``min_entropy`` bits per sample (4.4.2)."""
    return 1 + critbinom(window, 2.0 ** -min_entropy, alpha)


class RepetitionCount:
    """Fails where ``cutoff`` (int) samples in a row are equal, and counts from 0 again after that. ``failures`` (int) is how often."""

    def __init__(self, cutoff):
        self.cutoff = cutoff
        self.failures = 0
        self._run = b""
        self._equal = bytes(cutoff - 1)
        self._stuck = re.compile(rb"(.)\1{%d,}" % (cutoff - 1), re.DOTALL)

    def update(self, data):
        """Take ``data`` (bytes, of any length); return how often (int) it fails."""
        if not data:
            return 0
        data = self._run + data
        failed = sum((run.end() - run.start()) // self.cutoff for run in self._stuck.finditer(data)) if self._may_fail(data) else 0
        last = data[-1:]
        self._run = last * ((len(data) - len(data.rstrip(last))) % self.cutoff)
        self.failures += failed
        return failed

    def _may_fail(self, data):
        """Return whether so many neighbours are equal; far faster than to look at each run."""
        number = int.from_bytes(data, "big")
        return self._equal in (number ^ number >> 8).to_bytes(len(data), "big")


class AdaptiveProportion:
    """Fails where the first sample of a window is ``cutoff`` (int) times in it, once per window. ``failures`` (int) is how often."""

    def __init__(self, cutoff, window=WINDOW):
        self.cutoff = cutoff
        self.failures = 0
        self._window = window
        self._first = self._left = self._count = 0

    def update(self, data):
        """Take ``data`` (bytes, of any length); return how often (int) it fails. A failure is told at once, not at the window's end."""
        failed = start = 0
        while start < len(data):
            if not self._left:
                self._first, self._left, self._count = data[start], self._window, 0
            end = min(start + self._left, len(data))
            before = self._count
            self._count += data.count(self._first, start, end)
            failed += before < self.cutoff <= self._count
            self._left -= end - start
            start = end
        self.failures += failed
        return failed


class Period:
    """Finds that a stream begins again. Not from SP 800-90B, which sees no repetition that is longer than its window.

    ``period`` (int or None) is after how many samples.
    """

    def __init__(self, min_entropy, alpha):
        """That the first samples come again by accident has a chance below ``alpha`` within 2**20 samples of ``min_entropy`` bits each."""
        self.period = None
        self._length = math.ceil((math.log2(_HORIZON) - math.log2(alpha)) / min_entropy)
        self._first = self._last = b""
        self._before = 0

    def update(self, data):
        """Take ``data`` (bytes, of any length)."""
        if self.period:
            return
        data = self._last + data
        if not self._first and len(data) >= self._length:
            self._first = data[:self._length]
        at = data.find(self._first, 0 if self._before else 1) if self._first else -1
        if at >= 0:
            self.period = self._before + at
        keep = min(len(data), self._length - 1)
        self._before += len(data) - keep
        self._last = data[len(data) - keep:]


class Continuous:
    """All of these tests of one source: ``repetition``, ``proportion``, ``period``."""

    def __init__(self, min_entropy, alpha):
        """``min_entropy`` (bits per sample) is claimed of the source; a sound one fails with a chance of ``alpha`` per sample."""
        self.repetition = RepetitionCount(repetition_cutoff(min_entropy, alpha))
        self.proportion = AdaptiveProportion(proportion_cutoff(min_entropy, alpha))
        self.period = Period(min_entropy, alpha)

    def update(self, data):
        """Take ``data`` (bytes); return how often each test fails in it (dict of int, by the tests' names)."""
        known = self.period.period
        failed = {"repetition": self.repetition.update(data), "proportion": self.proportion.update(data)}
        self.period.update(data)
        return dict(failed, period=int(self.period.period != known))
