# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel's fill thread does: for how long it has been asleep, by the clock of its own CPU, and how often it was woken.

How long it sleeps tells how its last read ended: after a read that failed it sleeps 10 s (hwrng_fillfn() in drivers/char/hw_random/core.c), after one
that delivered for up to 60 s, or as long as the old generator's pool is full (add_hwgenerator_randomness() in drivers/char/random.c).
"""

import contextlib
import os
import re
import time

from ansible_collections.kvm.entropy.plugins.module_utils._hwrng_names import is_known

# A sleep of so many s and more is none that follows a failed read; timers are up to a jiffy late.
RESTED = 11
# CRNG_RESEED_INTERVAL and CRNG_RESEED_START_INTERVAL in drivers/char/random.c (s).
INTERVAL, _SHORTEST = 60, 1
# For how long (s) a thread that is in its driver is watched at most, and how often (s) it is looked at.
WATCH, _STEP = 11.0, 0.25
# A buffer has no more pieces than bytes.
_MOST_PIECES = 64
# proc_pid_status(5).
_STATE = re.compile(r"^State:\t([A-Z])", re.MULTILINE)
_SWITCHES = re.compile(r"^voluntary_ctxt_switches:\t(\d{1,15})$", re.MULTILINE | re.ASCII)
# Before so many s after the boot the kernel rests for less than that (crng_reseed_interval() in drivers/char/random.c: half the time since the boot).
_EARLY = 2 * RESTED + 1


def slept(tree, pid):
    """Return for how long (float, s) at least the thread ``pid`` (str) has not run, None where that cannot be told.

    ``se.exec_start`` in /proc/PID/sched (proc_sched_show_task() in kernel/sched/debug.c) is by the clock of the thread's CPU, which stands still in a
    suspend and while the host runs something else. So it is compared with that of this process on the same CPU.
    """
    before = _place(tree, pid)
    if before is None:
        return None
    ours, theirs = _on_cpu(before[1], lambda: (_ran(tree, "thread-self"), _ran(tree, pid)))
    if ours is None or theirs is None or _place(tree, pid) != before:
        return None
    return max(0.0, ours - theirs)


def rests(start, seconds):
    """Return how many whole rests (int) at most a thread can have in so many ``seconds`` (float) that began ``start`` (float, s) after the boot.

    crng_reseed_interval() in drivers/char/random.c: half the time since the boot, between 1 and 60 s.
    """
    count, now, rest = 0, start, 0.0
    while rest < INTERVAL:
        rest = min(INTERVAL, max(_SHORTEST, now / 2))
        if seconds < rest:
            return count
        count, now, seconds = count + 1, now + rest, seconds - rest
    return count + int(seconds // INTERVAL)


def _place(tree, pid):
    """Return (state, CPU) of the thread ``pid`` (str), None where it is gone."""
    # proc_pid_stat(5): fields 3 and 39, the first after the name is field 3.
    fields = (tree.text("/proc/%s/stat" % pid) or "").rpartition(")")[2].split()
    return (fields[0], int(fields[36])) if len(fields) > 36 and re.match(r"\d{1,6}$", fields[36]) else None


def _on_cpu(number, look):
    """Return what ``look()`` returns on the CPU ``number`` (int); (None, None) where this process may not run there."""
    try:
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {number})
    except (OSError, ValueError):
        return None, None
    try:
        return look()
    finally:
        # Where its control group was moved to other CPUs meanwhile, the kernel has placed it there.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, allowed)


def _ran(tree, pid):
    """Return when (float, s by its CPU's clock) the thread ``pid`` (str) last ran, None where the kernel does not tell (CONFIG_SCHED_DEBUG)."""
    ran = re.search(r"^se\.exec_start\s*:\s*(\d{1,15}\.\d+)$", tree.text("/proc/%s/sched" % pid) or "", re.MULTILINE)
    return float(ran.group(1)) / 1000 if ran else None


def switches(tree, pid):
    """Return (state (str), how often the thread ``pid`` (str) has gone to sleep by itself (int)), each None where it is not shown.

    It goes to sleep once for each pause, and once for each wait for its source: for each piece in which a buffer comes.
    """
    text = tree.text("/proc/%s/status" % pid) or ""
    state, count = _STATE.search(text), _SWITCHES.search(text)
    return state and state.group(1), int(count.group(1)) if count else None


def watch(tree, pid, seconds=WATCH, sleep=time.sleep, clock=time.monotonic):
    """Watch the thread ``pid`` (int), which is in its driver, until it rests, for at most ``seconds`` (s).

    Return ``seconds`` (s that it took), ``state`` (str, the last one, None where it is gone) and ``woke`` (list of s since the start: when it was seen to
    have been woken and to have gone to sleep again).
    """
    started = clock()
    state, before = switches(tree, str(pid))
    woke = []
    while state not in (None, "S") and clock() - started < seconds:
        sleep(_STEP)
        state, count = switches(tree, str(pid))
        if None not in (count, before):
            # It was asleep before, so that each time that it went to sleep again it had been woken.
            woke += [round(clock() - started, 2)] * min(max(0, count - before), _MOST_PIECES - len(woke))
        before = count
    return {"seconds": round(clock() - started, 2), "state": state, "woke": woke}


def wait_for_rest(texts, processes, sleep=time.sleep):
    """Wait, at most RESTED s, until it shows whether the last read of the fill thread delivered; return whether anything was waited for (bool).

    ``texts`` and ``processes`` are those of ``_kernel.observe``. Only where nothing else tells: in what may be a guest, whose current source is another
    driver's than virtio-rng's, as no interrupt counts what that delivers.
    """
    asleep = processes.get("fill_slept")
    uptime = re.match(r"\d{1,12}", texts.get("/proc/uptime") or "")
    cpu = texts.get("/proc/cpuinfo") or ""
    is_bare = re.search(r"^flags\s*:", cpu, re.MULTILINE) and "hypervisor" not in cpu
    if (asleep is None or asleep >= RESTED or processes["fill_state"] != "S" or is_bare or not is_known(texts.get("/sys/class/misc/hw_random/rng_current"))
            or not uptime or int(uptime.group()) - asleep < _EARLY):
        return False
    sleep(RESTED + 0.2 - asleep)
    return True
