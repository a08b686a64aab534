# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cutoffs of the health tests: how often a sound source does something by chance. Pure, of the standard library alone, and exact.

No float is rounded on the way: an error of one unit in the last place would make a cutoff one too high wherever alpha and the claim make it a whole number.
"""

import decimal
from fractions import Fraction

# SP 800-90B, 4.4.2: the window of the adaptive proportion test for samples of more than one bit.
WINDOW = 512
# Digits of a first look at a logarithm. Twice as many are taken where they do not decide.
_DIGITS = 50


def critbinom(trials, chance, alpha):
    """Return the smallest k (int) with P(X > k) <= ``alpha`` for X of a binomial distribution: what a spreadsheet calls CRITBINOM(.., 1 - alpha).

    ``chance`` and ``alpha`` (float) are taken for the fractions that they are, and all is whole numbers: no rounding, however small ``alpha`` is.
    """
    hit, scale = chance.as_integer_ratio()
    part, whole = alpha.as_integer_ratio()
    miss = scale - hit
    # The term and the tail P(X >= k), both times scale ** trials, from k = trials down. The division leaves no rest.
    term, tail, limit = hit ** trials, 0, part * scale ** trials
    for k in range(trials, 0, -1):
        tail += term
        if tail * whole > limit:
            return k
        term = term * (k * miss) // ((trials - k + 1) * hit)
    return 0


def same_samples(min_entropy, chance):
    """Return how many samples (int) must each be one certain value until that has a chance of at most ``chance``, at ``min_entropy`` bits per sample.

    ``min_entropy`` is the decimal number that its text says, as a person wrote it: 0.7 is 7/10, not the binary fraction next to it.
    """
    entropy = Fraction(repr(min_entropy))
    part, whole = chance.as_integer_ratio()
    if part == 1 and whole & (whole - 1) == 0:
        return -(-(whole.bit_length() - 1) // entropy)
    # Of no other fraction the logarithm is rational, so enough digits always decide.
    digits = _DIGITS
    while True:
        low, high = (-(-bits // entropy) for bits in _bits(part, whole, digits))
        if low == high:
            return low
        digits *= 2


def _bits(part, whole, digits):
    """Return a lower and an upper bound (pair of Fraction) of log2(``whole`` / ``part``), both int, that agree in ``digits`` less 10 digits."""
    context = decimal.Context(prec=digits)
    ones, others = (context.ln(decimal.Decimal(number)) for number in (whole, part))
    bits = Fraction(context.divide(context.subtract(ones, others), context.ln(decimal.Decimal(2))))
    # The terms are below 1,100 (no float is smaller than 2**-1074), and each is right to the last of its digits.
    error = Fraction(1, 10 ** (digits - 10))
    return bits - error, bits + error


def repetition_cutoff(min_entropy, alpha):
    """Return how many equal samples in a row (int) a source of ``min_entropy`` (bits per sample) gives with a chance of ``alpha`` (4.4.1)."""
    return 1 + same_samples(min_entropy, alpha)


def proportion_cutoff(min_entropy, alpha, window=WINDOW):
    """Return how often (int) the first of ``window`` samples is in them with a chance of ``alpha``, of ``min_entropy`` bits per sample (4.4.2)."""
    return 1 + critbinom(window, 2.0 ** -min_entropy, alpha)
