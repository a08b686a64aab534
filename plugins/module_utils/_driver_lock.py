# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One build of the initramfs at a time: a lock that the builder holds as well, so that it lasts as long as the build, whatever becomes of the module."""

import contextlib
import fcntl
import os
import time
from typing import Iterator, List

from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._own_file import check_own, opened_folder
from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

LOCK = "/run/kvm-entropy-rng_driver.lock"
# How long another build is waited for (s): one takes some 20 s, and minutes under emulation. One that takes longer is for a person to judge.
PATIENCE = 300
_INTERVAL = 0.5
_MOST_BYTES = 1000
# The shell holds the lock, as its standard input; the builder does not, as a daemon that a hook starts would keep it. With the last command the shell stays.
_HOLDER = ["/bin/sh", "-c", '"$@" </dev/null; exit $?', "sh"]


class BusyError(EntropyError):
    """Another run builds the initramfs."""


class Lock:
    """The lock: an open ``file`` (int), in which its holder is named."""

    def __init__(self, file: int):
        self.file = file

    def name(self, pid: int, words: List[str]) -> None:
        """Name the process ``pid`` that runs ``words`` as the holder. On a disk that is full it is a lock all the same."""
        with contextlib.suppress(OSError):
            os.ftruncate(self.file, 0)
            os.pwrite(self.file, ("%d %s" % (pid, " ".join(words))).encode("utf-8", "replace")[:_MOST_BYTES], 0)


def holding(words: List[str]) -> List[str]:
    """Return the command that runs ``words`` and holds the lock that is its standard input until they have ended."""
    return _HOLDER + words


@contextlib.contextmanager
def locked(root: str = "", patience: float = PATIENCE) -> Iterator[Lock]:
    """Hold the lock below ``root`` meanwhile; raise BusyError where another process still does after ``patience`` (s), EntropyError where none can be had."""
    try:
        check_own(root + LOCK)
        with opened_folder(root + LOCK) as (folder, name):
            file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except OSError as error:
        raise EntropyError("%s: cannot be locked: %s. Nothing was changed." % (LOCK, (error.strerror or str(error)).rstrip("."))) from error
    try:
        _wait(file, patience)
        lock = Lock(file)
        lock.name(os.getpid(), ["kvm.entropy.rng_driver"])
        yield lock
    finally:
        # Not unlocked: a builder that still runs has it.
        os.close(file)


def _wait(file: int, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                break
        time.sleep(_INTERVAL)
    pid, _space, words = os.pread(file, _MOST_BYTES, 0).decode("utf-8", "replace").partition(" ")
    holder = "process %s, %s" % (pid, printable(words, 200)) if pid.isdigit() else "an unknown process"
    raise BusyError("%s: another run of this module builds the initramfs: found %s, expected none within %d s. Wait until it has ended, or see why it does not "
                    "and end it, and run this again. Nothing was changed." % (LOCK, holder, patience))
