# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter kvm.entropy.rngd_refusal."""

from ansible.errors import AnsibleFilterError
from ansible_collections.kvm.entropy.plugins.plugin_utils._rngd import refusal

DOCUMENTATION = r"""
name: rngd_refusal
short_description: Why rngd must not be started with these options
version_added: 0.6.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Reads rngd's options as its versions 2, 5 and 6 do, in every spelling, and refuses those by which it would feed the kernel its own output or write to
    another file than C(/dev/random). A pure function, by which the role P(kvm.entropy.guest#role) checks O(_input) before it changes anything.
options:
  _input:
    description: The options, as they stand in a unit file.
    type: str
    required: true
  configuration:
    description: The variable of its configuration file, with its C(name) and C(value). The options may hold it as C($NAME).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Check what rngd is told
  ansible.builtin.assert:
    that: not (options | kvm.entropy.rngd_refusal(configuration))
  vars:
    options: -f $RNGD_OPTS
    configuration:
      name: RNGD_OPTS
      value: -r /dev/hwrng
"""

RETURN = r"""
_value:
  description: The reason. Empty where there is none.
  type: str
"""


def rngd_refusal(options, configuration=None):
    """Return the reason (str) of ``_rngd.refusal``; raise AnsibleFilterError where a parameter is not of its kind."""
    if not isinstance(options, str) or not isinstance(configuration or {}, dict):
        raise AnsibleFilterError("kvm.entropy.rngd_refusal: found %s and %s, expected options (text) and a configuration (a dictionary)" % (
            type(options).__name__, type(configuration).__name__))
    if not isinstance((configuration or {}).get("name") or "", str):
        raise AnsibleFilterError("kvm.entropy.rngd_refusal: found a name of type %s, expected a variable's, as text" % type(configuration["name"]).__name__)
    return refusal(options, configuration)


class FilterModule:
    """Tell Ansible the collection's filter."""

    def filters(self):
        """Return the filters (dict: name to function)."""
        return {"rngd_refusal": rngd_refusal}
