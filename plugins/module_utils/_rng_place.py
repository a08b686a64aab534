# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a device is in its domain: its address on the bus, its alias, its ACPI index. Read from XML, asked for by options, written as XML.

An address is a dict of numbers (int): ``domain``, ``bus``, ``slot`` and ``function`` on PCI, ``cssid``, ``ssid`` and ``devno`` of a channel device.
"""

import collections
import re
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from ansible_collections.kvm.entropy.plugins.module_utils import _options, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

# address: dict or None. alias: str or None, only one that its owner gave. acpi_index: str or None. element: the <address> (str) with all that it says, or None.
Place = collections.namedtuple("Place", "address alias acpi_index element")
_NOWHERE = Place(None, None, None, None)

# What a device that is asked for has besides its meaning.
NAMES = ("alias", "address")

# What each part of an address is at most (virPCIDeviceAddressIsValid, virDomainPCIAddressValidate for domain, and virDomainDeviceCCWAddressParseXML in
# libvirt), and where it is not given.
_PCI = {"domain": (0, 0), "bus": (0xff, 0), "slot": (0x1f, 0), "function": (7, 0)}
_CCW = {"cssid": (0xfe, 0xfe), "ssid": (3, 0), "devno": (0xffff, None)}

# libvirt keeps an alias that begins so, of these characters (USER_ALIAS_PREFIX and USER_ALIAS_CHARS in src/conf/domain_conf.c). The rest is our own.
_ALIAS = re.compile(r"ua-(?!kvm-entropy-)[A-Za-z0-9_-]+\Z")
_MOST_ALIAS = 200


def read(rng, alias):
    """Return the Place of an <rng> element (xml.etree Element) whose owner gave it this ``alias`` (str or None)."""
    element = rng.find("address")
    fields = {"pci": _PCI, "ccw": _CCW}.get(element.get("type")) if element is not None else None
    address = fields and {name: _virt_xml.number(element.get(name, str(default or 0)), f"an address's {name}") for name, (_most, default) in fields.items()}
    acpi = rng.find("acpi")
    return Place(address, alias if alias and alias.startswith("ua-") else None, None if acpi is None else acpi.get("index"),
                 # On virtio-mmio all addresses are one to libvirt, and no second device has it.
                 ElementTree.tostring(element, encoding="unicode").strip() if address else None)


def described(options):
    """Return what ``options`` ask for (dict with any of NAMES); raise EntropyError for what no libvirt takes."""
    said = {}
    if options.get("alias") is not None:
        said["alias"] = options["alias"]
        if len(options["alias"]) > _MOST_ALIAS or not _ALIAS.match(options["alias"]):
            found = _options.shown(options["alias"]) if options["alias"] else "nothing"
            raise EntropyError(f"alias: found {found}, expected ua- and letters, digits, _ or -, such as ua-rng: nothing was changed. "
                               "libvirt keeps no other, and ua-kvm-entropy- is for this collection's own")
    address = {name: value for name, value in (options.get("address") or {}).items() if value is not None}
    if address:
        said["address"] = _address(address)
    return said


def _address(given):
    foreign = set(given) - set(_PCI)
    if foreign and set(given) - set(_CCW):
        raise EntropyError(f"address: found {', '.join(sorted(given))}, expected any of {', '.join(_PCI)} (PCI) or of {', '.join(_CCW)} (ccw): nothing was "
                           "changed")
    address = {}
    for name, (most, default) in (_CCW if foreign else _PCI).items():
        text = given.get(name)
        try:
            number = default if text is None else int(str(text), 0)
        except ValueError:
            number = None
        if number is None or not 0 <= number <= most:
            found = "missing" if text is None else _options.shown(text)
            expected = f"0 to {most:#x}" if most else "0"
            raise EntropyError(f"address: found {name} {found}, expected {expected}: nothing was changed")
        address[name] = number
    # virPCIDeviceAddressIsEmpty: libvirt takes it for none, and chooses another.
    if "devno" not in address and not any(address[name] for name in ("domain", "bus", "slot")):
        raise EntropyError(f"address: found {shown(address)}, expected another bus or slot: nothing was changed. There is the host bridge of the machine")
    return address


def is_asked_for(device):
    """Return whether ``device`` (dict) is to have a name or an address of somebody's choice."""
    return any(name in device for name in NAMES)


def fits(device, place):
    """Return whether a ``place`` (Place) is what is asked for with ``device`` (dict)."""
    return device.get("alias") in (None, place.alias) and device.get("address") in (None, place.address)


def for_device(device, place):
    """Return the Place of ``device`` (dict) that takes ``place`` (Place or None): what is asked for comes first."""
    place = (place or _NOWHERE)._replace(alias=device.get("alias") or (place and place.alias))
    if device.get("address") in (None, place.address):
        return place
    return place._replace(address=device["address"], element=_address_xml(device["address"]))


def meet(place, other):
    """Return whether two Places cannot be in one domain at the same time."""
    return any(one is not None and one == another for one, another in (
        (place.alias, other.alias), (place.acpi_index, other.acpi_index), (place.address, other.address)))


def without_taken(place, others):
    """Return ``place`` (Place) without what one of ``others`` (list of Place) has already."""
    if place.alias in [other.alias for other in others]:
        place = place._replace(alias=None)
    if place.address in [other.address for other in others]:
        place = place._replace(address=None, element=None)
    return place


def shown_place(place):
    """Return ``place`` (Place) as people write it (str)."""
    return ", ".join(filter(None, (
        place.address and f"address {shown(place.address)}", place.alias and f"alias {place.alias}", place.acpi_index and f"ACPI index {place.acpi_index}")))


def to_xml(place):
    """Return the elements (str) of a ``place`` (Place)."""
    return "".join((
        f"<alias name={quoteattr(place.alias)}/>" if place.alias else "",
        f"<acpi index={quoteattr(place.acpi_index)}/>" if place.acpi_index else "",
        place.element or ""))


def _address_xml(address):
    parts = "".join(f" {name}='{value:#x}'" for name, value in address.items())
    return f"<address type='{'ccw' if 'devno' in address else 'pci'}'{parts}/>"


def shown(address):
    """Return an ``address`` (dict) as people write it (str)."""
    if "devno" in address:
        return "ccw {cssid:x}.{ssid:x}.{devno:04x}".format(**address)
    return "PCI {domain:04x}:{bus:02x}:{slot:02x}.{function:x}".format(**address)


def words(device):
    """Return the name and the address that ``device`` (dict) gets (str), None where nobody asked for any."""
    said = ([f"alias {device['alias']}"] if "alias" in device else []) + ([f"address {shown(device['address'])}"] if "address" in device else [])
    return f"the device gets {' and '.join(said)}" if said else None
