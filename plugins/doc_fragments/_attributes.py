# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes that the collection's modules declare, so that each module names its own in four lines."""


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Predicts what a run would do and changes nothing.
  diff_mode:
    description: Returns what was before and what is after, in diff mode.
  idempotent:
    description: A second run with the same parameters changes nothing.
"""

    # What changes something: predicted by check mode, shown by diff, done once.
    CHANGES = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

    # What only reads.
    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: [Only reads.]
  diff_mode:
    support: N/A
    details: [Only reads.]
  idempotent:
    support: full
    details: [Only reads.]
"""

    FACTS = r"""
options: {}
attributes:
  facts:
    description: Sets host facts.
    support: full
"""

    LINUX = r"""
options: {}
attributes:
  platform:
    description: Where the module can run.
    support: full
    platforms: linux
"""

    # An action that looks at no machine.
    CONTROLLER = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
    description: It changes nothing.
  platform:
    support: full
    platforms: all
    description: It works on the controller.
"""

    ACTIONGROUP_VIRT = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/kvm.entropy.virt) in C(module_defaults) to set the common options once.
    support: full
    membership:
      - kvm.entropy.virt
"""
