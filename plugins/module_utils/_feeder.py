# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder itself: it carries bytes from a source to the kernel, a turn at a time, and knows when to rest."""

import math
import time

from ansible_collections.kvm.entropy.plugins.module_utils._feeder_gate import Gate
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_source import GoneError
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_trust import Trust

STARTING, FEEDING, SILENT, ABSENT, FAILED = STATES = ("starting", "feeding", "silent", "absent", "failed")

# The CRNG is seeded with 256 bits (BLAKE2S_HASH_SIZE in drivers/char/random.c; a ChaCha20 key before).
SEED_BITS = 256
# From one attempt to open a source that is not there to the next (s): doubled each time.
_SHORTEST_REST, _LONGEST_REST = 1.0, 60.0
# From one look whether the kernel listens to another source than the one that is latched to the next (s).
_LATCHED_REST = 60.0
# After so many blocks a kernel that is not ready yet is given no more than any other.
_MOST_IN_VAIN = 4


class Feeder:
    """``state`` (one of STATES) and ``why`` (str) are about the source; the counts, which only grow, about what came of it.

    ``read``, ``discarded`` (bytes), ``credited`` (bits), ``reseeds`` (int), ``last_credit`` (s since the epoch, or None).
    """

    def __init__(self, options, kernel, source, clock=time.monotonic):
        """``options`` (Options), ``kernel`` (Kernel), ``source`` (Source); ``clock`` returns s."""
        self.state, self.why = STARTING, "not opened yet"
        self.read = self.discarded = self.credited = self.reseeds = 0
        self.last_credit = None
        self._kernel, self._source, self._clock = kernel, source, clock
        self._gate, self._trust = Gate(), Trust()
        self._held = b""
        self._in_vain = 0
        self.change(options)

    def change(self, options):
        """Go on with other ``options`` (Options), as with a source that nobody has tested yet. It is trusted again, whatever it did before."""
        self._options = options
        self._source.move(options.source)
        self._forget()
        self._alpha = 2.0 ** -options.alpha
        self._gate.claim(options.min_entropy, self._alpha)
        self._trust.reset()
        # Whole pieces of 64 bytes, as that is what most sources give at once.
        self._block = 64 * math.ceil(SEED_BITS / (64 * options.min_entropy))
        self._name = None
        self._backoff = _SHORTEST_REST
        self._rests_until = self._due = self._not_before = 0.0

    @property
    def source_name(self):
        """What delivers (str): the path, or of /dev/hwrng the kernel's current source."""
        return self._source.name

    @property
    def failures(self):
        """How often each test failed (dict of int)."""
        return self._gate.failures

    @property
    def source_failures(self):
        """How often a source failed a health test and was left alone (int), since the feeder began."""
        return self._trust.failures

    @property
    def recent_failures(self):
        """How many of these still count against the current source (int)."""
        return self._trust.recent

    @property
    def is_latched(self):
        """Whether the source failed so often that it is not tried again (bool)."""
        return self._trust.is_latched

    def turn(self, seconds):
        """Do what is due, in ``seconds`` (s) at most. Return (for how long there is nothing to do (s), whether the kernel's thirst ends that)."""
        idle = self._idle() or self._latched()
        if idle:
            return idle
        now = self._clock()
        try:
            if not self._source.is_open:
                self._source.open()
            count = self._carry(self._gate.left + self._block - len(self._held), seconds)
        except GoneError as gone:
            # One that failed a test before it went has failed.
            if self._gate.is_sound:
                return self._rest(ABSENT, str(gone))
        except FeederError as error:
            self._source.close()
            return self._rest(ABSENT, str(error), self._options.retry)
        if not self._gate.is_sound:
            return self._fail()
        self._not_before = now + count * 60.0 / self._options.limit
        if count:
            self._backoff = _SHORTEST_REST
            return self._latched() or self._idle() or (0.0, False)
        # A reader that ends at once and tells nothing must not become a busy loop.
        return (0.0 if self._clock() - now >= 1 else 1.0), False

    def _idle(self):
        """Return what a turn returns where there is nothing to do now, else None."""
        now = self._clock()
        is_urgent = not self._kernel.is_ready() and self._in_vain < _MOST_IN_VAIN
        earliest = self._rests_until if is_urgent else max(self._rests_until, self._not_before)
        is_begun = bool(self._gate.left or self._held)
        if self._kernel.is_rewritten and not (is_urgent or is_begun):
            earliest = max(earliest, self._due)
        if now < earliest:
            return earliest - now, False
        # An older kernel is given something when it is thirsty, too.
        is_due = is_urgent or is_begun or now >= self._due or self._kernel.is_thirsty()
        return None if is_due else (self._due - now, True)

    def _latched(self):
        """Return what a turn returns where the source is not tried again, else None."""
        if self._trust.is_latched:
            self._look_for_another()
        return self._rest(FAILED, self._trust.why, _LATCHED_REST) if self._trust.is_latched else None

    def _look_for_another(self):
        """Notice whether another source delivers than the one that is latched. Nothing is opened or read for that."""
        try:
            self._source.look()
        except GoneError:
            return
        if self._source.name != self._trust.name:
            self._trust.begin(self._source.name)

    def _carry(self, wanted, seconds):
        """Read ``wanted`` bytes (int) in ``seconds`` (s) at most, mix each in at once, and credit what may be. Return how many came."""
        count = 0
        for piece in self._source.read(wanted, seconds):
            if self._source.name != self._name:
                self._begin("reads %s" % self._source.name)
            count += len(piece)
            self.read += len(piece)
            self._kernel.mix(piece)
            if self._trust.is_latched:
                # It was left alone, another one was read, and now it is back.
                self._discard(piece)
                return count
            # What of it came after the start-up test counts.
            for part in filter(None, (piece[:self._gate.left], piece[self._gate.left:])):
                self._test(part)
        if count:
            self._say(STARTING if self._gate.left else FEEDING)
        elif self._gate.is_sound:
            self._say(SILENT, "%s gives nothing" % self._source.name)
        return count

    def _test(self, part):
        """Hold ``part`` (bytes) for credit, where the tests allow it."""
        if self._gate.update(part):
            self._held += part
            self._credit()
        else:
            self._discard(part)
        if self._gate.is_sound:
            self._trust.passed(len(part), self._alpha)

    def _credit(self):
        """Credit what is held, once it is a whole block, where the kernel still listens to the source that was tested; raise GoneError."""
        if len(self._held) < self._block:
            return
        self._source.look()
        if self._source.name != self._name:
            self._begin("reads %s" % self._source.name)
            return
        bits = int(len(self._held) * self._options.min_entropy)
        self._kernel.credit(self._held, bits)
        self.credited += bits
        self.last_credit = time.time()
        self._held = b""
        if self._kernel.is_ready():
            self.reseeds += self._kernel.reseed()
            self._due = self._clock() + self._options.interval
            self._in_vain = 0
        else:
            self._in_vain += 1

    def _begin(self, why):
        """Begin with a source that nobody has tested yet."""
        self._forget()
        self._gate.restart(self._source.name)
        self._name = self._source.name
        self._trust.begin(self._name)
        self._say(STARTING, why)

    def _forget(self):
        """Let go of what is held: it will not be credited."""
        self._discard(self._held)
        self._held = b""

    def _discard(self, data):
        self.discarded += len(data)

    def _fail(self):
        """Leave alone a source that failed a test, longer each time, and hold nothing that it gave."""
        why = "%s failed: %s" % (self._source.name, self._gate.why())
        seconds = self._trust.failed(self._options.retry, why)
        why = self._trust.why
        self._begin(why)
        self._source.close()
        return self._rest(FAILED, why, seconds)

    def _rest(self, state, why, seconds=None):
        """Leave the source alone for ``seconds`` (s), or for longer each time."""
        if seconds is None:
            seconds = self._backoff
            self._backoff = min(2 * self._backoff, _LONGEST_REST)
            self._name = None
            self._forget()
        self._rests_until = self._clock() + seconds
        self._say(state, why)
        return seconds, False

    def _say(self, state, why=None):
        self.state = state
        self.why = why or "reads %s" % self._source.name
