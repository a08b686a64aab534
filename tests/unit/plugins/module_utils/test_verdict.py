# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table from links and problems to verdicts."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import LINKS, guest_links, is_proven_in_time, judge_guest, verdict
from chain_halves import facts

WHOLE = dict.fromkeys(LINKS, "ok")


def test_a_whole_chain_is_ok():
    assert verdict(WHOLE, []) == "ok"


@pytest.mark.parametrize("link", ["host", "config", "live", "current", "fed", "in_time"])
def test_a_missing_link_degrades_while_the_crng_is_ready(link):
    assert verdict(dict(WHOLE, **{link: "broken"}), []) == "degraded"


@pytest.mark.parametrize("code", ["not-ready", "early-reads", "fake-source", "fake-device", "source-stuck", "host-unsound"])
def test_what_makes_numbers_guessable_breaks_whatever_else_is_right(code):
    assert verdict(WHOLE, [code]) == "broken"


@pytest.mark.parametrize("code", ["rate-starves", "unsafe-backend", "seeded-late", "initramfs-without-driver"])
def test_what_will_hurt_degrades_although_every_link_is_there(code):
    assert verdict(WHOLE, [code]) == "degraded"


@pytest.mark.parametrize("code", ["no-vmgenid", "duplicate-device", "feeder-useless", "managed-elsewhere"])
def test_what_is_only_worth_knowing_never_degrades(code):
    assert verdict(WHOLE, [code]) == "ok"


def test_an_unreadable_log_alone_never_degrades():
    assert verdict(dict(WHOLE, in_time="unknown"), []) == "ok"


@pytest.mark.parametrize("link", ["host", "config", "live", "current", "fed", "ready"])
def test_a_link_that_nobody_saw_is_never_ok(link):
    assert verdict(dict(WHOLE, **{link: "unknown"}), []) == "unknown"


def test_without_knowing_that_it_is_ready_a_missing_link_is_not_judged_sound():
    assert verdict(dict(WHOLE, config="broken", ready="unknown"), []) == "unknown"


def test_a_machine_that_is_no_kvm_guest_needs_no_device():
    links, found = judge_guest(facts(kvm_guest=False, device=False, current="none", filling=False))
    assert (links["live"], links["current"], links["fed"], found) == ("n/a", "n/a", "n/a", "ok")


def test_a_guest_without_a_device_has_no_current_source_whatever_could_be_read():
    assert guest_links(facts(device=False, current=None, filling=False))["current"] == "broken"


@pytest.mark.parametrize(("current", "quality", "filling", "link"), [
    ("tpm-rng-0", 1024, True, "ok"), ("smccc_trng", 1, True, "ok"), ("tpm-rng-0", 1024, "unknown", "unknown"), ("tpm-rng-0", None, True, "unknown"),
    ("tpm-rng-0", 0, True, "broken"), ("tpm-rng-0", 1024, False, "broken"), ("other-source", 1024, True, "broken"), ("none", None, False, "broken"),
    ("virtio", None, False, "ok"), ("virtio_rng.3", None, "unknown", "ok")])
def test_another_source_than_the_device_counts_where_it_is_known_and_seen_to_feed(current, quality, filling, link):
    half = facts(current=current, filling=filling)
    half["hwrng"]["quality"] = quality
    assert guest_links(half)["current"] == link


@pytest.mark.parametrize(("filling", "live"), [(True, "n/a"), ("unknown", "unknown"), (False, "broken")])
def test_a_guest_that_another_source_feeds_misses_no_device(filling, live):
    half = facts(device=False, current="smccc_trng", filling=filling)
    half["hwrng"]["quality"] = 1024
    assert guest_links(half)["live"] == live


def test_whoever_may_be_a_guest_is_judged_as_one():
    assert judge_guest(facts(kvm_guest="unknown", device=False, current="none", filling=False))[1] == "degraded"


def test_a_source_that_could_not_be_read_is_unknown():
    assert guest_links(facts(current=None, filling="unknown"))["current"] == "unknown"


@pytest.mark.parametrize(("row", "is_proven"), [
    ({"verdict": "ok", "links": {"in_time": "ok"}}, True), ({"verdict": "ok", "links": {"in_time": "n/a"}}, True),
    ({"verdict": "ok", "links": {"in_time": "unknown"}}, False), ({"verdict": "degraded", "links": {"in_time": "unknown"}}, True)])
def test_only_what_is_ok_and_was_not_seen_in_time_is_not_proven(row, is_proven):
    assert is_proven_in_time(row) is is_proven
