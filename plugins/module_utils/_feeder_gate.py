# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands between a source and the credit for its bytes: the health tests, at the start and from then on. Pure."""

from ansible_collections.kvm.entropy.plugins.module_utils._health import Continuous
from ansible_collections.kvm.entropy.plugins.module_utils._health_fips import TESTS, Fips140

# SP 800-90B, 4.3: consecutive samples that are tested before the first of them is used for anything that counts. A sample is one byte.
STARTUP = 1024


class Gate:
    """The tests of one source. ``failures`` (dict of int) counts by test since the feeder began; those of FIPS 140-2 (``fips``) only watch."""

    def __init__(self):
        self.failures = dict.fromkeys(("repetition", "proportion", "period") + TESTS, 0)
        self.fips = Fips140()

    def claim(self, min_entropy, alpha):
        """Test for ``min_entropy`` (bits per byte) from now on; a sound source fails with a chance of ``alpha`` per sample."""
        self._min_entropy, self._alpha = min_entropy, alpha
        self.restart()

    def restart(self):
        """Begin anew, as with another source: nothing is credited until the start-up test has passed."""
        self._tests = Continuous(self._min_entropy, self._alpha)
        self.left = STARTUP
        self.is_sound = True

    def update(self, data):
        """Take ``data`` (bytes) and return whether it may be credited (bool): it came after the start-up test, and no test has failed."""
        was_started = not self.left
        self.left = max(0, self.left - len(data))
        for test, failed in self._tests.update(data).items():
            self.failures[test] += failed
            self.is_sound = self.is_sound and not failed
        for block in self.fips.update(data):
            for test in block:
                self.failures[test] += 1
        return was_started and self.is_sound

    def why(self):
        """Return which tests failed (str), in words."""
        tests = (("repetition count", self._tests.repetition), ("adaptive proportion", self._tests.proportion))
        failed = ["%s (cutoff %d)" % (name, test.cutoff) for name, test in tests if test.failures]
        period = self._tests.period.period
        again = ["its bytes came again after %d" % period] if period else []
        return ", ".join(failed + again)
