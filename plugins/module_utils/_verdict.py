# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From links and problems to a verdict: the one table of the whole collection.

A link is ``ok``, ``broken``, ``unknown`` (not seen) or ``n/a`` (does not apply here). A verdict is something to act on:

* ``broken``: numbers drawn in this boot may be guessable, or what is credited is not entropy
* ``degraded``: the numbers are sound now, but a link is missing or will be at the next boot
* ``unknown``: what would decide was not seen
* ``ok``: every link that applies was seen and is right
"""

from ansible_collections.kvm.entropy.plugins.module_utils._hwrng_names import is_known, is_virtio

OK, BROKEN, UNKNOWN, NOT_APPLICABLE = "ok", "broken", "unknown", "n/a"
DEGRADED = "degraded"

# From the host's generator to the guest's first key, in the order in which random bytes travel.
LINKS = ("host", "config", "live", "current", "fed", "ready", "in_time")

VERDICTS = (BROKEN, DEGRADED, UNKNOWN, OK)

# Random numbers of this boot may be guessable, or the kernel credits what is not entropy.
BREAKING = frozenset(("not-ready", "early-reads", "fake-source", "fake-device", "source-stuck", "host-unsound"))

# Every link may look right, and yet the next start or the next minutes will not be.
DEGRADING = frozenset((
    "unsafe-backend", "backend-starves", "cannot-start", "rate-starves", "seeded-late", "driver-late", "initramfs-without-driver", "not-filling",
    "quality-zero", "managed-save"))

# Something that would decide cannot be relied upon: neither ``ok`` nor ``degraded``, which says that the numbers are sound, whatever the links say.
UNDECIDED = frozenset(("bad-facts", "bad-variable", "needs-root"))


def verdict(links, codes):
    """Return the verdict (str) of ``links`` (dict: link to its state) and ``codes`` (the problem codes, any iterable)."""
    codes = frozenset(codes)
    states = [links.get(link, UNKNOWN) for link in LINKS]
    if codes & BREAKING:
        return BROKEN
    if links.get("ready", UNKNOWN) == UNKNOWN or codes & UNDECIDED:
        return UNKNOWN
    if BROKEN in states or codes & DEGRADING:
        return DEGRADED
    # Where no log goes back to the boot any more, nothing can tell when the CRNG became ready: see is_proven_in_time.
    if any(links.get(link, UNKNOWN) == UNKNOWN for link in LINKS if link != "in_time"):
        return UNKNOWN
    return OK


def is_proven_in_time(row):
    """Return whether a ``row`` (dict with ``verdict`` and ``links``) that is ok was also seen to have been ready in time, where that applies."""
    return row["verdict"] != OK or row.get("links", {}).get("in_time") != UNKNOWN


def state_of(fact):
    """Return the link state (str) of a fact that is True, False or anything else for not known."""
    if fact is True:
        return OK
    if fact is False:
        return BROKEN
    return UNKNOWN


def guest_links(facts):
    """Return the links (dict) that one machine can tell of itself from its ``facts`` (the dict of ``entropy_facts``).

    ``host`` and ``config`` are another machine's to tell. A machine that is no KVM guest needs no device of its own.
    """
    hwrng, crng = facts["hwrng"], facts["crng"]
    links = {"host": NOT_APPLICABLE, "config": NOT_APPLICABLE}
    if facts["kvm_guest"] is False:
        links.update(live=NOT_APPLICABLE, current=NOT_APPLICABLE, fed=NOT_APPLICABLE)
    else:
        links.update(live=_live(hwrng), current=_current(hwrng), fed=_fed(facts))
    links.update(ready=state_of(crng["ready"]), in_time=state_of(crng["in_time"]))
    return links


def fed_otherwise(hwrng):
    """Return whether another of the kernel's drivers than virtio-rng's feeds it (tri-state): one with a quality, that is seen to fill.

    ``hwrng`` (dict) are the facts of that name.
    """
    quality = hwrng.get("quality")
    if not is_known(hwrng["current"]) or quality == 0 or hwrng["filling"] is False:
        return False
    return UNKNOWN if quality is None else hwrng["filling"]


def _live(hwrng):
    """Return the state (str) of the link from the definition to the running device. Who is fed without one misses none."""
    if hwrng["device"] is not False:
        return state_of(hwrng["device"])
    return {True: NOT_APPLICABLE, False: BROKEN}.get(fed_otherwise(hwrng), UNKNOWN)


def _current(hwrng):
    """Return the state (str) of the link from the device to the kernel's choice of source."""
    if hwrng["current"] is None:
        return state_of(False if hwrng["device"] is False else UNKNOWN)
    return OK if is_virtio(hwrng["current"]) else state_of(fed_otherwise(hwrng))


def _fed(facts):
    """Return the state (str) of the link from the source to the kernel: what arrives and is no entropy feeds nothing."""
    feeder = facts.get("feeder") or {}
    if (facts.get("health") or {}).get("passed") is False or feeder.get("stuck"):
        return BROKEN
    state = OK if feeder.get("useful") is True else state_of(facts["hwrng"]["filling"])
    # A process that may be rngd names the kernel's own output as its source, and it was not seen whether it can credit.
    return UNKNOWN if state == OK and feeder.get("fake") == UNKNOWN else state


def judge_guest(facts):
    """Return (links, verdict) of one machine on its own evidence; ``facts`` has its ``problems`` already."""
    links = guest_links(facts)
    return links, verdict(links, [problem["code"] for problem in facts["problems"]])
