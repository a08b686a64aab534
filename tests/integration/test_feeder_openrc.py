# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles feeder and guest in a whole guest over SSH whose init is OpenRC's. The tests build on each other; ``./run feeders`` runs them."""

import json

import pytest
from controller import Controller, one_guest
from feeder_quick import IS_THOROUGH
from lab import openrc
from lab.fleet import Lab

pytestmark = pytest.mark.skipif(not IS_THOROUGH, reason="it takes minutes: ./run feeders")

FILES = ("/usr/local/sbin/entropy-feeder", "/etc/entropy-feeder.conf", "/etc/init.d/entropy-feeder")
SEEN = f"md5sum {' '.join(FILES)}; rc-service entropy-feeder status; ls /etc/runlevels/sysinit/entropy-feeder; true"


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    """A running guest with the device and OpenRC."""
    with Lab(tmp_path_factory.mktemp("openrc"), [f"openrc={openrc.SUITE},early,rng"]) as lab:
        openrc.install(lab.guests["openrc"])
        yield lab.guests["openrc"]


@pytest.fixture(scope="module")
def play(guest, tmp_path_factory):
    """Controller.play_role."""
    return Controller(one_guest(guest, tmp_path_factory.mktemp("inventory")), tmp_path_factory.mktemp("controller"), pipelining=True).play_role


def status(guest):
    """Return what the feeder says of itself (dict)."""
    return json.loads(guest.ssh("entropy-feeder --status --json"))


def test_it_is_installed_as_a_service_that_may_credit_and_nothing_else(guest, play):
    run = play("feeder")
    assert run.status == 0, run.output
    assert "entropy-feeder is feeding: reads virtio_rng.0" in run.output
    assert "status: started" in guest.ssh(SEEN) and "/etc/runlevels/sysinit/entropy-feeder" in guest.ssh(SEEN)
    rights = guest.ssh(f"grep -E 'Cap(Prm|Eff)|NoNewPrivs' /proc/{status(guest)['pid']}/status").split()
    # CAP_SYS_ADMIN is bit 21 (include/uapi/linux/capability.h).
    assert rights == ["CapPrm:", f"{1 << 21:016x}", "CapEff:", f"{1 << 21:016x}", "NoNewPrivs:", "1"]


def test_again_it_changes_nothing_and_a_change_is_taken_up_without_a_restart(guest, play):
    assert play("feeder").counts[guest.name]["changed"] == 0
    pid = status(guest)["pid"]
    run = play("feeder", entropy_feeder_interval=30)
    assert run.status == 0, run.output
    assert (status(guest)["pid"], status(guest)["stale"]) == (pid, [])


def test_after_a_reboot_it_runs_before_sshd(guest):
    guest.reboot()
    assert (status(guest)["running"], status(guest)["state"]) == (True, "feeding")
    # proc_pid_stat(5): field 22 is when a process began.
    began = [int(guest.ssh(f"cat /proc/{pid}/stat").rpartition(")")[2].split()[19]) for pid in (status(guest)["pid"], "$(cat /run/sshd.pid)")]
    assert began[0] < began[1]


def test_an_upgrade_that_does_not_come_up_is_taken_back_to_a_service_that_was_stopped(guest, play):
    guest.ssh("rc-service entropy-feeder stop; rc-update del entropy-feeder sysinit; echo rc_need=nothing-like-it >/etc/conf.d/entropy-feeder")
    before = guest.ssh(SEEN)
    run = play("feeder", entropy_feeder_metrics="/var/lib/feeder.prom")
    assert run.status != 0 and "all of it is as it was. Have it run, now and at every boot: " in run.output
    assert guest.ssh(SEEN) == before
    guest.ssh("rm /etc/conf.d/entropy-feeder")


def test_absent_leaves_nothing_behind(guest, play):
    run = play("feeder", entropy_feeder_state="absent")
    assert run.status == 0, run.output
    assert guest.ssh(f"ls -d {' '.join(FILES)} /run/entropy-feeder /etc/runlevels/*/entropy-feeder 2>/dev/null; true") == ""


def test_a_daemon_that_adds_nothing_is_stopped_and_removed_on_demand(guest, play):
    # The package's own script starts rngd for /dev/hwrng only where that is asked for.
    guest.ssh("apt-get -q update; apt-get -q -y install rng-tools-debian; echo HRNGDEVICE=/dev/hwrng >>/etc/default/rng-tools-debian")
    guest.ssh("rc-update add rng-tools-debian default; rc-update add rng-tools-debian boot; rc-service rng-tools-debian start")
    assert guest.ssh("pidof rngd; true").strip()
    run = play("guest", entropy_guest_remove_useless=True)
    assert run.status == 0, run.output
    assert "to be removed: rngd" in run.output
    assert guest.ssh("ls /etc/runlevels/*/rng-tools-debian 2>/dev/null; true") == ""
    assert guest.ssh("pidof rngd; dpkg-query -W -f '${db:Status-Status}' rng-tools-debian 2>/dev/null; true").strip() in ("", "config-files")
