# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network interfaces of every kind."""

SHAPES = {
    "user": "<interface type='user'><model type='virtio'/></interface>",
    "user with addresses": (
        "<interface type='user'><mac address='52:54:00:11:22:33'/><ip family='ipv4' address='172.17.2.0' prefix='24'/>"
        "<ip family='ipv6' address='2001:db8:ac10:fd01::' prefix='64'/><model type='virtio'/></interface>"),
    "network": "<interface type='network'><source network='default' portgroup='web'/><model type='virtio'/></interface>",
    "bridge": (
        "<interface type='bridge'><source bridge='br0'/><target dev='web-1'/><model type='virtio'/>"
        "<driver name='vhost' queues='4' rx_queue_size='512' txmode='iothread' ioeventfd='on' event_idx='off'/></interface>"),
    "bridge, limited": (
        "<interface type='bridge'><source bridge='br0'/><model type='virtio'/><bandwidth><inbound average='1000' peak='5000' burst='1024'/>"
        "<outbound average='128' peak='256' burst='256'/></bandwidth></interface>"),
    "open vswitch": (
        "<interface type='bridge'><source bridge='ovsbr'/><virtualport type='openvswitch'>"
        "<parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f' profileid='web'/></virtualport><vlan trunk='yes'>"
        "<tag id='42' nativeMode='untagged'/><tag id='47'/></vlan><model type='virtio'/></interface>"),
    "midonet": (
        "<interface type='bridge'><source bridge='x'/><virtualport type='midonet'><parameters interfaceid='0b2d64da-3d0e-431e-afdd-804415d6ebbb'/>"
        "</virtualport><model type='virtio'/></interface>"),
    "direct": "<interface type='direct'><source dev='eth0' mode='bridge'/><model type='virtio'/></interface>",
    "direct, 802.1Qbg": (
        "<interface type='direct'><source dev='eth0.2' mode='vepa'/><virtualport type='802.1Qbg'>"
        "<parameters managerid='11' typeid='1193047' typeidversion='2' instanceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>"
        "<model type='virtio'/></interface>"),
    "direct, 802.1Qbh": (
        "<interface type='direct'><source dev='eth0' mode='private'/><virtualport type='802.1Qbh'><parameters profileid='finance'/></virtualport>"
        "<model type='virtio'/></interface>"),
    "passthrough of a function": (
        "<interface type='hostdev' managed='yes'><source><address type='pci' domain='0x0000' bus='0x03' slot='0x10' function='0x2'/></source>"
        "<mac address='52:54:00:6d:90:02'/><vlan><tag id='42'/></vlan></interface>"),
    "vhost-user": {
        "devices": (
            "<interface type='vhostuser'><source type='unix' path='/run/vhost1.sock' mode='client'><reconnect enabled='yes' timeout='10'/></source>"
            "<model type='virtio'/></interface>"),
        "memory": "<memoryBacking><hugepages/><access mode='shared'/></memoryBacking>"},
    "vhost-user, server": (
        "<interface type='vhostuser'><source type='unix' path='/run/vhost2.sock' mode='server'/><model type='virtio'/><driver queues='5'/></interface>"),
    "vdpa": "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/><model type='virtio'/></interface>",
    "ethernet with a script": (
        "<interface type='ethernet'><script path='/etc/qemu-ifup &amp; co'/><target dev='tap7' managed='no'/><model type='virtio'/></interface>"),
    "multicast": "<interface type='mcast'><source address='230.0.0.1' port='5558'/><model type='virtio'/></interface>",
    "tunnel": (
        "<interface type='client'><source address='192.168.0.1' port='5558'/><model type='virtio'/></interface><interface type='server'>"
        "<source address='192.168.0.1' port='5559'/><model type='virtio'/></interface>"),
    "udp": "<interface type='udp'><source address='127.0.0.1' port='1234'><local address='127.0.0.1' port='11234'/></source><model type='virtio'/></interface>",
    "internal": "<interface type='internal'><source name='lan'/><model type='virtio'/></interface>",
    "null": "<interface type='null'><model type='virtio'/></interface>",
    "passt": "<interface type='user'><backend type='passt'/><model type='virtio'/></interface>",
    "e1000e": "<interface type='user'><model type='e1000e'/><rom bar='off' file='/usr/share/x.rom'/></interface>",
    "rtl8139": "<interface type='user'><model type='rtl8139'/><rom enabled='no'/></interface>",
    "link down, boot order, mtu": (
        "<interface type='bridge'><source bridge='br0'/><model type='virtio'/><link state='down'/><mtu size='9000'/><boot order='2'/><coalesce><rx>"
        "<frames max='7'/></rx></coalesce></interface>"),
    "filtered": (
        "<interface type='bridge'><source bridge='br0'/><model type='virtio'/><filterref filter='clean-traffic'><parameter name='IP' value='192.0.2.7'/>"
        "<parameter name='IP' value='&lt;192.0.2.8&gt;'/></filterref></interface>"),
    "teamed": (
        "<interface type='bridge'><source bridge='br0'/><model type='virtio'/><teaming type='persistent'/><alias name='ua-backup0'/></interface>"
        "<interface type='hostdev'><source><address type='pci' domain='0x0000' bus='0x03' slot='0x10' function='0x2'/></source>"
        "<mac address='52:54:00:6d:90:03'/><teaming type='transient' persistent='ua-backup0'/></interface>"),
    "port isolated, no offload": (
        "<interface type='bridge'><source bridge='br0'/><model type='virtio'/><port isolated='yes'/><driver>"
        "<host csum='off' gso='off' tso4='off' ufo='off' mrg_rxbuf='off'/><guest csum='off' tso4='off' ecn='off'/></driver></interface>"),
    "failing over, acpi index": "<interface type='user'><model type='virtio'/><acpi index='77'/></interface>",
    "six of them": (
        "<interface type='user'><model type='virtio'/></interface><interface type='user'><model type='virtio-transitional'/></interface>"
        "<interface type='user'><model type='e1000'/></interface><interface type='user'><model type='virtio'/></interface><interface type='user'>"
        "<model type='pcnet'/></interface><interface type='user'><model type='virtio'/></interface>"),
    "rfc 2685 names": "<interface type='bridge'><source bridge='br-&lt;rng&gt;'/><model type='virtio'/></interface>",
}
