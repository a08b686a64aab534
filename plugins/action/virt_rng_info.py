# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action kvm.entropy.virt_rng_info; its documentation is that of the module of this name.

It runs the module as Ansible runs any other. In the roles' own looks, whose results are read by the judgement, -v and -vv do not print the domains.
"""

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible_collections.kvm.entropy.plugins.action.entropy_facts import VERBOSE


class ActionModule(NormalAction):
    """Runs the module, and keeps the result of a look from being printed."""

    def run(self, tmp=None, task_vars=None):
        """Return the module's result (dict)."""
        result = super().run(tmp, task_vars)
        if task_vars.get("__entropy_is_look") and self._display.verbosity < VERBOSE:
            result["_ansible_verbose_override"] = True
        return result
