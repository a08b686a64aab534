# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action kvm.entropy.check_variables; its documentation is that of the module of this name.

With run_once it looks at all hosts of a play, on the controller, so that ten thousand of them cost seconds and a mistake is told once. What is known are
the options in the roles' own argument specifications.
"""

import functools
from pathlib import Path

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.kvm.entropy.plugins.action import judge
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.plugin_utils import _judgement, _variables
from ansible_collections.kvm.entropy.plugins.plugin_utils._inventory_variables import InventoryVariables

ROLES = Path(__file__).resolve().parents[2] / "roles"
_EXTRA = "--extra-vars"
_VERIFY = "entropy_verify_"
# ansible-core's strategies that know no run_once.
_ON_EACH_HOST = ("free", "host_pinned")
# What ansible-core's validator reads of an option.
_VALIDATED = ("type", "elements", "choices")


class ActionModule(ActionBase):
    """Refuses variables that no role knows, before anything is looked at."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Return that nothing was changed, or the failure."""
        result = super().run(tmp, task_vars)
        hosts = self._task.args.get("hosts") or (task_vars["ansible_play_hosts_all"] if self._is_once() else [task_vars["inventory_hostname"]])
        own = self._task.args.get("own") or []
        found = _found(InventoryVariables(task_vars["hostvars"]), hosts, task_vars)
        refused = _variables.refusal(found, known_options(), [own] if isinstance(own, str) else own, wrong_value)
        return dict(result, changed=False, **({"failed": True, "msg": refused} if refused else {}))

    def _is_once(self):
        """Return whether this task runs for one host on behalf of all.

        Strategies that do not wait for each other's hosts (free, host_pinned) run it on each of them in spite of run_once. They refuse an action with
        BYPASS_HOST_LOOP, and end the run (ansible/plugins/strategy/free.py).
        """
        return bool(self._task.run_once) and self._task.get_play().strategy.rsplit(".", 1)[-1] not in _ON_EACH_HOST


@functools.lru_cache(maxsize=None)
def known_options():
    """Return the options (dict: name to its specification) of all roles of the collection."""
    paths = sorted(ROLES.glob("*/meta/argument_specs.yml"))
    return _variables.options_of([yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"] for path in paths])


def wrong_value(name, option, value):
    """Return what is wrong (str) with ``value`` by ``option`` (dict of a role's argument_specs), or None."""
    of_judge = name[len(_VERIFY):] if name.startswith(_VERIFY) else None
    if of_judge in judge.OPTIONS:
        return _wrong_for_judge(of_judge, value)
    spec = {key: option[key] for key in _VALIDATED if key in option}
    if not ArgumentSpecValidator({name: spec}).validate({name: value}).error_messages:
        return None
    if "choices" in option:
        return "must be one of %s" % ", ".join(map(str, option["choices"]))
    return "must be %s%s" % (option["type"], " of %s" % option["elements"] if "elements" in option else "")


def _wrong_for_judge(option, value):
    """Return what is wrong (str or None) with ``value`` for the ``option`` (str) of the action judge."""
    try:
        _judgement.checked(dict(judge.OPTIONS, **{option: value}))
    except EntropyError as error:
        return str(error)
    return None


def _found(variables, hosts, task_vars):
    """Return the variables (dict: name to a dict of place to value) of the collection's prefix that ``hosts`` (list) and this task have."""
    found = {}
    facts = task_vars.get("ansible_facts")
    # The task's own: of the play, a role's parameters, the user.
    here = variables.of_run(task_vars["inventory_hostname"], task_vars)
    for name in here:
        if name.startswith(_variables.PREFIX) and not (isinstance(facts, dict) and name in facts):
            found.setdefault(name, {})["the play"] = here[name]
    for host in hosts:
        given = variables.given(host)
        for name in given:
            if name.startswith(_variables.PREFIX):
                found.setdefault(name, {})["host %s" % host] = given[name]
    extra = variables.extra()
    for name, places in found.items():
        if name in extra:
            places.clear()
            places[_EXTRA] = extra[name]
        elif len(places) > 1:
            places.pop("the play", None)
    return found
