# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's choice among its hardware sources, read and written; nothing decided here."""

import errno
import os

from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._kernel import HW_RANDOM


class Sources:
    """The kernel's hardware sources. ``root`` (str) is where /sys is, for tests."""

    def __init__(self, root=""):
        self._folder = root + HW_RANDOM

    def state(self):
        """Return the dict: ``available`` (list of str), ``current`` (str), ``quality`` (int, None where there is none), ``has_quality`` (bool).

        ``has_quality`` is whether this kernel lets the quality be read and set (5.18 and newer). Raise EntropyError where there is no hwrng core.
        """
        if not os.path.isdir(self._folder):
            raise EntropyError("%s: not there: no driver of a hardware source is loaded. Give the guest its device and load virtio_rng "
                               "(role kvm.entropy.guest)." % self._folder)
        try:
            available, current, quality = self._read("rng_available").split(), self._read("rng_current"), self.quality()
        except OSError as error:
            raise EntropyError("%s: cannot be read: %s." % (self._folder, error.strerror)) from error
        return {
            "available": available,
            "current": current,
            "quality": quality,
            "has_quality": os.path.exists(self._folder + "rng_quality"),
        }

    def quality(self):
        """Return the current source's quality (int, of 1024), None where the kernel does not tell."""
        try:
            return int(self._read("rng_quality"))
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            # drivers/char/hw_random/core.c: rng_quality_show() without a current source.
            if error.errno == errno.ENODEV:
                return None
            raise EntropyError("%srng_quality: cannot be read: %s." % (self._folder, error.strerror)) from error

    def choose(self, name):
        """Make the source ``name`` (str) current."""
        self._write("rng_current", name)

    def set_quality(self, quality):
        """Make ``quality`` (int, of 1024) the current source's."""
        self._write("rng_quality", str(quality))

    def _read(self, name):
        with open(self._folder + name, encoding="ascii", errors="backslashreplace") as attribute:
            return attribute.read().strip(" \t\n\0")

    def _write(self, name, value):
        path = self._folder + name
        try:
            # One write, unbuffered: the kernel judges each write() by itself, and an error belongs to it and not to close().
            handle = os.open(path, os.O_WRONLY)
            try:
                os.write(handle, value.encode("ascii") + b"\n")
            finally:
                os.close(handle)
        except OSError as error:
            raise EntropyError("%s: the kernel refused %s: %s.%s" % (
                path, value, error.strerror, " It takes root." if error.errno in (errno.EACCES, errno.EPERM) else "")) from error
