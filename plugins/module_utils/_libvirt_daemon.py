# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The daemon of this machine that serves a libvirt URI: which process it is, as which user it runs, and whether it sees the same files and network."""

import contextlib
import os
import socket
import stat
import struct
from typing import NamedTuple, Optional
from urllib.parse import parse_qs, urlsplit

from ansible_collections.kvm.entropy.plugins.module_utils._file_rights import User

# Where remoteGetUNIXSocket (src/remote/remote_sockets.c) looks, the daemon of QEMU alone before the one for all drivers.
_NAMES = ("virtqemud-sock", "libvirt-sock")
_SYSTEM = "/run/libvirt"

# struct ucred: process, user, group.
_PEER = struct.Struct("3i")
# A daemon that is stopped takes no connection; s.
_PATIENCE = 2


class Daemon(NamedTuple):
    """Its User where QEMU runs as the same, and whether it has this process's file systems and network (None: not known)."""

    user: User
    same_files: Optional[bool]
    same_network: Optional[bool]


NOBODY_KNOWN = Daemon(None, None, None)


def daemon(uri):
    """Return the Daemon behind a ``uri`` (str) of this machine; NOBODY_KNOWN where its socket is not found or does not tell."""
    for path in _sockets(uri):
        try:
            if stat.S_ISSOCK(os.stat(path).st_mode):
                return _asked(path)
        except (OSError, ValueError):
            continue
    return NOBODY_KNOWN


def _sockets(uri):
    parts = urlsplit(uri)
    given = parse_qs(parts.query).get("socket")
    if given:
        return given
    if parts.path == "/system":
        return [os.path.join(_SYSTEM, name) for name in _NAMES]
    if parts.path != "/session":
        return []
    # root's /session is no private one: virGetUserRuntimeDirectory() in src/util/virutil.c.
    folder = os.environ.get("XDG_RUNTIME_DIR") or os.path.join(os.path.expanduser("~"), ".cache")
    return [os.path.join(folder, "libvirt", name) for name in _NAMES]


def _asked(path):
    """Return the Daemon that listens at ``path`` (str). Of one that systemd starts for its first client it is systemd that listens, in the same place."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
        client.settimeout(_PATIENCE)
        client.connect(path)
        pid, uid, gid = _PEER.unpack(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    # A process outside this PID namespace has no number here.
    user = User(uid, gid, _groups(pid)) if uid >= 0 else None
    return Daemon(user, _same_files(pid), _same(pid, "net"))


def _groups(pid):
    """Return the further groups (frozenset of int) of a process."""
    try:
        with open("/proc/%d/status" % pid, encoding="utf-8", errors="replace") as file:
            line = next((line for line in file if line.startswith("Groups:")), "")
    except OSError:
        return frozenset()
    return frozenset(int(word) for word in line.split()[1:] if word.isdigit())


def _same_files(pid):
    """Return whether the process sees this one's root folder and /dev, None where that may not be asked.

    A mount namespace of its own proves nothing: a login's private /tmp (pam_namespace) and a service's sandbox have one as well.
    """
    is_same = _same(pid, "mnt")
    if is_same is not False or pid <= 0:
        return is_same
    try:
        return all(os.path.samestat(os.stat("/proc/%d/root%s" % (pid, folder)), os.stat(folder)) for folder in ("/", "/dev"))
    except OSError:
        return False


def _same(pid, kind):
    """Return whether the process has this one's namespace of the ``kind`` (str), None where that may not be asked."""
    if pid <= 0:
        return False
    try:
        return os.readlink("/proc/%d/ns/%s" % (pid, kind)) == os.readlink("/proc/self/ns/%s" % kind)
    except OSError:
        return None
