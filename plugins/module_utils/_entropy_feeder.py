# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that feed the kernel, as its processes and its enabled units show them. Pure: from observations."""

import json

from ansible_collections.kvm.entropy.plugins.module_utils import _entropy_process, _rngd_options
from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import DEVICE, HWRNG
from ansible_collections.kvm.entropy.plugins.module_utils._kernel import FEEDER_STATUS
from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

# The kernel's own output: what comes from there and is credited again is no new entropy.
FAKE_SOURCES = ("/dev/urandom", "/dev/random")
UNKNOWN = "unknown"
# What a program may read that is no output of the kernel's own.
_HARDWARE = (HWRNG, DEVICE)
# So many failures of a source that count at the same time may be chance.
_BY_CHANCE = 1
_NAMES = {"jitterentropy-r": "jitterentropy-rngd", "jitterentropy": "jitterentropy-rngd", "rng-tools": "rngd", "rng-tools-debian": "rngd"}


def feeder_facts(seen, hwrng, generation):
    """Return the ``feeder`` facts (dict) of ``seen`` (``_kernel.observe``), the ``hwrng`` facts and the kernel's ``generation``.

    ``which`` (str or None) and ``all`` (list of str), ``running`` (tri-state), ``dead`` (list of str: those that are wanted and don't run), ``reads`` (list
    of str, or None: the kinds of devices that those which run have open for reading), ``needed`` (tri-state) and ``needed_evidence``, ``useful``
    (tri-state, None without a feeder), ``fake`` (path, None, or ``unknown``: a process that may be rngd names one) and ``fake_evidence`` (str or
    None), ``stuck`` (str or None: how the source of one that runs failed, ``_stuck``),
    ``silent`` (str or None: why one that runs credits nothing, without a failed test), ``wanted`` (list of str: the units or services that every boot
    shall start), ``idle_reason`` (str or None: why one that is wanted is not to be started on this kernel), and three lists of str: ``processes`` that
    count, ``unproven`` (of which it is not known whether they can credit) and ``ignored`` (which cannot), see ``_entropy_process``.
    """
    feeders, unproven, ignored = _entropy_process.sorted_out((seen["processes"] or {}).get("feeders", ()))
    suspects = [process for process, _why in unproven]
    wanted = seen.get("wanted") or {}
    names = _programs([feeder["name"] for feeder in feeders + suspects] + [unit.partition(".")[0] for unit in sorted(wanted)])
    fakes = _fakes(feeders)
    running = _running(seen, feeders, suspects)
    idle_reason = _idle_reason(wanted) if running is False else None
    reads, status = _reads(feeders), _status(seen, feeders)
    stuck = _stuck(status)
    needed, why_needed = _needed(seen, hwrng)
    useful = UNKNOWN if names else None
    if fakes or idle_reason or (feeders and hwrng["filling"] is True and generation == "rewritten"):
        useful = False
    elif (needed is True and _reads_hardware(feeders, status)) or (hwrng["filling"] is False and _credits(status)):
        useful = True
    return {
        "which": names[0] if names else None,
        "all": names,
        "running": running,
        "dead": _dead(wanted, feeders) if running != "unknown" else [],
        "reads": reads,
        "needed": needed,
        "needed_evidence": why_needed,
        "useful": useful,
        "stuck": stuck,
        "silent": "%s: %s" % (status.get("state"), status.get("why")) if status and not stuck and not _credits(status) else None,
        "fake": fakes[0][1] if fakes else UNKNOWN if _fakes(suspects) else None,
        "fake_evidence": "%s runs with %s as its source" % fakes[0] if fakes else None,
        "wanted": sorted(wanted),
        "idle_reason": idle_reason,
        "processes": [_entropy_process.described(feeder) for feeder in feeders[:_entropy_process.MOST_LISTED]],
        "unproven": _entropy_process.listed(unproven),
        "ignored": _entropy_process.listed(ignored),
    }


def _programs(names):
    """Return the programs (list of str) of ``names`` (list of str: processes or services), each once."""
    return list(dict.fromkeys(_NAMES.get(name, name) for name in names))


def _dead(wanted, feeders):
    """Return which programs (list of str) of ``wanted`` (dict of ``_kernel.observe``), as far as they are for this kernel, are not among ``feeders``."""
    run = _programs([feeder["name"] for feeder in feeders])
    return [name for name in _programs([unit.partition(".")[0] for unit, kernels in sorted(wanted.items()) if not kernels]) if name not in run]


def _reads(feeders):
    """Return the kinds (list of str) of devices that ``feeders`` (list of dict) have open for reading, None where none runs or nobody showed them."""
    opened = [feeder.get("open") for feeder in feeders]
    return sorted({kind for kinds in opened for kind in kinds}) if opened and None not in opened else None


def _reads_hardware(feeders, status):
    """Return whether one of ``feeders`` (list of dict) has a source open (bool), the one of ``status`` left out: it knows better."""
    reads = _reads([feeder for feeder in feeders if feeder["pid"] != status.get("pid")])
    return bool(set(reads or ()).intersection(_HARDWARE))


def _credits(status):
    """Return whether entropy-feeder says that it has credited, and goes on (bool). It may read a FIFO, which no list of devices shows."""
    return status.get("state") in ("starting", "feeding") and bool(status.get("credited_bits"))


def _stuck(status):
    """Return how entropy-feeder's source failed (str), by its ``status`` (dict); None where it did not, or where chance may explain it.

    One failure that is over is what chance brings about; it is over once the source feeds again. Two that count at the same time are a fault
    (``_feeder_trust``), even while it feeds.
    """
    state, why, recent = status.get("state"), status.get("why"), status.get("recent_failures")
    if state == "failed" or status.get("latched") is True:
        return str(why)
    recent = recent if isinstance(recent, int) else 0
    if recent > _BY_CHANCE or recent == _BY_CHANCE and state != "feeding":
        return "its source failed health tests %d times and is no longer trusted to be sound (now %s: %s)" % (recent, state, why)
    return None


def _status(seen, feeders):
    """Return what entropy-feeder, which runs, says of itself (dict; empty where none runs or nothing can be read)."""
    try:
        status = json.loads(seen["texts"].get(FEEDER_STATUS) or "{}")
    except (ValueError, RecursionError):
        return {}
    return status if isinstance(status, dict) and status.get("pid") in [feeder["pid"] for feeder in feeders] else {}


def _needed(seen, hwrng):
    """Return (tri-state, evidence): whether the kernel is fed only where a program feeds it."""
    processes = seen["processes"]
    if hwrng["filling"] is True:
        return False, "the kernel feeds itself: %s" % hwrng["filling_evidence"]
    if hwrng["current"] == "none":
        return False, "there is no source that a feeder could read"
    has_no_thread = bool(processes and processes["kernel"] and processes["fill"] is None)
    if hwrng["filling"] is False and (hwrng["quality"] == 0 or hwrng["spin"] or has_no_thread):
        return True, "the kernel does not feed itself: %s" % hwrng["filling_evidence"]
    if hwrng["filling"] is False:
        return False, "a feeder would read the same source: %s" % hwrng["filling_evidence"]
    return "unknown", hwrng["filling_evidence"]


def _running(seen, feeders, suspects):
    if feeders:
        return True
    return False if seen["processes"] and seen["processes"]["kernel"] and not suspects else UNKNOWN


def _idle_reason(wanted):
    """Return why systemd does not start the feeders that are ``wanted`` (dict of ``_kernel.observe``) on this kernel; None where nothing says so."""
    limited = ["%s is for kernels %s" % (unit, kernels) for unit, kernels in sorted(wanted.items()) if kernels]
    return ", ".join(limited) if limited and len(limited) == len(wanted) else None


def _fakes(feeders):
    """Return (process, source) (list of pairs of str) of each rngd among ``feeders`` (list of dict) that reads the kernel's own output."""
    found = [(feeder, _fake_source(feeder)) for feeder in feeders if feeder["name"] == "rngd"]
    return [(_entropy_process.described(feeder), printable(source, _entropy_process.MOST_PATH)) for feeder, source in found if source]


def _fake_source(rngd):
    """Return the fake source (str) that ``rngd`` (dict of ``_kernel.observe``) names among its arguments or has open, None where there is none."""
    # What it feeds is open for writing too, and it reads no random numbers for itself (versions 5 and 6.17).
    opened = ["/dev/" + kind for kind in rngd.get("open") or () if "/dev/" + kind in FAKE_SOURCES]
    named = [path for path in _rngd_options.sources(rngd["arguments"]) if path in FAKE_SOURCES or path in rngd.get("own", ())]
    return next(iter(named + opened), None)
