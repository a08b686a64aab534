# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of hosts and guests as the controller has them, less what a machine's facts put into their place.

With fact injection, Ansible's default, each fact is a variable too, and counts before the inventory. A machine could so choose its own domain UUID, or
that nobody expects anything of it.
"""

import copy

from ansible.template import Templar
from ansible_collections.kvm.entropy.plugins.plugin_utils._admission import NO_DOMAIN
from ansible_collections.kvm.entropy.plugins.plugin_utils._halves import OWN, UUID
from ansible_collections.kvm.entropy.plugins.plugin_utils._schema import shown
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import CONTROLLER

_PLAIN = (int, float, list, tuple, dict)
# Where facts are facts by name, whatever else they are injected as.
_FACTS = ("ansible_facts", "ansible_local")


class _NoFacts:
    """A fact cache without any facts."""

    def get(self, _name, _default=None):
        """Return the facts (dict) of a machine."""
        return {}


class InventoryVariables:
    """Reads variables through ``hostvars``, each machine's once."""

    def __init__(self, hostvars):
        """``hostvars``: Ansible's own, from a task's variables."""
        self._hostvars = hostvars
        self._without_facts = None
        self._only_given = None

    def of(self, name):
        """Return all variables (dict) of ``name`` (str), templates as they are: what hostvars returns by itself is templated whole, facts included."""
        return self._hostvars.raw_get(name)

    def given(self, name):
        """Return the variables (dict) that the inventory and the user gave to ``name`` (str): no facts, nothing that a task registered or set."""
        if self._only_given is None:
            self._only_given = self._manager(_fact_cache=_NoFacts(), _nonpersistent_fact_cache={}, _vars_cache={})
        return self._only_given.get_vars(host=self._hostvars._inventory.get_host(name), include_hostvars=False)  # noqa: SLF001

    def of_run(self, name, variables):
        """Return those of all ``variables`` (dict) of a task of ``name`` (str) that no task registered or set."""
        manager = self._hostvars._variable_manager  # noqa: SLF001
        made = {**manager._vars_cache.get(name, {}), **manager._nonpersistent_fact_cache.get(name, {})}  # noqa: SLF001
        return {key: value for key, value in variables.items() if key not in made}

    def extra(self):
        """Return the variables (dict) that the user gave on the command line."""
        return self._hostvars._variable_manager.extra_vars  # noqa: SLF001

    def own(self, name, variables):
        """Return (those of OWN (dict) that the inventory, the play or the user gave to ``name``, which of them is wrong (str) or None).

        ``variables`` (dict) are all of its variables. Where a fact has the name of one of OWN, it is left out.
        """
        facts = variables.get("ansible_facts")
        is_claimed = isinstance(facts, dict) and any(own in facts for own in OWN)
        trusted = self._trusted(name) if is_claimed else variables
        found, wrong = {}, []
        for own in OWN:
            try:
                found[own] = self._plain(name, trusted.get(own), variables)
            except Exception as error:  # noqa: BLE001  a template of the inventory ends in many ways, a vaulted text without its secret in others
                wrong.append("%s is %s, which cannot be made of its variables: %s" % (own, shown(trusted.get(own)), error))
                # Nor does the guest's own claim take the place of a UUID that cannot be read.
                found[own] = NO_DOMAIN if own == UUID else None
        return found, "; ".join(wrong) or None

    def _plain(self, name, value, variables):
        """Return ``value`` of the variables of ``name`` (str) as the inventory means it: a template filled in, a vaulted text decrypted."""
        if isinstance(value, str):
            return self._filled(name, value, variables) if "{" in value else value
        return value if value is None or isinstance(value, _PLAIN) else str(value)

    def _filled(self, name, template, variables):
        """Return the value of ``template`` (str). It may use facts; where one has the name of a variable of the inventory, that counts."""
        facts = {key: variables[key] for key in _FACTS if key in variables}
        return Templar(loader=self._hostvars._loader, variables={**variables, **self._trusted(name), **facts}).template(template)  # noqa: SLF001

    def in_limit(self, limit):
        """Return the names (set of str) of the hosts that the run's ``limit`` (str or None) leaves, with that of the controller where it does; or None."""
        if limit is None:
            return None
        patterns = ("all", CONTROLLER)
        return {host.name for pattern in patterns for host in self._hostvars._inventory.get_hosts(pattern, ignore_restrictions=True)}  # noqa: SLF001

    def groups(self):
        """Return the groups (dict of name to number of hosts) of the inventory."""
        return {name: len(group.get_hosts()) for name, group in self._hostvars._inventory.groups.items()}  # noqa: SLF001

    def names(self):
        """Return the names (frozenset of str) of the hosts of the inventory."""
        return frozenset(self._hostvars._inventory.hosts)  # noqa: SLF001

    def _trusted(self, name):
        """Return the variables (dict) of ``name`` without its facts."""
        return self.without_facts(name, include_hostvars=False)

    def without_facts(self, name, **context):
        """Return the variables (dict) of ``name`` (str) without its facts, in the ``context`` (VariableManager's: play, task, include_hostvars)."""
        if self._without_facts is None:
            self._without_facts = self._manager(_fact_cache=_NoFacts())
        host = self._hostvars._inventory.get_host(name)  # noqa: SLF001
        return self._without_facts.get_vars(host=host, **context)

    def _manager(self, **changed):
        """Return Ansible's variable manager with ``changed`` attributes. It has no way to leave facts out; get_vars() asks these, from 2.16 to 2.21."""
        manager = self._hostvars._variable_manager  # noqa: SLF001
        other = object.__new__(type(manager))
        other.__dict__.update(copy.copy(manager.__dict__), **changed)
        return other
