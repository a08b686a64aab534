# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests' disks: a suite installed by mmdebstrap onto a partitioned disk that GRUB boots, all made without root.

Guests boot from their own disk, so that a reboot uses the initramfs that the guest rebuilt itself. A guest that is a KVM host itself has
libvirt and QEMU besides, and, not installed, what role host installs; one whose driver is early has feeders to install.
"""

import io
import struct
import tarfile
from collections import namedtuple
from pathlib import Path
from tempfile import TemporaryDirectory

from lab import LabError, debian, place, shell

PACKAGES = (
    "dbus", "initramfs-tools", "iproute2", "kmod", "linux-image-cloud-amd64", "lz4", "openssh-server", "python3", "qemu-guest-agent", "systemd-sysv",
    "udev")
# What waits in this folder, which is all that the guest's APT knows, is not installed yet.
REPOSITORY = "/var/lib/lab-packages"


class Kind(namedtuple("Kind", "words packages installable files alone", defaults=((),))):
    """A kind of disk: the ``words`` (str) that a person is told, more ``packages``, those that wait (tuples of names), more ``files`` (dict, path to str),
    and the packages that wait ``alone`` (tuple), without what they need, as they conflict with the others."""


KINDS = {
    "images": Kind("guests' disk from packages (about a minute, once)", (), (), {}),
    # Debian's usual libvirt, and what a bare KVM host lacks and Ansible installs.
    "hosts": Kind("KVM hosts' disk from packages (two minutes, once)", ("libvirt-clients", "libvirt-daemon-system", "polkitd", "qemu-system-x86"),
                  ("python3-libvirt", "python3-apt"), {}),
    "early": Kind("disk with an early driver from packages (about a minute, once)", (), ("rng-tools5", "haveged", "python3-apt"),
                  {"usr/share/initramfs-tools/modules.d/lab": "virtio_rng\n"}, ("rng-tools-debian",)),
}
# Debian 14 has rng-tools 6 instead.
_OTHER_NAMES = {("forky", "rng-tools5"): "rng-tools", ("forky", "rng-tools-debian"): None}

RECIPE = Path(__file__).read_bytes()

_SECTOR = 512  # bytes
_ROOT_AT = 2048  # sector: 1 MiB, and the gap before it holds GRUB
_KEEP_PACKAGES = (
    '--customize-hook=mkdir -p "$1%s/partial" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q -y --no-install-recommends --download-only '
    '-o "Dir::Cache::archives=$1%s" install %%s && rm -rf "$1%s/partial" "$1%s/lock"' % ((REPOSITORY,) * 4))
_KEEP_ALONE = '--customize-hook=cd "$1%s" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q download %%s' % REPOSITORY
_DISK_SIZE = 3 << 30  # bytes; sparse
_ROOTFS = Path(__file__).resolve().parent / "rootfs"
_GRUB_FILES = Path("/usr/lib/grub/i386-pc")
_GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "linux", "normal")
# Features that mke2fs turns on and bullseye's kernel (5.10) or an older GRUB cannot read.
_EXT4_WITHOUT = "^orphan_file,^metadata_csum_seed"


class Image:
    """A ``suite``'s disk and keys in the cache, of a ``kind`` (one of KINDS); built when first asked for."""

    def __init__(self, suite, kind="images"):
        self.name = "%s-%s" % (suite, kind)
        self.folder = debian.built_once(kind, suite, _recipe(), lambda folder: _build(suite, KINDS[kind], folder))

    @property
    def disk(self):
        """The raw disk (Path), to be used through an overlay only."""
        return self.folder / "disk.raw"

    @property
    def key(self):
        """The private SSH key (Path) that root and user accept in this image."""
        return self.folder / "id_ed25519"

    @property
    def host_key(self):
        """The image's own SSH host key (str, as known_hosts wants it)."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])


def _recipe():
    files = sorted(each for each in _ROOTFS.rglob("*") if each.is_file())
    return debian.RECIPE + RECIPE + b"".join(each.name.encode() + b"\0" + each.read_bytes() for each in files)


def _build(suite, kind, folder):
    shell.say("%s: build the %s" % (suite, kind.words))
    for name, comment in (("id_ed25519", "kvm.entropy lab"), ("host_key", suite)):
        shell.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", folder / name)
    waiting, alone = ([name for name in (_OTHER_NAMES.get((suite, each), each) for each in names) if name] for names in (kind.installable, kind.alone))
    with TemporaryDirectory(prefix="kvm-entropy-image.", dir=place.TEMPORARY) as work:
        settings, tarball = Path(work, "settings.tar"), Path(work, "root.tar")
        _settings(folder, kind.files, settings)
        with open(tarball, "wb") as file:
            # Before the kernel is installed, so that its first initramfs is made as the settings say.
            debian.fetch(suite, file, "minbase", PACKAGES + kind.packages, [
                "--essential-hook=tar-in %s /" % settings, *([_KEEP_PACKAGES % " ".join(waiting)] if waiting else []),
                *([_KEEP_ALONE % " ".join(alone)] if alone else []),
                '--customize-hook=chroot "$1" /lab-setup'])
        _make_disk(Path(work), tarball, folder / "disk.raw")


def _settings(folder, more, path):
    """Write the tar archive ``path`` of what is put into the new system: the files below rootfs/, ``more`` (dict, path to str) and the keys in ``folder``."""
    files = {str(each.relative_to(_ROOTFS)): each.read_bytes() for each in _ROOTFS.rglob("*") if each.is_file()}
    files.update({name: text.encode() for name, text in more.items()})
    files["root/.ssh/authorized_keys"] = (folder / "id_ed25519.pub").read_bytes()
    files["etc/ssh/ssh_host_ed25519_key"] = (folder / "host_key").read_bytes()
    files["etc/ssh/ssh_host_ed25519_key.pub"] = (folder / "host_key.pub").read_bytes()
    private = {"root/.ssh": 0o700, "root/.ssh/authorized_keys": 0o600, "etc/ssh/ssh_host_ed25519_key": 0o600}
    folders = {str(parent) for name in files for parent in Path(name).parents} - {".", "root"}
    with tarfile.open(path, "w") as archive:
        for name in sorted(folders | set(files)):
            content = files.get(name)
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            entry.size = len(content or b"")
            entry.mode = private.get(name, 0o755 if content is None or content.startswith(b"#!") else 0o644)
            archive.addfile(entry, io.BytesIO(content or b""))


def _make_disk(work, tarball, disk):
    """Write ``disk``: the system in ``tarball`` on one ext4 partition, GRUB before it. fakeroot keeps owners without being root."""
    with open(disk, "wb") as file:
        file.truncate(_DISK_SIZE)
    blocks = (_DISK_SIZE - _ROOT_AT * _SECTOR) // 1024
    script = work / "make-file-system"
    script.write_text('set -eu\nmkdir "$1/root"\ntar -xf "$2" -C "$1/root" --exclude="./dev/*"\n'
                      'mke2fs -q -t ext4 -O "$3" -m 0 -L guest -d "$1/root" -E "offset=$4" "$5" "${6}k"\nrm -rf "$1/root"\n')
    shell.run("fakeroot", "sh", script, work, tarball, _EXT4_WITHOUT, _ROOT_AT * _SECTOR, disk, blocks, env={
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"})
    core = work / "core.img"
    shell.run("grub-mkimage", "-O", "i386-pc", "-p", "(hd0,msdos1)/boot/grub", "-o", core, *_GRUB_MODULES)
    _write_boot_sectors(disk, core.read_bytes())
    disk.chmod(0o644)


def _write_boot_sectors(disk, core):
    """Put GRUB and a partition table of one partition before the root file system of ``disk``."""
    if len(core) > (_ROOT_AT - 1) * _SECTOR:
        raise LabError("GRUB's core image has %d bytes and does not fit before the first partition" % len(core))
    boot = (_GRUB_FILES / "boot.img").read_bytes()
    # One entry: bootable, start and end as CHS (unused with LBA), type 0x83 (Linux), first sector, number of sectors.
    entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", _ROOT_AT, _DISK_SIZE // _SECTOR - _ROOT_AT)
    with open(disk, "r+b") as file:
        # boot.img loads the core image from sector 1, where it also expects the rest of itself: the defaults of both suit.
        file.write(boot[:440] + b"kvme\0\0" + entry.ljust(64, b"\0") + b"\x55\xaa" + core)
