# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the CRNG became ready, who seeded it, and whether that was in time. Pure: from observations and the log's events."""

from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import RANDOM, URANDOM
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_hwrng import SEEDING
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_log import had_device
from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

UNKNOWN = "unknown"
UNDATED = "the kernel's log does not say when the CRNG became ready"
UNTOLD = "the kernel's log has no line from which it follows that this kernel tells of such reads"


# systemd's src/core/efi-random.c: it has credited what the boot loader handed on by an EFI variable.
_CREDITED = "systemd[1]: Successfully credited entropy"


def crng_facts(seen, log, hwrng, cpu, feeder):
    """Return the ``crng`` facts (dict) of ``seen`` (``_kernel.observe``), ``log`` (``_entropy_log.events``) and the other facts."""
    ready, why_ready = _ready(seen, log)
    in_time, why_in_time = _in_time(ready, log)
    seeded_by, why_seeded = _seeded_by(ready, log, hwrng, cpu, feeder, seen.get("seeders", ()))
    return {
        "ready": ready,
        "ready_evidence": why_ready,
        "ready_at": log["ready_at"],
        "seeded_by": seeded_by,
        "seeded_by_evidence": why_seeded,
        "uninitialized_reads": _reads(seen, log),
        "init_started_at": first_consumer(log),
        "in_time": in_time,
        "in_time_evidence": why_in_time,
        "fake_devices": _fake_devices(seen),
    }


def _fake_devices(seen):
    """Return which of the nodes that programs take random numbers from is none of the kernel's generator (list of str), by their numbers.

    Either number under either name is that generator: administrators link one to the other.
    """
    nodes = sorted(seen.get("random_nodes", {}).items())
    return ["%s is %s" % (path, words) for path, (kind, words) in nodes if kind not in (RANDOM, URANDOM)]


def _reads(seen, log):
    """Return how many reads (int) the log tells of, None where it need not tell of all or of any.

    A log without a line of the random driver may be of a kernel before 3.13, which says nothing of such reads; the pool's size tells that it is of another.
    A log that was saved before the CRNG was ready may have been saved before such a read.
    """
    if log["reads"]:
        return log["reads"]
    tells = log["understood"] or (log["strange"] is None and seen["texts"].get("/proc/sys/kernel/random/poolsize") == "256")
    return 0 if log["complete"] and tells and (log["ready"] or seen["live"]) else None


def first_consumer(log):
    """Return when (float, s since boot) the first program started that is known to use random numbers; None where that is not known."""
    if log["systemd_at"] is not None:
        return log["systemd_at"]
    return log["init_at"] if log["is_real_init"] else None


def _ready(seen, log):
    if seen["getrandom"] is not None:
        ready = seen["getrandom"] == "ready"
        return ready, "getrandom(GRND_NONBLOCK) %s" % ("answers" if ready else "would have to wait")
    if seen.get("pool_ready") is not None:
        return seen["pool_ready"], "entropy_avail is %s of 256 bits" % seen["texts"]["/proc/sys/kernel/random/entropy_avail"]
    if log["ready"]:
        return True, "%s says so%s" % (log["source"], "" if log["ready_at"] is None else " %.2f s after the boot" % log["ready_at"])
    return UNKNOWN, "the kernel was not asked: it has no getrandom()" if seen["live"] else "only the running kernel can tell"


def _in_time(ready, log):
    if log["reads"]:
        return False, "%d reads before the CRNG was ready" % log["reads"]
    if ready is False:
        return False, "user space runs and the CRNG is not ready"
    if log["ready_at"] is None:
        return UNKNOWN, UNDATED if log["readable"] else "the kernel's log was not seen"
    return _before_consumer(log)


def _before_consumer(log):
    ready_at, consumer = log["ready_at"], first_consumer(log)
    if log["init_at"] is not None and ready_at <= log["init_at"]:
        return True, "ready at %.2f s, before the kernel started %s at %.2f s" % (ready_at, log["init"], log["init_at"])
    if consumer is None:
        return UNKNOWN, "ready at %.2f s; the log does not say when user space first asked" % ready_at
    name = "systemd" if log["systemd_at"] is not None else log["init"]
    if ready_at <= consumer and log["strange"]:
        return UNKNOWN, "ready at %.2f s, before %s started; the log has a line that is not understood: %s" % (ready_at, name, log["strange"])
    if ready_at <= consumer:
        return True, "ready at %.2f s, before %s started at %.2f s" % (ready_at, name, consumer)
    return False, "ready at %.2f s, after %s had started at %.2f s" % (ready_at, name, consumer)


def _seeded_by(ready, log, hwrng, cpu, feeder, seeders):  # noqa: PLR0913 (all that may have seeded)
    """Return (who, evidence): who only where everything else is excluded."""
    if ready is not True:
        return UNKNOWN, "the CRNG is not ready" if ready is False else "not known whether the CRNG is ready"
    if log["ready_at"] is None:
        return UNKNOWN, UNDATED
    at = "ready at %.2f s" % log["ready_at"]
    if log["trusting_cpu"] or log["ready_phase"] == "cpu":
        return _seeded_by_cpu(log, cpu, at)
    if log["ready_phase"] == "bootloader" and log["complete"]:
        return "bootloader", at + ", before the kernel asked its CPU"
    who, why = _seeded_by_source(log, hwrng, at)
    if who != UNKNOWN or not _later_source(log, hwrng):
        return who, why
    return _seeded_by_timing(log, hwrng, feeder, seeders, at)


def _seeded_by_cpu(log, cpu, at):
    if log["trusting_cpu"]:
        return "cpu", at + "; the kernel's log says: trusting CPU's manufacturer"
    if cpu["trusted"] is not False and True in (cpu["rdrand"], cpu["rdseed"]):
        return "cpu", at + ", before any driver, with a CPU that has RDRAND or RDSEED"
    return UNKNOWN, at + ", before any driver; the CPU is not known to have a generator that is trusted"


def _seeded_by_source(log, hwrng, at):
    if hwrng["driver_at"] is not None and hwrng["quality"] != 0 and abs(log["ready_at"] - hwrng["driver_at"]) <= SEEDING:
        return "hwrng", "%s, when %s began to feed at %.2f s" % (at, hwrng["current"], hwrng["driver_at"])
    return UNKNOWN, at + ", by the kernel's own timing, a source or a program"


def _later_source(log, hwrng):
    """Return whether no source can have seeded: there is none and was none, it came afterwards, or it has delivered nothing."""
    if hwrng["driver_at"] is not None and hwrng["driver_at"] <= log["ready_at"]:
        return hwrng["delivered"] == 0
    if hwrng["driver_at"] is not None:
        # One that was loaded again looks like one that came late, and a device that is not on PCI leaves no line in the log.
        return hwrng["device_at"] is not None and not had_device(log, log["ready_at"])
    if hwrng["available"] != [] or hwrng["current"] != "none":
        return False
    # A device that is there may have had its driver before, if that is loaded; one that is gone may have been what seeded.
    return hwrng["driver_loaded"] is False if hwrng["device"] is True else not had_device(log, log["ready_at"])


def _seeded_by_timing(log, hwrng, feeder, seeders, at):
    """Return the same where neither the CPU nor the bootloader nor a source was it.

    What is left is what the kernel times itself, its jitter loop or interrupts (try_to_generate_entropy() and add_interrupt_randomness() in
    drivers/char/random.c), and a program that credits.
    """
    if feeder["running"] is not False or feeder["wanted"]:
        return UNKNOWN, at + ", by the kernel's own timing or a feeder"
    if not log["complete"]:
        return UNKNOWN, at + ", and the log that would tell of other sources does not go back to the boot"
    credited = next((text for _when, text in log["lines"] if text.startswith(_CREDITED)), None)
    if credited or seeders:
        return UNKNOWN, "%s, by the kernel's own timing or a seed that a program kept: %s" % (at, credited or printable(", ".join(seeders)))
    source = "%s began to feed at %.2f s" % (hwrng["current"], hwrng["driver_at"]) if hwrng["driver_at"] is not None else "no source"
    return "jitter", "%s, by the kernel's own timing (jitter loop, interrupts): no CPU's or bootloader's seed, %s, no feeder" % (at, source)
