# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other devices: hostdevs, filesystems, TPMs, watchdogs, memory devices and what else a guest may have."""

SHAPES = {
    "usb by id": "<hostdev mode='subsystem' type='usb'><source><vendor id='0x0951'/><product id='0x1625'/></source></hostdev>",
    "usb by address, optional": (
        "<hostdev mode='subsystem' type='usb' managed='no'><source startupPolicy='optional'><address bus='14' device='6'/></source></hostdev>"),
    "pci": "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x06' slot='0x12' function='0x5'/></source></hostdev>",
    "pci with a rom": (
        "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x06' slot='0x12' function='0x5'/></source>"
        "<driver name='vfio'/><rom bar='on' file='/etc/fake/boot.bin'/><boot order='5'/></hostdev>"),
    "scsi": (
        "<hostdev mode='subsystem' type='scsi' rawio='yes'><source><adapter name='scsi_host0'/><address bus='0' target='0' unit='0'/></source><readonly/>"
        "</hostdev>"),
    "scsi over iscsi": (
        "<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn.2014-08.com.example:iscsi-nopool/1'>"
        "<host name='example.org' port='3260'/><auth username='me'><secret type='iscsi' usage='libvirtiscsi'/></auth></source></hostdev>"),
    "scsi host": "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5123456789abcde0'/></hostdev>",
    "mdev": (
        "<hostdev mode='subsystem' type='mdev' model='vfio-pci' display='off'><source><address uuid='53764d0e-85a0-42b4-af5c-2046b460b1dc'/></source>"
        "</hostdev>"),
    "usb redirection": (
        "<redirdev bus='usb' type='tcp'><source mode='connect' host='localhost' service='4000'/><boot order='9'/></redirdev><redirfilter>"
        "<usbdev class='0x08' vendor='0x1234' product='0xBEEF' version='2.56' allow='yes'/><usbdev allow='no'/></redirfilter>"),
    "smartcard of the host": "<smartcard mode='host'/>",
    "smartcard passed through": (
        "<smartcard mode='passthrough' type='tcp'><source mode='bind' host='127.0.0.1' service='2001'/><protocol type='raw'/></smartcard>"),
    "smartcard certificates": (
        "<smartcard mode='host-certificates'><certificate>c1</certificate><certificate>c2</certificate><certificate>c3</certificate></smartcard>"),
    "9p": (
        "<filesystem type='mount' accessmode='mapped' multidevs='remap'><source dir='/export/to/guest'/><target dir='/import &lt;from&gt;'/><readonly/>"
        "</filesystem>"),
    "9p, handle by driver": (
        "<filesystem type='mount' accessmode='passthrough'><driver type='path' wrpolicy='immediate'/><source dir='/x'/><target dir='x'/></filesystem>"),
    "virtiofs": {
        "memory": "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>",
        "devices": (
            "<filesystem type='mount' accessmode='passthrough'><driver type='virtiofs' queue='1024'/><binary path='/usr/libexec/virtiofsd' xattr='on'>"
            "<cache mode='always'/><lock posix='on' flock='on'/></binary><source dir='/srv'/><target dir='tag'/></filesystem>")},
    "virtiofs of somebody else": {
        "memory": "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>",
        "devices": "<filesystem type='mount'><driver type='virtiofs'/><source socket='/run/fs.sock'/><target dir='t'/></filesystem>"},
    "balloon": "<memballoon model='virtio' autodeflate='on' freePageReporting='on'><stats period='10'/><driver iommu='on' ats='on'/></memballoon>",
    "balloon, transitional": "<memballoon model='virtio-transitional'/>",
    "no balloon": "<memballoon model='none'/>",
    "tpm 2.0": "<tpm model='tpm-crb'><backend type='emulator' version='2.0'><active_pcr_banks><sha256/></active_pcr_banks></backend></tpm>",
    "tpm, encrypted": (
        "<tpm model='tpm-tis'><backend type='emulator' version='2.0' persistent_state='yes'><encryption secret='6dd3e4a5-1d76-44ce-961f-f119f5aad935'/>"
        "</backend></tpm>"),
    "tpm of the host": "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>",
    "tpm elsewhere": "<tpm model='tpm-tis'><backend type='external'><source type='unix' mode='connect' path='/run/swtpm.sock'/></backend></tpm>",
    "i6300esb": "<watchdog model='i6300esb' action='reset'/>",
    "ib700": "<watchdog model='ib700' action='poweroff'/>",
    "itco": "<watchdog model='itco' action='pause'/>",
    "isa panic": "<panic model='isa'><address type='isa' iobase='0x505'/></panic>",
    "hyperv panic": "<panic model='hyperv'/>",
    "vsock": "<vsock model='virtio'><cid auto='no' address='4'/></vsock>",
    "vsock, automatic": "<vsock model='virtio-non-transitional'><cid auto='yes'/></vsock>",
    "intel iommu": {
        "features": "<acpi/><ioapic driver='qemu'/>",
        "devices": "<iommu model='intel'><driver intremap='on' caching_mode='on' eim='off' iotlb='on' aw_bits='48'/></iommu>"},
    "virtio iommu": "<iommu model='virtio'/>",
    "shared memory": "<shmem name='my_shmem0' role='peer'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>",
    "shared memory, doorbell": (
        "<shmem name='shmem_server'><model type='ivshmem-doorbell'/><server path='/run/shmem.sock'/><msi vectors='32' ioeventfd='on'/></shmem>"),
    "dimm": {
        "memory": "<maxMemory slots='8' unit='GiB'>4</maxMemory>",
        "cpu": "<cpu><numa><cell id='0' cpus='0' memory='65536' unit='KiB'/></numa></cpu>",
        "devices": "<memory model='dimm' access='shared' discard='yes'><target><size unit='KiB'>524288</size><node>0</node></target></memory>"},
    "nvdimm": {
        "memory": "<maxMemory slots='8' unit='GiB'>4</maxMemory>",
        "cpu": "<cpu><numa><cell id='0' cpus='0' memory='65536' unit='KiB'/></numa></cpu>",
        "devices": (
            "<memory model='nvdimm'><source><path>/tmp/nv dimm</path></source><target><size unit='KiB'>524288</size><node>0</node><label>"
            "<size unit='KiB'>128</size></label></target></memory>")},
    "virtio-mem": {
        "memory": "<maxMemory slots='8' unit='GiB'>4</maxMemory>",
        "cpu": "<cpu><numa><cell id='0' cpus='0' memory='65536' unit='KiB'/></numa></cpu>",
        "devices": (
            "<memory model='virtio-mem'><source><nodemask>0</nodemask><pagesize unit='KiB'>2048</pagesize></source><target>"
            "<size unit='KiB'>1048576</size><node>0</node><block unit='KiB'>2048</block><requested unit='KiB'>524288</requested></target></memory>")},
    "virtio-pmem": {
        "memory": "<maxMemory slots='8' unit='GiB'>4</maxMemory>",
        "devices": (
            "<memory model='virtio-pmem' access='shared'><source><path>/tmp/pmem</path></source><target><size unit='KiB'>524288</size></target></memory>")},
    "leases": "<lease><lockspace>some&lt;where&gt;</lockspace><key>some key</key><target path='/some/lease/path' offset='1024'/></lease>",
    "crypto": "<crypto model='virtio' type='qemu'><backend model='builtin' queues='1'/></crypto>",
    "nvram of a power machine": "<nvram><address type='spapr-vio' reg='0x3000'/></nvram>",
    "hub": "<hub type='usb'><address type='usb' bus='0' port='1'/></hub>",
    "many of everything": (
        "<watchdog model='i6300esb' action='none'/><vsock><cid auto='yes'/></vsock><hub type='usb'/><redirdev bus='usb' type='spicevmc'/>"
        "<graphics type='spice'/><smartcard mode='passthrough' type='spicevmc'/>"),
}
