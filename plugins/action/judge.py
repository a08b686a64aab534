# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action kvm.entropy.judge; its documentation is that of the module of this name.

An action and no template, as ten thousand guests' variables, read and joined by Jinja, take most of the time of a run, and rows that a template
returns are templated again by each task that uses them. Its rows are one text (JSON), which no task looks into, and the result is hidden from
callbacks, so that no event carries them.
"""

import contextlib
import gc
import json
import time

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.kvm.entropy.plugins.module_utils import _words
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.plugin_utils import _judgement
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain
from ansible_collections.kvm.entropy.plugins.plugin_utils._halves import guest_half, host_half
from ansible_collections.kvm.entropy.plugins.plugin_utils._inventory_variables import InventoryVariables

OPTIONS = {"hosts": [], "guests": [], "expect": "auto", "max_age": 86400, "fail_on": ["broken"], "max_unknown": _judgement.ANY, "max_results": 500}


class ActionModule(ActionBase):
    """Judges on the controller, by what hostvars has."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Return the rows and what is said of them; raise AnsibleActionFail for wrong variables."""
        super().run(tmp, task_vars)
        try:
            options = _judgement.checked(dict(OPTIONS, **self._task.args))
            with _uncollected():
                judged = _judged(options, task_vars["hostvars"], self._display.verbosity > 0)
        except EntropyError as error:
            raise AnsibleActionFail(str(error)) from error
        return dict(judged, changed=False, _ansible_no_log=True)


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


def _judged(options, hostvars, everyone):
    """Return the result (dict) of judging by ``options`` (dict) what ``hostvars`` has; ``everyone`` (bool): of ok guests is told too."""
    missing = [name for names in ("hosts", "guests") for name in options[names] if name not in hostvars]
    if missing:
        raise EntropyError("not in the inventory, and so not to be judged: %s. Correct entropy_verify_hosts or entropy_verify_guests." % _words.names(missing))
    variables = InventoryVariables(hostvars)
    hosts, guests = ({name: _half(half, name, variables, options["expect"]) for name in options[names]}
                     for half, names in ((host_half, "hosts"), (guest_half, "guests")))
    rows = chain(hosts, guests, int(time.time()), options["max_age"])
    told = _judgement.judgement(rows, options["fail_on"], options["max_unknown"], options["max_results"], everyone)
    return dict(told, rows=json.dumps(rows))


def _half(half, name, variables, expect):
    """Return the half (dict) of ``name`` (str). Where its variables cannot be read, as with a damaged fact cache, that is its own row's fault."""
    try:
        found = variables.of(name)
        own, wrong = variables.own(name, found)
        return dict(half(found, own, expect), wrong=wrong)
    except Exception as error:  # noqa: BLE001  a cache file that holds another JSON value than an object ends ansible-core's reading in many ways
        return {"unreadable": f"its cached facts or variables cannot be read: {error}", "expect": expect}
