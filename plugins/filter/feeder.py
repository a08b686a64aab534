# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter kvm.entropy.feeder."""

import re

from ansible.errors import AnsibleFilterError
from ansible_collections.kvm.entropy.plugins.module_utils._choice import WISHES, choose
from ansible_collections.kvm.entropy.plugins.plugin_utils._facts_schema import NAMES, TRI
from ansible_collections.kvm.entropy.plugins.plugin_utils._printable import printable
from ansible_collections.kvm.entropy.plugins.plugin_utils._schema import MisfitError, nullable, one_of, record, shown, text

DOCUMENTATION = r"""
name: feeder
short_description: Which program, if any, a guest needs to feed its kernel
version_added: 0.4.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Decides from a guest's facts and what is asked for. A pure function, by which the role P(kvm.entropy.guest#role) decides.
options:
  _input:
    description: The guest's fact C(entropy), as M(kvm.entropy.entropy_facts) returns it.
    type: dict
    required: true
  wish:
    description:
      - V(auto) gives a feeder only to a kernel that has a source and does not feed itself from it. rngd where the distribution's reseeds such a
        kernel, else the Python feeder.
      - V(none) gives none, V(rngd) and V(python) that one.
      - V(always) gives rngd whatever the kernel does, for policies that ask for it, and none in FIPS mode.
    type: str
    choices: [auto, none, rngd, python, always]
    default: auto
  rngd:
    description: The generation of the distribution's rngd, such as 5 or 6. Null where it has none.
    type: int
  remove_useless:
    description: Whether feeders that add nothing, or harm, are to be removed.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Say what the guest needs
  ansible.builtin.debug:
    msg: "{{ (ansible_facts['entropy'] | kvm.entropy.feeder).reason }}"
"""

RETURN = r"""
_value:
  description:
    - A dictionary with C(feeder) (V(none), V(rngd) or V(python)), C(reason), C(applicable) (whether what was asked for applies here), C(remove) (the
      programs to remove) and C(refused) (why it is refused, or null).
  type: dict
"""


# Evidence is repeated in the reason, which a person reads.
_MOST_SHOWN = 500
# The newest rngd is of generation 6.
_MOST = 100


def _shown(most):
    """Accept text as ``text(most)``, and return it printable."""
    schema = text(most)
    return lambda value: printable(schema(value), _MOST_SHOWN)


# What the choice reads of a guest's facts. Nothing else that the guest says gets in.
_FACTS = record({
    "container": nullable(_shown(256)), "fips": TRI, "confidential": TRI, "kernel": record({"generation": one_of("rewritten", "legacy", "unknown")}),
    "feeder": record({"needed": TRI, "needed_evidence": _shown(4096), "all": NAMES, "useful": one_of(True, False, "unknown", None)})})


def _generation(rngd):
    """Return the generation (int or None) that ``rngd`` is, as a number or as text; raise AnsibleFilterError for any other value."""
    if rngd is None or (isinstance(rngd, int) and not isinstance(rngd, bool) and 0 <= rngd < _MOST):
        return rngd
    if isinstance(rngd, str) and re.match(r"[0-9]{1,2}\Z", rngd):
        return int(rngd)
    raise AnsibleFilterError("kvm.entropy.feeder: found rngd %s, expected the generation of the distribution's, such as 6" % shown(rngd))


def choice(facts, wish="auto", rngd=None, remove_useless=False):
    """Return the Choice (dict) of ``_choice.choose``; raise AnsibleFilterError where a parameter is not of its kind."""
    if wish not in WISHES:
        raise AnsibleFilterError("kvm.entropy.feeder: found wish %s, expected one of %s" % (shown(wish), ", ".join(WISHES)))
    generation = _generation(rngd)
    if not isinstance(facts, dict) or "feeder" not in facts:
        raise AnsibleFilterError("kvm.entropy.feeder: found %s, expected the fact entropy (kvm.entropy.entropy_facts)" % type(facts).__name__)
    try:
        facts = _FACTS(facts)
    except MisfitError as misfit:
        raise AnsibleFilterError("kvm.entropy.feeder: %s" % misfit.at("entropy")) from None
    return dict(choose(facts, wish, generation, remove_useless)._asdict())


class FilterModule:
    """Tell Ansible the collection's filter."""

    def filters(self):
        """Return the filters (dict: name to function)."""
        return {"feeder": choice}
