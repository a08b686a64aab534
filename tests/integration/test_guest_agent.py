# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real guests seen through their real agents: judged as they are without a login, and never waited for longer than was said."""

import json
import re
import time

import pytest
from controller import Controller
from lab.fleet import Lab
from virt_host import RNG, USERLAND, Host, row

NEW, OLD = "web", "old"
HW_RANDOM = "/sys/class/misc/hw_random/"
CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
SOUND = {"live": "ok", "current": "ok", "fed": "ok", "ready": "ok", "in_time": "unknown"}
# The option that keeps commands from an agent, by its name in each suite's version.
BLOCK = {NEW: "--block-rpcs", OLD: "--blacklist"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Debian 12 and 11 with a device and an agent, and firmware without either: one domain with the agent's channel, one without, one that is off."""
    with Lab(tmp_path_factory.mktemp("lab"), [f"{NEW}=bookworm,rng,agent", f"{OLD}=bullseye,rng,agent"], USERLAND.suite) as lab:
        for guest in lab.guests.values():
            # The device is there from the start, and the driver comes with udev: its fill thread has credited before this ends.
            guest.ssh(f"until grep -q virtio_rng {HW_RANDOM}rng_current; do sleep 0.1; done")
        yield lab


@pytest.fixture
def host(lab, tmp_path):
    return Host(lab.daemon, tmp_path)


@pytest.fixture
def audit(lab, tmp_path):
    """Return a function that audits with an inventory of the host alone, in which no guest has a login, and returns the Run."""
    def play(*words):
        labhost = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3",
                   "entropy_host_uri": lab.daemon.uri, "entropy_host_guest_agent": True}
        (tmp_path / "inventory.json").write_text(json.dumps({"kvm_hosts": {"hosts": {"labhost": labhost}}, "kvm_guests": {"hosts": {}}}))
        return Controller(tmp_path / "inventory.json", tmp_path).play("kvm.entropy.audit", *words)
    return play


def agent(guest, words, connected=True):
    """Have the guest's agent do what ``words`` (shell) make of it, and wait until libvirt sees it (not) connected."""
    guest.ssh(words)
    wanted = "state='connected'" if connected else "state='disconnected'"
    deadline = time.monotonic() + 30
    while wanted not in guest.daemon.virsh("dumpxml", guest.name):
        assert time.monotonic() < deadline, f"{guest.name}: not {wanted}"
        time.sleep(0.1)


def without_reading(result):
    """Return the rows by name, without what differs between two looks."""
    return {one["name"]: {key: value for key, value in one.items() if key not in ("guest", "guest_reason")} for one in result["domains"]}


def test_nobody_is_asked_unless_that_is_wanted(host):
    result = host.info()
    assert "guest" not in row(result, NEW) and "guests_seen" not in result["summary"]
    assert "guest agent" not in host.virsh("dominfo", NEW)


def test_a_guest_is_seen_as_it_is_and_its_domain_is_tainted_by_that(lab, host):
    plain, result = host.info(), host.info(guest_agent=True)
    assert without_reading(plain) == without_reading(result) and result["summary"]["guests_seen"] == 2
    for name in (NEW, OLD):
        guest, found = lab.guests[name], row(result, name)["guest"]
        assert found["links"] == SOUND and row(result, name)["guest_reason"] is None
        assert [one["code"] for one in found["problems"]] == ["no-vmgenid"]
        release, current, quality = guest.ssh(
            f"uname -r; cat {HW_RANDOM}rng_current; cat {HW_RANDOM}rng_quality /sys/module/rng_core/parameters/current_quality 2>/dev/null | head -n 1").split()
        assert (found["release"], found["current"], found["quality"]) == (release, current, int(quality))
        assert (found["ready"], found["filling"], found["generation"]) == (True, True, "rewritten")
        # What an agent holds open would stay so until it ends.
        assert "/proc/" not in guest.ssh("ls -l /proc/$(pidof qemu-ga)/fd | sed 's/.*-> //'").replace("/proc/self", "")
        assert "tainted: custom guest agent control commands issued" in host.virsh("dominfo", name)
    groups = host.info(guest_agent=True, group=True)
    assert {tuple(one["domains"].values()): one["guest"]["links"] for one in groups["guests"]} == {(NEW,): SOUND, (OLD,): SOUND}
    assert all("guest" not in group for group in groups["groups"])


def test_an_audit_without_any_login_judges_guests_and_says_why_it_judges_some_not(lab, host, audit):
    host.define("firmware", RNG, start=True)
    host.define("mute", RNG + CHANNEL, start=True)
    host.define("off", RNG)
    guest = lab.guests[NEW]
    driver = "/sys/bus/virtio/drivers/virtio_rng/"
    device = guest.ssh(f"cd {driver}; echo virtio[0-9]*").strip()
    guest.ssh(f"echo {device} >{driver}unbind")
    try:
        run = audit("-v")
        agents = run.facts("labhost")["entropy_domains"]["guests"]
    finally:
        guest.ssh(f"echo {device} >{driver}bind; until grep -q virtio_rng {HW_RANDOM}rng_current; do sleep 0.1; done")
        for name in ("firmware", "mute"):
            host.virsh("destroy", name)
        for name in ("firmware", "mute", "off"):
            host.virsh("undefine", name)
    assert run.status == 0, run.output
    assert f"domain {OLD} on labhost: OK, not proven in time  [ host ok  config ok  live ok  current ok  fed ok  ready ok  in time unknown ]" in run.output
    assert f"domain {NEW} on labhost: DEGRADED  [ host ok  config ok  live ok  current broken  fed broken  ready ok  in time unknown ]" in run.output
    assert "driver-missing: " in run.output and "virtio_rng is loaded; seen through the guest agent)" in run.output
    assert "domain firmware runs, and no guest of the inventory has its UUID; through the guest agent: the domain has no channel" in run.output
    assert "domain mute runs, and no guest of the inventory has its UUID; through the guest agent: no agent is connected: install" in run.output
    assert "2 ok, 1 degraded, 0 broken, 2 unknown" in run.output
    assert sorted(name for one in agents for name in one["domains"].values()) == ["firmware", "mute", OLD, NEW]


def test_a_source_that_is_trusted_with_nothing_is_seen(lab, host):
    guest = lab.guests[NEW]
    guest.ssh(f"echo 0 >{HW_RANDOM}rng_quality")
    try:
        found = row(host.info(guest_agent=True, domains=[NEW]), NEW)["guest"]
    finally:
        guest.ssh(f"echo 1000 >{HW_RANDOM}rng_quality")
    assert (found["quality"], found["filling"], found["links"]["fed"]) == (0, False, "broken")
    assert [one["code"] for one in found["problems"]] == ["quality-zero", "no-vmgenid"]


def test_a_feeder_with_fake_entropy_is_seen(lab, host):
    guest = lab.guests[NEW]
    # A shell by that name, as what is looked at are a feeder's name and words.
    guest.ssh("cp /bin/sh /usr/local/sbin/rngd; systemd-run -q --unit rngd /usr/local/sbin/rngd -c 'sleep 600; :' -r /dev/urandom; sleep 0.5; "
              "systemctl is-active rngd")
    try:
        found = row(host.info(guest_agent=True, domains=[NEW]), NEW)["guest"]
    finally:
        guest.ssh("systemctl stop rngd")
    assert found["feeder"] == "rngd" and [one["code"] for one in found["problems"]] == ["fake-source", "no-vmgenid"]
    assert re.fullmatch(r"rngd \(pid \d+, uid 0, rngd\.service\) runs with /dev/urandom as its source", found["problems"][0]["evidence"])


@pytest.mark.parametrize("name", [NEW, OLD])
def test_an_agent_whose_files_are_blocked_is_told_with_the_setting(lab, host, name):
    guest, unit = lab.guests[name], "/run/systemd/system/qemu-guest-agent.service.d"
    agent(guest, f"mkdir -p {unit}; printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/qemu-ga {BLOCK[name]}=guest-file-open,guest-file-read\\n' "
          f">{unit}/x.conf; systemctl daemon-reload; systemctl restart qemu-guest-agent; sleep 1")
    try:
        found = row(host.info(guest_agent=True), name)
    finally:
        agent(guest, f"rm -r {unit}; systemctl daemon-reload; systemctl restart qemu-guest-agent; sleep 1")
    assert found["guest"] is None
    assert found["guest_reason"].startswith("its agent does not allow guest-file-open (RHEL's and Fedora's do not): allow guest-file-open, ")
    assert row(host.info(guest_agent=True), name)["guest"]["links"] == SOUND


@pytest.mark.parametrize(("begin", "end", "reason"), [
    ("domfsfreeze", "domfsthaw", "its file systems are frozen, as for a backup: look again later"),
    ("suspend", "resume", "the domain is paused"),
])
def test_a_guest_that_is_frozen_for_a_backup_or_paused_is_told_so(host, begin, end, reason):
    host.virsh(begin, NEW)
    try:
        found = row(host.info(guest_agent=True), NEW)
    finally:
        host.virsh(end, NEW)
    assert (found["guest"], found["guest_reason"]) == (None, reason)


def test_an_agent_that_is_stopped_is_known_to_be(lab, host):
    guest = lab.guests[NEW]
    agent(guest, "systemctl stop qemu-guest-agent", connected=False)
    try:
        begun = time.monotonic()
        found = row(host.info(guest_agent=True, domains=[NEW]), NEW)
        assert time.monotonic() - begun < 4
    finally:
        agent(guest, "systemctl start qemu-guest-agent")
    assert found["guest"] is None and found["guest_reason"].startswith("no agent is connected: install and start qemu-guest-agent")


def test_an_agent_that_hangs_is_waited_for_no_longer_than_was_said_and_no_other_guest_suffers(lab, host):
    guest = lab.guests[NEW]
    guest.ssh("kill -STOP $(pidof qemu-ga)")
    try:
        for options, most in (({}, 9), ({"guest_agent_deadline": 4}, 5)):
            begun = time.monotonic()
            result = host.info(guest_agent=True, **options)
            assert time.monotonic() - begun < most
            assert row(result, NEW)["guest"] is None and row(result, OLD)["guest"]["links"] == SOUND
            assert ("guest_agent_deadline" if options else "its agent does not answer (Guest agent is not responding") in row(result, NEW)["guest_reason"]
    finally:
        guest.ssh("kill -CONT $(pidof qemu-ga)")
    time.sleep(6)  # What libvirt still waits for.
    assert row(host.info(guest_agent=True), NEW)["guest"]["links"] == SOUND
