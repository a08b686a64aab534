# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find libvirt's Python bindings: distributions ship them for their own interpreter only."""

import os
import sys

from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module
from ansible_collections.kvm.entropy.plugins.module_utils import _libvirt
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

# Where distributions have the interpreter of their own packages (platform-python: RHEL 8).
_SYSTEM_INTERPRETERS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/bin/python")


def require(interpreters=_SYSTEM_INTERPRETERS):
    """Return when the bindings are here; else run the module again under the one of ``interpreters`` that has them.

    Raise EntropyError when none has.
    """
    if _libvirt.HAS_BINDINGS:
        return
    if not has_respawned():
        found = probe_interpreters_for_module(interpreters, "libvirt")
        if found:
            respawn_module(found)
    tried = [sys.executable] + [path for path in interpreters if path != sys.executable and os.path.exists(path)]
    raise EntropyError(
        f"libvirt's Python bindings are missing on this host: none of {', '.join(tried)} has the module libvirt. Install the "
        "distribution's package: python3-libvirt on Debian, Ubuntu, Fedora and RHEL, python3-libvirt-python on SUSE.",
        missing_library="libvirt")
