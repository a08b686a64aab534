# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Continuous health tests of a source's bytes after NIST SP 800-90B, section 4.4. Pure, of the standard library alone, and streaming.

They find a source that is stuck, broken or worse than is claimed of it. None of them can prove entropy. A sample is one byte.
"""

import re

from ansible_collections.kvm.entropy.plugins.module_utils._health_cutoffs import WINDOW, proportion_cutoff, repetition_cutoff
from ansible_collections.kvm.entropy.plugins.module_utils._health_period import Period


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


class Continuous:
    """All of these tests of one source: ``repetition``, ``proportion``, ``period``."""

    def __init__(self, min_entropy, alpha, is_bulk=False):
        """``min_entropy`` (bits per sample) is claimed of the source; a sound one fails each test with a chance of ``alpha`` per sample at most.

        ``is_bulk`` (bool) is whether speed matters more than to find a period at once (``Period``).
        """
        self._cutoffs = repetition_cutoff(min_entropy, alpha), proportion_cutoff(min_entropy, alpha)
        self.period = Period(min_entropy, alpha, is_bulk)
        self.restart()

    def restart(self):
        """Begin anew, as where bytes are missing. What came before is remembered: it must not come again."""
        self.repetition, self.proportion = RepetitionCount(self._cutoffs[0]), AdaptiveProportion(self._cutoffs[1])
        self.period.restart()

    def update(self, data):
        """Take ``data`` (bytes); return how often each test fails in it (dict of int, by the tests' names)."""
        known = self.period.period
        failed = {"repetition": self.repetition.update(data), "proportion": self.proportion.update(data)}
        self.period.update(data)
        return dict(failed, period=int(self.period.period != known))
