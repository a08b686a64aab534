# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controllers of every bus, and PCI topologies."""


def _pci(index, model, more=""):
    return f"<controller type='pci' index='{index}' model='{model}'>{more}</controller>"


_BARE = "<controller type='usb' model='none'/><memballoon model='none'/><video><model type='none'/></video>"

SHAPES = {
    "virtio-scsi": {
        "devices": "<controller type='scsi' index='0' model='virtio-scsi'><driver queues='4' iothread='1' max_sectors='512' cmd_per_lun='50'/></controller>",
        "vcpu": "<vcpu>1</vcpu><iothreads>1</iothreads>"},
    "virtio-scsi, transitional": "<controller type='scsi' index='0' model='virtio-transitional'/>",
    "lsilogic": "<controller type='scsi' index='0' model='lsilogic'/>",
    "megasas": "<controller type='scsi' index='0' model='lsisas1078'/>",
    "two kinds of scsi": "<controller type='scsi' index='0' model='virtio-scsi'/><controller type='scsi' index='1' model='lsilogic'/>",
    "sata": "<controller type='sata' index='0'/><controller type='sata' index='1'/>",
    "virtio-serial": "<controller type='virtio-serial' index='0' ports='16' vectors='4'/>",
    "ccid": "<controller type='ccid' index='0'/>",
    "xhci": "<controller type='usb' index='0' model='qemu-xhci' ports='15'/>",
    "nec-xhci": "<controller type='usb' index='0' model='nec-xhci'/>",
    "ehci with companions": "".join(
        f"<controller type='usb' index='0' model='ich9-{model}'>{master}</controller>" for model, master in (
            ("ehci1", ""), ("uhci1", "<master startport='0'/>"), ("uhci2", "<master startport='2'/>"), ("uhci3", "<master startport='4'/>"))),
    "uhci": "<controller type='usb' index='0' model='piix3-uhci'/>",
    "no usb": "<controller type='usb' index='0' model='none'/>",
    "root ports": "".join(_pci(index, "pcie-root-port", f"<target chassis='{index}' port='{7 + index}'/>") for index in range(1, 15)),
    "root port, hotplug off": _pci(1, "pcie-root-port", "<model name='ioh3420'/><target chassis='1' port='0x8' hotplug='off'/>"),
    "bridge on conventional": _pci(1, "pci-bridge", "<target chassisNr='1'/>"),
    "three bridges": "".join(_pci(index, "pci-bridge") for index in (1, 2, 3)),
    "dmi to pci": _pci(1, "dmi-to-pci-bridge") + _pci(2, "pci-bridge"),
    "pcie to pci": _pci(1, "pcie-root-port") + _pci(2, "pcie-to-pci-bridge"),
    "switch": _pci(1, "pcie-root-port") + _pci(2, "pcie-switch-upstream-port") + _pci(3, "pcie-switch-downstream-port")
              + _pci(4, "pcie-switch-downstream-port"),
    "expander": {
        "devices": "".join([_pci(1, "pcie-expander-bus", "<target busNr='180'><node>0</node></target>"),
                            _pci(2, "pcie-root-port", "<address type='pci' bus='1' slot='0'/>")]),
        "cpu": "<cpu><numa><cell id='0' cpus='0' memory='65536' unit='KiB'/></numa></cpu>"},
    "conventional expander": {
        "devices": _pci(1, "pci-expander-bus", "<target busNr='254'><node>0</node></target>"),
        "cpu": "<cpu><numa><cell id='0' cpus='0' memory='65536' unit='KiB'/></numa></cpu>"},
    "64 bit hole": _pci(0, "pcie-root", "<pcihole64 unit='KiB'>1048576</pcihole64>"),
    "64 bit hole, conventional": _pci(0, "pci-root", "<pcihole64 unit='KiB'>2097152</pcihole64>"),
    "no acpi hotplug of bridges": {"features": "<acpi/><apic/>", "devices": _pci(1, "pcie-root-port")},
    "not one slot left": _BARE + "".join(
        f"<controller type='virtio-serial' index='{index}'><address type='pci' bus='0' slot='{index + 2}'/></controller>" for index in range(30)),
}
