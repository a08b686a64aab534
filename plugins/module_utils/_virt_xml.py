# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a domain's XML says, read from libvirt's own text without parsing all of it.

A whole parse costs half as much again as getting the text from libvirt; cutting the few elements out of it costs a fiftieth.
The cuts rely on how libvirt writes (virDomainDefFormatInternalSetRootName in src/conf/domain_conf.c): <metadata>, the only place
where foreign elements may carry our names, comes before <os> and <devices>; everywhere else "<" is escaped.
"""

import functools
import re
from xml.etree import ElementTree

from ansible_collections.kvm.entropy.plugins.module_utils._refusals import RefusedError

_RNG = re.compile(r"<rng\b.*?</rng>", re.DOTALL)
_PCI_CONTROLLER = re.compile(r"<controller type='pci' index='([^']*)'[^>]*?(?:/>|>.*?</controller>)", re.DOTALL)
_PCI_INDEX = re.compile(r"<controller type='pci' index='([^']*)'")
_TYPE = re.compile(r"<type\b[^>]*>")
_ATTRIBUTE = re.compile(r"(\w+)=(?:'([^']*)'|\"([^\"]*)\")")
_ON_POWEROFF = re.compile(r"<on_poweroff>([^<]+)</on_poweroff>")
_EMULATOR = re.compile(r"<emulator>([^<]+)</emulator>")


def parsed(xml):
    """Return the XML (str) as an Element; raise RefusedError where it is none."""
    try:
        return ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError) as error:
        raise unreadable(str(error)) from error


def number(text, what):
    """Return the number (int) that libvirt writes as ``text`` (str or None) for ``what`` (str); raise RefusedError where it is none."""
    try:
        return int(text, 0)
    except (TypeError, ValueError) as error:
        raise unreadable(f"found {str(text)[:40]!r} for {what}, expected a number") from error


def unreadable(why):
    """Return the RefusedError for XML of a shape that libvirt is not known to write."""
    return RefusedError("unreadable", f"its XML is not understood: {why}")


def rng_elements(xml):
    """Return the domain's <rng> elements as libvirt wrote them, in order (list of str)."""
    start = xml.rfind("<devices>")
    return _RNG.findall(xml, start) if start >= 0 else []


def edited(xml, gone, added):
    """Return ``xml`` without the elements ``gone`` (as from rng_elements) and with the element ``added`` (or None), as text.

    Raise ValueError when an element of ``gone`` is not there any more.
    """
    start = xml.rfind("<devices>")
    head, devices = xml[:start], xml[start:]
    for element in gone:
        if element not in devices:
            raise ValueError(element)
        devices = devices.replace(element, "", 1)
    if added:
        devices = devices.replace("</devices>", f"{added}</devices>", 1)
    return head + devices


def pci_indices(xml):
    """Return the indices of the domain's PCI controllers as libvirt wrote them (set of str)."""
    start = xml.rfind("<devices>")
    return set(_PCI_INDEX.findall(xml, start)) if start >= 0 else set()


def pci_controllers(xml):
    """Return the domain's PCI controllers as libvirt wrote them (dict, index (int) to str)."""
    start = xml.rfind("<devices>")
    found = _PCI_CONTROLLER.finditer(xml, start) if start >= 0 else ()
    return {number(match.group(1), "a controller's index"): match.group() for match in found}


def has_alias(xml, alias):
    """Return whether a device of the domain has this ``alias`` (str)."""
    return f"<alias name='{alias}'/>" in xml[xml.rfind("<devices>"):]


def platform(xml):
    """Return the dict of what decides about QEMU: type (kvm, qemu), arch, machine, emulator; None for what is not said."""
    kind = _ATTRIBUTE.search(xml, xml.find("<domain"))
    said = _type(xml)
    emulator = _EMULATOR.search(xml, xml.rfind("<devices>"))
    return {
        "type": (kind.group(2) or kind.group(3)) if kind and kind.group(1) == "type" else None,
        "arch": said.get("arch"),
        "machine": said.get("machine"),
        "emulator": emulator.group(1) if emulator else None,
    }


def arch(xml):
    """Return the domain's architecture (str), None where it is not said."""
    return _type(xml).get("arch")


def _type(xml):
    element = _TYPE.search(xml, _body_start(xml))
    return _attributes(element.group()) if element else {}


@functools.lru_cache(maxsize=None)  # On one host most domains have the same few.
def _attributes(tag):
    """Return the attributes (dict) of a ``tag`` (str)."""
    return {name: single or double for name, single, double in _ATTRIBUTE.findall(tag)}


def is_confidential(xml):
    """Return whether the guest's memory is hidden from its host (SEV, TDX, IBM Secure Execution)."""
    return "<launchSecurity" in xml and "<launchSecurity" in _body(xml)


def has_genid(xml):
    """Return whether the guest is told when it was cloned or restored (vmgenid)."""
    return "<genid>" in xml.split("<metadata>", 1)[0]


def on_poweroff(xml):
    """Return what follows when the guest powers off: destroy (libvirt's default), restart, preserve, rename-restart or another."""
    found = _ON_POWEROFF.search(_body(xml))
    return found.group(1) if found else "destroy"


def signs_of_life(live_xml):
    """Return what will tell that this guest is up after a start (set of str): its agent, where it talks now, its disk, its interface."""
    domain = parsed(live_xml)
    signs = {"agent"} if agent_talks(live_xml) else set()
    if any(disk.get("device", "disk") == "disk" and disk.find("readonly") is None for disk in domain.findall("devices/disk")):
        signs.add("disk")
    # The host counts packets only where the interface has a device of its own there.
    if domain.find("devices/interface/target[@dev]") is not None:
        signs.add("interface")
    return signs


def agent_talks(live_xml):
    """Return whether the running guest's agent has its channel open."""
    domain = parsed(live_xml)
    return domain.find("devices/channel/target[@name='org.qemu.guest_agent.0'][@state='connected']") is not None


def agent_channel(live_xml):
    """Return the state (str) of the running guest's channel for its agent, empty where libvirt does not tell; None where there is no such channel."""
    domain = parsed(live_xml)
    target = domain.find("devices/channel/target[@name='org.qemu.guest_agent.0']")
    return None if target is None else target.get("state", "")


def has_agent_channel(xml):
    """Return whether the domain has the channel that a guest agent opens."""
    domain = parsed(xml)
    return domain.find("devices/channel/target[@name='org.qemu.guest_agent.0']") is not None


def supported_rng(capabilities):
    """Return {"model": [...], "backendModel": [...]} of libvirt's domain capabilities, None where they don't tell.

    libvirt tells since 5.7.0. QEMU without virtio-rng gives empty lists.
    """
    rng = parsed(capabilities).find("devices/rng")
    if rng is None:
        return None
    return {
        kind: [value.text or "" for value in rng.findall(f"enum[@name='{kind}']/value")]
        for kind in ("model", "backendModel")
    }


def _body(xml):
    """Return the text after <metadata>."""
    return xml[_body_start(xml):]


def _body_start(xml):
    return xml.rfind("</metadata>") + 1
