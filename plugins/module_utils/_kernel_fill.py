# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For how long the kernel's fill thread has been asleep, by the clock of its own CPU.

That tells how its last read ended: after a read that failed it sleeps 10 s (hwrng_fillfn() in drivers/char/hw_random/core.c), after one that delivered for
up to 60 s, or as long as the old generator's pool is full (add_hwgenerator_randomness() in drivers/char/random.c).
"""

import contextlib
import os
import re
import time

from ansible_collections.kvm.entropy.plugins.module_utils._hwrng_names import is_known

# A sleep of so many s and more is none that follows a failed read; timers are up to a jiffy late.
RESTED = 11
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
