# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest finds its domain by UUID, over all hosts."""

from ansible_collections.kvm.entropy.plugins.plugin_utils._join import Index, byte_swapped
from chain_halves import UUID, domain, host


def names(found):
    return [(name, one["name"]) for name, one in found]


def test_the_case_of_a_uuid_makes_no_difference():
    assert names(Index({"a": host(domain())}).find(UUID.upper())) == [("a", "web")]


def test_a_uuid_with_its_first_three_fields_swapped_is_the_same_domain():
    swapped = "22a8122c-af84-4b42-91cf-7470bde43aa8"
    assert byte_swapped(UUID) == swapped
    assert names(Index({"a": host(domain())}).find(swapped)) == [("a", "web")]


def test_what_is_no_uuid_finds_nothing():
    index = Index({"a": host(domain())})
    assert index.find(None) == []
    assert index.find("Not Settable") == []


def test_of_two_hosts_with_the_domain_the_running_one_is_meant():
    index = Index({"a": host(domain(state="shutoff")), "b": host(domain())})
    assert names(index.find(UUID)) == [("b", "web")]


def test_two_running_domains_are_both_returned():
    index = Index({"a": host(domain()), "b": host(domain())})
    assert names(index.find(UUID)) == [("a", "web"), ("b", "web")]


def test_a_host_that_was_not_seen_has_no_domains():
    assert Index({"a": {"domains": None}, "b": {}}).find(UUID) == []
