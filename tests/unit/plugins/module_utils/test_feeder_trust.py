# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a source that failed is tried again: later each time, and after five failures no more."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_past import MOST_SOURCES
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_trust import LATCH_AFTER, Trust

ALPHA = 2.0 ** -30
# What is enough to forget a failure at that alpha (bytes).
MIB = 2 ** 20


def trust(failures=0, name="virtio_rng.0"):
    """Return a Trust whose source failed so often."""
    made = Trust()
    made.begin(name)
    for _each in range(failures):
        made.failed(60)
    return made


@pytest.mark.parametrize(("retry", "waits"), [
    (1, [1, 2, 4, 8]), (60, [60, 120, 240, 480]), (1000, [1000, 2000, 3600, 3600]), (86400, [86400] * 4)])
def test_it_waits_twice_as_long_after_each_failure_up_to_an_hour_or_to_what_is_configured(retry, waits):
    made = trust()
    assert [made.failed(retry) for _each in waits] == waits
    assert not made.is_latched


def test_after_five_failures_it_is_not_tried_again():
    made = trust(LATCH_AFTER - 1)
    assert not made.is_latched
    made.failed(60)
    assert (made.is_latched, made.recent, made.failures) == (True, 5, 5)


@pytest.mark.parametrize(("alpha", "enough"), [(ALPHA, MIB), (2.0 ** -20, 2 ** 14), (2.0 ** -40, 2 ** 30)])
def test_failures_no_longer_count_after_so_many_sound_bytes_that_chance_explains_them(alpha, enough):
    made = trust(3)
    made.passed(enough - 1, alpha)
    assert made.recent == 3
    made.passed(1, alpha)
    assert (made.recent, made.failures, made.failed(60)) == (0, 3, 60)


def test_sound_bytes_before_a_failure_do_not_outweigh_it():
    made = trust(1)
    made.passed(MIB - 1, ALPHA)
    made.failed(60)
    made.passed(MIB - 1, ALPHA)
    assert made.recent == 2


def test_another_source_begins_with_no_failures_and_the_same_does_not():
    made = trust(LATCH_AFTER)
    made.begin("virtio_rng.0")
    assert made.is_latched
    made.begin("tpm-rng-0")
    assert (made.is_latched, made.recent, made.failures) == (False, 0, LATCH_AFTER)


def test_a_source_that_is_back_has_the_failures_that_it_had():
    made = trust(LATCH_AFTER - 1)
    made.begin("tpm-rng-0")
    made.failed(60)
    made.passed(MIB, ALPHA)
    made.begin("virtio_rng.0")
    assert made.failed(60, "it is stuck") == 960
    made.begin("tpm-rng-0")
    assert (made.recent, made.why) == (0, "")
    made.begin("virtio_rng.0")
    assert made.is_latched and made.why.startswith("it is stuck. It failed 5 times and is not tried again")


def test_no_more_sources_are_remembered_than_a_machine_has():
    made = trust(1)
    for number in range(MOST_SOURCES):
        made.begin("virtio_rng.%d" % (number + 1))
        made.failed(60)
    made.begin("virtio_rng.0")
    assert made.recent == 0
    made.begin("virtio_rng.%d" % MOST_SOURCES)
    assert made.recent == 1


def test_who_reads_the_configuration_again_trusts_it_again():
    made = trust(LATCH_AFTER)
    made.reset()
    assert (made.is_latched, made.recent, made.failures) == (False, 0, LATCH_AFTER)
