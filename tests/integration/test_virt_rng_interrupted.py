# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng when it is not alone, or is not let finish: killed, stopped, cut off, beside other runs and an administrator."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest
from virt_host import DESCRIBED, RNG, module_process, row

SLOW = RNG.replace("1024", "64")
# Ends the module, as nothing else can, when it is about to take the old device away.
KILLED_BEFORE = """
import os, signal, libvirt
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
libvirt.virDomain.{method} = die
"""
MANY = [f"many-{number:03}" for number in range(150)]


def when(condition, then=lambda: None):
    """Wait until ``condition()``, then do ``then()``."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
    then()


@pytest.fixture
def killed_before(host, tmp_path):
    """Return a function that runs virt_rng and has it killed at its first call of a method of virDomain."""
    def run(method, **options):
        (tmp_path / "sitecustomize.py").write_text(KILLED_BEFORE.format(method=method), encoding="utf-8")
        with module_process("virt_rng", {"PYTHONPATH": str(tmp_path)}, uri=host.uri, **options) as process:
            process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
    return run


def test_a_definition_left_with_both_devices_by_a_killed_run_is_mended_by_the_next(host, killed_before):
    host.define("web-1", SLOW)
    killed_before("detachDeviceFlags", domains=["web-1"])
    assert host.config("web-1") == [SLOW, RNG]
    result = host.rng(domains=["web-1"])
    assert host.config("web-1") == [RNG]
    assert "interrupted run left beside its successor" in row(result, "web-1")["config"]["reason"]
    assert not host.rng(domains=["web-1"])["changed"]


def test_what_a_killed_run_left_goes_also_when_the_next_wants_something_else(host, killed_before):
    host.define("web-1", SLOW)
    killed_before("detachDeviceFlags", domains=["web-1"])
    host.rng(domains=["web-1"], backend="builtin", rate_bytes=0)
    assert len(host.config("web-1")) == 1 and "builtin" in host.config("web-1")[0]


def test_two_devices_that_somebody_wanted_are_not_taken_for_what_a_run_left(host):
    host.define("web-1", SLOW)
    host.rng(domains=["web-1"])
    host.daemon.virsh("detach-device", "web-1", host.device_file(RNG), "--config")
    host.define("web-2", SLOW + RNG)
    assert not host.rng(domains=["web-2"])["changed"] and host.config("web-2") == [SLOW, RNG]


def test_a_running_domain_left_with_both_devices_by_a_killed_run_is_asked_again(host, killed_before):
    host.define("web-1", SLOW, start=True)
    killed_before("detachDeviceAlias", domains=["web-1"], replace_live=True)
    assert host.config("web-1") == [RNG] and host.live("web-1") == [SLOW, RNG]
    result = host.run("virt_rng", domains=["web-1"], replace_live=True, unplug_timeout=0, settle=0)
    live = row(result, "web-1")["live"]
    assert host.live("web-1") == [SLOW, RNG], "nothing more is plugged"
    assert live["result"] == "pending_unplug" and live["after"] == [dict(DESCRIBED, rate_bytes=64), DESCRIBED]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_is_stopped_finishes_its_domain_and_says_what_was_done(host, number):
    host.define_many(MANY)
    with module_process("virt_rng", uri=host.uri, domains=["*"]) as process:
        when(lambda: host.config(MANY[0]), lambda: process.send_signal(number))
        output, errors = process.communicate(timeout=120)
    result = json.loads(output)
    assert not errors and result["failed"] and result["msg"].startswith(f"{number.name} stopped this run. Running again finishes the work.")
    done, missing = result["summary"]["changed"], result["summary"]["failed"]
    assert done > 0 and missing > 0 and done + missing == len(MANY)
    assert sum(bool(host.config(name)) for name in MANY) == done
    assert host.run("virt_rng", domains=["*"])["summary"] == {
        "matched": len(MANY), "unchanged": done, "changed": missing, "restart_required": 0, "skipped": 0, "failed": 0}


def test_a_run_that_waits_for_guests_is_stopped_at_once(host):
    host.define("web-1", RNG, start=True)
    with module_process("virt_rng", uri=host.uri, domains=["*"], state="absent", unplug_timeout=600) as process:
        when(lambda: not host.config("web-1"))
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        result = json.loads(process.communicate(timeout=60)[0])
    assert result["msg"].startswith("SIGTERM stopped this run") and row(result, "web-1")["live"]["result"] == "pending_unplug"


def test_a_daemon_that_dies_while_guests_are_waited_for_is_one_failure(host):
    host.define("web-1", RNG, start=True)
    with module_process("virt_rng", uri=host.uri, domains=["*"], state="absent", unplug_timeout=600) as process:
        when(lambda: not host.config("web-1"))
        time.sleep(1)
        host.daemon.kill()
        result = json.loads(process.communicate(timeout=60)[0])
    assert result["failed"] and f"libvirt at {host.uri} went away" in result["msg"]
    assert row(result, "web-1")["config"]["result"] == "done" and row(result, "web-1")["live"]["result"] == "pending_unplug"
    host.daemon.start()
    assert host.live("web-1") == [RNG], "the guest ran on"


def test_a_connection_on_which_nothing_is_answered_is_lost(host):
    host.define_many(MANY)
    with module_process("virt_rng", uri=host.uri, domains=["*"]) as process:
        when(lambda: host.config(MANY[0]), lambda: os.kill(host.daemon.pid, signal.SIGSTOP))
        try:
            result = json.loads(process.communicate(timeout=120)[0])
        finally:
            os.kill(host.daemon.pid, signal.SIGCONT)
    assert result["failed"] and "went away" in result["msg"] and result["summary"]["failed"] > 0
    assert not host.run("virt_rng", domains=["*"]).get("failed")
    assert all(host.config(name) == [RNG] for name in MANY)


def test_runs_side_by_side_lose_nothing_and_give_no_device_twice(host):
    host.define_many(MANY[:60])
    host.virsh("start", MANY[0])
    results = []
    threads = [threading.Thread(target=lambda: results.append(host.run("virt_rng", domains=["*"]))) for _run in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(result.get("failed") for result in results), results
    assert all(host.config(name) == [RNG] for name in MANY[:60])
    assert sum(result["summary"]["changed"] for result in results) == 60, "each domain was changed by one of them"


def test_an_administrators_edits_at_the_same_time_are_kept(host):
    names = MANY[:60]
    host.define_many(names)
    file = host.device_file("<watchdog model='i6300esb' action='reset'/>")
    edits = "; ".join(f"desc {name} --config edited; attach-device {name} {file} --config" for name in names)
    editing = threading.Thread(target=lambda: host.virsh(edits))
    editing.start()
    result = host.run("virt_rng", domains=["*"], rate_bytes=64)
    editing.join()
    assert not result.get("failed"), result["msg"]
    for name in names:
        definition = host.definition(name)
        assert "<description>edited</description>" in definition and "i6300esb" in definition and host.config(name) == [SLOW]


def test_an_old_device_that_an_administrator_takes_meanwhile_does_not_come_back(host):
    host.define_many(MANY)
    host.run("virt_rng", domains=["*"], rate_bytes=64)
    file = host.device_file(SLOW)
    with module_process("virt_rng", uri=host.uri, domains=["*"]) as process:
        when(lambda: RNG in host.config(MANY[0]))
        subprocess.run(["virsh", "--quiet", "--connect", host.uri, "detach-device", MANY[-1], file, "--config"], check=True)
        result = json.loads(process.communicate(timeout=120)[0])
    assert not result.get("failed"), result["msg"]
    assert all(host.config(name) == [RNG] for name in MANY)
