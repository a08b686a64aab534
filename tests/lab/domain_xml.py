# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The libvirt definition of a guest."""

import os
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

SPARE_PORTS = 4  # for live plugging: q35 plugs into free PCIe root ports only

_DEFINITION = """
<domain type={kind} xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <name/>
  <memory unit="MiB">{memory}</memory>
  <vcpu>{cpus}</vcpu>
  <os><type arch="x86_64" machine="q35">hvm</type></os>
  <features><acpi/></features>
  <clock offset="utc"/>
  <devices>
    <controller type="pci" index="0" model="pcie-root"/>
    <controller type="usb" model="none"/>
    <disk type="file" device="disk">
      <driver name="qemu" type="qcow2" cache="unsafe"/>
      <source file={disk}/>
      <target dev="vda" bus="virtio"/>
    </disk>
    <serial type="file"><source path={console} append="on"/></serial>
    <memballoon model="none"/>
  </devices>
  <qemu:commandline>
    <qemu:arg value="-netdev"/>
    <qemu:arg value="user,id=lab,hostfwd=tcp:127.0.0.1:{port}-:22"/>
    <qemu:arg value="-device"/>
    <qemu:arg value="virtio-net-pci,netdev=lab,bus=pcie.0,addr=0x10,romfile="/>
  </qemu:commandline>
</domain>
"""

# Neither has RDRAND or RDSEED: a guest without a device is as starved as on a machine that has no such instructions.
_CPU_KVM = """
<cpu mode="host-passthrough" check="none"><feature policy="disable" name="rdrand"/><feature policy="disable" name="rdseed"/></cpu>"""
# The model is stable under QEMU 7.2's TCG, where qemu64 sometimes crashes kernels from 6.12 on; it has no RDSEED to disable. By its vendor the kernel knows
# that it has no Meltdown, and does not isolate its page tables, which takes TCG a third of a program's time.
_CPU_TCG = """
<cpu mode="custom" match="exact" check="none">
  <model fallback="forbid" vendor_id="AuthenticAMD">Haswell-noTSX-IBRS</model><feature policy="disable" name="rdrand"/>
</cpu>"""
_RNG = '<rng model="virtio"><backend model="random">/dev/urandom</backend></rng>'
_CHANNEL = '<channel type="unix"><source mode="bind" path={path}/><target type="virtio" name="org.qemu.guest_agent.0"/></channel>'


def definition(name, folder, port, *, kvm=False, options=()):
    """Return the definition (str) of guest ``name`` with its files in ``folder`` (Path) and SSH on 127.0.0.1:``port`` (int).

    ``options`` holds any of ``rng`` (the device from the start), ``full`` (no free PCIe root port), ``genid``,
    ``agent`` (a channel at the socket of that name) and ``host`` (memory for guests of its own). The network is
    given past libvirt, so that a port that leads to the guest's SSH survives whoever powers the domain off and on. It has two CPUs, or as many as
    ``KVM_ENTROPY_GUEST_CPUS`` says: beside other guests one is better, as a second one adds a third to the work of a boot.
    """
    ET.register_namespace("qemu", "http://libvirt.org/schemas/domain/qemu/1.0")
    domain = ET.fromstring(_DEFINITION.format(
        kind=quoteattr("kvm" if kvm else "qemu"), memory=1024 if "host" in options else 512, disk=quoteattr(str(folder / "disk.qcow2")),
        console=quoteattr(str(folder / "console.log")), port=port, cpus=int(os.environ.get("KVM_ENTROPY_GUEST_CPUS", "2"))))
    domain.find("name").text = name
    domain.insert(4, ET.fromstring(_CPU_KVM if kvm else _CPU_TCG))
    if "genid" in options:
        domain.insert(1, ET.Element("genid"))
    devices = domain.find("devices")
    used = 1  # by the disk
    if "rng" in options:
        devices.append(ET.fromstring(_RNG))
        used += 1
    if "agent" in options:
        devices.append(ET.fromstring(_CHANNEL.format(path=quoteattr(str(folder / "agent.sock")))))
        used += 1
    for index in range(1, used + 1 + (0 if "full" in options else SPARE_PORTS)):
        devices.insert(index, ET.Element("controller", type="pci", index=str(index), model="pcie-root-port"))
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode")
