# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The <rng> device: read from XML, written as XML, equal by meaning.

A device is a dict with the names of the module's options, so that one that was read can be given back:
``backend``; ``path`` with backend random, ``egd`` (how it was connected, read-only) with backend egd; ``rate_bytes`` (bytes per
period, 0 is unlimited), ``rate_period`` (ms), ``model``, ``driver`` (only what is said).
"""

import collections
import functools
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

DRIVER_OPTIONS = ("iommu", "ats", "packed", "page_per_vq")

# libvirt's documentation of <rate>: "The optional period attribute specifies the duration of a period in milliseconds;
# if omitted, the period is taken as 1000 milliseconds (1 second)."
DEFAULT_PERIOD = 1000
# virDomainRNGDefParseXML and its post-parse: backend random without a path is this file.
DEFAULT_PATH = "/dev/random"

# device: dict as above; xml: the element as libvirt wrote it, address included; alias: its name while running, or None.
Rng = collections.namedtuple("Rng", "device xml alias")


@functools.lru_cache(maxsize=None)  # On one host most domains have the same few.
def read(element):
    """Return the Rng of one <rng> element (str)."""
    rng = ElementTree.fromstring(element)  # noqa: S314  libvirt wrote it
    alias = rng.find("alias")
    return Rng(_device(rng), element, None if alias is None else alias.get("name"))


def described(options):
    """Return the device that the module's ``options`` describe; options of the driver that are None are not managed."""
    device = {"backend": options["backend"]}
    if device["backend"] == "random":
        device["path"] = options["path"]
    driver = options["driver"] or {}
    device.update(
        rate_bytes=options["rate_bytes"],
        rate_period=options["rate_period"] if options["rate_bytes"] else DEFAULT_PERIOD,
        model=options["model"],
        driver={name: driver[name] for name in DRIVER_OPTIONS if driver.get(name) is not None},
    )
    return device


def is_as(wanted, device):
    """Return whether ``device`` is as ``wanted``: same meaning, and of the driver's options only those that are given."""
    return _meaning(wanted) == _meaning(device) and all(
        device["driver"].get(name, False) == value for name, value in wanted["driver"].items())


def same(devices, others):
    """Return whether two lists of devices mean the same, in whatever order."""
    return sorted(map(_whole_meaning, devices)) == sorted(map(_whole_meaning, others))


def instead_of(device, wanted):
    """Return ``wanted`` with those driver options of ``device`` that it doesn't manage."""
    return dict(wanted, driver=dict(device["driver"], **wanted["driver"]))


def to_xml(device):
    """Return the <rng> element (str) for a device of backend random or builtin."""
    driver = "".join(f" {name}='{'on' if value else 'off'}'" for name, value in sorted(device["driver"].items()))
    return "<rng model={model}>{driver}{rate}<backend model={backend}>{path}</backend></rng>".format(
        model=quoteattr(device["model"]),
        driver=f"<driver{driver}/>" if driver else "",
        rate=f"<rate bytes='{device['rate_bytes']}' period='{device['rate_period']}'/>" if device["rate_bytes"] else "",
        backend=quoteattr(device["backend"]),
        path=escape(device.get("path", "")),
    )


def to_text(devices):
    """Return the devices as YAML that can be given to the module, for a diff."""
    return "".join(_yaml(device) for device in devices)


def _device(rng):
    backend, rate, driver = rng.find("backend"), rng.find("rate"), rng.find("driver")
    device = {"backend": backend.get("model")}
    if device["backend"] == "random":
        device["path"] = backend.text or DEFAULT_PATH
    elif device["backend"] == "egd":
        device["egd"] = {
            "type": backend.get("type"),
            "sources": [dict(source.attrib) for source in backend.findall("source")],
        }
    device.update(rate_bytes=0, rate_period=DEFAULT_PERIOD, model=rng.get("model"), driver={})
    if rate is not None:
        device.update(rate_bytes=int(rate.get("bytes", 0)), rate_period=int(rate.get("period") or DEFAULT_PERIOD))
    if driver is not None:
        device["driver"] = {name: driver.get(name) == "on" for name in DRIVER_OPTIONS if name in driver.attrib}
    return device


def _meaning(device):
    return (
        device["backend"],
        device.get("path", ""),
        repr(device.get("egd", "")),
        device["rate_bytes"],
        device["rate_period"] if device["rate_bytes"] else DEFAULT_PERIOD,
        device["model"],
    )


def _whole_meaning(device):
    # QEMU's own value of each of these is off (hw/virtio/virtio.c, virtio-pci.c), so "off" and unsaid are one.
    return _meaning(device) + tuple(device["driver"].get(name, False) for name in DRIVER_OPTIONS)


def _yaml(device):
    lines = [f"{name}: {value}" for name, value in device.items() if name not in ("driver", "egd")]
    if "egd" in device:
        lines.append(f"egd: {device['egd']}")
    if device["driver"]:
        lines.append("driver:")
        lines += [f"  {name}: {str(value).lower()}" for name, value in sorted(device["driver"].items())]
    return "- " + "\n  ".join(lines) + "\n"
