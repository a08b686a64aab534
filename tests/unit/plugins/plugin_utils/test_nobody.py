# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a run has nobody to judge: one message, with the remedy that fits the cause."""

import pytest
from ansible_collections.kvm.entropy.plugins.plugin_utils._nobody import Inventory, misread, too_few
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import scope_of

WANTED = {"entropy_hosts_group": "kvm_hosts", "entropy_guests_group": "kvm_guests"}
EMPTY = {"all": 0, "ungrouped": 0}


def why(inventory=("inv.yml", True, {}), hosts=(), guests=(), limit=None, least=1, wanted=None):  # noqa: PLR0913
    source, is_there, groups = inventory
    scope = scope_of(list(hosts), list(guests), limit, None if limit is None else set(limit.split(",")))
    found = Inventory([source] if source else [], [] if is_there else [source], {**EMPTY, **groups}, source not in (None, "/etc/ansible/hosts"))
    return too_few(scope, list(hosts), list(guests), wanted or WANTED, least, found)


@pytest.mark.parametrize("inventory, words", [
    ((None, True, {}), "there is no inventory. Name one with -i, or begin without a file: ansible-playbook -i kvm1.example.org, "),
    (("/etc/ansible/hosts", False, {}), "there is no inventory. Name one with -i"),
    (("typo.yml", False, {}), "the inventory typo.yml does not exist. Correct -i"),
    (("inv.yml", True, {}), "the inventory inv.yml has no hosts."),
    (("inv.yml", True, {"all": 2, "ungrouped": 2}), "has no group kvm_hosts and no group kvm_guests. It has no groups, and 2 hosts. Name yours with "
                                                    "-e entropy_hosts_group=GROUP -e entropy_guests_group=GROUP"),
    (("inv.yml", True, {"all": 3, "kvmhosts": 1, "vms": 2}), "Its groups: kvmhosts (1 host), vms (2 hosts). Name yours with "
                                                             "-e entropy_hosts_group=kvmhosts -e entropy_guests_group=GROUP"),
    (("inv.yml", True, {"all": 3, "kvm_hosts": 0, "guests": 3}), "has no group kvm_guests, and group kvm_hosts is empty. "),
    (("inv.yml", True, {"all": 1, "kvm_hosts": 0, "kvm_guests": 0}), "the groups kvm_hosts and kvm_guests of the inventory inv.yml have no hosts."),
])
def test_an_inventory_without_hosts_and_guests_is_told_by_its_cause(inventory, words):
    message = why(inventory)
    assert message.startswith("No host or guest to judge: ") and words in message


def test_a_limit_that_leaves_nobody_is_told_with_what_it_left():
    assert why(hosts=["kvm1"], guests=["a", "b"], limit="backup1") == (
        "No host or guest to judge: limit 'backup1' has none of the 1 host of group kvm_hosts and the 2 guests of group kvm_guests. "
        "Name hosts and guests in the limit.")


def test_fewer_than_are_asked_for_are_too_few():
    assert why(hosts=["kvm1"], guests=["a"]) is None
    assert why(hosts=["kvm1"], guests=["a"], least=2) is None
    assert why(hosts=["kvm1"], guests=["a"], least=3).startswith("Too few to judge: 1 host and 1 guest, entropy_verify_min_judged asks for 3. ")
    assert "(limit 'a' leaves out 1)" in why(hosts=["kvm1"], guests=["a"], limit="a", least=3)
    assert why(least=0) is None


def test_a_group_that_somebody_named_is_there():
    wanted = {**WANTED, "entropy_guests_group": "kvm_guest"}
    inventory = ("inv.yml", True, {"all": 3, "kvm_hosts": 1, "kvm_guests": 2})
    assert why(inventory, hosts=["kvm1"], wanted=wanted).startswith(
        "the inventory inv.yml has no group kvm_guest (entropy_guests_group). Its groups: kvm_hosts (1 host), kvm_guests (2 hosts). "
        "Name yours with -e entropy_guests_group=kvm_guests, ")
    assert why(inventory, hosts=["kvm1"], wanted=wanted, least=0) is None
    # The default is no choice of anybody: a single host needs no group of guests.
    assert why(("kvm1,", True, {"all": 1}), hosts=["kvm1"], wanted={**WANTED, "entropy_hosts_group": "all"}) is None


def test_a_file_that_is_missing_beside_others_is_named():
    found = Inventory(["a.yml", "typo.yml"], ["typo.yml"], {"all": 1, "kvm_hosts": 1}, is_given=True)
    scope = scope_of(["kvm1"], [], None, None)
    assert too_few(scope, ["kvm1"], [], WANTED, 1, found).startswith("the inventory typo.yml does not exist, and its hosts would be left out. ")
    assert too_few(scope, ["kvm1"], [], WANTED, 0, found) is None
    assert too_few(scope, ["kvm1"], [], WANTED, 1, found._replace(is_given=False)) is None


def test_hosts_that_nobody_looks_at_are_named_and_not_counted():
    found = Inventory(["inv.yml"], [], {"all": 2, "kvm_hosts": 1, "kvm_guests": 1}, is_given=True)
    scope = scope_of(["kvm1"], ["a"], "kvm1", {"kvm1"})._replace(not_looked_at=("kvm1",))
    assert too_few(scope, ["kvm1"], ["a"], WANTED, 1, found) == (
        "No host or guest to judge: entropy_verify_expect is guest-only for kvm1, so that nobody looks there, and there is no guest "
        "(limit 'kvm1' leaves out 1). Name guests in the inventory or the limit, or correct entropy_verify_expect.")
    both = scope_of(["kvm1"], ["a"], None, None)._replace(not_looked_at=("kvm1",))
    assert too_few(both, ["kvm1"], ["a"], WANTED, 1, found) is None
    assert too_few(both, ["kvm1"], ["a"], WANTED, 2, found).startswith(
        "Too few to judge: 0 hosts and 1 guest, entropy_verify_min_judged asks for 2; entropy_verify_expect is guest-only for kvm1. ")


@pytest.mark.parametrize(("names", "groups", "words"), [
    (["a", "b"], {"all": 2, "kvm_guests": 2}, None),
    (["a", "b"], {"all": 0, "kvm_guests": 2}, "was not read to its end"),
    (["a", "kvm_guests"], {"all": 2, "kvm_guests": 2}, "has a host and a group with the name kvm_guests (entropy_guests_group)"),
    (["kvm_guests"], {"all": 1, "kvm_hosts": 1}, None),
    (["a{{ b }}", "c{%"], {"all": 2, "kvm_hosts": 1}, "takes for templates: a{{ b }}, c{%"),
    (["a{b}"], {"all": 1, "kvm_hosts": 1}, None),
])
def test_an_inventory_that_ansible_takes_for_less_than_it_says_is_refused(names, groups, words):
    found = misread(WANTED, Inventory(["inv.yml"], [], groups, is_given=True, names=frozenset(names)))
    assert (words is None and found is None) or (found.startswith("the inventory inv.yml ") and words in found)


def test_names_that_were_given_empty_are_named():
    assert "entropy_verify_hosts and entropy_verify_guests are empty" in why(
        ("inv.yml", True, {"all": 1}), wanted={"entropy_hosts_group": None, "entropy_guests_group": None})


def test_ten_thousand_groups_are_told_in_few_words():
    assert len(why(("inv.yml", True, {"all": 1, **{"group-%d" % number: 1 for number in range(10000)}}))) < 1000
