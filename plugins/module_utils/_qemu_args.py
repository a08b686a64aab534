# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rng devices that a domain gives its QEMU past libvirt, by <qemu:commandline>. libvirt hands them on unread, and shows no <rng> for them. Pure."""

import json
import re

from ansible_collections.kvm.entropy.plugins.module_utils import _virt_xml

_NAMESPACE = "{http://libvirt.org/schemas/domain/qemu/1.0}"
_ANY = re.compile(r"<(\w+:)?commandline\b")

# QEMU's names of the device (hw/virtio/virtio-rng-pci.c, virtio-rng-ccw.c, virtio-rng.c): -pci with or without its two variants, -ccw, -device.
_DEVICE = re.compile(r"virtio-rng(-[a-z-]+)?\Z")
# What gives devices, or changes them, in a way that is not followed here.
_NOT_READ = ("readconfig", "set", "global")
_MOST_SHOWN = 100


def has_command_line(xml):
    """Return whether the domain of ``xml`` may have arguments of its own. libvirt writes them after the devices."""
    return _ANY.search(xml, max(0, xml.rfind("</devices>"))) is not None


def rng_devices(xml):
    """Return the rng devices (list of str: QEMU's name, and the id where there is one) that the domain of ``xml`` has by its command line."""
    return [words for option, value in _options_of(xml) if option == "device" for words in [_rng(value)] if words]


def not_read(xml):
    """Return those arguments (list of str) by which the domain of ``xml`` may have an rng device, or another one, that is not known here."""
    return [f"-{option} {value[:_MOST_SHOWN]}" for option, value in _options_of(xml)
            if option == "readconfig" or (option in _NOT_READ and "rng" in value)]


def _options_of(xml):
    """Yield (option, value) of the domain's own arguments, both str."""
    if not has_command_line(xml):
        return
    line = _virt_xml.parsed(xml).find(_NAMESPACE + "commandline")
    words = [argument.get("value", "") for argument in (() if line is None else line.findall(_NAMESPACE + "arg"))]
    for word, value in zip(words, words[1:]):
        if word.startswith("-"):  # QEMU takes one dash or two (lookup_opt in softmmu/vl.c).
            yield word[2:] if word.startswith("--") else word[1:], value


def _rng(value):
    """Return what -device ``value`` (str) gives in words, None where that is no rng device: as ``NAME,id=ID,...`` or as JSON."""
    options = _json(value) if value.lstrip().startswith("{") else _listed(value)
    driver, name = str(options.get("driver", "")), options.get("id")
    if not _DEVICE.match(driver):
        return None
    return f"{driver} {name}"[:_MOST_SHOWN] if name else driver


def _json(value):
    try:
        options = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return options if isinstance(options, dict) else {}


def _listed(value):
    """Return the options (dict) of ``value`` (str): the first is the driver where it has no name. A comma in a value is written twice."""
    options = {}
    for index, part in enumerate(value.replace(",,", "\0").split(",")):
        name, equals, said = part.replace("\0", ",").partition("=")
        options.update({name: said} if equals else {"driver": name} if index == 0 else {name: "on"})
    return options
