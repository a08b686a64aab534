# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a source, the clock and the kernel do, in any order: no crash, no wrong credit, no busy loop, and the rests are rests."""

from ansible_collections.kvm.entropy.plugins.module_utils._feeder import STATES, Feeder
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_source import GoneError
from feeder_fakes import FakeClock, FakeKernel, options
from feeder_ledger import CLAIMS, Ledger
from health_bytes import STEADY, sound
from hypothesis import given, settings
from hypothesis import strategies as some

# So many turns without time passing are enough for the start-up test and the four blocks that a kernel that is not ready is given at once, each of them
# in two reads; and one more for each thing that happens meanwhile.
MOST_AT_ONCE = 12
MAKERS = {
    "sound": sound,
    "stuck": lambda length, seed: bytes([seed % 256]) * length,
    "one bit": lambda length, seed: bytes(each & 1 for each in sound(length, seed)),
    "six bits": lambda length, seed: bytes(each & 63 for each in sound(length, seed)),
    "again": lambda length, seed: sound(length, seed % 2),
}
LENGTHS = some.sampled_from([0, 1, 63, 64, 65, 1000])
GIVE = some.one_of(some.tuples(some.just("give"), some.just("sound"), LENGTHS), some.tuples(some.just("give"), some.sampled_from(sorted(MAKERS)), LENGTHS))
PLENTY = some.just([("give", "sound", 1000)] * 3)
OTHER = some.one_of(
    some.sampled_from([("silence",), ("end",), ("woken",), ("gone",), ("refused",)]),
    some.tuples(some.just("named"), some.sampled_from(["virtio_rng.0", "tpm-rng-0"])),
    some.tuples(some.just("clock"), some.sampled_from([0.001, 1, 59, 61, 100000])),
    some.tuples(some.sampled_from(["ready", "thirsty"]), some.booleans()),
    some.tuples(some.just("changed"), some.sampled_from(sorted(CLAIMS)), some.sampled_from([64, 4096, 1048576]), some.sampled_from([1, 60])),
)
SCRIPTS = some.lists(some.one_of(PLENTY, some.tuples(GIVE), some.tuples(OTHER)), max_size=25).map(lambda parts: [event for part in parts for event in part])


class Script:
    """A source, and all around it, that do what ``events`` (list of tuples) say, one after the other; then the source is silent for ever."""

    def __init__(self, events, claim, is_ready, is_rewritten, needs):
        self.events, self.done = list(events), 0
        self.clock, self.kernel = FakeClock(), FakeKernel(is_ready, needs, is_rewritten)
        self.ledger = Ledger(claim)
        self.path = self.name = self._next_name = "virtio_rng.0"
        self.is_open, self._trouble, self._seed, self._rest = False, None, 10, b""
        self._delivered = []
        mix, credit = self.kernel.mix, self.kernel.credit

        def mixed(data):
            mix(data)
            self._assert_mixed()

        def credited(data, bits):
            self.ledger.credited(data, bits)
            credit(data, bits)

        self.kernel.mix, self.kernel.credit = mixed, credited
        self.feeder = Feeder(options(min_entropy=claim), self.kernel, self, self.clock)

    def open(self):
        assert not self.is_open
        trouble, self._trouble = self._trouble, None
        if trouble:
            raise trouble
        self.is_open = True

    def close(self):
        self.is_open = False

    def move(self, _path):
        pass

    def look(self):
        self.name = self._next_name

    def read(self, most, seconds):
        assert self.is_open
        assert most > 0
        assert seconds > 0
        self.name = self._next_name
        end = self.clock.now + seconds
        while most > 0 and self.clock.now < end:
            piece, self._rest = self._rest[:most], self._rest[most:]
            if piece:
                most -= len(piece)
                yield from self._deliver(piece)
            elif not self.events:
                self.clock.now = end
            else:
                event, *words = self.events[0]
                if event == "changed":
                    return
                self._next()
                if event == "give":
                    self._rest = MAKERS[words[0]](words[1], self._seed)
                    self._seed += 1
                    if not words[1]:
                        yield from self._deliver(b"")
                elif event == "silence":
                    self.clock.now = end
                elif event in ("end", "gone", "refused"):
                    self._trouble = {"end": None, "gone": GoneError("not there"), "refused": FeederError("a device that delivers zeros")}[event]
                    self.close()
                    self.ledger.anew()
                    raise GoneError("it ended")
                elif event in ("woken", "named"):
                    return

    def between(self):
        """What happens before a turn; most of what can happen may happen in the middle of a read as well."""
        latched = ("named",) if self.feeder.is_latched else ()
        while self.events and self.events[0][0] in ("changed", "clock", "ready", "thirsty", *latched):
            event, *words = self.events[0]
            self._next()
            if event == "changed":
                claim, limit, interval = words
                self.feeder.change(options(min_entropy=claim, limit=limit, interval=interval))
                self.ledger.claim(claim)

    def _next(self):
        event, *words = self.events.pop(0)
        self.done += event != "give"
        if event == "clock":
            self.clock.now += words[0]
        elif event == "named":
            self._next_name = words[0]
        elif event in ("ready", "thirsty"):
            setattr(self.kernel, event, words[0])

    def _deliver(self, piece):
        self._delivered.append(piece)
        self.ledger.delivered(piece, self.name)
        yield piece
        self._assert_mixed()

    def _assert_mixed(self):
        """Each piece is mixed in once, and before the next one is read."""
        assert (len(self.kernel.mixed), self.kernel.mixed[-1]) == (len(self._delivered), self._delivered[-1])


def play(script, most_turns=3000):
    """Have turns until the script is over, and some more. Return the states (set of str) that were seen."""
    seen, at_once, done, more = set(), 0, 0, 10
    for _turn in range(most_turns):
        script.between()
        before = script.clock.now
        wait, is_thirsty = script.feeder.turn(30)
        assert wait >= 0
        assert script.feeder.state in STATES
        script.ledger.turned()
        seen.add(script.feeder.state)
        script.clock.now += 0 if is_thirsty and script.kernel.thirsty else wait
        if script.clock.now > before or script.done > done:
            at_once, done = 0, script.done
        at_once += 1
        assert at_once <= MOST_AT_ONCE, "a busy loop"
        # One that is not tried again takes no more of the script.
        more -= not script.events or script.feeder.is_latched
        if more <= 0:
            return seen
    raise AssertionError("the script is not over after %d turns: %s" % (most_turns, script.events))


@settings(STEADY, max_examples=400)
@given(SCRIPTS, some.sampled_from(sorted(CLAIMS)), some.booleans(), some.booleans(), some.sampled_from([256, 2048, None]))
def test_whatever_happens_nothing_is_credited_that_must_not_be_and_it_does_not_spin(events, claim, is_ready, is_rewritten, needs):
    script = Script(events, claim, is_ready, is_rewritten, needs)
    play(script)
    feeder, kernel = script.feeder, script.kernel
    assert feeder.read == sum(map(len, kernel.mixed))
    assert feeder.credited == kernel.credited
    # What is neither credited nor discarded is held, and less than a block.
    held = feeder.read - feeder.discarded - sum(len(data) for data, _bits in kernel.given)
    assert 0 <= held < 256
    assert feeder.recent_failures <= min(5, feeder.source_failures)


def test_the_scripts_come_to_every_state_and_to_credit_and_failures_often_enough_to_be_worth_playing():
    states, credits, failed = set(), [], set()

    @settings(STEADY, max_examples=150)
    @given(SCRIPTS, some.sampled_from(sorted(CLAIMS)))
    def look(events, claim):
        script = Script(events, claim, is_ready=False, is_rewritten=True, needs=256)
        states.update(play(script))
        credits.append(script.ledger.credits)
        failed.update(test for test, count in script.feeder.failures.items() if count)

    look()
    assert states == set(STATES)
    assert {"repetition", "proportion", "period"} <= failed
    assert sum(count > 1 for count in credits) > 20
