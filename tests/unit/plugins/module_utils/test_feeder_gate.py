# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be credited: nothing before the start-up test, nothing after a failure, and the cutoffs are those of the claim."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_gate import GROSS, STARTUP, UNIFORM, Gate
from health_bytes import BLOCK, biased, by_chance, sound

ALPHA = 2.0 ** -30
# Claims (bits per byte) with the cutoffs of the repetition count and of the adaptive proportion test at 2**-30: SP 800-90B, 4.4.
CUTOFFS = [(8.0, 5, 16), (4.0, 9, 71), (1.0, 31, 325)]


def gate(min_entropy=4.0):
    """Return a Gate that nothing has passed."""
    made = Gate()
    made.claim(min_entropy, ALPHA)
    return made


def started(min_entropy=4.0):
    """Return a Gate after its start-up test."""
    made = gate(min_entropy)
    made.update(sound(STARTUP))
    return made


def told(made, data, size=64):
    """Return what the gate says of each piece (list of bool) of ``data``."""
    return [made.update(data[at:at + size]) for at in range(0, len(data), size)]


def windowed(count, seed):
    """Return a window of 512 bytes that its first is ``count`` times in, never more than ten in a row."""
    rest = [each for each in sound(2000, seed) if each != 1][:512 - count]
    runs = [1 + number * len(rest) // count for number in range(count)]
    for number, at in enumerate(runs):
        rest.insert(at + number - 1, 1)
    return bytes(rest)


def test_nothing_may_be_credited_before_1024_samples():
    assert told(gate(), sound(1216)) == [False] * 16 + [True] * 3


def test_the_piece_that_completes_the_start_up_test_may_not_be_credited_either():
    made = gate()
    assert [made.update(sound(1023)), made.left, made.update(sound(300, 1)), made.left, made.update(sound(1, 2))] == [False, 1, False, 0, True]


@pytest.mark.parametrize(("min_entropy", "repetition", "_proportion"), CUTOFFS)
def test_so_many_equal_bytes_as_the_cutoff_says_fail_and_one_less_does_not(min_entropy, repetition, _proportion):
    made = started(min_entropy)
    assert made.update(b"a" + b"b" * (repetition - 1) + b"c")
    assert not made.update(b"d" * repetition)
    assert (made.failures["repetition"], made.failures["proportion"], made.failures["period"]) == (1, 0, 0)
    assert made.why() == "repetition count (cutoff %d)" % repetition


@pytest.mark.parametrize(("min_entropy", "_repetition", "proportion"), CUTOFFS)
def test_one_byte_so_often_in_a_window_as_the_cutoff_says_fails_and_once_less_does_not(min_entropy, _repetition, proportion):
    made = started(min_entropy)
    assert made.update(windowed(proportion - 1, 7))
    assert not made.update(windowed(proportion, 8))
    assert (made.failures["repetition"], made.failures["proportion"]) == (0, 1)
    assert made.why() == "adaptive proportion (cutoff %d)" % proportion


def test_bytes_that_begin_again_fail():
    made = started()
    assert made.update(sound(3000, 1))
    assert not made.update(sound(STARTUP))
    assert made.failures["period"] == 1
    assert made.why() == "its bytes came again after 4024"


def test_what_comes_after_a_failure_may_not_be_credited_until_another_start_up_test_has_passed():
    made = started()
    made.update(bytes(64))
    assert told(made, sound(4096, 3)) == [False] * 64
    made.restart()
    assert told(made, sound(1088, 4)) == [False] * 16 + [True]
    made.update(bytes(9))
    # Of 64 zeros and of 9 there are 7 and 1 that are as long as the cutoff; they are counted since the feeder began.
    assert made.failures["repetition"] == 8


def test_a_failure_within_the_start_up_test_counts():
    made = gate()
    made.update(sound(500) + bytes(9))
    assert told(made, sound(2048, 1)) == [False] * 32
    assert made.why() == "repetition count (cutoff 9)"


def test_other_claims_take_effect_at_once_and_begin_anew():
    made = started(8.0)
    made.claim(1.0, ALPHA)
    assert made.left == STARTUP
    made.update(sound(STARTUP))
    assert made.update(b"x" * 30)


def test_a_replay_is_recognized_within_the_start_up_test_after_each_restart():
    made = started()
    made.update(sound(3000, 1))
    for seed in (2, 3):
        made.restart()
        assert told(made, sound(2000, seed)) == [False] * 16 + [True] * 16
    made.claim(4.0, ALPHA)
    told(made, sound(1024, 1)[500:])
    assert (made.left, made.is_sound, made.failures["period"]) == (500, False, 1)
    assert made.why() == "it gives again what it gave before"


def test_a_period_that_begins_after_the_start_up_test_is_found_before_a_whole_piece_of_it_may_be_credited():
    for lead in range(1024, 1300, 13):
        made = gate()
        good = told(made, sound(lead) + sound(64, 1) * 40)
        # The last piece may end within the first 42 bytes that came again.
        assert sum(good) * 64 <= lead - STARTUP + 64 + 42, lead


@pytest.mark.parametrize("claim", [8.0, 4.0])
def test_three_blocks_in_a_row_that_fail_fips_140_2_end_the_credit_and_two_do_not(claim):
    made = started(claim)
    made.restart("another")
    # One bit of every second byte is never set.
    bad = [bytes(each if number % 2 else each & 0xfe for number, each in enumerate(sound(BLOCK, 100 + seed))) for seed in range(6)]
    made.update(bad[0])
    assert made.update(bad[1] + sound(BLOCK, 50) + bad[2] + bad[3] + bad[4][:-1])
    assert not made.update(bad[4][-1:])
    assert (made.failures["fips"], made.failures["monobit"], made.why()) == (1, 5, "FIPS 140-2 (3 blocks in a row)")


def test_after_a_gross_failure_the_start_up_test_lasts_until_a_block_has_passed():
    made = gate()
    made.update(biased(GROSS * BLOCK))
    for seed in (1, 2):
        assert not made.is_sound
        made.restart()
        assert made.left == BLOCK
        assert set(told(made, biased(BLOCK, seed), 100)) == {False}
    made.restart()
    assert told(made, sound(BLOCK + 100), 100) == [False] * 25 + [True]
    made.restart()
    assert made.left == STARTUP


def test_a_source_that_fails_in_pieces_cannot_hide_it_by_restarts():
    made = gate()
    for seed in range(GROSS):
        made.restart()
        made.update(biased(BLOCK, seed))
    assert not made.is_sound


@pytest.mark.parametrize("length", [STARTUP, 1500, BLOCK - 1])
def test_a_source_that_ends_before_each_block_is_held_to_fips_140_2_too(length):
    made = gate()
    for seed in range(-(-GROSS * BLOCK // length)):
        made.restart("one")
        made.update(biased(length, seed))
    assert not made.is_sound and made.why() == "FIPS 140-2 (3 blocks in a row)"


def test_blocks_are_one_sources_and_go_on_when_the_kernel_changes_back_to_it():
    made = gate()
    for seed in range(-(-GROSS * BLOCK // 1500)):
        made.restart("sound")
        assert made.update(sound(STARTUP, 900 + seed)) is False and made.is_sound
        made.restart("biased")
        made.update(biased(1500, seed))
    assert not made.is_sound
    made.restart("sound")
    assert made.left == STARTUP
    made.restart("biased")
    assert made.left == BLOCK


def test_three_blocks_in_a_row_fail_by_chance_less_often_than_any_alpha_allows():
    # 1,573 of 2 million blocks of the kernel's own generator failed; 2**-40 per byte is the smallest alpha that can be configured.
    assert (1573 / 2e6) ** GROSS < 0.0009 ** GROSS < BLOCK * 2.0 ** -40


def test_the_tests_of_fips_140_2_only_watch_a_source_that_claims_less_than_the_default():
    # One bit of every second byte is never set: too few ones for FIPS 140-2, and far more than one bit of entropy in each byte.
    order = by_chance(1)
    made = started(UNIFORM - 0.1)
    assert all(told(made, bytes(order.randrange(256) & (0xff if number % 2 else 0xfe) for number in range(4 * BLOCK))))
    assert made.is_sound
    assert (made.failures["monobit"], made.failures["fips"]) == (4, 0)
    assert made.why() == ""


def test_zeros_fail_all_three_tests_and_each_is_told_and_counted():
    made = gate()
    made.update(bytes(512))
    assert made.why() == "repetition count (cutoff 9), adaptive proportion (cutoff 71), its bytes came again after 1"
    assert [made.failures[test] for test in ("repetition", "proportion", "period")] == [56, 1, 1]
