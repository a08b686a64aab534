# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A domain whose rng device is given by <qemu:commandline>, on a real daemon and a real QEMU."""

import pytest
from virt_host import RNG, row

WORDS = ("-object", "rng-builtin,id=mine", "-device", "virtio-rng-pci,rng=mine,id=own,bus=pcie.0,addr=0x1c")
JSON = WORDS[:3] + ('{"driver": "virtio-rng-pci", "rng": "mine", "id": "own", "bus": "pcie.0", "addr": "0x1c"}',)


def command_line(words):
    return "<qemu:commandline>" + "".join(f"<qemu:arg value='{word}'/>" for word in words) + "</qemu:commandline>"


@pytest.mark.parametrize("words", [WORDS, JSON])
def test_no_second_device_is_added_without_a_word(host, words):
    host.define("web-1", tail=command_line(words), start=True)
    before = host.everything()
    result = host.rng(domains=["web-1"])
    assert result["summary"]["skipped"] == 1 and not result["changed"] and host.everything() == before
    assert "its <qemu:commandline> gives it virtio-rng-pci own, which libvirt does not manage, and none is added" in row(result, "web-1")["reason"]
    info = host.info()
    assert row(info, "web-1")["unmanaged"] == ["virtio-rng-pci own"] and info["summary"]["without_device"] == info["summary"]["problem"] == 0
    allowed = host.rng(domains=["web-1"], managed_elsewhere="allow")
    assert host.config("web-1") == host.live("web-1") == [RNG] and "which stays" in row(allowed, "web-1")["reason"]
    absent = host.run("virt_rng", domains=["web-1"], state="absent", unplug_timeout=0)
    assert host.config("web-1") == [] and "virsh edit removes it" in row(absent, "web-1")["reason"]


def test_what_is_not_read_is_named(host):
    host.define("web-1", tail=command_line(["-readconfig", "/etc/qemu/extra.cfg"]))
    result = host.rng(domains=["web-1"])
    assert host.config("web-1") == [RNG]
    assert row(result, "web-1")["reason"] == "not checked for an rng device: -readconfig /etc/qemu/extra.cfg in its <qemu:commandline>"
