# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lab's command line can do."""

import argparse
import os
import shutil
import signal
import sys

from lab import LabError, place, shell
from lab.daemon import Daemon
from lab.debian import SUITES
from lab.fleet import Lab
from lab.guest import OPTIONS, USERS, Guest
from lab.images import Image
from lab.shell import say, tool

_GUESTS = ("demo=bullseye",)
_NEXT = """try the playbooks on it, where Ansible and the collection are installed:
    ansible-playbook -i %s kvm.entropy.audit
    ansible-playbook -i %s kvm.entropy.site
lab: and in the end: ./run lab down%s"""

_MMDEBSTRAP_REFUSED = "unable to pick chroot mode automatically"  # mmdebstrap(1), --mode=auto: no root, no user namespace, no fakechroot
_NO_NAMESPACES = """
lab: an ordinary user needs user namespaces to build a guest's disk, and this machine or container does not allow them: run the command as
    root, or allow them (sysctl user.max_user_namespaces, and entries for the user in /etc/subuid and /etc/subgid)"""


def up(options):
    """start libvirtd and guests, wait for SSH, write DIR/inventory.yml"""
    lab = Lab(options.dir, options.guest or _GUESTS, boot_timeout=options.boot_timeout).up()
    say(_NEXT % (lab.inventory, lab.inventory, "" if options.dir == place.default_folder() else " --dir %s" % options.dir))


def host(options):
    """start libvirtd alone and print its URI"""
    print(Daemon(options.dir).start().uri)


def down(options):
    """remove guests, daemon and files; what stays is the cache"""
    Lab(options.dir).down()
    say("nothing of the lab in %s is left" % options.dir)


def uri(options):
    """print the URI of the lab's libvirtd"""
    print(Daemon(options.dir).uri)


def restart(options):
    """power a guest off gently and on again, wait for SSH"""
    say("%s: power off and on" % options.name)
    Guest(Daemon(options.dir), options.name, options.boot_timeout).restart()


def reboot(options):
    """reboot a guest from the inside, wait for SSH"""
    say("%s: reboot" % options.name)
    Guest(Daemon(options.dir), options.name, options.boot_timeout).reboot()


def ssh(options):
    """run a command in a guest, or open a shell there"""
    words = Guest(Daemon(options.dir), options.name).ssh_words(options.user)
    sys.stdout.flush()
    os.execv(tool("ssh"), words + options.words)  # noqa: S606 (ssh takes over the terminal and the exit status)


def daemon(options):
    """stop, kill (-9) or start libvirtd under the running guests"""
    getattr(Daemon(options.dir), options.action)()


def clean(_options):
    """remove the lab of the default folder and all that is in the cache: disks, kernels, libvirts of other Debians, kept consoles"""
    Lab(place.default_folder()).down()
    base = place.cache_base()
    users = shell.processes(base, "libvirtd", "qemu-system-", "mmdebstrap", "python") if base.exists() else []
    if others := [pid for pid in users if pid != os.getpid()]:
        raise LabError("processes %s use %s: end their labs first (lab down --dir DIR)" % (", ".join(map(str, others)), base))
    shutil.rmtree(base, ignore_errors=True)


def images(options):
    """build the cached disks of suites, and nothing else"""
    for suite in options.suites or SUITES:
        print(Image(suite).disk)


def main(arguments=None):
    """Run the command line; return its exit status (int)."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        options.command(options)
    except LabError as error:
        print("lab: error: %s%s" % (error, _NO_NAMESPACES if _MMDEBSTRAP_REFUSED in str(error) else ""), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130
    return 0


def _interrupt(number, _frame):
    signal.signal(number, signal.SIG_IGN)  # the clean-up that follows is short, and a second Ctrl-C must not stop it
    raise KeyboardInterrupt


def _parser():
    parser = argparse.ArgumentParser(prog="lab", description="A libvirt of its own and real Debian guests, for tests and the demo.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    added = {}
    for command in (up, host, down, uri, restart, reboot, ssh, daemon, images, clean):
        added[command.__name__] = commands.add_parser(command.__name__, help=command.__doc__)
        added[command.__name__].set_defaults(command=command)
        if command not in (images, clean):
            added[command.__name__].add_argument("--dir", default=place.default_folder(), help="the lab's folder (default: %(default)s)")
        if command in (up, restart, reboot):
            added[command.__name__].add_argument("--boot-timeout", type=int, metavar="SECONDS", help=(
                "a boot's time limit on an idle machine, which grows with the load (default: 60 with KVM, 240 without, or $KVM_ENTROPY_BOOT_TIMEOUT)"))
    added["up"].add_argument("--guest", action="append", default=[], metavar="NAME=SUITE[,OPTION...]", help=(
        "default: %s; suites: %s; options: %s" % (" ".join(_GUESTS), ", ".join(SUITES), ", ".join("%s (%s)" % each for each in OPTIONS.items()))))
    for name in ("restart", "reboot", "ssh"):
        added[name].add_argument("name", help="the guest")
    added["ssh"].add_argument("--user", default="root", choices=USERS, help="user is an ordinary account without sudo")
    added["ssh"].add_argument("words", nargs="*", help="the command, after --")
    added["daemon"].add_argument("action", choices=("start", "stop", "kill"))
    added["images"].add_argument("suites", nargs="*", metavar="SUITE", help="all where none is named")
    return parser
