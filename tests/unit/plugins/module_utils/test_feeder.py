# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loop: what is mixed, what is credited and when, and that it rests where there is nothing to do."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_source import GoneError
from feeder_fakes import BLOCK, STARTUP, FakeKernel, Stand, options
from health_bytes import biased, sound


def credited(stand):
    """Return all bytes that were credited, in the order that they were."""
    return b"".join(data for data, _bits in stand.kernel.given)


def test_nothing_is_credited_before_1024_samples_and_the_next_64_bytes_seed_the_kernel():
    data = sound(STARTUP + BLOCK)
    stand = Stand(data[:-1], FakeKernel(is_ready=False))
    stand.turn()
    assert (stand.kernel.given, stand.feeder.state) == ([], "feeding")
    stand.source.data = data[-1:]
    stand.turn()
    assert stand.kernel.given == [(data[STARTUP:], 256)]
    assert (stand.kernel.ready, stand.kernel.reseeds, stand.feeder.reseeds, stand.feeder.credited) == (True, 1, 1, 256)


def test_no_more_is_read_than_the_start_up_test_and_a_block_take():
    stand = Stand(kernel=FakeKernel(is_ready=False))
    stand.turn()
    assert (stand.source.wanted, stand.feeder.read) == ([STARTUP + BLOCK], STARTUP + BLOCK)


def test_each_byte_is_mixed_once_and_at_once_and_credited_at_most_once():
    stand = Stand()
    data, seen, read = stand.source.data, [], stand.source.read

    def watched(most, seconds):
        for piece in read(most, seconds):
            seen.append(piece)
            yield piece
            assert stand.kernel.mixed == seen, "the next piece is read before this one is mixed in"

    stand.source.read = watched
    stand.run(600)
    mixed = b"".join(stand.kernel.mixed)
    assert len(mixed) == stand.feeder.read >= STARTUP + 9 * BLOCK
    assert data.startswith(mixed)
    assert mixed[STARTUP:] == credited(stand)
    assert stand.feeder.discarded == STARTUP


@pytest.mark.parametrize(("claim", "block"), [(8.0, 64), (4.0, 64), (3.0, 128), (1.0, 256), (0.1, 2560)])
def test_no_more_is_credited_than_is_claimed_and_a_block_is_what_seeds_the_kernel(claim, block):
    stand = Stand(kernel=FakeKernel(is_ready=False), min_entropy=claim)
    stand.run(300)
    assert len(stand.kernel.given) > 1
    assert {len(data) for data, _bits in stand.kernel.given} == {block}
    assert all(256 <= bits <= claim * len(data) for data, bits in stand.kernel.given)
    assert stand.feeder.credited == stand.kernel.credited


FAULTS = {
    "repetition": (1.0, b"x" * 31, "repetition count (cutoff 31)"),
    "proportion": (4.0, b"".join(bytes([1, each | 2]) for each in sound(600, 9)), "adaptive proportion (cutoff 71)"),
    "period": (1.0, sound(STARTUP), "its bytes came again after"),
}


@pytest.mark.parametrize("test", FAULTS)
def test_a_test_that_fails_stops_the_credit_and_drops_what_is_held(test):
    claim, fault, why = FAULTS[test]
    # The fault comes while bytes are held, and sound ones follow in the same read.
    good = sound(STARTUP + (192 if claim == 1 else 32))
    stand = Stand(good + fault + sound(4096, 3), min_entropy=claim)
    while stand.feeder.state in ("starting", "feeding"):
        stand.turn()
    assert stand.feeder.state == "failed"
    assert stand.feeder.why.startswith("/nowhere/source failed: ")
    assert why in stand.feeder.why
    assert stand.feeder.failures[test] >= 1
    assert (good + fault)[STARTUP:].startswith(credited(stand))
    assert stand.feeder.discarded == stand.feeder.read - len(credited(stand))
    assert b"".join(stand.kernel.mixed) == (good + fault + sound(4096, 3))[:stand.feeder.read]


def test_a_stuck_source_is_never_credited():
    stand = Stand(bytes(200000), FakeKernel(is_ready=False))
    stand.run(3600)
    assert (stand.kernel.given, stand.feeder.state) == ([], "failed")
    assert stand.feeder.failures["repetition"] > 0


def test_a_source_that_failed_is_left_alone_and_then_tested_anew():
    stand = Stand(bytes(STARTUP + BLOCK), retry=300)
    assert (stand.turn(), stand.source.is_open, stand.source.opened) == (300, False, 1)
    stand.clock.now -= 1
    assert (stand.turn(), stand.source.opened) == (1, 1)
    stand.source.data = sound(STARTUP + BLOCK)
    stand.turn()
    assert (stand.source.opened, stand.feeder.state) == (2, "feeding")
    assert credited(stand) == sound(STARTUP + BLOCK)[STARTUP:]


def looped(lead, loop, length=200_000):
    """Return bytes that begin to repeat ``loop`` (bytes) after ``lead`` of them."""
    return (sound(lead) + loop * (length // len(loop)))[:length]


@pytest.mark.parametrize(("lead", "loop", "bits"), [
    (1200, sound(64, 1), 4 * 256), (16, bytes(range(256)), 0), (1024, bytes(range(256)), 4 * 256),
    (1200, sound(4096, 1), (1200 + 4096 - 1024 + 42) // 64 * 256),
])
@pytest.mark.parametrize("is_ready", [True, False])
def test_no_more_is_credited_of_a_source_that_repeats_itself_than_what_came_once(lead, loop, bits, is_ready):
    stand = Stand(looped(lead, loop), FakeKernel(is_ready=is_ready, needs=None), interval=1, limit=1048576)
    stand.run(86400)
    assert (stand.feeder.credited, stand.feeder.state, stand.feeder.is_latched) == (bits, "failed", True)
    assert "it gives again what it gave before" in stand.feeder.why
    # Each retry took what it takes to recognize what came before.
    assert stand.feeder.source_failures == 5
    assert stand.feeder.read < lead + len(loop) + 6 * (STARTUP + BLOCK)


def test_a_source_that_keeps_failing_is_tried_after_a_rest_that_doubles_and_after_five_failures_no_more():
    stand = Stand(bytes(200_000), retry=100)
    assert [stand.turn() for _again in range(7)] == [100, 200, 400, 800, 1600, 60, 60]
    assert (stand.source.opened, stand.feeder.is_latched, stand.feeder.recent_failures) == (5, True, 5)
    assert "It failed 5 times and is not tried again: repair it, then reload or restart the service" in stand.feeder.why
    # Not even where it has become sound.
    stand.source.data = sound(100_000)
    stand.run(86400)
    assert (stand.source.opened, stand.kernel.given) == (5, [])


def latched(**changes):
    """Return a Stand whose source is not tried again, although it is sound now."""
    stand = Stand(bytes(200_000), **changes)
    stand.run(3600)
    assert stand.feeder.is_latched
    stand.source.data = sound(100_000)
    return stand


def test_a_reload_has_a_source_tried_again_that_failed_too_often():
    stand = latched()
    stand.feeder.change(options())
    assert (stand.feeder.is_latched, stand.feeder.recent_failures, stand.feeder.source_failures) == (False, 0, 5)
    stand.turn()
    assert credited(stand) == sound(STARTUP + BLOCK)[STARTUP:]


def test_another_current_source_is_tried_although_the_one_before_failed_too_often():
    stand = latched()
    stand.source.current = GoneError("/dev/hwrng: the kernel has no hardware source")
    assert (stand.turn(), stand.feeder.state, stand.feeder.is_latched) == (60, "failed", True)
    stand.source.current = "tpm-rng-0"
    stand.turn()
    assert (stand.feeder.state, stand.feeder.source_name, stand.feeder.is_latched) == ("feeding", "tpm-rng-0", False)
    assert credited(stand) == sound(STARTUP + BLOCK)[STARTUP:]


def test_a_source_that_failed_too_often_is_not_tried_again_when_the_kernel_comes_back_to_it():
    stand = latched()
    first, why = stand.source.name, stand.feeder.why
    stand.source.current = "tpm-rng-0"
    stand.turn()
    before = stand.feeder.credited
    for is_gone in (False, True):
        stand.clock.now += 3600
        if is_gone:
            stand.source.current = GoneError("/dev/hwrng: the kernel has no hardware source")
            stand.turn()
            stand.clock.now += 3600
        stand.source.name = stand.source.current = first
        stand.run(3600)
        assert (stand.feeder.state, stand.feeder.is_latched, stand.feeder.why, stand.feeder.credited) == ("failed", True, why, before)


def test_a_kernel_that_changes_to_and_fro_does_not_clear_the_failures_of_a_source():
    stand = Stand(b"")
    for number in range(20):
        stand.source.name = stand.source.current = "virtio_rng.%d" % (number % 2)
        stand.source.data = sound(2000, 2000 + number) if number % 2 else bytes(100)
        stand.clock.now += 7200
        stand.run(60)
    assert stand.feeder.source_failures == 5


def test_a_source_that_ends_before_a_block_of_fips_140_2_is_whole_is_held_to_it_too():
    stand = Stand(b"", limit=1048576, interval=1)
    stand.source.ends = True
    for seed in range(100):
        stand.source.data = biased(2400, 10 + seed)
        stand.run(60)
    assert stand.feeder.is_latched and "FIPS 140-2" in stand.feeder.why


def test_what_failed_is_recognized_after_its_rest_before_anything_of_it_is_credited():
    data = sound(5000)
    stand = Stand(data, retry=60)
    stand.run(86400)
    once = stand.feeder.credited
    # It delivers the same again, from another place on.
    for number, at in enumerate((1000, 2500), start=1):
        stand.source.data = data[at:at + BLOCK]
        stand.run(3600)
        assert (stand.feeder.credited, stand.feeder.failures["period"], stand.feeder.source_failures) == (once, number, number)


def test_a_replay_after_the_source_went_away_is_recognized_too():
    data = sound(STARTUP + 4 * BLOCK)
    stand = Stand(data)
    stand.source.ends = True
    stand.run(600)
    before = stand.feeder.credited
    assert before > 0
    stand.source.data = data[:BLOCK]
    stand.run(600)
    assert (stand.feeder.credited, stand.feeder.failures["period"]) == (before, 1)


def test_a_source_that_ends_with_each_failure_has_failed_all_the_same():
    stand = Stand(b"")
    stand.source.ends = True
    for _again in range(5):
        stand.source.data = bytes(100)
        stand.clock.now += 3600
        stand.turn()
    assert (stand.feeder.source_failures, stand.feeder.is_latched, stand.feeder.state) == (5, True, "failed")


def test_a_failure_counts_until_a_mebibyte_was_sound():
    stand = Stand(bytes(1000), limit=1048576, interval=1)
    stand.turn()
    stand.source.data = sound(2 ** 20 + 2000)
    while stand.source.data and stand.feeder.read < 2 ** 20:
        stand.turn()
        assert stand.feeder.recent_failures == 1
    stand.run(600)
    assert (stand.feeder.recent_failures, stand.feeder.source_failures, stand.feeder.state) == (0, 1, "silent")


def test_blocks_that_fail_fips_140_2_end_the_credit_of_a_source_that_passes_all_else():
    stand = Stand(biased(100_000), interval=1, limit=1048576)
    stand.run(86400)
    assert (stand.feeder.state, stand.feeder.is_latched) == ("failed", True)
    assert "FIPS 140-2 (7 blocks in a row)" in stand.feeder.why
    # Three blocks at first, of which the start-up test is not credited. After that no block passed a start-up test.
    assert stand.feeder.credited <= 4 * (3 * 2500 - STARTUP)
    assert stand.feeder.read <= 7 * 2500 + 5 * BLOCK


def test_another_current_source_begins_anew_and_what_is_held_of_the_one_before_is_dropped():
    first, second = sound(STARTUP + 192, 1), sound(STARTUP + 300, 2)
    stand = Stand(first, min_entropy=1.0)
    stand.turn()
    stand.source.name, stand.source.data = "tpm-rng-0", second
    stand.run(300)
    assert (stand.feeder.source_name, stand.feeder.why) == ("tpm-rng-0", "tpm-rng-0 gives nothing")
    assert credited(stand) == second[STARTUP:STARTUP + 256]
    assert stand.feeder.discarded == len(first) + STARTUP


def test_a_source_that_became_another_one_in_the_middle_of_a_read_is_not_credited_for_the_tests_of_the_one_before():
    stand = Stand()
    data, stand.source.current = stand.source.data, "tpm-rng-0"
    stand.turn()
    assert (stand.kernel.given, stand.feeder.discarded, stand.feeder.state, stand.feeder.why) == ([], STARTUP + BLOCK, "starting", "reads tpm-rng-0")
    stand.turn()
    assert credited(stand) == data[STARTUP + BLOCK:][STARTUP:STARTUP + BLOCK]


def test_a_source_that_went_in_the_middle_of_a_read_is_absent_and_not_credited():
    stand = Stand()
    stand.source.current = GoneError("/dev/hwrng: the kernel has no hardware source")
    assert stand.turn() == 1
    assert (stand.kernel.given, stand.feeder.state, stand.source.is_open) == ([], "absent", False)
    assert stand.feeder.discarded == STARTUP + BLOCK
    stand.source.current = None
    stand.run(30)
    assert (stand.feeder.discarded, len(credited(stand))) == (2 * STARTUP + BLOCK, BLOCK)


@pytest.mark.parametrize("piece", [1, 48, 63, 65, 1000])
def test_what_a_piece_has_beyond_the_start_up_test_counts(piece):
    stand = Stand(sound(STARTUP + BLOCK))
    stand.source.piece = piece
    stand.run(300)
    assert credited(stand) == sound(STARTUP + BLOCK)[STARTUP:]


def test_the_start_up_test_does_not_delay_the_first_credit_of_a_kernel_that_is_ready():
    stand = Stand(sound(STARTUP + BLOCK))
    stand.source.piece = 48
    stand.turn()
    assert len(credited(stand)) == BLOCK


def test_a_source_that_came_back_begins_anew():
    stand = Stand(sound(STARTUP + 32))
    stand.source.ends = True
    stand.turn()
    assert (stand.feeder.state, stand.feeder.why) == ("absent", "/nowhere/source: it ended")
    again = sound(STARTUP + 2 * BLOCK, 1)
    stand.source.data, stand.source.ends = again, False
    stand.run(300)
    assert credited(stand) == again[STARTUP:]


def test_a_source_that_fails_and_ends_in_one_read_is_not_credited_either():
    stand = Stand(sound(STARTUP + 32) + bytes(20), min_entropy=2.0)
    stand.source.ends = True
    stand.turn()
    stand.source.data = sound(STARTUP + 100, 1)
    stand.turn()
    assert (stand.kernel.given, stand.feeder.failures["repetition"]) == ([], 1)


def test_an_absent_source_is_looked_for_less_and_less_often_up_to_once_a_minute():
    stand = Stand()
    stand.source.trouble = GoneError("/nowhere/source: No such file or directory")
    assert [stand.turn() for _again in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert (stand.feeder.state, stand.feeder.why) == ("absent", "/nowhere/source: No such file or directory")
    stand.source.trouble = None
    stand.turn()
    assert stand.feeder.state == "feeding"
    stand.source.close()
    stand.source.trouble = GoneError("gone again")
    stand.clock.now += 3600
    assert [stand.turn() for _again in range(2)] == [1, 2]


def test_a_source_that_can_never_be_one_is_looked_at_again_after_retry():
    stand = Stand(retry=120)
    stand.source.trouble = FeederError("source /nowhere/source: found a device that delivers zeros or nothing")
    assert [stand.turn(), stand.turn()] == [120, 120]
    # No test has failed.
    assert stand.feeder.state == "absent"
    assert "delivers zeros" in stand.feeder.why


def test_a_kernel_that_is_ready_is_fed_at_each_interval():
    stand = Stand(interval=600)
    stand.run(6000)
    assert 9 <= stand.feeder.reseeds == stand.kernel.reseeds <= 11
    assert stand.feeder.read == STARTUP + BLOCK * stand.feeder.reseeds


def test_at_rest_it_has_one_turn_per_interval():
    stand = Stand()
    stand.turn()
    assert [stand.turn() for _again in range(3)] == [60, 60, 60]
    assert stand.feeder.reseeds == 4


@pytest.mark.parametrize("limit", [64, 1000, 4096])
def test_no_more_is_read_per_minute_than_the_limit(limit):
    stand = Stand(interval=1, limit=limit)
    stand.run(1200)
    assert stand.feeder.read <= limit * 20 + STARTUP + BLOCK
    assert stand.feeder.read >= min(limit * 20, 1200 * BLOCK) * 0.9


def test_a_kernel_that_is_not_ready_is_fed_without_a_rest():
    stand = Stand(kernel=FakeKernel(is_ready=False, needs=512), limit=64)
    assert (stand.turn(), stand.kernel.ready) == (0, False)
    stand.turn()
    assert stand.kernel.ready


def test_a_kernel_that_stays_not_ready_is_not_fed_without_bound():
    stand = Stand(kernel=FakeKernel(is_ready=False, needs=None))
    stand.run(600)
    assert not stand.kernel.ready
    assert 4 * BLOCK < stand.feeder.read - STARTUP <= 10 * 4096 + 5 * BLOCK


def test_an_older_kernel_is_fed_when_it_is_thirsty_and_not_before():
    stand = Stand(kernel=FakeKernel(is_rewritten=False), interval=3600)
    assert (stand.turn(), stand.ends_by_thirst) == (60.0 * (STARTUP + BLOCK) / 4096, False)
    assert (stand.turn(), stand.ends_by_thirst, len(stand.kernel.given)) == (pytest.approx(3600, abs=60), True, 1)
    stand.clock.now -= 3000
    stand.kernel.thirsty = True
    stand.turn()
    assert len(stand.kernel.given) == 2


def test_an_older_kernel_that_stays_thirsty_is_fed_within_the_limit():
    stand = Stand(kernel=FakeKernel(is_rewritten=False), interval=3600, limit=1024)
    stand.kernel.thirsty = True
    turns = stand.run(1200)
    assert 0.9 * 20 * 1024 <= stand.feeder.read <= 20 * 1024 + STARTUP + BLOCK
    assert turns <= 3 * stand.feeder.read / BLOCK


def test_a_rest_for_the_sake_of_the_limit_is_not_ended_by_thirst():
    stand = Stand(kernel=FakeKernel(is_rewritten=False), limit=64)
    stand.kernel.thirsty = True
    assert (stand.turn(), stand.ends_by_thirst) == (60.0 * (STARTUP + BLOCK) / 64, False)


def test_thirst_of_the_rewritten_generator_means_nothing():
    stand = Stand(interval=3600)
    stand.kernel.thirsty = True
    stand.run(3000)
    assert (len(stand.kernel.given), stand.ends_by_thirst) == (1, False)


def test_a_silent_source_is_waited_for_in_the_read():
    stand = Stand(b"")
    assert (stand.turn(30), stand.clock.now) == (0, 1030)
    assert (stand.feeder.state, stand.feeder.why) == ("silent", "/nowhere/source gives nothing")
    stand.source.data = sound(100)
    stand.turn()
    assert stand.feeder.state == "starting"


def test_a_read_that_ends_at_once_with_nothing_does_not_become_a_busy_loop():
    stand = Stand(kernel=FakeKernel(is_ready=False))
    stand.source.read = lambda _most, _seconds: iter(())
    assert stand.run(600) <= 600


def test_other_options_begin_anew_and_end_a_rest():
    stand = Stand(bytes(2000), retry=3600)
    stand.turn()
    stand.source.data = sound(4096)
    stand.feeder.change(options(min_entropy=8.0))
    stand.turn()
    assert stand.kernel.given == [(sound(4096)[STARTUP:STARTUP + 64], 512)]


def test_a_higher_claim_drops_what_was_held_for_the_larger_block_of_a_lower_one():
    stand = Stand(sound(STARTUP + 2559), min_entropy=0.1)
    stand.turn()
    assert stand.kernel.given == []
    stand.feeder.change(options(min_entropy=4.0))
    stand.source.data = sound(STARTUP + BLOCK, 1)
    stand.turn()
    assert stand.kernel.given == [(sound(STARTUP + BLOCK, 1)[STARTUP:], 256)]
    assert stand.feeder.discarded == STARTUP + 2559 + STARTUP


def test_another_source_in_the_options_is_the_one_that_is_read():
    stand = Stand()
    stand.turn()
    stand.feeder.change(options()._replace(source="/nowhere/else"))
    assert (stand.source.path, stand.source.is_open, stand.feeder.source_name) == ("/nowhere/else", False, "/nowhere/else")
