# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another Debian's libvirt, QEMU and Python: a suite's /usr, seen by the processes that are started in it and by nobody else.

All else (/etc, /dev, /proc, sockets, the lab's files) is the machine's own and keeps its path, so that a daemon in there is found, reached
and ended like any other. Installed is nothing: the packages are unpacked into the cache, once.
"""

import tempfile
from pathlib import Path

from lab import debian, place, shell

# libc-bin has the locale C.UTF-8, without which nothing is translated.
PACKAGES = ("coreutils", "dash", "libc-bin", "libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-l10n", "python3", "python3-libvirt",
            "qemu-system-x86", "qemu-utils", "util-linux")
RECIPE = Path(__file__).read_bytes()

_ENTER = Path(__file__).resolve().with_name("in-userland").read_bytes()
_PYTHON = b'#!/bin/sh\nexec "${0%/*}/in-userland" /usr/bin/python3 "$@"\n'
_MERGED = ("bin", "lib", "lib64", "sbin")  # links into usr, which bookworm's packages do not bring along


class Userland:
    """The programs of ``suite``, fetched when first asked for; None: this machine's own."""

    def __init__(self, suite=None):
        self.suite = suite
        if suite:
            debian.check(suite)

    @property
    def words(self):
        """The words (list of str) before a command that is to run in it."""
        return [str(self._folder / "in-userland")] if self.suite else []

    @property
    def python(self):
        """The path (str) of an interpreter that has its libvirt bindings."""
        return str(self._folder / "python3") if self.suite else "/usr/bin/python3"

    @property
    def _folder(self):
        return debian.built_once("userland", self.suite, debian.RECIPE + RECIPE + _ENTER, self._build)

    def _build(self, folder):
        shell.say("%s: fetch libvirt, QEMU and Python (about half a minute, once)" % self.suite)
        with tempfile.TemporaryFile(dir=place.TEMPORARY) as tarball, tempfile.TemporaryDirectory(dir=folder) as root:
            debian.fetch(self.suite, tarball, "extract", PACKAGES)
            tarball.seek(0)
            for name in _MERGED:
                Path(root, "usr", name).mkdir(parents=True)
                Path(root, name).symlink_to("usr/" + name)
            # Without owners and permissions: nothing in the cache may be setuid root.
            shell.run("tar", "-x", "-C", root, "--keep-directory-symlink", "--no-same-owner", "--no-same-permissions", "--exclude=./dev",
                      stdin=tarball)
            Path(root, "usr").rename(folder / "usr")
        for name, script in (("in-userland", _ENTER), ("python3", _PYTHON)):
            (folder / name).write_bytes(script)
            (folder / name).chmod(0o755)
