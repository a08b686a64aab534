# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the variables that Ansible has of a host or guest to its half of the chain, as ``_chain.chain`` takes it. Pure."""

from ansible_collections.kvm.entropy.plugins.plugin_utils._look_failure import is_of_machine_that_answered, without_prefix

# What the inventory may say of a host or guest, as a template where it likes.
EXPECT, UUID = "entropy_verify_expect", "entropy_domain_uuid"
OWN = (EXPECT, UUID)
# The fact that a look leaves which failed at a machine that answered (plugins/action/entropy_facts.py).
LOOK = "entropy_look"
# How the names of the tasks begin that look, in playbook verify and in the roles, and of those that ansible-core puts before them.
_HOST_LOOKS = ("Look at the host and its domains", "Look at the host's own randomness", "Validating arguments against arg spec 'host'",
               "Validating arguments against arg spec 'look'")
_GUEST_LOOKS = ("Look into the guest", "Validating arguments against arg spec 'guest'")


def host_half(variables, own, expect):
    """Return the half (dict) of a host from its ``variables`` (dict) and its ``own`` ones (dict: those of OWN); ``expect`` counts where it says nothing.

    A look of this run that brought nothing left its message in what role verify registered, and what is cached does not count then.
    """
    facts = _facts(variables)
    why = (_unanswered(variables, "__entropy_host_begun") or _failure(variables, "__entropy_host_seen", _has_facts)
           or _failure(variables, "__entropy_host_domains_seen", lambda look: "groups" in look))
    why = why or _not_begun(variables, "__entropy_host_seen", _HOST_LOOKS)
    return dict(_why(why or _of_last_look(variables, facts, "__entropy_host_seen")),
                domains=facts.get("entropy_domains"), entropy=facts.get("entropy"), expect=own.get(EXPECT) or expect)


def guest_half(variables, own, expect):
    """Return the half (dict) of a guest, as ``host_half`` does of a host."""
    facts = _facts(variables)
    why = (_unanswered(variables, "__entropy_guest_first") or _failure(variables, "__entropy_verify_seen", _has_facts)
           or _not_begun(variables, "__entropy_verify_seen", _GUEST_LOOKS) or _of_last_look(variables, facts, "__entropy_verify_seen"))
    return dict(_why(why), entropy=facts.get("entropy"), uuid=own.get(UUID), expect=own.get(EXPECT) or expect)


def _facts(variables):
    """Return the facts (dict) in ``variables`` (dict), whatever a machine made of them."""
    facts = variables.get("ansible_facts")
    return facts if isinstance(facts, dict) else {}


def _why(failure):
    """Return the part (dict) of a half that says why a look brought nothing; ``failure`` is (it answered (bool), reason (str)) or None."""
    answered, reason = failure or (False, None)
    return {"error": None if answered else reason, "look_failed": reason if answered else None}


def _has_facts(look):
    """Return whether ``look`` (dict), a registered result of entropy_facts, has the facts: one that failed has the interpreter that Ansible found."""
    facts = look.get("ansible_facts")
    return isinstance(facts, dict) and "entropy" in facts


def _unanswered(variables, name):
    """Return the same as ``_failure`` of a machine that did not answer the step of this run registered as ``name``: it is not looked at again then."""
    look = variables.get(name)
    return _reason(look) if isinstance(look, dict) and look.get("unreachable") is True else None


def _failure(variables, name, has_brought):
    """Return (whether the machine answered (bool), why (str) the look registered as ``name`` brought nothing); None where it did, or nobody looked."""
    look = variables.get(name)
    if not isinstance(look, dict) or has_brought(look):
        return None
    return _reason(look)


def _not_begun(variables, name, looks):
    """Return the same of a look that left nothing as ``name`` (str): one of the tasks ``looks`` that ansible-core could not begin.

    A connection plugin that is not there and a variable of the connection that is not defined are such. Playbook verify rescues it, and ansible-core
    leaves the reason (StrategyBase._process_pending_results in ansible/plugins/strategy/__init__.py).
    """
    task, result = variables.get("ansible_failed_task"), variables.get("ansible_failed_result")
    if isinstance(variables.get(name), dict) or not isinstance(task, dict) or not isinstance(result, dict):
        return None
    return (False, f"it was not asked: {_reason(result)[1]}") if str(task.get("name")).startswith(looks) else None


def _reason(look):
    """Return whether the machine answered (bool), and what (str) its ``look`` (dict) that failed says."""
    message = look.get("msg")
    message = without_prefix(message) if isinstance(message, str) and message else "the look at it failed without a word"
    # ansible-core calls some unreachable that answered; entropy_facts tells them apart, other modules do not.
    return not look.get("unreachable") or is_of_machine_that_answered(message), message


def _of_last_look(variables, facts, name):
    """Return the same of the last look, of an earlier job, that left its reason in ``facts`` (dict); None where this run looked, as ``name`` (str)."""
    look = facts.get(LOOK)
    if not isinstance(look, dict) or isinstance(variables.get(name), dict):
        return None
    reason = look.get("reason")
    return (True, reason) if isinstance(reason, str) and reason else None


# How the step of playbook site that configures a host or guest ended in this run.
DONE, FAILED = "done", "failed"


def step_ended(variables, is_host):
    """Return how this run's step on a host (``is_host``) or guest ended, by its ``variables`` (dict): DONE, FAILED, or None where there was none.

    The first task of a guest's step, which reads whether there is one, may fail itself.

    A guest's is DONE only where its driver was made early: what is left then is to start it again.
    """
    begun, ended = ("__entropy_host_begun", "__entropy_host_ended") if is_host else ("__entropy_guest_begun", "__entropy_guest_ended")
    if begun not in variables:
        read = None if is_host else variables.get("__entropy_guest_read")
        return FAILED if isinstance(read, dict) and read.get("failed") is True else None
    if ended not in variables:
        return FAILED
    return DONE if is_host or _is_early(variables.get("__entropy_guest_driver")) else None


def _is_early(driver):
    """Return whether what module rng_driver returned, ``driver``, says that the images that count load the driver; a guest may have made anything of it."""
    after = driver.get("after") if isinstance(driver, dict) else None
    images = after.get("images") if isinstance(after, dict) else None
    return isinstance(images, dict) and bool(images) and all(isinstance(image, dict) and image.get("early") is True for image in images.values())
