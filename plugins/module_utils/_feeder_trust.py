# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a source that failed a health test is tried again, and when. Pure."""

from ansible_collections.kvm.entropy.plugins.module_utils._feeder_past import Past

# A source that failed so often is not trusted again until a person reloads or restarts the service, or the source is another one.
LATCH_AFTER = 5
# From one try to the next (s): doubled with each failure, up to this, or up to what is configured where that is longer.
_LONGEST_RETRY = 3600
# A failure counts until the source has given so many sound bytes: 2**-10 / alpha of them, and no fewer than 16 KiB. Each of the four tests that end the credit
# fails by chance with alpha per byte at most, so a second failure within them has a chance of 2**-8 (at the largest alpha, 2**-20: 2**-4). With the default
# alpha, 2**-30, that is 1 MiB, 11 days at rest, and five such failures in a row have a chance of 2**-60 per byte.
_ENOUGH, _LEAST_ENOUGH = 2.0 ** -10, 2 ** 14


class _Count:
    """Of one source: how many failures (``recent``) count, how many bytes (``passed``) were sound since, and ``why`` (str) it failed last."""

    def __init__(self):
        self.recent = self.passed = 0
        self.why = ""


class Trust:
    """Counts the failures of a source: ``failures`` (int) since the service began, ``recent`` (int) of them still count against the source ``name`` (str)."""

    def __init__(self):
        self.failures = 0
        self.name = None
        self._past = Past(_Count)
        self._now = self._past.of(None)

    def begin(self, name):
        """Read the source of this ``name`` (str) from now on: what another one did does not count, and what this one did before does."""
        self.name, self._now = name, self._past.of(name)

    def reset(self):
        """Count no failure of the past against any source: a person says so."""
        self._past.forget()
        self._now = self._past.of(self.name)

    @property
    def recent(self):
        """How many failures still count (int)."""
        return self._now.recent

    @property
    def is_latched(self):
        """Whether it is not tried again (bool)."""
        return self._now.recent >= LATCH_AFTER

    @property
    def why(self):
        """Why it failed last (str), as ``failed`` was told."""
        return self._now.why

    def passed(self, count, alpha):
        """So many bytes (int) passed all tests, of which a sound source fails each with a chance of ``alpha`` per byte."""
        self._now.passed += count
        if self._now.passed >= max(_LEAST_ENOUGH, _ENOUGH / alpha):
            self._now.recent = self._now.passed = 0

    def failed(self, retry, why=""):
        """The source failed a test, ``why`` (str): return for how long it is left alone (s), ``retry`` (s) after the first failure."""
        self.failures += 1
        self._now.recent += 1
        self._now.passed = 0
        if self.is_latched:
            why += ". It failed %d times and is not tried again: repair it, then reload or restart the service" % self._now.recent
        self._now.why = why
        return min(retry * 2 ** (self._now.recent - 1), max(retry, _LONGEST_RETRY))
