# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a run judges nobody, too few, or not all whom the inventory means: the one message, with the remedy that fits the cause. Pure."""

import difflib
import re
from typing import NamedTuple

from ansible_collections.kvm.entropy.plugins.module_utils import _words
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import counted, shown_limit

# Every inventory has these.
_ALWAYS = ("all", "ungrouped")
_MOST_GROUPS = 10
# How close two names are, from 0 to 1, of which one is taken for a slip of the other.
_CLOSE = 0.7
_TEMPLATE = re.compile(r"\{[{%#]")
_BEGIN = "No host or guest to judge: "
_TO_BEGIN = "ansible-playbook -i kvm1.example.org, -e entropy_hosts_group=all kvm.entropy.audit audits a single host without an inventory file"
_DEFAULTS = {"entropy_hosts_group": "kvm_hosts", "entropy_guests_group": "kvm_guests"}
_WANTED = (("entropy_hosts_group", "hosts"), ("entropy_guests_group", "guests"))


class Inventory(NamedTuple):
    """What the inventory of a run is: its ``sources`` (list of str), those of them that are ``missing`` files, and ``groups`` (dict: name to number of hosts).

    ``is_given`` (bool): somebody chose it, by -i or in the configuration. ``names`` (frozenset of str) are those of its hosts.
    """

    sources: list
    missing: list
    groups: dict
    is_given: bool
    names: frozenset = frozenset()


def misread(wanted, inventory):
    """Return why (str) Ansible takes the ``inventory`` (Inventory) for less than it says, so that some would not be looked at; None where it does not.

    ``wanted``: as in ``too_few``.
    """
    where = f"the inventory {_words.names(inventory.sources)}"
    # Of a file that ends in an error Ansible keeps the hosts before it, and puts them into no group all.
    if len(inventory.names) > inventory.groups.get("all", 0):
        return (f"{where} was not read to its end, and what follows there would be left out. Ansible's warnings above say why. Correct it there "
                "(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=true ends any run in such a case).")
    for variable, group in wanted.items():
        if group in inventory.names and group in inventory.groups:
            return (f"{where} has a host and a group with the name {group} ({variable}), for which Ansible takes the host alone, and nobody else of the group "
                    "would be looked at. Rename one of them.")
    templates = sorted(name for name in inventory.names if _TEMPLATE.search(name))
    if templates:
        return f"{where} has names that Ansible takes for templates: {_words.names(templates)}. Rename these hosts, and give their addresses by ansible_host."
    return None


def too_few(scope, hosts, guests, wanted, least, inventory):  # noqa: PLR0913 (each is needed for the words)
    """Return why (str) ``scope`` (Scope) has fewer than ``least`` (int) hosts and guests; None where it has enough.

    ``hosts`` and ``guests`` (lists of str) are those without the limit, ``wanted`` (dict: entropy_hosts_group and entropy_guests_group to the name (str)
    of the group, or None where the names were given otherwise), ``inventory`` an Inventory.
    """
    if scope.size >= least:
        return _mistyped(wanted, inventory) if least else None
    if scope.size:
        beside = f"; entropy_verify_expect is guest-only for {_words.names(list(scope.not_looked_at))}" if scope.not_looked_at else ""
        return (f"Too few to judge: {counted(len(scope.judged_hosts), 'host')} and {counted(len(scope.guests), 'guest')}, entropy_verify_min_judged asks for "
                f"{least}{_left_out(scope)}{beside}. Name more of them in the inventory or the limit, or correct entropy_verify_min_judged.")
    if scope.not_looked_at:
        return (f"{_BEGIN}entropy_verify_expect is guest-only for {_words.names(list(scope.not_looked_at))}, so that nobody looks there, and there is no guest"
                f"{_left_out(scope)}. Name guests in the inventory or the limit, or correct entropy_verify_expect.")
    if hosts or guests:
        return (f"{_BEGIN}limit {shown_limit(scope.limit)} has none of {_all_of(hosts, 'host', wanted['entropy_hosts_group'])} and "
                f"{_all_of(guests, 'guest', wanted['entropy_guests_group'])}. Name hosts and guests in the limit.")
    return _BEGIN + _why_empty(wanted, inventory)


def _mistyped(wanted, inventory):
    """Return that (str) the inventory lacks a file or a group that somebody has named (``wanted``, as in ``too_few``); None where it has them.

    A group with the name that is the default may be absent: a fleet without guests to log in to has no group of guests.
    """
    if inventory.is_given and inventory.missing:
        return (f"the inventory {_words.names(inventory.missing)} does not exist, and its hosts would be left out. Correct -i (or ANSIBLE_INVENTORY), or "
                "allow it with entropy_verify_min_judged=0.")
    named = [(variable, wanted[variable]) for variable, _noun in _WANTED if wanted[variable] and wanted[variable] != _DEFAULTS[variable]]
    absent = [group for _variable, group in named if group not in inventory.groups]
    if not absent:
        return None
    groups = {name: size for name, size in inventory.groups.items() if name not in _ALWAYS}
    variables = " and ".join(variable for variable, group in named if group in absent)
    return (f"the inventory {_words.names(inventory.sources)} has {' and '.join(f'no group {group}' for group in absent)} ({variables}). "
            f"{_groups_in_words(groups, inventory.groups.get('all', 0))} {_remedy(named, absent, groups)} entropy_verify_min_judged=0 allows a group that "
            "is not there.")


def _left_out(scope):
    """Return the words (str) for what the limit leaves out, empty where there is none."""
    return f" (limit {shown_limit(scope.limit)} leaves out {scope.hosts_left_out + scope.guests_left_out})" if scope.limit is not None else ""


def _all_of(names, noun, group):
    """Return the words (str) for all ``names`` (list of str), which are one ``noun`` each, of ``group`` (str or None)."""
    return f"the {counted(len(names), noun)}" + (f" of group {group}" if group else "")


def _why_empty(wanted, inventory):
    """Return why (str) neither ``wanted`` group has anybody, and what to do."""
    groups = {name: size for name, size in inventory.groups.items() if name not in _ALWAYS}
    everybody = inventory.groups.get("all", 0)
    if not inventory.sources or (not inventory.is_given and inventory.missing):
        return f"there is no inventory. Name one with -i, or begin without a file: {_TO_BEGIN}."
    if inventory.missing and not everybody:
        return f"the inventory {_words.names(inventory.missing)} does not exist. Correct -i (or ANSIBLE_INVENTORY)."
    where = f"the inventory {_words.names(inventory.sources)}"
    if not everybody and not groups:
        return f"{where} has no hosts. Where it is a file, Ansible's warnings above say why it could not be read."
    looked_for = [(variable, wanted[variable]) for variable, _noun in _WANTED if wanted[variable]]
    if not looked_for:
        return "entropy_verify_hosts and entropy_verify_guests are empty. Name hosts and guests there, or leave both unset."
    absent = [group for _variable, group in looked_for if group not in inventory.groups]
    if not absent:
        both = " and ".join(group for _variable, group in looked_for)
        return (f"{'the groups' if len(looked_for) > 1 else 'the group'} {both} of {where} have no hosts. Put the KVM hosts and their guests there, or "
                "allow it with entropy_verify_min_judged=0.")
    missing = " and ".join(f"no group {group}" for group in absent)
    empty = "".join(f", and group {group} is empty" for _variable, group in looked_for if group not in absent)
    return f"{where} has {missing}{empty}. {_groups_in_words(groups, everybody)} {_remedy(looked_for, absent, groups)}"


def _groups_in_words(groups, everybody):
    """Return the sentence (str) that names the ``groups`` (dict: name to number of hosts) that there are, of ``everybody`` (int) hosts."""
    if not groups:
        return f"It has no groups, and {counted(everybody, 'host')}."
    names = [f"{name} ({counted(size, 'host')})" for name, size in groups.items()]
    rest = len(names) - _MOST_GROUPS
    return f"Its groups: {', '.join(names[:_MOST_GROUPS])}{f' and {rest} more' if rest > 0 else ''}."


def _remedy(looked_for, absent, groups):
    """Return the sentence (str) that says what to do, with the nearest of the names of ``groups`` (dict) for each of ``absent`` (list of str)."""
    left = set(groups)
    given = []
    for variable, group in looked_for:
        if group in absent:
            close = difflib.get_close_matches(group, sorted(left), 1, _CLOSE)
            left.difference_update(close)
            given.append(f"-e {variable}={close[0] if close else 'GROUP'}")
    return f"Name yours with {' '.join(given)}, or add the groups to the inventory."
