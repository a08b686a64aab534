# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cutoffs of the health tests: as published, and exact for any claim and any alpha."""

import math
from fractions import Fraction

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._health_cutoffs import (
    WINDOW,
    critbinom,
    proportion_cutoff,
    repetition_cutoff,
    same_samples,
)
from health_bytes import STEADY
from hypothesis import given
from hypothesis import strategies as some


@pytest.mark.parametrize(("min_entropy", "repetition", "proportion"), [(8, 5, 16), (4, 9, 71), (1, 31, 325)])
def test_the_cutoffs_are_the_published_ones(min_entropy, repetition, proportion):
    alpha = 2.0 ** -30
    assert repetition_cutoff(min_entropy, alpha) == repetition
    assert proportion_cutoff(min_entropy, alpha) == proportion


def test_a_smaller_chance_of_a_false_alarm_and_a_smaller_claim_take_higher_cutoffs():
    cutoffs = [proportion_cutoff(8, 2.0 ** -bits) for bits in (20, 30, 40, 50)]
    assert cutoffs == sorted(set(cutoffs))
    claims = [(repetition_cutoff(bits, 2.0 ** -40), proportion_cutoff(bits, 2.0 ** -40)) for bits in (8, 7.8125, 4, 1, 0.5)]
    assert claims == sorted(set(claims))
    # A source that claims next to nothing can be a constant: the window is never full of it.
    assert proportion_cutoff(0.01, 2.0 ** -40) == WINDOW + 1


@STEADY
@given(some.integers(1, 30), some.floats(0.001, 0.999), some.integers(1, 60))
def test_critbinom_is_the_definition_in_exact_fractions(trials, chance, bits):
    alpha, exact = Fraction(1, 2 ** bits), Fraction(chance)
    weights = [math.comb(trials, k) * exact ** k * (1 - exact) ** (trials - k) for k in range(trials + 1)]
    assert critbinom(trials, chance, 2.0 ** -bits) == min(k for k in range(trials + 1) if sum(weights[k + 1:]) <= alpha)


@pytest.mark.parametrize(("min_entropy", "bits", "cutoff"), [(0.7, 21, 31), (1.4, 21, 16), (0.35, 21, 61), (0.7, 35, 51), (1.1, 22, 21), (0.1, 40, 401)])
def test_where_alpha_is_a_whole_number_of_samples_no_rounding_makes_the_cutoff_one_higher(min_entropy, bits, cutoff):
    assert repetition_cutoff(min_entropy, 2.0 ** -bits) == cutoff


@STEADY
@given(some.integers(1, 8000), some.integers(1, 60))
def test_the_cutoff_is_exact_for_each_claim_in_thousandths_and_each_power_of_two(thousandths, bits):
    assert repetition_cutoff(thousandths / 1000, 2.0 ** -bits) == 1 - (-1000 * bits // thousandths)


@STEADY
@given(some.integers(1, 80), some.floats(1e-15, 0.5))
def test_the_cutoff_is_exact_for_any_alpha(tenths, alpha):
    # 2**-(samples * tenths / 10) <= alpha, both sides to the power of ten.
    count, exact = same_samples(tenths / 10, alpha), Fraction(alpha) ** 10
    assert Fraction(1, 2 ** (count * tenths)) <= exact
    assert Fraction(1, 2 ** ((count - 1) * tenths)) > exact


def test_the_number_beside_a_power_of_two_takes_one_sample_more_or_less():
    # Fifteen digits of the logarithm are those of 2**-30 itself.
    assert [same_samples(1.0, math.nextafter(2.0 ** -30, limit)) for limit in (0, 1)] == [31, 30]
    assert [same_samples(30.0, math.nextafter(2.0 ** -30, limit)) for limit in (0, 1)] == [2, 1]
