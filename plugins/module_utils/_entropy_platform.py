# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kind of machine this is: a KVM guest or not, its CPU, its UUID, what tells it of clones. Pure: from observations."""

import re

UNKNOWN = "unknown"
DMI = "/sys/class/dmi/id/"

# The strings of QEMU and of managers and clouds that run KVM, then of other hypervisors (as in systemd's virt.c).
KVM_VENDORS = ("QEMU", "KVM", "Red Hat", "OpenStack", "oVirt", "KubeVirt", "Amazon EC2", "Google", "Alibaba", "DigitalOcean", "Nutanix")
OTHER_VENDORS = ("VMware", "VMW", "innotek GmbH", "VirtualBox", "Xen", "Bochs", "Parallels", "BHYVE", "Hyper-V", "Apple")
NO_UUIDS = ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def kvm_guest(seen, log):
    """Return (tri-state, evidence): whether this machine is a guest of KVM or QEMU."""
    texts = seen["texts"]
    vendor = " ".join(filter(None, (texts.get(DMI + "sys_vendor"), texts.get(DMI + "product_name"))))
    control = re.search(r"^VM00 Control Program: *(.+)$", texts.get("/proc/sysinfo", ""), re.MULTILINE)
    tree = texts.get("/proc/device-tree/hypervisor/compatible", "") + texts.get("/proc/device-tree/compatible", "")
    said = [text for _when, text in log["lines"] if text.startswith("Hypervisor detected: ")]
    flags = cpu_flags(texts)
    for fact, evidence in (
            (True if seen.get("domain") else None, "libvirt runs it"),
            (False if texts.get("/sys/hypervisor/type") == "xen" else None, "/sys/hypervisor/type is xen"),
            (False if vendor.startswith("Microsoft Corporation Virtual Machine") else None, "DMI says " + vendor),
            (False if _names(vendor, OTHER_VENDORS) else None, "DMI says " + vendor),
            (True if _names(vendor, KVM_VENDORS) else None, "DMI says " + vendor),
            ("KVM" in control.group(1) if control else None, "/proc/sysinfo says %s" % (control and control.group(1))),
            (True if "linux,kvm" in tree or "linux,dummy-virt" in tree else None, "the device tree says so"),
            (True if "kvm-clock" in _clocks(texts) else None, "the kernel offers kvm-clock"),
            ("KVM" in said[0] if said else None, said[0] if said else ""),
            (True if _firmware_config(seen) else None, "ACPI has QEMU's firmware configuration device"),
            (True if seen["virtio"] or seen["pci_rng"] else None, "it has virtio devices"),
            (False if flags is not None and "hypervisor" not in flags else None, "the CPU does not say that it is virtual"),
    ):
        if fact is not None:
            return fact, evidence
    return UNKNOWN, "nothing tells whether this machine is virtual"


def _names(vendor, known):
    return any(name in vendor for name in known)


def _clocks(texts):
    return texts.get("/sys/devices/system/clocksource/clocksource0/available_clocksource", "").split()


def _firmware_config(seen):
    return any(name.startswith("QEMU0002:") for name in seen["folders"].get("/sys/bus/acpi/devices", ()))


def cpu_flags(texts):
    """Return the first CPU's flags (list of str), None where /proc/cpuinfo has no such line (other architectures than x86)."""
    match = re.search(r"^flags\s*: (.*)$", texts.get("/proc/cpuinfo", ""), re.MULTILINE)
    return match.group(1).split() if match else None


def cpu_facts(seen):
    """Return the ``cpu`` facts (dict of tri-states): rdrand, rdseed, and whether the kernel credits what its CPU delivers."""
    flags = cpu_flags(seen["texts"])
    return {
        "rdrand": UNKNOWN if flags is None else "rdrand" in flags,
        "rdseed": UNKNOWN if flags is None else "rdseed" in flags,
        "trusted": _cpu_trusted(seen),
    }


def _cpu_trusted(seen):
    command_line = seen["texts"].get("/proc/cmdline", "").split()
    for word in reversed(command_line):
        if word.startswith("random.trust_cpu="):
            # kstrtobool() in lib/kstrtox.c.
            return word.partition("=")[2].lower() in ("1", "y", "yes", "t", "on")
    config = seen["config"]
    if config is None:
        return UNKNOWN
    if "RANDOM_TRUST_CPU" in config:
        return config["RANDOM_TRUST_CPU"] == "y"
    # 6.2 dropped the build option and trusts; a kernel with neither the option nor the rewritten generator is older than 4.19.
    return seen["texts"].get("/proc/sys/kernel/random/poolsize") == "256"


def vmgenid(seen):
    """Return whether a driver listens to the hypervisor's generation id (tri-state): it is told when this machine was cloned or restored."""
    folders = seen["folders"]
    bound = [name for bus in ("acpi", "platform") for name in folders.get("/sys/bus/%s/drivers/vmgenid" % bus, ())]
    if any(name not in ("bind", "unbind", "uevent", "module") for name in bound):
        return True
    return False if seen["live"] else UNKNOWN


def fips(seen):
    """Return whether the kernel runs in FIPS mode (tri-state)."""
    said = seen["texts"].get("/proc/sys/crypto/fips_enabled")
    if said is not None:
        return said == "1"
    # Without CONFIG_CRYPTO_FIPS there is no such file.
    return False if seen["live"] and "/proc/uptime" in seen["texts"] else UNKNOWN


def confidential(seen, log, is_guest):
    """Return whether this guest's memory is hidden from its host: SEV, TDX, Secure Execution (tri-state)."""
    texts = seen["texts"]
    if "/sys/firmware/uv/prot_virt_guest" in texts:
        return texts["/sys/firmware/uv/prot_virt_guest"] == "1"
    if log["encrypted"] or "tdx_guest" in (cpu_flags(texts) or ()):
        return True
    # arch/x86/mm/mem_encrypt.c prints at every boot of such a guest.
    return False if is_guest is False or log["complete"] else UNKNOWN


def domain_uuid(seen, is_guest):
    """Return (uuid or None, ``dmi`` ``sysinfo`` ``device-tree`` or None, reason or None): the libvirt domain's UUID, as the platform tells it."""
    texts = seen["texts"]
    if is_guest is False:
        return None, None, "this machine is no KVM guest"
    sysinfo = re.search(r"^VM00 UUID: *(\S+)$", texts.get("/proc/sysinfo", ""), re.MULTILINE)
    for source, said in (("dmi", texts.get(DMI + "product_uuid")), ("sysinfo", sysinfo and sysinfo.group(1)),
                         ("device-tree", texts.get("/proc/device-tree/vm,uuid"))):
        uuid = (said or "").lower()
        if _UUID.match(uuid) and uuid not in NO_UUIDS:
            return uuid, source, None
    if DMI + "product_uuid" in seen["refused"]:
        return None, None, "only root may read %sproduct_uuid" % DMI
    if not seen["live"]:
        return None, None, "the tree does not have it"
    return None, None, "no table of this machine's platform (DMI, sysinfo, device tree) has a UUID"
