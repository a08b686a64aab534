# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the variables that Ansible has of a host or guest to its half of the chain, as ``_chain.chain`` takes it. Pure."""

# What the inventory may say of a host or guest, as a template where it likes.
EXPECT, UUID = "entropy_verify_expect", "entropy_domain_uuid"
OWN = (EXPECT, UUID)


def host_half(variables, own, expect):
    """Return the half (dict) of a host from its ``variables`` (dict) and its ``own`` ones (dict: those of OWN); ``expect`` counts where it says nothing.

    A look of this run that brought nothing left its message in what role verify registered, and what is cached does not count then.
    """
    facts = _facts(variables)
    error = (_unanswered(variables, "__entropy_host_begun") or _error(variables, "__entropy_host_seen", "ansible_facts")
             or _error(variables, "__entropy_host_domains_seen", "groups"))
    return {"domains": facts.get("entropy_domains"), "entropy": facts.get("entropy"), "error": error, "expect": own.get(EXPECT) or expect}


def guest_half(variables, own, expect):
    """Return the half (dict) of a guest, as ``host_half`` does of a host."""
    error = _unanswered(variables, "__entropy_guest_first") or _error(variables, "__entropy_verify_seen", "ansible_facts")
    return {
        "entropy": _facts(variables).get("entropy"), "error": error, "uuid": own.get(UUID), "expect": own.get(EXPECT) or expect}


def _facts(variables):
    """Return the facts (dict) in ``variables`` (dict), whatever a machine made of them."""
    facts = variables.get("ansible_facts")
    return facts if isinstance(facts, dict) else {}


def _unanswered(variables, name):
    """Return why (str) a machine did not answer the step of this run that is registered as ``name``; None where it did, or there was none.

    It is not looked at again then.
    """
    look = variables.get(name)
    if not isinstance(look, dict) or look.get("unreachable") is not True:
        return None
    return _message(look)


def _error(variables, name, key):
    """Return why (str) the look that is registered as ``name`` brought no ``key``; None where it did, or nobody looked in this run."""
    look = variables.get(name)
    if not isinstance(look, dict) or key in look:
        return None
    return _message(look)


def _message(look):
    """Return what (str) a ``look`` (dict) that failed says."""
    message = look.get("msg")
    return message if isinstance(message, str) and message else "the look at it failed without a word"


# How the step of playbook site that configures a host or guest ended in this run.
DONE, FAILED = "done", "failed"


def step_ended(variables, is_host):
    """Return how this run's step on a host (``is_host``) or guest ended, by its ``variables`` (dict): DONE, FAILED, or None where there was none.

    A guest's is DONE only where its driver was made early: what is left then is to start it again.
    """
    begun, ended = ("__entropy_host_begun", "__entropy_host_ended") if is_host else ("__entropy_guest_begun", "__entropy_guest_ended")
    if begun not in variables:
        return None
    if ended not in variables:
        return FAILED
    return DONE if is_host or variables.get("__entropy_guest_tool") not in (None, "none") else None
