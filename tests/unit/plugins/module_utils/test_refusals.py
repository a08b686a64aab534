# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt's refusals are told apart in English and where its daemon speaks another language. On a real one: test_virt_rng_language.py."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._refusals import kind

# Texts of libvirt 9.0 and QEMU 7.2, the German ones with Debian's libvirt-l10n.
IN_QEMU = "internal error: unable to execute QEMU command '%s': %s"
AUF_DEUTSCH = "Interner Fehler: QEMU-Befehl '%s' kann nicht ausgeführt werden: %s"


@pytest.mark.parametrize(("code", "text", "expected"), [
    (1, "internal error: No more available PCI slots", "no-slot"),
    (1, "Interner Fehler: Keine weiteren PCI-Slots verfügbar", "no-slot"),
    (27, "XML Fehler: und so weiter", "no-slot"),
    (27, "XML error: No PCI buses available", "no-slot"),
    (1, "internal error: something new", "other"),
    (1, IN_QEMU % ("device_add", "Property 'virtio-rng-pci.page_per_vq' not found"), "unfit"),
    *((1, words % (command, "something new"), "no-source") for words in (IN_QEMU, AUF_DEUTSCH) for command in ("object-add", "chardev-add")),
    (55, "Requested operation is not valid: domain is not running", "stopped"),
    (55, "Angeforderte Operation ist nicht gültig: Domain läuft nicht", "stopped"),
    (42, "Domain nicht gefunden", "gone"),
    (99, "Einheit nicht gefunden", "missing"),
    (68, "Zeit abgelaufen", "busy"),
    (38, "Zugriff verweigert", "other"),
    *((1, words % ("object-add", "Could not open '/dev/nothing': No such file or directory"), "no-source") for words in (IN_QEMU, AUF_DEUTSCH)),
    *((1, words % ("device_add", "Bus 'pci.0' does not support hotplugging"), "no-hotplug") for words in (IN_QEMU, AUF_DEUTSCH)),
    *((1, words % ("device_del", "Device rng0 is already in the process of unplug"), "leaving") for words in (IN_QEMU, AUF_DEUTSCH)),
    *((1, words % ("device_add", "something new"), "other") for words in (IN_QEMU, AUF_DEUTSCH)),
])
def test_each_is_of_its_kind(code, text, expected):
    assert kind(code, text) == expected
