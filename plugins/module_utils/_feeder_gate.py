# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands between a source and the credit for its bytes: the health tests, at the start and from then on. Pure."""

from ansible_collections.kvm.entropy.plugins.module_utils._feeder_past import Past
from ansible_collections.kvm.entropy.plugins.module_utils._health import Continuous
from ansible_collections.kvm.entropy.plugins.module_utils._health_fips import BLOCK, TESTS, Fips140

# SP 800-90B, 4.3: consecutive samples that are tested before the first of them is used for anything that counts. A sample is one byte.
STARTUP = 1024

# So many blocks in a row that fail FIPS 140-2 are a gross failure. Of a sound source 0.0009 of the blocks fail at most (1,573 of 2 million of the kernel's own
# generator did), whatever the blocks before them did: three in a row are 7.3e-10 per block, once in 3.4e12 bytes. That is 2**-41 per byte, less than the
# smallest alpha of the other tests.
GROSS = 3
# From this claim (bits per byte) on a source is held to FIPS 140-2. That is the default claim, a cautious one of a generator's output, which looks uniform. Raw
# noise may fail each block and still be worth what is claimed: who feeds it claims less, and FIPS 140-2 only watches.
UNIFORM = 4.0


class _Blocks:
    """The blocks of one source: ``fips`` (Fips140), and how many of them (``failed``, int) up to the last one failed."""

    def __init__(self):
        self.fips, self.failed = Fips140(), 0


class Gate:
    """The tests of one source. ``failures`` (dict of int) counts by test since the feeder began.

    Those of the tests of FIPS 140-2 (``fips``) alone only count; ``fips`` among them counts the blocks that end the credit, from the third in a row on.
    """

    def __init__(self, is_bulk=False):
        """``is_bulk`` (bool) is whether speed matters more than to find a period at once (``Period``)."""
        self.failures = dict.fromkeys(("repetition", "proportion", "period", "fips") + TESTS, 0)
        self._is_bulk = is_bulk
        self._claimed = self._tests = None
        self._past = Past(_Blocks)
        self._blocks = self._past.of(None)
        self.is_sound = True

    @property
    def fips(self):
        """The tests of FIPS 140-2 of the source that is read (Fips140)."""
        return self._blocks.fips

    def claim(self, min_entropy, alpha):
        """Test for ``min_entropy`` (bits per byte) from now on; a sound source fails with a chance of ``alpha`` per sample.

        Where the claim stays the same, what was seen is remembered: it must not come again.
        """
        if (min_entropy, alpha) != self._claimed:
            self._tests = Continuous(min_entropy, alpha, self._is_bulk)
            self._claimed = min_entropy, alpha
        self.restart()

    def restart(self, source=None):
        """Begin anew, as with another ``source`` (str): nothing is credited until the start-up test has passed.

        What was seen is remembered: a source that replays it is recognized within the start-up test. After a gross failure that lasts for a whole block.
        A block that a sound source has not completed goes on when it is back, as one that ends before each block does would never be held to FIPS 140-2.
        """
        self._tests.restart()
        if not self.is_sound:
            self.fips.begin(b"")
        self._blocks = self._past.of(source)
        self.left = BLOCK if self._is_gross() else STARTUP
        self.is_sound = True

    def update(self, data):
        """Take ``data`` (bytes) and return whether it may be credited (bool): it came after the start-up test, and no test has failed."""
        was_started = not self.left
        self.left = max(0, self.left - len(data))
        for test, failed in self._tests.update(data).items():
            self._count(test, failed)
        for block in self.fips.update(data):
            for test in block:
                self.failures[test] += 1
            self._blocks.failed = self._blocks.failed + 1 if block else 0
            self._count("fips", int(self._is_gross()))
        return was_started and self.is_sound

    def _count(self, test, failed):
        """Count how often (int) a ``test`` failed that ends the credit."""
        self.failures[test] += failed
        self.is_sound = self.is_sound and not failed

    def _is_gross(self):
        return self._blocks.failed >= GROSS and self._claimed[0] >= UNIFORM

    def why(self):
        """Return which tests failed (str), in words."""
        tests = (("repetition count", self._tests.repetition), ("adaptive proportion", self._tests.proportion))
        failed = ["%s (cutoff %d)" % (name, test.cutoff) for name, test in tests if test.failures]
        again = self._tests.period
        if again.period:
            failed.append("it gives again what it gave before" if again.is_replay else "its bytes came again after %d" % again.period)
        if self._is_gross():
            failed.append("FIPS 140-2 (%d blocks in a row)" % self._blocks.failed)
        return ", ".join(failed)
