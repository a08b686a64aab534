# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a source that failed a health test is tried again, and when. Pure."""

# A source that failed so often is not trusted again until a person reloads or restarts the service, or the source is another one.
LATCH_AFTER = 5
# From one try to the next (s): doubled with each failure, up to this, or up to what is configured where that is longer.
_LONGEST_RETRY = 3600
# A failure counts until the source has given so many sound bytes: 2**-10 / alpha of them, and no fewer than 16 KiB. Each of the four tests that end the credit
# fails by chance with alpha per byte at most, so a second failure within them has a chance of 2**-8 (at the largest alpha, 2**-20: 2**-4). With the default
# alpha, 2**-30, that is 1 MiB, 11 days at rest, and five such failures in a row have a chance of 2**-60 per byte.
_ENOUGH, _LEAST_ENOUGH = 2.0 ** -10, 2 ** 14


class Trust:
    """Counts the failures of a source: ``failures`` (int) since the service began, ``recent`` (int) of them still count against the source ``name`` (str)."""

    def __init__(self):
        self.failures = self.recent = 0
        self.name = None
        self._passed = 0

    def begin(self, name):
        """Read the source of this ``name`` (str) from now on: what another one did does not count."""
        if name != self.name:
            self.reset()
            self.name = name

    def reset(self):
        """Count no failure of the past against the source: a person says so."""
        self.recent = self._passed = 0

    @property
    def is_latched(self):
        """Whether it is not tried again (bool)."""
        return self.recent >= LATCH_AFTER

    def passed(self, count, alpha):
        """So many bytes (int) passed all tests, of which a sound source fails each with a chance of ``alpha`` per byte."""
        self._passed += count
        if self._passed >= max(_LEAST_ENOUGH, _ENOUGH / alpha):
            self.reset()

    def failed(self, retry):
        """The source failed a test: return for how long it is left alone (s), ``retry`` (s) after the first failure."""
        self.failures += 1
        self.recent += 1
        self._passed = 0
        return min(retry * 2 ** (self.recent - 1), max(retry, _LONGEST_RETRY))
