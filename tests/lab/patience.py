# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time limits that grow with the machine's load: what a boot takes depends on how much of the machine it gets."""

import os
import time

_LONGEST = 10  # times the limit, whatever the load is


def slowness():
    """Return how many times as long work takes now as on an idle machine (float, 1 to _LONGEST): runnable processes for each CPU, of the last minute."""
    return min(_LONGEST, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


class Patience:
    """A limit of ``seconds`` on an idle machine. On a busy one each second counts by as much less as the machine is slower at that time."""

    def __init__(self, seconds, clock=time.monotonic, slowness=slowness):
        self._left = seconds
        self._clock = clock
        self._slowness = slowness
        self._looked = self._began = clock()

    @property
    def left(self):
        """Seconds (float) that are left at the machine's present load; 0 once the limit is reached."""
        now, slowness = self._clock(), self._slowness()
        self._left = max(0.0, self._left - (now - self._looked) / slowness)
        self._looked = now
        return self._left * slowness

    @property
    def waited(self):
        """Seconds (float) by the clock since the beginning."""
        return self._clock() - self._began
