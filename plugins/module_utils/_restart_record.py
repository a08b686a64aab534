# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A record of each guest that a run has asked to power off, kept until it was started: a run that is killed leaves it for the next one.

A record is a file of its own, locked by the run that works on it, so that runs side by side share nothing. The kernel gives up the lock of a run that
is killed. It lies on the machine that runs the module, for this user alone: a file is written only in a folder that belongs to this user and that
nobody else can write, and only over a regular file of this user.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import re
import stat
import time
from typing import NamedTuple, Optional

from ansible_collections.kvm.entropy.plugins.module_utils import _words

_SYSTEM_FOLDER = "/var/lib"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# A URI, a name and a few numbers.
_LONGEST = 65536
# A domain that has been off for longer (s) may be off by now because somebody wants it so.
_TRUSTED_FOR = 24 * 3600
# virDomainShutoffReason in include/libvirt/libvirt-domain.h: what tells that somebody else has put the domain where it is.
_TAKEN_OVER = {4: "it was migrated to another host since", 5: "it was saved since", 7: "it was reverted to a snapshot since"}


class LeftOff(NamedTuple):
    """A guest that a run asked to power off (``asked_at``, s since 1970 UTC) and did not start; ``why_not`` (str or None) it is not to be started now."""

    name: str
    asked_at: int
    up_by: str
    why_not: Optional[str] = None


class Record:
    """The records for one libvirt ``uri``. What fails is noted in ``troubles`` (list of str): a run does its work without a record, too."""

    def __init__(self, uri, is_local, folder=None):
        self.troubles = []
        self._uri = uri
        self._boot = _boot_id() if is_local else None
        self._folder = folder or _state_folder()
        self._prefix = hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._held = {}
        self._unreadable = []

    def left_off(self):
        """Return {UUID: LeftOff} of the guests that earlier runs have asked and not started; those that another run is working on are left out."""
        found, self._unreadable = {}, []
        with self._noting("read"), self._opened() as folder:
            for name in sorted(os.listdir(folder)):
                match = re.fullmatch(f"{self._prefix}-({_UUID})\\.json", name)
                content = match and self._read(folder, name)
                if content and content["uri"] == self._uri:
                    found[match.group(1)] = content["left"]
        if self._unreadable:
            self.troubles.append(
                f"found records in {self._folder} that cannot be understood, so their domains may be off since an earlier run asked them to power off: "
                f"{_words.names(self._unreadable)}. Look at these domains, then remove the files")
        return found

    def note(self, uuid, name, up_by, asked_at=None):
        """Note that the guest of the domain ``uuid`` is about to be asked to power off."""
        content = {"uri": self._uri, "name": name, "asked_at": int(time.time()) if asked_at is None else asked_at, "up_by": up_by, "boot_id": self._boot}
        with self._noting("written"):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            with self._opened() as folder:
                before, self._held[uuid] = self._held.get(uuid), self._written(folder, self._name(uuid), json.dumps(content).encode())
            if before is not None:
                os.close(before)

    def forget(self, uuid):
        """Forget the domain ``uuid``: it was started, or not asked at all."""
        handle, name = self._held.pop(uuid, None), self._name(uuid)
        try:
            with self._noting("removed"), self._opened() as folder:
                if handle is None:
                    handle = _open(folder, name)
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Another run may have written its own meanwhile.
                if os.path.samestat(os.fstat(handle), os.stat(name, dir_fd=folder, follow_symlinks=False)):
                    os.unlink(name, dir_fd=folder)
        finally:
            if handle is not None:
                os.close(handle)

    def _name(self, uuid):
        return f"{self._prefix}-{uuid}.json"

    @contextlib.contextmanager
    def _noting(self, what):
        try:
            yield
        except OSError as error:
            if isinstance(error, BlockingIOError) or (isinstance(error, FileNotFoundError) and what != "written"):
                return  # Another run is working on it, or has removed it; or there never was one.
            trouble = (f"the record of guests that are asked to power off cannot be {what} in {self._folder}: {error.strerror}. A run that is killed "
                       "may leave guests off without a trace")
            if trouble not in self.troubles:
                self.troubles.append(trouble)

    @contextlib.contextmanager
    def _opened(self):
        """Open the folder; raise OSError where others than this user could write it."""
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            found = os.fstat(folder)
            if found.st_uid != os.geteuid() or found.st_mode & 0o022:
                raise PermissionError(1, "it belongs to another user, or others can write it")
            yield folder
        finally:
            os.close(folder)

    def _read(self, folder, name):
        """Return the dict (uri, left: LeftOff) in a file; None where a run is working on it or has removed it, or it is none of ours."""
        try:
            handle = _open(folder, name)
        except OSError:
            return None
        try:
            if not _is_ours(os.fstat(handle)):
                return None
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            content = json.loads(os.read(handle, _LONGEST).decode())
            why_not = self._why_not(content["asked_at"], content["boot_id"])
            return {"uri": content["uri"], "left": LeftOff(str(content["name"]), int(content["asked_at"]), str(content["up_by"]), why_not)}
        except OSError:
            return None
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            self._unreadable.append(name)
            return None
        finally:
            os.close(handle)

    def _why_not(self, asked_at, boot):
        if boot != self._boot:
            return "this host was started anew since, and a boot starts only domains that are marked autostart"
        if not 0 <= time.time() - asked_at <= _TRUSTED_FOR:
            return "that is not within the last 24 hours, so that it may be off for another reason by now"
        return None

    @staticmethod
    def _written(folder, name, content):
        """Write a file, and return it (int) open and locked."""
        with contextlib.suppress(FileNotFoundError):
            if not _is_ours(os.stat(name, dir_fd=folder, follow_symlinks=False)):
                raise FileExistsError(17, f"{name} is no regular file of this user")
        new = f".{name}.{os.getpid()}"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new, dir_fd=folder)  # of a run that was killed, and had the same number
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.write(handle, content)
            os.fsync(handle)
            os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.close(handle)
            with contextlib.suppress(OSError):
                os.unlink(new, dir_fd=folder)
            raise
        return handle


def taken_over(reason):
    """Return why a domain that is off for this ``reason`` (int, virDomainShutoffReason) is not to be started (str), or None."""
    return _TAKEN_OVER.get(reason)


def _open(folder, name):
    return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)


def _state_folder():
    """Return the folder (str): below XDG_STATE_HOME (XDG Base Directory Specification), root's else in /var/lib."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = _SYSTEM_FOLDER if os.geteuid() == 0 else os.path.join(_home(), ".local/state")
    return os.path.join(state, "kvm-entropy", "restart")


def _home():
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:  # A number without a name: os.path.expanduser has $HOME.
        return os.path.expanduser("~")


def _boot_id():
    try:
        with open(_BOOT_ID) as file:
            return file.read(64).strip()
    except OSError:
        return None


def _is_ours(found):
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
