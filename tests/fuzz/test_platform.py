# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine's firmware, devices and log claim of it as a door: any mixture, true or not."""

import json

from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_hypervisor import kvm_guest
from entropy_machines import bare, machine
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

DMI = "/sys/class/dmi/id/"
VENDORS = st.one_of(st.none(), st.text(max_size=30), st.sampled_from((
    "QEMU", "KVM", "Bochs", "Red Hat", "VMware, Inc.", "innotek GmbH", "BHYVE", "Xen", "Amazon EC2", "m5.metal", "Google Compute Engine", "Dell Inc.",
    "Microsoft Corporation", "Virtual Machine", "Apple Inc.")))
TEXTS = st.fixed_dictionaries({}, optional={
    DMI + "sys_vendor": VENDORS, DMI + "product_name": VENDORS,
    "/proc/cpuinfo": st.sampled_from(("flags\t: fpu hypervisor", "flags\t: fpu", "CPU implementer\t: 0x41", "flags :", "",
                                      "model name\t: QEMU Virtual CPU\nflags\t: hypervisor")),
    "/sys/hypervisor/type": st.sampled_from(("xen", "", "kvm")),
    "/proc/sysinfo": st.one_of(st.text(max_size=40), st.sampled_from(("VM00 Control Program: KVM/Linux", "VM00 Control Program: z/VM", "LPAR Number: 3"))),
    "/proc/device-tree/compatible": st.sampled_from(("linux,dummy-virt", "ibm,powernv", "IBM,9009-42A", "qemu,pseries", "riscv-virtio", "\0")),
    "/proc/device-tree/hypervisor/compatible": st.sampled_from(("linux,kvm", "xen,xen")),
    "/sys/devices/system/clocksource/clocksource0/available_clocksource": st.sampled_from(("kvm-clock tsc", "tsc", "hyperv_clocksource_tsc_page", "")),
    "/sys/firmware/uv/prot_virt_guest": st.sampled_from(("1", "0", "x")),
})
FOLDERS = st.fixed_dictionaries({}, optional={
    "/sys/bus/acpi/devices": st.lists(st.sampled_from(("QEMU0002:00", "QEMUVGID:00", "PNP0501:00", "\udcff")), max_size=3),
    "/sys/bus/vmbus/devices": st.lists(st.text(max_size=4), max_size=2),
    "/sys/class/misc": st.lists(st.sampled_from(("kvm", "sev-guest", "tdx_guest", "hw_random")), max_size=3),
    "/sys/firmware/qemu_fw_cfg": st.just(["rev"]),
})
LOG = st.lists(st.sampled_from((
    "Hypervisor detected: KVM", "Hypervisor detected: VMware", "Hypervisor detected: Xen PV", "Hypervisor detected: Microsoft Hyper-V", "Hypervisor detected: ",
    "Booting paravirtualized kernel on KVM", "smccc: KVM: hypervisor services detected (0x0)", "CPU: All CPU(s) started at EL1",
    "CPU: All CPU(s) started at EL2")), max_size=3)
VIRTIO = st.lists(st.builds(lambda number: {"name": "virtio0", "id": number, "driver": None, "path": None}, st.sampled_from((None, 1, 2, 4, 5))), max_size=2)
PCI = st.lists(st.sampled_from(("8086:1237 1af4:1100", "1b36:0008 0000:0000", "80ee:cafe 0:0", "15ad:0740 15ad:0740", "8086:29c0 1028:0001", "? ?", "")),
               max_size=3)
EVIDENCE = st.fixed_dictionaries({"folders": FOLDERS, "virtio": VIRTIO, "pci": PCI, "pci_rng": st.lists(st.just("0000:00:01.0"), max_size=1)})

# What only a guest of KVM or QEMU has.
OWN = ({"folders": {"/sys/bus/acpi/devices": ["QEMU0002:00"]}}, {"pci": ["8086:1237 1af4:1100"]})


def told(texts, evidence, lines):
    seen = bare({path: text for path, text in texts.items() if text is not None}, **evidence)
    return kvm_guest(seen, {"lines": [[0.0, line] for line in lines], "complete": True})


@examples(200)
@given(TEXTS, EVIDENCE, LOG)
def test_any_mixture_gives_an_answer_with_its_evidence_and_a_no_only_where_nothing_says_yes(texts, evidence, lines):
    is_guest, why = told(texts, evidence, lines)
    assert is_guest in (True, False, "unknown")
    assert why.isprintable() and len(why) < 500
    if is_guest is False:
        assert not any(word in str(evidence["folders"]) for word in ("QEMU", "qemu_fw_cfg"))
        assert not any(device.endswith("1af4:1100") for device in evidence["pci"])
        assert not evidence["pci_rng"] or "hypervisor" not in texts.get("/proc/cpuinfo", "hypervisor") or "DMI" not in why


@examples(100)
@given(TEXTS, EVIDENCE, LOG, st.sampled_from(OWN))
def test_a_device_of_qemus_own_is_never_talked_away(texts, evidence, lines, own):
    assert told(texts, {**evidence, **own}, lines)[0] is not False


@examples(100)
@given(VENDORS, VENDORS, st.sampled_from(("flags\t: fpu hypervisor", None)))
def test_what_dmi_says_makes_no_virtual_machine_another_hypervisors(vendor, product, cpu):
    texts = {DMI + "sys_vendor": vendor, DMI + "product_name": product, "/proc/cpuinfo": cpu}
    is_guest, why = told(texts, {}, [])
    assert is_guest is not False or (cpu is None and "m5.metal" in why)


@examples(100)
@given(TEXTS, EVIDENCE, LOG, st.sampled_from(("trixie-bare", "trixie-fed", "bookworm-undriven")),
       st.sampled_from(("none", "virtio_rng.0", "virtio", "tpm-rng-0", "other-source", "smccc_trng")), st.sampled_from(("0", "1", "1024", "x")))
def test_a_machine_that_may_be_a_guest_is_ok_only_where_it_is_seen_to_be_fed(texts, evidence, lines, name, current, quality):
    texts = {path: text for path, text in texts.items() if text is not None}
    seen = machine(name, getrandom="ready", log=[(0.0, line) for line in lines], texts=texts, **evidence)
    folder = "/sys/class/misc/hw_random/"
    seen["texts"].update({folder + "rng_current": current, folder + "rng_quality": quality})
    facts = facts_of(seen)
    assert json.loads(json.dumps(facts)) == facts
    if facts["verdict"] == "ok" and facts["kvm_guest"] is not False:
        assert (facts["links"]["current"], facts["links"]["fed"], facts["hwrng"]["filling"]) == ("ok", "ok", True)
