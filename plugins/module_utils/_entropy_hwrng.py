# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's hardware sources: which there are, which one it listens to, and whether it is fed. Pure: from observations."""

import re

from ansible_collections.kvm.entropy.plugins.module_utils._entropy_fill import (
    INTERVAL,
    PATIENCE,
    delivering,
    is_not_ready,
    named,
    served,
    waiting,
)
from ansible_collections.kvm.entropy.plugins.module_utils._hwrng_names import is_known, is_virtio
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_fill import RESTED
from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

UNKNOWN = "unknown"
RNG_DEVICE = 4

HW_RANDOM = "/sys/class/misc/hw_random/"
DRIVER = "/sys/bus/virtio/drivers/virtio_rng"

# A line of /proc/interrupts: a name, a count of 32 bits (kernel/irq/proc.c) for each CPU, and more.
_COUNTER = re.compile(r" *[^ ]+:((?: +[0-9]{1,10})+) +[^ ]")

# Before 6.1 the fill thread goes on without a pause where it has credited nothing and the CRNG is not ready (add_hwgenerator_randomness() in
# drivers/char/random.c). At rest it reads a buffer a minute, which takes a few ms even under TCG.
_SPIN_SECONDS, _SPIN_SHARE = 0.1, 0.05

# The fill thread credits with its first read; TCG guests of kernels 5.10 to 7.2 log "crng init done" at most 0.1 s around its start, while the
# jitter loop, the only other way there once drivers run, takes 1 s or more of a waiting reader (2.06, 1.03, 1.09 s on 5.10, 6.1, 6.12).
SEEDING = 0.5

# A kernel has a handful of sources; a tree may hold anything.
_MOST_SOURCES = 64


def hwrng_facts(seen, log, consumer_at):
    """Return the ``hwrng`` facts (dict) of ``seen`` (``_kernel.observe``) and ``log`` (``_entropy_log.events``).

    ``consumer_at`` (float or None) is when user space's first known consumer started, in seconds since boot.
    """
    texts = seen["texts"]
    current, quality = source(seen)
    names = [printable(name) for name in texts.get(HW_RANDOM + "rng_available", "").split()[:_MOST_SOURCES] if name != "none"]
    devices = [device for device in seen["virtio"] if device["id"] == RNG_DEVICE]
    facts = {
        "available": names,
        "current": current,
        "other_sources": [name for name in names if not is_virtio(name)],
        "device": _device(seen, devices),
        "device_at": _device_at(seen, devices),
        "driver_loaded": _driver_loaded(seen),
        "driver_bound": sorted(device["name"] for device in devices if device["driver"]),
        "driver_at": _driver_at(seen, names),
        "quality": quality,
    }
    facts["early"] = _early(seen, facts, consumer_at)
    facts["spin"] = _spin(seen)
    facts["delivered"] = _delivered(texts.get("/proc/interrupts"), facts["driver_bound"])
    facts["filling"], facts["filling_evidence"] = _filling(seen, dict(facts, first_was_full=_first_was_full(facts, log)))
    return facts


def _first_was_full(facts, log):
    """Return whether the device made the CRNG ready as soon as its driver came (bool), which takes a full buffer; ``log`` is of ``_entropy_log.events``."""
    return None not in (facts["driver_at"], log["ready_at"]) and abs(log["ready_at"] - facts["driver_at"]) <= SEEDING


def source(seen):
    """Return (name, quality) of the current source: None for what was not seen, ``none`` (str) where there is none; the quality (int) is of 1024."""
    current = _current(seen)
    return current, _quality(seen["texts"], current)


def _current(seen):
    said = seen["texts"].get(HW_RANDOM + "rng_current")
    if said is not None:
        return printable(said)
    # No hw_random among the kernel's devices: not even the core is loaded, which would say "none".
    devices = seen["folders"].get("/sys/class/misc")
    return "none" if devices is not None and "hw_random" not in devices else None


def _quality(texts, current):
    """Return the quality (int, of 1024) of the current source, None where there is none or the kernel does not tell."""
    if current in (None, "none"):
        return None
    # rng_quality is there since 5.18; before, the core's parameter says the same (5.10: world-readable, also 1000 for virtio).
    said = texts.get(HW_RANDOM + "rng_quality", texts.get("/sys/module/rng_core/parameters/current_quality"))
    return number(said)


def number(text):
    """Return the whole number (int) that ``text`` (str or None) is, None where it is none."""
    return int(text) if text and re.match(r"\d{1,9}$", text, re.ASCII) else None


def _device(seen, devices):
    if devices or seen["pci_rng"]:
        return True
    # A live kernel without a virtio bus has no device on it; an unpacked tree, or a container without /sys, may just not show it.
    return False if _is_shown(seen, "/sys/bus/virtio/devices") else UNKNOWN


def _is_shown(seen, folder):
    """Return whether a ``folder`` (str) of /sys would be seen if it were there (bool)."""
    return folder in seen["folders"] or (seen["live"] and seen.get("has_sys", True) and folder not in seen["refused"])


def _device_at(seen, devices):
    """Return the PCI address (str) of the first device, None where it is not on PCI."""
    for device in devices:
        found = re.findall(r"\b[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", device["path"] or "")
        if found:
            return found[-1]
    return seen["pci_rng"][0] if seen["pci_rng"] else None


def _driver_loaded(seen):
    if DRIVER in seen["folders"]:
        return True
    return False if _is_shown(seen, DRIVER) else UNKNOWN


def _driver_at(seen, names):
    """Return when (float, s since boot) the driver began to serve: the start of the fill thread, as it starts with the first source.

    None where another source may have started it (drivers/char/hw_random/core.c: set_current_rng()).
    """
    alone = len(names) == 1 and is_virtio(names[0])
    return seen["processes"]["fill"] if alone and seen["processes"] else None


def _early(seen, facts, consumer_at):
    """Return whether the driver served before user space's first known consumer started (tri-state)."""
    if seen["texts"].get("modules.builtin"):
        return True
    if facts["driver_at"] is None or consumer_at is None:
        return UNKNOWN
    return facts["driver_at"] <= consumer_at


def _delivered(interrupts, bound):
    """Return how many buffers (int) the devices ``bound`` (list of names) delivered, None where no counter is theirs alone."""
    counts, names = [], {device + end for device in bound for end in ("", "-input", "-virtqueues")}
    for match in filter(None, map(_COUNTER.match, (interrupts or "").split("\n"))):
        # Who is served comes last; commas stand between several.
        words = match.string.rsplit(None, 2)[-2:]
        # With MSI-X the queue has its own vector (virtioN-input, or virtioN-virtqueues); with a wire or MMIO it is virtioN.
        if words[-1] in names and not words[0].endswith(","):
            counts.append(sum(map(int, match.group(1).split())))
    return sum(counts) if counts else None


def _spin(seen):
    """Return in words (str) how much CPU a fill thread has used that goes on without a pause, None where it rests as it should."""
    processes = seen["processes"]
    if not processes or processes["fill"] is None or not processes.get("fill_cpu"):
        return None
    there = served(seen)
    if processes["fill_cpu"] < max(_SPIN_SECONDS, _SPIN_SHARE * there):
        return None
    return "its fill thread spins: %.1f s of CPU in %.1f s" % (processes["fill_cpu"], there)


def _filling(seen, facts):
    """Return (tri-state, evidence): whether the kernel is fed by its current source."""
    hindrance = _hindrance(seen, facts)
    if hindrance:
        return False, hindrance
    blind_spot = _blind_spot(seen, facts)
    if blind_spot:
        return UNKNOWN, blind_spot
    return _delivering(seen, facts)


def _hindrance(seen, facts):
    """Return what certainly keeps the kernel from being fed (str), None where nothing does."""
    processes = seen["processes"]
    if facts["current"] == "none":
        return "the kernel has no current source"
    if facts["quality"] == 0:
        return "%s has quality 0%s" % (facts["current"], "; " + facts["spin"] if facts["spin"] else "")
    if facts["spin"] and is_not_ready(seen):
        return "%s delivers and nothing is credited; %s" % (facts["current"], facts["spin"])
    if processes and processes["kernel"] and processes["fill"] is None:
        return "the kernel's thread hwrng does not run"
    # The count is of all virtio-rng devices together: of several it may be another that delivered.
    has_delivered = bool(facts["delivered"]) and len(facts["driver_bound"]) == 1 and is_virtio(facts["current"])
    return waiting(seen, facts["current"], PATIENCE + INTERVAL if has_delivered else PATIENCE)


def _blind_spot(seen, facts):
    """Return why it cannot be told whether the kernel is fed (str), None where it can."""
    if not seen["live"]:
        return "only the running kernel can tell"
    if facts["current"] is None:
        return "rng_current was not seen"
    if not seen["processes"]["kernel"]:
        return seen["processes"].get("hidden") or "kernel threads are hidden from this user"
    return None


def _delivering(seen, facts):
    """Return (tri-state, evidence): whether the current source, which nothing hinders, delivers."""
    return delivering(seen, facts) if is_virtio(facts["current"]) else _resting(seen, facts)


def _resting(seen, facts):
    """Return the same for another source than a virtio-rng device, by how long the fill thread has been asleep: see ``_kernel_fill``."""
    asleep = seen["processes"].get("fill_slept")
    if not is_known(facts["current"]):
        return UNKNOWN, "nothing counts what %s delivers" % facts["current"]
    if facts["quality"] is None:
        return UNKNOWN, "the quality of %s was not seen" % facts["current"]
    if seen["processes"].get("fill_state") == "S" and asleep is not None and asleep >= RESTED:
        return True, "%s; thread hwrng has rested %d s since its last read, which it does only after one that delivered" % (named(facts), asleep)
    return UNKNOWN, "nothing counts what %s delivers, and thread hwrng was not seen to rest as after a read that delivered" % facts["current"]


def is_doubtful(seen):
    """Return whether the fill thread of ``seen`` (``_kernel.observe``) has to be watched (bool): it is in the driver, as it is for a moment a minute, and
    nothing else tells whether it gets what it waits for."""
    processes = seen["processes"]
    if not seen["live"] or is_not_ready(seen) or not processes or processes.get("fill_state") in (None, "S"):
        return False
    current, quality = source(seen)
    bound = [device["name"] for device in seen["virtio"] if device["id"] == RNG_DEVICE and device["driver"]]
    return (is_virtio(current) and quality != 0 and (processes.get("fill_slept") or 0) < PATIENCE + INTERVAL
            and _delivered(seen["texts"].get("/proc/interrupts"), bound) != 0)
