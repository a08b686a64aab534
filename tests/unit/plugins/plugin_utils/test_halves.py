# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From variables to halves: what a look left, and what the inventory says of a host or guest."""

import pytest
from ansible_collections.kvm.entropy.plugins.plugin_utils._halves import DONE, FAILED, guest_half, host_half, step_ended

FACTS = {"gathered_at": 1}


def test_cached_facts_are_a_guests_half():
    assert guest_half({"ansible_facts": {"entropy": FACTS}}, {}, "auto") == {
        "entropy": FACTS, "error": None, "look_failed": None, "uuid": None, "expect": "auto"}


def test_a_guest_that_nobody_has_looked_at_has_an_empty_half():
    assert guest_half({}, {}, "auto") == {"entropy": None, "error": None, "look_failed": None, "uuid": None, "expect": "auto"}


def test_a_look_of_this_run_that_failed_tells_why():
    silent = guest_half({"__entropy_verify_seen": {"msg": "no route", "unreachable": True}}, {}, "auto")
    assert (silent["error"], silent["look_failed"]) == ("no route", None)
    assert guest_half({"__entropy_verify_seen": {"unreachable": True}}, {}, "auto")["error"] == "the look at it failed without a word"


@pytest.mark.parametrize("half, names", [
    (guest_half, ["Look into the guest", "Validating arguments against arg spec 'guest' - Look into a guest"]),
    (host_half, ["Look at the host and its domains", "Look at the host's own randomness", "Validating arguments against arg spec 'host' - Look at a host"]),
])
def test_a_look_that_could_not_be_begun_tells_why(half, names):
    left = {"ansible_failed_result": {"msg": "'vault_pw' is undefined", "failed": True}, "ansible_facts": {"entropy": FACTS}}
    for name in names:
        found = half(dict(left, ansible_failed_task={"name": name}), {}, "auto")
        assert (found["error"], found["look_failed"]) == ("it was not asked: 'vault_pw' is undefined", None)
    # What a task of somebody else's play has left is no reason.
    assert half(dict(left, ansible_failed_task={"name": "Install nginx"}), {}, "auto")["error"] is None
    assert half(dict(left, ansible_failed_task="no task"), {}, "auto")["error"] is None


def test_a_look_that_failed_at_a_machine_that_answered_is_not_unreachable_whatever_interpreter_was_found():
    look = {"msg": "Missing sudo password", "failed": False, "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"}}
    half = guest_half({"__entropy_verify_seen": look, "ansible_facts": {"entropy": FACTS}}, {}, "auto")
    assert (half["error"], half["look_failed"]) == (None, "Missing sudo password")


def test_a_look_of_an_earlier_job_that_failed_counts_until_one_succeeds():
    cached = {"ansible_facts": {"entropy": FACTS, "entropy_look": {"failed_at": 2, "reason": "no space"}}}
    assert guest_half(cached, {}, "auto")["look_failed"] == host_half(cached, {}, "auto")["look_failed"] == "no space"
    seen = {"ansible_facts": {"entropy": FACTS}}
    assert guest_half(dict(cached, __entropy_verify_seen=seen), {}, "auto")["look_failed"] is None
    assert host_half(dict(cached, __entropy_host_seen=seen, __entropy_host_domains_seen={"groups": []}), {}, "auto")["look_failed"] is None
    assert guest_half({"ansible_facts": {"entropy": FACTS, "entropy_look": {}}}, {}, "auto")["look_failed"] is None


@pytest.mark.parametrize("look", [7, "failed", [], {"reason": 7}, {"reason": ""}, {"failed_at": 1}])
def test_a_reason_that_is_none_counts_for_nothing(look):
    assert guest_half({"ansible_facts": {"entropy_look": look}}, {}, "auto")["look_failed"] is None


def test_a_host_tells_why_its_own_look_or_that_at_its_domains_failed():
    good = {"__entropy_host_seen": {"ansible_facts": {"entropy": FACTS}}}
    assert host_half(dict(good, __entropy_host_domains_seen={"groups": []}), {}, "auto")["look_failed"] is None
    assert host_half(dict(good, __entropy_host_domains_seen={"msg": "no libvirt"}), {}, "auto")["look_failed"] == "no libvirt"
    assert host_half(dict(good, __entropy_host_domains_seen={"msg": "gone", "unreachable": True}), {}, "auto")["error"] == "gone"
    assert host_half({"__entropy_host_seen": {"msg": "no answer"}}, {}, "auto")["look_failed"] == "no answer"
    full = {"msg": "mkdir: cannot create directory '/tmp/x': No space left on device", "unreachable": True}
    assert host_half(dict(good, __entropy_host_domains_seen=full), {}, "auto")["look_failed"] == full["msg"]


@pytest.mark.parametrize("half", [host_half, guest_half])
def test_what_a_host_or_guest_expects_counts_before_what_is_expected_of_all(half):
    assert half({}, {"entropy_verify_expect": "host-only"}, "auto")["expect"] == "host-only"
    assert half({}, {}, "guest-only")["expect"] == "guest-only"


@pytest.mark.parametrize("half", [host_half, guest_half])
@pytest.mark.parametrize("found", ["", 7, [], ["entropy"], None, {"entropy": 7}, {"msg": {"deep": []}}])
def test_whatever_a_machine_made_of_its_facts_and_results_there_is_a_half(half, found):
    variables = dict.fromkeys(("ansible_facts", "__entropy_verify_seen", "__entropy_host_seen", "__entropy_host_domains_seen"), found)
    assert half(variables, {}, "auto")["expect"] == "auto"


def test_a_machine_that_did_not_answer_the_step_of_this_run_is_told_by_that():
    silent = {"unreachable": True, "msg": "no route"}
    assert guest_half({"__entropy_guest_first": silent, "__entropy_verify_seen": {"skipped": True}}, {}, "auto")["error"] == "no route"
    assert host_half({"__entropy_host_begun": silent}, {}, "auto")["error"] == "no route"
    assert host_half({"__entropy_host_begun": {"ping": "pong"}}, {}, "auto")["error"] is None


def test_a_step_of_site_that_began_and_did_not_end_has_failed():
    assert step_ended({}, is_host=True) is None
    assert step_ended({"__entropy_host_begun": {}}, is_host=True) == FAILED
    assert step_ended({"__entropy_host_begun": {}, "__entropy_host_ended": True}, is_host=True) == DONE
    assert step_ended({"__entropy_guest_begun": True}, is_host=False) == FAILED
    assert step_ended({"__entropy_guest_read": {"failed": True}}, is_host=False) == FAILED
    assert step_ended({"__entropy_guest_read": {"changed": False}}, is_host=False) is None


def test_a_guest_is_done_only_where_its_driver_was_made_early():
    ended = {"__entropy_guest_begun": True, "__entropy_guest_ended": True}
    image = {"kernel": "6.1.0-1", "driver": True, "early": True}
    for images, how in (({"/boot/a": image}, DONE), ({"/boot/a": image, "/boot/b": dict(image, early=False)}, None), ({}, None), ("forged", None)):
        assert step_ended(dict(ended, __entropy_guest_driver={"after": {"images": images}}), is_host=False) == how
    assert step_ended(dict(ended, __entropy_guest_driver="forged"), is_host=False) is None
    assert step_ended(ended, is_host=False) is None
