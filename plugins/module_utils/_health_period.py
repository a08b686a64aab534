# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A health test that finds bytes which come again. Pure, of the standard library alone, and streaming.

It is no part of SP 800-90B, whose tests see no repetition that is longer than their window. A sample is one byte.
"""

import collections

from ansible_collections.kvm.entropy.plugins.module_utils._health_cutoffs import same_samples

# The longest period that is found wherever it begins (bytes).
LONGEST_PERIOD = 2 ** 20
# The windows at the very start are never forgotten: a stream that begins again is found whatever its length (bytes).
_START = 1024
# A window is remembered at every so many bytes, and each position is compared. An odd number, and no divisor of a buffer's length: what is remembered of a
# buffer that comes again with a few bytes changed is another part of it each time.
_STRIDE = 31
# In bulk fewer windows are remembered, and one of so many positions is compared. The two numbers have no common divisor.
_BULK_STRIDE, _BULK_STEP = 255, 64
# How many bytes of a window are hashed for each position on average, so that a window that must be long costs no more time than another.
_HASHED = 64
# How many bytes are compared at once.
_AT_ONCE = 2 ** 16
# More windows than any is ever compared with: LONGEST_PERIOD + _START + _AT_ONCE bytes have 35,973 at _STRIDE.
_COMPARED = 2 ** 16


class Period:
    """Finds that a stream repeats itself. ``period`` (int or None) is after how many samples: the true period, or a multiple of it where ``step`` is above 1.
    ``is_replay`` (bool) is whether it repeats what came before the last restart; ``period`` counts the gap too, then.

    A window of ``length`` samples is remembered at each multiple of ``stride``, and the windows at each multiple of ``step`` are compared with those that are
    remembered. As stride and step have no common divisor, each ``stride * step`` positions in a row are compared at every offset of a remembered window once.
    So a period of up to LONGEST_PERIOD is found within ``delay`` samples of its first repetition, wherever it begins.
    """

    def __init__(self, min_entropy, alpha, is_bulk=False):
        """A sound source of ``min_entropy`` bits per sample fails with a chance of at most ``alpha`` per sample.

        Two windows of it are equal with a chance of at most ``2 ** (-length * min_entropy)``, also where they overlap. A window is compared with fewer than
        2**16 others, so ``length`` makes this chance ``alpha / 2 ** 16``. ``is_bulk`` (bool) compares fewer positions, some 50 times as fast.
        """
        self.period, self.is_replay = None, False
        self.length = same_samples(min_entropy, alpha / _COMPARED)
        wide = -(-self.length // _HASHED)
        stride, step = (_BULK_STRIDE, _BULK_STEP) if is_bulk else (_STRIDE, 1)
        # An odd number and a power of two. No byte is in more than three windows that are remembered, however long they are.
        self.stride, self.step = stride * wide | 1, step << (wide - 1).bit_length()
        self.delay = self.stride * self.step + self.length
        self._most = LONGEST_PERIOD // self.stride + 2
        self._seen, self._order = {}, collections.deque()
        self._at, self._began, self._rest = 0, 0, b""

    def restart(self):
        """Go on with bytes that do not follow the last ones. What was remembered still must not come again."""
        self.period, self.is_replay, self._rest = None, False, b""
        # A window is remembered at the first byte, and it is compared.
        self._at += -self._at % (self.stride * self.step)
        self._began = self._at

    def update(self, data):
        """Take ``data`` (bytes, of any length). Once a period is found, what follows is not looked at."""
        for start in range(0, len(data), _AT_ONCE):
            if self.period:
                return
            self._take(self._rest + data[start:start + _AT_ONCE])

    def _take(self, data):
        # So many windows are complete now.
        count = max(0, len(data) - self.length + 1)
        if count and not self._are_new(data, count):
            self._compare(data, count)
        self._at += count
        self._rest = data[count:]
        while len(self._order) > self._most:
            del self._seen[self._order.popleft()]

    def _positions(self, count, step):
        """Return the multiples of ``step`` among the next ``count`` positions, counted from the first of these (range)."""
        return range(-self._at % step, count, step)

    def _are_new(self, data, count):
        """Return whether none of the first ``count`` windows of ``data`` was seen before (bool), and remember them if so; all at once, which is fast."""
        starts = self._positions(count, self.stride)
        found = {data[start:start + self.length]: self._at + start for start in starts}
        if len(found) < len(starts) or not self._seen.keys().isdisjoint(found):
            return False
        self._seen.update(found)
        windows = [data[start:start + self.length] for start in self._positions(count, self.step)]
        # Those that were remembered just now are seen, and no other.
        if sum(map(self._seen.__contains__, windows)) > len(self._positions(count, self.stride * self.step)):
            for window in found:
                del self._seen[window]
            return False
        self._order.extend(window for window, at in found.items() if at >= _START)
        return True

    def _compare(self, data, count):
        """Do the same one position after the other, up to the first window that was seen before."""
        for start in range(count):
            at = self._at + start
            if at % self.stride and at % self.step:
                continue
            window = data[start:start + self.length]
            if window in self._seen:
                self.period, self.is_replay = at - self._seen[window], self._seen[window] < self._began
                return
            if at % self.stride == 0:
                self._seen[window] = at
                if at >= _START:
                    self._order.append(window)
