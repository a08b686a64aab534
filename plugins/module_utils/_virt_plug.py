# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether virtio devices can be plugged into a running domain and out of it, read from its live XML."""

import collections

from ansible_collections.kvm.entropy.plugins.module_utils import _virt_xml

# possible: True, False, or None where only trying tells; reason: str, empty when possible.
Plug = collections.namedtuple("Plug", "possible reason")

# Ports that take one PCIe device each while the guest runs (virDomainPCIAddressBusSetModel in src/conf/domain_addr.c).
_PCIE_PORTS = ("pcie-root-port", "pcie-switch-downstream-port")

# Buses of PCI of which libvirt gives no device slot 0 (minSlot in virDomainPCIAddressBusSetModel).
_FROM_SLOT_1 = ("pci-root", "pcie-root", "pci-bridge", "dmi-to-pci-bridge", "pcie-to-pci-bridge")

# The i440fx machine has slots 0 to 31, of which 0 is the host bridge, 1 the PIIX3 and 2 the primary display's, which others get
# only where there is none (qemuDomainValidateDevicePCISlotsPIIX3 in src/qemu/qemu_domain_address.c).
_I440FX_DISPLAY = 2
_I440FX_FREE_TO_ALL = frozenset(range(3, 32))


# Kinds of domain whose devices QEMU makes; the test driver has neither buses nor addresses.
_QEMU = ("kvm", "qemu", "hvf", "xen")
# A page for the notifications of each of 1,024 queues (virtio_pci_queue_mem_mult in QEMU's hw/virtio/virtio-pci.c) makes a BAR of 8 MiB, and firmware
# leaves 2 MiB of memory to a port that has no device when the machine starts (PCI_BRIDGE_MEM_MIN in SeaBIOS' src/fw/pciinit.c).
_TOO_LARGE = "with page_per_vq the device needs 8 MiB of addresses, and the port of a running machine has no room for them: the guest would see no device"
# s390x has channel devices instead of PCI (virtio-ccw).
_WITH_CCW = ("s390", "s390x")


def plug(live_xml, devices):
    """Return the Plug for these ``devices`` (list of dict, see ``_rng_device``) beside what runs in the domain of ``live_xml``."""
    domain = _virt_xml.parsed(live_xml)
    machine = _said(domain, "machine")
    if machine.startswith("microvm"):
        return Plug(False, f"machine {machine} has no hotplug")
    if domain.get("type") in _QEMU and _said(domain, "arch") not in _WITH_CCW and not domain.findall("devices/controller[@type='pci']"):
        return Plug(False, f"machine {machine or 'without a name'} has no PCI bus")
    root = _bus_model(domain, 0)
    if root == "pcie-root":
        if any(device["driver"].get("page_per_vq") for device in devices):
            return Plug(False, _TOO_LARGE)
        return _pcie(domain, [device["model"] for device in devices])
    if root == "pci-root" and _is_x86(domain):
        return _i440fx(domain, len(devices))
    return Plug(None, f"only libvirt can tell for machine {machine or 'without a name'}")


def unplug(live_xml, elements):
    """Return the Plug for taking the <rng> ``elements`` (list of str) out of the running domain of ``live_xml``."""
    domain = _virt_xml.parsed(live_xml)
    reasons = [why for why in (_kept(domain, element) for element in elements) if why]
    return Plug(False, reasons[0]) if reasons else Plug(True, "")


def added_ports(xml, element, before):
    """Return the PCI controllers (list of str, each after what sits on it) that came with the <rng> ``element`` into the definition ``xml``.

    ``before`` are the indices (set of str) of those that were there. One on which something else sits is not returned, nor what it sits on.
    """
    controllers, taken = _virt_xml.pci_controllers(xml), _places(_virt_xml.parsed(xml))
    found = []
    address = _virt_xml.parsed(element).find("address[@type='pci']")
    while address is not None:
        bus = _place(address)[0]
        if str(bus) in before or bus not in controllers or len([place for place in taken if place[0] == bus]) > 1:
            break
        found.append(controllers[bus])
        address = _virt_xml.parsed(controllers[bus]).find("address[@type='pci']")
    return found


def why_no_place(xml, address):
    """Return why a device cannot be at this ``address`` (dict, see ``_rng_place``) of the domain (str), or None: what libvirt, QEMU and a guest look at."""
    domain = _virt_xml.parsed(xml)
    if domain.get("type") not in _QEMU:
        return None
    if "devno" not in address:
        return _why_no_pci_place(domain, address)
    return None if _said(domain, "arch") in _WITH_CCW else "its machine has no channel devices (ccw): give domain, bus, slot and function"


def _why_no_pci_place(domain, address):
    bus, slot, function = (address[name] for name in ("bus", "slot", "function"))
    root = _bus_model(domain, 0)
    model = _bus_model(domain, bus) or {"pcie-root": _PCIE_PORTS[0], "pci-root": "pci-bridge"}.get(root)
    if model in _PCIE_PORTS and slot:
        return f"PCI bus {bus:#x} is a PCIe port, which has slot 0 alone"
    if model in _FROM_SLOT_1 and not slot:
        return f"PCI bus {bus:#x} has no slot 0 for devices"
    beside = [each for each in domain.findall("devices/*/address[@type='pci']") if _place(each) == (bus, slot)]
    first = [each for each in beside if not _function(each)]
    if beside and not (function and first and first[0].get("multifunction") == "on" and function not in map(_function, beside)):
        return "another device of the domain is there: give a free one"
    if function and not beside:
        return "its slot has no device at function 0, without which a guest does not look for others: give function 0"
    return None


def why_no_iommu(xml, device):
    """Return why QEMU would not start the domain of ``xml`` with the driver options of ``device`` (dict, see ``_rng_device``), or None."""
    if not device["driver"].get("iommu") or not speaks_legacy(xml, device["model"]):
        return None
    return f"the driver option iommu needs a device without the protocol from before virtio 1.0, and {device['model']} has it on this machine"


def speaks_legacy(xml, model):
    """Return whether an <rng> of ``model`` in the domain of ``xml`` would offer the protocol from before virtio 1.0 as well.

    A plain virtio device does on a conventional bus (QEMU's virtio_pci_realize: disable-legacy is automatic, by the bus).
    """
    if model != "virtio":
        return model == "virtio-transitional"
    return _bus_model(_virt_xml.parsed(xml), 0) == "pci-root"


def _pcie(domain, models):
    conventional = _conventional(domain) if "virtio-transitional" in models else Plug(True, "")
    count = len([model for model in models if model != "virtio-transitional"])
    if conventional.possible is False or not count:
        return conventional
    ports = [port for port in domain.findall("devices/controller[@type='pci']") if port.get("model") in _PCIE_PORTS]
    pluggable = {_virt_xml.number(port.get("index"), "a controller's index") for port in ports if not _is_fixed(port)}
    free = len(pluggable - {bus for bus, _slot in _taken(domain)})
    if free >= count:
        return conventional
    if free:
        return Plug(False, f"{free} free PCIe root port for {count} devices")
    if not pluggable:
        return Plug(False, "it has no PCIe root port that allows hotplug")
    return Plug(False, f"no free PCIe root port: all {len(pluggable)} are taken")


def _conventional(domain):
    bridges = domain.findall("devices/controller[@model='pcie-to-pci-bridge']")
    if not bridges:
        return Plug(False, "no conventional PCI bus for a transitional device")
    return Plug(None, "only libvirt can tell for a transitional device on PCIe")


def _i440fx(domain, count):
    if domain.find("features/acpi") is None:
        return Plug(False, "the bus does not support hotplug: a pc machine without ACPI")
    if domain.findall("devices/controller[@model='pci-bridge']"):
        return Plug(None, "only libvirt can tell for a machine with PCI bridges")
    taken = {slot for bus, slot in _taken(domain) if bus == 0}
    if len(_I440FX_FREE_TO_ALL - taken) >= count:
        return Plug(True, "")
    if _I440FX_DISPLAY in taken:
        return Plug(False, "no free PCI slot" if count == 1 else f"no free PCI slots for {count} devices")
    return Plug(None, "only libvirt can tell for the slot of the primary display")


def _kept(domain, element):
    """Return why the running domain keeps an <rng> (str), or None: what qemuDomainDetachPrep and QEMU's qdev_unplug look at."""
    rng = _virt_xml.parsed(element)
    if rng.find("address[@type='virtio-mmio']") is not None:
        return "its bus (virtio-mmio) does not support hotplug"
    address = rng.find("address[@type='pci']")
    if address is None:
        machine = _said(domain, "machine")
        return f"machine {machine} has no hotplug" if machine.startswith("microvm") else None
    bus, slot = _place(address)
    if address.get("multifunction") == "on" or len([each for each in _places(domain) if each == (bus, slot)]) > 1:
        return "it shares its slot with other devices, or may (multifunction)"
    return _fixed_bus(domain, bus)


def _fixed_bus(domain, bus):
    """Return why what sits on the PCI ``bus`` (int) stays there while the domain runs (str), or None."""
    model = _bus_model(domain, bus)
    if model == "pcie-root":
        return "the bus does not support hotplug: it sits on the root complex itself"
    if model == "pci-root" and _is_x86(domain) and domain.find("features/acpi") is None:
        return "the bus does not support hotplug: a pc machine without ACPI"
    if any(_is_fixed(port) for port in _controllers(domain, bus)):
        return "its port has hotplug off"
    return None


def _is_x86(domain):
    return _said(domain, "arch") in ("x86_64", "i686")


def _said(domain, what):
    kind = domain.find("os/type")
    return "" if kind is None else kind.get(what, "")


def _controllers(domain, bus):
    return [each for each in domain.findall("devices/controller[@type='pci']") if each.get("index") == str(bus)]


def _bus_model(domain, bus):
    return next((each.get("model") for each in _controllers(domain, bus)), None)


def _is_fixed(port):
    target = port.find("target")
    return target is not None and target.get("hotplug") == "off"


def _taken(domain):
    return set(_places(domain))


def _places(domain):
    """Return the (bus, slot) of each device with a PCI address (list)."""
    return [_place(address) for address in domain.findall("devices/*/address[@type='pci']")]


def _function(address):
    return _virt_xml.number(address.get("function", "0"), "an address's function")


def _place(address):
    return tuple(_virt_xml.number(address.get(name), f"an address's {name}") for name in ("bus", "slot"))
