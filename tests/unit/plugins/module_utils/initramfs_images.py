# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of an initramfs and trees of systems, made for tests."""

import json
import stat
import struct
from pathlib import Path

RECORDED = Path(__file__).parent / "initramfs"
RELEASE = "6.1.0-50-cloud-amd64"
MODULES = "usr/lib/modules/" + RELEASE
DRIVER = MODULES + "/kernel/drivers/char/hw_random/virtio-rng.ko"
# What Debian 12's cloud kernel has: virtio, its ring and its transports are modules, rng-core is built in.
DEPENDENCIES = (
    "kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n"
    "kernel/drivers/virtio/virtio.ko:\nkernel/drivers/virtio/virtio_ring.ko:\n"
    "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n")
BUILTIN = "kernel/drivers/char/hw_random/rng-core.ko\n"
OTHERS = tuple("%s/kernel/drivers/virtio/%s.ko" % (MODULES, name) for name in ("virtio", "virtio_ring", "virtio_pci"))


def archive(files):
    """Return a cpio archive (bytes, newc) of ``files`` (dict, path to bytes), by the layout in Linux' buffer-format.rst."""
    out = bytearray()
    for number, (path, content) in enumerate([*files.items(), ("TRAILER!!!", b"")], start=1):
        name = path.encode() + b"\0"
        mode = 0 if path == "TRAILER!!!" else stat.S_IFREG | 0o644
        out += b"070701" + b"".join(b"%08x" % field for field in (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)) + name
        out += b"\0" * (-len(out) % 4) + content
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def image(*, driver=True, named=True, builder="initramfs-tools", release=RELEASE, others=OTHERS):
    """Return the files (dict) of an image as ``builder`` (None for none) makes it."""
    files = {"init": b"#!/bin/sh\n"}
    files.update(dict.fromkeys(others, b"\x7fELF"))
    if driver:
        files[DRIVER.replace(RELEASE, release)] = b"\x7fELF"
    if builder == "initramfs-tools":
        files["conf/initramfs.conf"] = b"MODULES=most\n"
        files["conf/modules"] = b"virtio_rng\n" if named else b"loop\n"
    elif builder == "dracut":
        files["usr/lib/dracut/modules.txt"] = b"base\n"
        if named:
            files["etc/cmdline.d/20-force_drivers.conf"] = b" rd.driver.pre=virtio_rng \n"
    return files


def unified(initrd):
    """Return an EFI program (bytes) with the section .initrd, as ukify(1) makes it."""
    head = b"MZ".ljust(0x3c, b"\0") + struct.pack("<I", 0x80)
    head = head.ljust(0x80, b"\0") + struct.pack("<4sHH12xHH", b"PE\0\0", 0x8664, 2, 16, 0) + b"\0" * 16
    sections = b"".join(struct.pack("<8sIIII16x", name, size, 0, size, offset) for name, size, offset in (
        (b".osrel", 4, 0x200), (b".initrd", len(initrd), 0x400)))
    return (head + sections).ljust(0x400, b"\0") + initrd + b"after"


def grow(root, files):
    """Make ``files`` (dict, path to str or bytes; a link where it begins with "-> ") below ``root`` (Path)."""
    for name, content in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content.startswith("-> "):
            path.symlink_to(content[3:])
        else:
            path.write_text(content, encoding="utf-8")


def recorded(name):
    """Return what was recorded of a real system (dict)."""
    return json.loads((RECORDED / (name + ".json")).read_text(encoding="utf-8"))
