# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng with replace_live: the new device before the old one, on a real daemon. A real guest that answers: test_virt_guest.py."""

import re
import time

import pytest
from virt_host import BARE, DESCRIBED, OLD, POWER_OFF, RNG, SLOW, row

PORTS = BARE + "<controller type='pci' index='0' model='pcie-root'/>"


def port(index):
    return f"<controller type='pci' index='{index}' model='pcie-root-port'/>"


def at(index, element=SLOW):
    return element.replace("</rng>", f"<address type='pci' bus='{index}' slot='0'/></rng>")


def test_the_new_device_runs_before_the_old_one_is_asked_for(host):
    # A guest in its firmware never answers, so both can be seen.
    host.define("web-1", SLOW, start=True)
    result = host.run("virt_rng", domains=["web-1"], replace_live=True, confirmed=["*"], unplug_timeout=1, settle=0)
    assert host.config("web-1") == [RNG] and host.live("web-1") == [SLOW, RNG]
    live = row(result, "web-1")["live"]
    assert (live["before"], live["after"], live["result"]) == ([OLD], [OLD, DESCRIBED], "pending_unplug")
    assert live["reason"] == f"the guest has not given the device back yet. If it doesn't: the definition is right: {POWER_OFF}"
    assert not result.get("failed") and result["summary"]["restart_required"] == 1


def test_the_next_run_asks_again_and_plugs_nothing_more(host):
    host.define("web-1", SLOW, start=True)
    for _run in range(2):
        result = host.run("virt_rng", domains=["web-1"], replace_live=True, confirmed=["*"], unplug_timeout=0, settle=0)
        assert host.live("web-1") == [SLOW, RNG] and host.config("web-1") == [RNG]
        assert row(result, "web-1")["live"]["result"] == "pending_unplug"
    without = host.rng(domains=["web-1"])
    assert not without["changed"] and row(without, "web-1")["live"]["result"] == "restart_required"
    host.virsh("destroy", "web-1")
    host.virsh("start", "web-1")
    assert host.live("web-1") == [RNG] and not host.rng(domains=["web-1"], replace_live=True, confirmed=["*"])["changed"]


def test_a_paused_guest_is_known_not_to_answer(host):
    host.define("web-1", SLOW, start=True)
    host.virsh("suspend", "web-1")
    begun = time.monotonic()
    for options in ({"replace_live": True, "confirmed": ["*"]}, {"state": "absent"}):
        result = host.rng(domains=["web-1"], unplug_timeout=300, **options)
        assert row(result, "web-1")["live"]["result"] == "pending_unplug"
        assert row(result, "web-1")["live"]["reason"].startswith("the guest is paused and cannot answer")
    assert time.monotonic() - begun < 200, "it is not waited for"


@pytest.mark.parametrize("machine, devices, reason", [
    ("q35", PORTS + port(1) + at(1), "no free PCIe root port: all 1 are taken"),
    ("pc", BARE + "".join(f"<controller type='virtio-serial' index='{index}'><address type='pci' bus='0' slot='{index + 2}'/></controller>"
                          for index in range(29)) + at(0).replace("slot='0'", "slot='31'"), "no free PCI slot"),
])
def test_where_there_is_no_place_for_two_the_old_device_stays(host, machine, devices, reason):
    host.define("full", devices, machine=machine, start=True)
    result = host.rng(domains=["full"], replace_live=True, confirmed=["*"])
    assert host.config("full") == [RNG] and host.live("full") == [SLOW]
    live = row(result, "full")["live"]
    assert live["result"] == "restart_required" and live["after"] == live["before"] == [OLD]
    assert live["reason"] == f"cannot plug <rng> while running: {reason}. The old device stays. The definition is right: {POWER_OFF}"


def test_without_acpi_a_pc_machine_keeps_its_device(host):
    host.define("old", SLOW, machine="pc", features="", start=True)
    result = host.rng(domains=["old"], replace_live=True, confirmed=["*"])
    assert host.live("old") == [SLOW] and row(result, "old")["live"]["result"] == "restart_required"
    absent = host.rng(domains=["old"], state="absent")
    assert row(absent, "old")["live"]["result"] == "restart_required" and host.live("old") == [SLOW]


@pytest.mark.parametrize("devices, why", [
    (at(0).replace("slot='0'", "slot='7'"), "it sits on the root complex itself"),
    (PORTS + "<controller type='pci' index='1' model='pcie-root-port'><target hotplug='off'/></controller>" + port(2) + at(1), "its port has hotplug off"),
    (at(0).replace("slot='0'", "slot='7' multifunction='on'"), "(multifunction)"),
])
def test_what_cannot_leave_while_it_runs_is_known_and_nothing_is_plugged_beside_it(host, devices, why):
    host.define("old", devices, start=True)
    for options in ({"replace_live": True, "confirmed": ["*"]}, {"state": "absent"}):
        live = row(host.rng(domains=["old"], **options), "old")["live"]
        assert live["result"] == "restart_required" and why in live["reason"] and host.live("old") == [SLOW]


@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_a_definition_keeps_the_names_and_the_address_and_nothing_else_changes(host, machine):
    host.define("web-1", SLOW.replace("</rng>", "<alias name='ua-seed'/><acpi index='5'/></rng>"), machine=machine)
    before = host.definition("web-1")
    result = host.rng(domains=["web-1"])
    assert row(result, "web-1")["config"]["reason"] is None
    assert host.definition("web-1") == before.replace("bytes='64'", "bytes='1024'")
    host.rng(domains=["web-1"], backend="builtin", rate_bytes=0)
    back = row(host.rng(domains=["web-1"], devices=row(result, "web-1")["config"]["before"]), "web-1")
    assert host.definition("web-1") == before and back["config"]["after"] == [OLD]


def test_what_runs_says_what_it_loses_until_the_next_start(host):
    host.define("web-1", SLOW.replace("</rng>", "<alias name='ua-seed'/><acpi index='5'/></rng>"), start=True)
    result = host.run("virt_rng", domains=["web-1"], replace_live=True, _ansible_check_mode=True, confirmed=["*"])
    reason = row(result, "web-1")["live"]["reason"]
    lost = re.fullmatch(r"not kept of the replaced device: address PCI 0000:(..):(..)\.0, alias ua-seed, ACPI index 5", reason)
    bus, slot = lost.groups()
    assert f"<address type='pci' domain='0x0000' bus='0x{bus}' slot='0x{slot}' function='0x0'/>" in host.virsh("dumpxml", "web-1")


def test_all_guests_share_one_deadline(host):
    names = ["one", "two", "three", "four"]
    for name in names:
        host.define(name, SLOW, start=True)
    took = {}
    for domains in ("one", "*"):
        begun = time.monotonic()
        result = host.run("virt_rng", domains=[domains], replace_live=True, confirmed=["*"], unplug_timeout=4, settle=0)
        took[domains] = time.monotonic() - begun
        assert took[domains] >= 4
    assert took["*"] < took["one"] + 8, "one after the other they would take 12 s more"
    assert {row(result, name)["live"]["result"] for name in names} == {"pending_unplug"}


def test_exclusive_takes_what_runs_beside_it(host):
    host.define("web-1", RNG + SLOW, start=True)
    result = host.run("virt_rng", domains=["web-1"], exclusive=True, replace_live=True, confirmed=["*"], unplug_timeout=0, settle=0)
    assert host.config("web-1") == [RNG]
    live = row(result, "web-1")["live"]
    assert live["result"] == "pending_unplug" and live["after"] == live["before"] == [DESCRIBED, OLD], "nothing is plugged"


def test_a_transient_domain_is_replaced_as_well(host):
    host.create("passing", devices=SLOW)
    result = host.run("virt_rng", domains=["passing"], replace_live=True, confirmed=["*"], unplug_timeout=0, settle=0)
    assert host.live("passing") == [SLOW, RNG]
    assert row(result, "passing")["live"]["reason"].endswith("create it again with the <rng> that is wanted")


def test_a_device_given_up_by_a_power_off_is_gone(host):
    host.define("web-1", SLOW, start=True)
    host.run("virt_rng", domains=["web-1"], replace_live=True, confirmed=["*"], unplug_timeout=0, settle=0)
    host.virsh("destroy", "web-1")
    assert host.config("web-1") == [RNG]
    assert not host.rng(domains=["web-1"], replace_live=True, confirmed=["*"])["changed"]


def test_several_devices_are_made_exactly_as_given_and_given_back(host):
    host.define("web-1", PORTS + "".join(map(port, range(1, 5))) + SLOW + RNG.replace("/dev/urandom", "/dev/random"), start=True)
    wanted = [DESCRIBED, {"backend": "builtin", "rate_bytes": 0, "model": "virtio"}]
    result = host.run("virt_rng", domains=["web-1"], devices=wanted, replace_live=True, confirmed=["*"], unplug_timeout=0, settle=0)
    before = row(result, "web-1")["config"]["before"]
    assert len(before) == 2 and len(host.config("web-1")) == 2 and "builtin" in host.config("web-1")[1]
    assert len(host.live("web-1")) == 4, "none goes before the others are there"
    host.rng(domains=["web-1"], devices=before, scope="config")
    assert row(host.info(), "web-1")["config"] == before
    host.rng(domains=["web-1"], devices=[], scope="config")
    assert host.config("web-1") == []


def test_several_devices_are_not_begun_where_there_is_a_place_for_one(host):
    host.define("web-1", PORTS + "".join(map(port, range(1, 3))) + at(1), start=True)
    result = host.rng(domains=["web-1"], devices=[DESCRIBED, {"backend": "builtin"}], replace_live=True, confirmed=["*"])
    assert host.live("web-1") == [SLOW] and len(host.config("web-1")) == 2
    assert "1 free PCIe root port for 2 devices" in row(result, "web-1")["live"]["reason"]
