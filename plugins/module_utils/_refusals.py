# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kind a refusal of libvirt is, by its code, its words, or, where the daemon speaks another language than English, what is left of both. Pure."""

import re

# virErrorNumber in include/libvirt/virterror.h.
_INTERNAL_ERROR, _NO_SUPPORT, _XML_ERROR, _NO_DOMAIN, _OPERATION_INVALID = 1, 3, 27, 42, 55
_OPERATION_TIMEOUT, _RESOURCE_BUSY, _DEVICE_MISSING = 68, 87, 99
_OPERATION_DENIED, _ACCESS_DENIED = 29, 88
# A guest agent's: the last since 11.2.
_AGENT_UNRESPONSIVE, _AGENT_UNSYNCED, _AGENT_COMMAND_TIMEOUT = 86, 97, 112

_BY_CODE = {
    _NO_DOMAIN: "gone", _NO_SUPPORT: "unsupported", _DEVICE_MISSING: "missing", _OPERATION_TIMEOUT: "busy", _RESOURCE_BUSY: "busy",
    _OPERATION_DENIED: "denied", _ACCESS_DENIED: "denied",
    _AGENT_UNRESPONSIVE: "silent", _AGENT_UNSYNCED: "silent", _AGENT_COMMAND_TIMEOUT: "silent",
}

# What libvirt and QEMU tell in words only. The second one for a slot is how libvirt says that the definition of a pc machine has
# none left, not even for a bridge with more of them. The test driver of libvirt 11 and newer plugs devices and adds none to a definition, in
# words of virCheckFlags (src/internal.h).
_BY_TEXT = (
    ("no-slot", re.compile(r"No more available PCI|No PCI buses available|but index must be larger than bus")),
    ("no-hotplug", re.compile(r"does not support hotplug")),
    ("leaving", re.compile(r"already in the process of unplug")),
    ("missing", re.compile(r"no device found with alias")),
    ("twin", re.compile(r"non unique alias")),
    ("unsupported", re.compile(r"^unsupported flags \(")),
    ("no-source", re.compile(r"Could not open '|Unable to open '|is not accessible|Failed to connect to|'(?:object|chardev)[-_]add'")),
    ("unfit", re.compile(r"is not a valid device model name|Property '[^']*' not found|Property '[^']*' doesn't take value|iommu_platform")),
    ("stopped", re.compile(r"domain is not running")),
)

# How libvirt begins these in English (virErrorMsg in src/util/virerror.c). Its daemon translates them where it runs in another language, as with
# Fedora's packages or Debian's libvirt-l10n; what QEMU says stays as it is, behind the name of its command. What libvirt itself refuses of a
# device that it has just taken into a definition is its place on the bus. What QEMU refuses of an object or a character device is the backend.
_IN_ENGLISH = {_INTERNAL_ERROR: "internal error", _XML_ERROR: "XML error", _OPERATION_INVALID: "Requested operation is not valid"}
_IN_ANOTHER_LANGUAGE = {_INTERNAL_ERROR: "no-slot", _XML_ERROR: "no-slot", _OPERATION_INVALID: "stopped"}
_QEMU_COMMAND = re.compile(r"'[a-z]+[-_](?:add|del)'")


class RefusedError(Exception):
    """libvirt refuses something for one domain.

    ``kind`` is one of no-slot, no-hotplug, no-source (QEMU cannot use the backend), unfit (QEMU makes no such device, hot or cold), leaving (an
    unplug was already asked for), missing (the device is not there), twin (one with its alias is), busy, gone (the domain is no longer there), stopped,
    denied (this user may not), silent (the guest's agent does not answer), unsupported (the driver cannot do it at all),
    unreadable (its XML is of a shape that is not known here), other.
    """

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


def why_unseen(refusal):
    """Return in words (str) why a domain could not be looked at, for the RefusedError of the look."""
    if refusal.kind == "gone":
        return "it was undefined while this ran"
    return str(refusal) if refusal.kind == "unreadable" else f"libvirt refuses to show it: {refusal}"


def kind(code, text):
    """Return the kind (str, see ``_libvirt.RefusedError``) of the error with this ``code`` (int) and ``text`` (str)."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    for name, words in _BY_TEXT:
        if words.search(text):
            return name
    is_translated = code in _IN_ENGLISH and not text.startswith(_IN_ENGLISH[code])
    return _IN_ANOTHER_LANGUAGE[code] if is_translated and not _QEMU_COMMAND.search(text) else "other"
