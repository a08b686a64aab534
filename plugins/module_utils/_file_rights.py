# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rights a user has to a path of this machine, by owner, group, mode and POSIX ACL of the file and of each folder on the way to it."""

import os
import stat
import struct
from typing import FrozenSet, NamedTuple, Optional

# Symbolic links that the kernel follows in one path (MAXSYMLINKS, include/linux/namei.h).
_MOST_LINKS = 40

READ, WRITE, SEARCH = 4, 2, 1
_VERBS = {READ: "read", WRITE: "write to", SEARCH: "search", WRITE | SEARCH: "write to"}

# include/uapi/linux/posix_acl.h and posix_acl_xattr.h: a version (32 bits), then entries of tag and permissions (16 bits) and an id (32 bits).
_ACL = "system.posix_acl_access"
_VERSION, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20


class User(NamedTuple):
    """A process's user: ids, and all the groups that it is in."""

    uid: int
    gid: int
    groups: FrozenSet[int]


class Right(NamedTuple):
    """Whether it is there (None: not known), and why not (str)."""

    granted: Optional[bool]
    reason: str


def right(user, path, wanted):
    """Return the Right of ``user`` (User) to do ``wanted`` (READ, WRITE, SEARCH or several) with the absolute ``path`` (str).

    root's is always granted: which capabilities its process has is not known. SELinux, AppArmor and cgroups are not asked.
    """
    if user.uid == 0:
        return Right(True, "")
    try:
        return _walked(user, path, wanted)
    except OSError as error:
        return Right(None, "%s cannot be looked at: %s" % (path, error.strerror))


def _walked(user, path, wanted):
    left, seen, links = _names(path), "/", 0
    while left:
        if not _granted(user, seen, os.stat(seen), SEARCH):
            return _refused(user, "the folder %s" % seen, os.stat(seen), SEARCH)
        name = left.pop(0)
        if name == "..":
            seen = os.path.dirname(seen)
            continue
        here = os.path.join(seen, name)
        if stat.S_ISLNK(os.lstat(here).st_mode):
            links += 1
            if links > _MOST_LINKS:
                return Right(None, "%s has too many symbolic links" % path)
            target = os.readlink(here)
            seen, left = "/" if target.startswith("/") else seen, _names(target) + left
        else:
            seen = here
    found = os.stat(seen)
    what = "the folder %s" % seen if stat.S_ISDIR(found.st_mode) else seen
    return Right(True, "") if _granted(user, seen, found, wanted) else _refused(user, what, found, wanted)


def _names(path):
    return [name for name in path.split("/") if name not in ("", ".")]


def _refused(user, what, found, wanted):
    return Right(False, "the user %d (groups %s) may not %s %s (mode %04o, owner %d:%d)" % (
        user.uid, ", ".join(map(str, sorted(user.groups | {user.gid}))), _VERBS[wanted], what, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid))


def _granted(user, path, found, wanted):
    """Return whether the file ``found`` (os.stat_result) at ``path`` grants it, as acl_permission_check() in fs/namei.c decides."""
    mode = found.st_mode
    if user.uid == found.st_uid:
        return _has(mode >> 6, wanted)
    # The kernel does not ask an ACL whose mask, which stands in the place of the group's mode, has nothing.
    entries = _acl(path) if mode & stat.S_IRWXG else []
    if entries:
        return _granted_by_acl(user, found, entries, wanted)
    return _has(mode >> 3 if found.st_gid in user.groups | {user.gid} else mode, wanted)


def _granted_by_acl(user, found, entries, wanted):
    """Return the same by the ``entries`` (list of (tag, permissions, id)) of an ACL, as posix_acl_permission() in fs/posix_acl.c decides."""
    groups = user.groups | {user.gid}
    mask = next((permissions for tag, permissions, _id in entries if tag == _MASK), READ | WRITE | SEARCH)
    named = next((permissions for tag, permissions, uid in entries if tag == _USER and uid == user.uid), None)
    if named is not None:
        return _has(named & mask, wanted)
    of_groups = [permissions for tag, permissions, gid in entries
                 if (tag == _GROUP_OBJ and found.st_gid in groups) or (tag == _GROUP and gid in groups)]
    if of_groups:
        return any(_has(permissions & mask, wanted) for permissions in of_groups)
    return any(_has(permissions, wanted) for tag, permissions, _id in entries if tag == _OTHER)


def _acl(path):
    """Return the entries (list of (tag, permissions, id)) of the ACL of ``path`` (str); none where it has none, or its file system knows none."""
    try:
        text = os.getxattr(path, _ACL)
    except OSError:
        return []
    whole = len(text) - (len(text) - _VERSION.size) % _ENTRY.size
    return list(_ENTRY.iter_unpack(text[_VERSION.size:whole])) if len(text) > _VERSION.size else []


def _has(permissions, wanted):
    return permissions & wanted == wanted
