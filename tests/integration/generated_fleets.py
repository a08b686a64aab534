# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains of one host, for hypothesis: machines with and without places for a device, in every state, whoever they belong to."""

import dataclasses
import uuid

from generated_rngs import rngs
from hypothesis import strategies as st
from virt_host import BARE, NO_PORTS, domain_xml

_GRAPHICS = "<graphics type='vnc' port='-1' passwd='s&lt;cr&amp;t' passwdValidTo='2030-01-01T00:00:00'/>"
_HEADS = (
    "<title>Ünïcode &amp; title</title><metadata><app:info xmlns:app='http://example.org/app'><app:rng>no device</app:rng>"
    "<![CDATA[</metadata><devices><rng model='virtio'></rng>]]></app:info></metadata>",
    "<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:name>web</nova:name></nova:instance></metadata>",
)


def _port(index, inner=""):
    return f"<controller type='pci' index='{index}' model='pcie-root-port'>{inner}</controller>"


def _taken(count):
    return "".join(f"<controller type='virtio-serial' index='{index}'><address type='pci' bus='0' slot='{index + 2}'/></controller>"
                   for index in range(count))


# Words of domain_xml. Into the last two no further device fits, not even in a definition.
MACHINES = {
    "q35": {"machine": "q35"},
    "q35, its own devices": {"machine": "q35", "devices": BARE},
    "q35, two ports": {"machine": "q35", "devices": NO_PORTS + _port(1) + _port(2)},
    "q35, one port, hotplug off": {"machine": "q35", "devices": NO_PORTS + _port(1, "<target hotplug='off'/>")},
    "q35, no ports": {"machine": "q35", "devices": NO_PORTS},
    "q35, a conventional bus": {"machine": "q35", "devices": BARE + "<controller type='pci' index='0' model='pcie-root'/>" + _port(1)
                                + "<controller type='pci' index='2' model='pcie-to-pci-bridge'/>"},
    "pc": {"machine": "pc"},
    "pc, no ACPI": {"machine": "pc", "features": ""},
    "pc, a bridge": {"machine": "pc", "devices": BARE + "<controller type='pci' index='1' model='pci-bridge'/>"},
    "pc, nearly full": {"machine": "pc", "devices": BARE + _taken(27)},
    "pc, full": {"machine": "pc", "devices": BARE + _taken(30)},
}


@dataclasses.dataclass(frozen=True)
class Domain:
    """One domain: a machine's name in MACHINES, its <rng> (elements), a state of fast_worker, and its later <rng> (None: the same)."""

    name: str
    machine: str
    rngs: tuple
    state: str = "shutoff"
    then: tuple | None = None
    head: str = ""

    def made(self, prefix):
        """Return what FastHost.make takes of it; its name begins with ``prefix``."""
        name = prefix + self.name
        return self._xml(name, self.rngs), self.state, None if self.then is None else self._xml(name, self.then)

    def _xml(self, name, rngs):
        parts = dict(MACHINES[self.machine])
        # A password where no QEMU opens a port for it.
        devices = parts.pop("devices", "") + (_GRAPHICS if self.state == "shutoff" else "") + "".join(rngs)
        return domain_xml(name, devices, head=f"<uuid>{uuid.uuid5(uuid.NAMESPACE_DNS, name)}</uuid>{self.head}", **parts)


def _named(draw, element, machine, index):
    """Return the element with what its owner may have given it: an alias, an ACPI index, an address."""
    extra = draw(st.sampled_from(("", "", f"<alias name='ua-{index}'/>", f"<acpi index='{index + 1}'/>")))
    if "full" not in machine and "virtio-transitional" not in element and draw(st.integers(0, 3)) == 0:
        extra += f"<address type='pci' domain='0' bus='0' slot='{16 + index}' function='0'/>"
    return element.replace("</rng>", extra + "</rng>")


@st.composite
def domains(draw, name, states=("shutoff",), sound=False):
    """Return a Domain of this ``name``; only ``sound`` devices let it start."""
    machine = draw(st.sampled_from(tuple(MACHINES)))
    kind = rngs(sound)
    most = {"pc, full": 0, "pc, nearly full": 2, "q35, no ports": 1}.get(machine, 3)
    made = tuple(_named(draw, element, machine, index) for index, element in enumerate(draw(st.lists(kind, max_size=most))))
    state = draw(st.sampled_from(states))
    then = None
    if state in ("running", "paused") and draw(st.booleans()):
        then = tuple(draw(st.lists(kind, max_size=most)))
    return Domain(name, machine, made, state, then, draw(st.sampled_from(("", "", *_HEADS))))


@st.composite
def fleets(draw, most=3, states=("shutoff",), sound=False):
    """Return Domains (list) of one host."""
    names = "abcdefgh"[:draw(st.integers(1, most))]
    return [draw(domains(name, states, sound)) for name in names]
