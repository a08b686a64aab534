# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action kvm.entropy.check_variables, which works on the controller: plugins/action/check_variables.py."""

DOCUMENTATION = r"""
module: check_variables
short_description: Refuse variables with this collection's prefix that none of its roles knows
version_added: 0.7.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Looks through the variables of all hosts of a play for names that begin with C(entropy_) and are no option of a role of this collection, and fails
    with the name, where it is and the nearest name that is known. Values that the option does not allow are refused in the same message.
  - The roles and playbooks of this collection do this first of all, as a role does by its default what a mistyped variable was to keep it from.
  - It looks at no machine. Facts, registered results and what C(set_fact) sets do not count, nor does a value that is a template.
options:
  hosts:
    description:
      - The inventory names whose variables are looked at. The default is all hosts of the play for a task with C(run_once), else the task's own host.
      - Strategies C(free) and C(host_pinned) run a task on each host in spite of C(run_once). There the default is the task's own host, too.
    type: list
    elements: str
  own:
    description:
      - Names of variables of your own that begin with C(entropy_), with V(*) for any letters.
      - The roles and playbooks hand C(entropy_own_variables) on to it.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - kvm.entropy._attributes.controller
"""

EXAMPLES = r"""
- name: Refuse mistyped variables before anything is changed
  kvm.entropy.check_variables:
    own: [entropy_team, "entropy_site_*"]
  run_once: true
"""

RETURN = r"""
"""
