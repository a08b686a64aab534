# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the cases that take a whole guest: Debian over SSH, with its domain on a real libvirt. Each guest goes from fault to fault.

A look is that of an auditor: the guest is observed over SSH, its domains are read by ``virt_rng_info`` on the host.
"""

import io
import json
import re
import subprocess
import time
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

from entropy_quick import COLLECTION, INSIDE, UTILITIES
from lab.fleet import Lab
from lab.guest import Guest
from lab.images import REPOSITORY
from virt_host import Host

from faults.recording import HOST, domains_of, record

RNG = '<rng model="virtio"><backend model="random">/dev/urandom</backend></rng>'
SLOW = '<rng model="virtio"><rate bytes="5" period="1000"/><backend model="random">/dev/urandom</backend></rng>'
RARE = '<rng model="virtio"><rate bytes="64" period="600000"/><backend model="random">/dev/urandom</backend></rng>'
ZEROS = '<rng model="virtio"><backend model="random">/dev/zero</backend></rng>'
# Longer than it takes to fill a guest's buffer of 64 bytes at 5 bytes per second.
FIRST_CREDIT = 14

# The utilities lie beside it in one archive, from which Python imports.
_OBSERVE = """
import json, sys
sys.path.insert(0, sys.argv[1] + "/collections")
from ansible_collections.kvm.entropy.plugins.module_utils import _initramfs, _kernel
asked = json.loads(sys.argv[2])
found = {"initramfs": _initramfs.examine()} if asked.pop("initramfs", False) else {}
print(json.dumps(dict(found, seen=_kernel.observe(**asked))))
"""


class LabGuests:
    """The lab's guests, what is done to them, and what looks at them show."""

    def __init__(self, lab):
        self._daemon = lab.daemon
        self._host = Host(lab.daemon, lab.folder)

    def guest(self, name):
        """Return the lab's guest (lab.guest.Guest) ``name``."""
        return Guest(self._daemon, name)

    def seen(self, name, user="root", **asked):
        """Return what guest ``name`` showed ``user`` (dict): ``seen``, of ``_kernel.observe`` with what is ``asked`` of it, and ``initramfs``, where asked."""
        words = self.guest(name).ssh_words(user)
        target = "kvm-entropy-look"
        command = "cat >%s && python3 -c '%s' %s '%s'" % (target, _OBSERVE, target, json.dumps(asked))
        done = subprocess.run(words + [command], input=_archive(), stdout=subprocess.PIPE, check=True, timeout=120)
        return json.loads(done.stdout)

    def look(self, name, user="root", uuid=None, **asked):
        """Return the record (dict) of guest ``name`` and its host, as they are now."""
        half = dict(self.seen(name, user, **asked), **({"uuid": uuid} if uuid else {}))
        return record(name, {HOST: {"domains": domains_of(self._host, name), "seen_of": "healthy-6.12"}}, {name: half}, half["seen"]["now"])

    def attach(self, name, xml, *scopes):
        """Give the domain ``name`` the device ``xml`` (str), in the ``scopes`` (virsh's words)."""
        self._with_file(name, xml, "attach-device", scopes)

    def detach(self, name, xml, *scopes):
        """Take the device ``xml`` (str) from the domain ``name``, in the ``scopes`` (virsh's words)."""
        self._with_file(name, xml, "detach-device", scopes)

    def virsh(self, *words):
        """Run virsh with ``words`` on the lab's libvirt."""
        return self._daemon.virsh(*words)

    def device(self, name, *words):
        """Return the first device (XML, str) of the domain ``name``; ``words`` are dumpxml's."""
        return re.search(r"<rng.*?</rng>", self.virsh("dumpxml", name, *words), re.DOTALL)[0]

    def install(self, name, *packages):
        """Install ``packages`` (names) in guest ``name`` from what waits there; nothing that this starts is left running."""
        files = " ".join("%s/%s_*.deb" % (REPOSITORY, package) for package in packages)
        self.guest(name).ssh("dpkg --force-depends --install %s/lib*.deb %s >/dev/null 2>&1; systemctl daemon-reload" % (REPOSITORY, files))

    def _with_file(self, name, xml, command, scopes):
        # One for each domain, as two stories go on side by side.
        path = self._daemon.state / ("%s-device.xml" % name)
        path.write_text(xml)
        path.chmod(0o644)
        self.virsh(command, name, path, *scopes)


def _archive():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in (COLLECTION / UTILITIES).glob("_*.py"):
            archive.writestr("%s/%s" % (INSIDE.lstrip("/"), path.name), path.read_text(encoding="utf-8"))
        folder = ""
        for part in ("collections", "ansible_collections", "kvm", "entropy", "plugins", "module_utils"):
            folder = "%s%s/" % (folder, part)
            archive.writestr(folder + "__init__.py", "")
    return packed.getvalue()


# --- the stories: each yields (case, record), in this order on its guest ---------------------------------------------------------------

def _healthy(case):
    def story(lab, name):
        yield case, lab.look(name)
    return story


def _trixie(lab, name):
    guest = lab.guest(name)
    healthy = lab.look(name)
    yield "healthy-debian-13", healthy
    yield "guest-without-host", dict(healthy, hosts={})
    yield "user-view", lab.look(name, user="user")
    yield "user-view-with-uuid", lab.look(name, user="user", uuid=lab.virsh("domuuid", name).strip())

    lab.virsh("suspend", name)
    time.sleep(5)
    lab.virsh("resume", name)
    yield "suspended", lab.look(name)

    lab.detach(name, lab.device(name, "--inactive"), "--config")
    yield "running-not-defined", lab.look(name)
    lab.attach(name, RNG, "--config")
    lab.attach(name, RNG, "--config", "--live")
    yield "two-devices", lab.look(name)
    lab.detach(name, lab.device(name, "--inactive"), "--config")
    guest.restart()

    lab.install(name, "rng-tools5", "haveged")
    guest.ssh("systemctl disable --now haveged; systemctl enable --now rngd")
    yield "rngd-useless", lab.look(name)
    guest.ssh("systemctl kill --signal=KILL rngd; sleep 1")
    yield "rngd-dead", lab.look(name)
    _run_rngd(guest, "-f -r /dev/urandom")
    yield "rngd-fake", lab.look(name)
    guest.ssh("systemctl disable --now rngd; systemctl enable --now haveged; sleep 1")
    yield "haveged-useless", lab.look(name)
    guest.ssh("systemctl stop haveged; sed 's/^\\[Unit\\]/[Unit]\\nConditionKernelVersion=<5.6/' /usr/lib/systemd/system/haveged.service "
              ">/etc/systemd/system/haveged.service; systemctl daemon-reload; systemctl start haveged; sleep 1")
    yield "haveged-left-out", lab.look(name)
    guest.ssh("systemctl disable haveged")

    # The log's buffer has 128 KiB or more here: many long lines push the boot out of it.
    guest.ssh("for number in $(seq 3000); do echo \"<6>$number $(printf '%0200d' 0)\"; done >/dev/kmsg")
    # The journal has the start of the boot still.
    guest.ssh("journalctl --flush; journalctl --rotate; journalctl --vacuum-time=1us; rm -f /run/log/journal/*/system@*")
    yield "log-rotated", lab.look(name)


def _plain(lab, name):
    guest = lab.guest(name)
    yield "no-genid", lab.look(name)
    lab.install(name, "rng-tools5")
    guest.ssh("ln -s /dev/urandom /dev/good-source")
    _run_rngd(guest, "-f -r /dev/good-source")
    yield "rngd-fake-by-link", lab.look(name)
    guest.ssh("rm -r /etc/systemd/system/rngd.service.d; systemctl enable rngd; systemctl mask --now rngd; sleep 1")
    yield "rngd-masked", lab.look(name)


def _eyes(lab, name):
    guest = lab.guest(name)
    uuid = lab.virsh("domuuid", name).strip()
    other = "other-" + name
    first, second = lab.look(name), lab.look(name)
    yield "two-names", dict(second, guests={name: first["guests"][name], other: second["guests"][name]})

    lab.install(name, "rng-tools5")
    _run_rngd(guest, "-f -o /dev/random -r /dev/hwrng")
    yield "rngd-names-its-output", lab.look(name)
    guest.ssh("mount -o remount,hidepid=2 /proc")
    yield "processes-hidden", lab.look(name, user="user", uuid=uuid)
    guest.ssh("mount -o remount,hidepid=0 /proc")
    _run_rngd(guest, "-fr/dev/urandom")
    yield "rngd-fake-in-one-word", lab.look(name)
    guest.ssh("systemctl disable --now rngd")

    lab.detach(name, lab.device(name), "--live")
    guest.ssh("while test -e /sys/bus/virtio/drivers/virtio_rng/virtio*; do sleep 0.5; done")
    yield "unplugged", lab.look(name)


def _run_rngd(guest, options):
    """Have rngd's unit run it with these ``options`` (str) from now on."""
    guest.ssh("mkdir -p /etc/systemd/system/rngd.service.d; printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/rngd %s\\n' "
              ">/etc/systemd/system/rngd.service.d/options.conf; systemctl daemon-reload; systemctl restart rngd; sleep 2; "
              "systemctl is-active rngd" % options)


def _rebuilt(lab, name):
    lab.guest(name).ssh("rm /usr/share/initramfs-tools/modules.d/lab; update-initramfs -u -k all", timeout=900)
    yield "initramfs-rebuilt-without-driver", lab.look(name, initramfs=True)


def _again(lab, name):
    guest = lab.guest(name)
    # The buffers of the driver that is loaded now are counted anew; the first comes at once.
    guest.ssh("modprobe -r virtio_rng; sleep 1; modprobe virtio_rng; sleep 2")
    yield "driver-reloaded", lab.look(name)
    guest.restart()
    lab.install(name, "rng-tools5", "haveged")
    guest.ssh("systemctl enable --now rngd haveged; sleep 2; systemctl is-active rngd haveged")
    yield "two-feeders", lab.look(name)


def _forky(lab, name):
    yield "healthy-debian-14", lab.look(name)
    lab.virsh("managedsave", name)
    lab.virsh("start", name)
    yield "restored", lab.look(name)


def _bare(lab, name):
    guest = lab.guest(name)
    yield "no-device", lab.look(name)
    lab.install(name, "rng-tools5")
    guest.ssh("systemctl enable --now rngd; sleep 2; systemctl is-active rngd || true")
    yield "rngd-dead-and-no-device", lab.look(name)
    guest.ssh("systemctl disable rngd")
    lab.attach(name, RNG, "--config")
    yield "defined-not-running", lab.look(name)
    lab.attach(name, RNG, "--live")
    guest.ssh("until test -d /sys/bus/virtio/drivers/virtio_rng; do sleep 0.5; done; sleep 2")
    yield "plugged-late", lab.look(name)


def _blacklisted(lab, name):
    guest = lab.guest(name).start()
    guest.ssh("echo blacklist virtio_rng >/etc/modprobe.d/kvm-entropy-test.conf")
    guest.restart()
    yield "driver-blacklisted", lab.look(name)


def _slow(lab, name):
    lab.attach(name, SLOW, "--config")
    guest = lab.guest(name).start()
    guest.ssh("sleep %d" % FIRST_CREDIT)
    yield "rate-starves", lab.look(name)
    lab.detach(name, SLOW, "--config")
    lab.attach(name, RARE, "--config")
    guest.restart().reboot()
    guest.ssh("sleep %d" % FIRST_CREDIT)
    yield "rebooted-within-period", lab.look(name)


def _stuck(lab, name):
    lab.attach(name, ZEROS, "--config")
    lab.guest(name).start()
    yield "stuck", lab.look(name, health_bytes=20000, health_timeout=10)


class Story(namedtuple("Story", "guest tell cases")):
    """How the lab is asked for a ``guest`` (str), what happens to it (``tell`` yields a case and its record), and the ``cases`` that this gives."""


STORIES = {
    "trixie": Story("trixie,early,rng,genid", _trixie, (
        "healthy-debian-13", "guest-without-host", "user-view", "user-view-with-uuid", "suspended", "running-not-defined", "two-devices", "rngd-useless",
        "rngd-dead", "rngd-fake", "haveged-useless", "haveged-left-out", "log-rotated")),
    "bare": Story("bookworm,early", _bare, ("no-device", "rngd-dead-and-no-device", "defined-not-running", "plugged-late")),
    "forky": Story("forky,early,rng,genid", _forky, ("healthy-debian-14", "restored")),
    "eyes": Story("trixie,early,rng,genid", _eyes, (
        "two-names", "rngd-names-its-output", "processes-hidden", "rngd-fake-in-one-word", "unplugged")),
    "again": Story("trixie,early,rng,genid", _again, ("driver-reloaded", "two-feeders")),
    "rebuilt": Story("trixie,early,rng,genid", _rebuilt, ("initramfs-rebuilt-without-driver",)),
    "plain": Story("trixie,early,rng", _plain, ("no-genid", "rngd-fake-by-link", "rngd-masked")),
    "late": Story("trixie,rng", _healthy("driver-late"), ("driver-late",)),
    "bullseye": Story("bullseye,early,rng", _healthy("healthy-debian-11"), ("healthy-debian-11",)),
    "bookworm": Story("bookworm,early,rng", _healthy("healthy-debian-12"), ("healthy-debian-12",)),
    "old": Story("bullseye", _healthy("early-reads"), ("early-reads",)),
    "blacklisted": Story("bookworm,rng,off", _blacklisted, ("driver-blacklisted",)),
    "slow": Story("bookworm,early,off", _slow, ("rate-starves", "rebooted-within-period")),
    "stuck": Story("bookworm,early,off", _stuck, ("stuck",)),
}


def make(folder, names, done):
    """Bring up the guests ``names`` (keys of STORIES) in a lab in ``folder``, two at a time, and call ``done(case, record)`` for each case."""
    def tell(name):
        for case, made in STORIES[name].tell(lab, name):
            done(case, made)

    with Lab(folder, ["%s=%s" % (name, STORIES[name].guest) for name in names]) as running, ThreadPoolExecutor(2) as pool:
        lab = LabGuests(running)
        list(pool.map(tell, names))
