# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole lab: the daemon, several guests started side by side, and the Ansible inventory of both."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import LabError, kvm, place, shell
from lab.daemon import Daemon
from lab.debian import check
from lab.guest import OPTIONS, Guest, kind_of
from lab.images import Image

_STARTED_AT_ONCE = 2  # more only take each other's time on two cores, and boots then run into their deadline


class Lab:
    """The lab in ``folder`` with ``guests``: strings as ``name=suite`` or ``name=suite,rng``. ``with Lab(...) as lab``: up, then down.

    libvirtd and QEMU are this machine's own, or those of a Debian suite, ``libvirt``. ``boot_timeout`` (s) is a boot's limit on an idle machine.
    """

    def __init__(self, folder, guests=(), libvirt=None, boot_timeout=None):
        self.folder = Path(folder).absolute()
        self.daemon = Daemon(folder, libvirt)
        self._boot_timeout = boot_timeout
        self._wanted = [_parse(text) for text in guests]

    @property
    def inventory(self):
        """The Ansible inventory (Path) with the groups kvm_hosts and kvm_guests."""
        return self.folder / "inventory.yml"

    @property
    def guests(self):
        """The lab's guests (dict: name to Guest)."""
        found = sorted((self.daemon.state / "guests").glob("*/guest.json"))
        return {path.parent.name: Guest(self.daemon, path.parent.name) for path in found}

    def up(self):
        """Start everything; return the lab. Whatever goes wrong, Ctrl-C included, nothing is left behind."""
        if self.inventory.exists():
            raise LabError("there is a lab in %s already: `lab down` removes it" % self.folder)
        try:
            for suite, kind in dict.fromkeys((suite, kind_of(options)) for _name, suite, options in self._wanted):
                Image(suite, kind)
            shell.say("start libvirtd in %s" % self.folder)
            self.daemon.start()
            shell.say("guests run with %s" % ("KVM" if kvm.works(self.daemon.state) else "QEMU's TCG: KVM does not work here"))
            self._start_guests()
            self.inventory.write_text(self._inventory())
        except BaseException:
            self.down()
            raise
        shell.say("the lab is up; inventory: %s" % self.inventory)
        return self

    def down(self):
        """Remove everything: guests, daemon, files. Nothing there: nothing is done."""
        self.inventory.unlink(missing_ok=True)
        self.daemon.remove()

    def __enter__(self):
        return self.up()

    def __exit__(self, *_unused):
        self.down()

    def _start_guests(self):
        for name, suite, options in self._wanted:
            Guest(self.daemon, name).create(suite, options)
        starting = [name for name, _suite, options in self._wanted if "off" not in options]
        pool = ThreadPoolExecutor(_STARTED_AT_ONCE)
        try:
            list(pool.map(self._start, starting))
        finally:
            # After a failure the other guests' waiting ends when down() takes their daemon away.
            pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, name):
        guest = Guest(self.daemon, name, self._boot_timeout)
        shell.say("%s: boot %s, console in %s" % (name, guest.suite, guest.folder / "console.log"))
        guest.start()
        shell.say("%s: SSH answers on 127.0.0.1 port %d" % (name, guest.port))

    def _inventory(self):
        lines = ["# Written by the lab; gone when it is.", "kvm_hosts:", "  hosts:", "    labhost:", "      ansible_connection: local",
                 "      ansible_python_interpreter: /usr/bin/python3", "      entropy_host_uri: %s" % self.daemon.uri]
        if not place.as_root():  # the daemon is the user's own, and the packages are there
            lines += ["      ansible_become: false", "      entropy_host_install: false"]
        lines += ["    %s:" % name for name, guest in self.guests.items() if guest.is_host]
        lines += ["kvm_guests:"]
        lines += ["  hosts:"] if self.guests else ["  hosts: {}"]
        for name, guest in self.guests.items():
            lines += ["    %s:" % name, "      ansible_host: 127.0.0.1", "      ansible_port: %d" % guest.port, "      ansible_user: root",
                      "      ansible_ssh_private_key_file: %s" % guest.key,
                      "      ansible_ssh_common_args: %s" % " ".join(guest.ssh_options()),
                      "      ansible_python_interpreter: /usr/bin/python3"]
        return "\n".join(lines) + "\n"


def _parse(text):
    """Return (name, suite, options) of a guest written as ``name=suite[,option...]``."""
    name, _equals, rest = text.partition("=")
    suite, *options = rest.split(",")
    if not name or not rest:
        raise LabError("guest %r: expected NAME=SUITE[,OPTION...]" % text)
    check(suite)
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise LabError("guest %s: unknown option %s; there are %s" % (name, ", ".join(unknown), ", ".join(OPTIONS)))
    return name, suite, options
