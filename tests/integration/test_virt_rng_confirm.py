# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A running device goes only after its successor is seen in use: real QEMU, and a real kernel that takes devices and gives them back."""

import socket

import pytest
from kernel_guest import kernel_domain
from virt_host import DESCRIBED, OLD, RNG, SLOW, row

QUICK = {"domains": ["web-1"], "replace_live": True, "unplug_timeout": 0, "settle": 0}


def test_where_nobody_looks_both_devices_stay_and_the_row_says_how_to_go_on(host):
    host.define("web-1", SLOW, start=True)
    result = host.rng(domains=["web-1"], replace_live=True)
    live = row(result, "web-1")["live"]
    assert host.live("web-1") == [SLOW, RNG] and host.config("web-1") == [RNG]
    assert (live["result"], live["after"]) == ("pending_unplug", [OLD, DESCRIBED])
    assert live["reason"].startswith("nobody has seen the guest use the new device")
    assert "confirmed" in live["reason"] and "confirm_by" in live["reason"] and "power the domain off" in live["reason"]
    again = host.rng(domains=["web-1"], replace_live=True)
    assert not again["changed"] and row(again, "web-1")["live"]["result"] == "pending_unplug" and host.live("web-1") == [SLOW, RNG]
    assert "tainted" not in host.virsh("dominfo", "web-1")


def test_a_guest_without_a_driver_keeps_its_old_device_though_libvirt_has_plugged_the_new_one(host):
    host.define("web-1", SLOW, start=True)  # It stays in its firmware.
    result = host.run("virt_rng", confirm_by=["qemu", "agent"], **QUICK)
    live = row(result, "web-1")["live"]
    assert host.live("web-1") == [SLOW, RNG] and live["result"] == "pending_unplug" and live["before"] == [OLD]
    assert "QEMU says that the guest's driver has not taken the new device; no agent of the guest is connected" in live["reason"]
    assert not host.run("virt_rng", confirm_by=["qemu"], **QUICK)["changed"]


def test_exclusive_asks_for_nothing_until_the_described_device_is_seen_in_use(host):
    host.define("web-1", RNG + SLOW, start=True)
    result = host.run("virt_rng", confirm_by=["qemu"], exclusive=True, **QUICK)
    assert "has not taken" in row(result, "web-1")["live"]["reason"] and len(host.live("web-1")) == 2


def test_wishes_that_nobody_confirms_plug_no_more_than_one_device(host):
    host.define("web-1", SLOW, start=True)
    for rate, result in ((1024, "pending_unplug"), (65, "restart_required"), (1024, "pending_unplug"), (65, "restart_required")):
        live = row(host.rng(domains=["web-1"], rate_bytes=rate, replace_live=True), "web-1")["live"]
        assert host.live("web-1") == [SLOW, RNG] and live["result"] == result
        assert host.config("web-1") == [RNG.replace("1024", str(rate))]
    assert "a device that an earlier run replaced is still there" in live["reason"]


@pytest.mark.parametrize("inherited", [True, False])
def test_page_per_vq_is_not_plugged_where_the_guest_could_not_use_it(host, inherited):
    host.define("web-1", SLOW.replace("<rate", "<driver page_per_vq='on'/><rate") if inherited else SLOW, start=True)
    before = host.live("web-1")
    result = host.rng(domains=["web-1"], replace_live=True, confirmed=["*"], **({} if inherited else {"driver": {"page_per_vq": True}}))
    live = row(result, "web-1")["live"]
    assert host.live("web-1") == before and live["result"] == "restart_required" and "with page_per_vq the device needs 8 MiB" in live["reason"]
    assert "page_per_vq='on'" in host.config("web-1")[0]
    host.define("web-2", start=True)
    assert row(host.rng(domains=["web-2"], driver={"page_per_vq": True}), "web-2")["live"]["result"] == "restart_required" and host.live("web-2") == []


def test_a_definition_that_is_put_back_loses_the_port_that_libvirt_added_too(host):
    host.define("web-1", SLOW, start=True)
    host.define("web-2", start=True)
    before = host.definition("web-1"), host.definition("web-2")
    with socket.create_server(("127.0.0.1", 0)) as taken:  # As devices it is given back all the same, and QEMU refuses it.
        egd = {"type": "tcp", "sources": [{"mode": "bind", "host": "127.0.0.1", "service": str(taken.getsockname()[1])}]}
        result = host.run("virt_rng", domains=["*"], devices=[{"backend": "egd", "egd": egd}], replace_live=True, confirmed=["*"])
    assert result["failed"] and (host.definition("web-1"), host.definition("web-2")) == before
    for name in ("web-1", "web-2"):
        assert result["msg"].count(f"domain {name}: taken back, because the domain might not start with it; QEMU cannot use the source") == 1
    assert host.live("web-1") == [SLOW] and host.live("web-2") == []


def test_a_guest_whose_driver_has_got_bytes_of_the_new_device_gives_the_old_one_back(host):
    kernel_domain(host, "web-1", SLOW)
    result = host.rng(domains=["web-1"], replace_live=True, confirm_by=["qemu"], settle=60, unplug_timeout=60)
    live = row(result, "web-1")["live"]
    assert live.pop("reason").startswith("not kept of the replaced device: address PCI 0000:")
    assert live == {"before": [OLD], "after": [DESCRIBED], "result": "done"}
    assert host.live("web-1") == host.config("web-1") == [RNG]
    # What nobody looked at is finished by a run that may look, and plugs nothing more.
    host.run("virt_rng", rate_bytes=64, **QUICK)
    assert host.live("web-1") == [RNG, SLOW]
    result = host.rng(domains=["web-1"], rate_bytes=64, replace_live=True, confirm_by=["qemu"], settle=60, unplug_timeout=60)
    assert host.live("web-1") == [SLOW] and result["changed"] and row(result, "web-1")["live"]["result"] == "done"
