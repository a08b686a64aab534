# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one door through which what machines say of themselves enters the judgement: validated, cut to the known keys, and dated. Pure.

What does not fit is the fault of that machine alone: it gets a row of its own, with the problem ``bad-facts``.
"""

import uuid

from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem
from ansible_collections.kvm.entropy.plugins.plugin_utils._domains_schema import DOMAINS
from ansible_collections.kvm.entropy.plugins.plugin_utils._facts_schema import ENTROPY
from ansible_collections.kvm.entropy.plugins.plugin_utils._look_failure import look_failed, unreachable
from ansible_collections.kvm.entropy.plugins.plugin_utils._printable import printable
from ansible_collections.kvm.entropy.plugins.plugin_utils._schema import MisfitError, shown

AUTO, HOST_ONLY, GUEST_ONLY = EXPECTATIONS = ("auto", "host-only", "guest-only")
# A UUID may be written with braces, as a URN, and with white space around it.
_MOST_UUID = 80
# What stands for a UUID that cannot be read: it keeps the guest's own claim from taking its place. No domain has it (RFC 9562, section 5.9).
NO_DOMAIN = "00000000-0000-0000-0000-000000000000"
# How far (s) a machine's clock may be ahead of the one that judges, as in Kerberos (RFC 4120, section 1.6).
_MOST_AHEAD = 300
# Of the error of a look, which may be a machine's own text, a row has this many characters.
_MOST_ERROR = 2000
_SCHEMAS = {"entropy": ENTROPY, "domains": DOMAINS}
# By what name the facts are known.
_FACTS = {"entropy": "entropy", "domains": "entropy_domains"}


def admitted(half, decisive, now, max_age):
    """Return a host's or guest's ``half`` (dict or None, see ``_chain.chain``) as the judgement may use it.

    Its facts are validated copies, or None. ``decisive`` is the key of the fact without which nothing is known: ``domains`` or ``entropy``. ``age`` is
    that fact's (s, or None); ``why`` the problem (dict) for which it does not count, or None; ``fresh`` (bool) whether it counts; ``doubts`` the problems
    (list of dict) that keep the row from being ``ok``.
    """
    half = half or {}
    if not isinstance(half, dict):
        half = {decisive: half}
    found = {"error": None, "look_failed": None, "why": None, "doubts": []}
    found["expect"], wrong_expect = _expectation(half.get("expect"))
    found["uuid"], wrong_uuid = _given_uuid(half.get("uuid"))
    wrong = "; ".join(str(words) for words in (half.get("wrong"), wrong_expect, wrong_uuid) if words)
    if wrong:
        found["doubts"].append(problem("bad-variable", wrong))
    for key in ("error", "look_failed"):
        if half.get(key):
            found[key] = printable(str(half[key]), _MOST_ERROR)
    if half.get("unreadable"):
        found["why"] = problem("bad-facts", str(half["unreadable"]))
    for key in _SCHEMAS:
        found[key], misfit = _validated(key, half.get(key))
        if misfit and key == decisive:
            found["why"] = misfit
        elif misfit:
            found["doubts"].append(misfit)
    seen = found[decisive]
    age = None if seen is None else now - seen["gathered_at"]
    found["age"] = None if age is None else max(0, age)
    found["why"] = _why_not(found, age, max_age) or found["why"]
    found["fresh"] = seen is not None and found["why"] is None
    return found


def _expectation(value):
    """Return (what can be seen of the machine (one of EXPECTATIONS), which variable is wrong (str) or None)."""
    if not value:
        return AUTO, None
    if isinstance(value, str) and value in EXPECTATIONS:
        return value, None
    return AUTO, "entropy_verify_expect is %s, must be one of %s" % (shown(value), ", ".join(EXPECTATIONS))


def _given_uuid(value):
    """Return (the domain UUID (str) that the inventory has for a guest, or None; which variable is wrong (str) or None)."""
    if not value:
        return None, None
    try:
        return str(uuid.UUID(str(value)[:_MOST_UUID].strip())), None
    except ValueError:
        return NO_DOMAIN, "entropy_domain_uuid is %s, must be the UUID of its libvirt domain, as 'virsh domuuid' prints it" % shown(value)


def _validated(key, value):
    """Return (the validated copy of a fact (dict) or None, the problem (dict) or None)."""
    try:
        # Ansible's own word for facts that were never gathered is an empty dictionary. A vaulted text, which a cache can hold, is not to be compared.
        if value is None or value == {}:
            return None, None
        return _SCHEMAS[key](value), None
    except MisfitError as misfit:
        return None, problem("bad-facts", str(misfit.at(_FACTS[key])))
    except Exception as error:  # noqa: BLE001  a value of a type that only another Ansible knows must not end the others' judgement
        return None, problem("bad-facts", "%s: found %s that cannot be read (%s)" % (_FACTS[key], shown(value), type(error).__name__))


def _why_not(found, age, max_age):
    """Return the problem (dict) for which ``found`` (dict), facts of this ``age`` (s, negative for the future, or None), does not count, or None."""
    if found["error"]:
        return unreachable(found["error"])
    if found["look_failed"]:
        return look_failed(found["look_failed"])
    if age is None:
        return None
    if age < -_MOST_AHEAD:
        return problem("stale", "gathered %d s from now: one of the two machines' clocks is wrong" % -age)
    if age > max_age:
        return problem("stale", "gathered %d s ago, at most %d s are accepted" % (age, max_age))
    return None
