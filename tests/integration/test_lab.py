# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's own promises: it reaches its files whoever starts it, shares nothing, and leaves nothing."""

import os
import re
import stat
import subprocess
import time
from pathlib import Path

import pytest
from lab import LabError, domain_xml, fleet, initramfs, place, quick, shell
from lab.daemon import Daemon
from lab.guest import Guest


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    """A private daemon in a folder that a strict umask and a space in its name would spoil."""
    before = os.umask(0o077)
    try:
        with Daemon(tmp_path_factory.mktemp("lab") / "of my own") as private:
            yield private
    finally:
        os.umask(before)


def free_ports(definition):
    """Return how many PCIe root ports of a definition as libvirt shows it have nothing plugged in."""
    ports = definition.count("model='pcie-root-port'")
    return ports - sum("bus='0x%02x'" % bus in definition for bus in range(1, ports + 1))


@pytest.mark.parametrize(("options", "free", "devices"), [((), 4, 0), (("rng",), 4, 1), (("full",), 0, 0), (("full", "rng"), 0, 1), (("agent",), 4, 0)])
def test_a_guest_has_the_device_and_the_free_ports_that_were_asked_for(daemon, tmp_path, options, free, devices):
    path = tmp_path / "domain.xml"
    path.write_text(domain_xml.definition("plain", Path("/d"), 20000, options=options))
    daemon.virsh("define", path)
    definition = daemon.virsh("dumpxml", "plain")
    daemon.virsh("undefine", "plain")
    assert (free_ports(definition), definition.count("<rng")) == (free, devices)
    assert "hostfwd=tcp:127.0.0.1:20000-:22" in definition


def test_a_generation_id_is_there_only_where_asked_for():
    plain, with_id = (domain_xml.definition("x", Path("/d"), 20000, options=options) for options in ((), ("genid",)))
    assert ("<genid" in plain, "<genid" in with_id) == (False, True)


def test_a_starved_guest_has_no_instruction_that_would_feed_it():
    under_tcg, under_kvm = (domain_xml.definition("x", Path("/d"), 20000, kvm=kvm) for kvm in (False, True))
    assert 'policy="disable" name="rdrand"' in under_tcg
    assert 'policy="disable" name="rdrand"' in under_kvm
    assert 'policy="disable" name="rdseed"' in under_kvm


def test_the_daemon_is_not_the_machines_own(daemon):
    owner = os.stat("/proc/%d" % daemon.pid).st_uid
    assert owner == (place.NOBODY if place.as_root() else os.getuid())
    assert str(daemon.state) in daemon.uri


def test_a_killed_daemon_starts_again_and_finds_its_running_guest(daemon, tmp_path):
    path = tmp_path / "domain.xml"
    path.write_text("<domain type='qemu'><name>idle</name><memory>32768</memory><os><type arch='x86_64'>hvm</type></os></domain>")
    daemon.virsh("create", path, "--paused")
    guest = shell.processes(daemon.state, "qemu-system-")
    daemon.kill()
    assert daemon.pid is None
    assert shell.processes(daemon.state, "qemu-system-") == guest
    assert daemon.start().virsh("list", "--name").split() == ["idle"]
    daemon.virsh("destroy", "idle")


def test_removing_a_lab_ends_its_guests_and_leaves_no_file(tmp_path):
    private = Daemon(tmp_path / "short-lived").start()
    path = tmp_path / "domain.xml"
    path.write_text("<domain type='qemu'><name>idle</name><memory>32768</memory><os><type arch='x86_64'>hvm</type></os></domain>")
    private.virsh("create", path, "--paused")
    state = private.state
    assert len(shell.processes(state, "qemu-system-", "libvirtd")) == 2
    adopted_by = shell.processes(state, "python3")
    assert len(adopted_by) == 1
    private.remove()
    private.remove()
    assert shell.processes(state, "qemu-system-", "libvirtd") == shell.wait_gone(adopted_by, 5) == []
    assert (state.exists(), private.folder.exists()) == (False, False)


def mounted():
    """Return where something is mounted here (set of str), but for the roots that mmdebstrap builds beside this test."""
    points = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    return {point for point in points if "/mmdebstrap." not in point}


def test_another_debians_daemon_runs_among_its_own_programs_and_nobody_else_sees_them(tmp_path):
    before = mounted()
    path = tmp_path / "domain.xml"
    path.write_text("<domain type='qemu'><name>idle</name><memory>32768</memory><os><type arch='x86_64'>hvm</type></os></domain>")
    with Daemon(tmp_path / "other", "forky") as other:
        versions = other.versions()
        assert versions["libvirt"] == versions["bindings"] and int(versions["libvirt"].split(".")[0]) >= 12
        other.virsh("create", path, "--paused")
        (guest,) = shell.processes(other.state, "qemu-system-")
        assert os.readlink(f"/proc/{guest}/exe").startswith("/usr/bin/qemu-system-")
        assert not os.path.samefile(f"/proc/{guest}/root/usr", "/usr")
        assert os.stat(f"/proc/{other.pid}").st_uid == (place.NOBODY if place.as_root() else os.getuid())
        assert mounted() == before
        other.kill()
        assert other.start().versions() == versions and other.virsh("list", "--name").split() == ["idle"]
    assert not shell.alive(guest) and not (tmp_path / "other").exists()


def test_a_debian_that_the_lab_does_not_know_is_refused_before_anything_is_started(tmp_path):
    with pytest.raises(LabError, match="suite sid is unknown"):
        Daemon(tmp_path / "lab", "sid")
    assert not (tmp_path / "lab").exists()


def test_a_lab_that_was_never_started_says_how_to_start_one(tmp_path):
    with pytest.raises(LabError, match="there is no lab in .*/nowhere: start one with"):
        Daemon(tmp_path / "nowhere").virsh("list")


def test_a_guest_that_does_not_exist_is_named(daemon):
    with pytest.raises(LabError, match="there is no guest ghost in"):
        Guest(daemon, "ghost").ssh("true")


@pytest.mark.parametrize(("text", "reason"), [
    ("web", "expected NAME=SUITE"), ("web=sid", "suite sid is unknown"), ("web=trixie,turbo", "unknown option turbo")])
def test_a_guest_that_cannot_be_made_is_refused_before_anything_is_started(tmp_path, text, reason):
    with pytest.raises(LabError, match=reason):
        fleet.Lab(tmp_path / "lab", [text])
    assert not (tmp_path / "lab").exists()


def test_a_process_that_ignores_being_asked_is_killed():
    stubborn = subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], stdout=subprocess.PIPE)
    stubborn.stdout.readline()
    began = time.monotonic()
    shell.end([stubborn.pid], grace=0.5)
    assert stubborn.wait() == -9
    assert time.monotonic() - began < 5


def test_the_archive_is_what_cpio_reads(tmp_path):
    entries = initramfs.with_folders([("usr/bin/tool", stat.S_IFREG | 0o755, b"#!"), ("bin", stat.S_IFLNK | 0o777, b"usr/bin")])
    listing = subprocess.run(["cpio", "--list", "--quiet"], input=initramfs.archive(entries), capture_output=True, check=True).stdout
    assert listing.decode().split() == ["usr", "usr/bin", "usr/bin/tool", "bin"]


def test_a_quick_guest_returns_what_its_script_wrote_and_its_exit_status():
    result = quick.run("bookworm", '#!/bin/sh\necho \'FACTS {"sum": 5}\'\ncat /etc/note\nexit 3\n', files={"/etc/note": "no newline at its end"})
    assert (result.json("FACTS"), result.status) == ({"sum": 5}, 3)
    assert result.output.endswith("no newline at its end")


def test_a_quick_guest_that_never_ends_is_tried_again_and_then_shown_and_its_console_is_kept():
    with pytest.raises(LabError, match=r"(?s)2 quick boots did not end within 12 s each.*waiting for ever") as caught:
        quick.run("bookworm", "#!/bin/sh\necho waiting for ever\nsleep 1000\n", timeout=12, tries=2)
    assert "waiting for ever" in Path(re.search(r"all of it: (\S+)\)", str(caught.value))[1]).read_text()


def test_a_withheld_source_makes_a_guest_ready_only_when_it_gives(tmp_path):
    script = """#!/bin/sh
/lab/load virtio_pci virtio_rng
ready() { python3 -c 'import os; os.getrandom(1, os.GRND_NONBLOCK)' 2>/dev/null && echo yes || echo no; }
echo "BEFORE $(ready)"
read -r _go
sleep 1
echo "AFTER $(ready)"
"""
    with quick.fifo() as (path, give):
        device = quick.virtio_rng("random", path)
        with quick.Boot("trixie", script, device=device) as boot:
            assert boot.reads("BEFORE no")
            give(os.urandom(64))
            boot.types("go")
            assert boot.reads("AFTER yes"), boot.console[-500:]
