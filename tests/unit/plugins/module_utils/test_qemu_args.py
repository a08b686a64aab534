# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rng devices a domain gives QEMU past libvirt. How the modules treat them: test_virt_rng_command_line.py."""

from xml.sax.saxutils import quoteattr

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._qemu_args import not_read, rng_devices

_NAMESPACE = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"


def domain(*words, inside=True):
    """Return a domain with these arguments, its namespace said where they are or at the top, as libvirt's versions differ."""
    there, above = (_NAMESPACE, "") if inside else ("", _NAMESPACE)
    arguments = "".join(f"<qemu:arg value={quoteattr(word)}/>" for word in words)
    return f"<domain type='kvm' {above}><devices/><qemu:commandline {there}>{arguments}<qemu:env name='A' value='virtio-rng-pci'/></qemu:commandline></domain>"


@pytest.mark.parametrize("words, found", [
    (["-object", "rng-random,id=r,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=r,id=mine"], ["virtio-rng-pci mine"]),
    (["--device", "virtio-rng-ccw,rng=r"], ["virtio-rng-ccw"]),
    (["-device", "rng=r,driver=virtio-rng-pci-transitional"], ["virtio-rng-pci-transitional"]),
    (["-device", '{"driver": "virtio-rng-pci", "rng": "r", "id": "json"}'], ["virtio-rng-pci json"]),
    (["-device", "virtio-rng-pci", "-device", "virtio-rng-device"], ["virtio-rng-pci", "virtio-rng-device"]),
    (["-device", "virtio-net-pci,id=virtio-rng-pci"], []),
    (["-device", "edu,serial=a,,driver=virtio-rng-pci"], []),
    (["-append", "virtio-rng-pci"], []),
    (["-device", "{not json"], []),
    (["-device"], []),
    (["-object", "rng-builtin,id=r"], []),
])
@pytest.mark.parametrize("inside", [True, False])
def test_a_device_is_found_however_it_is_written(words, found, inside):
    assert rng_devices(domain(*words, inside=inside)) == found


def test_a_domain_without_arguments_has_none():
    assert rng_devices("<domain><metadata><commandline/></metadata><devices/></domain>") == not_read("<domain><devices/></domain>") == []


def test_what_is_not_followed_is_named():
    xml = domain("-readconfig", "/etc/qemu/more.cfg", "-set", "device.rng0.max-bytes=5", "-global", "virtio-rng-pci.period=9", "-set", "device.net0.mtu=1")
    assert not_read(xml) == ["-readconfig /etc/qemu/more.cfg", "-set device.rng0.max-bytes=5", "-global virtio-rng-pci.period=9"]
