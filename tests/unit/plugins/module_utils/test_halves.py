# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From variables to halves: what a look left, what a host or guest says of itself, and what is wrong there."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._halves import guest_half, host_half

FACTS = {"gathered_at": 1}
UUID = "2c12a822-84af-424b-91cf-7470bde43aa8"


def test_cached_facts_are_a_guests_half():
    half = guest_half("web-1", {"ansible_facts": {"entropy": FACTS}}, "auto")
    assert half == {"entropy": FACTS, "error": None, "uuid": None, "expect": "auto"}


def test_a_guest_that_nobody_has_looked_at_has_an_empty_half():
    assert guest_half("web-1", {}, "auto") == {"entropy": None, "error": None, "uuid": None, "expect": "auto"}


def test_a_look_of_this_run_that_failed_tells_why():
    assert guest_half("web-1", {"__entropy_verify_seen": {"msg": "no route"}}, "auto")["error"] == "no route"
    assert guest_half("web-1", {"__entropy_verify_seen": {"unreachable": True}}, "auto")["error"] == "the look at it failed without a word"


def test_a_host_tells_why_its_own_look_or_that_at_its_domains_failed():
    good = {"__entropy_host_seen": {"ansible_facts": {}}}
    assert host_half("kvm1", dict(good, __entropy_host_domains_seen={"groups": []}), "auto")["error"] is None
    assert host_half("kvm1", dict(good, __entropy_host_domains_seen={"msg": "no libvirt"}), "auto")["error"] == "no libvirt"
    assert host_half("kvm1", {"__entropy_host_seen": {"msg": "no answer"}}, "auto")["error"] == "no answer"


@pytest.mark.parametrize("half", [host_half, guest_half])
def test_what_a_host_or_guest_expects_counts_before_what_is_expected_of_all(half):
    assert half("it", {"entropy_verify_expect": "host-only"}, "auto")["expect"] == "host-only"
    assert half("it", {}, "guest-only")["expect"] == "guest-only"
    with pytest.raises(EntropyError, match="^it: entropy_verify_expect is 'foo', must be one of auto, host-only, guest-only$"):
        half("it", {"entropy_verify_expect": "foo"}, "auto")


def test_a_uuid_is_taken_in_every_form_and_refused_where_it_is_none():
    assert guest_half("web-1", {"entropy_domain_uuid": UUID.upper() + "\n"}, "auto")["uuid"] == UUID
    with pytest.raises(EntropyError, match="^web-1: entropy_domain_uuid is 'web', must be the UUID of its libvirt domain"):
        guest_half("web-1", {"entropy_domain_uuid": "web"}, "auto")
