# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether full buffers of a virtio-rng device arrive, by what the kernel's fill thread does. Pure: from observations.

An interrupt is not a buffer: QEMU answers a request with one byte or more, and the driver waits until its buffer is full.
"""

import re

from ansible_collections.kvm.entropy.plugins.module_utils._kernel_fill import INTERVAL, rests

UNKNOWN = "unknown"

# A host's usual limit has a period of 1 s: a device that has delivered nothing in ten of them is not merely slow.
PATIENCE = 10

# A source that gives a buffer per INTERVAL gives all that the kernel asks of it. So long (s) after the driver came the kernel asks for more than that
# (crng_reseed_interval()), and may wait for it.
_EARLY = 2 * INTERVAL + PATIENCE

# The least fill buffer of the architectures that KVM runs on (rng_buffer_size() in drivers/char/hw_random/core.c; bits), and what makes the CRNG ready
# (POOL_READY_BITS in drivers/char/random.c). The virtio-rng driver hands on full buffers only: virtio_read(), since 5.16 and in 5.10's stable series.
_BUFFER_BITS, _READY_BITS = 512, 256

# How often the fill thread goes to sleep for each buffer: once for its pause, and for each piece but the first, which the device has ready. More than four
# may be a trickle. A trickle that starves (64 pieces in 70 s, then 60 s of pause) wakes it less than 30 times a minute.
_MOST_SLEEPS, _FAST_SLEEPS = 4.25, 30
# A reader of /dev/hwrng makes the device deliver without waking the fill thread: so many times as often as that is it another's work. And where the
# thread was woken so many times as often as the device delivered, it was another device that did.
_OF_OTHERS = 2
# Of the time that the thread was there, a source that is quick enough has it wait for 70 of 130 s.
_MOST_WAITING = 0.54
# A thread in its driver's read counts for the load average (task_contributes_to_load() in include/linux/sched.h; kernel/sched/loadavg.c). One that
# waits for 70 of 130 s makes that at least so much at any time: the average over 5 min after 10, that over 1 min after 3 (s, field, load).
_LOADS = ((600, 1, 0.35), (180, 0, 0.2))
# A device answers within some ms, and a reader of /dev/hwrng lets the thread read after a buffer (s).
_MOMENT = 1
# What was seen in the watch may be a little more than what each buffer takes.
_AS_BEFORE = 0.75


def delivering(seen, facts):
    """Return (tri-state, evidence): whether the current source, a virtio-rng device that nothing hinders, delivers.

    ``seen`` is of ``_kernel.observe``; ``facts`` (dict) are the ``hwrng`` facts, with ``first_was_full`` (bool: the device's first buffer came at once).
    """
    if facts["delivered"] == 0:
        return _nothing(seen)
    if is_not_ready(seen) and _makes_ready(facts["quality"]):
        return _before_ready(seen, facts)
    state, watch = seen["processes"].get("fill_state"), seen["processes"].get("fill_watch")
    if state is None and facts["delivered"]:
        return True, "%s, thread hwrng runs, %d interrupts" % (named(facts), facts["delivered"])
    if state == "S" or (watch and watch["state"] == "S"):
        return _at_rest(seen, facts)
    return _in_driver(seen, facts)


def _nothing(seen):
    """Return the same for a device that has raised no interrupt. A thread that the host did not run, or that was suspended, has not waited meanwhile."""
    slept, awake = seen["processes"].get("fill_slept"), _awake(seen)
    waited = awake if slept is None else min(awake, slept)
    if waited < PATIENCE:
        return UNKNOWN, "nothing delivered in the %.1f s since the source is there" % awake
    return False, "nothing delivered in %d s" % awake


def is_not_ready(seen):
    """Return whether the kernel of ``seen`` (``_kernel.observe``) says that its CRNG is not ready (bool)."""
    return seen["getrandom"] == "waiting" or seen.get("pool_ready") is False


def _makes_ready(quality):
    """Return whether one full buffer of a source of this ``quality`` (int, of 1024, or None) makes the CRNG ready (bool)."""
    return quality is not None and quality * _BUFFER_BITS // 1024 >= _READY_BITS


def _before_ready(seen, facts):
    """Return the same while the CRNG is not ready, which the first full buffer makes it."""
    awake = _awake(seen)
    found = "not one full buffer in %.1f s: the CRNG is not ready%s" % (
        awake, "" if facts["delivered"] is None else ", after %d interrupts" % facts["delivered"])
    return (UNKNOWN if awake < PATIENCE else False), "%s; %s" % (named(facts), found)


def named(facts):
    return "%s of quality %s" % (facts["current"], "?" if facts["quality"] is None else facts["quality"])


def _at_rest(seen, facts):
    """Return the same for a virtio-rng device whose last read has ended.

    In the driver's read the thread can be killed only (D, see ``waiting``), and that read ends with a full buffer, or when the device is removed or
    frozen. So a thread that sleeps otherwise (S) is in its pause after a buffer that was added to the pool. That proves one buffer; how long it took does
    not show, and where buffers come in pieces that matters.
    """
    found = "%s; thread hwrng is in the pause that follows a full buffer" % named(facts)
    if facts["delivered"]:
        found += ", %d interrupts" % facts["delivered"]
    watch = seen["processes"].get("fill_watch")
    if watch and watch["woke"] and (len(watch["woke"]) > 1 or (_gap(seen, watch) > _MOMENT and not _is_early(seen, facts))):
        return _by_pieces(seen, facts, watch)
    sleeps = _in_pieces(seen, facts)
    if not sleeps:
        return True, found
    load = _idle_load(seen)
    if load:
        return True, "%s; its buffers come in pieces (%s), and fast, as the load average is %s" % (found, sleeps, load)
    return UNKNOWN, "%s; but its buffers come in pieces (%s), and it was not seen how slowly" % (found, sleeps)


def _idle_load(seen):
    """Return a load average (str) that is too low for a thread that waits in its driver's read for most of the time, None where there is none."""
    said = re.match(r"(\d{1,6}\.\d\d) (\d{1,6}\.\d\d) ", seen["texts"].get("/proc/loadavg", ""))
    for least, field, limit in _LOADS if said else ():
        if _awake(seen) >= least:
            return said.group(field + 1) if float(said.group(field + 1)) < limit else None
    return None


def _in_pieces(seen, facts):
    """Return in words (str) how often the thread was woken where a buffer comes in so many pieces that it may take too long, None where not."""
    switches, awake, delivered = seen["processes"].get("fill_switches"), _awake(seen), facts["delivered"]
    # A trickle has not filled a buffer so soon.
    if switches is None or not _is_rewritten(seen) or awake < _LOADS[-1][0]:
        return None
    if delivered is not None and not switches <= _OF_OTHERS * delivered <= _OF_OTHERS ** 2 * switches:
        return None
    if not _MOST_SLEEPS * (rests(seen["processes"]["fill"], awake) + 2) < switches < _FAST_SLEEPS * awake / 60:
        return None
    return "woken %d times in %d s" % (switches, awake)


def _is_rewritten(seen):
    """Return whether the fill thread rests for an interval after each buffer (bool). It takes all that the old generator's users draw."""
    return seen["texts"].get("/proc/sys/kernel/random/poolsize") == "256"


def _in_driver(seen, facts):
    """Return the same for a virtio-rng device in whose read the thread is, by what was seen of it for a while (``_kernel_fill.watch``)."""
    watch = seen["processes"].get("fill_watch")
    if watch and watch["woke"]:
        return _by_pieces(seen, facts, watch)
    waited = (seen["processes"].get("fill_slept") or 0.0) + (watch["seconds"] if watch else 0.0)
    alone = len(facts["driver_bound"]) == 1
    if watch and waited >= (PATIENCE + INTERVAL if facts["delivered"] and alone else PATIENCE):
        return False, _has_waited(waited, facts["current"])
    if alone and _is_early(seen, facts):
        return True, "%s; the first buffer was a full one, and for the next thread hwrng may wait %d s" % (named(facts), PATIENCE + INTERVAL)
    return UNKNOWN, "thread hwrng waits for %s, for %d s at least, and was not seen at rest" % (facts["current"], waited)


def _is_early(seen, facts):
    """Return whether the kernel may be waiting for its second buffer of a source that gives one a minute (bool), as the first one was full."""
    return bool(facts["delivered"]) and facts["first_was_full"] and _awake(seen) < _EARLY


def _gap(seen, watch):
    """Return how long (float, s) each piece took that came in the ``watch``."""
    return (watch["woke"][-1] + (seen["processes"].get("fill_slept") or 0.0)) / len(watch["woke"])


def _by_pieces(seen, facts, watch):
    """Return the same where the buffer came, or is coming, in pieces, by how often the thread was woken while it was watched and since it is there."""
    processes, awake, gap = seen["processes"], _awake(seen), _gap(seen, watch)
    found = "buffers of %s come in pieces, %.1f s apart" % (facts["current"], gap)
    if processes.get("fill_switches") is None or not _is_rewritten(seen):
        return UNKNOWN, found
    wakes = processes["fill_switches"] if facts["delivered"] is None else min(processes["fill_switches"], facts["delivered"])
    waited = min(awake, wakes * gap)
    # It may have waited for up to a gap more.
    pauses = rests(processes["fill"], max(0.0, awake - waited - gap))
    if waited > (pauses + 1) * (PATIENCE + INTERVAL):
        return False, "%s; thread hwrng has waited %d of %d s for full buffers, and got %d at most" % (found, waited, awake, pauses)
    if waited > _MOST_WAITING * awake and (watch["state"] != "S" or awake > PATIENCE + INTERVAL):
        return UNKNOWN, "%s; thread hwrng has waited %d of %d s for full buffers" % (found, waited, awake)
    if watch["state"] != "S" and wakes < _AS_BEFORE * (len(watch["woke"]) + 1) * pauses:
        return UNKNOWN, "%s, which they did not before, and none became full in %.1f s" % (found, watch["seconds"])
    return True, "%s; %s, and thread hwrng waits %d s for a full one" % (named(facts), found, waited // (pauses + 1))


def waiting(seen, current, patience):
    """Return in words (str) for how long the fill thread has been waiting for the source, None where it does not, or for less than ``patience`` (s).

    At rest it sleeps so that signals wake it (S); in the driver's read it waits so that only a kill does (D, wait_for_completion_killable() in
    drivers/char/hw_random/virtio-rng.c).
    """
    processes = seen["processes"]
    if not processes or processes.get("fill_state") != "D":
        return None
    waited = processes.get("fill_slept")
    return _has_waited(waited, current) if waited is not None and waited >= patience else None


def _has_waited(seconds, current):
    return "thread hwrng has been waiting %d s for %s" % (seconds, current)


def served(seen):
    """Return for how long (float, s) the fill thread has been there."""
    return uptime(seen) - seen["processes"]["fill"]


def _awake(seen):
    """Return for how long (float, s) at least the fill thread has been there while the machine was not suspended."""
    return max(0.0, served(seen) - seen.get("suspended", 0.0))


def uptime(seen):
    """Return for how long (float, s) the kernel has been running."""
    said = re.match(r"\d{1,12}(\.\d{1,9})?", seen["texts"].get("/proc/uptime", ""))
    return float(said.group()) if said else 0.0
