# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether this machine is a guest of KVM or QEMU, by the hypervisor's own signs first and DMI last. Pure: from observations.

DMI is a text that whoever starts a guest may choose, and that providers of bare metal fill in as they do for their guests. It decides only where nothing
else tells, and never alone that a machine is another hypervisor's guest. Signs that contradict each other decide nothing.
"""

import re

from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

UNKNOWN = "unknown"
DMI = "/sys/class/dmi/id/"
CLOCKS = "/sys/devices/system/clocksource/clocksource0/available_clocksource"

# What a sign tells. QEMU: a device or name of QEMU's or KVM's own. INTERFACE: KVM's interface for guests, which VirtualBox offers too. OTHER: another
# hypervisor's own. METAL: no hypervisor. HYPERV: Hyper-V's interface, which KVM offers too. VIRTUAL: a hypervisor, whichever. BARE: none, or nested guests.
QEMU, INTERFACE, OTHER, METAL, HYPERV, VIRTUAL, BARE = "qemu", "interface", "other", "metal", "hyper-v", "virtual", "bare"

# The vendors in DMI: of QEMU and of those who sell KVM guests alone; of QEMU's machine types until pc-i440fx-1.7, and of the emulator Bochs; of clouds that
# sell bare metal too; of other hypervisors (as in systemd's virt.c).
_QEMU_VENDORS = ("QEMU", "KVM", "Red Hat", "OpenStack", "oVirt", "KubeVirt", "DigitalOcean", "AHV", "Bochs")
_CLOUDS = ("Amazon EC2", "Google Compute Engine", "Alibaba", "Nutanix")
_OTHER_VENDORS = ("VMware", "VMW", "innotek GmbH", "VirtualBox", "Xen", "Parallels", "BHYVE", "Hyper-V", "Apple", "OpenBSD", "Oxide",
                  "Microsoft Corporation Virtual Machine")
_VIRTUALBOX, _BHYVE, _MICROSOFT = ("innotek GmbH", "VirtualBox"), ("BHYVE",), ("Microsoft Corporation Virtual Machine", "Hyper-V")
_METAL_PRODUCT = re.compile(r"\.metal\b")

# arch/x86/kernel/cpu/hypervisor.c, by the CPUID signature; the names are those of the kernel's struct hypervisor_x86.
_DETECTED = "Hypervisor detected: "
_OTHERS_DETECTED = ("VMware", "Xen", "ACRN", "Jailhouse", "Bhyve")
# arch/x86/kernel/paravirt.c; drivers/firmware/smccc/kvm_guest.c; arch/arm64/kernel/smp.c: a guest starts at EL1, unless it is to run guests itself.
_PARAVIRTUALIZED = "Booting paravirtualized kernel on KVM"
_SMCCC = "smccc: KVM: hypervisor services detected"
_LEVEL = re.compile(r"CPU: All CPU\(s\) started at EL([12])")

# include/hw/pci/pci.h in QEMU: the subsystem of every device that it emulates, and the vendor of its own. Then the vendors of other hypervisors' devices that
# QEMU does not emulate (VMware's VMCI, VirtualBox's, Parallels', Xen's platform device).
_QEMU_SUBSYSTEM, _QEMU_VENDOR = "1af4:1100", "1b36:"
_VIRTUALBOX_PCI = "80ee:"
_OTHER_PCI = {"15ad:0740": "VMware", "80ee:": "VirtualBox", "1ab8:": "Parallels", "5853:0001": "Xen"}
# Xen has QEMU emulate the other devices of the guests that have its platform device, on a board without QEMU's own.
_XEN_PCI = "5853:0001"

# include/uapi/linux/virtio_ids.h: a host has devices of these kinds too, by vDPA or from its provider's card.
_OF_HOSTS = (1, 2)


def kvm_guest(seen, log):
    """Return (tri-state, evidence): whether this machine is a guest of KVM or QEMU."""
    signs = {}
    for kind, evidence in _signs(seen, log):
        signs.setdefault(kind, []).append(evidence)
    dmi = _dmi(seen["texts"])
    if any(_VIRTUALBOX_PCI in device for device in seen.get("pci", ())):
        signs.pop(INTERFACE, None)
    ours, against = signs.get(QEMU, []) + signs.get(INTERFACE, []), signs.get(OTHER, []) + signs.get(METAL, [])
    if ours and against:
        return UNKNOWN, "%s, but %s" % (ours[0], against[0])
    if ours and _shows_the_same(dmi, signs):
        return UNKNOWN, "%s, but DMI says %s, which shows the same" % (ours[0], printable(dmi))
    if ours:
        return True, ours[0]
    if OTHER in signs:
        return False, signs[OTHER][0]
    return _by_less(seen, signs, dmi)


def _dmi(texts):
    return " ".join(filter(None, (texts.get(DMI + "sys_vendor"), texts.get(DMI + "product_name"))))


def _names(text, known):
    return any(name in text for name in known)


def _shows_the_same(dmi, signs):
    """Return whether DMI names a hypervisor that shows all the ``signs`` (dict) there are of KVM or QEMU."""
    # VirtualBox's paravirtualization provider "kvm" is its default for Linux. bhyve has QEMU's firmware configuration device (usr.sbin/bhyve/qemu_fwcfg.c).
    if _names(dmi, _VIRTUALBOX):
        return QEMU not in signs
    return _names(dmi, _BHYVE) and INTERFACE not in signs


def _signs(seen, log):
    """Yield (kind, evidence) of each sign that does not come from DMI."""
    texts = seen["texts"]
    if seen.get("domain"):
        yield QEMU, "libvirt runs it"
    for signs in (_of_platform(texts), _of_devices(seen), _of_log(log), _of_cpu(texts)):
        yield from signs


def _of_platform(texts):
    """Yield the signs in the tables of s390x, of a device tree and of the kernel's own /sys/hypervisor."""
    if texts.get("/sys/hypervisor/type") == "xen":
        yield OTHER, "/sys/hypervisor/type is xen"
    sysinfo = texts.get("/proc/sysinfo", "")
    control = re.search(r"^VM00 Control Program: *(.+)$", sysinfo, re.MULTILINE)
    if control:
        yield QEMU if "KVM" in control.group(1) else OTHER, "/proc/sysinfo says %s" % printable(control.group(1))
    elif re.search(r"^LPAR Number: ", sysinfo, re.MULTILINE):
        yield METAL, "/proc/sysinfo says that it is a logical partition"
    compatible, above = texts.get("/proc/device-tree/compatible", ""), texts.get("/proc/device-tree/hypervisor/compatible", "")
    machine = compatible + "\0" + texts.get("/proc/device-tree/model", "")
    if "linux,kvm" in above:
        yield QEMU, "the device tree says that its hypervisor is KVM"
    elif "xen" in above:
        yield OTHER, "the device tree says that its hypervisor is Xen"
    # QEMU's machines virt (hw/arm/virt.c, hw/riscv/virt.c) and pseries (hw/ppc/spapr.c).
    if "linux,dummy-virt" in machine or "riscv-virtio" in machine or "qemu" in machine.lower():
        yield QEMU, "the device tree says that it is QEMU's machine"
    elif "ibm,powernv" in machine:
        yield METAL, "the device tree says PowerNV"
    elif "IBM,pSeries" in machine or re.match(r"IBM,\d", machine):
        yield OTHER, "the device tree says PowerVM"


def _of_devices(seen):
    folders = seen["folders"]
    for name in folders.get("/sys/bus/acpi/devices", ()):
        # QEMU0001 is its panic device, QEMU0002 its firmware configuration device, QEMUVGID its generation id (docs/specs in QEMU).
        if name.startswith("QEMU"):
            yield QEMU, "ACPI has QEMU's device %s" % printable(name)
            break
    if "/sys/firmware/qemu_fw_cfg" in folders:
        yield QEMU, "it has QEMU's firmware configuration device"
    if folders.get("/sys/bus/vmbus/devices"):
        yield OTHER, "it has devices on Hyper-V's bus"
    on_xen = any(device.startswith(_XEN_PCI) for device in seen.get("pci", ()))
    for device in () if on_xen else seen.get("pci", ()):
        card, _space, subsystem = device.partition(" ")
        if subsystem == _QEMU_SUBSYSTEM or card.startswith(_QEMU_VENDOR):
            yield QEMU, "its PCI device %s is QEMU's" % printable(device)
            break
    for device in seen.get("pci", ()):
        name = next((_OTHER_PCI[start] for start in _OTHER_PCI if device.startswith(start)), None)
        if name:
            yield OTHER, "its PCI device %s is %s's" % (printable(device), name)
            break


def _of_log(log):
    for _when, text in log["lines"]:
        level = _LEVEL.match(text)
        if text.startswith(_DETECTED):
            name = text[len(_DETECTED):]
            if name.startswith("KVM"):
                yield INTERFACE, "the kernel's log says: " + printable(text)
            elif name.startswith(_OTHERS_DETECTED):
                yield OTHER, "the kernel's log says: " + printable(text)
            else:
                yield HYPERV if "Hyper-V" in name else VIRTUAL, "the kernel's log says: " + printable(text)
        elif text.startswith(_PARAVIRTUALIZED):
            yield INTERFACE, "the kernel's log says: " + printable(text)
        elif text.startswith(_SMCCC):
            yield QEMU, "the kernel's log says: " + printable(text)
        elif level:
            yield VIRTUAL if level.group(1) == "1" else BARE, "its CPUs started at EL" + level.group(1)


def _of_cpu(texts):
    clocks = texts.get(CLOCKS, "").split()
    if "kvm-clock" in clocks:
        yield INTERFACE, "the kernel offers kvm-clock"
    if any(clock.startswith("hyperv_clocksource") for clock in clocks):
        yield HYPERV, "the kernel offers Hyper-V's clock"
    model = re.search(r"^model name\s*: (QEMU .*|Common (?:32-bit )?KVM .*)$", texts.get("/proc/cpuinfo", ""), re.MULTILINE)
    if model:
        yield QEMU, "/proc/cpuinfo says " + printable(model.group(1))
    flags = cpu_flags(texts)
    if flags is not None:
        # CPUID.1:ECX.31, which no CPU sets and every hypervisor does unless told otherwise (X86_FEATURE_HYPERVISOR).
        yield (VIRTUAL, "the CPU says that it is virtual") if "hypervisor" in flags else (METAL, "the CPU does not say that it is virtual")


def cpu_flags(texts):
    """Return the first CPU's flags (list of str), None where /proc/cpuinfo has no such line (other architectures than x86)."""
    match = re.search(r"^flags\s*: (.*)$", texts.get("/proc/cpuinfo", ""), re.MULTILINE)
    return match.group(1).split() if match else None


def _by_less(seen, signs, dmi):
    """Return the same where the hypervisor gives no sign of its own: by virtio devices, by whether the machine is virtual at all, then by DMI."""
    said = "DMI says " + printable(dmi)
    if METAL in signs:
        return _on_metal(seen, signs[METAL][0], dmi, said)
    if _names(dmi, _MICROSOFT) and HYPERV in signs:
        return False, "%s, and %s" % (signs[HYPERV][0], said)
    fors = [said] if _names(dmi, _QEMU_VENDORS + _CLOUDS) and not _METAL_PRODUCT.search(dmi) else []
    others, bare = [said] if _names(dmi, _OTHER_VENDORS) else [], _bare(seen, signs, dmi)
    # Hyper-V itself runs guests with virtio devices, of Cloud Hypervisor (/dev/mshv).
    others += [] if fors else signs.get(HYPERV, [])
    fors += ["it has virtio devices"] if seen["virtio"] or seen["pci_rng"] else []
    virtual = others + signs.get(HYPERV, []) + signs.get(VIRTUAL, [])
    if fors:
        against = others + bare
        return (UNKNOWN, "%s, but %s" % (fors[0], against[0])) if against else (True, fors[0])
    if virtual:
        return UNKNOWN, "%s; nothing else tells whose guest it is" % (others + bare + virtual)[0]
    return (False, bare[0]) if bare else (UNKNOWN, "nothing tells whether this machine is virtual")


def _on_metal(seen, evidence, dmi, said):
    """Return the same for a machine that has no sign of any hypervisor, which a guest can be told to hide."""
    if _names(dmi, _QEMU_VENDORS):
        return UNKNOWN, "%s, but %s" % (said, evidence)
    if seen["pci_rng"] or any(device["id"] not in _OF_HOSTS for device in seen["virtio"]):
        return UNKNOWN, "it has virtio devices as guests have, but " + evidence
    return False, evidence


def _bare(seen, signs, dmi):
    """Return what makes a machine that is not x86 look like bare metal (list of str)."""
    found = ["DMI says " + printable(dmi)] if _METAL_PRODUCT.search(dmi) else []
    # arm64 runs guests only where it started at EL2 itself (is_hyp_mode_available()).
    if "kvm" in seen["folders"].get("/sys/class/misc", ()) and "CPU implementer" in seen["texts"].get("/proc/cpuinfo", ""):
        found.append("it can run guests of its own")
    return found + signs.get(BARE, [])
