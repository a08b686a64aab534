# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng in definitions: of domains that are shut off, on a real daemon."""

import pytest
from compared import is_same_outside_rng
from virt_host import BARE, DESCRIBED, RNG, row

EGD = "<rng model='virtio'><backend model='egd' type='unix'><source mode='connect' path='/run/egd.sock'/></backend></rng>"
SLOW = "<rng model='virtio'><rate bytes='64' period='1000'/><backend model='random'>/dev/random</backend></rng>"
RICH = {
    "head": """<title>Ünïcode &amp; title</title><metadata>
        <app:info xmlns:app='http://example.org/app' owner='me'><app:rng>not a device</app:rng><![CDATA[</metadata><devices><rng>]]></app:info>
        <inventory xmlns='http://example.org/inventory'><devices><rng model='virtio'><backend model='random'>/dev/null</backend></rng></devices></inventory>
        </metadata>""",
    "devices": """<graphics type='vnc' port='-1' passwd='s&lt;cr&amp;t' passwdValidTo='2030-01-01T00:00:00'/>
        <disk type='network' device='cdrom'><source protocol='https' name='iso'><host name='example.org' port='443'/>
        <cookies><cookie name='session'>an&amp;other</cookie></cookies></source><target dev='sda' bus='sata'/><readonly/></disk>
        <serial type='pty'/><rng model='virtio'><backend model='builtin'/></rng>""",
    "tail": "<qemu:commandline><qemu:arg value='-name'/><qemu:arg value='&lt;/devices&gt;'/><qemu:env name='SECRET' value='x y'/></qemu:commandline>",
}


def test_a_domain_without_a_device_gets_the_described_one(host):
    host.define("web-1")
    result = host.rng(domains=["web-1"])
    assert host.config("web-1") == [RNG]
    assert result["summary"] == {"matched": 1, "unchanged": 0, "changed": 1, "restart_required": 0, "skipped": 0, "failed": 0}
    assert row(result, "web-1")["config"] == {"before": [], "after": [DESCRIBED], "result": "done", "reason": None}
    assert row(result, "web-1")["live"] is None


@pytest.mark.parametrize("options", [
    {}, {"backend": "builtin", "rate_bytes": 0}, {"path": "/dev/random", "rate_bytes": 64, "rate_period": 250},
    {"model": "virtio-transitional"}, {"driver": {"iommu": True, "packed": False}}, {"exclusive": True}, {"state": "absent"}])
def test_the_second_run_changes_nothing(host, options):
    host.define("web-1", SLOW + SLOW)
    assert host.rng(domains=["web-1"], **options)["changed"]
    before = host.everything()
    result = host.rng(domains=["web-1"], **options)
    assert not result["changed"]
    assert row(result, "web-1")["config"]["result"] == "unchanged"
    assert host.everything() == before


@pytest.mark.parametrize("written, options", [
    ("<rng model='virtio'><backend model='random'/></rng>", {"path": "/dev/random", "rate_bytes": 0}),
    ("<rng model='virtio'><rate bytes='64'/><backend model='random'>/dev/random</backend></rng>", {"path": "/dev/random", "rate_bytes": 64}),
    ("<rng model='virtio'><rate period='5'/><backend model='builtin'/></rng>", {"backend": "builtin", "rate_bytes": 0, "rate_period": 7}),
    ("<rng model='virtio'><driver iommu='on' ats='on'/><backend model='builtin'/></rng>",
     {"backend": "builtin", "rate_bytes": 0, "driver": {"iommu": True, "packed": False}}),
])
def test_what_means_the_same_is_left_alone(host, written, options):
    host.define("web-1", written)
    before = host.everything()
    assert not host.rng(domains=["web-1"], **options)["changed"]
    assert host.everything() == before


def test_a_device_that_differs_is_replaced_and_options_not_given_are_kept(host):
    host.define("web-1", SLOW.replace("<rate", "<driver ats='on'/><rate"))
    result = host.rng(domains=["web-1"], driver={"iommu": True})
    assert row(result, "web-1")["config"]["after"] == [dict(DESCRIBED, driver={"ats": True, "iommu": True})]
    assert host.config("web-1") == [RNG.replace("</backend>", "</backend><driver iommu='on' ats='on'/>")]


def test_the_first_of_several_is_replaced_and_the_rest_stays(host):
    host.define("web-1", SLOW + SLOW.replace("64", "65"))
    host.rng(domains=["web-1"])
    assert host.config("web-1") == [SLOW.replace("64", "65"), RNG]


def test_two_that_differ_in_their_address_only_are_told_apart(host):
    host.define("web-1", SLOW + SLOW)
    first = host.definition("web-1").split("<rng")[1].split("<address")[1].split("/>")[0]
    host.rng(domains=["web-1"])
    assert host.config("web-1") == [SLOW, RNG]
    assert first not in host.definition("web-1").split("<rng")[1]


def test_exclusive_leaves_one(host):
    host.define("web-1", SLOW + RNG + EGD + RNG)
    host.rng(domains=["web-1"], exclusive=True)
    assert host.config("web-1") == [RNG]


def test_egd_is_preserved_and_the_described_device_added_beside_it(host):
    host.define("web-1", EGD)
    result = host.rng(domains=["web-1"])
    assert len(host.config("web-1")) == 2 and "/run/egd.sock" in host.config("web-1")[0]
    half = row(result, "web-1")["config"]
    assert half["before"][0]["egd"] == {"type": "unix", "sources": [{"mode": "connect", "path": "/run/egd.sock"}]}
    assert "egd is preserved" in half["reason"]


def test_absent_removes_every_device(host):
    host.define("web-1", SLOW + EGD + RNG)
    result = host.rng(domains=["web-1"], state="absent")
    assert host.config("web-1") == []
    assert len(row(result, "web-1")["config"]["before"]) == 3


@pytest.mark.parametrize("options", [{}, {"state": "absent"}, {"backend": "builtin", "exclusive": True}])
def test_nothing_but_rng_changes_secrets_metadata_and_foreign_namespaces_included(host, options):
    host.define("rich", **RICH)
    before = host.definition("rich")
    assert "s&lt;cr&amp;t" in before and "an&amp;other" in before
    assert host.rng(domains=["rich"], **options)["changed"]
    assert is_same_outside_rng(before, host.definition("rich"))
    assert host.config("rich") != [] or options.get("state") == "absent"


def test_before_given_back_is_the_way_back(host):
    host.define("web-1", "<rng model='virtio'><driver packed='on'/><rate bytes='7'/><backend model='random'/></rng>")
    before, config = host.definition("web-1"), host.info()["domains"][0]["config"]
    result = host.rng(domains=["web-1"], backend="builtin")
    host.rng(domains=["web-1"], **row(result, "web-1")["config"]["before"][0])
    assert is_same_outside_rng(before, host.definition("web-1")) and host.info()["domains"][0]["config"] == config


def test_a_definition_without_a_slot_for_two_gets_the_new_device_in_the_place_of_the_old(host):
    others = "".join(
        f"<controller type='virtio-serial' index='{index}'><address type='pci' bus='0' slot='{index + 2}'/></controller>" for index in range(29))
    host.define("full", BARE + others + SLOW.replace("</rng>", "<address type='pci' bus='0' slot='31'/></rng>"), machine="pc")
    host.rng(domains=["full"])
    assert host.config("full") == [RNG]


def test_a_definition_without_any_slot_fails_and_stays_as_it_was(host):
    others = "".join(
        f"<controller type='virtio-serial' index='{index}'><address type='pci' bus='0' slot='{index + 2}'/></controller>" for index in range(30))
    host.define("full", BARE + others, machine="pc")
    host.define("good")
    before = host.definition("full")
    result = host.run("virt_rng", domains=["*"])
    assert result["failed"] and result["changed"]
    assert result["msg"].startswith("1 of 2 domains failed. domain full: libvirt refuses: ")
    assert row(result, "full")["config"]["result"] == "refused"
    assert host.definition("full") == before
    assert host.config("good") == [RNG]


def test_a_driver_that_cannot_attach_gets_the_whole_definition_back(host):
    # Each connection to test:///default is a host of its own, so the result tells, not a second look.
    result = host.run("virt_rng", uri="test:///default", domains=["test"], scope="config")
    assert result["changed"] and not result.get("failed")
    assert row(result, "test")["config"]["after"] == [DESCRIBED]


def test_diff_shows_the_device_and_nothing_else_of_the_domain(host):
    host.define("rich", **RICH)
    result = host.run("virt_rng", domains=["rich"], _ansible_diff=True, _ansible_check_mode=True, exclusive=True, driver={"iommu": True})
    assert result["diff"] == [{
        "before_header": "rich (definition)", "after_header": "rich (definition)",
        "before": "- backend: builtin\n  rate_bytes: 0\n  rate_period: 1000\n  model: virtio\n",
        "after": "- backend: random\n  path: /dev/urandom\n  rate_bytes: 1024\n  rate_period: 1000\n  model: virtio\n  driver:\n    iommu: true\n",
    }]
    assert "diff" not in host.run("virt_rng", domains=["rich"])


def test_a_managed_save_is_told(host):
    host.define("saved", start=True)
    host.virsh("managedsave", "saved")
    result = host.rng(domains=["saved"])
    assert row(result, "saved")["managed_save"] is True
    assert "managedsave-remove" in row(result, "saved")["reason"]


def test_rows_are_limited_and_the_rest_is_counted(host):
    host.define("same", RNG)
    for name in ("a", "b"):
        host.define(name)
    result = host.rng(domains=["*"], max_results=1)
    assert [one["name"] for one in result["domains"]] == ["a"]
    assert result["truncated"] == 2
    assert result["summary"]["matched"] == 3 and result["summary"]["changed"] == 2


def test_a_rate_that_starves_is_warned_of(host):
    host.define("web-1")
    assert "delay the first credit" in str(host.rng(domains=["web-1"], rate_bytes=5)["warnings"])
    assert "warnings" not in host.rng(domains=["web-1"], rate_bytes=64, rate_period=10000)
    assert "no period over 10 s" in str(host.rng(domains=["web-1"], rate_bytes=64, rate_period=60000)["warnings"])


def test_a_confidential_guest_reaches_its_device_through_the_iommu_and_its_owner_is_told(host, tmp_path):
    # This machine's QEMU has no SEV and libvirt refuses such a domain for it. libvirt's test driver takes it.
    protected = "<launchSecurity type='sev'><cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits><policy>0x0003</policy></launchSecurity>"
    domains = [f"<domain type='test'><name>{name}</name><memory>65536</memory><os><type>hvm</type></os>{extra}</domain>"
               for name, extra in (("sev", protected), ("plain", ""))]
    (tmp_path / "node.xml").write_text(f"<node>{''.join(domains)}</node>", encoding="utf-8")
    for driver, expected in ((None, {"iommu": True}), ({"iommu": False}, {"iommu": False})):
        result = host.run("virt_rng", uri=f"test://{tmp_path}/node.xml", domains=["*"], scope="config", **({"driver": driver} if driver else {}))
        assert not result.get("failed"), result["msg"]
        assert row(result, "sev")["config"]["after"] == [dict(DESCRIBED, driver=expected)]
        assert row(result, "plain")["config"]["after"] == [dict(DESCRIBED, driver=driver or {})]
        assert "do not trust this host" in str(result["warnings"]) and "(sev)" in str(result["warnings"])
