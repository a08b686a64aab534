# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write, read and remove files of our own, and nothing else: no device, no link, no file of another user, and no name that others can exchange."""

import contextlib
import errno
import os
import stat

# Symbolic links that the kernel follows in one path (MAXSYMLINKS, include/linux/namei.h).
_MOST_LINKS = 40
# Far more than any file of ours has (bytes).
_MOST_BYTES = 1 << 20
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"), (stat.S_ISDIR, "a folder"), (stat.S_ISCHR, "a character device"), (stat.S_ISBLK, "a block device"),
    (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"),
)


class NotOwnError(OSError):
    """A path is refused. ``strerror`` (str) says what was found, what was expected and what to do."""

    def __init__(self, found, expected, remedy):
        super().__init__(errno.EPERM, "found %s, expected %s. %s" % (found, expected, remedy))


def kind_of(found):
    """Return what a file is by its ``found`` (os.stat_result), in words (str)."""
    return next((words for is_kind, words in _KINDS if is_kind(found.st_mode)), "a regular file")


def is_trusted(uid):
    """Return whether ``uid`` (int) is root's or this process's own (bool)."""
    return uid in (0, os.geteuid())


@contextlib.contextmanager
def opened_folder(path, may_be_others=False, is_read=False):
    """Yield (int, str): the open folder of the absolute ``path`` (str) and the name in it.

    Raise OSError, and NotOwnError where others could put something else there. What ``is_read`` (bool) alone, and whose owner the caller looks at, may be in a
    sticky folder and behind a symbolic link.

    Each folder on the way is opened from the one before, so that nobody can exchange one in between. None may be writable by others; a sticky one is
    accepted on the way, not as the last. With ``may_be_others`` (bool) folders may belong to another user: that user can lead the walk to no folder but
    such as he has, as a symbolic link is followed only where root alone can have made it.
    """
    left, seen, links = _names(path), "/", 0
    folder = os.open("/", _FOLDER)
    try:
        while True:
            found = os.fstat(folder)
            _check_folder(found, seen, may_be_sticky=is_read or len(left) > 1, may_be_others=may_be_others)
            name = left.pop(0)
            entry = _looked(name, folder)
            if entry is not None and stat.S_ISLNK(entry.st_mode) and (left or is_read):
                links += 1
                target = _followed(found, entry, os.path.join(seen, name), os.readlink(name, dir_fd=folder), links)
                left = ([each for each in target.split("/") if each] + left) or ["."]
                following, seen = ("/", "/") if target.startswith("/") else (".", seen)
            elif left:
                following, seen = name, os.path.join(seen, name)
            else:
                yield folder, name
                return
            folder = _stepped(folder, following)
    finally:
        os.close(folder)


def check_own(path, may_be_others=False, start=""):
    """Raise OSError, NotOwnError where ``replace_own`` would refuse ``path`` (str); nothing is opened but folders and a regular file of ours."""
    with opened_folder(path, may_be_others) as (folder, name):
        _check_file(folder, name, start)


def read_own(path, errors="replace"):
    """Return the text (str) of our file at ``path`` (str), None where there is none; raise OSError, NotOwnError.

    What is no UTF-8 is decoded as ``errors`` (str, as bytes.decode() takes it) says.
    """
    try:
        with opened_folder(path) as (folder, name):
            if _check_file(folder, name) is None:
                return None
            return _beginning(folder, name, _MOST_BYTES).decode("utf-8", errors)
    except FileNotFoundError:
        return None


def replace_own(path, text, may_be_others=False, start="", is_lasting=False, keeps_rights=False):
    """Make ``text`` (str) the content of ``path`` (str), as a whole or not at all; raise OSError, NotOwnError.

    A file that is there and not empty has to begin with ``start`` (str). ``is_lasting`` (bool) is for what has to survive a power failure.
    With ``keeps_rights`` (bool) a file that is there keeps its mode and group, and what ``read_own`` made of no UTF-8 by "surrogateescape" its bytes.
    """
    with opened_folder(path, may_be_others) as (folder, name):
        found = _check_file(folder, name, start)
        # Always the same name: the next write removes what a killed one has left.
        beside = name + ".new"
        _remove_beside(folder, beside)
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            with os.fdopen(file, "w", encoding="utf-8", errors="surrogateescape" if keeps_rights else "backslashreplace") as stream:
                stream.write(text)
                stream.flush()
                if keeps_rights and found is not None:
                    os.fchown(file, found.st_uid, found.st_gid)
                os.fchmod(file, stat.S_IMODE(found.st_mode) if keeps_rights and found is not None else 0o644)
                if is_lasting:
                    os.fsync(file)
            os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(beside, dir_fd=folder)
            raise
        if is_lasting:
            _sync(folder)


def remove_own(path):
    """Remove our file at ``path`` (str), where there is one; raise OSError, NotOwnError."""
    with opened_folder(path) as (folder, name):
        if _check_file(folder, name) is not None:
            os.unlink(name, dir_fd=folder)
            _sync(folder)


def _names(path):
    """Return the names (list of str) on the way of the absolute ``path`` (str)."""
    names = [name for name in path.split("/") if name not in ("", ".")]
    if not os.path.isabs(path) or not names or names[-1] == ".." or path.endswith(("/", "/.")):
        raise NotOwnError("no name of a file", "an absolute path", "Name a file.")
    if "\0" in path:
        raise NotOwnError("a NUL byte in the path", "a path without", "Name another file.")
    return names


def _looked(name, folder):
    """Return what ``name`` (str) in the open ``folder`` (int) is (os.stat_result), None where nothing is."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _stepped(folder, name):
    """Return the open folder (int) ``name`` (str) of ``folder`` (int), which is closed."""
    following = os.open(name, _FOLDER, dir_fd=folder)
    os.close(folder)
    return following


def _followed(found, entry, path, target, links):
    """Return ``target`` (str) of the link ``path`` (str) where only root can have made it: ``found`` is its folder's and ``entry`` its own os.stat_result."""
    if links > _MOST_LINKS:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not (is_trusted(found.st_uid) and is_trusted(entry.st_uid)):
        raise NotOwnError("the symbolic link %s, which another user can change" % path, "a folder", "Name the folder that it leads to.")
    return target


def _check_folder(found, path, may_be_sticky, may_be_others):
    """Raise NotOwnError where others can put something into the folder ``path`` (str), which is ``found`` (os.stat_result)."""
    expected = "one that root alone can write"
    is_sticky = may_be_sticky and found.st_mode & stat.S_ISVTX
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not is_sticky:
        raise NotOwnError("the folder %s, which others can write (mode %04o)" % (path, stat.S_IMODE(found.st_mode)), expected,
                          "Name a file in another folder, or take that right away.")
    if not (may_be_others or is_trusted(found.st_uid)):
        raise NotOwnError("the folder %s, which belongs to the user %d" % (path, found.st_uid), expected, "Name a file in another folder.")


def _check_file(folder, name, start=""):
    """Return what our file ``name`` (str) in ``folder`` (int) is (os.stat_result), None where there is none; raise NotOwnError where it is not ours."""
    found = _looked(name, folder)
    if found is None:
        return None
    expected, remedy = "a regular file of its own or none", "Name another file."
    if not stat.S_ISREG(found.st_mode):
        raise NotOwnError(kind_of(found), expected, remedy)
    if found.st_nlink != 1:
        raise NotOwnError("a file with %d names (hard links)" % found.st_nlink, expected, remedy)
    if not is_trusted(found.st_uid):
        raise NotOwnError("a file of the user %d" % found.st_uid, expected, remedy)
    if start and _beginning(folder, name, len(start)) not in (b"", start.encode()):
        raise NotOwnError("a file of another program (it does not begin with %r)" % start, expected, remedy)
    return found


def _beginning(folder, name, most):
    """Return the first ``most`` bytes (int) of the regular file ``name`` (str) in ``folder`` (int)."""
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder), "rb") as file:
        return file.read(most)


def _remove_beside(folder, name):
    """Remove what is at ``name`` (str) in ``folder`` (int) where an earlier write can have left it, or where it is but a link."""
    found = _looked(name, folder)
    if found is None:
        return
    if not (stat.S_ISLNK(found.st_mode) or (stat.S_ISREG(found.st_mode) and is_trusted(found.st_uid))):
        raise NotOwnError("%s at %s, where it is written first" % (kind_of(found), name), "nothing there", "Remove it.")
    os.unlink(name, dir_fd=folder)


def _sync(folder):
    """Write the names in ``folder`` (int) to the disk."""
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(readable)
    finally:
        os.close(readable)
