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

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.kvm.entropy.plugins.module_utils import _judgement, _words
from ansible_collections.kvm.entropy.plugins.module_utils._chain import chain
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._halves import OWN, guest_half, host_half

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
    wrong = []
    hosts, guests = (_halves(half, options[names], hostvars, options["expect"], wrong) for half, names in ((host_half, "hosts"), (guest_half, "guests")))
    if wrong:
        raise EntropyError(_words.names(wrong, ". "))
    rows = chain(hosts, guests, int(time.time()), options["max_age"])
    told = _judgement.judgement(rows, options["fail_on"], options["max_unknown"], options["max_results"], everyone)
    return dict(told, rows=json.dumps(rows))


def _halves(half, names, hostvars, expect, wrong):
    """Return the halves (dict: name to ``half`` of its variables) of ``names`` (list of str); what is wrong of one is added to ``wrong`` (list of str)."""
    halves = {}
    for name in names:
        if name not in hostvars:
            wrong.append(f"{name}: is to be judged, and is not in the inventory")
            continue
        try:
            halves[name] = half(name, _variables(hostvars, name), expect)
        except EntropyError as error:
            wrong.append(str(error))
    return halves


def _variables(hostvars, name):
    """Return the variables (dict) of ``name`` (str): those that a template may make as it makes them, the rest as they are.

    What hostvars returns by itself is templated whole, facts that are no templates included.
    """
    variables = hostvars.raw_get(name)
    for own in OWN:
        if "{" in str(variables.get(own, "")):
            try:
                variables[own] = hostvars[name][own]
            except AnsibleError as error:
                raise EntropyError(f"{name}: {own} is {variables[own]!r}, which cannot be made of its variables: {error}") from error
    return variables
