# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which problems a machine's own facts show, and what could not be seen. Pure."""

from ansible_collections.kvm.entropy.plugins.module_utils import _entropy_health, _rights
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_crng import UNTOLD
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_log import plugged_at
from ansible_collections.kvm.entropy.plugins.module_utils._hwrng_names import is_virtio
from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable
from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import BREAKING, fed_otherwise

READS = "crng.uninitialized_reads, crng.in_time"
# What opening the log says to a user without rights; anything else root would be told as well.
_FOR_WANT_OF_RIGHTS = ("EPERM", "EACCES")
_LOG_NEEDS, _NO_LOG = "%s, or sysctl kernel.dmesg_restrict=0", "a kernel with /dev/kmsg"
LOG = "crng.ready_at, crng.seeded_by, crng.uninitialized_reads, crng.in_time"


def problems(facts, log, is_x86=None, refusal=None):
    """Return the problems (list of dict) that ``facts`` (dict) and ``log`` (``_entropy_log.events``) show, the nearest to the host first.

    ``is_x86`` (bool or None: not known) is the machine's architecture, and ``refusal`` (str or None) what keeps the driver from being loaded.
    """
    found = list(_source_problems(facts, refusal)) + list(_health_problems(facts)) + list(_time_problems(facts, log)) + list(_other_problems(facts, is_x86))
    # More rights cannot make it better than broken.
    return found if BREAKING & {one["code"] for one in found} else list(_rights_problems(facts)) + found


def _source_problems(facts, refusal):
    hwrng = facts["hwrng"]
    elsewhere = facts["kvm_guest"] is not False and fed_otherwise(hwrng) is not False
    if elsewhere:
        yield problem("other-source", "rng_current is %s, available: %s; %s" % (
            hwrng["current"], _available(hwrng), hwrng["filling_evidence"]))
    if hwrng["device"] is False and facts["kvm_guest"] is True and not elsewhere:
        yield problem("no-device", "no virtio device with id 4 on the bus; %s" % facts["kvm_guest_evidence"])
    if hwrng["device"] is True:
        yield from _device_problems(facts, elsewhere, refusal)


def _device_problems(facts, elsewhere, refusal):
    """Yield the problems of a guest that has the device; ``elsewhere`` (bool): the kernel listens to another driver's source that may be sound.

    ``refusal`` (str or None) is what keeps the driver from being loaded.
    """
    hwrng = facts["hwrng"]
    # Only a driver names a source.
    if not (hwrng["driver_bound"] or is_virtio(hwrng["current"])):
        is_loaded = hwrng["driver_loaded"] is True
        yield problem("driver-missing", "the device%s has no driver; virtio_rng is %sloaded%s" % (
            " at PCI %s" % hwrng["device_at"] if hwrng["device_at"] else "", "" if is_loaded else "not ",
            ", as " + printable(refusal) if refusal and not is_loaded else ""))
    elif elsewhere:
        return
    elif hwrng["current"] is not None and not is_virtio(hwrng["current"]):
        yield problem("not-current", "rng_current is %s, available: %s" % (hwrng["current"], _available(hwrng)))
    elif facts["feeder"]["useful"] is True:
        return
    elif hwrng["quality"] == 0:
        yield problem("quality-zero", _unfed(facts))
    elif hwrng["filling"] is False:
        yield problem("not-filling", _unfed(facts))


def _available(hwrng):
    return printable(" ".join(hwrng["available"])) or "none"


def _unfed(facts):
    """Return how it was seen (str) that nothing arrives."""
    evidence, silent = facts["hwrng"]["filling_evidence"], facts["feeder"]["silent"]
    return "%s; entropy-feeder runs and credits nothing: %s" % (evidence, silent) if silent else evidence


def _health_problems(facts):
    if facts["health"] and facts["health"]["passed"] is False:
        yield problem("source-stuck", _entropy_health.evidence(facts["health"]))
    elif facts["feeder"]["stuck"]:
        yield problem("source-stuck", "entropy-feeder says: %s" % facts["feeder"]["stuck"])


def _time_problems(facts, log):
    crng = facts["crng"]
    if crng["ready"] is False:
        spin = facts["hwrng"]["spin"]
        yield problem("not-ready", "%s; %s" % (crng["ready_evidence"], spin) if spin else crng["ready_evidence"])
    if crng["uninitialized_reads"]:
        yield problem("early-reads", crng["in_time_evidence"])
    elif crng["in_time"] is False and crng["ready"] is True:
        yield problem("seeded-late", crng["in_time_evidence"])
    if crng["in_time"] is False and _came_late(facts, log):
        yield problem("driver-late", "the driver began to feed at %.2f s, user space started at %.2f s" % (
            facts["hwrng"]["driver_at"], crng["init_started_at"]))


def _came_late(facts, log):
    """Return whether the driver came late to a device that was there from the start; one that was plugged later is nobody's fault."""
    hwrng, started = facts["hwrng"], facts["crng"]["init_started_at"]
    if hwrng["early"] is not False or hwrng["device_at"] is None:
        return False
    plugged = plugged_at(log, hwrng["device_at"])
    return plugged is not None and plugged < started


def next_boot_problems(facts):
    """Return the problems (list of dict) of the next boot that ``facts`` (dict) show, with what was seen of the initramfs. What was not seen shows none."""
    images = [image for image in facts["initramfs"]["images"] if "next" in image["when"]]
    if not images or any(image["early"] is not False for image in images) or not _needs_early_driver(facts):
        return []
    seen = ["%s: %s" % (image["image"], image["reason"]) for image in images]
    return [problem("initramfs-without-driver", "kernel %s boots next (%s); %s" % (images[0]["kernel"], facts["initramfs"]["next_evidence"], "; ".join(seen)))]


def _needs_early_driver(facts):
    """Return whether (bool) the device of a guest serves it, and nothing else is known to make its CRNG ready before any driver."""
    hwrng, crng, cpu = facts["hwrng"], facts["crng"], facts["cpu"]
    serves = hwrng["device"] is True and (hwrng["driver_bound"] or is_virtio(hwrng["current"])) and facts["kvm_guest"] is not False
    by_cpu = crng["seeded_by"] == "cpu" or (cpu["trusted"] is True and True in (cpu["rdrand"], cpu["rdseed"]))
    return bool(serves) and not (crng["in_time"] is not False and (by_cpu or crng["seeded_by"] == "bootloader"))


def _rights_problems(facts):
    """Yield the problem that what decides was refused to the account that looked."""
    refused = _rights.refused(facts)
    if refused:
        yield _rights.needs_root(refused)


def _other_problems(facts, is_x86):
    feeder = facts["feeder"]
    if facts["crng"]["fake_devices"]:
        yield problem("fake-device", "; ".join(facts["crng"]["fake_devices"]))
    if feeder["fake_evidence"]:
        yield problem("fake-source", feeder["fake_evidence"])
    elif feeder["useful"] is False:
        why = "%s runs; %s" % (", ".join(feeder["processes"]), facts["hwrng"]["filling_evidence"])
        yield problem("feeder-useless", "%s, and does not run" % feeder["idle_reason"] if feeder["idle_reason"] else why)
    if feeder["dead"]:
        yield problem("feeder-dead", "enabled: %s; not running: %s" % (", ".join(feeder["wanted"]), ", ".join(feeder["dead"])))
    if facts["confidential"] is True and facts["crng"]["seeded_by"] != "cpu":
        yield problem("untrusted-host", "a confidential guest, seeded by: %s" % facts["crng"]["seeded_by"])
    if facts["kvm_guest"] is True and facts["vmgenid"] is False:
        evidence = "no vmgenid driver is bound"
        yield problem("vmgenid-unsupported", evidence + ", and its CPU is none of x86") if is_x86 is False else problem("no-vmgenid", evidence)


def unseen(seen, log, facts):
    """Return what could not be seen (list of dict: what, why, needs)."""
    return [{"what": what, "why": why, "needs": needs} for what, why, needs in _unseen(seen, log, facts)]


def _unseen(seen, log, facts):
    root = _rights.taken(facts["container"], seen.get("is_root"))
    if not seen["live"]:
        yield "hwrng.filling, feeder", "only a running kernel can tell", "a run on that machine itself"
    if facts["crng"]["ready"] == "unknown":
        yield "crng.ready", facts["crng"]["ready_evidence"], "a run on that machine itself"
    yield from _unseen_log(seen, log, facts, root)
    if facts["domain_uuid"] is None and facts["kvm_guest"] is not False:
        refused = "/sys/class/dmi/id/product_uuid" in seen["refused"]
        yield "domain_uuid", facts["domain_uuid_reason"], root if refused else "entropy_domain_uuid in the inventory"
    if seen["live"] and not seen["processes"]["kernel"]:
        # In a container's PID namespace root does not see the kernel's threads either.
        yield "hwrng.filling, hwrng.driver_at, feeder", (
            "/proc shows the processes of a container (%s) alone" % facts["container"] if facts["container"] else
            "/proc hides other users' processes (hidepid)"), root
    elif seen["live"] and facts["hwrng"]["filling"] == "unknown":
        yield "hwrng.filling", facts["hwrng"]["filling_evidence"], (
            "a look a minute after the boot or later; for a KVM guest also one at its host's rate limit and backend (kvm.entropy.virt_rng_info)")
    if facts["kvm_guest"] == "unknown" and not log["readable"]:
        yield "kvm_guest", facts["kvm_guest_evidence"], "the kernel's log from the boot on, which tells the hypervisor's name"
    for process in facts["feeder"]["unproven"]:
        yield "feeder.running, feeder.fake, feeder.useful", process, root
    if facts["cpu"]["trusted"] == "unknown":
        yield "cpu.trusted", "the kernel's build options are not to be found", "a readable /boot/config-%s" % (facts["kernel"]["release"] or "RELEASE")
    if seen["live"] and facts["boot_id"] is None and facts["crng"]["ready"] is False:
        yield "boot_id", "its first read draws a number, and the CRNG is not ready", "a look once it is ready"
    if _entropy_health.unseen(seen):
        why, needs = _entropy_health.unseen(seen)
        yield "health", why, root if needs == _rights.ROOT else needs


def _unseen_log(seen, log, facts, root):
    """Yield what the kernel's log does not tell; ``root`` (str) is what it takes where that was refused."""
    if seen["log"] is None:
        yield LOG, "no log of the kernel is in the tree", "a run on that machine itself"
    elif "refused" in seen["log"]:
        refused = seen["log"]["refused"]
        # In a container the node may be missing, too, and its manager may refuse what the kernel allows.
        yield LOG, "%s: %s" % (seen["log"]["source"], refused), (
            root if facts["container"] else _LOG_NEEDS % root if refused in _FOR_WANT_OF_RIGHTS else _NO_LOG)
    elif not log["complete"]:
        journal = seen["log"].get("journal")
        yield (LOG, "%s does not go back to the boot%s" % (log["source"], "; %s" % journal if journal else ""),
               "a look soon after the boot, a larger log_buf_len or a persistent journal (Storage=persistent in journald.conf)")
    elif log["strange"]:
        yield READS, "the kernel's log has a line that is not understood: %s" % log["strange"], "a version of kvm.entropy that knows it; please report it"
    elif facts["crng"]["uninitialized_reads"] is None:
        yield READS, UNTOLD, "a log of a kernel that tells of such reads (3.13 and newer), from the boot until the CRNG was ready"
