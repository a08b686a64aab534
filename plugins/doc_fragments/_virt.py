# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options common to the modules that talk to libvirt."""


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  uri:
    description: The libvirt daemon to talk to, as a libvirt connection URI.
    type: str
    default: qemu:///system
requirements:
  - libvirt's Python bindings 5.0 or newer, in the interpreter that runs the module or in one of C(/usr/bin/python3),
    C(/usr/libexec/platform-python) and C(/usr/bin/python), under which the module then runs itself again. The package is
    C(python3-libvirt) on Debian, Ubuntu, Fedora and RHEL, C(python3-libvirt-python) on SUSE.
"""
