# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One service per kernel: a lock that the kernel takes away with the process that holds it."""

import contextlib
import fcntl
import os
import stat

from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError
from ansible_collections.kvm.entropy.plugins.module_utils._own_file import NotOwnError, is_trusted, kind_of, opened_folder

# The same for all, wherever their status and their configuration are.
LOCK = "/run/entropy-feeder/lock"
# More than a process id has (bytes).
_MOST_OF_PID = 32


class LockError(FeederError):
    """There can be no lock now. A service is to be started again, as a disk that is full may not stay so."""


class BusyError(LockError):
    """Another service feeds this kernel."""


@contextlib.contextmanager
def locked(path):
    """Hold the lock ``path`` (str) meanwhile; raise BusyError where another process does, LockError where there can be none."""
    try:
        with contextlib.suppress(FileExistsError), opened_folder(os.path.dirname(path)) as (folder, name):
            os.mkdir(name, 0o755, dir_fd=folder)
        with opened_folder(path) as (folder, name):
            file = _locked_file(folder, name, path)
    except OSError as error:
        raise LockError("the lock %s: %s" % (path, error.strerror)) from error
    try:
        yield
    finally:
        os.close(file)


def _locked_file(folder, name, path):
    # Nobody else can open it, and so lock it. A reader of the source does not keep it: it closes what it does not need.
    file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        found = os.fstat(file)
        if not (stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and is_trusted(found.st_uid)):
            raise NotOwnError(kind_of(found), "a regular file of its own or none", "Remove it.")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with os.fdopen(file, "rb") as other:
            pid = other.read(_MOST_OF_PID).decode("ascii", "replace").strip()
        raise BusyError("another entropy-feeder feeds this kernel (process %s, which holds %s): found a second service, expected one. End the other first"
                        % (pid if pid.isdigit() else "unknown", path)) from None
    except OSError:
        os.close(file)
        raise
    os.fchmod(file, 0o600)
    os.ftruncate(file, 0)
    # On a disk that is full it is a lock all the same, and does not say whose.
    with contextlib.suppress(OSError):
        os.write(file, b"%d\n" % os.getpid())
    return file
