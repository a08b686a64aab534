# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private, unprivileged libvirtd that lives in one folder and shares nothing with the machine's own."""

import os
import re
import signal
from pathlib import Path

from lab import LabError, kvm, place, shell, tls
from lab.userland import Userland

_ADOPT = Path(__file__).with_name("adopt.py")


class Daemon:
    """The libvirtd of the lab in ``folder``. ``with Daemon(folder) as daemon`` starts it and removes every trace at the end.

    libvirtd and QEMU are this machine's own, or those of a Debian ``suite``. With a ``tls_port`` (int) it listens there on loopback, too.
    ``language`` (str, as ``de``) is what its errors are in.
    """

    def __init__(self, folder, suite=None, tls_port=None, language="en"):
        self.folder = Path(folder).absolute()
        self._userland = Userland(suite)
        self._tls_port = tls_port
        self._language = language

    @property
    def state(self):
        """The folder (Path) that holds everything of this lab; short, plain, and open to the lab's unprivileged user."""
        state = place.find_state(self.folder)
        if state is None:
            raise LabError("there is no lab in %s: start one with `lab up` or `lab host`" % self.folder)
        return state

    @property
    def uri(self):
        """The URI (str) to connect to. Not ``qemu:///session``: as root that is the machine's own libvirt."""
        return "qemu+unix:///session?socket=%s/run/libvirt/libvirt-sock" % self.state

    @property
    def tls_uri(self):
        """The URI (str) by which another machine would reach it."""
        return "qemu+tls://localhost:%d/session?pkipath=%s/pki" % (self._tls_port, self.state)

    @property
    def pid(self):
        """The daemon's process id (int), or None where it does not run."""
        found = shell.processes(self.state, "libvirtd")
        return found[0] if found else None

    def start(self):
        """Start the daemon, which finds its running guests again; return itself. Running already: nothing is done."""
        place.make_state(self.folder)
        if self.pid:
            return self
        self._make_folders()
        self._launch()
        if not self.pid:
            raise LabError("libvirtd ended at once; its log:\n%s" % self._log())
        # The first question makes libvirt probe QEMU (a second or two under TCG); later ones are answered from its cache.
        self.virsh("version")
        return self

    def stop(self):
        """Stop the daemon as a service manager would; its guests run on."""
        if self.pid:
            shell.end([self.pid], grace=20)

    def kill(self):
        """Kill the daemon in the middle of whatever it does (SIGKILL); its guests run on."""
        pid = self.pid
        if pid:
            os.kill(pid, signal.SIGKILL)
            shell.wait_gone([pid], 10)

    def remove(self):
        """End the daemon and every guest, remove every file of the lab. Also after a start that failed half-way, and twice."""
        if place.find_state(self.folder):
            self.kill()
            shell.end(shell.processes(self.state, "libvirtd", "qemu-system-"), grace=1)
        place.remove_state(self.folder)

    def virsh(self, *words, timeout=120):
        """Run virsh with ``words`` on this daemon; return its stdout (str)."""
        return shell.run("virsh", "--quiet", "--connect", self.uri, *words, timeout=timeout).rstrip("\n")

    def versions(self):
        """Return what really runs (dict of str): libvirt, QEMU, the bindings that go with them, and these bindings' Python."""
        told = self.virsh("version", "--daemon")
        ask = "import importlib.metadata, platform; print(importlib.metadata.version('libvirt-python'), platform.python_version())"
        bindings, python = shell.run(self._userland.python, "-c", ask).split()
        return {"libvirt": re.search(r"Running against daemon: (\S+)", told)[1], "QEMU": re.search(r"Running hypervisor: QEMU (\S+)", told)[1],
                "bindings": bindings, "Python": python}

    def connect(self, read_only=False):
        """Return a libvirt connection (virConnect) from the system's bindings; the caller closes it."""
        import libvirt  # here, so that the quick guests and the command line need no bindings
        return libvirt.openReadOnly(self.uri) if read_only else libvirt.open(self.uri)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *_unused):
        self.remove()

    def _launch(self):
        with open(self.state / "libvirtd.log", "a", encoding="utf-8") as log:
            try:
                shell.run("/usr/bin/python3", _ADOPT, *self._userland.words, *place.lab_user(kvm.groups(self.state)), shell.tool("libvirtd"),
                          "--daemon", *(["--listen"] if self._tls_port else []), "--pid-file", self.state / "run/libvirtd.pid",
                          env=self._environment(), cwd="/", timeout=60, stdout=log, stderr=log)
            except LabError as error:
                raise LabError("%s%s" % (error, self._log())) from None

    def _log(self):
        return shell.tail((self.state / "libvirtd.log").read_text())

    def _make_folders(self):
        for name in ("home", "run", "config", "config/libvirt", "cache", "data", "tmp"):
            folder = self.state / name
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)
            place.give(folder)
        settings = self.state / "config/libvirt/qemu.conf"
        # "file": else libvirt starts a virtlogd of its own that outlives it.
        settings.write_text('stdio_handler = "file"\n')
        settings.chmod(0o644)
        if self._tls_port and not (self.state / "pki").exists():
            (self.state / "config/libvirt/libvirtd.conf").write_text(tls.settings(self.state / "pki", self._tls_port))

    def _environment(self):
        folders = {"HOME": "home", "XDG_RUNTIME_DIR": "run", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache",
                   "XDG_DATA_HOME": "data", "TMPDIR": "tmp"}
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "LANGUAGE": self._language,
                **{name: str(self.state / folder) for name, folder in folders.items()}}
