# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the cases that nobody can log in to, and those of a fleet: domains on one or two real libvirts, beside guests that were seen before."""

import json
import os
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from lab import place
from lab.daemon import Daemon
from virt_host import RNG, Host

from faults.cases import record_of
from faults.recording import HOST, SOUND, WITHOUT_SOURCE, domains_of, record

OTHER_HOST = "kvm2"
# As virt-install and virt-manager define a Windows guest.
WINDOWS = "<acpi/><hyperv><relaxed state='on'/><vapic state='on'/><spinlocks state='on' retries='8191'/></hyperv>"
GENID = "<genid/>"
HWRNG = RNG.replace("/dev/urandom", "/dev/hwrng")
# A guest that has the device and is sound, seen by its first process; its UUID is entropy_quick's.
INSIDE = "healthy-6.12"
UUID = "<uuid>2c12a822-84af-424b-91cf-7470bde43aa8</uuid>"
# Of another domain than the guest's own.
OTHER_UUID = "6f1b3c0e-5d4a-4c1e-9a7d-0b2e8f4c6a15"
# No daemon made it; where QEMU listens, it is made at the start.
SOCKET = "/var/lib/libvirt/qemu/egd.sock"
EGD = "<rng model='virtio'><backend model='egd' type='unix'><source mode='%s' path='%s'/></backend></rng>"
EGD_PORT = "<rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' host='127.0.0.1' service='1'/><protocol type='raw'/></backend></rng>"
UNSERVED_UUID = "c2a1f5de-0c37-4b8e-a5d2-7f0f6d3b9e48"
DAY, HOUR = 86400, 3600


def _host_half(host, *names, seen_of=SOUND, backends=False, **more):
    return dict({"domains": domains_of(host, *names, backends=backends), "seen_of": seen_of}, **more)


def _domain(host, name, expect="host-only", **more):
    """Return the record of the domain ``name`` on ``host``, as nothing but its host tells."""
    half = _host_half(host, name, expect=expect, **more)
    return record(name, {HOST: half}, {}, half["domains"]["gathered_at"])


def _guest(age=0, **more):
    """Return the half (dict) of the guest that is sound, as it was ``age`` (s) ago."""
    seen = dict(record_of(INSIDE)["guests"]["guest"]["seen"], now=int(time.time()) - age)
    return dict({"seen": seen}, **more)


def _fleet(hosts, **guests):
    return record("guest" if guests else "web", hosts, guests, int(time.time()))


def domains(host):
    """Yield (case, record) of each case that one ``host`` (virt_host.Host) tells."""
    host.define("bare", head=GENID)
    yield "domain-without-device", _domain(host, "bare")
    host.define("unsafe", HWRNG, head=GENID)
    yield "unsafe-backend", _domain(host, "unsafe", seen_of=WITHOUT_SOURCE)
    host.define("zeros", RNG.replace("/dev/urandom", "/dev/zero"), head=GENID, start=True)
    yield "stuck-backend", _domain(host, "zeros")
    # The same bytes at each start; then QEMU finds the file's end.
    fixed = host.daemon.state / "seed.bin"
    fixed.write_bytes(os.urandom(4096))
    fixed.chmod(0o644)
    host.define("fixed", RNG.replace("/dev/urandom", str(fixed)), head=GENID, start=True)
    # Where it lies belongs to one run.
    yield "file-backend", json.loads(json.dumps(_domain(host, "fixed", backends=True)).replace(str(fixed), "/srv/seed.bin"))
    host.define("gone", RNG.replace("/dev/urandom", "/dev/TrueRNG"), head=GENID)
    yield "backend-gone", _domain(host, "gone", backends=True)
    host.define("egd-gone", EGD % ("connect", SOCKET), head=GENID)
    yield "egd-daemon-gone", _domain(host, "egd-gone", backends=True)
    # Where the private daemon's QEMU may make one belongs to one run.
    own = host.daemon.state / "run/egd.sock"
    host.define("egd-listens", EGD % ("bind", own), head=GENID)
    yield "egd-listens", json.loads(json.dumps(_domain(host, "egd-listens", backends=True)).replace(str(own), SOCKET))
    host.define("unserved", RNG, head="<uuid>%s</uuid>%s" % (UNSERVED_UUID, GENID), start=True)
    host.define("unserved", EGD_PORT, head="<uuid>%s</uuid>%s" % (UNSERVED_UUID, GENID))
    yield "egd-port-unserved", _domain(host, "unserved", backends=True)
    head = "<uuid>%s</uuid>%s" % (OTHER_UUID, GENID)
    host.define("repaired", RNG.replace("/dev/urandom", "/dev/zero"), head=head, start=True)
    host.define("repaired", RNG, head=head)
    yield "repaired-not-restarted", _domain(host, "repaired")
    host.virsh("destroy", "repaired")
    host.virsh("undefine", "repaired")
    link = host.daemon.state / "trng"
    link.symlink_to("/dev/zero")
    host.define("link", RNG.replace("/dev/urandom", str(link)), head=GENID, start=True)
    yield "stuck-by-link", json.loads(json.dumps(_domain(host, "link", backends=True)).replace(str(link), "/dev/trng"))
    host.define("windows", RNG, head=GENID, features=WINDOWS, start=True)
    yield "windows", _domain(host, "windows")
    yield "windows-not-said", _domain(host, "windows", expect="auto")
    host.create("transient", devices=RNG, head=GENID)
    yield "transient", _domain(host, "transient")
    host.define("saved", RNG, head=GENID, start=True)
    host.virsh("managedsave", "saved")
    yield "managed-save-with-device", _domain(host, "saved")
    host.define("saved-before", head=GENID, start=True)
    host.virsh("managedsave", "saved-before")
    host.virsh("attach-device", "saved-before", host.device_file(RNG), "--config")
    yield "managed-save", _domain(host, "saved-before")


def fleets(first, second):
    """Yield (case, record) of each case that takes two hosts (virt_host.Host), or a guest and the time."""
    first.define("web", RNG, head=UUID + GENID, start=True)
    here = _host_half(first, "web")
    yield "host-without-guest", _fleet({HOST: here})
    yield "unreachable-with-yesterdays-facts", _fleet({HOST: here}, guest=_guest(DAY - HOUR, error="Failed to connect to the host via ssh"))
    yield "sudo-asks", _fleet({HOST: here}, guest=_guest(DAY - HOUR, look_failed="Missing sudo password"))
    yield "stale", _fleet({HOST: here}, guest=_guest(2 * DAY))
    yield "clock-ahead", _fleet({HOST: here}, guest=_guest(-3 * DAY))
    second.define("web", RNG, head=UUID + GENID)
    yield "one-uuid-off-elsewhere", _fleet({HOST: here, OTHER_HOST: _host_half(second, "web")}, guest=_guest())
    second.virsh("start", "web")
    yield "one-uuid-running-twice", _fleet({HOST: _host_half(first, "web"), OTHER_HOST: _host_half(second, "web")}, guest=_guest())
    first.virsh("destroy", "web")
    here["domains"]["gathered_at"] -= HOUR
    yield "moved-between-looks", _fleet({HOST: here, OTHER_HOST: _host_half(second, "web")}, guest=_guest())


def after(host):
    """Yield (case, record) of each case in which the look at a guest and what became of its domain on ``host`` do not agree."""
    host.define("web", RNG, head=UUID + GENID, start=True)
    host.define("db", head="<uuid>%s</uuid>%s" % (OTHER_UUID, GENID), start=True)
    yield "wrong-uuid-in-inventory", _fleet({HOST: _host_half(host, "web", "db")}, guest=_guest(uuid=OTHER_UUID))
    host.virsh("suspend", "web")
    no_answer = "Failed to connect to the host via ssh: Connection timed out"
    yield "paused", _fleet({HOST: _host_half(host, "web")}, guest=_guest(HOUR, error=no_answer))
    host.virsh("resume", "web")
    (pid,) = host.daemon.state.rglob("web.pid")
    os.kill(int(pid.read_text()), signal.SIGKILL)
    while "crashed" not in host.virsh("domstate", "web", "--reason"):
        time.sleep(0.1)
    yield "crashed-since", _fleet({HOST: _host_half(host, "web")}, guest=_guest(HOUR // 2))


def make(folder, done):
    """Make every case on two libvirts in ``folder`` (Path) and call ``done(case, record)`` for each."""
    with ExitStack() as stack:
        first, second = (Host(stack.enter_context(Daemon(Path(folder, name))), stack.enter_context(tempfile.TemporaryDirectory(dir=place.TEMPORARY)))
                         for name in (HOST, OTHER_HOST))
        for story in (domains(first), fleets(first, second), after(first)):
            for case, made in story:
                done(case, made)
