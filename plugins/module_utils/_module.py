# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AnsibleModule whose options may be anything: what Ansible's own code does not survive is refused in words."""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kvm.entropy.plugins.module_utils._options import is_convertible, is_passable, shown

_KINDS = {"int": "a whole number", "float": "a number"}


class OptionsModule(AnsibleModule):
    """An AnsibleModule that refuses numbers that no conversion survives (inf, 10**400, 1e999999999), and text that is no UTF-8.

    check_type_int and check_type_float in ansible/module_utils/common/validation.py raise OverflowError, or take minutes, for such numbers;
    AnsibleModule._log_invocation raises UnicodeEncodeError for a lone surrogate; set_fallbacks in ansible/module_utils/common/parameters.py raises
    TypeError for a number in the place of a dictionary.
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
            value, suboptions = values.get(name), option.get("options")
            inners = value if isinstance(value, list) else [value]
            expected = _expected(option.get("type"), value, suboptions and inners)
            if expected:
                self._unfit.append("%s%s: found %s, expected %s: nothing was changed" % (where, name, shown(value), expected))
                values[name] = option.get("default")
            elif suboptions:
                for inner in inners:
                    if isinstance(inner, dict):
                        self._take_unfit(inner, suboptions, "%s%s: " % (where, name))


def _expected(kind, value, inners):
    """Return what is expected (str) instead of ``value``, None where Ansible's own code can judge it; ``inners`` are the values that have suboptions."""
    if kind in _KINDS and not is_convertible(value):
        return _KINDS[kind]
    if isinstance(value, str) and not is_passable(value):
        return "UTF-8 text without NUL"
    if value is not None and inners and not all(isinstance(inner, (dict, str)) for inner in inners):
        return "a dictionary" if kind == "dict" else "a list of dictionaries"
    return None
