# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build images of an initramfs anew, with the way back: a copy of each is kept until the new ones were looked into."""

import contextlib
import glob
import os
import shutil
import stat
from typing import Dict, List, Optional

from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

# Of root alone, and not where others can put something: copies are of images that root alone may read. The folder above it has virt_restart's records too.
COPIES = "/var/lib/kvm-entropy/initramfs"
# Where builders have their temporary files (TMPDIR, which mkinitramfs(8) and dracut(8) honour): those of a killed one go with the copies.
TEMPORARY = COPIES + "/build"
# In it is a file for each image with the names that were not beside it before the build.
_ABSENT = COPIES + "/absent"
# What a killed build may leave beside the image: update-initramfs of initramfs-tools writes .new first, that and dracut's keep the old image as .dpkg-bak
# (generate_initramfs() and backup_initramfs() there), dracut 112 writes .tmp first (outfile_final), and ``put_back`` .kvm-entropy.
_BESIDE = (".new", ".dpkg-bak", ".tmp", ".kvm-entropy")
# What may be needed beyond the old image's size: a driver has some 20 KiB, and what else was updated since comes with it.
_GROWTH = 8 << 20
_MIB = 1 << 20


def command(builder, image: str, release: str) -> List[str]:
    """Return the command that builds the ``image`` (path) for the kernel ``release`` by ``builder`` (``_initramfs_builder.Builder``). Pure."""
    if os.path.basename(builder.program) == "update-initramfs":
        return [builder.program, "-u", "-k", release]
    return [builder.program, "--force", image, release]


def refusal(builder, image: str, release: str) -> Optional[str]:
    """Return why ``image`` (path) of the kernel ``release`` cannot be built by ``builder``, None where it can. Pure."""
    if image.endswith(".efi"):
        return "it is a unified kernel image"
    if os.path.basename(builder.program) == "update-initramfs" and os.path.basename(image) != "initrd.img-" + release:
        return "%s builds no image of this name" % builder.program
    return None


class Copies:
    """Copies of images; ``root`` (str) is where /boot and /var are, for tests."""

    def __init__(self, root: str = ""):
        self._root = root
        self._folder = root + COPIES
        self._absent = root + _ABSENT
        self._copies: Dict[str, str] = {}

    def check(self, images: List[str]) -> None:
        """Raise EntropyError where ``images`` (paths) cannot be copied, or be built for want of room."""
        total = 0
        for image in images:
            size = os.stat(self._root + image).st_size
            total += size
            folder = os.path.dirname(self._root + image)
            self._check_room(folder, size + _GROWTH, "the new image is written before the old one goes. Remove kernels that are not needed any more")
        self._check_room(self._root + "/var/lib", total, "the old images are copied to %s first. Make room there" % COPIES)

    def _check_room(self, folder: str, needed: int, why: str) -> None:
        found = os.statvfs(folder)
        free = found.f_bfree * found.f_frsize
        if free < needed:
            raise EntropyError("%s: found %d MiB free, expected %d MiB to build the initramfs: %s. Nothing was changed." % (
                folder[len(self._root):] or "/", free // _MIB, needed // _MIB + 1, why))
        if found.f_flag & os.ST_RDONLY:
            raise EntropyError("%s: it is mounted read-only. Mount it for writing (mount -o remount,rw), and run this again. Nothing was changed." % (
                folder[len(self._root):] or "/"))

    def keep(self, images: List[str]) -> None:
        """Copy ``images`` (paths). What an interrupted run has left is removed first."""
        try:
            self.drop()
            os.makedirs(os.path.dirname(self._folder), 0o700, exist_ok=True)
            os.mkdir(self._folder, 0o700)
            os.mkdir(self._root + TEMPORARY, 0o700)
            self._note_absent(images)
            for number, image in enumerate(images):
                copy = os.path.join(self._folder, "%d-%s" % (number, os.path.basename(image)))
                shutil.copy2(self._root + image, copy)
                self._copies[image] = copy
        except OSError as error:
            self.drop()
            raise EntropyError("%s: the images cannot be copied there: %s. The initramfs and its settings were not changed." % (
                COPIES, error.strerror or error)) from error

    def _note_absent(self, images: List[str]) -> None:
        """Note which names are not there, that a killed build may leave."""
        with open(self._absent, "wb") as file:
            file.write(b"\0".join(os.fsencode(image + end) for image in images for end in _BESIDE if not os.path.lexists(self._root + image + end)))

    def is_left(self) -> bool:
        """Return whether a run that was interrupted has left its copies."""
        return os.path.lexists(self._folder)

    def put_back(self, image: str) -> bool:
        """Have ``image`` (path) as it was, and return whether it was another; raise OSError."""
        copy, path = self._copies[image], self._root + image
        if _is_same(copy, path):
            return False
        before = os.stat(copy)
        beside = path + ".kvm-entropy"
        try:
            _copy(copy, beside, before)
            os.rename(beside, path)
        except OSError:
            # No room for both: what is there is worth less than what was.
            _remove(beside)
            _remove(path)
            _copy(copy, path, before)
        return True

    def set_aside(self) -> None:
        """Move the copies to where the next run, which begins with ``drop``, leaves them alone."""
        number = 1
        while os.path.lexists("%s.%d" % (self._folder, number)):
            number += 1
        with contextlib.suppress(OSError):
            os.rename(self._folder, "%s.%d" % (self._folder, number))
            self._copies = {image: "%s.%d/%s" % (self._folder, number, os.path.basename(copy)) for image, copy in self._copies.items()}

    def where(self, image: str) -> str:
        """Return where the copy of ``image`` is."""
        return self._copies[image][len(self._root):]

    def drop(self) -> List[str]:
        """Remove the copies, and what a killed build has left; return the paths of the latter. The caller holds the lock, so that no build goes on."""
        left = self.left()
        for path in left:
            _remove(self._root + path)
        if os.path.islink(self._folder):
            os.unlink(self._folder)
        elif os.path.isdir(self._folder):
            shutil.rmtree(self._folder)
        # Others may have something there.
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self._folder))
        self._copies = {}
        return left

    def left(self) -> List[str]:
        """Return the paths beside images that were not there before a build that was killed, are root's, and that nobody has open."""
        try:
            with open(self._absent, "rb") as file:
                names = [os.fsdecode(name) for name in file.read().split(b"\0") if name]
        except OSError:
            return []
        return [name for name in names if name.endswith(_BESIDE) and _is_ours(self._root + name)]


def _is_ours(path: str) -> bool:
    """Return whether ``path`` is a regular file of root's that no process has open: another builder may have begun to write it."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == 0 and not any(_is_of(handle, found) for handle in glob.iglob("/proc/[0-9]*/fd/*"))


def _is_of(handle: str, found: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(handle), found)
    except OSError:
        # It is closed by now.
        return False


def _is_same(one: str, other: str) -> bool:
    """Return whether two files hold the same."""
    try:
        with open(one, "rb") as first, open(other, "rb") as second:
            while True:
                piece = first.read(_MIB)
                if piece != second.read(_MIB):
                    return False
                if not piece:
                    return True
    except FileNotFoundError:
        return False


def _copy(source: str, target: str, rights: os.stat_result) -> None:
    """Write ``target`` with what ``source`` holds and its ``rights``, to the disk."""
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream, open(source, "rb") as old:
        shutil.copyfileobj(old, stream, _MIB)
        stream.flush()
        os.fsync(stream.fileno())
        # vfat has neither.
        with contextlib.suppress(PermissionError):
            os.fchown(stream.fileno(), rights.st_uid, rights.st_gid)
            os.fchmod(stream.fileno(), stat.S_IMODE(rights.st_mode))
            os.utime(stream.fileno(), ns=(rights.st_atime_ns, rights.st_mtime_ns))


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
