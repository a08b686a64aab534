# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role host with entropy_host_restart: what waits is restarted only when asked for, and told in any case."""

import signal

import pytest
from test_host_capacity import Kvm
from test_virt_restart import waits
from virt_host import RNG, SLOW

WAITING = {"entropy_host_restart": "waiting", "entropy_host_restart_shutdown_timeout": 0, "entropy_host_restart_force": True}


@pytest.fixture
def kvm(host, tmp_path):
    return Kvm(host, tmp_path)


def test_what_waits_is_restarted_only_when_asked_for(host, kvm):
    host.define("waits", SLOW, start=True)
    host.define("right", RNG, start=True)
    runs = [host.virsh("domid", name) for name in ("waits", "right")]
    first = kvm.play("kvm.entropy.host", "--check", **WAITING)
    assert first.status == 0 and "a run would power off and start these" in first.output and host.config("waits") == [SLOW]
    never = kvm.play("kvm.entropy.host")
    assert never.status == 0 and "waits: the running device differs" in never.output
    assert host.config("waits") == [RNG] and [host.virsh("domid", name) for name in ("waits", "right")] == runs

    check = kvm.play("kvm.entropy.host", "--check", **WAITING)
    assert check.status == 0 and check.counts["kvm1"]["changed"] == 1 and host.live("waits") == [SLOW]

    done = kvm.play("kvm.entropy.host", **WAITING)
    assert done.status == 0 and done.counts["kvm1"]["changed"] == 1 and "waits: the running device differs" not in done.output
    assert host.live("waits") == [RNG] and host.virsh("domid", "right") == runs[1]
    assert not any(row["drift"] for row in done.facts("kvm1")["entropy_domains"]["groups"])
    assert kvm.play("kvm.entropy.host", **WAITING).counts["kvm1"]["changed"] == 0


def test_a_guest_that_does_not_power_off_fails_the_host_and_runs_on(host, kvm):
    host.define("waits", SLOW, start=True)
    run = host.virsh("domid", "waits")
    failed = kvm.play("kvm.entropy.host", **{**WAITING, "entropy_host_restart_force": False})
    assert failed.status != 0 and "the guest has not powered off within 0 s" in failed.output
    assert host.virsh("domid", "waits") == run and failed.facts("kvm1")["entropy_domains"]["groups"][0]["drift"], "it is looked at all the same"


def test_what_would_undo_itself_is_refused_before_anything_is_changed(host, kvm):
    host.define("waits", SLOW, start=True)
    before = host.everything()
    refused = kvm.play("kvm.entropy.host", **WAITING, entropy_host_scope="live")
    assert refused.status != 0 and "would start the domains with their old definition again" in refused.output and host.everything() == before


def test_a_name_that_jinja_could_take_for_itself_is_a_name(host, kvm):
    name = host.define("{{ 7*7 }}{% raw %}", SLOW, start=True)
    run = kvm.play("kvm.entropy.host")
    assert run.status == 0 and f"{name}: the running device differs" in run.output, run.output
    assert host.config(name) == [RNG]


def test_a_guest_that_a_killed_run_left_off_is_started_and_told(host, kvm, asked, monkeypatch):
    for name, value in host.state.items():
        monkeypatch.setenv(name, value)
    for name in ("web-1", "web-2"):
        waits(host, name)
        with asked(name, domains=[name], shutdown_timeout=600) as process:
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        host.virsh("destroy", name)
    only = {**WAITING, "entropy_host_domains": ["web-1"]}
    check = kvm.play("kvm.entropy.host", "--check", **only)
    assert check.status == 0 and "web-1: an earlier run asked it to power off" in check.output and "A run would start it now" in check.output, check.output
    done = kvm.play("kvm.entropy.host", **only)
    assert done.status == 0 and "It was started now" in done.output and host.live("web-1") == [RNG], done.output
    assert "web-2: an earlier run asked it to power off" in done.output and "it is not among the selected domains. To start it: virsh start" in done.output
    assert host.virsh("domstate", "web-2").strip() == "shut off"
