# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng when it is not alone, or is not let finish: killed, stopped, cut off, beside other runs and an administrator."""

import contextlib
import json
import os
import signal
import time

import pytest
from held import KILLED_BEFORE, held_before, when
from virt_host import BARE, DESCRIBED, RNG, SLOW, module_process, row

NAMES = ["web-1", "web-2", "web-3"]
# A place for more devices than one, so that only the runs themselves keep a domain from getting two.
PORTS = BARE + "".join(["<controller type='pci' index='0' model='pcie-root'/>", *(
    f"<controller type='pci' index='{index}' model='pcie-root-port'/>" for index in range(1, 5))])
# The daemon is given up after 3 unanswered questions of 1 s instead of 6 of 5 s.
IMPATIENT = """
patient = libvirt.virConnect.setKeepAlive
libvirt.virConnect.setKeepAlive = lambda handle, interval, count: patient(handle, interval // 5, count // 2)
"""


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
    assert "earlier run left beside its successor" in row(result, "web-1")["config"]["reason"]
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
    killed_before("detachDeviceAlias", domains=["web-1"], replace_live=True, confirmed=["*"])
    assert host.config("web-1") == [RNG] and host.live("web-1") == [SLOW, RNG]
    result = host.run("virt_rng", domains=["web-1"], replace_live=True, confirmed=["*"], unplug_timeout=0, settle=0)
    live = row(result, "web-1")["live"]
    assert host.live("web-1") == [SLOW, RNG], "nothing more is plugged"
    assert live["result"] == "pending_unplug" and live["after"] == [dict(DESCRIBED, rate_bytes=64), DESCRIBED]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_is_stopped_finishes_its_domain_and_says_what_was_done(host, number):
    host.define_many(NAMES)
    with held_before(host, 2, domains=["*"]) as run:
        run.process.send_signal(number)
        result = run.result()
    assert result["failed"] and result["msg"].startswith(f"{number.name} stopped this run. Running again finishes the work.")
    assert result["summary"]["changed"] == 2 and result["summary"]["failed"] == 1
    assert [host.config(name) for name in NAMES] == [[RNG], [RNG], []]
    assert host.run("virt_rng", domains=["*"])["summary"] == {
        "matched": 3, "unchanged": 2, "changed": 1, "restart_required": 0, "skipped": 0, "failed": 0}


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
    host.define_many(NAMES)
    with held_before(host, 2, also=IMPATIENT, domains=["*"]) as run:
        os.kill(host.daemon.pid, signal.SIGSTOP)
        try:
            result = run.result()
        finally:
            os.kill(host.daemon.pid, signal.SIGCONT)
    assert result["failed"] and "went away" in result["msg"]
    assert result["summary"]["changed"] == 1 and result["summary"]["failed"] == 2
    assert not host.run("virt_rng", domains=["*"]).get("failed")
    assert all(host.config(name) == [RNG] for name in NAMES)


def test_runs_side_by_side_lose_nothing_and_give_no_device_twice(host):
    host.define_many(NAMES)
    host.virsh("start", "web-1")
    with contextlib.ExitStack() as stack:
        # All of them have seen domains without a device before one of them gives the first.
        runs = [stack.enter_context(held_before(host, 1, domains=["*"])) for _run in range(3)]
        for run in runs:
            run.let_go()
        results = [run.result() for run in runs]
    assert not any(result.get("failed") for result in results), results
    assert host.live("web-1") == [RNG]
    assert all(host.config(name) == [RNG] for name in NAMES)
    for name in ("web-2", "web-3"):
        assert [row(result, name)["changed"] for result in results].count(True) == 1, "each domain was changed by one of them"


def test_a_run_that_was_overtaken_between_definition_and_plug_gives_no_second_running_device(host):
    host.define("web-1", PORTS, start=True)
    with held_before(host, 1, domains=["*"]) as late, held_before(host, 2, domains=["*"]) as early:
        results = [late.result(), early.result()]
    assert not any(result.get("failed") for result in results), results
    assert host.config("web-1") == host.live("web-1") == [RNG]


def test_an_administrators_edits_at_the_same_time_are_kept(host):
    host.define_many(NAMES)
    file = host.device_file("<watchdog model='i6300esb' action='reset'/>")
    with held_before(host, 2, domains=["*"], rate_bytes=64) as run:
        host.virsh("; ".join(f"desc {name} --config edited; attach-device {name} {file} --config" for name in NAMES))
        result = run.result()
    assert not result.get("failed"), result["msg"]
    for name in NAMES:
        definition = host.definition(name)
        assert "<description>edited</description>" in definition and "i6300esb" in definition and host.config(name) == [SLOW]


@pytest.mark.parametrize("moment", ["attachDeviceFlags", "detachDeviceFlags"])
def test_an_old_device_that_an_administrator_takes_meanwhile_does_not_come_back(host, moment):
    for name in NAMES:
        host.define(name, SLOW)
    file = host.device_file(SLOW)
    with held_before(host, 2, moment, domains=["*"]) as run:
        host.virsh("; ".join(f"detach-device {name} {file} --config" for name in NAMES[1:]))
        result = run.result()
    assert not result.get("failed"), result["msg"]
    assert all(host.config(name) == [RNG] for name in NAMES)
