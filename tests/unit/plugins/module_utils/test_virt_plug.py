# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a running domain has a place for one more device."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._virt_plug import added_ports, plug, speaks_legacy, unplug, why_no_place


def port(index, hotplug=None, model="pcie-root-port"):
    target = f"<target chassis='{index}' hotplug='{hotplug}'/>" if hotplug else f"<target chassis='{index}'/>"
    return f"<controller type='pci' index='{index}' model='{model}'>{target}<address type='pci' bus='0x00' slot='0x02'/></controller>"


def at(bus, slot=0):
    return f"<disk><address type='pci' domain='0x0000' bus='0x{bus:02x}' slot='0x{slot:02x}' function='0x0'/></disk>"


def possible(devices, root="pcie-root", machine="pc-q35-7.2", arch="x86_64", features="<acpi/>", model="virtio", **driver):
    return plug(domain(devices, root, machine, arch, features), [wish(model, **driver)])


def wish(model="virtio", **driver):
    return {"model": model, "driver": driver}


def domain(devices, root="pcie-root", machine="pc-q35-7.2", arch="x86_64", features="<acpi/>"):
    return (f"<domain><os><type arch='{arch}' machine='{machine}'>hvm</type></os><features>{features}</features><devices>"
            f"<controller type='pci' index='0' model='{root}'/>{devices}</devices></domain>")


def rng(bus, slot=0, more=""):
    return f"<rng><address type='pci' domain='0x0000' bus='0x{bus:02x}' slot='0x{slot:02x}' function='0x0'{more}/></rng>"


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


def test_each_device_wants_a_port_of_its_kind():
    ports = domain(port(1) + port(2, model="pcie-to-pci-bridge"))
    assert plug(ports, [wish("virtio"), wish("virtio-transitional")]).possible is None
    assert plug(ports, [wish("virtio"), wish("virtio-non-transitional")]).reason == "1 free PCIe root port for 2 devices"
    assert plug(ports, [wish("virtio-transitional"), wish("virtio-transitional")]).possible is None


@pytest.mark.parametrize("device, devices, more, why", [
    (rng(1), port(1), {}, None),
    ("<rng><address type='virtio-mmio'/></rng>", "", {"root": "pci-root", "machine": "vexpress-a15", "arch": "armv7l"}, "virtio-mmio"),
    (rng(0, 7), "", {}, "the root complex itself"),
    (rng(1), port(1, "off"), {}, "hotplug off"),
    (rng(1, 0, " multifunction='on'"), port(1), {}, "multifunction"),
    (rng(0, 7), at(0, 7), {"root": "pci-root"}, "multifunction"),
    (rng(0, 7), "", {"root": "pci-root"}, None),
    (rng(0, 7), "", {"root": "pci-root", "features": ""}, "without ACPI"),
    (rng(0, 7), "", {"root": "pci-root", "features": "", "arch": "ppc64le"}, None),
    ("<rng/>", "", {"root": "none", "machine": "microvm"}, "machine microvm has no hotplug"),
    ("<rng/>", "", {"root": "none", "machine": "s390-ccw-virtio-7.2"}, None),
])
def test_what_a_running_domain_does_not_give_back(device, devices, more, why):
    found = unplug(domain(devices + device, **more), [device])
    assert found.possible is (why is None) and (why or "") in found.reason


@pytest.mark.parametrize("model, root, answer", [
    ("virtio", "pcie-root", False), ("virtio", "pci-root", True), ("virtio-transitional", "pcie-root", True), ("virtio-non-transitional", "pci-root", False)])
def test_plain_virtio_offers_the_old_protocol_on_a_conventional_bus(model, root, answer):
    assert speaks_legacy(domain("", root), model) is answer


@pytest.mark.parametrize("model, root, answer", [
    ("virtio", "pcie-root", False), ("virtio-non-transitional", "pcie-root", False), ("virtio-transitional", "pcie-root", False), ("virtio", "pci-root", True)])
def test_page_per_vq_needs_more_addresses_than_a_pcie_port_has(model, root, answer):
    found = possible(port(1) + port(2, model="pcie-to-pci-bridge"), root=root, machine="pc", model=model, page_per_vq=True)
    assert found.possible is answer and ("page_per_vq" in found.reason) is not answer
    assert possible(port(1), page_per_vq=False).possible is True


@pytest.mark.parametrize("kind, arch, answer", [("qemu", "armv7l", False), ("kvm", "aarch64", False), ("kvm", "s390x", None), ("test", "i686", None)])
def test_a_machine_without_a_pci_bus_takes_no_device_while_it_runs(kind, arch, answer):
    bare = f"<domain type='{kind}'><os><type arch='{arch}' machine='vexpress-a15'>hvm</type></os><devices/></domain>"
    assert plug(bare, [wish()]).possible is answer


def test_the_ports_that_came_with_a_device_are_found_and_no_other():
    old, new, bridge = (port(index, model=model) for index, model in ((1, "pcie-root-port"), (2, "pcie-root-port"), (3, "pcie-to-pci-bridge")))
    bridge = bridge.replace("bus='0x00'", "bus='0x02'")
    element = rng(3, 1)
    xml = domain(old + new + bridge + element)
    assert added_ports(xml, element, {"0", "1"}) == [bridge, new], "what sits on another goes first"
    assert added_ports(xml, element, {"0", "1", "2"}) == [bridge]
    assert added_ports(xml, element, {"0", "1", "2", "3"}) == []
    assert added_ports(xml.replace("</devices>", at(3, 2) + "</devices>"), element, {"0", "1"}) == [], "another device sits there"
    assert added_ports(domain("<rng/>", root="pci-root"), "<rng/>", {"0"}) == []


def pci(bus, slot=0, function=0):
    return {"domain": 0, "bus": bus, "slot": slot, "function": function}


@pytest.mark.parametrize("address, root, why", [
    (pci(1), "pcie-root", None),
    (pci(0, 9), "pcie-root", None),
    (pci(0, 9), "pci-root", None),
    (pci(7), "pcie-root", None),
    (pci(1, 1), "pcie-root", "a PCIe port, which has slot 0 alone"),
    (pci(7, 1), "pcie-root", "a PCIe port, which has slot 0 alone"),
    (pci(7, 1), "pci-root", None),
    (pci(7), "pci-root", "no slot 0 for devices"),
    (pci(2), "pcie-root", "another device of the domain is there"),
    (pci(2, 0, 1), "pcie-root", "another device of the domain is there"),
    (pci(3, 0, 1), "pcie-root", None),
    (pci(3), "pcie-root", "another device of the domain is there"),
    (pci(0, 9, 1), "pcie-root", "no device at function 0"),
    ({"cssid": 254, "ssid": 0, "devno": 1}, "pcie-root", "no channel devices"),
])
def test_a_place_that_a_domain_does_not_have_is_told(address, root, why):
    devices = port(1) + port(2) + at(2) + port(3) + rng(3, more=" multifunction='on'")
    found = why_no_place(domain(devices, root).replace("<domain>", "<domain type='kvm'>"), address)
    assert found is None if why is None else why in found


def test_a_channel_device_is_for_machines_that_have_them():
    assert why_no_place("<domain type='kvm'><os><type arch='s390x'>hvm</type></os></domain>", {"cssid": 254, "ssid": 0, "devno": 1}) is None
