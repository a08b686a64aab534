# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people and agents look at and talk through: graphics, video, sound, input, serial lines, channels."""

SHAPES = {
    "vnc with a password": (
        "<graphics type='vnc' port='5904' autoport='no' listen='127.0.0.1' keymap='de' passwd='s&lt;cr&amp;t' passwdValidTo='2030-01-01T00:00:00'/>"),
    "vnc, kept password": "<graphics type='vnc' port='-1' passwd='  two words  ' connected='keep' sharePolicy='allow-exclusive'/>",
    "vnc on a socket": "<graphics type='vnc' socket='/run/vnc.sock'/>",
    "vnc on a network and websocket": "<graphics type='vnc' port='5905' websocket='5701' powerControl='yes'><listen type='address' address='::'/></graphics>",
    "vnc, no listener": "<graphics type='vnc'><listen type='none'/></graphics>",
    "spice with a password": (
        "<graphics type='spice' autoport='yes' passwd='an&quot;other &apos;one&apos;' passwdValidTo='2030-01-01T00:00:00'><image compression='auto_glz'/>"
        "<streaming mode='filter'/><clipboard copypaste='no'/><mouse mode='client'/><filetransfer enable='no'/></graphics>"),
    "spice, channels secured": (
        "<graphics type='spice' port='5903' tlsPort='5904' defaultMode='secure' listen='127.0.0.1'><channel name='main' mode='secure'/>"
        "<channel name='record' mode='insecure'/></graphics>"),
    "spice gl": (
        "<graphics type='spice'><listen type='none'/><gl enable='yes' rendernode='/dev/dri/renderD128'/></graphics><video><model type='virtio' heads='1'>"
        "<acceleration accel3d='yes'/></model></video>"),
    "egl headless": "<graphics type='egl-headless'><gl rendernode='/dev/dri/renderD128'/></graphics>",
    "sdl": "<graphics type='sdl' display=':0.0' xauth='/root/.Xauthority' fullscreen='yes'/>",
    "dbus": "<graphics type='dbus' p2p='yes'/>",
    "three at once": (
        "<graphics type='vnc' port='-1' passwd='one' passwdValidTo='2030-01-01T00:00:00'/><graphics type='spice' autoport='yes' passwd='two'/>"
        "<graphics type='egl-headless'/>"),
    "qxl": "<video><model type='qxl' ram='65536' vram='65536' vgamem='16384' heads='1' primary='yes'/></video><video><model type='qxl'/></video>",
    "virtio gpu": "<video><driver name='qemu' iommu='on'/><model type='virtio' heads='2' primary='yes'><resolution x='800' y='600'/></model></video>",
    "cirrus": "<video><model type='cirrus' vram='16384'/></video>",
    "bochs": "<video><model type='bochs' vram='16384' edid='on'/></video>",
    "vga": "<video><driver vgaconf='io'/><model type='vga' vram='16384'/></video>",
    "ramfb": "<video><model type='ramfb'/></video>",
    "no video": "<video><model type='none'/></video>",
    "ich9 sound": "<sound model='ich9'><codec type='duplex'/><codec type='micro'/><audio id='1'/></sound><audio id='1' type='none'/>",
    "ich6, usb, ac97, sb16": "<sound model='ich6'/><sound model='usb'/><sound model='ac97'/>",
    "audio to pulseaudio": (
        "<sound model='ich9'/><audio id='1' type='pulseaudio' serverName='host &lt;1&gt;'><input name='a' latency='10000'/><output/></audio>"),
    "audio to spice": "<graphics type='spice'/><audio id='1' type='spice'/><sound model='ac97'/>",
    "tablet and keyboard": "<input type='tablet' bus='usb'/><input type='keyboard' bus='virtio'/><input type='mouse' bus='virtio'/>",
    "passed-through input": "<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>",
    "evdev": "<input type='evdev'><source dev='/dev/input/event1234' grab='all' repeat='on' grabToggle='ctrl-ctrl'/></input>",
    "serial to a file, logged": (
        "<serial type='file'><source path='/var/log/vm.log' append='on'/><log file='/var/log/serial.log' append='off'/><target port='0'/></serial>"),
    "serial over tcp": "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='2445' tls='no'/><protocol type='telnet'/><target port='0'/></serial>",
    "serial over udp": (
        "<serial type='udp'><source mode='bind' host='127.0.0.1' service='2446'/><source mode='connect' host='127.0.0.1' service='2447'/></serial>"),
    "isa serial and usb serial": (
        "<serial type='pty'><target type='isa-serial' port='0'><model name='isa-serial'/></target></serial><serial type='null'>"
        "<target type='usb-serial'/></serial>"),
    "pci serial": "<serial type='unix'><source mode='bind' path='/run/s.sock'/><target type='pci-serial'/></serial>",
    "parallel": "<parallel type='dev'><source path='/dev/parport0'/></parallel>",
    "virtio consoles beside a serial line": (
        "<serial type='pty'/><console type='pty'><target type='virtio'/></console><console type='file'><source path='/var/log/c.log'/>"
        "<target type='virtio'/></console>"),
    "virtio console": "<console type='pty'><target type='virtio' port='0'/></console><console type='null'><target type='virtio'/></console>",
    "guest agent": "<channel type='unix'><source mode='bind' path='/run/agent.sock'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
    "guest agent, own path": "<channel type='unix'><source mode='bind'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
    "spice agent": "<graphics type='spice'/><channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>",
    "spice port": (
        "<graphics type='spice'/><channel type='spiceport'><source channel='org.spice-space.webdav.0'/>"
        "<target type='virtio' name='org.spice-space.webdav.0'/></channel>"),
    "guest forward": (
        "<interface type='user'/><channel type='pipe'><source path='/run/pipe'/><target type='guestfwd' address='10.0.2.1' port='4600'/></channel>"),
    "vdagent": (
        "<channel type='qemu-vdagent'><source><clipboard copypaste='yes'/><mouse mode='client'/></source>"
        "<target type='virtio' name='com.redhat.spice.0'/></channel>"),
    "a channel that calls itself rng": (
        "<channel type='unix'><source mode='bind' path='/run/&lt;rng&gt;.sock'/><target type='virtio' name='&lt;/devices&gt;&lt;rng&gt;'/></channel>"),
}
