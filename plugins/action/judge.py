# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action kvm.entropy.judge; its documentation is that of the module of this name.

An action and no template, as ten thousand guests' variables, read and joined by Jinja, take most of the time of a run, and rows that a template
returns are templated again by each task that uses them. Its rows are one text (JSON), which no task looks into, and the result is hidden from
callbacks, so that no event carries them. What is for people, it prints line by line.
"""

import contextlib
import gc
import json
import time
from pathlib import Path
from typing import NamedTuple

from ansible import constants
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.kvm.entropy.plugins.module_utils import _words
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.plugin_utils import _judgement
from ansible_collections.kvm.entropy.plugins.plugin_utils._admission import GUEST_ONLY
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain
from ansible_collections.kvm.entropy.plugins.plugin_utils._halves import DONE, FAILED, guest_half, host_half, step_ended
from ansible_collections.kvm.entropy.plugins.plugin_utils._handover import handover
from ansible_collections.kvm.entropy.plugins.plugin_utils._inventory_variables import InventoryVariables
from ansible_collections.kvm.entropy.plugins.plugin_utils._nobody import Inventory, misread, too_few
from ansible_collections.kvm.entropy.plugins.plugin_utils._remaining import remaining
from ansible_collections.kvm.entropy.plugins.plugin_utils._role_variables import role_options
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import scope_of, within

OPTIONS = {
    "hosts": [], "guests": [], "hosts_group": None, "guests_group": None, "expect": "auto", "max_age": 86400, "fail_on": ["broken"],
    "max_unknown": 0, "min_judged": 1, "max_results": 500, "max_names": 100}
SWITCHES = ("role_variables", "check_only")
# Callbacks whose output is one JSON document, which lines of text would spoil.
_JSON_CALLBACKS = ("json", "jsonl")
# Where Ansible looks for an inventory that nobody has named.
_DEFAULT_INVENTORY = ["/etc/ansible/hosts"]


class Read(NamedTuple):
    """What the variables of a host or guest have: its ``half`` (dict), and how its step of this run ``ended`` (see ``_halves.step_ended``)."""

    half: dict
    ended: str | None


class ActionModule(ActionBase):
    """Judges on the controller, by what hostvars has."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Return the rows and what is said of them; a failure for wrong variables, and where nobody is to be judged."""
        super().run(tmp, task_vars)
        hostvars = task_vars["hostvars"]
        variables = InventoryVariables(hostvars)
        try:
            given = dict(self._task.args)
            from_role, check_only = (boolean(given.pop(name, False)) for name in SWITCHES)
            options = _judgement.checked({**OPTIONS, **(role_options(self._task, hostvars, variables) if from_role else {}), **given})
            scope = _scope(options, hostvars, variables, task_vars)
            if check_only:
                return {"changed": False, "_ansible_verbose_override": True, "hosts": len(scope.judged_hosts), "guests": len(scope.guests)}
            with _uncollected():
                judged = self._judged(options, scope, variables, bool(task_vars.get("__entropy_site")))
        except EntropyError as error:
            # Raised, it would be printed with its class and a traceback.
            return {"failed": True, "msg": str(error)}
        blocks = judged.pop("blocks")
        if not constants.DEFAULT_STDOUT_CALLBACK.endswith(_JSON_CALLBACKS):
            for block in blocks:
                self._display.display("\n".join(block))
        return dict(judged, changed=False, _ansible_no_log=True, _ansible_verbose_override=True)

    def _judged(self, options, scope, variables, is_site):
        """Return the result (dict) of judging the ``scope`` (Scope) by ``options`` (dict); ``is_site`` (bool): roles host and guest have run before."""
        hosts, guests = ({name: _read(half, name, variables, options["expect"]) for name in options[names]}
                         for half, names in ((host_half, "hosts"), (guest_half, "guests")))
        rows = chain({name: one.half for name, one in hosts.items()}, {name: one.half for name, one in guests.items()}, int(time.time()), options["max_age"])
        seen = {name for read, key in ((hosts, "domains"), (guests, "entropy")) for name, one in read.items() if one.half.get(key)}
        rows = within(rows, scope, seen)
        is_check = self._task.check_mode
        if not is_check:
            rows = remaining(rows, *({name for name, one in read.items() if one.ended == DONE} for read in (hosts, guests)))
        failed = {name for read, names in ((hosts, scope.hosts), (guests, scope.guests)) for name in names if read[name].ended == FAILED} if is_site else ()
        said = _judgement.judgement(rows, options, scope, self._display.verbosity > 0, sorted(failed))
        step_failure, verdict_failure = said.pop("step_failure"), said.pop("verdict_failure")
        failure = " ".join(filter(None, (step_failure, None if is_check else verdict_failure))) or None
        return dict(said, failure=failure, rows=json.dumps(rows), stats=handover(rows, said["counts"], scope, options["max_names"]))


@contextlib.contextmanager
def _uncollected():
    """Keep Python's garbage collector from looking at all that was read so far again and again: a guest among many would cost more than one among few."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _scope(options, hostvars, variables, task_vars):
    """Return the Scope of ``options`` (dict); raise EntropyError where it has names that the inventory has not, or too few of them."""
    wanted = {"entropy_hosts_group": options["hosts_group"], "entropy_guests_group": options["guests_group"]}
    inventory = _inventory(variables, task_vars)
    why = misread(wanted, inventory)
    if why:
        raise EntropyError(why)
    missing = [name for names in ("hosts", "guests") for name in options[names] if name not in hostvars]
    if missing:
        raise EntropyError("not in the inventory, and so not to be judged: %s. Correct entropy_verify_hosts or entropy_verify_guests." % _words.names(missing))
    limit = task_vars.get("ansible_limit")
    scope = scope_of(options["hosts"], options["guests"], limit, variables.in_limit(limit))
    scope = scope._replace(not_looked_at=tuple(name for name in scope.hosts if _is_left_to_guests(name, variables, options)))
    why = too_few(scope, options["hosts"], options["guests"], wanted, options["min_judged"], inventory)
    if why:
        raise EntropyError(why)
    return scope


def _is_left_to_guests(name, variables, options):
    """Return whether nobody looks at the host ``name`` (str), as the inventory says."""
    return _read(host_half, name, variables, options["expect"]).half["expect"] == GUEST_ONLY


def _inventory(variables, task_vars):
    """Return the Inventory of the run."""
    sources = [str(source) for source in task_vars.get("ansible_inventory_sources") or ()]
    files = [source for source in sources if "," not in source]
    return Inventory(sources, [file for file in files if not Path(file).exists()], variables.groups(),
                     is_given=sources != _DEFAULT_INVENTORY, names=variables.names())


def _read(half, name, variables, expect):
    """Return what is Read of ``name`` (str). Where its variables cannot be read, as with a damaged fact cache, that is its own row's fault."""
    try:
        found = variables.of(name)
        own, wrong = variables.own(name, found)
        return Read(dict(half(found, own, expect), wrong=wrong), step_ended(found, half is host_half))
    except Exception as error:  # noqa: BLE001  a cache file that holds another JSON value than an object ends ansible-core's reading in many ways
        return Read({"unreadable": f"its cached facts or variables cannot be read: {error}", "expect": expect}, None)
