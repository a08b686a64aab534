# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""On which architectures a guest can be told by its hypervisor that it was cloned or restored. Pure."""

# QEMU's vmgenid depends on its PC machines (hw/acpi/Kconfig), and libvirt takes <genid/> only where QEMU has the device (qemuValidateDomainDef in
# src/qemu/qemu_validate.c). Names as libvirt and uname have them.
_WITH = ("x86_64", "i686", "i386", "i486", "i586", "amd64")


def has_vmgenid(arch):
    """Return whether QEMU has the device for guests of ``arch`` (str), None where that is not known."""
    return arch in _WITH if arch else None
