# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One real guest: its disk, its definition, its power, and SSH into it."""

import json
import os
import random
import shutil
import socket
import subprocess
import time

from lab import LabError, kvm, place, shell
from lab.domain_xml import definition
from lab.images import Image
from lab.patience import Patience

OPTIONS = {
    "bare": "no random source, which is also what a guest without an option has", "rng": "an rng device from the start",
    "full": "no free PCIe root port", "genid": "a VM generation ID", "agent": "the QEMU guest agent has its channel",
    "early": "the driver in its initramfs, and feeders' packages to install", "host": "a KVM host itself, with libvirt and QEMU inside",
    "off": "defined, not started"}

USERS = ("root", "user")
# Outside the kernel's range for outgoing connections (32768-60999), which might take a port while the guest is off.
_PORTS = range(20000, 32000)
# By whether KVM works: four times what was measured on two busy cores. It counts for an idle machine (patience.py).
_BOOT_SECONDS = {True: 60, False: 240}
_TOLD_EVERY = 20  # seconds of a boot


def kind_of(options):
    """Return the kind of disk (one of ``images.KINDS``) for a guest with ``options`` (names in OPTIONS)."""
    return "hosts" if "host" in options else "early" if "early" in options else "images"


class Guest:
    """Guest ``name`` of ``daemon``'s lab; made by ``create``, found again by its name."""

    def __init__(self, daemon, name, boot_timeout=None):
        self.daemon = daemon
        self.name = name
        self._boot_timeout = boot_timeout
        self.folder = daemon.state / "guests" / name

    @property
    def port(self):
        """The port (int) on 127.0.0.1 that leads to the guest's SSH."""
        return self._facts()["port"]

    @property
    def suite(self):
        """The Debian suite (str) that the guest runs."""
        return self._facts()["suite"]

    @property
    def is_host(self):
        """Whether the guest is a KVM host itself."""
        return self._facts()["is_host"]

    @property
    def console(self):
        """What the guest has written to its serial console so far (str), every boot after the other."""
        path = self.folder / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def state(self):
        """The domain's state (str) in virsh's words, as ``running`` or ``shut off``."""
        return self.daemon.virsh("domstate", self.name)

    def create(self, suite, options=()):
        """Make the guest's disk and define its domain with ``options`` (names in OPTIONS); return the guest. It is not started."""
        image = Image(suite, kind_of(options))
        self.folder.mkdir(parents=True)
        for each in (self.folder.parent, self.folder):
            each.chmod(0o755)
            place.give(each)
        disk = self.folder / "disk.qcow2"
        shell.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.disk, disk)
        place.give(disk)
        port = self._free_port()
        xml = self.folder / "domain.xml"
        xml.write_text(definition(self.name, self.folder, port, kvm=kvm.works(self.daemon.state), options=options))
        (self.folder / "guest.json").write_text(json.dumps({"suite": suite, "image": image.name, "is_host": "host" in options, "port": port}))
        self._allow_ssh(image, port)
        self.daemon.virsh("define", xml)
        return self

    def start(self, tries=3):
        """Start the guest and wait for SSH. A boot that does not get there, as some do under TCG, is tried again, ``tries`` in all."""
        for attempt in range(1, tries + 1):
            seen = len(self.console)
            self.daemon.virsh("start", self.name)
            if self.answers(seen):
                return self
            shell.say("%s: boot %d of %d did not reach SSH" % (self.name, attempt, tries))
            self._power_off()
        raise LabError("%s: no SSH after %d boots of at most %d s each on an idle machine (--boot-timeout gives them more); %s" % (
            self.name, tries, self._boot_seconds, self._last_words()))

    def stop(self, seconds=90):
        """Power the guest off gently; hard after ``seconds`` (of an idle machine). Off already: nothing is done."""
        patience = Patience(seconds)
        asked = 0
        self._hang_up()
        while self.state != "shut off":
            if not patience.left:
                shell.say("%s did not power off within %.0f s: power cut" % (self.name, patience.waited))
                self._power_off()
            elif time.monotonic() > asked + 15:  # again and again: a guest that is still booting ignores the power button
                self.daemon.virsh("shutdown", self.name)
                asked = time.monotonic()
            time.sleep(0.5)
        return self

    def restart(self):
        """Power the guest off and on, which applies its definition, and wait for SSH."""
        return self.stop().start()

    def reboot(self):
        """Reboot from the inside, which keeps the running devices and uses the initramfs that the guest made; wait for SSH."""
        seen = len(self.console)
        before = self._boot_id()
        # Not every guest's init is systemd.
        self.ssh("systemctl --no-block reboot || { (sleep 1; reboot) >/dev/null 2>&1 </dev/null & }")
        self._hang_up()
        patience = Patience(2 * self._boot_seconds)
        while patience.left:
            if self.answers(seen) and self._boot_id() not in (None, before):
                return self
            time.sleep(1)
        raise LabError("%s did not come back from a reboot within %.0f s; %s" % (self.name, patience.waited, self._last_words()))

    def answers(self, seen):
        """Wait until the guest has booted and SSH works; return whether it did. ``seen``: the console's length before this boot."""
        patience, told = Patience(self._boot_seconds), _TOLD_EVERY
        while patience.left:
            if "Kernel panic" in self.console[seen:] or self.state == "shut off":
                return False
            if self._greets():
                break
            if patience.waited > told:
                told += _TOLD_EVERY
                shell.say("%s: boots for %.0f s: %s" % (self.name, patience.waited, _last_line(self.console[seen:])))
            time.sleep(0.5)
        # A guest in the middle of its boot would refuse an ordinary user and show half of its services.
        words = [shell.tool("ssh"), *self.ssh_words()[1:], "systemctl is-system-running --wait"]
        left = patience.left
        try:
            return left > 0 and subprocess.run(words, timeout=left, check=False, capture_output=True,
                                               stdin=subprocess.DEVNULL).returncode != 255
        except subprocess.TimeoutExpired:
            return False

    def _boot_id(self):
        """Return the id (str) of the boot that runs; None while SSH does not work, as when the old boot is just ending."""
        try:
            return self.ssh("cat /proc/sys/kernel/random/boot_id")
        except LabError:
            return None

    def ssh(self, command, user="root", timeout=300):
        """Run ``command`` (str, for the guest's shell) over SSH; return its stdout (str). Raises LabError where it fails.

        Commands within a minute share a connection: under TCG a new one takes the guest two seconds of CPU time.
        """
        name, *words = self.ssh_words(user)
        return shell.run(name, *self._shared, *words, command, timeout=timeout)

    def ssh_words(self, user="root"):
        """Return the words (list of str) that begin an ssh command to the guest."""
        return ["ssh", *self.ssh_options(), "-o", "BatchMode=yes", "-i", str(self.key), "-p", str(self.port), "%s@127.0.0.1" % user]

    @property
    def key(self):
        """The private key (Path) for root and user."""
        return self.daemon.state / "ssh" / self._facts()["image"]

    def ssh_options(self):
        """Return ssh's options (list of str) that keep the person's own settings and known hosts out of it."""
        settings = {"UserKnownHostsFile": self.daemon.state / "ssh/known_hosts", "GlobalKnownHostsFile": "/dev/null",
                    "StrictHostKeyChecking": "yes", "IdentitiesOnly": "yes", "ConnectTimeout": "30"}
        return ["-F", "none", *[word for name, value in settings.items() for word in ("-o", "%s=%s" % (name, value))]]

    @property
    def _shared(self):
        """ssh's options (list of str) for a connection that later commands use as well."""
        return ["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", "ControlPath=%s/ssh/%%p-%%r" % self.daemon.state]

    def _hang_up(self):
        """End the shared connections, which a guest that goes down might leave hanging."""
        for user in USERS:
            name, *words = self.ssh_words(user)
            subprocess.run([shell.tool(name), *self._shared, "-O", "exit", *words], check=False, capture_output=True, stdin=subprocess.DEVNULL)

    def _facts(self):
        path = self.folder / "guest.json"
        if not path.exists():
            raise LabError("there is no guest %s in %s" % (self.name, self.daemon.folder))
        return json.loads(path.read_text())

    @property
    def _boot_seconds(self):
        """The longest boot (s) on an idle machine: as asked for, as the environment has it, or what is usual."""
        return self._boot_timeout or int(os.environ.get("KVM_ENTROPY_BOOT_TIMEOUT") or _BOOT_SECONDS[kvm.works(self.daemon.state)])

    def _last_words(self):
        """Return the words (str) of an error that show the console's end and name a copy of it that outlives the lab."""
        kept = place.keep(self.folder / "console.log", self.name) if self.console else "none was written"
        return "the end of its console (all of it: %s):\n%s" % (kept, shell.tail(self.console))

    def _free_port(self):
        taken = {json.loads(each.read_text())["port"] for each in self.folder.parent.glob("*/guest.json")}
        for port in random.sample(_PORTS, 200):  # noqa: S311 (no secret)
            with socket.socket() as probe:
                if port not in taken and probe.connect_ex(("127.0.0.1", port)):
                    return port
        raise LabError("no free port found on 127.0.0.1")

    def _allow_ssh(self, image, port):
        folder = self.daemon.state / "ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        key = folder / image.name
        if not key.exists():
            shutil.copyfile(image.key, key, follow_symlinks=False)
            key.chmod(0o600)
        with open(folder / "known_hosts", "a", encoding="utf-8") as file:
            file.write("[127.0.0.1]:%d %s\n" % (port, image.host_key))

    def _greets(self):
        """Return whether an SSH server is behind the port. QEMU accepts the connection in any case."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _power_off(self):
        self._hang_up()
        if self.state != "shut off":
            self.daemon.virsh("destroy", self.name)


def _last_line(console):
    """Return the last line (str) of a ``console`` that has something printable in it."""
    lines = ["".join(each for each in line if each.isprintable()).strip() for line in console[-2000:].splitlines()]
    return next((line for line in reversed(lines) if line), "nothing on its console yet")[:120]
