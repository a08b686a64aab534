# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a host's backends deliver what its guests need: what they draw beside what comes. Pure; devices are read by what is handed in."""

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_egd
from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import CONSTANT, DEVICE, FILE, HWRNG, RANDOM, URANDOM
from ansible_collections.kvm.entropy.plugins.module_utils._rng_source import BLOCKING, MISSING, UNSUITABLE, fill_buffer, lacks_source

# What the kernel's own generator delivers is limited by nothing but the CPU.
_NEVER_SHORT = ("builtin", RANDOM, URANDOM)
_SLOW = (HWRNG, DEVICE)

# A guest's kernel fills one buffer per reseed interval (s) when nobody in it reads /dev/hwrng
# (hwrng_fillfn in drivers/char/hw_random/core.c; CRNG_RESEED_INTERVAL in drivers/char/random.c).
_INTERVAL = 60

# A guest whose source gives nothing for so long (s) has been told that it is not fed (_entropy_hwrng.PATIENCE).
_LATEST = 10

# A wait (s) between two reads that is no driver's own time: a source that is rationed, as by the quota of a virtio-rng.
_PAUSE = 0.05

_REMEDY = "Give them /dev/urandom (kvm.entropy.virt_rng)"
_UNSAFE = "%s has no hardware source behind it (rng_current is none; is its driver loaded?): QEMU aborts a guest that reads it"
_FAULTS = {
    MISSING: "%s is not there: no domain with it can start",
    FILE: "%s is no character device: guests get what anybody wrote there",
    CONSTANT: "%s delivers zeros or nothing, and the guests' kernels credit them as entropy",
    UNSUITABLE: "%s is no source of random numbers, and the guests' kernels credit what it delivers as entropy",
}
_NOT_SEEN = {
    MISSING: "not there",
    FILE: "no character device",
    CONSTANT: "not random",
    UNSUITABLE: "no source of random numbers",
    BLOCKING: "on this kernel it waits until its pool has enough, which nothing tells ahead. /dev/urandom never does",
    "egd": "a daemon delivers, and it is not asked",
}


def capacity(rows, facts, kind, measure):
    """Return one dict per distinct backend of the domains ``rows`` (as ``virt_rng_info`` returns them), by backend and path: what it must
    deliver, what it delivers, and whether that is enough. Its keys are documented in ``virt_rng_info``.

    ``facts`` (dict) are the host's own; ``kind(path)`` returns what a path is (str, see ``_kernel_source.kind``); ``measure(path)`` returns
    (steps, s that it took, error or None), or is None where nothing is to be read.
    """
    entries = _demands(rows)
    for entry in entries:
        entry["kind"] = _kind(entry, kind)
        entry["unsafe"] = lacks_source(entry["kind"], facts["hwrng"]["current"])
        entry["delivered"], entry["delivered_reason"] = _delivered(entry, facts, measure)
        entry["seed_seconds"] = round(entry["seed_bytes"] / entry["delivered"], 1) if entry["delivered"] else None
        entry["enough"], entry["reason"] = _judged(entry)
    return entries


def starves(entry):
    """Return whether a backend (dict of ``capacity``) delivers less than its running guests draw when they are idle, or nothing at all."""
    return entry["delivered"] is not None and (entry["delivered"] == 0 or entry["delivered"] < entry["idle"])


def rate(steps, seconds):
    """Return how many bytes per second (int) a source goes on delivering that gave ``steps`` (list of (s, bytes)) in ``seconds``.

    What came before the first pause was kept ready (QEMU's virtio-rng gives a period's whole quota at once, and buffers are full) and
    doesn't count, unless that is all there is.
    """
    moments = [0.0] + [at for at, _count in steps]
    pauses = [later - earlier for earlier, later in zip(moments, moments[1:])]
    first = next((number for number, pause in enumerate(pauses) if pause > _PAUSE), None)
    begin = moments[first] if first is not None else 0.0
    came = sum(count for _at, count in steps[first or 0:])
    # Silence at the end is only then a part of it when it's longer than any before: else the next ration was still to come.
    end = moments[-1] if first is not None and seconds - moments[-1] <= max(pauses) else seconds
    return round(came / max(end - begin, 0.001))


def _demands(rows):
    """Return what each backend must deliver (list of dict), of the domains that run; a domain counts once, however many devices it has."""
    found = {}
    for row in rows:
        running = row["live"] or []
        for key in {backend_of(device) for device in running + (row["config"] or [])}:
            entry = found.setdefault(key, {
                "backend": key[0], "path": key[1], "domains": 0, "running": 0, "limit": 0, "unlimited": 0, "seed_bytes": 0, "idle": 0})
            of_it = [device for device in running if backend_of(device) == key]
            entry["domains"] += 1
            entry["running"] += bool(of_it)
            entry["seed_bytes"] += fill_buffer(row["arch"]) if of_it else 0
            entry["unlimited"] += any(not device["rate_bytes"] for device in of_it)
            entry["limit"] += sum(device["rate_bytes"] * 1000 // device["rate_period"] for device in of_it)
    for entry in found.values():
        entry["idle"] = round(entry["seed_bytes"] / _INTERVAL, 1)
    return [found[key] for key in sorted(found, key=lambda key: (key[0], key[1] or ""))]


def backend_of(device):
    """Return (backend, path) of ``device`` (dict), by which an entry of ``capacity`` is found; with egd the path is a socket that must be there, or None."""
    return device["backend"], _rng_egd.needed_socket(device["egd"]) if "egd" in device else device.get("path")


def _kind(entry, kind):
    """Return what the backend of ``entry`` (dict) is (str); a socket is there or not, more its daemon would have to tell."""
    if entry["backend"] == "random":
        return kind(entry["path"])
    return MISSING if entry["path"] and kind(entry["path"]) == MISSING else entry["backend"]


def _delivered(entry, facts, measure):
    """Return (bytes per s, None), or (None, why that is not known)."""
    hindrance = _hindrance(entry, facts, measure)
    if hindrance:
        return None, hindrance
    steps, seconds, error = measure(entry["path"])
    if error:
        return None, "cannot be read: %s" % error
    return rate(steps, seconds), None


def _hindrance(entry, facts, measure):
    """Return why the backend is not to be read (str), None where it is."""
    if entry["kind"] in _NEVER_SHORT:
        return "not limited by the host"
    if entry["kind"] not in _SLOW:
        return _NOT_SEEN[entry["kind"]]
    if entry["unsafe"]:
        return "rng_current is none"
    if measure is None:
        return "not measured: capacity_bytes is 0"
    if facts["crng"]["ready"] is not True:
        return "not measured: the host's own CRNG is not ready, and needs these bytes first"
    # Opening a device may do something. QEMU has done it already where a domain runs with it.
    opened = entry["kind"] == HWRNG or entry["running"]
    return None if opened else "not measured: no domain runs with it"


def _judged(entry):
    """Return (whether it is enough or None, the reason in words)."""
    path = entry["path"] or entry["backend"]
    if entry["kind"] in _NEVER_SHORT:
        return True, "%s: the kernel's own generator, which is never short" % path
    fault = _UNSAFE if entry["unsafe"] else _FAULTS.get(entry["kind"])
    if fault:
        return False, ". ".join((fault % path, _users(entry), _REMEDY))
    if entry["delivered"] is None:
        return None, "%s: %s" % (path, entry["delivered_reason"])
    return _compared(entry)


def _compared(entry):
    """Return the same for a backend whose ``delivered`` is known."""
    late = (entry["seed_seconds"] or 0) > _LATEST
    enough = not starves(entry) and not late
    words = ["%s delivers %s" % (entry["path"], _per_second(entry["delivered"]) if entry["delivered"] else "nothing"), _users(entry)]
    if entry["running"]:
        words[-1] += ", drawing %s when idle, %s" % (_per_second(entry["idle"]), _most(entry))
    if entry["running"] and entry["delivered"]:
        words.append("Started together, the last is seeded %g s after the first" % entry["seed_seconds"])
    return enough, ". ".join(words if enough else words + [_REMEDY])


def _users(entry):
    return "Domains with it: %d, running: %d" % (entry["domains"], entry["running"])


def _most(entry):
    """Return in words what the guests may draw together."""
    if entry["unlimited"] == entry["running"]:
        return "without a limit"
    return "at most %s" % _per_second(entry["limit"]) + (" and %d without a limit" % entry["unlimited"] if entry["unlimited"] else "")


def _per_second(count):
    return "%.1f KiB/s" % (count / 1024) if count >= 1024 else "%d bytes/s" % round(count)
