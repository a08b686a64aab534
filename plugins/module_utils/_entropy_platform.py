# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kind of machine this is: its CPU, its UUID, whether its memory is hidden from its host, what tells it of clones. Pure: from observations."""

import re

from ansible_collections.kvm.entropy.plugins.module_utils._entropy_hypervisor import DMI, cpu_flags
from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

UNKNOWN = "unknown"
# The names in /dev and /sys/class/misc of what only a confidential guest has.
GUEST_DEVICES = ("sev-guest", "tdx_guest")
NO_UUIDS = ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


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
    return False if seen["live"] and seen.get("has_sys", True) else UNKNOWN


def is_x86(seen):
    """Return whether the CPU is one of x86 (bool), None where nobody looked: only there /proc/cpuinfo has a line of flags."""
    return cpu_flags(seen["texts"]) is not None if "/proc/cpuinfo" in seen["texts"] else None


def fips(seen):
    """Return whether the kernel runs in FIPS mode (tri-state)."""
    said = seen["texts"].get("/proc/sys/crypto/fips_enabled")
    if said is not None:
        return said == "1"
    # Without CONFIG_CRYPTO_FIPS there is no such file.
    return False if seen["live"] and "/proc/uptime" in seen["texts"] else UNKNOWN


def confidential(seen, log, is_guest):
    """Return (tri-state, evidence or None): whether this guest's memory is hidden from its host, by SEV, TDX, Secure Execution, PEF or CCA."""
    texts = seen["texts"]
    # s390x tells both ways (arch/s390/kernel/uv.c).
    prot_virt = texts.get("/sys/firmware/uv/prot_virt_guest")
    if prot_virt is not None:
        return prot_virt == "1", "/sys/firmware/uv/prot_virt_guest is %s" % printable(prot_virt)
    evidence = _hidden(seen, log, is_guest)
    if evidence:
        return True, evidence
    # The kernels of such guests say so in each boot.
    if log["complete"]:
        return False, "the kernel's log, from the boot on, does not say so"
    return (False, "this machine is no KVM guest") if is_guest is False else (UNKNOWN, None)


def _hidden(seen, log, is_guest):
    """Return what says that this guest's memory is hidden from its host (str), or None."""
    texts, flags = seen["texts"], cpu_flags(seen["texts"]) or ()
    # drivers/virt/coco: the guest's own devices for reports.
    nodes = set(seen["folders"].get("/sys/class/misc", ())).union(seen.get("nodes", ()))
    for name in GUEST_DEVICES:
        if name in nodes:
            return "it has the device %s" % name
    # arch/x86/coco/tdx/tdx.c sets this flag in guests alone; a host has tdx_host_platform.
    if "tdx_guest" in flags:
        return "the CPU flag tdx_guest"
    # A host has these flags where its CPU can. QEMU gives them to guests under SEV alone (target/i386/cpu.c, leaf 0x8000001F).
    if is_guest is True and any(flag in flags for flag in ("sev", "sev_es", "sev_snp")):
        return "the CPU flags of SEV, in a guest"
    # Documentation/ABI/testing/sysfs-devices-system-cpu: the privilege level of an SEV-SNP guest, and ppc64's Protected Execution Facility.
    if "/sys/devices/system/cpu/sev/vmpl" in texts:
        return "/sys/devices/system/cpu/sev/vmpl is there"
    if texts.get("/sys/devices/system/cpu/svm") == "1":
        return "/sys/devices/system/cpu/svm is 1"
    return log["encrypted"] and "the kernel's log says: " + log["encrypted"]


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
