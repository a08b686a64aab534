# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AnsibleModule whose options may be anything: what Ansible's own code does not survive is refused in words."""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kvm.entropy.plugins.module_utils._options import is_convertible, is_encodable, shown

_KINDS = {"int": "a whole number", "float": "a number"}


class OptionsModule(AnsibleModule):
    """An AnsibleModule that refuses numbers that no conversion survives (inf, 10**400, 1e999999999), and text that is no UTF-8.

    check_type_int and check_type_float in ansible/module_utils/common/validation.py raise OverflowError, or take minutes, for such numbers;
    AnsibleModule._log_invocation raises UnicodeEncodeError for a lone surrogate.
    """

    def __init__(self, argument_spec, **how):
        self._unfit = []
        super().__init__(argument_spec, **how)
        if self._unfit:
            self.fail_json(msg="; ".join(self._unfit))

    def _load_params(self):
        super()._load_params()
        self._take_unfit(self.params, self.argument_spec, "")

    def _take_unfit(self, values, spec, where):
        """Note what is unfit in ``values`` (dict), and take it out."""
        for name, option in spec.items():
            value, kind = values.get(name), option.get("type")
            if kind in _KINDS and not is_convertible(value):
                self._unfit.append("%s%s: found %s, expected %s: nothing was changed" % (where, name, shown(value), _KINDS[kind]))
                del values[name]
            elif isinstance(value, str) and not is_encodable(value):
                self._unfit.append("%s%s: found %s, expected UTF-8 text: nothing was changed" % (where, name, shown(value)))
                values[name] = ascii(value)
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, dict):
                    self._take_unfit(inner, option.get("options") or {}, "%s%s: " % (where, name))
