# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest believes to be: machine, firmware, boot, CPU, memory, clock, and how the host places it."""

SHAPES = {
    "uefi": {
        "os": (
            "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>"
            "<nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/lib/libvirt/qemu/nvram/guest &amp; co.fd</nvram>")},
    "uefi, secure boot": {
        "os": (
            "<loader readonly='yes' type='pflash' secure='yes'>/usr/share/OVMF/OVMF_CODE.fd</loader>"
            "<nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/lib/libvirt/qemu/nvram/guest &amp; co.fd</nvram>"),
        "features": "<acpi/><smm state='on'><tseg unit='MiB'>48</tseg></smm>"},
    "uefi, stateless": {"os": "<loader readonly='yes' type='pflash' stateless='yes'>/usr/share/OVMF/OVMF.fd</loader>"},
    "uefi, nvram on a block device": {
        "os": "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader><nvram type='block'><source dev='/dev/vg/vars'/></nvram>"},
    "uefi, nvram over iscsi": {
        "os": (
            "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader><nvram type='network'>"
            "<source protocol='iscsi' name='iqn.2013-07.com.example:iscsi-nopool/0'><host name='example.org' port='6000'/><auth username='me'>"
            "<secret type='iscsi' usage='mycluster'/></auth></source></nvram>")},
    "bios in rom": {"os": "<loader type='rom'>/usr/share/seabios/bios-256k.bin</loader>"},
    "bios on serial": {
        "os": "<bios useserial='yes' rebootTimeout='0'/><bootmenu enable='yes' timeout='3000'/><boot dev='network'/><boot dev='hd'/><boot dev='cdrom'/>",
        "devices": "<serial type='pty'/>"},
    "direct kernel": {
        "os": (
            "<kernel>/boot/vmlinuz &lt;x&gt;</kernel><initrd>/boot/initrd</initrd>"
            "<cmdline>console=ttyS0 rng_core.default_quality=1000 &amp; &lt;/os&gt;</cmdline>")},
    "acpi table": {"os": "<acpi><table type='slic'>/path/to/slic.dat</table></acpi>"},
    "sysinfo": {
        "os": "<smbios mode='sysinfo'/>",
        "top": (
            "<sysinfo type='smbios'><bios><entry name='vendor'>LENOVO</entry></bios><system><entry name='manufacturer'>Fedora &lt;rng&gt;</entry>"
            "<entry name='product'>Virt-Manager</entry></system><baseBoard><entry name='serial'>a</entry></baseBoard><chassis>"
            "<entry name='asset'>40WX</entry></chassis><oemStrings><entry>myappname:some arbitrary data</entry><entry>&lt;rng model='virtio'&gt;</entry>"
            "</oemStrings></sysinfo>")},
    "fwcfg": {
        "top": (
            "<sysinfo type='fwcfg'><entry name='opt/com.example/name'>example &lt;value&gt;</entry>"
            "<entry name='opt/com.coreos/config' file='/tmp/ignition.ign'/></sysinfo>")},
    "host's smbios": {"os": "<smbios mode='host'/>"},
    "host model": {"cpu": "<cpu mode='host-model' check='partial'><model fallback='forbid'/></cpu>"},
    "maximum": {"cpu": "<cpu mode='maximum' migratable='off'/>"},
    "custom, features": {
        "cpu": (
            "<cpu mode='custom' match='exact' check='none'><model fallback='allow'>Haswell-noTSX-IBRS</model><vendor>Intel</vendor>"
            "<feature policy='disable' name='rdrand'/><feature policy='require' name='vmx'/><feature policy='optional' name='pcid'/></cpu>")},
    "topology": {
        "vcpu": "<vcpu placement='static' current='2'>8</vcpu>",
        "cpu": "<cpu><topology sockets='2' dies='1' cores='2' threads='2'/><cache level='3' mode='emulate'/><maxphysaddr mode='emulate' bits='42'/></cpu>"},
    "vcpus one by one": {
        "vcpu": (
            "<vcpu current='2'>3</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no' order='1'/><vcpu id='1' enabled='no' hotpluggable='yes'/>"
            "<vcpu id='2' enabled='yes' hotpluggable='yes' order='2'/></vcpus>")},
    "two nodes": {
        "vcpu": "<vcpu>4</vcpu>",
        "cpu": (
            "<cpu mode='custom' match='exact'><model fallback='allow'>qemu64</model><numa><cell id='0' cpus='0-1' memory='32768' unit='KiB'></cell>"
            "<cell id='1' cpus='2-3' memory='32768' unit='KiB'></cell></numa></cpu>")},
    "nodes with distances": {
        "vcpu": "<vcpu>4</vcpu>",
        "cpu": (
            "<cpu mode='custom' match='exact'><model fallback='allow'>qemu64</model><numa><cell id='0' cpus='0-1' memory='32768' unit='KiB'><distances>"
            "<sibling id='0' value='10'/><sibling id='1' value='21'/></distances></cell><cell id='1' cpus='2-3' memory='32768' unit='KiB'><distances>"
            "<sibling id='0' value='21'/><sibling id='1' value='10'/></distances></cell></numa></cpu>")},
    "nodes, shared and private": {
        "vcpu": "<vcpu>4</vcpu>",
        "cpu": (
            "<cpu mode='custom' match='exact'><model fallback='allow'>qemu64</model><numa>"
            "<cell id='0' cpus='0-1' memory='32768' unit='KiB' memAccess='shared' discard='yes'></cell>"
            "<cell id='1' cpus='2-3' memory='32768' unit='KiB' memAccess='private'></cell></numa></cpu>")},
    "hmat": {
        "vcpu": "<vcpu>2</vcpu>",
        "cpu": (
            "<cpu><numa><cell id='0' cpus='0-1' memory='65536' unit='KiB'/><interconnects><latency initiator='0' target='0' type='access' value='5'/>"
            "<bandwidth initiator='0' target='0' type='access' value='204800' unit='KiB'/></interconnects></numa></cpu>")},
    "hugepages": {
        "memory": "<memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages><nosharepages/><locked/></memoryBacking>",
        "tuning": "<memtune><hard_limit unit='KiB'>1048576</hard_limit></memtune>"},
    "memory from a file": {
        "memory": "<memoryBacking><source type='file'/><access mode='shared'/><allocation mode='immediate' threads='4'/><discard/></memoryBacking>"},
    "memory, current and most": {
        "memory": "<maxMemory slots='16' unit='KiB'>1048576</maxMemory><currentMemory unit='KiB'>32768</currentMemory>",
        "cpu": "<cpu><numa><cell id='0' cpus='0' memory='65536' unit='KiB'/></numa></cpu>"},
    "pinned": {
        "vcpu": (
            "<vcpu placement='static' cpuset='0-1'>2</vcpu><iothreads>2</iothreads><iothreadids><iothread id='4'/>"
            "<iothread id='6' thread_pool_min='2' thread_pool_max='8'/></iothreadids>"),
        "tuning": (
            "<cputune><shares>2048</shares><period>100000</period><quota>-1</quota><vcpupin vcpu='0' cpuset='0'/><vcpupin vcpu='1' cpuset='0,^1'/>"
            "<emulatorpin cpuset='1'/><iothreadpin iothread='4' cpuset='1'/><vcpusched vcpus='0' scheduler='fifo' priority='1'/></cputune>")},
    "cache and memory bandwidth": {
        "vcpu": "<vcpu>2</vcpu>",
        "tuning": "<cputune><cachetune vcpus='0-1'><cache id='0' level='3' type='both' size='3' unit='MiB'/></cachetune></cputune>"},
    "numatune": {"tuning": "<numatune><memory mode='strict' nodeset='0'/></numatune>"},
    "memtune, blkiotune": {
        "tuning": (
            "<memtune><soft_limit unit='KiB'>32768</soft_limit><swap_hard_limit unit='G'>2</swap_hard_limit></memtune><blkiotune><weight>800</weight>"
            "<device><path>/dev/sda &amp; b</path><weight>1000</weight><read_bytes_sec>10000</read_bytes_sec></device></blkiotune>")},
    "resource partition": {"top": "<resource><partition>/machine/production</partition></resource>"},
    "fibre channel": {"top": "<resource><fibrechannel appid='userProvidedID'/></resource>"},
    "default iothread": {"vcpu": "<vcpu>1</vcpu><iothreads>1</iothreads><defaultiothread thread_pool_min='1' thread_pool_max='16'/>"},
    "clock, all timers": {
        "top": (
            "<clock offset='variable' adjustment='3600' basis='utc'><timer name='rtc' tickpolicy='catchup' track='guest'>"
            "<catchup threshold='123' slew='120' limit='10000'/></timer><timer name='pit' tickpolicy='delay'/><timer name='hpet' present='no'/></clock>")},
    "clock in a zone": {"top": "<clock offset='timezone' timezone='Europe/Berlin'/>"},
    "clock local": {"top": "<clock offset='localtime'/>"},
    "clock at a time": {"top": "<clock offset='absolute' start='1700000000'/>"},
    "what follows": {
        "top": (
            "<on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>coredump-restart</on_crash><pm><suspend-to-mem enabled='no'/>"
            "<suspend-to-disk enabled='yes'/></pm>")},
    "lifecycle": {"top": "<on_poweroff>preserve</on_poweroff><on_crash>restart</on_crash><on_lockfailure>ignore</on_lockfailure>"},
    "features": {
        "features": "<acpi/><apic eoi='on'/><pae/><hap state='off'/><pmu state='off'/><vmport state='off'/><kvm><hidden state='on'/></kvm><vmcoreinfo/>"},
    "hyperv": {
        "features": (
            "<acpi/><hyperv mode='custom'><relaxed state='on'/><vapic state='on'/><spinlocks state='on' retries='8191'/>"
            "<vendor_id state='on' value='KVM Hv'/></hyperv>")},
    "no acpi": {"features": "<apic/>"},
    "tcg": {"features": "<acpi/><tcg><tb-cache unit='MiB'>128</tb-cache></tcg>"},
    "vmgenid": {"top": "<genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>"},
    "vmgenid to be made": {"top": "<genid/>"},
    "sev": {
        "top": (
            "<launchSecurity type='sev'><cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits><policy>0x0003</policy><dhCert>AQAAAA</dhCert>"
            "<session>IHAVENOIDEA</session></launchSecurity>")},
    "secure execution": {"top": "<launchSecurity type='s390-pv'/>"},
    "performance events": {"top": "<perf><event name='cmt' enabled='no'/></perf>"},
}
