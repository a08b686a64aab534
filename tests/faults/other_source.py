# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second hardware source for a guest's kernel: a module of a few lines, built in the guest's own Debian, as Debian's kernels have no other driver."""

import stat
import tarfile
import tempfile
from pathlib import Path

from lab import debian, place, shell

SOURCE = Path(__file__).resolve().with_name("other_source.c")
_PACKAGES = ("gcc", "make", "linux-headers-cloud-amd64")
_BUILD = '--customize-hook=chroot "$1" sh -c "make -s -C /usr/src/linux-headers-*-cloud-amd64 M=/source modules"'


def module(suite):
    """Return the file (Path) of the kernel module for ``suite``'s kernel: built now, or once before."""
    return debian.built_once("source", suite, debian.RECIPE + SOURCE.read_bytes() + _BUILD.encode(), lambda folder: _build(suite, folder)) / "other_source.ko"


def _build(suite, folder):
    shell.say("%s: build a kernel module (about a minute, once)" % suite)
    with tempfile.TemporaryDirectory(prefix="kvm-entropy-source.", dir=place.TEMPORARY) as work:
        given, made = Path(work, "given.tar"), Path(work, "made.tar")
        makefile = Path(work, "Makefile")
        makefile.write_text("obj-m := other_source.o\n")
        with tarfile.open(given, "w") as archive:
            for file in (SOURCE, makefile):
                archive.add(file, "source/" + file.name, filter=_plain)
        with open(made, "wb") as file:
            debian.fetch(suite, file, "minbase", _PACKAGES, ["--customize-hook=tar-in %s /" % given, _BUILD])
        with tarfile.open(made) as archive:
            (folder / "other_source.ko").write_bytes(archive.extractfile("./source/other_source.ko").read())


def _plain(entry):
    entry.uid = entry.gid = 0
    entry.mode = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH
    return entry
