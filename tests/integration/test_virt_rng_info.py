# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng_info on a real daemon."""

import pytest
from virt_host import DESCRIBED, RNG, row


@pytest.fixture
def fleet(host):
    """Domains of several kinds; nothing of them may change by reading."""
    host.define("good", RNG, start=True)
    host.define("off", RNG)
    host.define("bare", head="<genid/>")
    host.define("late", start=True)
    host.virsh("suspend", "late")
    host.run("virt_rng", domains=["late"], scope="config")
    host.create("passing", devices=RNG)
    host.define("two", RNG + RNG, head='<metadata><nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1"/></metadata>')
    before = host.everything()
    yield host
    assert host.everything() == before


def test_every_domain_is_told_with_both_halves(fleet):
    result = fleet.info()
    assert result["changed"] is False
    assert [one["name"] for one in result["domains"]] == ["bare", "late", "two", "good", "off", "passing"]
    halves = {one["name"]: (one["config"], one["live"], one["drift"]) for one in result["domains"]}
    assert halves == {
        "bare": ([], None, False), "late": ([DESCRIBED], [], True), "two": ([DESCRIBED, DESCRIBED], None, False),
        "good": ([DESCRIBED], [DESCRIBED], False), "off": ([DESCRIBED], None, False), "passing": (None, [DESCRIBED], False)}
    assert {one["name"]: one["state"] for one in result["domains"]} == {
        "bare": "shutoff", "late": "paused", "two": "shutoff", "good": "running", "off": "shutoff", "passing": "running"}
    assert [one["name"] for one in result["domains"] if not one["persistent"]] == ["passing"]
    assert [one["name"] for one in result["domains"] if one["genid"]] == ["bare"]
    assert row(result, "two")["managed_elsewhere"] == "openstack" and row(result, "good")["managed_elsewhere"] is None
    assert row(result, "late")["plug"] == {"possible": True, "reason": None}
    assert row(result, "off")["plug"] == {"possible": False, "reason": "the domain is not running"}
    assert result["summary"] == {"matched": 6, "running": 3, "without_device": 1, "drift": 1, "problem": 3, "failed": 0}


def test_rows_can_be_those_with_drift_or_with_a_problem_while_all_are_counted(fleet):
    everything = fleet.info()
    for only, names in (("drift", ["late"]), ("problem", ["bare", "late", "two"])):
        result = fleet.info(only=only)
        assert [one["name"] for one in result["domains"]] == names
        assert result["summary"] == everything["summary"] and result["truncated"] == 0
    limited = fleet.info(max_results=2)
    assert [one["name"] for one in limited["domains"]] == ["bare", "late"] and limited["truncated"] == 4
    assert "max_results: found -1, expected 0 to 2147483647" in fleet.info(max_results=-1)["msg"]


def test_domains_that_are_alike_are_told_together(fleet):
    fleet.define("bare-2", head="<genid/>")
    rows, groups = (fleet.info(max_results=2, group=group) for group in (False, True))
    assert [one["name"] for one in rows["domains"]] == ["bare", "bare-2"] and "domains" not in groups
    (group,) = groups["groups"]
    assert group.pop("domains") == {one["uuid"]: one["name"] for one in rows["domains"]}
    assert [dict(group, name=one["name"], uuid=one["uuid"]) for one in rows["domains"]] == rows["domains"]
    assert groups["truncated"] == rows["truncated"] == 5 and groups["summary"] == rows["summary"]
    fleet.virsh("undefine", "bare-2")


def test_the_host_is_told_with_what_a_read_only_connection_may_not_ask(fleet):
    host = fleet.info()["host"]
    assert host["libvirt_version"] == fleet.virsh("version", "--daemon").rsplit(maxsplit=1)[-1]
    assert host["qemu_version"] in fleet.virsh("version") and host["qemu_version_reason"] is None
    assert host["backends"] is None and "read-only" in host["backends_reason"]
    assert host["entropy"]["schema"] == 1 and host["entropy_reason"] is None


def test_a_hypervisor_that_is_no_qemu_says_so(host):
    found = host.run("virt_rng_info", uri="test:///default")["host"]
    assert found["qemu_version"] is None and found["qemu_version_reason"] == "test:///default is no QEMU, but TEST"


def test_drift_is_of_meaning(host):
    host.define("same", "<rng model='virtio'><rate bytes='64'/><backend model='random'>/dev/random</backend></rng>", start=True)
    host.run("virt_rng", domains=["same"], path="/dev/random", rate_bytes=64, scope="config")
    assert not row(host.info(), "same")["drift"]
    host.run("virt_rng", domains=["same"], path="/dev/random", rate_bytes=65, scope="config")
    assert row(host.info(), "same")["drift"]


def test_the_devices_of_a_managed_save_are_told_beside_those_of_the_definition(host):
    for name, devices in (("with", RNG), ("without", "")):
        host.define(name, devices, start=True)
        host.virsh("managedsave", name)
    host.define("never")
    host.virsh("attach-device", "without", host.device_file(RNG), "--config")
    result = host.info()
    told = {one["name"]: (one["managed_save"], one["saved"], one["config"]) for one in result["domains"]}
    assert told == {"with": (True, [DESCRIBED], [DESCRIBED]), "without": (True, [], [DESCRIBED]), "never": (False, None, [])}
