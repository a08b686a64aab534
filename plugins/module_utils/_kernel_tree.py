# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a running system or of another tree (a mounted image, a container, an unpacked sosreport), none outside of it.

Another tree may hold anything, so each look at it is bounded: the bytes of a file, the names of a folder, and the path components of all looks.
"""

import errno
import itertools
import os
import stat

# The longest of the short files, /proc/sysinfo of s390x, has a few KiB; an attribute of sysfs has at most a page.
SHORT = 16 * 1024
# /proc/interrupts of a host with hundreds of CPUs is the longest file that is read whole: 10 bytes for each CPU and interrupt.
LONGEST = 4 * 1024 * 1024
# Of a log, the end counts: its last boot. A guest's has some hundred lines, a large host's some ten thousand.
MOST_LINES = 32768
# Folders of sysfs have hundreds of names; this is what is looked at in another tree.
MOST_NAMES = 4096
# A whole look takes a few hundred path components, and some ten for each PCI device. So many take about a second; so do 16 times as many names.
MOST_STEPS = 40000
NAMES_PER_STEP = 16
# MAXSYMLINKS in include/linux/namei.h.
MOST_LINKS = 40
# What below these is mounted from elsewhere is a running kernel's answer, and not that of the machine which the tree belongs to.
KERNEL_FOLDERS = ("proc", "sys")
# What stands around a value, in whatever order: a device tree's text ends with a NUL, an attribute's with a line end, and a vendor's may with both.
_BLANKS = " \t\n\r\v\f\0"


class Tree:
    """Reads below ``root`` (str). ``is_live`` (bool) is whether that is the running system itself."""

    def __init__(self, root="/"):
        """Raise OSError, or ValueError for a name that no file can have, where ``root`` cannot be opened as a folder."""
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        self._device = os.fstat(self._root).st_dev
        self.is_live = os.path.samestat(os.fstat(self._root), os.stat("/"))
        # The running system's own links may lead anywhere; elsewhere they are resolved before a name is opened.
        self._last = 0 if self.is_live else os.O_NOFOLLOW
        self.refused = {}
        self._steps = 0

    def close(self):
        """Give the folder back."""
        os.close(self._root)

    def text(self, path, most=SHORT):
        """Return the text (str) in the file ``path``, without white space and NULs around it, or None: see ``data``."""
        content = self.data(path, most)
        return None if content is None else content.decode("utf-8", "replace").strip(_BLANKS)

    def roots_text(self, path, most=SHORT):
        """Return ``text(path, most)`` where only root can have written it, else None: neither the file nor its folder may be writable by others."""
        if all(self._is_roots(each) for each in (path, path.rpartition("/")[0])):
            return self.text(path, most)
        return None

    def tail(self, path):
        """Return ``text(path)`` of whole lines at the end of the file: ``MOST_LINES`` at most, in ``LONGEST`` bytes."""
        content = self.data(path, LONGEST, from_end=True)
        if content is None:
            return None
        lines = content.rsplit(b"\n", MOST_LINES)
        is_cut = len(content) == LONGEST or len(lines) > MOST_LINES
        return b"\n".join(lines[is_cut:]).decode("utf-8", "replace").strip(_BLANKS)

    def data(self, path, most=SHORT, from_end=False):
        """Return what the file ``path`` (str, absolute in the tree) holds, at most ``most`` bytes of its start (or end); None where there is none.

        ``refused`` (dict) then has the path and the error's name (str, such as ``EACCES``), if it is there but not to be read.
        """
        def read(handle, size):
            if from_end:
                os.lseek(handle, max(0, size - most), os.SEEK_SET)
            return _all(handle, most)
        return self.use(path, read)

    def use(self, path, work):
        """Return ``work(handle, size)`` for the regular file ``path``, open for reading (int) and of ``size`` bytes; None where there is none: see ``data``."""
        def opened(folder, name):
            # It is looked at first: to open a FIFO wakes its writer, and to open a device may act on it.
            _check_regular(os.stat(name, dir_fd=folder, follow_symlinks=self.is_live))
            handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | self._last, dir_fd=folder)
            try:
                found = os.fstat(handle)
                _check_regular(found)
                return work(handle, found.st_size)
            finally:
                os.close(handle)
        return self._at(path, opened)

    def names(self, path):
        """Return the sorted names (list of str) in the folder ``path``, None where there is none.

        Names that are no UTF-8 are left out. Of another tree's folder ``MOST_NAMES`` are returned at most; ``refused`` tells where there are more.
        """
        def listed(folder, name):
            handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | self._last, dir_fd=folder)
            try:
                return self._listed(handle, path)
            finally:
                os.close(handle)
        return self._at(path, listed)

    def target(self, path):
        """Return where the symbolic link ``path`` itself points to (str), None where there is no link."""
        above, _slash, name = path.rpartition("/")

        def link(folder, last):
            handle = os.open(last, os.O_PATH | os.O_DIRECTORY | self._last, dir_fd=folder)
            try:
                return os.fsencode(os.readlink(name, dir_fd=handle)).decode("utf-8", "replace")
            finally:
                os.close(handle)
        return self._at(above or "/", link)

    def has(self, path):
        """Return whether ``path`` is there (bool)."""
        return self.look(path) is not None

    def look(self, path):
        """Return what ``path``, or what it links to, is (os.stat_result), None where it is not there."""
        return self._at(path, lambda folder, name: os.stat(name, dir_fd=folder))

    def count(self, steps):
        """Count ``steps`` (int: path components) that are taken in another tree; raise OSError where there were too many."""
        self._steps += steps
        if self._steps > MOST_STEPS:
            raise OSError(errno.EDQUOT, "too much to look at")

    def _listed(self, handle, path):
        if self.is_live:
            return sorted(filter(_is_text, os.listdir(handle)))
        # Python 3.6 scans no open folder.
        with os.scandir(handle if os.scandir in os.supports_fd else "/proc/self/fd/%d" % handle) as entries:
            names = [entry.name for entry in itertools.islice(entries, MOST_NAMES + 1)]
        self.count(len(names) // NAMES_PER_STEP)
        if len(names) > MOST_NAMES:
            self.refused[path] = errno.errorcode[errno.EOVERFLOW]
        return sorted(filter(_is_text, names[:MOST_NAMES]))

    def _is_roots(self, path):
        found = self._at(path, lambda folder, name: os.stat(name, dir_fd=folder, follow_symlinks=False))
        return found is not None and found.st_uid == 0 and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)

    def _at(self, path, use):
        """Return ``use(folder, name)`` for the resolved ``path``: an open folder (int, or None) and a name in it; None where that fails."""
        try:
            if self.is_live:
                return use(None, path)
            with _Walk(self, self._root, self._device) as walk:
                return use(*walk.to(path))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                self.refused[path] = errno.errorcode.get(error.errno, str(error.errno))
        except ValueError:
            # A path with a NUL, of a name that another file told.
            self.refused[path] = errno.errorcode[errno.EINVAL]
        return None


class _Walk:
    """A walk below a folder that follows symbolic links as a process would that has this folder as its root."""

    def __init__(self, tree, root, device):
        self._tree = tree
        self._root = root
        self._device = device
        self._open = []

    def __enter__(self):
        return self

    def __exit__(self, *_unused):
        for handle in self._open:
            os.close(handle)

    def to(self, path):
        """Return the folder (int) and the name (str) in it that ``path`` leads to; the name is no symbolic link and exists."""
        left = path.split("/")[::-1]
        of_kernel = path.split("/")[1] in KERNEL_FOLDERS
        trail = [(self._root, ".")]
        links = 0
        while left:
            name = left.pop()
            self._tree.count(1)
            if name in ("", "."):
                continue
            if name == "..":
                trail = trail[:-1] or trail
                continue
            parent = self._folder(trail)
            target = _link(parent, name)
            if target is None:
                trail.append((parent, name))
                continue
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, "too many symbolic links", path)
            left.extend(target.split("/")[::-1])
            trail = trail[:1] if target.startswith("/") else trail
        if of_kernel and os.fstat(trail[-1][0]).st_dev != self._device:
            raise OSError(errno.EXDEV, "a mount of this machine's own kernel", path)
        return trail[-1]

    def _folder(self, trail):
        """Return the open folder (int) at the end of ``trail``."""
        parent, name = trail[-1]
        if name == ".":
            return parent
        handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        self._open.append(handle)
        return handle


def _link(parent, name):
    """Return what the symbolic link ``name`` in the folder ``parent`` (int) holds, None where it is none; raise OSError where it is nothing."""
    if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        return os.readlink(name, dir_fd=parent)
    return None


def _check_regular(found):
    """Raise OSError unless ``found`` (os.stat_result) is that of a regular file."""
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "no regular file")


def _is_text(name):
    """Return whether the file's ``name`` (str) is UTF-8, and so can be a fact (bool)."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _all(handle, most):
    pieces, size = [], 0
    while size < most:
        # A file of /proc that grows with each read is asked for in large pieces, so that it is one moment's answer.
        piece = os.read(handle, min(most - size, 65536))
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
