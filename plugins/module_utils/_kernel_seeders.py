# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that end after they have credited a seed which they kept from the boot before. No process tells of them later."""

import re

# seedrng(8) of OpenRC and Busybox credits what it keeps here, unless it is told otherwise.
_SEEDRNG = "/var/lib/seedrng"
# systemd-random-seed.service(8) credits its seed where this variable says so. A unit has it, or the kernel's command line (systemd.setenv=).
_VARIABLE, _UNIT = "SYSTEMD_RANDOM_SEED_CREDIT", "systemd-random-seed.service"
_MOST_DROP_INS = 16


def observe(tree, command_line, folders):
    """Return what says (list of str: paths) that such a program is there; ``command_line`` (str or None), ``folders`` of units (tuple of str)."""
    found = [_SEEDRNG] if tree.has(_SEEDRNG) else []
    if _VARIABLE in (command_line or ""):
        found.append("/proc/cmdline")
    for folder in folders:
        unit = "%s/%s" % (folder, _UNIT)
        paths = [unit] + ["%s.d/%s" % (unit, name) for name in (tree.names(unit + ".d") or ())[:_MOST_DROP_INS]]
        found += [path for path in paths if re.search(r"^Environment=.*\b%s=" % _VARIABLE, tree.text(path) or "", re.MULTILINE)]
    return found
