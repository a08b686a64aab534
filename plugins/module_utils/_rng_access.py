# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether QEMU, as the user as whom it will run, may open what a device reads from. Only for a daemon of this machine."""

import os
from typing import NamedTuple, Optional

from ansible_collections.kvm.entropy.plugins.module_utils import _libvirt_daemon, _options, _qemu_user, _refusals, _rng_listeners
from ansible_collections.kvm.entropy.plugins.module_utils._file_rights import READ, SEARCH, WRITE, User, right
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import is_local

# What every user may read, every policy of SELinux and AppArmor for QEMU allows, and libvirt's default cgroup_device_acl has.
_COMMON = ("/dev/random", "/dev/urandom")
# What such a user may do, all may: an owner, group or ACL that has less than the others is no way to keep QEMU out.
_ANYBODY = User(2 ** 32 - 2, 2 ** 32 - 2, frozenset())
_SELINUX, _APPARMOR = "/sys/fs/selinux/enforce", "/sys/module/apparmor/parameters/enabled"


class _Qemu(NamedTuple):
    """Whether there is one, whether a daemon of root's starts it as another user, and as which User it runs with a domain that names none (None: not known)."""

    is_known: bool
    is_privileged: bool
    user: Optional[User]


class Access:
    """Asks for the domains of one ``connection`` (with ``uri`` and ``capabilities()``); ``unchecked`` (list of str) is what could not be told."""

    def __init__(self, connection):
        self._connection = connection
        self._is_local = is_local(connection.uri)
        self._told = {}
        self._daemon = None
        self._asked = None
        self.unchecked = []

    @property
    def daemon(self):
        """The Daemon, None on another machine."""
        if self._is_local and self._daemon is None:
            self._daemon = _libvirt_daemon.daemon(self._connection.uri)
        return self._daemon

    def once(self, function, *arguments):
        """Return what ``function`` returns for these ``arguments`` (hashable) about this machine, which is looked at once for all domains."""
        asked = function, arguments
        if asked not in self._told:
            self._told[asked] = function(*arguments)
        return self._told[asked]

    def why_not(self, device, xml) -> Optional[str]:
        """Return why QEMU may not open the source of ``device`` (dict) in the domain of ``xml`` (str); None where it may, or where that is not known."""
        if device["backend"] == "builtin" or self.daemon is None or self.daemon.same_files is False:
            return None
        if device["backend"] == "random":
            return self._why_no_file(device["path"], xml)
        if device["egd"]["type"] in ("tcp", "udp"):
            return next(filter(None, (self._why_no_port(device["egd"]["type"], source, xml) for source in device["egd"]["sources"])), None)
        if device["egd"]["type"] != "unix":
            return None
        return next(filter(None, (self._why_no_socket(source, xml) for source in device["egd"]["sources"])), None)

    def _why_no_file(self, path, xml):
        if path not in _COMMON and self._qemu().is_privileged:
            self._note(f"backend path {_options.shown(path)}: not checked against {_limits()}")
        why = self._why_not(os.path.join("/", path), READ, xml)
        return why and f"backend path {_options.shown(path)}: {why}. QEMU runs as that user. Give /dev/urandom, or give that user the right (a udev rule)"

    def _why_no_port(self, kind, source, xml):
        """Return why QEMU's user may not listen on the port of a ``source``: those below a limit are root's."""
        port = _rng_listeners.port_of(source.get("service", ""), kind) if source.get("mode") == "bind" else None
        first = _first_for_all() if port and self.daemon.same_network is not False else 0
        if not port or port >= first or not self._qemu().is_known:
            return None
        user = self._qemu().user and _qemu_user.of_domain(xml, self._qemu().user)
        if user is None or user.uid == 0:
            return None
        return (f"egd: {kind} port {source['service']}: only root may listen below {first}, and QEMU runs as the user {user.uid}. Give a port from {first} "
                "on, or a unix socket")

    def _why_no_socket(self, source, xml):
        path = source.get("path", "")
        if source.get("mode") != "bind":
            why = None if source.get("reconnect") else self._why_not(path, WRITE, xml)
            return why and f"egd: socket {_options.shown(path)}: {why}. QEMU runs as that user. Give it the right, or another socket"
        folder = os.path.dirname(path) or "/"
        why = self._why_not(folder, WRITE | SEARCH, xml)
        if why and self._qemu().is_privileged:
            # libvirt makes the socket at a start (qemuOpenChrChardevUNIXSocket in src/qemu/qemu_command.c), QEMU itself when the device is plugged.
            self._note(f"whether the socket {_options.shown(path)} can be made while a domain runs: {why}")
            return None
        return why and f"egd: socket {_options.shown(path)} cannot be made: {why}. QEMU runs as that user. Give a folder of its own"

    def _why_not(self, path, wanted, xml):
        """Return why QEMU's user has not the right that is ``wanted`` (str); None where it has, and where that is not known."""
        if self.once(_is_for_all, path, wanted) or not self._qemu().is_known:
            return None
        user = self._qemu().user and _qemu_user.of_domain(xml, self._qemu().user)
        if user is None:
            self._note(f"whether QEMU may open {_options.shown(path)}: as which user it runs is not known here")
            return None
        found = self.once(right, user, path, wanted)
        if found.granted is None:
            self._note(f"whether QEMU may open {_options.shown(path)}: {found.reason}")
        return found.reason if found.granted is False else None

    def _qemu(self):
        """Return the _Qemu. libvirt is asked once, and only where not everybody may open a source: it may look at every emulator there is to answer."""
        if self._asked is None:
            capabilities = self._connection.capabilities()
            try:
                base = capabilities and _qemu_user.of_host(capabilities)
            except _refusals.RefusedError:
                base = None
            # Without the driver DAC QEMU runs as the daemon itself.
            self._asked = _Qemu(bool(capabilities), bool(base), base or self.daemon.user)
        return self._asked

    def _note(self, text):
        if text not in self.unchecked:
            self.unchecked.append(text)


def _is_for_all(path, wanted):
    """Return whether every user has the right that is ``wanted``, or ``path`` (str) is missing, or hidden from this process, which is told elsewhere."""
    return not os.path.lexists(path) or bool(right(_ANYBODY, path, wanted).granted)


def _first_for_all():
    """Return the first port (int) on which every user may listen, 0 where that is not known."""
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="utf-8") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _limits():
    """Return in words what else may keep QEMU from opening a file on this machine, and is not asked."""
    active = [name for name, path in (("SELinux", _SELINUX), ("AppArmor", _APPARMOR)) if _is_on(path)]
    return ", ".join(active) + (" and " if active else "") + "the cgroup's device list"


def _is_on(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip() in ("1", "Y")
    except OSError:
        return False
