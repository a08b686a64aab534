# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of role verify, which are those of the whole judgement and of no single machine.

With a limit, the play that judges runs on whatever host the limit names first. Its own variables, and with fact injection its own facts, must not decide
how the others are judged: what counts is what the play, the inventory and -e give to localhost.
"""

from ansible.template import Templar
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.plugin_utils._schema import shown
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import CONTROLLER

_GROUPS = {"hosts_group": "entropy_hosts_group", "guests_group": "entropy_guests_group"}
_OTHERS = ("hosts", "guests", "expect", "max_age", "fail_on", "max_unknown", "min_judged", "max_results", "max_names")
# The groups come first, as the default of the names is made of them.
VARIABLES = {**_GROUPS, **{option: "entropy_verify_" + option for option in _OTHERS}}


def role_options(task, hostvars, variables):
    """Return the options (dict) of the action judge that the role's variables give in ``task``; raise EntropyError for one that cannot be read.

    ``hostvars`` is Ansible's own; ``variables`` (InventoryVariables) has them without facts.
    """
    found = variables.without_facts(CONTROLLER, play=task.get_play(), task=task, include_hostvars=True)
    templar = Templar(loader=hostvars._loader, variables=found)  # noqa: SLF001
    options = {}
    for option, name in VARIABLES.items():
        if name not in found:
            continue
        try:
            options[option] = templar.template(found[name])
        except Exception as error:  # noqa: BLE001  a template ends in many ways
            raise EntropyError("%s is %s, which cannot be made of its variables: %s" % (name, shown(found[name]), error)) from None
        if option in _GROUPS and not isinstance(options[option], str):
            raise EntropyError("%s is %s, must be the name of a group of the inventory" % (name, shown(options[option])))
    return options
