# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng on domains that run, on a real daemon and real QEMU. Their guests stay in the firmware, so none answers an unplug."""

import time

import pytest
from virt_host import BARE, DESCRIBED, NO_PORTS, POWER_OFF, RNG, SLOW, row


def test_both_halves_get_the_same_device(host):
    host.define("web-1", start=True)
    result = host.rng(domains=["web-1"])
    assert host.config("web-1") == host.live("web-1") == [RNG]
    assert row(result, "web-1")["live"] == {"before": [], "after": [DESCRIBED], "result": "done", "reason": None}
    assert not host.rng(domains=["web-1"])["changed"]


def test_a_paused_domain_is_plugged_as_well(host):
    host.define("web-1", start=True)
    host.virsh("suspend", "web-1")
    result = host.rng(domains=["web-1"])
    assert row(result, "web-1")["state"] == "paused"
    assert host.live("web-1") == [RNG]


def test_a_pc_machine_is_plugged_as_well(host):
    host.define("old", machine="pc", start=True)
    host.rng(domains=["old"])
    assert host.config("old") == host.live("old") == [RNG]


def test_scope_keeps_to_its_half(host):
    host.define("web-1", start=True)
    result = host.rng(domains=["web-1"], scope="live")
    assert (host.config("web-1"), host.live("web-1")) == ([], [RNG])
    assert row(result, "web-1")["config"] is None
    host.virsh("destroy", "web-1")
    host.virsh("start", "web-1")
    host.rng(domains=["web-1"], scope="config")
    assert (host.config("web-1"), host.live("web-1")) == ([RNG], [])


def test_scope_live_has_nothing_to_do_on_a_domain_that_is_shut_off_and_says_so(host):
    host.define("web-1")
    result = host.rng(domains=["web-1"], scope="live")
    assert result["summary"]["skipped"] == 1 and not result["changed"]
    assert row(result, "web-1")["reason"] == "shutoff: it has no running device, use scope config"


def test_a_running_device_that_differs_waits_for_a_power_off(host):
    host.define("web-1", SLOW, start=True)
    result = host.rng(domains=["web-1"])
    assert host.config("web-1") == [RNG] and host.live("web-1") == [SLOW]
    assert row(result, "web-1")["live"]["result"] == "restart_required"
    assert row(result, "web-1")["live"]["reason"].lower().endswith(POWER_OFF)
    assert result["summary"]["restart_required"] == 1
    again = host.rng(domains=["web-1"])
    assert not again["changed"] and again["summary"]["restart_required"] == 1
    host.virsh("destroy", "web-1")
    host.virsh("start", "web-1")
    assert host.rng(domains=["web-1"])["summary"]["restart_required"] == 0


def test_exclusive_leaves_what_runs_beside_it_until_a_power_off(host):
    host.define("web-1", RNG + SLOW, start=True)
    result = host.rng(domains=["web-1"], exclusive=True)
    assert host.config("web-1") == [RNG] and len(host.live("web-1")) == 2
    assert row(result, "web-1")["live"]["result"] == "restart_required"


@pytest.mark.parametrize("machine, features, devices, reason", [
    ("q35", "<acpi/>", NO_PORTS, "it has no PCIe root port that allows hotplug"),
    ("q35", "<acpi/>", BARE + "<controller type='pci' index='0' model='pcie-root'/>"
     "<controller type='pci' index='1' model='pcie-root-port'/><controller type='virtio-serial' index='0'/>", "no free PCIe root port: all 1 are taken"),
    ("pc", "", "", "the bus does not support hotplug: a pc machine without ACPI"),
])
def test_where_nothing_can_be_plugged_the_definition_has_it_and_a_power_off_brings_it(host, machine, features, devices, reason):
    host.define("full", devices, machine=machine, features=features, start=True)
    result = host.rng(domains=["full"])
    assert host.config("full") == [RNG] and host.live("full") == []
    live = row(result, "full")["live"]
    assert live["result"] == "restart_required"
    assert live["reason"] == f"cannot plug <rng> while running: {reason}. The definition is right: {POWER_OFF}"
    plug = row(host.info(), "full")["plug"]
    assert plug == {"possible": False, "reason": reason}
    host.virsh("destroy", "full")
    host.virsh("start", "full")
    assert host.live("full") == [RNG]


def test_a_plug_that_only_libvirt_can_refuse_ends_the_same_way(host):
    # A transitional device wants a conventional bus. This machine has one, and only libvirt can tell that its slots are taken.
    serial = "".join(f"<controller type='virtio-serial' index='{index}' model='virtio-transitional'/>" for index in range(31))
    host.define("full", BARE + serial, start=True)
    result = host.run("virt_rng", domains=["full"], model="virtio-transitional", scope="live")
    live = row(result, "full")["live"]
    assert live["result"] == "restart_required", result
    assert "No more available PCI slots" in live["reason"] and live["reason"].endswith(POWER_OFF)
    assert host.live("full") == []


def test_a_transient_domain_has_a_running_device_only(host):
    host.create("passing")
    refused = host.rng(domains=["passing"], scope="config")
    assert refused["summary"]["skipped"] == 1
    assert "transient" in row(refused, "passing")["reason"] and host.live("passing") == []
    result = host.rng(domains=["passing"])
    assert host.live("passing") == [RNG]
    assert row(result, "passing")["config"] is None
    assert "transient" in row(result, "passing")["reason"]


def test_a_guest_that_does_not_answer_keeps_its_device_pending(host):
    names = ["one", "two", "three"]
    for name in names:
        host.define(name, RNG, start=True)
    begun = time.monotonic()
    host.run("virt_rng", domains=["nothing-*"])
    fixed = time.monotonic() - begun
    begun = time.monotonic()
    result = host.run("virt_rng", domains=["*"], state="absent", unplug_timeout=1)
    assert time.monotonic() - begun - fixed < 12, "libvirt's own wait is 5 s for each"
    assert result["changed"] and result["summary"]["restart_required"] == 3
    for name in names:
        assert host.config(name) == [] and host.live(name) == [RNG]
        live = row(result, name)["live"]
        assert live["result"] == "pending_unplug" and live["after"] == live["before"] == [DESCRIBED]
        assert live["reason"].endswith(POWER_OFF)


def test_a_backend_path_that_is_missing_is_refused_before_anything_is_written(host, tmp_path):
    host.define("web-1")
    (tmp_path / "plain").touch()
    for path, found in ((tmp_path / "nothing", "No such file"), (tmp_path / "plain", "no character device")):
        before = host.everything()
        result = host.rng(expect_failure=True, domains=["web-1"], path=str(path))
        assert found in result["msg"] and "nothing was changed" in result["msg"]
        assert host.everything() == before
