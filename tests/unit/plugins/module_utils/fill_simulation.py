# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's fill thread and the virtio-rng driver, as far as looks at them show, with a host that gives what it is told to.

As hwrng_fillfn() in drivers/char/hw_random/core.c, virtio_read() in drivers/char/hw_random/virtio-rng.c (5.16 and newer) and crng_reseed_interval() in
drivers/char/random.c do it. What quick guests of 5.10 and 6.12 showed under a trickle, a limit and a busy reader was compared with this.
"""

import bisect
import math

BUFFER = 64


class Fifo:
    """A backend that has ``size`` more bytes each ``gap`` s, which wait there until somebody asks."""

    def __init__(self, size, gap):
        self._size, self._gap, self._taken = size, gap, 0

    def answer(self, asked_at):
        """Return when (s) a request of ``asked_at`` is answered, and with how many bytes."""
        now = max(asked_at, (self._taken // self._size + 1) * self._gap)
        size = min(BUFFER, int(now / self._gap + 1e-9) * self._size - self._taken)
        self._taken += size
        return now, size


class Limit:
    """A host that allows ``size`` bytes in each ``period`` (s), and keeps none for later."""

    def __init__(self, size, period):
        self._size, self._period, self._of, self._left = size, period, 0, size

    def answer(self, asked_at):
        """Return the same."""
        of = int(asked_at / self._period)
        if of > self._of:
            self._of, self._left = of, self._size
        now = asked_at
        if not self._left:
            self._of, self._left = self._of + 1, self._size
            now = max(asked_at, self._of * self._period)
        size = min(BUFFER, self._left)
        self._left -= size
        return now + 0.001, size


class Then:
    """``first`` until ``until`` (s), and ``after`` it from then on."""

    def __init__(self, first, until, after):
        self._first, self._until, self._after = first, until, after

    def answer(self, asked_at):
        """Return the same."""
        return (self._first if asked_at < self._until else self._after).answer(asked_at)


class Thread:
    """What the fill thread did from ``start`` to ``end`` (s since boot) on a ``host`` (Fifo or its like)."""

    def __init__(self, host, start, end):
        self.start = start
        # When its state changed, and its state and how often it had gone to sleep from then on. When it ran; when the device raised an interrupt.
        self._times, self._states, self._ran, self._interrupts = [0.0], [(None, 0)], [], []
        self._run(host, start, end)

    def _run(self, host, now, end):
        sleeps, answer = 0, host.answer(now)
        while now < end:
            missing = BUFFER
            while missing:
                if answer[0] > now:
                    sleeps += 1
                    self._note(now, "D", sleeps)
                    now = answer[0]
                self._interrupts.append(answer[0])
                missing -= min(missing, answer[1])
                self._ran.append(now)
                answer = host.answer(now)
            sleeps += 1
            self._note(now, "S", sleeps)
            now += min(60, max(1, int(now) // 2))

    def _note(self, now, state, sleeps):
        self._times.append(now)
        self._states.append((state, sleeps))

    def state(self, now):
        """Return its state and how often it has gone to sleep, at ``now`` (s)."""
        return self._states[bisect.bisect_right(self._times, now) - 1]

    def interrupts(self, now):
        """Return how many interrupts there were until ``now`` (s)."""
        return bisect.bisect_right(self._interrupts, now)

    def slept(self, now):
        """Return for how long (s) it has not run at ``now`` (s)."""
        at = bisect.bisect_right(self._ran, now)
        return now - (self._ran[at - 1] if at else self.start)

    def load(self, now, minutes):
        """Return the load average over so many ``minutes`` at ``now`` (s), of a machine on which nothing else runs: calc_load() in kernel/sched/loadavg.c."""
        load, decay = 0.0, math.exp(-5 / (60 * minutes))
        for at in range(max(0, int(now) - 600 * minutes), int(now), 5):
            load = load * decay + (self.state(at)[0] == "D") * (1 - decay)
        return load

    def look(self, now):
        """Return what a look at ``now`` (s) shows of it: ``processes`` of ``_kernel.observe``, as far as it is about the thread."""
        state, sleeps = self.state(now)
        return {"fill": self.start, "fill_cpu": 0.0, "fill_pid": 60, "fill_state": state, "fill_slept": self.slept(now), "fill_switches": sleeps}

    def text(self, now):
        """Return /proc/PID/status (str) at ``now`` (s)."""
        return "State:\t%s (x)\nvoluntary_ctxt_switches:\t%d\n" % self.state(now)
