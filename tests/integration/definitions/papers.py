# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others wrote into a definition: titles, metadata that looks like our business, QEMU's own words, security labels."""

_LONG = "Runs the &lt;rng&gt; of everything. " * 400

SHAPES = {
    "title and a long description": {"top": f"<title>Ünïcode &amp; 世界</title><description>{_LONG}</description>"},
    "metadata with cdata": {
        "top": (
            "<metadata><app:info xmlns:app='http://example.org/app' owner='me'><app:rng>no device</app:rng><![CDATA[</metadata><devices>"
            "<rng model='virtio'><backend model='random'>/dev/null</backend></rng></devices>]]></app:info></metadata>")},
    "metadata in a default namespace": {
        "top": (
            "<metadata><inventory xmlns='http://example.org/i'><devices><rng model='virtio'><backend model='random'>/dev/null</backend></rng></devices>"
            "</inventory></metadata>")},
    "metadata with comments": {"top": "<metadata><a:x xmlns:a='urn:a'><!-- <devices><rng/></devices> --><?php echo '<rng>'; ?></a:x></metadata>"},
    "several namespaces": {
        "top": "<metadata><a:x xmlns:a='urn:a' xmlns:b='urn:b' b:rng='1'><b:devices/></a:x><c:y xmlns:c='urn:c'>&lt;rng&gt;</c:y></metadata>"},
    "libosinfo": {
        "top": (
            "<metadata><libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>"
            "<libosinfo:os id='http://libosinfo.org/linux/2022'/></libosinfo:libosinfo></metadata>")},
    "openstack": {
        "top": (
            "<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:package version='26.1.0'/><nova:name>web</nova:name>"
            "<nova:flavor name='m1.small'><nova:memory>2048</nova:memory></nova:flavor><nova:owner><nova:user uuid='u'>admin</nova:user></nova:owner>"
            "</nova:instance></metadata>")},
    "ovirt": {
        "top": (
            "<metadata><ovirt-tune:qos xmlns:ovirt-tune='http://ovirt.org/vm/tune/1.0'/><ovirt-vm:vm xmlns:ovirt-vm='http://ovirt.org/vm/1.0'>"
            "<ovirt-vm:clusterVersion>4.7</ovirt-vm:clusterVersion></ovirt-vm:vm></metadata>")},
    "kubevirt": {
        "top": (
            "<metadata><kubevirt xmlns='http://kubevirt.io'><uid>8a1b</uid><graceperiod><deletionGracePeriodSeconds>180</deletionGracePeriodSeconds>"
            "</graceperiod></kubevirt></metadata>")},
    "vagrant": {"top": "<metadata><vagrant_libvirt:x xmlns:vagrant_libvirt='http://x'>\n  two\n\n  lines\t and a tab\n</vagrant_libvirt:x></metadata>"},
    "qemu's command line": {
        "tail": (
            "<qemu:commandline><qemu:arg value='-object'/><qemu:arg value='rng-random,id=x,filename=/dev/random'/><qemu:arg value='&lt;/devices&gt;'/>"
            "<qemu:env name='SECRET' value='x y &quot;z&quot;'/><qemu:env name='EMPTY'/></qemu:commandline>")},
    "qemu's capabilities": {"tail": "<qemu:capabilities><qemu:add capability='blockdev'/><qemu:del capability='drive-mirror'/></qemu:capabilities>"},
    "qemu's deprecation": {"tail": "<qemu:deprecation behavior='omit'/>"},
    "qemu's override": {
        "tail": (
            "<qemu:override><qemu:device alias='rng0'><qemu:frontend><qemu:property name='max-bytes' type='unsigned' value='7'/></qemu:frontend>"
            "</qemu:device></qemu:override>")},
    "label, dynamic": {"top": "<seclabel type='dynamic' model='dac' relabel='yes'/>"},
    "label, static": {"top": "<seclabel type='static' model='dac' relabel='yes'><label>+107:+107</label></seclabel>"},
    "label, none": {"top": "<seclabel type='none'/>"},
    "label, selinux": {"top": "<seclabel type='static' model='selinux' relabel='no'><label>system_u:system_r:svirt_t:s0:c192,c392</label></seclabel>"},
    "labels, two": {"top": "<seclabel type='none' model='dac'/><seclabel type='none' model='selinux'/>"},
    "bootloader of xen": {"top": "<bootloader>/usr/bin/pygrub</bootloader>"},
    "id map": {"top": "<idmap><uid start='0' target='1000' count='10'/><gid start='0' target='1000' count='10'/></idmap>"},
}
