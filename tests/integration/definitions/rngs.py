# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The <rng> that a domain may have already, with whatever its owner gave it."""

SHAPES = {
    "as virt-manager writes it": "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
    "as the module writes it": "<rng model='virtio'><rate bytes='1024' period='1000'/><backend model='random'>/dev/urandom</backend></rng>",
    "without a path": "<rng model='virtio'><backend model='random'/></rng>",
    "hardware": "<rng model='virtio'><rate bytes='1234' period='2000'/><backend model='random'>/dev/hwrng</backend></rng>",
    "a path like a device's": "<rng model='virtio'><backend model='random'>/dev/&lt;rng&gt; &amp; 'x'</backend></rng>",
    "builtin": "<rng model='virtio'><backend model='builtin'/></rng>",
    "transitional": "<rng model='virtio-transitional'><backend model='random'>/dev/urandom</backend></rng>",
    "non-transitional": (
        "<rng model='virtio-non-transitional'><driver iommu='on' ats='on' packed='on' page_per_vq='on'/><backend model='random'>/dev/urandom</backend>"
        "</rng>"),
    "alias": "<rng model='virtio'><alias name='ua-the-rng_of.mine'/><backend model='random'>/dev/urandom</backend></rng>",
    "acpi index": "<rng model='virtio'><acpi index='9'/><backend model='random'>/dev/urandom</backend></rng>",
    "address": "<rng model='virtio'><address type='pci' domain='0' bus='0' slot='0x1d' function='0'/><backend model='random'>/dev/urandom</backend></rng>",
    "address, multifunction": (
        "<rng model='virtio'><address type='pci' domain='0' bus='0' slot='0x1d' function='0' multifunction='on'/>"
        "<backend model='random'>/dev/urandom</backend></rng><rng model='virtio'><address type='pci' domain='0' bus='0' slot='0x1d' function='1'/>"
        "<backend model='builtin'/></rng>"),
    "two alike": (
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"),
    "three": (
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng><rng model='virtio'><rate bytes='1'/><backend model='builtin'/></rng>"
        "<rng model='virtio'><rate period='3'/><backend model='random'/></rng>"),
    "eight": (
        "<rng model='virtio'><rate bytes='0'/><backend model='random'>/dev/urandom</backend></rng><rng model='virtio'><rate bytes='1'/>"
        "<backend model='random'>/dev/urandom</backend></rng><rng model='virtio'><rate bytes='2'/><backend model='random'>/dev/urandom</backend></rng>"
        "<rng model='virtio'><rate bytes='3'/><backend model='random'>/dev/urandom</backend></rng><rng model='virtio'><rate bytes='4'/>"
        "<backend model='random'>/dev/urandom</backend></rng><rng model='virtio'><rate bytes='5'/><backend model='random'>/dev/urandom</backend></rng>"
        "<rng model='virtio'><rate bytes='6'/><backend model='random'>/dev/urandom</backend></rng><rng model='virtio'><rate bytes='7'/>"
        "<backend model='random'>/dev/urandom</backend></rng>"),
    "egd over tcp": (
        "<rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' host='egd.example.org' service='7000'/><protocol type='raw'/>"
        "</backend></rng>"),
    "egd over tls": (
        "<rng model='virtio'><backend model='egd' type='tcp'><source mode='bind' host='127.0.0.1' service='7000' tls='yes'/><protocol type='telnet'/>"
        "</backend></rng>"),
    "egd over udp": (
        "<rng model='virtio'><backend model='egd' type='udp'><source mode='bind' service='1234'/><source mode='connect' host='1.2.3.4' service='1234'/>"
        "</backend></rng>"),
    "egd on a socket, reconnecting": (
        "<rng model='virtio'><backend model='egd' type='unix'><source mode='connect' path='/run/e&amp;d.sock'><reconnect enabled='yes' timeout='9'/>"
        "</source></backend></rng>"),
    "egd on a pty, beside another": (
        "<rng model='virtio'><backend model='egd' type='pty'></backend></rng><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"),
    "egd, logged": (
        "<rng model='virtio'><backend model='egd' type='unix'><source mode='bind' path='/run/egd.sock'/><log file='/var/log/egd.log' append='on'/>"
        "</backend></rng>"),
    "in a confidential guest": {
        "top": "<launchSecurity type='sev'><cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits><policy>0x0003</policy></launchSecurity>",
        "devices": "<rng model='virtio'><driver ats='on'/><backend model='random'>/dev/urandom</backend></rng>"
                   "<rng model='virtio'><backend model='builtin'/></rng>"},
}
