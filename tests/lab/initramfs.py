# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel and a small initramfs with Python and the drivers of virtio-rng and of virtio's serial ports, made from a suite's packages without root."""

import lzma
import re
import stat
import subprocess
import tarfile
import tempfile
from pathlib import Path

from lab import LabError, debian, place, shell

PACKAGES = ("linux-image-cloud-amd64", "python3", "busybox-static")
MODULES = ("virtio_pci", "virtio_mmio", "virtio_rng", "virtio_console")
RECIPE = Path(__file__).read_bytes()

# Where the files of interest are, once /bin, /lib, /lib64 and /sbin are below /usr as in a merged system.
_WANTED = re.compile(r"""
    usr/bin/(busybox|python3[0-9.]*)$
  | usr/lib64/ld-linux
  | usr/lib/x86_64-linux-gnu/(ld-|lib(c|m|dl|pthread|rt|util|z|expat|ffi|uuid|bz2|lzma|zstd)[-.])
  | usr/lib/python3[.0-9]*/
""", re.VERBOSE)
_UNWANTED = re.compile(r"/(test|tests|idlelib|lib2to3|ensurepip|tkinter|pydoc_data|turtledemo|config-3[^/]*|dist-packages|venv)(/|$)")

# Compiled here, Python starts four times as fast in the guest. The cache counts whatever the times of the files are there.
_COMPILE = """--extract-hook=
for top in bin lib lib64 sbin; do [ -e "$1/$top" ] || ln -s usr/$top "$1/$top"; done
for python in "$1"/usr/bin/python3.[0-9]*; do
  chroot "$1" "/usr/bin/${python##*/}" -m compileall -q --invalidation-mode unchecked-hash -x '%s' "/usr/lib/${python##*/}"
done""" % _UNWANTED.pattern

_INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
export PATH=/usr/bin HOME=/ LANG=C.UTF-8 PYTHONHASHSEED=0
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
dmesg -n 1
echo; echo LAB-START
/lab/run
status=$?
echo; echo LAB-END $status
poweroff -f
"""

_LOAD = """#!/bin/busybox sh
# Loads kernel modules with what they need: /lab/load virtio_pci virtio_rng
for wanted in "$@"; do
  for module in $(cat "/lab/modules/$wanted.order"); do
    [ -d "/sys/module/$module" ] || insmod "/lab/modules/$module.ko" || exit 1
  done
done
"""


def base(suite):
    """Return the folder (Path) in the cache with ``suite``'s kernel (``vmlinuz``) and the initramfs's common part (``base.cpio``)."""
    return debian.built_once("quick", suite, debian.RECIPE + RECIPE, lambda folder: _build(suite, folder))


def archive(entries):
    """Return a cpio archive (bytes, newc format) of ``entries``: (path, mode with type, content as bytes)."""
    out = bytearray()
    for number, (path, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        name = path.encode() + b"\0"
        # Linux Documentation/driver-api/early-userspace/buffer-format.rst:
        # ino mode uid gid nlink mtime filesize maj min rmaj rmin namesize check
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + name
        out += b"\0" * (-len(out) % 4) + content
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def with_folders(entries):
    """Return ``entries`` with an entry for every folder that they lie in, in an order in which the kernel can make them."""
    folders = {str(parent) for path, _mode, _content in entries for parent in Path(path).parents if str(parent) != "."}
    return [(folder, stat.S_IFDIR | 0o755, b"") for folder in sorted(folders)] + list(entries)


def _build(suite, folder):
    shell.say("%s: fetch the kernel and Python for quick guests (about 15 s)" % suite)
    with tempfile.TemporaryFile(dir=place.TEMPORARY) as tarball:
        debian.fetch(suite, tarball, "extract", PACKAGES, [_COMPILE])
        tarball.seek(0)
        with tarfile.open(fileobj=tarball) as packages:
            members = {merged(member.name): member for member in packages}
            _write(folder / "vmlinuz", _kernel(packages, members))
            entries = _system(packages, members) + _modules(packages, members) + _programs(packages, members)
    _write(folder / "base.cpio", archive(with_folders(entries)))


def _write(path, content):
    path.write_bytes(content)
    path.chmod(0o644)


def merged(name):
    """Return ``name`` (a path without a leading slash) as it is in a merged system: bin/sh is usr/bin/sh."""
    name = name.removeprefix("./")
    return "usr/" + name if re.match(r"(bin|lib|lib64|sbin)/", name) else name


def _kernel(packages, members):
    for name in sorted(members):
        if re.search(r"^boot/vmlinuz-|^usr/lib/modules/[^/]+/vmlinuz$", name):
            return packages.extractfile(members[name]).read()
    raise LabError("no kernel image in linux-image-cloud-amd64; found %d other files" % len(members))


def _system(packages, members):
    entries = [(top, stat.S_IFLNK | 0o777, b"usr/" + top.encode()) for top in ("bin", "lib", "lib64")]
    entries += [("sbin", stat.S_IFLNK | 0o777, b"usr/bin")]
    entries += [(top, stat.S_IFDIR | 0o755, b"") for top in ("dev", "proc", "sys", "tmp", "etc", "run")]
    entries += [("init", stat.S_IFREG | 0o755, _INIT.encode())]
    for name, member in members.items():
        if _WANTED.match(name) and not _UNWANTED.search(name):
            entries += _entry(packages, name, member)
    return entries


def _entry(packages, name, member):
    if member.issym():
        return [(name, stat.S_IFLNK | 0o777, member.linkname.encode())]
    if member.isfile() or member.islnk():
        return [(name, stat.S_IFREG | member.mode, packages.extractfile(member).read())]
    return []


def _programs(packages, members):
    """Return links for every program in busybox, which this machine's busybox would name differently, and ``/lab/load``."""
    with tempfile.TemporaryDirectory(dir=place.TEMPORARY) as folder:
        program = Path(folder, "busybox")
        program.write_bytes(packages.extractfile(members["usr/bin/busybox"]).read())
        program.chmod(0o755)
        names = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    links = [("usr/bin/%s" % name, stat.S_IFLNK | 0o777, b"busybox") for name in names if name != "busybox"]
    return [*links, ("lab/load", stat.S_IFREG | 0o755, _LOAD.encode())]


def _modules(packages, members):
    """Return each wanted module that the kernel does not have built in, what it depends on, and the order to load them in."""
    files = {}
    for name in members:
        match = re.match(r"usr/lib/modules/[^/]+/kernel/.*/([^/]+)\.ko(\.xz)?$", name)
        if match:
            files[match[1].replace("-", "_")] = name
    entries, contents = [], {}

    def order(module):
        if module not in files:
            return []  # built in
        raw = packages.extractfile(members[files[module]]).read()
        contents[module] = lzma.decompress(raw) if files[module].endswith(".xz") else raw
        needs = re.search(rb"\0depends=([^\0]*)\0", contents[module])[1].decode().split(",")
        return [*dict.fromkeys(each for need in filter(None, needs) for each in order(need.replace("-", "_"))), module]

    for module in MODULES:
        entries.append(("lab/modules/%s.order" % module, stat.S_IFREG | 0o644, " ".join(order(module)).encode()))
    return entries + [("lab/modules/%s.ko" % module, stat.S_IFREG | 0o644, content) for module, content in contents.items()]
