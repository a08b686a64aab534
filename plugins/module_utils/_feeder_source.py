# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder's source: a file that is opened once, looked at, and read within a budget, whatever it does."""

import contextlib
import errno
import os
import stat

from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import CONSTANT, DEVICE, FILE, HWRNG, RANDOM, URANDOM, device_kind
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_reader import PATIENCE, Reader, in_words
from ansible_collections.kvm.entropy.plugins.module_utils._own_file import NotOwnError, is_trusted, kind_of, opened_folder
from ansible_collections.kvm.entropy.plugins.module_utils._rng_source import UNSUITABLE, backend_kind

_CURRENT = "/sys/class/misc/hw_random/rng_current"
# Linux's Documentation/admin-guide/devices.txt: mem, port, kmsg, and those that are refused by their own names.
_MEMORY_MAJOR = 1
# Drivers of terminals, with the numbers of their devices: proc_tty_driver(5).
_TERMINALS = "/proc/tty/drivers"

_REFUSED = {
    RANDOM: "the kernel's own output: to credit that is no entropy",
    URANDOM: "the kernel's own output: to credit that is no entropy",
    CONSTANT: "a device that delivers zeros or nothing",
}


class GoneError(Exception):
    """The source is not there, or not any more: why, in words."""


class Source:
    """The file at ``path`` (str) as a source of random bytes. ``name`` (str) is what delivers them: of /dev/hwrng the kernel's current source."""

    def __init__(self, path, wake=None):
        """``wake`` (int or None): a file that becomes readable when a read is to end before its time."""
        self.path = self.name = path
        self._reader = Reader(wake)
        self._file = None
        self._is_hwrng = False
        self._patience = PATIENCE

    @property
    def is_open(self):
        """Whether it was there and has not gone since (bool)."""
        return self._file is not None

    def open(self):
        """Open it; raise GoneError where it is not there now, FeederError where it can never be a source."""
        with self._found() as (folder, name, found):
            # With a hand of its own on the other end a FIFO does not end with its writer: the next one goes on.
            access = os.O_RDWR if stat.S_ISFIFO(found.st_mode) else os.O_RDONLY
            # A serial line must not become the feeder's terminal.
            self._file = os.open(name, access | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder)
            try:
                # What was opened is looked at again, as another file may have its name by now.
                opened = os.fstat(self._file)
                self._check(opened)
                self._is_hwrng = device_kind(opened) == HWRNG
                self.look()
            except (FeederError, GoneError):
                self.close()
                raise

    def close(self):
        """Let go of it, in the process that reads it as well."""
        self._reader.close()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def move(self, path):
        """Read ``path`` (str) from now on."""
        if path != self.path:
            self.close()
            self.path = self.name = path

    def check(self):
        """Raise FeederError where what is there now can never be a source; that nothing is there is no error.

        Nothing is opened: what is in a FIFO that nobody else reads would be lost with its last reader.
        """
        with contextlib.suppress(GoneError), self._found():
            pass

    def read(self, most, seconds):
        """Yield bytes until there were ``most`` of them (int) or ``seconds`` (s) are over; raise GoneError where the source ends or fails."""
        self.look()
        self._look_at_path()
        came = False
        for _at, piece in self._reader.read(self._file, most, seconds, self._patience):
            came = True
            yield piece
        if self._is_hwrng and not came:
            # The other way, next time. The virtio-rng driver of newer kernels fills 64 bytes for whoever waits, and what it has of them is lost with a
            # reader that is ended before: a source that is too slow for that must be read without waiting.
            self._patience = None if self._patience else PATIENCE
        if self._reader.error is not None:
            self.close()
            raise GoneError("%s: %s" % (self.name, in_words(self._reader.error)))

    def look(self):
        """Notice what the kernel listens to now; raise GoneError where that is nothing."""
        if not self._is_hwrng:
            return
        try:
            with open(_CURRENT) as file:
                name = file.read().strip(" \t\n\0")
        except OSError:
            return
        if name in ("", "none"):
            self.close()
            raise GoneError("%s: the kernel has no hardware source (rng_current is none): %s" % (self.path, os.strerror(errno.ENODEV)))
        self.name = name

    @contextlib.contextmanager
    def _found(self):
        """Yield what is at the path: the open folder (int), the name in it (str), and what that is (os.stat_result); raise GoneError, FeederError."""
        try:
            with opened_folder(self.path, is_read=True) as (folder, name):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                self._check(found)
                yield folder, name, found
        except NotOwnError as error:
            raise FeederError("source %s: %s" % (self.path, error.strerror)) from error
        except OSError as error:
            raise GoneError("%s: %s" % (self.path, in_words(error.errno))) from error

    def _look_at_path(self):
        """Raise GoneError where a FIFO is not the one at the path any more: its writer has made another, and nobody writes to this one."""
        found = os.fstat(self._file)
        if not stat.S_ISFIFO(found.st_mode):
            return
        try:
            is_same = os.path.samestat(found, os.stat(self.path))
        except OSError:
            is_same = False
        if not is_same:
            self.close()
            raise GoneError("%s: the FIFO was removed or made anew" % self.path)

    def _check(self, found):
        """Raise FeederError where what is ``found`` (os.stat_result) can never be a source. Its number counts, and not its name."""
        kind = device_kind(found)
        if kind in _REFUSED:
            raise FeederError("source %s: found %s, expected a hardware source such as /dev/hwrng" % (self.path, _REFUSED[kind]))
        if kind == FILE and not stat.S_ISFIFO(found.st_mode):
            raise FeederError("source %s: found neither a character device nor a FIFO; what a file holds is known to whoever can read it" % self.path)
        if kind == DEVICE and os.major(found.st_rdev) == _MEMORY_MAJOR:
            raise FeederError("source %s: found memory or the kernel's log, expected a hardware source such as /dev/hwrng" % self.path)
        if kind == DEVICE and _is_terminal(found.st_rdev):
            raise FeederError("source %s: found a terminal or a serial line, expected a hardware source such as /dev/hwrng: others may write to it" % self.path)
        if backend_kind(found) == UNSUITABLE:
            raise FeederError("source %s: found character device %d:%d, which is no source of random numbers, expected a hardware source such as /dev/hwrng" % (
                self.path, os.major(found.st_rdev), os.minor(found.st_rdev)))
        # Nobody can write to the kernel's own device, whatever its mode: rng_chrdev_ops in drivers/char/hw_random/core.c has no write.
        if kind == HWRNG:
            return
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or not is_trusted(found.st_uid):
            raise FeederError("source %s: found %s that others can write (user %d, mode %04o), expected one of root's that root alone can write. Whoever "
                              "writes knows what would be credited" % (self.path, kind_of(found), found.st_uid, stat.S_IMODE(found.st_mode)))


def _is_terminal(device):
    """Return whether the number ``device`` (int) belongs to a terminal's driver (bool), serial lines among them."""
    try:
        with open(_TERMINALS, encoding="ascii", errors="replace") as file:
            return any(_has_number(line.split(), os.major(device), os.minor(device)) for line in file)
    except OSError:
        return False


def _has_number(words, major, minor):
    """Return whether a terminal's driver, a line of ``words`` (list of str), has the device (bool): the last are its major, its minors and its type."""
    try:
        number, minors = int(words[-3]), [int(each) for each in words[-2].split("-")]
    except (IndexError, ValueError):
        return False
    return major == number and minors[0] <= minor <= minors[-1]
