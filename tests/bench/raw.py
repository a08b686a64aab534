# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The raw loop that virt_rng is measured against: plain libvirt calls, one domain after the other, without a thought about any of them.

    /usr/bin/python3 tests/bench/raw.py URI define COUNT | add | read | remove

Prints JSON: the ``seconds`` and the process's ``cpu`` seconds from after the connection on, and its ``peak`` memory (KiB).
"""

import json
import re
import resource
import sys
import time
import uuid

import libvirt

ELEMENT = "<rng model='virtio'><rate bytes='1024' period='1000'/><backend model='random'>/dev/urandom</backend></rng>"
DOMAIN = (
    "<domain type='qemu'><name>bench-{:05}</name><uuid>{}</uuid><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
    "<features><acpi/></features><devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>")
RNG = re.compile("<rng.*?</rng>", re.DOTALL)


def define(connection, count):
    """Define ``count`` (str) domains without <rng>."""
    for number in range(int(count)):
        connection.defineXML(DOMAIN.format(number, uuid.UUID(int=number + 1)))


def add(connection):
    for domain in connection.listAllDomains(0):
        domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        domain.attachDeviceFlags(ELEMENT, libvirt.VIR_DOMAIN_AFFECT_CONFIG)


def read(connection):
    for domain in connection.listAllDomains(0):
        domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)


def remove(connection):
    for domain in connection.listAllDomains(0):
        element = RNG.search(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)).group()
        domain.detachDeviceFlags(element, libvirt.VIR_DOMAIN_AFFECT_CONFIG)


def main(uri, what, *words):
    connection = libvirt.open(uri)
    begun, used = time.monotonic(), time.process_time()
    {"define": define, "add": add, "read": read, "remove": remove}[what](connection, *words)
    seconds, cpu = time.monotonic() - begun, time.process_time() - used
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


if __name__ == "__main__":
    main(*sys.argv[1:])
