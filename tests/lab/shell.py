# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other programs: run them, find those that a lab left running, end them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from lab import LabError

_SILENT = 20  # seconds after which a person wants to know that something still goes on


def say(text):
    """Tell the person watching what happens now; stdout stays free for results."""
    print("lab: %s" % text, file=sys.stderr, flush=True)


def tool(name):
    """Return the path (str) of program ``name``, also from the sbin folders that an ordinary user's PATH lacks."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/libexec")
    if not path:
        raise LabError("program %s is missing; install the packages in tests/lab/packages.txt" % name)
    return path


def run(*command, timeout=600, **options):
    """Run ``command`` with umask 022 (a strict umask would hide files from the lab's user); return its stdout (str).

    Raises LabError with the end of what the command said when it fails or takes longer than ``timeout`` (s).
    """
    words = [tool(command[0])] + [str(word) for word in command[1:]]
    try:
        with _heard(command[0]):
            done = subprocess.run(words, timeout=timeout, umask=0o022, text=True, check=False,
                                  **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options})
    except subprocess.TimeoutExpired:
        raise LabError("%s did not end within %s s: %s" % (command[0], timeout, " ".join(words))) from None
    if done.returncode:
        raise LabError("%s failed with exit status %s: %s\n%s" % (
            command[0], done.returncode, " ".join(words), tail((done.stdout or "") + (done.stderr or ""))))
    return done.stdout


@contextlib.contextmanager
def _heard(program):
    """Say every _SILENT seconds that ``program`` (str) still runs."""
    began, over = time.monotonic(), threading.Event()

    def tell():
        while not over.wait(_SILENT):
            say("%s still runs after %.0f s" % (program, time.monotonic() - began))

    threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def tail(text, lines=25):
    """Return the last ``lines`` of ``text``."""
    return "\n".join(text.splitlines()[-lines:])


def processes(folder, *programs):
    """Return the ids (list of int) of running ``programs`` (names begin so) that name a path below ``folder``."""
    needle = os.fsencode("%s/" % folder)
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        program = os.path.basename(words.split(b"\0")[0]).decode(errors="replace")
        if program.startswith(programs) and needle in words:
            found.append(int(entry.name))
    return found


def alive(pid):
    """Return whether process ``pid`` runs (a zombie does not)."""
    try:
        return Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_gone(pids, seconds):
    """Wait until no process of ``pids`` runs; return those that still do after ``seconds``."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def end(pids, grace=10):
    """End the processes ``pids``: asked first, killed after ``grace`` (s)."""
    _send(pids, signal.SIGTERM)
    left = wait_gone(pids, grace)
    _send(left, signal.SIGKILL)
    left = wait_gone(left, 10)
    if left:
        raise LabError("processes %s do not end, not even killed" % left)


def _send(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
