# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of a run's ``entropy_*`` variables are none of this collection's, or have a value that is not allowed. Pure.

A variable that no role reads changes nothing, and a role does by its default what was to be kept from it: with ``entropy_host_excluded``, the domains that
were to be spared are changed.
"""

import difflib
import fnmatch

from ansible_collections.kvm.entropy.plugins.module_utils import _words
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_health import check
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.plugin_utils._handover import HANDED_ON
from ansible_collections.kvm.entropy.plugins.plugin_utils._schema import shown

PREFIX = "entropy_"
# What users call their own variables with that prefix: names, * for any letters.
OWN = "entropy_own_variables"
# What is no role's option: of inventories and playbooks; facts and what roles set; what set_stats hands to the next job.
OTHERS = ("entropy_domain_uuid", "entropy_hosts_group", "entropy_guests_group", OWN,
          "entropy_domains", "entropy_look", "entropy_facts", "entropy_guest_choice", *HANDED_ON)
# Wrong values of these are the problem bad-variable of one row, and end no job.
_OF_ONE_ROW = ("entropy_verify_expect", "entropy_domain_uuid")
_BYTES, _SECONDS = "entropy_verify_health_bytes", "entropy_verify_health_timeout"
# How alike a name must be to be what was meant, 1 being the same (difflib).
_ALIKE = 0.6
# So many places are named.
_MOST_PLACES = 3


def options_of(specs):
    """Return the options (dict: name to its specification (dict)) of ``specs`` (iterable of a role's ``argument_specs`` (dict))."""
    return {name: dict(option) for spec in specs for entry in spec.values() for name, option in (entry.get("options") or {}).items()}


def refusal(found, options, own, validated):
    """Return why (str) the variables ``found`` (dict: name to a dict of place (str) to value) are refused; None where they are not.

    ``options``: see ``options_of``. ``own``: the names (list of str) that users gave to variables of their own. ``validated(name, option, value)``
    returns what is wrong (str) with a value, or None.
    """
    known = [*options, *OTHERS]
    foreign, wrong = [], []
    for name in sorted(found):
        if name in known:
            wrong += _wrong_values(name, found[name], options.get(name), validated)
        elif not any(fnmatch.fnmatchcase(name, pattern) for pattern in own):
            foreign.append("%s (%s) is no variable of this collection%s" % (shown(name)[1:-1], _places(found[name]), _meant(name, known)))
    if not foreign + wrong:
        return None
    return "%s. Nothing was looked at and nothing was changed. Correct this in the inventory or the call%s." % (
        _words.names(foreign + wrong, "; "), ", or name variables of your own in %s" % OWN if foreign else "")


def _meant(name, known):
    near = difflib.get_close_matches(name, known, 1, _ALIKE)
    return ", the nearest is %s" % near[0] if near else ""


def _places(places):
    return _words.names(sorted(places)[:_MOST_PLACES]) + (" and %d more" % (len(places) - _MOST_PLACES) if len(places) > _MOST_PLACES else "")


def _wrong_values(name, places, option, validated):
    """Yield what is wrong (str) with the values of the variable ``name`` (str) at its ``places`` (dict), each once."""
    if option is None or name in _OF_ONE_ROW:
        return
    by_fault = {}
    for place, value in places.items():
        fault = None if _is_template(value) else validated(name, option, value) or _out_of_bounds(name, value)
        if fault:
            by_fault.setdefault((shown(value), fault), []).append(place)
    for (value, fault), where in by_fault.items():
        yield "%s (%s) %s" % (name, _places(where), fault[len(name) + 1:] if fault.startswith(name) else "is %s, %s" % (value, fault))


def _is_template(value):
    """Return whether ``value`` is, or holds, a template, which a role's own validation sees filled in."""
    if isinstance(value, dict):
        return any(_is_template(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_is_template(one) for one in value)
    # A vaulted text is of a type of Ansible's own.
    return "{{" in value or "{%" in value if isinstance(value, str) else not isinstance(value, (int, float, type(None)))


def _out_of_bounds(name, value):
    """Return what is wrong (str or None) with what a look hands to the module ``entropy_facts``, which says so at each machine."""
    try:
        if name == _BYTES:
            check(int(value), 10)
        elif name == _SECONDS:
            check(0, float(value))
    except EntropyError as error:
        return "must be %s" % str(error).partition("expected ")[2]
    return None
