# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a source delivers: wherever it begins to repeat itself, that is found within the documented number of bytes, and nothing is found in sound bytes."""

from fractions import Fraction

from ansible_collections.kvm.entropy.plugins.module_utils._feeder_gate import Gate
from ansible_collections.kvm.entropy.plugins.module_utils._health_cutoffs import proportion_cutoff, repetition_cutoff
from ansible_collections.kvm.entropy.plugins.module_utils._health_period import LONGEST_PERIOD, Period
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_health import Examination
from examples import examples
from feeder_fakes import BLOCK, STARTUP, FakeKernel, Stand
from health_bytes import pieces, sound
from hypothesis import given
from hypothesis import strategies as some

# One stream for all examples: hashing takes longer than the tests.
SOUND = sound(3 * 2 ** 20)
CLAIMS = some.one_of(some.sampled_from([8.0, 4.0, 1.0]), some.integers(10, 800).map(lambda hundredths: hundredths / 100))
ALPHAS = some.integers(20, 40).map(lambda bits: 2.0 ** -bits)
CUTS = some.lists(some.one_of(some.integers(0, 200), some.integers(0, 100_000)), max_size=12)
SHORT = some.one_of(some.integers(1, 70), some.integers(1, 5000))
LEADS = some.one_of(some.integers(0, 100), some.integers(0, 60_000))
LONG = some.one_of(some.integers(60_000, LONGEST_PERIOD), some.sampled_from([2 ** 16, 2 ** 20 - 1, 2 ** 20]))
# What a broken device may give: parts that are sound, stuck, counted up, or given before.
PARTS = some.one_of(
    some.binary(max_size=80),
    some.tuples(some.integers(0, 255), some.integers(0, 3000)).map(lambda part: bytes([part[0]]) * part[1]),
    some.tuples(some.integers(0, 2 ** 20), some.integers(0, 6000)).map(lambda part: SOUND[part[0]:part[0] + part[1]]),
    some.tuples(some.integers(1, 4), some.integers(0, 2 ** 32 - 1), some.integers(0, 600)).map(
        lambda part: b"".join(((part[1] + each) % 2 ** 32).to_bytes(4, "big")[-part[0]:] for each in range(part[2]))),
)
STREAMS = some.lists(PARTS, max_size=6).map(b"".join)


def repeating(lead, period, length):
    """Return ``length`` bytes that are sound for ``lead`` of them, and then one piece of ``period`` bytes over and over."""
    loop = SOUND[lead:lead + period]
    return (SOUND[:lead] + loop * (2 + (length - lead) // period))[:length]


def found(test, data, cuts):
    """Return the period that ``test`` (Period) finds in ``data``, cut into pieces."""
    for piece in pieces(data, cuts):
        test.update(piece)
    return test.period


@examples(100)
@given(LEADS, SHORT, CLAIMS, ALPHAS, CUTS)
def test_a_period_is_found_within_the_documented_number_of_bytes_wherever_it_begins(lead, period, claim, alpha, cuts):
    test = Period(claim, alpha)
    data = repeating(lead, period, lead + period + test.delay)
    seen = found(test, data, cuts)
    assert seen == period if test.step == 1 else seen % period == 0
    assert found(Period(claim, alpha), data[:lead + period], cuts) is None


@examples(25)
@given(LEADS, some.one_of(SHORT, LONG), some.sampled_from([8.0, 4.0, 1.0]), some.booleans())
def test_so_are_the_longest_period_and_one_in_bulk(lead, period, claim, is_bulk):
    test = Period(claim, 2.0 ** -30, is_bulk)
    data = repeating(lead, period, lead + period + test.delay)
    assert found(test, data, [len(data)]) % period == 0


@examples(20)
@given(some.integers(0, 2 ** 20), some.integers(0, 200_000), CLAIMS, ALPHAS, CUTS, some.booleans())
def test_sound_bytes_never_come_again(start, length, claim, alpha, cuts, is_bulk):
    test = Period(claim, alpha, is_bulk)
    for piece in pieces(SOUND[start:start + length], cuts):
        test.update(piece)
        assert test.period is None
        # What follows a gap is sound as well.
        if len(piece) % 2:
            test.restart()


@examples(60)
@given(some.integers(0, 6000), some.integers(1, 3000), some.booleans(), some.sampled_from([1, 60, 64, 100]))
def test_the_feeder_credits_no_byte_that_repeats_but_the_few_that_it_takes_to_see_it(lead, period, is_ready, piece):
    stand = Stand(repeating(lead, period, 60_000), FakeKernel(is_ready=is_ready, needs=None), interval=1, limit=1048576)
    stand.source.piece = piece
    stand.run(40_000)
    once = max(0, lead + period - STARTUP)
    assert (stand.feeder.is_latched, stand.feeder.source_failures) == (True, 5)
    # 42 bytes at most came again before that was seen, and the block that they are in may have been complete.
    assert stand.feeder.credited <= 4 * (once + 42)
    assert stand.feeder.credited >= 4 * (once - BLOCK)


@examples(60)
@given(STREAMS, CUTS, CUTS, some.sampled_from([8.0, 4.0, 1.0, 0.1]))
def test_whatever_comes_is_judged_the_same_however_it_is_cut(data, cuts, others, claim):
    outcomes = []
    for each in (cuts, others, [1] * min(300, len(data))):
        gate, examination = Gate(), Examination(claim)
        gate.claim(claim, 2.0 ** -30)
        for piece in pieces(data, each):
            gate.update(piece)
            examination.update(piece)
        outcomes.append((gate.failures, gate.is_sound, gate.why(), examination.outcome()))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert (gate.why() == "") is gate.is_sound


@examples(80)
@given(some.integers(1, 800), some.floats(2.0 ** -60, 2.0 ** -10), some.integers(10, 60))
def test_the_cutoffs_are_exact_for_any_claim_and_alpha(hundredths, alpha, bits):
    claim = hundredths / 100
    assert repetition_cutoff(claim, 2.0 ** -bits) == 1 - (-100 * bits // hundredths)
    equal, exact = repetition_cutoff(claim, alpha) - 1, Fraction(alpha) ** 100
    assert Fraction(1, 2 ** (equal * hundredths)) <= exact < Fraction(1, 2 ** ((equal - 1) * hundredths))
    assert 2 <= proportion_cutoff(claim, alpha) <= 513
