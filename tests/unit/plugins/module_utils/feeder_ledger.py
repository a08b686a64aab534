# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An independent and plain account of which bytes may be credited: what the loop may do at most, and has to do at least."""

import itertools

from ansible_collections.kvm.entropy.plugins.module_utils import _health_fips

# By claim (bits per byte), for alpha 2**-30: the cutoffs of the repetition count and the adaptive proportion (SP 800-90B, 4.4), how many bytes that
# come again are a period, how many bytes are a seed of 256 bits, in pieces of 64, and whether blocks must pass FIPS 140-2.
CLAIMS = {8.0: (5, 16, 6, 64, True), 4.0: (9, 71, 12, 64, True), 1.0: (31, 325, 46, 256, False)}
STARTUP, WINDOW, STRIDE, GROSS = 1024, 512, 31, 3


class Ledger:
    """What one source delivered since it was last taken for a new one, and what was credited of that."""

    def __init__(self, claim):
        """``claim`` (float) is one of CLAIMS."""
        self._claim = None
        self._bad_blocks = 0
        self.claim(claim)
        self.credits = 0
        self._name = None

    def claim(self, claim):
        """Go on with another claim, and begin anew."""
        if claim != self._claim:
            # What was delivered before must not come again.
            self._before = set()
        self._claim, (self._repetition, self._proportion, self._period, self._block, self._is_uniform) = claim, CLAIMS[claim]
        self._forget()
        self.anew()

    def anew(self):
        """The next byte is of a source that nobody has tested."""
        self._is_new = True

    def delivered(self, piece, name):
        """The source of this ``name`` delivered ``piece``."""
        if self._is_new or name != self._name:
            self._forget()
            self._name, self._is_new = name, False
        self._run += piece
        self._look_for_what_comes_again()
        self._look_at_blocks()
        if self._tested_until is None and len(self._run) >= self._startup:
            self._tested_until = len(self._run)

    def credited(self, data, bits):
        """``bits`` were credited for ``data``: it must be allowed."""
        start = len(self._run) - len(data)
        assert not self._is_new, "credit for a source that went"
        assert self._run.endswith(data), "credit for other bytes than the last that came"
        assert start >= self._startup, "credit for bytes of the start-up test"
        assert start >= self._used, "credit for bytes that were credited before"
        assert 0 < bits <= self._claim * len(data), "more credit than is claimed"
        assert not self.has_failed(), "credit although a test failed"
        self._used = len(self._run)
        self.credits += 1

    def turned(self):
        """A turn is over: what could be credited must have been, and what failed is left alone."""
        if self.has_failed():
            self.anew()
        elif not self._is_new and self._tested_until is not None:
            assert len(self._run) - max(self._used, self._tested_until) < self._block, "a whole block was kept back"

    def has_failed(self):
        """Return whether what came since the beginning fails a test (bool)."""
        run, old = self._run, self._sound_until
        if (self._is_again or self._is_gross
                or any(len(list(equal)) >= self._repetition for _value, equal in itertools.groupby(run[max(0, old - self._repetition):]))
                or any(run[at:at + WINDOW].count(run[at]) >= self._proportion for at in range(old - old % WINDOW, len(run), WINDOW))):
            return True
        # What is sound up to here need not be looked at again.
        self._sound_until = len(run)
        return False

    def _forget(self):
        self._run, self._used, self._tested_until, self._sound_until = b"", 0, None, 0
        self._compared = self._blocks = 0
        self._is_again = self._is_gross = False
        self._startup = _health_fips.BLOCK if self._is_uniform and self._bad_blocks >= GROSS else STARTUP

    def _look_for_what_comes_again(self):
        while not self._is_again and self._compared + self._period <= len(self._run):
            window = self._run[self._compared:self._compared + self._period]
            self._is_again = window in self._before
            if self._compared % STRIDE == 0:
                self._before.add(window)
            self._compared += 1

    def _look_at_blocks(self):
        size = _health_fips.BLOCK
        while len(self._run) >= (self._blocks + 1) * size:
            start = self._blocks * size
            is_bad = _health_fips.failures(self._run[start:start + size], self._run[max(0, start - 4):start])
            self._bad_blocks = self._bad_blocks + 1 if is_bad else 0
            self._is_gross = self._is_gross or self._is_uniform and self._bad_blocks >= GROSS
            self._blocks += 1
