# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An independent and plain account of which bytes may be credited: what the loop may do at most, and has to do at least."""

import itertools

# By claim (bits per byte), for alpha 2**-30: the cutoffs of the repetition count and the adaptive proportion (SP 800-90B, 4.4), how many bytes that
# come again are a period, and how many bytes are a seed of 256 bits, in pieces of 64.
CLAIMS = {8.0: (5, 16, 7, 64), 4.0: (9, 71, 13, 64), 1.0: (31, 325, 50, 256)}
STARTUP, WINDOW = 1024, 512


class Ledger:
    """What one source delivered since it was last taken for a new one, and what was credited of that."""

    def __init__(self, claim):
        """``claim`` (float) is one of CLAIMS."""
        self.claim(claim)
        self.credits = 0
        self._name = None

    def claim(self, claim):
        """Go on with another claim, and begin anew."""
        self._claim, (self._repetition, self._proportion, self._period, self._block) = claim, CLAIMS[claim]
        self._run, self._used, self._tested_until, self._sound_until = b"", 0, None, 0
        self.anew()

    def anew(self):
        """The next byte is of a source that nobody has tested."""
        self._is_new = True

    def delivered(self, piece, name):
        """The source of this ``name`` delivered ``piece``."""
        if self._is_new or name != self._name:
            self._run, self._used, self._tested_until, self._sound_until = b"", 0, None, 0
            self._name, self._is_new = name, False
        self._run += piece
        if self._tested_until is None and len(self._run) >= STARTUP:
            self._tested_until = len(self._run)

    def credited(self, data, bits):
        """``bits`` were credited for ``data``: it must be allowed."""
        start = len(self._run) - len(data)
        assert not self._is_new, "credit for a source that went"
        assert self._run.endswith(data), "credit for other bytes than the last that came"
        assert start >= STARTUP, "credit for bytes of the start-up test"
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
        first = run[:self._period]
        if (any(len(list(equal)) >= self._repetition for _value, equal in itertools.groupby(run[max(0, old - self._repetition):]))
                or any(run[at:at + WINDOW].count(run[at]) >= self._proportion for at in range(old - old % WINDOW, len(run), WINDOW))
                or len(first) == self._period and run.find(first, max(1, old - self._period)) > 0):
            return True
        # What is sound up to here need not be looked at again.
        self._sound_until = len(run)
        return False
