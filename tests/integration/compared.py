# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a domain is but for its <rng>, and what its <rng> mean: read with other eyes than virt_rng's."""

import re
from collections import Counter
from xml.etree import ElementTree

_RNG = re.compile(r"\n    <rng\b.*?\n    </rng>", re.DOTALL)
_PORT = re.compile(r"\n    <controller type='pci'(?:[^>]*/>|[^>]*[^/]>.*?\n    </controller>)", re.DOTALL)
_CONSOLE = re.compile(r"(\n    <console type='\w+'>(?:\n      <(?:source|log) [^\n]*)*\n      <target type='virtio') port='\d+'")


def is_same_outside_rng(before, after):
    """Return whether two definitions (str) are the same text but for <rng> and for PCI controllers that libvirt added for them.

    Such a port may be a further function in an old one's slot, which libvirt marks as one with several then. And libvirt counts virtio consoles that
    are beside a serial line anew each time it reads a definition, as it does at an attach and at its own start: a number that no guest sees.
    """
    (rest_before, ports_before), (rest_after, ports_after) = _outside(before), _outside(after)
    return rest_before == rest_after and not ports_before - ports_after


def _outside(xml):
    start = xml.rindex("<devices>")
    devices = _RNG.sub("", xml[start:])
    rest = _CONSOLE.sub(r"\1", xml[:start] + _PORT.sub("", devices))
    return rest, Counter(port.replace(" multifunction='on'", "") for port in _PORT.findall(devices))


def meanings(xml):
    """Return what the <rng> in a domain's XML mean (sorted list): equal where a guest could not tell two lists apart."""
    return sorted(map(_meaning_of_element, ElementTree.fromstring(xml).findall("devices/rng"))) if xml else []


def meanings_of(devices):
    """Return the same of a list of devices (dict) as in a row of virt_rng."""
    return sorted(map(_meaning_of_device, devices))


def _meaning_of_element(rng):
    backend, rate, driver = rng.find("backend"), rng.find("rate"), rng.find("driver")
    sources = [dict(source.attrib, reconnect=_reconnect(source)) for source in backend.findall("source")]
    protocol = backend.find("protocol")
    return _meaning(
        rng.get("model"), backend.get("model"), backend.text or "/dev/random", backend.get("type"), sources,
        None if protocol is None else protocol.get("type"), *(() if rate is None else (rate.get("bytes"), rate.get("period"))),
        driver=[] if driver is None else [name for name, value in driver.attrib.items() if value == "on"])


def _meaning_of_device(device):
    egd = device.get("egd", {})
    return _meaning(
        device["model"], device["backend"], device.get("path"), egd.get("type"), egd.get("sources", []), egd.get("protocol"), device["rate_bytes"],
        device["rate_period"], [name for name, value in device["driver"].items() if value])


def _meaning(model, backend, path, kind, sources, protocol, rate=0, period=None, driver=()):
    said = sorted(sorted((name, "yes" if value is True else str(value)) for name, value in source.items() if value not in (None, False, "no", 0))
                  for source in sources)
    is_egd, rate = backend == "egd", int(rate or 0)
    return (model, backend, path if backend == "random" else "", kind if is_egd else "", said if is_egd else [],
            (protocol or "") if is_egd else "", rate, int(period or 1000) if rate else 0, sorted(driver))


def _reconnect(source):
    reconnect = source.find("reconnect")
    return int(reconnect.get("timeout")) if reconnect is not None and reconnect.get("enabled") == "yes" else None
