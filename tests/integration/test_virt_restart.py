# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_restart on a real daemon, with guests that stay in their firmware and never power off. One that does: test_virt_guest.py."""

import json
import signal
import time

import pytest
from test_virt_rng_interrupted import when
from virt_host import DESCRIBED, OLD, RNG, SLOW, row


def waits(host, name, **parts):
    """Define a domain that runs with the old device and has the new one in its definition."""
    host.define(name, SLOW, start=True, **parts)
    host.virsh("detach-device", name, host.device_file(SLOW), "--config")
    host.virsh("attach-device", name, host.device_file(RNG), "--config")
    assert host.config(name) == [RNG] and host.live(name) == [SLOW]
    return name


def started(host, name):
    """Return the number of the domain's run: another one after each start."""
    return host.virsh("domid", name)


def checked(host, **options):
    """Predict, then do; return (prediction, result)."""
    before = host.everything()
    predicted = host.run("virt_restart", _ansible_check_mode=True, **options)
    assert host.everything() == before
    return predicted, host.run("virt_restart", **options)


def test_what_waits_is_restarted_and_all_else_left_alone(host):
    waits(host, "waits")
    host.define("right", RNG, start=True)
    host.define("off", SLOW)
    host.create("transient", devices=SLOW)
    runs = {name: started(host, name) for name in ("waits", "right", "transient")}
    predicted, result = checked(host, domains=["*"], shutdown_timeout=0, force=True, _ansible_diff=True)
    assert {**predicted, "invocation": None} == {**result, "invocation": None}
    assert result["summary"] == {"matched": 4, "unchanged": 3, "changed": 1, "skipped": 0, "failed": 0}
    one = row(result, "waits")
    assert (one["result"], one["reason"], one["before"], one["after"], one["up_by"]) == ("done", None, [OLD], [DESCRIBED], "nothing")
    assert "rate_bytes: 64" in result["diff"][0]["before"] and "rate_bytes: 1024" in result["diff"][0]["after"]
    assert host.live("waits") == [RNG] and started(host, "waits") != runs.pop("waits")
    assert {name: started(host, name) for name in runs} == runs and host.virsh("domstate", "off").strip() == "shut off"
    again = host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True)
    assert not again["changed"] and again["domains"] == []


def test_a_guest_that_does_not_power_off_runs_on(host):
    run = started(host, waits(host, "waits"))
    begun = time.monotonic()
    result = host.run("virt_restart", domains=["waits"], shutdown_timeout=2)
    assert 2 <= time.monotonic() - begun < 60
    assert result["failed"] and not result["changed"] and row(result, "waits")["result"] == "not_off"
    assert "domain waits: the guest has not powered off within 2 s" in result["msg"] and "force" in result["msg"]
    assert started(host, "waits") == run and host.live("waits") == [SLOW]


def with_managed_save(host, name):
    waits(host, name)
    host.virsh("managedsave", name)


def paused(host, name):
    waits(host, name)
    host.virsh("suspend", name)


def restarting(host, name):
    waits(host, name, tail="<on_poweroff>restart</on_poweroff>")


@pytest.mark.parametrize("make, words", [
    (with_managed_save, "managedsave-remove"), (paused, "virsh resume"), (restarting, "its on_poweroff is restart, expected destroy")])
def test_what_would_not_come_back_with_its_definition_is_refused(host, make, words):
    make(host, "odd")
    before = host.everything()
    predicted, result = checked(host, domains=["odd"], shutdown_timeout=0, force=True)
    assert {**predicted, "invocation": None} == {**result, "invocation": None}
    assert row(result, "odd")["result"] == "refused" and words in result["msg"] and not result["changed"]
    assert host.everything() == before


def test_a_domain_without_an_agents_channel_is_not_powered_off_to_wait_for_its_agent(host):
    run = started(host, waits(host, "mute"))
    predicted, result = checked(host, domains=["mute"], shutdown_timeout=0, force=True, up_timeout=1, wait_for="agent")
    assert {**predicted, "invocation": None} == {**result, "invocation": None}
    assert row(result, "mute")["result"] == "refused" and "no channel org.qemu.guest_agent.0" in result["msg"] and started(host, "mute") == run


def test_a_managed_save_with_the_same_device_is_no_trouble(host):
    host.define("saved", RNG, start=True)
    host.virsh("managedsave", "saved")
    assert host.run("virt_restart", domains=["*"])["summary"]["unchanged"] == 1


def test_a_domain_of_somebody_else_is_left_to_them(host):
    nova = "<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'/></metadata>"
    run = started(host, waits(host, "theirs", head=nova))
    result = host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True)
    assert result["summary"]["skipped"] == 1 and "openstack server reboot --hard" in row(result, "theirs")["reason"]
    assert started(host, "theirs") == run
    assert host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True, managed_elsewhere="allow")["summary"]["changed"] == 1


def test_more_domains_than_allowed_are_refused_before_anything_is_done(host):
    runs = [started(host, waits(host, name)) for name in ("one", "two")]
    result = host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True, max_changes=1)
    assert result["failed"] and "2 of 2 domains would be restarted, max_changes is 1" in result["msg"] and "one, two" in result["msg"]
    assert [started(host, name) for name in ("one", "two")] == runs


@pytest.fixture
def image(host):
    """The disk (Path) of a domain that can be taken away."""
    path = host.daemon.state / "run/disk.img"
    path.write_bytes(bytes(1 << 20))
    path.chmod(0o666)
    yield path
    path.unlink(missing_ok=True)


def waits_with_disk(host, name, image):
    """The domain's definition has no <rng> any more, and a disk."""
    host.define(name, SLOW + f"<disk type='file'><source file='{image}'/><target dev='vda' bus='virtio'/></disk>", start=True)
    host.virsh("detach-device", name, host.device_file(SLOW), "--config")


def test_a_domain_that_does_not_start_again_ends_the_run_and_is_named_first(host, image):
    waits_with_disk(host, "a-first", image)
    waits(host, "b-second")
    image.unlink()
    run = started(host, "b-second")
    result = host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True)
    assert result["failed"] and result["changed"]
    assert [one["result"] for one in result["domains"]] == ["not_started", "not_reached"]
    assert result["msg"].startswith("a-first did not come up again") and "it is OFF, and libvirt refuses to start it" in result["msg"]
    assert f"virsh start {row(result, 'a-first')['uuid']}" in result["msg"] and started(host, "b-second") == run


def test_a_guest_that_is_not_seen_up_is_told_and_the_next_is_not_touched(host, image):
    waits_with_disk(host, "a-first", image)
    waits(host, "b-second")
    result = host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True, up_timeout=1)
    assert [(one["result"], one["up_by"]) for one in result["domains"]] == [("not_up", "disk"), ("not_reached", "nothing")]
    assert "within 1 s its disk has not told that it is up" in result["msg"] and host.live("a-first") == []


def outcome(process):
    output, errors = process.communicate(timeout=60)
    assert not errors, errors
    return json.loads(output)


def test_somebody_else_who_is_faster_is_no_trouble(host, asked):
    waits(host, "waits")
    with asked(domains=["*"], shutdown_timeout=60) as process:
        process.send_signal(signal.SIGSTOP)
        host.virsh("destroy", "waits")
        host.virsh("start", "waits")
        process.send_signal(signal.SIGCONT)
        result = outcome(process)
    assert row(result, "waits")["result"] == "done" and host.live("waits") == [RNG]


def test_a_guest_that_powers_off_is_started_at_once(host, asked):
    waits(host, "waits")
    with asked(domains=["*"], shutdown_timeout=600) as process:
        host.virsh("destroy", "waits")
        result = outcome(process)
    assert row(result, "waits")["result"] == "done" and host.live("waits") == [RNG] and result["changed"]


def test_what_its_owner_does_with_a_domain_before_its_turn_is_seen(host, asked):
    for name in ("a-first", "b-second", "c-third", "d-fourth"):
        waits(host, name)
    with asked(domains=["*"], shutdown_timeout=600) as process:
        host.virsh("destroy", "b-second")
        host.virsh("start", "b-second")
        host.virsh("suspend", "c-third")
        host.virsh("managedsave", "d-fourth")
        run = started(host, "b-second")
        host.virsh("destroy", "a-first")
        result = outcome(process)
    assert started(host, "b-second") == run and "somebody restarted it" in row(result, "b-second")["reason"]
    assert result["summary"] == {"matched": 4, "unchanged": 1, "changed": 1, "skipped": 0, "failed": 2}
    assert [one["result"] for one in result["domains"]] == ["refused", "refused", "done", "unchanged"]
    assert "virsh resume" in row(result, "c-third")["reason"] and "managedsave-remove" in row(result, "d-fourth")["reason"]


def test_a_guest_that_powers_off_after_its_time_is_started_too(host, asked):
    waits(host, "a-first")
    waits(host, "b-second")
    with asked("b-second", domains=["*"], shutdown_timeout=5) as process:
        host.virsh("destroy", "a-first")
        result = outcome(process)
    assert [one["result"] for one in result["domains"]] == ["not_off", "done"] and host.live("a-first") == [RNG]
    assert "powered off later than within 5 s" in row(result, "a-first")["reason"]


def test_a_guest_that_goes_off_again_is_told_at_once(host, asked, image):
    waits_with_disk(host, "a-first", image)
    waits(host, "b-second")
    with asked(domains=["*"], shutdown_timeout=0, force=True, up_timeout=600) as process:
        when(lambda: host.live("a-first") == [] and host.virsh("domstate", "a-first").strip() == "running")
        host.virsh("destroy", "a-first")
        result = outcome(process)
    assert [one["result"] for one in result["domains"]] == ["not_up", "not_reached"]
    assert "it was started and is OFF again" in result["msg"] and f"virsh start {row(result, 'a-first')['uuid']}" in result["msg"]


def test_a_domain_that_is_saved_meanwhile_is_left_saved(host, asked):
    waits(host, "waits")
    with asked(domains=["*"], shutdown_timeout=600) as process:
        host.virsh("managedsave", "waits")
        result = outcome(process)
    assert row(result, "waits")["result"] == "not_started" and "somebody saved it" in result["msg"]
    assert host.virsh("domstate", "waits").strip() == "shut off"


def test_a_run_that_is_stopped_starts_what_it_has_asked_and_asks_nobody_else(host, asked):
    waits(host, "a-first")
    run = started(host, waits(host, "b-second"))
    with asked(domains=["*"], shutdown_timeout=600) as process:
        process.send_signal(signal.SIGTERM)
        host.virsh("destroy", "a-first")
        result = outcome(process)
    assert result["failed"] and result["msg"].startswith("SIGTERM stopped this run. Running again does what was not reached.")
    assert [one["result"] for one in result["domains"]] == ["not_reached", "done"]
    assert host.live("a-first") == [RNG] and started(host, "b-second") == run


def test_a_daemon_that_dies_leaves_a_message_that_names_whom_it_asked(host, asked):
    waits(host, "a-first")
    waits(host, "b-second")
    with asked(domains=["*"], shutdown_timeout=600) as process:
        host.daemon.kill()
        result = outcome(process)
    assert result["failed"] and "went away" in result["msg"] and "domain a-first: it was asked to power off" in result["msg"]
    assert [one["result"] for one in result["domains"]] == ["not_started", "not_reached"]
    host.daemon.start()
    again = host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True)
    assert again["summary"]["changed"] == 2 and host.live("a-first") == host.live("b-second") == [RNG]


def test_several_at_once_are_asked_together(host):
    for name in ("one", "two", "three"):
        waits(host, name)
    begun = time.monotonic()
    result = host.run("virt_restart", domains=["*"], shutdown_timeout=8, force=True, at_once=3)
    assert result["summary"]["changed"] == 3 and time.monotonic() - begun < 3 * 8
