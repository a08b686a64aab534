# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks of every kind of source, bus and secret. ``@vd``, ``@sd``, ``@hd`` and ``@fd`` stand for the next free target of that bus."""

_BY = "<secret type='{}' uuid='5a9b3d2c-7f0e-4a57-9c55-1f5d0c3f7e11'/>"
_VIRTIO = "<target dev='@vd' bus='virtio'/>"
_SATA = "<target dev='@sd' bus='sata'/>"
_SCSI = "<target dev='@sd' bus='scsi'/>"


def _disk(kind, source, target=_VIRTIO, driver="<driver name='qemu' type='raw'/>", device="disk", more="", said=""):
    return f"<disk type='{kind}' device='{device}'{said}>{driver}{source}{target}{more}</disk>"


def _auth(kind):
    return f"<auth username='us&amp;er'>{_BY.format(kind)}</auth>"


def _network(protocol, hosts="<host name='store.example.org'/>", more="", name="a/b", **words):
    return _disk("network", f"<source protocol='{protocol}' name='{name}'>{hosts}{more}</source>", **words)


SHAPES = {
    "raw file": _disk("file", "<source file='/var/lib/libvirt/images/web.img'/>"),
    "qcow2 file, tuned": _disk(
        "file", "<source file='/srv/a b &amp; c.qcow2'/>", more="<serial>WD-WMAP9A966149</serial>",
        driver="<driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap' detect_zeroes='unmap' error_policy='stop' queues='4'/>"),
    "backing chain": _disk(
        "file", "<source file='/srv/top.qcow2'/><backingStore type='file'><format type='qcow2'/><source file='/srv/base.qcow2'/>"
        "<backingStore type='block'><format type='raw'/><source dev='/dev/vg/base'/><backingStore/></backingStore></backingStore>",
        driver="<driver name='qemu' type='qcow2'/>"),
    "metadata cache": _disk("file", "<source file='/srv/x.qcow2'/>", driver="<driver name='qemu' type='qcow2'><metadata_cache><max_size unit='bytes'>1234"
                            "</max_size></metadata_cache></driver>"),
    "slice of a file": _disk("file", "<source file='/srv/x.raw'><slices><slice type='storage' offset='12345' size='65536'/></slices></source>"),
    "block device": _disk("block", "<source dev='/dev/vg0/web-1'/>", driver="<driver name='qemu' type='raw' cache='none' io='io_uring'/>"),
    "block device with reservations": _disk(
        "block", "<source dev='/dev/disk/by-id/dm-1'><reservations managed='no'><source type='unix' path='/run/pr.sock' mode='client'/></reservations>"
        "</source>",
        target=_SCSI, device="lun"),
    "passed-through lun": _disk("block", "<source dev='/dev/sdb'/>", target=_SCSI, device="lun", said=" rawio='yes'"),
    "directory": _disk("dir", "<source dir='/srv/files'/>", driver="<driver name='qemu' type='fat'/>", more="<readonly/>"),
    "volume of a pool": _disk("volume", "<source pool='default' volume='web.qcow2'/>"),
    "volume of an iscsi pool": _disk("volume", "<source pool='iscsi' volume='unit:0:0:1' mode='direct'/>"),
    "nvme of the host": _disk(
        "nvme", "<source type='pci' managed='yes' namespace='1'><address domain='0x0000' bus='0x81' slot='0x00' function='0x0'/></source>"),
    "empty cdrom": _disk("file", "", target="<target dev='@sd' bus='sata' tray='open'/>", device="cdrom", more="<readonly/>", driver=""),
    "cdrom on ide": _disk("file", "<source file='/iso/debian.iso' startupPolicy='optional'/>", target="<target dev='@hd' bus='ide'/>", device="cdrom",
                          more="<readonly/>"),
    "cdrom over https": _network("https", "<host name='mirror.example.org' port='443'/>", "<ssl verify='no'/><cookies><cookie name='token'>abc</cookie>"
                                 "</cookies><readahead size='65536'/><timeout seconds='30'/>", "iso/debian.iso", target=_SATA, device="cdrom"),
    "cdrom over ftp": _network("ftp", "<host name='ftp.example.org' port='21'/>", name="x.iso", target=_SATA, device="cdrom"),
    "floppy": _disk("file", "<source file='/srv/drivers.img'/>", target="<target dev='@fd' bus='fdc'/>", device="floppy", more="<readonly/>"),
    "rbd with a secret": _network(
        "rbd", "<host name='mon1.example.org' port='6321'/><host name='::1'/>", "<snapshot name='snap'/><config file='/etc/ceph/x.conf'/>" + _auth("ceph"),
        "pool/image"),
    "rbd, encrypted by librbd": _network("rbd", more=f"<encryption format='luks2' engine='librbd'>{_BY.format('passphrase')}</encryption>", name="p/i"),
    "iscsi with chap": _network("iscsi", "<host name='store.example.org' port='3260'/>", f"<auth username='me'>{_BY.format('iscsi')}</auth>",
                                "iqn.2013-07.com.example:iscsi-pool/1"),
    "iscsi with an initiator": _network("iscsi", "<host name='192.0.2.1' port='3260'/>", "<initiator><iqn name='iqn.2024-01.org.example:us'/></initiator>",
                                        "iqn.2013-07.com.example:iscsi-nopool/2", target=_SCSI, device="lun"),
    "nbd over tls": _network("nbd", "<host name='nbd.example.org' port='10809'/>", name="export' tls='yes"),
    "nbd over a socket": _network("nbd", "<host transport='unix' socket='/run/nbd.sock'/>", "<reconnect delay='10'/>"),
    "gluster": _network("gluster", "<host name='g1.example.org' port='24007'/><host name='g2.example.org'/>", name="vol/image.qcow2",
                        driver="<driver name='qemu' type='qcow2'/>"),
    "sheepdog": _network("sheepdog", "<host name='sheep.example.org' port='7000'/>", name="image"),
    "ssh": _network("ssh", "<host name='me.example.org' port='22'/>", name="/srv/x.raw"),
    "nfs": _network("nfs", "<host name='nfs.example.org'/>", "<identity user='USER' group='GROUP'/>", "/srv/x.raw"),
    "luks": _disk("file", f"<source file='/srv/secret.luks'><encryption format='luks'>{_BY.format('passphrase')}</encryption></source>"),
    "luks outside of its source": _disk("file", "<source file='/srv/secret.luks'/>",
                                        more=f"<encryption format='luks'>{_BY.format('passphrase')}</encryption>"),
    "secret by usage": _network("rbd", more="<auth username='admin'><secret type='ceph' usage='client.admin secret'/></auth>", name="p/i"),
    "mirrored never, shared": _disk("block", "<source dev='/dev/shared'/>", more="<shareable/>", driver="<driver name='qemu' type='raw' cache='none'/>"),
    "transient": _disk("file", "<source file='/srv/scratch.qcow2'/>", driver="<driver name='qemu' type='qcow2'/>", more="<transient/>"),
    "throttled": _disk(
        "file", "<source file='/srv/slow.img'/>", more="<iotune><total_bytes_sec>10000000</total_bytes_sec><read_iops_sec>400000</read_iops_sec>"
        "<write_iops_sec>100000</write_iops_sec><total_bytes_sec_max>20000000</total_bytes_sec_max><group_name>group a</group_name></iotune>"),
    "geometry and block sizes": _disk("file", "<source file='/srv/old.img'/>", target="<target dev='@hd' bus='ide'/>",
                                      more="<geometry cyls='16383' heads='16' secs='63' trans='lba'/>"),
    "4k sectors": _disk("file", "<source file='/srv/4k.img'/>", more="<blockio logical_block_size='4096' physical_block_size='4096'/>"),
    "rotating, removable usb": _disk("file", "<source file='/srv/stick.img'/>", target="<target dev='@sd' bus='usb' removable='on'/>"),
    "rotation rate": _disk("file", "<source file='/srv/ssd.img'/>", target="<target dev='@sd' bus='scsi' rotation_rate='1'/>",
                           more="<vendor>EXAMPLE</vendor><product>DISK</product><wwn>5000c50015ea71aa</wwn>"),
    "labelled": _disk("file", "<source file='/srv/l.img'><seclabel model='dac' relabel='no'/></source>"),
    "boot order": _disk("file", "<source file='/srv/boot.img'/>", more="<boot order='7'/>"),
    "pci address": _disk("file", "<source file='/srv/at.img'/>", more="<alias name='ua-disk'/>"
                         "<address type='pci' domain='0' bus='0' slot='0x1e' function='0'/>"),
    "iommu and packed": _disk("file", "<source file='/srv/v.img'/>", driver="<driver name='qemu' type='raw' iommu='on' ats='on' packed='on'/>"),
    "transitional": _disk("file", "<source file='/srv/v.img'/>", said=" model='virtio-transitional'"),
    "vhost-user": {
        "devices": _disk("vhostuser", "<source type='unix' path='/run/spdk.sock'><reconnect enabled='yes' timeout='10'/></source>"),
        "memory": "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"},
    "vdpa": _disk("vhostvdpa", "<source dev='/dev/vhost-vdpa-0'/>"),  # libvirt 9.8
    "copy on read, an iothread": {
        "devices": _disk("file", "<source file='/dev/shm/x'/>", driver="<driver name='qemu' type='raw' copy_on_read='on' iothread='1'/>"),
        "vcpu": "<vcpu>1</vcpu><iothreads>1</iothreads>"},
}
