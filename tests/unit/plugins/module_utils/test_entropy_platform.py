# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kind of machine it is, by each architecture's own tables."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _entropy_platform as platform
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from entropy_machines import machine

UUID = "2c12a822-84af-424b-91cf-7470bde43aa8"
DMI = "/sys/class/dmi/id/"
NO_LOG = {"lines": [], "complete": False, "encrypted": False}


def bare(texts, **changes):
    """Return observations of a live machine that shows nothing but ``texts`` (dict)."""
    return {"texts": texts, "folders": {}, "virtio": [], "pci_rng": [], "live": True, "config": None, "refused": {}, **changes}


@pytest.mark.parametrize(("texts", "is_guest"), [
    ({DMI + "sys_vendor": "QEMU", DMI + "product_name": "Standard PC"}, True),
    ({DMI + "sys_vendor": "Red Hat", DMI + "product_name": "KVM"}, True),
    ({DMI + "sys_vendor": "OpenStack Foundation", DMI + "product_name": "OpenStack Nova"}, True),
    ({DMI + "sys_vendor": "VMware, Inc.", DMI + "product_name": "VMware7,1"}, False),
    ({DMI + "sys_vendor": "Microsoft Corporation", DMI + "product_name": "Virtual Machine"}, False),
    ({"/sys/hypervisor/type": "xen", DMI + "sys_vendor": "Xen"}, False),
    ({"/proc/sysinfo": "VM00 Name: web\nVM00 Control Program: KVM/Linux"}, True),
    ({"/proc/sysinfo": "VM00 Name: LINUX\nVM00 Control Program: z/VM    7.3.0"}, False),
    ({"/proc/device-tree/hypervisor/compatible": "linux,kvm"}, True),
    ({"/proc/device-tree/compatible": "linux,dummy-virt"}, True),
    ({"/sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc acpi_pm"}, True),
    ({"/proc/cpuinfo": "processor : 0\nflags\t\t: fpu vme\n"}, False),
    ({"/proc/cpuinfo": "processor : 0\nFeatures\t: fp asimd\n"}, "unknown"),
])
def test_a_kvm_guest_is_told_from_other_machines(texts, is_guest):
    assert platform.kvm_guest(bare(texts), NO_LOG)[0] == is_guest


@pytest.mark.parametrize(("texts", "expected"), [
    ({DMI + "product_uuid": UUID.upper()}, (UUID, "dmi")),
    ({"/proc/sysinfo": "VM00 Name: web\nVM00 UUID: %s\nVM01 UUID: 00000000-0000-0000-0000-000000000001" % UUID}, (UUID, "sysinfo")),
    ({"/proc/device-tree/vm,uuid": UUID}, (UUID, "device-tree")),
    ({DMI + "product_uuid": "00000000-0000-0000-0000-000000000000"}, (None, None)),
    ({DMI + "product_uuid": "Not Settable"}, (None, None)),
    ({}, (None, None)),
])
def test_the_domain_uuid_comes_from_the_platforms_own_table(texts, expected):
    *found, reason = platform.domain_uuid(bare(texts), True)
    assert tuple(found) == expected
    assert (reason is None) == (expected[0] is not None)


def test_a_machine_that_is_no_guest_has_no_domain():
    assert platform.domain_uuid(bare({DMI + "product_uuid": UUID}), False)[0] is None


@pytest.mark.parametrize(("command_line", "config", "pool", "trusted"), [
    ("quiet random.trust_cpu=on", None, "256", True),
    ("quiet random.trust_cpu=off", {"RANDOM_TRUST_CPU": "y"}, "256", False),
    ("random.trust_cpu=1 random.trust_cpu=0", None, "256", False),
    ("quiet", {"RANDOM_TRUST_CPU": "y"}, "4096", True),
    ("quiet", {"RANDOM_TRUST_CPU": "n"}, "256", False),
    ("quiet", {}, "256", True),
    ("quiet", {}, "4096", False),
    ("quiet", None, "256", "unknown"),
])
def test_whether_the_kernel_credits_its_cpu(command_line, config, pool, trusted):
    seen = bare({"/proc/cmdline": command_line, "/proc/sys/kernel/random/poolsize": pool}, config=config)
    assert platform.cpu_facts(seen)["trusted"] == trusted


@pytest.mark.parametrize(("folders", "expected"), [
    ({"/sys/bus/acpi/drivers/vmgenid": ["QEMUVGID:00", "bind", "uevent"]}, True),
    ({"/sys/bus/platform/drivers/vmgenid": ["VMGENCTR:00", "bind", "uevent", "unbind"]}, True),
    ({"/sys/bus/platform/drivers/vmgenid": ["bind", "uevent", "unbind"]}, False),
    ({}, False),
])
def test_vmgenid_counts_where_its_driver_serves_a_device(folders, expected):
    assert platform.vmgenid(bare({}, folders=folders)) is expected


@pytest.mark.parametrize(("texts", "encrypted", "expected"), [
    ({"/sys/firmware/uv/prot_virt_guest": "1"}, False, True),
    ({"/sys/firmware/uv/prot_virt_guest": "0"}, False, False),
    ({"/proc/cpuinfo": "flags\t: fpu tdx_guest"}, False, True),
    ({}, True, True),
    ({}, False, "unknown"),
])
def test_a_confidential_guest_is_told(texts, encrypted, expected):
    assert platform.confidential(bare(texts), dict(NO_LOG, encrypted=encrypted), True) == expected


def test_a_confidential_guest_is_told_not_to_trust_its_host_alone():
    seen = machine("trixie-fed", log=[(0.5, "Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP")])
    facts = facts_of(seen)
    assert facts["confidential"] is True
    assert "untrusted-host" in [problem["code"] for problem in facts["problems"]]
