# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder's source: a file that is opened once, looked at, and read within a budget, whatever it does."""

import errno
import os
import stat

from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import CONSTANT, FILE, HWRNG, RANDOM, URANDOM, device_kind
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_reader import PATIENCE, Reader, in_words

_CURRENT = "/sys/class/misc/hw_random/rng_current"

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
        try:
            found = os.stat(self.path)
            # With a hand of its own on the other end a FIFO does not end with its writer: the next one goes on.
            access = os.O_RDWR if stat.S_ISFIFO(found.st_mode) else os.O_RDONLY
            # A serial line must not become the feeder's terminal.
            self._file = os.open(self.path, access | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise GoneError("%s: %s" % (self.path, in_words(error.errno))) from error
        try:
            self._check()
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
        """Raise FeederError where what is there now can never be a source; that nothing is there is no error."""
        try:
            self.open()
        except GoneError:
            return
        self.close()

    def read(self, most, seconds):
        """Yield bytes until there were ``most`` of them (int) or ``seconds`` (s) are over; raise GoneError where the source ends or fails."""
        self.look()
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
                name = file.read().strip()
        except OSError:
            return
        if name in ("", "none"):
            self.close()
            raise GoneError("%s: the kernel has no hardware source (rng_current is none): %s" % (self.path, os.strerror(errno.ENODEV)))
        self.name = name

    def _check(self):
        """Look at what was opened, not at its name: a link or another node of the same device is the same."""
        found = os.fstat(self._file)
        kind = device_kind(found)
        if kind in _REFUSED:
            raise FeederError("source %s: found %s, expected a hardware source such as /dev/hwrng" % (self.path, _REFUSED[kind]))
        if kind == FILE and not stat.S_ISFIFO(found.st_mode):
            raise FeederError("source %s: found neither a character device nor a FIFO; what a file holds is known to whoever can read it" % self.path)
        self._is_hwrng = kind == HWRNG
        self.look()
