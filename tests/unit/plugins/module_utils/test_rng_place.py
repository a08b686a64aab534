# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses and names of devices. On a real libvirt: test_libvirt_rng_cases.py."""

from xml.etree import ElementTree

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _rng_place
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

PCI = "<address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>"


def place(inner, alias=None):
    return _rng_place.read(ElementTree.fromstring(f"<rng>{inner}</rng>"), alias)


@pytest.mark.parametrize("options, said", [
    ({}, {}),
    ({"alias": "ua-seed"}, {"alias": "ua-seed"}),
    ({"address": {"bus": 3}}, {"address": {"domain": 0, "bus": 3, "slot": 0, "function": 0}}),
    ({"address": {"slot": "0x1f", "bus": None}}, {"address": {"domain": 0, "bus": 0, "slot": 31, "function": 0}}),
    ({"address": {"devno": "0x2a"}}, {"address": {"cssid": 254, "ssid": 0, "devno": 42}}),
    ({"address": {}}, {}),
])
def test_what_is_asked_for_is_read_as_libvirt_does(options, said):
    assert _rng_place.described(options) == said


@pytest.mark.parametrize("options, found", [
    ({"alias": "seed"}, "found seed, expected ua-"),
    ({"alias": "ua-a'b"}, "expected ua-"),
    ({"alias": "ua-kvm-entropy-beside-none"}, "is for this collection's own"),
    ({"alias": "ua-" + "a" * 1000}, "expected ua-"),
    ({"alias": ""}, "found nothing, expected ua-"),
    ({"address": {"slot": 0}}, "found PCI 0000:00:00.0, expected another bus or slot"),
    ({"address": {"function": 1}}, "found PCI 0000:00:00.1, expected another bus or slot"),
    ({"address": {"domain": 1, "slot": 5}}, "found domain 1, expected 0: nothing"),
    ({"address": {"slot": 32}}, "found slot 32, expected 0 to 0x1f"),
    ({"address": {"bus": "three"}}, "found bus three"),
    ({"address": {"bus": -1}}, "found bus -1"),
    ({"address": {"ssid": 1}}, "found devno missing"),
    ({"address": {"bus": 1, "devno": 1}}, "found bus, devno, expected any of"),
])
def test_what_libvirt_would_not_take_is_refused_in_words(options, found):
    with pytest.raises(EntropyError, match=found):
        _rng_place.described(options)


def test_a_place_is_read_and_written_with_all_that_it_says():
    whole = PCI.replace("/>", " multifunction='on'><zpci uid='0x0001' fid='0x00000000'/></address>")
    found = place(whole + "<acpi index='5'/>", "ua-seed")
    assert found.address == {"domain": 0, "bus": 3, "slot": 0, "function": 0} and (found.alias, found.acpi_index) == ("ua-seed", "5")
    written = place(_rng_place.to_xml(found), "ua-seed")
    assert written == found and "zpci" in _rng_place.to_xml(found) and _rng_place.shown_place(found) == "address PCI 0000:03:00.0, alias ua-seed, ACPI index 5"
    assert place("<address type='virtio-mmio'/>", "rng0") == (None, None, None, None)
    assert _rng_place.shown(place("<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x0001'/>").address) == "ccw fe.0.0001"


def test_what_is_asked_for_comes_before_what_is_kept_and_goes_where_another_has_it():
    old = place(PCI, "ua-old")
    new = _rng_place.for_device({"alias": "ua-new"}, old)
    assert (new.alias, new.address) == ("ua-new", old.address) and _rng_place.meet(new, old)
    moved = _rng_place.for_device({"address": dict(old.address, bus=4)}, old)
    assert moved.address["bus"] == 4 and "bus='0x4'" in _rng_place.to_xml(moved)
    assert _rng_place.without_taken(new, [old]).address is None
    assert not _rng_place.meet(_rng_place.for_device({}, None), place("")), "what says nothing meets nothing"
    assert _rng_place.fits({"address": old.address}, old) and not _rng_place.fits({"alias": "ua-new"}, old)
