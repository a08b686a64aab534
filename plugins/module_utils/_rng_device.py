# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The <rng> device: read from XML, written as XML, equal by meaning.

A device is a dict with the names of the module's options, so that one that was read can be given back:
``backend``; ``path`` with backend random, ``egd`` with backend egd; ``rate_bytes`` (bytes per period, 0 is unlimited),
``rate_period`` (ms), ``model``, ``driver`` (only what is said). See ``_rng_egd`` for ``egd``. One that is asked for may have ``alias`` and ``address``
besides (see ``_rng_place``), which are no part of its meaning.
"""

import collections
import functools
import hashlib
import re
from xml.sax.saxutils import escape, quoteattr

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_egd, _rng_place, _virt_xml

DRIVER_OPTIONS = ("iommu", "ats", "packed", "page_per_vq")

# libvirt's documentation of <rate>: "The optional period attribute specifies the duration of a period in milliseconds;
# if omitted, the period is taken as 1000 milliseconds (1 second)."
DEFAULT_PERIOD = 1000
# virDomainRNGDefParseXML and its post-parse: backend random without a path is this file.
DEFAULT_PATH = "/dev/random"

# The alias of a device that this collection adds says what it found there. As libvirt takes no alias twice, of two runs that found the same one
# alone adds its device; and where a device takes the place of others, a run that was killed before they left can be finished. libvirt keeps an
# alias in the definition when it begins with "ua-" (virDomainDeviceInfoParseXML in src/conf/domain_conf.c, since 3.9.0).
_BESIDE, _INSTEAD = "ua-kvm-entropy-beside", "ua-kvm-entropy-instead-of"
# In a definition the successor takes the old one's name and address, once those are free: until then one with this alias stands in for both.
_INTERIM = "ua-kvm-entropy-interim-for"
_ALIAS = re.compile(r"\s*<alias [^>]*/>")
# XML's parser makes a line feed of a carriage return.
_KEPT = {"\r": "&#13;"}

# device: dict as above; xml: the element as libvirt wrote it, address included; alias: its name, or None.
Rng = collections.namedtuple("Rng", "device xml alias")


@functools.lru_cache(maxsize=None)  # On one host most domains have the same few.
def read(element):
    """Return the Rng of one <rng> element (str)."""
    rng = _virt_xml.parsed(element)
    alias = rng.find("alias")
    return Rng(_device(rng), element, None if alias is None else alias.get("name"))


def described(options, is_back=False):
    """Return the device that the module's ``options`` describe; options of the driver that are None are not managed. ``is_back``: see ``_rng_egd``."""
    device = {"backend": options["backend"]}
    if device["backend"] == "random":
        device["path"] = options["path"]
    elif device["backend"] == "egd":
        device["egd"] = _rng_egd.described(options["egd"], is_back)
    driver = options["driver"] or {}
    device.update(
        rate_bytes=options["rate_bytes"],
        rate_period=options["rate_period"] if options["rate_bytes"] else DEFAULT_PERIOD,
        model=options["model"],
        driver={name: driver[name] for name in DRIVER_OPTIONS if driver.get(name) is not None},
    )
    device.update(_rng_place.described(options))
    return device


def is_as(wanted, device):
    """Return whether ``device`` is as ``wanted``: same meaning, and of the driver's options only those that are given."""
    return _meaning(wanted) == _meaning(device) and all(
        device["driver"].get(name, False) == value for name, value in wanted["driver"].items())


def means(device, other):
    """Return whether two devices mean the same, in all that they have."""
    return _whole_meaning(device) == _whole_meaning(other)


def same(devices, others):
    """Return whether two lists of devices mean the same, in whatever order."""
    return sorted(map(_whole_meaning, devices)) == sorted(map(_whole_meaning, others))


def instead_of(device, wanted):
    """Return ``wanted`` with those driver options of ``device`` that it doesn't manage."""
    return dict(wanted, driver=dict(device["driver"], **wanted["driver"]))


def new_alias(present, removed, index, is_interim=False):
    """Return the alias (str) of the device number ``index`` that is added to those ``present``, of which some are ``removed`` (lists of Rng)."""
    found = [_digest(rng) for rng in removed or present] or ["none"]
    prefix = (_INTERIM if is_interim else _INSTEAD) if removed else _BESIDE
    return "-".join([prefix] + found + ([str(index)] if index else []))


def left_over(rngs):
    """Return the indices (set) of those of ``rngs`` whose place another one has already taken: a run ended before they left."""
    gone = set()
    if len(rngs) < 2:
        return gone
    for later, rng in enumerate(rngs):
        replaced = (rng.alias or "").split("-") if (rng.alias or "").startswith((_INSTEAD, _INTERIM)) else ()
        # What was replaced came first. One that came later is somebody's wish, even at the old one's address.
        gone.update(index for index in range(later) if _digest(rngs[index]) in replaced)
        gone.update(index for index in range(later) if (rngs[index].alias or "").startswith(_INTERIM) and means(rngs[index].device, rng.device))
    return gone


def own_names(rng):
    """Return what a running device has (list of str, in words) that none gets which is plugged beside it: its place, and with it its NUMA node; its log."""
    said = _rng_place.shown_place(place_of(rng))
    return ([said] if said else []) + own_log(rng)


def own_log(rng):
    """Return the log that its owner gave the device (list of str, in words)."""
    log = _virt_xml.parsed(rng.xml).find("backend/log")
    return [] if log is None else [f"log {log.get('file')}"]


def place_of(rng):
    """Return the Place of a device: its address, the name that its owner gave it, its ACPI index."""
    is_ours = (rng.alias or "").startswith((_BESIDE, _INSTEAD, _INTERIM))
    return _rng_place.read(_virt_xml.parsed(rng.xml), None if is_ours else rng.alias)


def sits(rng, device):
    """Return whether a device of a definition has the name and the address that are asked for with ``device``."""
    return _rng_place.fits(device, place_of(rng)) if _rng_place.is_asked_for(device) else True


def without_place(device):
    """Return ``device`` without the name and the address that are asked for with it."""
    return {name: value for name, value in device.items() if name not in _rng_place.NAMES}


def waits_for_its_source(devices):
    """Return whether QEMU starts with all ``devices`` (list of dict) before anybody listens where they connect to."""
    return all(device["backend"] == "egd" and any(source.get("reconnect") for source in device["egd"]["sources"]) for device in devices)


def to_xml(device, alias=None, place=None):
    """Return the <rng> element (str) for a device, with an ``alias`` where it is to have one, or with the name and address of a ``place`` (Place)."""
    driver = "".join(f" {name}='{'on' if value else 'off'}'" for name, value in sorted(device["driver"].items()))
    return "<rng model={model}>{driver}{rate}{backend}{alias}{place}</rng>".format(
        model=quoteattr(device["model"]),
        driver=f"<driver{driver}/>" if driver else "",
        rate=f"<rate bytes='{device['rate_bytes']}' period='{device['rate_period']}'/>" if device["rate_bytes"] else "",
        backend=_backend_xml(device),
        alias=f"<alias name={quoteattr(alias)}/>" if alias else "",
        place=_rng_place.to_xml(place) if place else "",
    )


def to_text(devices):
    """Return the devices as YAML that can be given to the module, for a diff."""
    return "".join(_yaml(device) for device in devices)


def _device(rng):
    backend, rate, driver = rng.find("backend"), rng.find("rate"), rng.find("driver")
    if backend is None or not backend.get("model") or not rng.get("model"):
        raise _virt_xml.unreadable("an <rng> without a model or a backend")
    device = {"backend": backend.get("model")}
    if device["backend"] == "random":
        device["path"] = backend.text or DEFAULT_PATH
    elif device["backend"] == "egd":
        device["egd"] = _rng_egd.read(backend)
    device.update(rate_bytes=0, rate_period=DEFAULT_PERIOD, model=rng.get("model"), driver={})
    if rate is not None:
        device.update(rate_bytes=_virt_xml.number(rate.get("bytes", "0"), "rate bytes"),
                      rate_period=_virt_xml.number(rate.get("period") or "0", "rate period") or DEFAULT_PERIOD)
    if driver is not None:
        device["driver"] = {name: driver.get(name) == "on" for name in DRIVER_OPTIONS if name in driver.attrib}
    return device


def _backend_xml(device):
    if device["backend"] == "egd":
        return _rng_egd.to_xml(device["egd"])
    return f"<backend model={quoteattr(device['backend'])}>{escape(device.get('path', ''), _KEPT)}</backend>"


def _digest(rng):
    # 32 bits tell the few devices of one domain apart. hashlib.md5 and sha1 are refused on a host in FIPS mode.
    return hashlib.sha256(_ALIAS.sub("", rng.xml).encode()).hexdigest()[:8]


def _meaning(device):
    return (
        device["backend"],
        device.get("path", ""),
        _rng_egd.meaning(device["egd"]) if "egd" in device else (),
        device["rate_bytes"],
        device["rate_period"] if device["rate_bytes"] else DEFAULT_PERIOD,
        device["model"],
    )


def _whole_meaning(device):
    # QEMU's own value of each of these is off (hw/virtio/virtio.c, virtio-pci.c), so "off" and unsaid are one.
    return _meaning(device) + tuple(device["driver"].get(name, False) for name in DRIVER_OPTIONS)


def _yaml(device):
    lines = [f"{name}: {_rng_egd.yaml(value)}" for name, value in device.items() if name not in ("driver", "egd") + _rng_place.NAMES]
    if "egd" in device:
        lines += ["egd:"] + [f"  {line}" for line in _rng_egd.yaml_lines(device["egd"])]
    if device["driver"]:
        lines.append("driver:")
        lines += [f"  {name}: {_rng_egd.yaml(value)}" for name, value in sorted(device["driver"].items())]
    return "- " + "\n  ".join(lines) + "\n"
