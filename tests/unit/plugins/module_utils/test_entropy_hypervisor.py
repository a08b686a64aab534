# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a machine is a KVM guest, by its hypervisor's own signs first and DMI last."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_hypervisor import kvm_guest
from entropy_machines import bare, codes, machine

CLOCKS = "/sys/devices/system/clocksource/clocksource0/available_clocksource"
VIRTUAL = "processor : 0\nflags\t\t: fpu vme hypervisor\n"
METAL = "processor : 0\nflags\t\t: fpu vme vmx rdrand\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n"
ACPI = "/sys/bus/acpi/devices"


def told(vendor=None, product=None, cpu=None, log=(), texts=None, **changes):
    """Return what is told of a machine with this DMI, /proc/cpuinfo and ``log`` (list of str): the answer and its evidence."""
    found = {"/sys/class/dmi/id/sys_vendor": vendor, "/sys/class/dmi/id/product_name": product, "/proc/cpuinfo": cpu, **(texts or {})}
    seen = bare({path: text for path, text in found.items() if text is not None}, **changes)
    return kvm_guest(seen, {"lines": [[0.0, line] for line in log], "complete": True})


@pytest.mark.parametrize("sign", [
    {"domain": True},
    {"texts": {"/proc/sysinfo": "LPAR Number: 9\nVM00 Name: web\nVM00 Control Program: KVM/Linux\nVM01 Control Program: z/VM    7.3.0"}},
    {"texts": {"/proc/device-tree/hypervisor/compatible": "linux,kvm"}},
    {"texts": {"/proc/device-tree/compatible": "linux,dummy-virt"}},
    {"texts": {"/proc/device-tree/compatible": "qemu,pseries", "/proc/device-tree/model": "IBM pSeries (emulated by qemu)"}},
    {"texts": {"/proc/device-tree/compatible": "riscv-virtio"}},
    {"texts": {CLOCKS: "kvm-clock tsc hpet acpi_pm"}, "cpu": VIRTUAL},
    {"log": ["Hypervisor detected: KVM"], "cpu": VIRTUAL},
    {"log": ["Booting paravirtualized kernel on KVM"], "cpu": VIRTUAL},
    {"log": ["smccc: KVM: hypervisor services detected (0x00000000 0x00000000 0x00000000 0x00000003)"], "cpu": ARM},
    {"folders": {ACPI: ["LNXCPU:00", "QEMU0002:00"]}, "cpu": VIRTUAL},
    {"folders": {ACPI: ["QEMU0001:00"]}, "cpu": VIRTUAL},
    {"folders": {"/sys/firmware/qemu_fw_cfg": ["by_key", "rev"]}, "cpu": ARM},
    {"pci": ["8086:1237 1af4:1100"], "cpu": VIRTUAL},
    {"pci": ["1b36:0008 0000:0000"], "cpu": ARM},
    {"cpu": "model name\t: QEMU Virtual CPU version 2.5+\nflags\t: fpu hypervisor"},
    {"cpu": "model name\t: Common KVM processor\nflags\t: fpu hypervisor"},
])
@pytest.mark.parametrize("vendor", [
    None, "QEMU", "Bochs", "Dell Inc.", "VMware, Inc.", "Apple Inc.", "Microsoft Corporation Virtual Machine", "Amazon EC2 m5.metal"])
def test_a_sign_of_kvm_or_qemu_tells_a_guest_whatever_dmi_says(sign, vendor):
    is_guest, evidence = told(vendor=vendor, **sign)
    assert (is_guest, bool(evidence)) == (True, True)


@pytest.mark.parametrize("vendor", ["Amazon EC2", "Google Google Compute Engine", "Nutanix NX-3060", "Alibaba Cloud ECS", "Dell Inc.", "VMware, Inc.", ""])
def test_an_x86_cpu_that_is_not_virtual_is_bare_metal_whatever_a_vendor_writes_into_dmi(vendor):
    assert told(vendor=vendor, cpu=METAL) == (False, "the CPU does not say that it is virtual")


def test_bare_metal_may_have_virtio_devices_of_a_card():
    assert told(cpu=METAL, virtio=[{"name": "virtio0", "id": 1}, {"name": "virtio1", "id": 2}])[0] is False


@pytest.mark.parametrize(("sign", "evidence"), [
    ({"texts": {"/sys/hypervisor/type": "xen"}}, "xen"),
    ({"texts": {"/proc/sysinfo": "VM00 Name: LINUX\nVM00 Control Program: z/VM    7.3.0"}}, "z/VM"),
    ({"texts": {"/proc/sysinfo": "Manufacturer: IBM\nLPAR Number: 9"}}, "logical partition"),
    ({"texts": {"/proc/device-tree/hypervisor/compatible": "xen,xen-4.17\0xen,xen"}}, "Xen"),
    ({"texts": {"/proc/device-tree/compatible": "ibm,powernv\0ibm,p9-openbmc"}}, "PowerNV"),
    ({"texts": {"/proc/device-tree/compatible": "IBM,9009-42A", "/proc/device-tree/model": "IBM,9009-42A"}}, "PowerVM"),
    ({"log": ["Hypervisor detected: VMware"], "cpu": VIRTUAL, "vendor": "VMware, Inc."}, "VMware"),
    ({"log": ["Hypervisor detected: Xen HVM"], "cpu": VIRTUAL}, "Xen"),
    # QEMU emulates devices for Xen's guests, and Xen shows Hyper-V's interface where it is to run Windows.
    ({"texts": {"/sys/hypervisor/type": "xen"}, "pci": ["8086:1237 1af4:1100", "5853:0001 5853:0001"], "cpu": VIRTUAL, "vendor": "Xen"}, "xen"),
    ({"pci": ["8086:1237 1af4:1100", "5853:0001 5853:0001"], "cpu": VIRTUAL, "log": ["Hypervisor detected: Microsoft Hyper-V"]}, "Xen"),
    ({"log": ["Hypervisor detected: Bhyve"], "cpu": VIRTUAL, "virtio": [{"name": "virtio0", "id": 1}]}, "Bhyve"),
    ({"log": ["Hypervisor detected: Microsoft Hyper-V"], "cpu": VIRTUAL, "vendor": "Microsoft Corporation", "product": "Virtual Machine"}, "Hyper-V"),
    ({"folders": {"/sys/bus/vmbus/devices": ["00000000-0000-8899-0000-000000000000"]}, "cpu": VIRTUAL}, "Hyper-V"),
    ({"pci": ["15ad:0740 15ad:0740"], "cpu": VIRTUAL, "vendor": "VMware, Inc."}, "VMware"),
    # VirtualBox offers KVM's interface, and its own PCI device tells it.
    ({"pci": ["80ee:cafe 0000:0000"], "cpu": VIRTUAL, "log": ["Hypervisor detected: KVM"], "texts": {CLOCKS: "kvm-clock tsc"}}, "VirtualBox"),
    ({"log": ["CPU: All CPU(s) started at EL2"], "cpu": ARM, "vendor": "HPE", "product": "ProLiant RL300"}, "EL2"),
    ({"folders": {"/sys/class/misc": ["hw_random", "kvm"]}, "cpu": ARM}, "guests of its own"),
    ({"vendor": "Amazon EC2", "product": "m6g.metal", "cpu": ARM}, "m6g.metal"),
    ({"vendor": "Amazon EC2", "product": "c7i.metal-24xl"}, "metal"),
])
def test_a_sign_of_another_hypervisor_or_of_none_tells_that_it_is_no_kvm_guest(sign, evidence):
    is_guest, why = told(**sign)
    assert is_guest is False
    assert evidence in why


@pytest.mark.parametrize(("sign", "evidence"), [
    # Whoever starts a guest may write any vendor into its SMBIOS.
    ({"vendor": "VMware, Inc.", "product": "VMware7,1", "cpu": VIRTUAL}, "VMware"),
    ({"vendor": "VMware, Inc.", "product": "VMware7,1"}, "VMware"),
    ({"vendor": "Microsoft Corporation", "product": "Virtual Machine", "cpu": VIRTUAL}, "Microsoft"),
    ({"vendor": "innotek GmbH", "product": "VirtualBox", "cpu": VIRTUAL}, "VirtualBox"),
    ({"vendor": "Dell Inc.", "product": "PowerEdge R650", "cpu": VIRTUAL}, "the CPU says that it is virtual"),
    ({"vendor": "Dell Inc.", "cpu": ARM}, "nothing tells"),
    ({"vendor": "Amazon EC2", "product": "m5.metal", "cpu": VIRTUAL}, "m5.metal"),
    ({"vendor": "Amazon EC2", "product": "m6g.metal", "cpu": ARM, "log": ["CPU: All CPU(s) started at EL1"]}, "m6g.metal"),
    # KVM can be told to show Hyper-V's interface and to hide its own.
    ({"log": ["Hypervisor detected: Microsoft Hyper-V"], "cpu": VIRTUAL}, "Hyper-V"),
    ({"vendor": "innotek GmbH", "product": "VirtualBox", "cpu": VIRTUAL, "texts": {CLOCKS: "kvm-clock tsc"}},
     "kvm-clock, but DMI says innotek GmbH VirtualBox"),
    ({"vendor": "OpenBSD", "product": "VMM", "cpu": VIRTUAL, "virtio": [{"name": "virtio0", "id": 4}]}, "OpenBSD"),
    ({"log": ["Hypervisor detected: Microsoft Hyper-V"], "cpu": VIRTUAL, "virtio": [{"name": "virtio0", "id": 4}]}, "Hyper-V"),
    ({"vendor": "BHYVE", "cpu": VIRTUAL, "folders": {ACPI: ["QEMU0002:00"]}}, "but DMI says BHYVE"),
    ({"texts": {"/sys/hypervisor/type": "xen"}, "folders": {ACPI: ["QEMU0002:00"]}}, "but /sys/hypervisor/type is xen"),
    ({"cpu": METAL, "folders": {ACPI: ["QEMU0002:00"]}}, "but the CPU does not say"),
    ({"cpu": METAL, "vendor": "QEMU", "product": "Standard PC (Q35 + ICH9, 2009)"}, "but the CPU does not say"),
    ({"cpu": METAL, "virtio": [{"name": "virtio0", "id": 4}]}, "but the CPU does not say"),
    ({"cpu": METAL, "pci_rng": ["0000:00:02.0"]}, "but the CPU does not say"),
    # QEMU and KVM can show Xen's interface, and even its platform device.
    ({"log": ["Hypervisor detected: Xen HVM"], "pci": ["8086:1237 1af4:1100"], "cpu": VIRTUAL}, "Hypervisor detected: Xen HVM"),
    ({"folders": {ACPI: ["QEMU0002:00"]}, "pci": ["8086:1237 1af4:1100", "5853:0001 5853:0001"], "cpu": VIRTUAL}, "5853:0001"),
    ({"log": ["Hypervisor detected: VMware"], "cpu": VIRTUAL, "pci": ["8086:1237 1af4:1100"]}, "but the kernel's log says: Hypervisor detected: VMware"),
    ({"vendor": "Apple Inc.", "product": "Apple Virtualization Generic Platform", "cpu": ARM, "virtio": [{"name": "virtio0", "id": 1}]}, "Apple"),
    ({}, "nothing tells"),
])
def test_what_is_contradicted_or_told_by_dmi_alone_is_unknown_with_both_sides(sign, evidence):
    is_guest, why = told(**sign)
    assert is_guest == "unknown"
    assert evidence in why


@pytest.mark.parametrize("sign", [
    {"vendor": "QEMU", "product": "Standard PC"}, {"vendor": "Red Hat", "product": "KVM"}, {"vendor": "OpenStack Foundation", "product": "OpenStack Nova"},
    {"vendor": "Bochs", "product": "Bochs"}, {"vendor": "Bochs", "product": "Bochs", "cpu": VIRTUAL},
    {"vendor": "Amazon EC2", "product": "m6g.large", "cpu": ARM},
    {"vendor": "Google", "product": "Google Compute Engine", "cpu": VIRTUAL}, {"cpu": VIRTUAL, "virtio": [{"name": "virtio0", "id": 1}]},
])
def test_dmi_and_virtio_devices_tell_a_guest_where_nothing_contradicts(sign):
    assert told(**sign)[0] is True


def test_the_evidence_is_short_and_printable_whatever_dmi_holds():
    is_guest, why = told(vendor="QEMU\x1b[2J\u202e" + "x" * 5000)
    assert is_guest is True
    assert why.isprintable() and why.isascii() and len(why) < 200


@pytest.mark.parametrize("vendor", ["VMware, Inc.", "Dell Inc.", "innotek GmbH"])
def test_a_guest_with_another_vendors_smbios_is_judged_and_not_ok(vendor):
    seen = machine("trixie-bare", getrandom="ready", texts={"/sys/class/dmi/id/sys_vendor": vendor, "/sys/class/dmi/id/product_name": vendor})
    facts = facts_of(seen)
    assert (facts["kvm_guest"], facts["verdict"], codes(facts)) == (True, "degraded", ["no-device"])
    # Even where nothing of QEMU's is left.
    seen["folders"]["/sys/bus/acpi/devices"] = []
    facts = facts_of(seen)
    assert (facts["kvm_guest"], facts["verdict"]) == ("unknown", "degraded")
