# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine's UUID, CPU and generation id, and whether it is a confidential guest, by each architecture's own tables."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _entropy_platform as platform
from ansible_collections.kvm.entropy.plugins.module_utils import _entropy_problems
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_log import events
from entropy_machines import bare, machine

UUID = "2c12a822-84af-424b-91cf-7470bde43aa8"
DMI = "/sys/class/dmi/id/"
NO_LOG = {"lines": [], "complete": False, "encrypted": None}


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


# The first lines of /proc/cpuinfo on each (show_cpuinfo() in arch/*/kernel).
@pytest.mark.parametrize(("cpuinfo", "code"), [
    ("processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor", "no-vmgenid"), (None, "no-vmgenid"),
    ("processor\t: 0\nBogoMIPS\t: 48.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x61", "vmgenid-unsupported"),
    ("vendor_id       : IBM/S390\nfeatures\t: esan3 zarch", "vmgenid-unsupported"), ("processor\t: 0\ncpu\t\t: POWER9", "vmgenid-unsupported"),
    ("processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdc", "vmgenid-unsupported"),
])
def test_no_genid_is_advised_where_the_hypervisor_has_none(cpuinfo, code):
    seen = machine("bookworm-bare")
    seen["texts"].pop("/proc/cpuinfo", None)
    seen["texts"].update({"/proc/cpuinfo": cpuinfo} if cpuinfo else {})
    facts = facts_of(seen)
    facts.update(kvm_guest=True, vmgenid=False)
    found = _entropy_problems.problems(facts, events(seen["log"], ""), platform.is_x86(seen))
    assert [one["code"] for one in found if "vmgenid" in one["code"]] == [code]


@pytest.mark.parametrize(("changes", "evidence"), [
    ({"texts": {"/sys/firmware/uv/prot_virt_guest": "1"}}, "prot_virt_guest is 1"),
    ({"texts": {"/proc/cpuinfo": "flags\t: fpu hypervisor tdx_guest"}}, "tdx_guest"),
    ({"texts": {"/sys/devices/system/cpu/sev/vmpl": "0"}}, "sev/vmpl"),
    ({"texts": {"/sys/devices/system/cpu/svm": "1"}}, "svm is 1"),
    ({"folders": {"/sys/class/misc": ["hw_random", "sev-guest"]}}, "sev-guest"),
    ({"nodes": ["tdx_guest"]}, "tdx_guest"),
    ({"texts": {"/proc/cpuinfo": "flags\t: fpu hypervisor sev sev_es"}}, "flags of SEV"),
])
def test_a_confidential_guest_is_told_without_any_log(changes, evidence):
    is_hidden, why = platform.confidential(bare(**{"texts": {}, **changes}), NO_LOG, True)
    assert is_hidden is True
    assert evidence in why


@pytest.mark.parametrize("line", [
    "AMD Secure Encrypted Virtualization (SEV) active", "AMD Memory Encryption Features active: SEV", "AMD Memory Encryption Features active: SEV SEV-ES",
    "Memory Encryption Features active: AMD SEV", "Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP", "Memory Encryption Features active: Intel TDX",
    "SEV: SNP guest platform device initialized.", "SEV: SNP running at VMPL0.", "SEV: Status: SEV SEV-ES SEV-SNP ", "tdx: Guest detected",
    "RME: Using RSI version 1.0",
])
def test_a_confidential_guest_is_told_in_the_words_of_every_kernel(line):
    log = events({"source": "dmesg", "lines": [[0.0, "Linux version 6.1"], [0.1, line]], "complete": True}, "")
    assert platform.confidential(bare({}), log, True) == (True, "the kernel's log says: " + line)


@pytest.mark.parametrize("line", [
    "AMD Secure Memory Encryption (SME) active", "AMD Memory Encryption Features active: SME", "Memory Encryption Features active: AMD SME",
    "ccp 0000:46:00.1: SEV API:1.55 build:8", "kvm_amd: SEV enabled (ASIDs 10 - 509)"])
def test_a_host_that_encrypts_or_can_is_no_confidential_guest(line):
    log = events({"source": "dmesg", "lines": [[0.0, "Linux version 6.1"], [0.1, line]], "complete": True}, "")
    seen = bare({"/proc/cpuinfo": "flags\t: fpu sme sev sev_es sev_snp", "/sys/firmware/uv/prot_virt_host": "1"})
    assert platform.confidential(seen, log, False)[0] is False


def test_without_its_log_it_is_unknown_and_secure_execution_tells_both_ways():
    assert platform.confidential(bare({}), NO_LOG, True) == ("unknown", None)
    assert platform.confidential(bare({"/sys/firmware/uv/prot_virt_guest": "0"}), NO_LOG, True)[0] is False


def test_a_confidential_guest_is_told_not_to_trust_its_host_alone():
    seen = machine("trixie-fed", log=[(0.5, "Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP")])
    facts = facts_of(seen)
    assert facts["confidential"] is True
    assert "untrusted-host" in [problem["code"] for problem in facts["problems"]]
