# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng on domains that are not plain: held by a job, somebody else's, saved, snapshotted, bound to a connection."""

import contextlib
import itertools
import os
import subprocess
import time

import pytest
from virt_host import DESCRIBED, POWER_OFF, RNG, SLOW, domain_xml, row

ELSEWHERE = {
    "openstack": "<nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:name>web</nova:name></nova:instance>",
    "ovirt": "<ovirt-vm:vm xmlns:ovirt-vm='http://ovirt.org/vm/1.0'><ovirt-vm:clusterVersion>4.7</ovirt-vm:clusterVersion></ovirt-vm:vm>",
    "kubevirt": "<kubevirt xmlns='http://kubevirt.io'><uid>1</uid></kubevirt>",
}


@contextlib.contextmanager
def a_job(host, name):
    """Have libvirt dump the domain's memory into a pipe that nobody reads: a job that runs until the pipe is closed."""
    pipe = host.daemon.state / "tmp/dump"
    os.mkfifo(pipe)
    os.chown(pipe, *(os.stat(host.daemon.state / "tmp")[4:6]))
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    job = subprocess.Popen(["virsh", "--quiet", "--connect", host.uri, "dump", "--memory-only", name, str(pipe)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while "Operation:" not in host.virsh("domjobinfo", name):
            assert time.monotonic() < deadline
        yield
    finally:
        os.close(reader)
        job.wait(60)
        pipe.unlink()


def test_a_domain_held_by_a_job_is_busy_at_once_and_done_afterwards(host):
    for name in ("busy", "free"):
        host.define(name, SLOW, start=True)
    begun = time.monotonic()
    host.rng(domains=["nothing-*"])
    fixed = time.monotonic() - begun
    with a_job(host, "busy"):
        begun = time.monotonic()
        result = host.rng(expect_failure=True, domains=["*"])
        assert time.monotonic() - begun - fixed < 25, "libvirt's own wait is 30 s for each half"
        assert host.config("busy") == [SLOW] and host.config("free") == [RNG]
        half = row(result, "busy")
        assert half["config"]["result"] == half["live"]["result"] == "busy" and "run again when it has ended" in half["reason"]
        assert not host.rng(domains=["busy"], rate_bytes=64)["changed"], "nothing to do is no trouble"
    assert host.rng(domains=["*"])["summary"]["changed"] == 1
    assert host.config("busy") == [RNG]


@pytest.mark.parametrize("owner", ELSEWHERE)
def test_a_domain_that_somebody_else_defines_again_is_skipped_and_says_who(host, owner):
    host.define("theirs", head=f"<metadata>{ELSEWHERE[owner]}</metadata>", start=True)
    host.define("theirs-and-right", RNG, head=f"<metadata>{ELSEWHERE[owner]}</metadata>")
    host.define("ours")
    before = host.definition("theirs")
    result = host.rng(domains=["*"])
    assert host.definition("theirs") == before and host.live("theirs") == [] and host.config("ours") == [RNG]
    assert result["summary"] == {"matched": 3, "unchanged": 1, "changed": 1, "restart_required": 0, "skipped": 1, "failed": 0}
    assert row(result, "theirs")["skipped"] and row(result, "theirs")["reason"].lower().startswith(owner)
    assert row(host.info(), "theirs")["managed_elsewhere"] == owner
    host.rng(domains=["theirs"], managed_elsewhere="allow")
    assert host.config("theirs") == host.live("theirs") == [RNG]


def test_more_domains_than_allowed_are_refused_before_anything_is_written(host):
    host.define("right", RNG)
    for name in ("a", "b", "c"):
        host.define(name)
    before = host.everything()
    result = host.rng(expect_failure=True, domains=["*"], max_changes=2)
    assert "3 of 4 domains would change, max_changes is 2: nothing was changed (a, b, c)" in result["msg"]
    assert host.everything() == before
    assert host.rng(domains=["*"], max_changes=3)["summary"]["changed"] == 3
    assert not host.rng(domains=["*"], max_changes=1)["changed"]


def test_a_managed_save_brings_the_old_device_back_and_that_is_told(host):
    host.define("saved", SLOW, start=True)
    host.virsh("managedsave", "saved")
    result = host.rng(domains=["saved"])
    assert "brings back the device as it was saved" in row(result, "saved")["reason"]
    host.virsh("start", "saved")
    assert host.live("saved") == [SLOW], "it is libvirt's doing"
    assert row(host.rng(domains=["saved"]), "saved")["live"]["result"] == "restart_required"


def test_a_snapshot_brings_the_old_device_back_and_that_is_told(host, tmp_path):
    disk = host.daemon.state / "tmp/disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "1M"], check=True)
    os.chown(disk, *(os.stat(host.daemon.state / "tmp")[4:6]))
    disk_xml = f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda'/></disk>"
    host.define("kept", SLOW + disk_xml)
    host.virsh("snapshot-create-as", "kept", "before")
    result = host.rng(domains=["kept"])
    assert row(result, "kept")["snapshots"] and "going back to one brings back its device too" in row(result, "kept")["reason"]
    host.virsh("snapshot-revert", "kept", "before")
    assert host.config("kept") == [SLOW]
    host.virsh("snapshot-delete", "kept", "before")
    result = host.rng(domains=["kept"])
    assert not row(result, "kept")["snapshots"] and row(result, "kept")["reason"] is None and host.config("kept") == [RNG]


def test_a_domain_that_ends_with_its_owners_connection_is_treated_like_any_other(host):
    xml = host.daemon.state / "tmp/bound.xml"
    xml.write_text(domain_xml("bound"), encoding="utf-8")
    owner = subprocess.Popen(["virsh", "--quiet", "--connect", host.uri], stdin=subprocess.PIPE, text=True)
    owner.stdin.write(f"create --autodestroy {xml}\n")
    owner.stdin.flush()
    deadline = time.monotonic() + 30
    while "bound" not in host.virsh("list", "--name") or host.virsh("domstate", "bound") != "running":
        assert time.monotonic() < deadline
    result = host.rng(domains=["bound"])
    assert host.live("bound") == [RNG] and row(result, "bound")["live"]["after"] == [DESCRIBED]
    owner.communicate("quit\n", timeout=60)
    while "bound" in host.virsh("list", "--name"):
        assert time.monotonic() < deadline + 30
    assert "has the name or UUID 'bound'" in host.rng(expect_failure=True, domains=["bound"])["msg"]


@pytest.mark.parametrize("model", ["virtio-transitional", "virtio-non-transitional"])
def test_transitional_models_are_made_in_both_halves_or_wait(host, model):
    host.define("pc", machine="pc", start=True)
    host.define("q35", start=True)
    result = host.rng(domains=["*"], model=model)
    for name in ("pc", "q35"):
        assert f"model='{model}'" in host.config(name)[0]
        live = row(result, name)["live"]
        if live["result"] == "done":
            assert f"model='{model}'" in host.live(name)[0]
        else:
            assert name == "q35" and model == "virtio-transitional" and live["reason"].endswith(POWER_OFF)


def properties(qtree, device):
    """Return the properties (list of str) of the only ``device`` of its kind in QEMU's tree, those of what is inside it included."""
    lines = qtree.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.lstrip().startswith(f"dev: {device},")]
    return [line.strip() for line in itertools.takewhile(lambda line: indent(line) > indent(lines[at]), lines[at + 1:])]


def indent(line):
    return len(line) - len(line.lstrip())


def test_driver_options_are_what_qemu_runs_with(host):
    host.define("web-1")
    host.rng(domains=["web-1"], driver={"iommu": True, "ats": True, "packed": True, "page_per_vq": True})
    host.virsh("start", "web-1")
    assert "iommu='on' ats='on' packed='on' page_per_vq='on'" in host.live("web-1")[0]
    shown = properties(host.virsh("qemu-monitor-command", "web-1", "--hmp", "info qtree"), "virtio-rng-pci")
    assert {"iommu_platform = true", "ats = true", "packed = true", "page-per-vq = true"} <= set(shown)


@pytest.mark.parametrize("machine, model", [("pc", "virtio"), ("q35", "virtio-transitional")])
def test_iommu_is_refused_where_qemu_would_not_start_with_it(host, machine, model):
    host.define("on", machine=machine, start=True)
    host.define("off", machine=machine)
    result = host.rng(expect_failure=True, domains=["*"], model=model, driver={"iommu": True})
    assert "Give model: virtio-non-transitional" in result["msg"] and result["summary"]["failed"] == 2
    assert not host.config("on") and not host.config("off") and not host.live("on")
    host.rng(domains=["*"], model="virtio-non-transitional", driver={"iommu": True})
    host.virsh("start", "off")
    assert host.live("on") and host.live("off")
