# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the variables that Ansible has of a host or guest to its half of the chain, as ``_chain.chain`` takes it. Pure."""

import uuid

from ansible_collections.kvm.entropy.plugins.module_utils._chain import EXPECTATIONS
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

# What a host or guest may say of itself, and may write as a template.
EXPECT, UUID = "entropy_verify_expect", "entropy_domain_uuid"
OWN = (EXPECT, UUID)


def host_half(name, variables, expect):
    """Return the half (dict) of host ``name`` (str) from its ``variables`` (dict); ``expect`` (str) is what counts where it says nothing.

    A look of this run that brought nothing left its message in what role verify registered, and what is cached does not count then. Raise
    EntropyError where a variable of its own is wrong.
    """
    facts = variables.get("ansible_facts") or {}
    own = variables.get("__entropy_host_seen", {"ansible_facts": {}})
    domains = variables.get("__entropy_host_domains_seen", {"groups": []})
    failed = own if "ansible_facts" not in own else domains if "groups" not in domains else None
    return {"domains": facts.get("entropy_domains"), "entropy": facts.get("entropy"), "error": _message(failed), "expect": _expect(name, variables, expect)}


def guest_half(name, variables, expect):
    """Return the half (dict) of guest ``name`` (str), as ``host_half`` does of a host."""
    facts = variables.get("ansible_facts") or {}
    look = variables.get("__entropy_verify_seen", {"ansible_facts": {}})
    return {
        "entropy": facts.get("entropy"), "error": _message(None if "ansible_facts" in look else look), "uuid": _uuid(name, variables),
        "expect": _expect(name, variables, expect)}


def _message(failed):
    """Return why (str) the look whose result is ``failed`` (dict) brought nothing; None for None."""
    return None if failed is None else str(failed.get("msg") or "the look at it failed without a word")


def _expect(name, variables, expect):
    """Return what can be seen of ``name`` (one of EXPECTATIONS)."""
    found = variables.get(EXPECT) or expect
    if found not in EXPECTATIONS:
        raise EntropyError(f"{name}: {EXPECT} is {found!r}, must be one of {', '.join(EXPECTATIONS)}")
    return found


def _uuid(name, variables):
    """Return the domain UUID (str) that is written down for guest ``name``, or None."""
    found = variables.get(UUID)
    if not found:
        return None
    try:
        return str(uuid.UUID(str(found).strip()))
    except ValueError:
        raise EntropyError(f"{name}: {UUID} is {found!r}, must be the UUID of its libvirt domain, as 'virsh domuuid' tells it") from None
