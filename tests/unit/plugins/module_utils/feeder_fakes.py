# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder is tried with instead of this machine: a kernel that writes down what it is given, a source that gives what it is told, a clock."""

import os

from ansible_collections.kvm.entropy.plugins.module_utils._feeder import Feeder
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import DEFAULTS, Options
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_source import GoneError
from health_bytes import sound

# What a source gives at once (bytes), as a virtio-rng does.
PIECE = 64
# Bytes that nothing is credited for, and with the default options those of the first credit.
STARTUP, BLOCK = 1024, 64


def options(**changes):
    """Return the default Options with ``changes``."""
    return Options(**dict(DEFAULTS, source="/nowhere/source", **changes))


class FakeClock:
    """A clock (s) that only goes on where it is told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class FakeKernel:
    """Has the interface of Kernel. ``mixed`` (list of bytes) and ``given`` (list of (bytes, bits)) are what it was given.

    It becomes ready once ``needs`` bits (None: never) were credited.
    """

    def __init__(self, is_ready=True, needs=256, is_rewritten=True):
        self.file = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self.ready, self.needs, self.is_rewritten = is_ready, needs, is_rewritten
        self.thirsty = False
        self.mixed, self.given, self.reseeds = [], [], 0

    def __del__(self):
        os.close(self.file)

    @property
    def credited(self):
        """How many bits were credited (int)."""
        return sum(bits for _data, bits in self.given)

    def is_ready(self):
        return self.ready

    def is_thirsty(self):
        return self.thirsty

    def mix(self, data):
        self.mixed.append(data)

    def credit(self, data, bits):
        self.given.append((data, bits))
        if self.needs is not None and self.credited >= self.needs:
            self.ready = True

    def reseed(self):
        self.reseeds += 1
        return True


def fail_with(error):
    """Raise ``error``."""
    raise error


class FakeSource:
    """Has the interface of Source. It gives ``data`` (bytes) in pieces; then it is silent, or ends where it ``ends`` (bool).

    ``trouble`` (an exception or None) is what opening it comes to, ``opened`` (int) how often that was tried, and ``wanted`` (list of int) how many
    bytes each read was for. ``current`` (str, GoneError or None) is what it turns out to be when it is looked at again.
    """

    def __init__(self, clock, data=b"", piece=PIECE):
        self.path = self.name = "/nowhere/source"
        self.data, self.piece = data, piece
        self.is_open = self.ends = False
        self.trouble = self.current = None
        self.opened, self.wanted = 0, []
        self._clock = clock

    def open(self):
        self.opened += 1
        if self.trouble:
            fail_with(self.trouble)
        self.is_open = True

    def close(self):
        self.is_open = False

    def move(self, path):
        if path != self.path:
            self.close()
            self.path = self.name = path

    def look(self):
        if isinstance(self.current, GoneError):
            self.close()
            fail_with(self.current)
        self.name = self.current or self.name

    def read(self, most, seconds):
        self.wanted.append(most)
        while most > 0 and self.data:
            piece, self.data = self.data[:min(most, self.piece)], self.data[min(most, self.piece):]
            most -= len(piece)
            yield piece
        if most > 0 and self.ends:
            self.close()
            raise GoneError("%s: it ended" % self.name)
        if most > 0:
            self._clock.now += seconds


class Stand:
    """A Feeder with all that is around it: ``clock``, ``kernel``, ``source``, ``feeder``.

    ``ends_by_thirst`` (bool) is whether the kernel's thirst ends what the last turn told to wait.
    """

    def __init__(self, data=None, kernel=None, **changes):
        """``data`` (bytes) is what the source gives: sound bytes where it is None."""
        self.clock = FakeClock()
        self.kernel = kernel or FakeKernel()
        self.source = FakeSource(self.clock, sound(100000) if data is None else data)
        self.feeder = Feeder(options(**changes), self.kernel, self.source, self.clock)

    def turn(self, seconds=30):
        """Have one turn, and let the time pass that it says. Return that (s)."""
        wait, self.ends_by_thirst = self.feeder.turn(seconds)
        self.clock.now += wait
        return wait

    def run(self, seconds, most=10000):
        """Have turns for ``seconds`` (s) of the clock. Return how many there were (int); it takes more than ``most`` for a busy loop."""
        until, turns = self.clock.now + seconds, 0
        while self.clock.now < until:
            self.turn()
            turns += 1
            assert turns <= most, "a busy loop: %d turns and %.3f s left" % (turns, until - self.clock.now)
        return turns
