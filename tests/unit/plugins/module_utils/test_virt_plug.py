# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a running domain has a place for one more device."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._virt_plug import plug


def port(index, hotplug=None, model="pcie-root-port"):
    target = f"<target chassis='{index}' hotplug='{hotplug}'/>" if hotplug else f"<target chassis='{index}'/>"
    return f"<controller type='pci' index='{index}' model='{model}'>{target}<address type='pci' bus='0x00' slot='0x02'/></controller>"


def at(bus, slot=0):
    return f"<disk><address type='pci' domain='0x0000' bus='0x{bus:02x}' slot='0x{slot:02x}' function='0x0'/></disk>"


def possible(devices, root="pcie-root", machine="pc-q35-7.2", arch="x86_64", features="<acpi/>", model="virtio"):
    return plug(
        f"<domain><os><type arch='{arch}' machine='{machine}'>hvm</type></os><features>{features}</features><devices>"
        f"<controller type='pci' index='0' model='{root}'/>{devices}</devices></domain>", model)


@pytest.mark.parametrize("devices, answer", [
    (port(1), True),
    (port(1) + at(1) + port(2), True),
    (port(1) + at(1), False),
    (port(1, "off"), False),
    (port(1, "on"), True),
    (port(1) + at(1) + port(17, model="pcie-switch-downstream-port"), True),
    ("", False),
])
def test_pcie_wants_a_free_port_that_allows_it(devices, answer):
    assert possible(devices).possible is answer
    assert bool(possible(devices).reason) is not answer


def test_a_transitional_device_wants_a_conventional_bus():
    assert possible(port(1), model="virtio-transitional").possible is False
    assert possible(port(1) + port(2, model="pcie-to-pci-bridge"), model="virtio-transitional").possible is None


@pytest.mark.parametrize("devices, features, answer", [
    ("", "<acpi/>", True),
    ("", "", False),
    ("".join(at(0, slot) for slot in range(3, 32)), "<acpi/>", None),
    ("".join(at(0, slot) for slot in range(2, 32)), "<acpi/>", False),
    ("".join(at(0, slot) for slot in range(2, 31)), "<acpi/>", True),
    ("".join(at(0, slot) for slot in range(2, 32)) + port(1, model="pci-bridge"), "<acpi/>", None),
])
def test_a_pc_wants_acpi_and_a_slot(devices, features, answer):
    assert possible(devices, root="pci-root", machine="pc-i440fx-7.2", features=features).possible is answer


@pytest.mark.parametrize("machine, arch, root, answer", [
    ("s390-ccw-virtio-7.2", "s390x", "none", None), ("pseries-7.2", "ppc64le", "pci-root", None), ("microvm", "x86_64", "none", False)])
def test_other_machines_are_left_to_libvirt_unless_they_have_no_hotplug(machine, arch, root, answer):
    found = possible("", root=root, machine=machine, arch=arch)
    assert found.possible is answer and machine in found.reason
