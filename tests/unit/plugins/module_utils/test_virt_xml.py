# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is cut out of libvirt's text is what a whole parse finds."""

from xml.etree import ElementTree

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device, _virt_plug, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._refusals import RefusedError

# In the form and order of libvirt 9.0's own output; the metadata is what somebody may put there.
XML = """<domain type='kvm' id='3'>
  <name>rng</name>
  <uuid>2c12a822-84af-424b-91cf-7470bde43aa8</uuid>
  <genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>
  <title>&lt;devices&gt;&lt;rng&gt;</title>
  <metadata>{metadata}</metadata>
  <os>
    <type arch='aarch64' machine='virt-7.2'>hvm</type>
  </os>
  <devices>
    <emulator>/usr/bin/qemu-system-aarch64</emulator>
    <rng model='virtio'>
      <backend model='builtin'/>
      <address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>
    </rng>
    <rng model='virtio'>
      <rate bytes='7'/>
      <backend model='random'>/dev/&lt;rng&gt;</backend>
    </rng>
  </devices>
  <seclabel type='dynamic' model='dac' relabel='yes'/>
  <qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
    <qemu:arg value='&lt;/devices&gt;&lt;rng/&gt;'/>
  </qemu:commandline>
</domain>
"""
PLAIN = XML.replace("  <metadata>{metadata}</metadata>\n", "")
HOSTILE = XML.format(metadata="""
    <app xmlns="http://example.org/1">
      <devices><rng model='virtio'><backend model='random'>/dev/null</backend></rng></devices>
      <os><type arch='s390x' machine='no'>hvm</type></os><launchSecurity type='sev'/><genid>no</genid>
      <emulator>/bin/false</emulator><![CDATA[</metadata><launchSecurity/><devices><rng>]]>
    </app>""")


@pytest.mark.parametrize("xml", [PLAIN, HOSTILE])
def test_the_devices_are_those_of_a_whole_parse(xml):
    cut = [ElementTree.canonicalize(element, strip_text=True) for element in _virt_xml.rng_elements(xml)]
    parsed = [ElementTree.canonicalize(ElementTree.tostring(element, encoding="unicode"), strip_text=True)
              for element in ElementTree.fromstring(xml).findall("devices/rng")]
    assert cut == parsed and len(cut) == 2


@pytest.mark.parametrize("xml", [PLAIN, HOSTILE])
def test_the_platform_is_that_of_the_domain(xml):
    assert _virt_xml.platform(xml) == {
        "type": "kvm", "arch": "aarch64", "machine": "virt-7.2", "emulator": "/usr/bin/qemu-system-aarch64"}


@pytest.mark.parametrize("xml", [PLAIN, HOSTILE])
def test_a_guest_is_confidential_by_its_own_element_only(xml):
    assert not _virt_xml.is_confidential(xml)
    assert _virt_xml.is_confidential(xml.replace("<seclabel", "<launchSecurity type='sev'/><seclabel"))


def test_genid_is_the_domains_own():
    assert _virt_xml.has_genid(HOSTILE)
    assert not _virt_xml.has_genid(HOSTILE.replace("  <genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>\n", ""))


@pytest.mark.parametrize("xml", [PLAIN, HOSTILE])
def test_an_edit_changes_the_devices_and_nothing_else(xml):
    first, second = _virt_xml.rng_elements(xml)
    edited = _virt_xml.edited(xml, [first], "<rng model='new'></rng>")
    assert _virt_xml.rng_elements(edited) == [second, "<rng model='new'></rng>"]
    assert edited.replace("<rng model='new'></rng>", "") == xml.replace(first, "")
    assert ElementTree.fromstring(edited) is not None


def test_an_edit_of_what_is_no_longer_there_is_refused():
    with pytest.raises(ValueError, match="gone"):
        _virt_xml.edited(PLAIN, ["<rng>gone</rng>"], None)


def test_text_without_devices_has_none():
    assert _virt_xml.rng_elements("<domain><metadata><rng>x</rng></metadata></domain>") == []


@pytest.mark.parametrize("devices, supported", [
    ("<rng supported='yes'><enum name='model'><value>virtio</value></enum>"
     "<enum name='backendModel'><value>random</value><value>builtin</value></enum></rng>", {"model": ["virtio"], "backendModel": ["random", "builtin"]}),
    ("<rng supported='no'/>", {"model": [], "backendModel": []}),
    ("", None),
])
def test_support_is_read_from_domain_capabilities(devices, supported):
    assert _virt_xml.supported_rng(f"<domainCapabilities><devices>{devices}</devices></domainCapabilities>") == supported


RNG = "<rng model='virtio'><rate bytes='7'/><backend model='random'>/dev/urandom</backend></rng>"


@pytest.mark.parametrize("element", [
    RNG.replace(" model='virtio'", ""), RNG.replace("<backend model='random'>/dev/urandom</backend>", ""), RNG.replace(" model='random'", ""),
    RNG.replace("'7'", "''"), RNG.replace("'7'", "'seven'"), RNG.replace("'7'", f"'{'9' * 5000}'"), RNG.replace("/dev", "\ud800"), RNG.replace("/dev", "&")])
def test_a_device_of_a_shape_that_libvirt_is_not_known_to_write_is_refused_in_words(element):
    with pytest.raises(RefusedError, match="its XML is not understood") as refusal:
        _rng_device.read(element)
    assert refusal.value.kind == "unreadable" and len(str(refusal.value)) < 200


@pytest.mark.parametrize("old, new", [
    (" bus='0x03'", ""), ("'0x03'", "'three'"), ("<type arch='aarch64' machine='virt-7.2'>hvm</type>", ""), ("</devices>", "")])
def test_a_domain_whose_bus_cannot_be_read_is_refused_or_only_libvirt_can_tell(old, new):
    xml = PLAIN.replace("<emulator>", "<controller type='pci' index='0' model='pcie-root'/><controller type='pci' index='1' model='pcie-root-port'/><emulator>")
    try:
        assert _virt_plug.plug(xml.replace(old, new, 1), [{"model": "virtio", "driver": {}}]).reason is not None
    except RefusedError as refusal:
        assert refusal.kind == "unreadable"
