# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_restart after a run that was killed between a guest's power-off and its start, on a real daemon."""

import json
import os
import signal

import pytest
from test_virt_restart import started, waits
from virt_host import DESCRIBED, RNG, row


@pytest.fixture
def left_off(host, asked):
    """Return a function that has a run of virt_restart killed (SIGKILL) when it has asked ``name``, whose guest powers off then."""
    def kill(name="web-1", **options):
        waits(host, name)
        with asked(name, **{"domains": [name], "shutdown_timeout": 600, **options}) as process:
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        host.virsh("destroy", name)
        return name
    return kill


def records(host):
    """Return the files (list of Path) of what runs have noted."""
    return sorted((host._folder / "state/kvm-entropy/restart").glob("*"))


def warned(result):
    """Return its warnings in one text; their form depends on ansible-core's version."""
    return str(result.get("warnings", ""))


def is_off(host, name):
    return host.virsh("domstate", name).strip() == "shut off"


def test_a_guest_that_a_killed_run_left_off_is_named_by_check_mode_and_started_by_the_next_run(host, left_off):
    left_off()
    (record,) = records(host)
    assert record.stat().st_mode & 0o777 == 0o600 and record.parent.stat().st_mode & 0o777 == 0o700
    predicted = host.run("virt_restart", _ansible_check_mode=True, _ansible_diff=True, domains=["*"])
    assert is_off(host, "web-1") and records(host) == [record], "check mode changes nothing"
    result = host.run("virt_restart", domains=["*"], _ansible_diff=True)
    assert {**predicted, "invocation": None} == {**result, "invocation": None} and not result.get("warnings")
    one = row(result, "web-1")
    assert (one["result"], one["changed"], one["before"], one["after"]) == ("done", True, None, [DESCRIBED])
    assert "an earlier run asked it to power off" in one["reason"] and host.live("web-1") == [RNG]
    (left,) = result["left_off"]
    assert (left["name"], left["started"], left["reason"]) == ("web-1", True, None)
    assert records(host) == [] and host.run("virt_restart", domains=["*"])["left_off"] == []


def test_a_guest_left_off_that_is_not_selected_is_named_and_stays_off(host, left_off):
    left_off()
    host.define("other", RNG)
    result = host.run("virt_restart", domains=["other"])
    assert is_off(host, "web-1") and not result["changed"] and not result.get("failed")
    assert [(one["name"], one["started"], one["reason"]) for one in result["left_off"]] == [("web-1", False, "it is not among the selected domains")]
    assert "web-1" in warned(result) and "virsh start" in warned(result) and records(host)
    assert host.run("virt_restart", domains=["*"])["summary"]["changed"] == 1 and host.live("web-1") == [RNG]


def test_one_that_was_started_or_undefined_meanwhile_is_forgotten(host, left_off):
    left_off()
    host.virsh("start", "web-1")
    run = started(host, "web-1")
    assert host.run("virt_restart", domains=["*"])["left_off"] == [] and records(host) == [] and started(host, "web-1") == run
    left_off("web-2")
    host.virsh("undefine", "web-2")
    assert host.run("virt_restart", domains=["*"])["left_off"] == [] and records(host) == []


@pytest.mark.parametrize("change, words", [({"boot_id": "another"}, "this host was started anew since"), ({"asked_at": 1}, "within the last 24 hours")])
def test_one_that_may_be_off_for_another_reason_is_named_once_and_stays_off(host, left_off, change, words):
    left_off()
    (record,) = records(host)
    record.write_text(json.dumps(dict(json.loads(record.read_text()), **change)))
    result = host.run("virt_restart", domains=["*"])
    assert words in result["left_off"][0]["reason"] and "web-1" in warned(result) and is_off(host, "web-1")
    assert host.run("virt_restart", domains=["*"])["left_off"] == []


def test_another_domain_with_its_uuid_and_one_that_was_renamed_are_named_once_and_stay_off(host, left_off):
    left_off("web-1")
    uuid = host.virsh("domuuid", "web-1").strip()
    host.virsh("undefine", "web-1")
    host.define("new", RNG, head=f"<uuid>{uuid}</uuid>")
    left_off("web-2")
    host.virsh("domrename", "web-2", "retired")
    result = host.run("virt_restart", domains=["*"])
    assert [(one["name"], one["started"]) for one in result["left_off"]] == [("web-1", False), ("web-2", False)]
    assert all("was renamed or defined anew since" in one["reason"] for one in result["left_off"])
    assert is_off(host, "new") and is_off(host, "retired") and "web-2" in warned(result)
    assert host.run("virt_restart", domains=["*"])["left_off"] == []


def test_a_domain_that_is_saved_or_managed_elsewhere_is_not_started(host, left_off, asked):
    waits(host, "saved")
    with asked("saved", domains=["saved"], shutdown_timeout=600) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    host.virsh("managedsave", "saved")
    result = host.run("virt_restart", domains=["*"])
    assert row(result, "saved")["result"] == "refused" and "managedsave-remove" in result["msg"] and is_off(host, "saved")


def test_what_another_run_is_working_on_was_not_left_off(host, asked):
    waits(host, "web-1")
    with asked("web-1", domains=["web-1"], shutdown_timeout=600) as process:
        process.send_signal(signal.SIGSTOP)
        host.virsh("destroy", "web-1")
        beside = host.run("virt_restart", domains=["*"])
        assert beside["left_off"] == [] and not beside["changed"] and is_off(host, "web-1")
        process.send_signal(signal.SIGCONT)
        result = json.loads(process.communicate(timeout=60)[0])
    assert result["changed"] and host.live("web-1") == [RNG] and records(host) == []


def test_a_guest_that_powers_off_after_the_run_has_given_it_up_is_started_by_the_next(host):
    waits(host, "web-1")
    assert row(host.run("virt_restart", domains=["*"], shutdown_timeout=0), "web-1")["result"] == "not_off"
    host.virsh("destroy", "web-1")
    assert row(host.run("virt_restart", domains=["*"]), "web-1")["result"] == "done" and host.live("web-1") == [RNG]


def test_a_guest_that_runs_on_after_a_kill_is_asked_again_as_any_other(host, asked):
    run = started(host, waits(host, "web-1"))
    with asked("web-1", domains=["web-1"], shutdown_timeout=600) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    result = host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True)
    assert result["left_off"] == [] and row(result, "web-1")["before"] != row(result, "web-1")["after"]
    assert host.live("web-1") == [RNG] and started(host, "web-1") != run and records(host) == []


def hostile_link(folder):
    folder.parent.mkdir(parents=True)
    folder.symlink_to("/")


def hostile_folder(folder):
    folder.mkdir(parents=True)
    folder.chmod(0o777)


def hostile_file(folder):
    folder.parent.mkdir(parents=True)
    folder.touch()


@pytest.mark.parametrize("make", [hostile_link, hostile_folder, hostile_file])
def test_a_folder_that_is_not_this_users_alone_is_neither_read_nor_written(host, make):
    folder = host._folder / "state/kvm-entropy/restart"
    make(folder)
    before = os.listdir(folder) if folder.is_dir() else []
    waits(host, "web-1")
    result = host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True)
    assert result["changed"] and host.live("web-1") == [RNG] and "A run that is killed" in warned(result)
    assert (os.listdir(folder) if folder.is_dir() else []) == before


def test_two_killed_runs_side_by_side_leave_both_their_guests_to_the_next(host, asked):
    for name in ("a", "b"):
        waits(host, name)
    with asked("a", domains=["a"], shutdown_timeout=600) as first, asked("b", domains=["b"], shutdown_timeout=600) as second:
        for process in (first, second):
            process.send_signal(signal.SIGKILL)
            process.wait(60)
    for name in ("a", "b"):
        host.virsh("destroy", name)
    result = host.run("virt_restart", domains=["*"])
    assert [one["name"] for one in result["left_off"]] == ["a", "b"] and result["summary"]["changed"] == 2
    assert host.live("a") == host.live("b") == [RNG]
