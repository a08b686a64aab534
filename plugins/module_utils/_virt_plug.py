# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a running domain has a place for one more virtio device, read from its live XML."""

import collections
from xml.etree import ElementTree

# possible: True, False, or None where only trying tells; reason: str, empty when possible.
Plug = collections.namedtuple("Plug", "possible reason")

# Ports that take one PCIe device each while the guest runs (virDomainPCIAddressBusSetModel in src/conf/domain_addr.c).
_PCIE_PORTS = ("pcie-root-port", "pcie-switch-downstream-port")

# The i440fx machine has slots 0 to 31, of which 0 is the host bridge, 1 the PIIX3 and 2 the primary display's, which others get
# only where there is none (qemuDomainValidateDevicePCISlotsPIIX3 in src/qemu/qemu_domain_address.c).
_I440FX_DISPLAY = 2
_I440FX_FREE_TO_ALL = frozenset(range(3, 32))


def plug(live_xml, model, count=1):
    """Return the Plug for ``count`` more <rng> of ``model`` in the running domain of ``live_xml``."""
    domain = ElementTree.fromstring(live_xml)  # noqa: S314  libvirt wrote it
    machine = domain.find("os/type").get("machine") or ""
    roots = {root.get("model") for root in domain.findall("devices/controller[@type='pci']") if root.get("index") == "0"}
    if machine.startswith("microvm"):
        return Plug(False, f"machine {machine} has no hotplug")
    if roots == {"pcie-root"}:
        return _pcie(domain, model, count)
    if roots == {"pci-root"} and domain.find("os/type").get("arch") in ("x86_64", "i686"):
        return _i440fx(domain, count)
    return Plug(None, f"only libvirt can tell for machine {machine or 'without a name'}")


def _pcie(domain, model, count):
    if model == "virtio-transitional":
        return _conventional(domain)
    ports = [port for port in domain.findall("devices/controller[@type='pci']") if port.get("model") in _PCIE_PORTS]
    pluggable = {int(port.get("index")) for port in ports if not _is_fixed(port)}
    free = len(pluggable - {bus for bus, _slot in _taken(domain)})
    if free >= count:
        return Plug(True, "")
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


def _is_fixed(port):
    target = port.find("target")
    return target is not None and target.get("hotplug") == "off"


def _taken(domain):
    """Return the (bus, slot) of each device with a PCI address."""
    return {
        (int(address.get("bus"), 0), int(address.get("slot"), 0))
        for address in domain.findall("devices/*/address[@type='pci']")
    }
