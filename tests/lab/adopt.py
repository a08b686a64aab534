# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a program that leaves processes behind, and take these in: python3 adopt.py PROGRAM WORDS...

A process that has ended is there until somebody has asked for its status. For what libvirt starts that is the machine's process 1, and some, in
containers, take seconds; so long does libvirt wait at each end of a guest. The exit status is the program's own. What stays on ends with the
last of those that were left behind.
"""

import ctypes
import os
import sys

_PR_SET_CHILD_SUBREAPER = 36  # include/uapi/linux/prctl.h


def main(words):
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        with open(told, "rb") as pipe:
            return int(pipe.read() or b"1")
    os.close(told)
    os.setsid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    program = os.spawnvp(os.P_NOWAIT, words[0], words)  # noqa: S606 (no shell is wanted)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):  # Whoever reads what the program says is not to wait for this one.
        os.dup2(null, descriptor)
    try:
        while True:
            ended, status = os.wait()
            if ended == program:
                os.write(tell, b"%d" % os.waitstatus_to_exitcode(status))
                os.close(tell)
    except ChildProcessError:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
