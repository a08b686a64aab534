# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which kernels count, and which images they have, on the layouts of the distributions."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._initramfs_kernels import find
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_tree import Tree
from initramfs_images import grow

OLD, NEW = "6.9.1-1-amd64", "6.10.2-1-amd64"
DEBIAN = {"boot/initrd.img-%s": "", "boot/vmlinuz-%s": "", "lib/modules/%s/modules.dep": "x"}
FEDORA = {"boot/initramfs-%s.img": "", "boot/vmlinuz-%s": "", "lib/modules/%s/modules.dep": "x"}


def of(layout, *releases):
    """Return the files (dict) of kernels as ``layout`` has them."""
    return {path % release: text for release in releases for path, text in layout.items()}


def running(release):
    """Return the file that says which kernel runs."""
    return {"proc/sys/kernel/osrelease": release + "\n"}


def menu(*releases, folder="/boot"):
    """Return a configuration as grub-mkconfig(8) writes it."""
    entry = "menuentry 'Linux {0}' $menuentry_id_option 'gnulinux-{0}' {{\n\tlinux\t{1}/vmlinuz-{0} root=/dev/vda1\n\tinitrd\t{1}/initrd.img-{0}\n}}\n"
    return "".join(entry.format(release, folder) for release in releases)


DEFAULT = 'if [ "${next_entry}" ] ; then\n   set default="${next_entry}"\nelse\n   set default="%s"\nfi\n'
ENTRY = "title x\nversion %s\nlinux %s\ninitrd %s\n"

LAYOUTS = {
    "Debian's links": (
        {**of(DEBIAN, OLD, NEW), **running(OLD), "vmlinuz": "-> boot/vmlinuz-" + NEW},
        [(OLD, ("running",), "/boot/initrd.img-" + OLD), (NEW, ("next",), "/boot/initrd.img-" + NEW)], True),
    "GRUB's first entry": (
        {**of(DEBIAN, OLD, NEW), **running(NEW), "boot/grub/grub.cfg": DEFAULT % "0" + menu(NEW, OLD)},
        [(NEW, ("running", "next"), "/boot/initrd.img-" + NEW)], True),
    "GRUB on a partition of its own": (
        {**of(DEBIAN, OLD, NEW), **running(NEW), "boot/grub/grub.cfg": DEFAULT % "0" + menu(OLD, NEW, folder="")},
        [(NEW, ("running",), "/boot/initrd.img-" + NEW), (OLD, ("next",), "/boot/initrd.img-" + OLD)], True),
    "GRUB's saved entry": (
        {**of(DEBIAN, OLD, NEW), **running(NEW), "boot/grub/grub.cfg": DEFAULT % "${saved_entry}" + menu(NEW, OLD),
         "boot/grub/grubenv": "# GRUB Environment Block\nsaved_entry=gnulinux-advanced>gnulinux-%s\n####" % OLD},
        [(NEW, ("running",), "/boot/initrd.img-" + NEW), (OLD, ("next",), "/boot/initrd.img-" + OLD)], True),
    "GRUB's default that is not found": (
        {**of(DEBIAN, OLD, NEW), **running(OLD), "boot/grub/grub.cfg": DEFAULT % "7" + menu(NEW, OLD)},
        [(OLD, ("running",), "/boot/initrd.img-" + OLD), (NEW, ("installed",), "/boot/initrd.img-" + NEW)], False),
    "GRUB without a menu, by links": (
        {**of(DEBIAN, OLD), **running(OLD), "boot/grub/grub.cfg": "linux /vmlinuz root=/dev/vda1\ninitrd /initrd.img\nboot\n",
         "vmlinuz": "-> boot/vmlinuz-" + OLD, "initrd.img": "-> boot/initrd.img-" + OLD},
        [(OLD, ("running", "next"), "/boot/initrd.img-" + OLD)], True),
    "Fedora's entries, newest": (
        {**of(FEDORA, OLD, NEW), **running(OLD), "boot/grub2/grub.cfg": "insmod blscfg\nblscfg\n",
         **{"boot/loader/entries/m-%s.conf" % each: ENTRY % (each, "/vmlinuz-" + each, "/initramfs-%s.img $tuned_initrd" % each) for each in (OLD, NEW)}},
        [(OLD, ("running",), "/boot/initramfs-%s.img" % OLD), (NEW, ("next",), "/boot/initramfs-%s.img" % NEW)], True),
    "Fedora's entries, saved": (
        {**of(FEDORA, OLD, NEW), **running(NEW), "boot/grub2/grub.cfg": "blscfg\n", "boot/grub2/grubenv": "saved_entry=m-%s\n" % OLD,
         **{"boot/loader/entries/m-%s.conf" % each: ENTRY % (each, "/vmlinuz-" + each, "/initramfs-%s.img" % each) for each in (OLD, NEW)}},
        [(NEW, ("running",), "/boot/initramfs-%s.img" % NEW), (OLD, ("next",), "/boot/initramfs-%s.img" % OLD)], True),
    "Fedora's entries, by number": (
        {**of(FEDORA, OLD, NEW), **running(NEW), "boot/grub2/grub.cfg": "blscfg\n", "boot/grub2/grubenv": "saved_entry=1\n",
         **{"boot/loader/entries/m-%s.conf" % each: ENTRY % (each, "/vmlinuz-" + each, "/initramfs-%s.img" % each) for each in (OLD, NEW)}},
        [(NEW, ("running",), "/boot/initramfs-%s.img" % NEW), (OLD, ("next",), "/boot/initramfs-%s.img" % OLD)], True),
    "GRUB's entry for one boot": (
        {**of(DEBIAN, OLD, NEW), **running(NEW), "boot/grub/grub.cfg": DEFAULT % "0" + menu(NEW, OLD), "boot/grub/grubenv": "next_entry=x>Linux %s\n" % OLD},
        [(NEW, ("running",), "/boot/initrd.img-" + NEW), (OLD, ("next",), "/boot/initrd.img-" + OLD)], True),
    "systemd-boot's default in the firmware": (
        {**of(FEDORA, OLD, NEW), **running(NEW), "boot/loader/loader.conf": "default m-%s*\n" % NEW,
         "sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f": b"\7\0\0\0" + ("m-%s.conf\0" % OLD).encode("utf-16-le"),
         **{"boot/loader/entries/m-%s.conf" % each: ENTRY % (each, "/vmlinuz-" + each, "/initramfs-%s.img" % each) for each in (OLD, NEW)}},
        [(NEW, ("running",), "/boot/initramfs-%s.img" % NEW), (OLD, ("next",), "/boot/initramfs-%s.img" % OLD)], True),
    "systemd-boot's default in its file": (
        {**of(FEDORA, OLD, NEW), **running(NEW), "boot/loader/loader.conf": "timeout 3\ndefault m-%s*\n" % OLD,
         **{"boot/loader/entries/m-%s.conf" % each: ENTRY % (each, "/vmlinuz-" + each, "/initramfs-%s.img" % each) for each in (OLD, NEW)}},
        [(NEW, ("running",), "/boot/initramfs-%s.img" % NEW), (OLD, ("next",), "/boot/initramfs-%s.img" % OLD)], True),
    "kernel-install's folders": (
        {"efi/abc/%s/initrd" % NEW: "", "efi/abc/%s/linux" % NEW: "", "lib/modules/%s/modules.dep" % NEW: "x", **running(NEW),
         "efi/loader/entries/abc-%s.conf" % NEW: ENTRY % (NEW, "/abc/%s/linux" % NEW, "/abc/%s/initrd" % NEW)},
        [(NEW, ("running", "next"), "/efi/abc/%s/initrd" % NEW)], True),
    "SUSE": (
        {"boot/initrd-" + NEW: "", "boot/vmlinuz-" + NEW: "", "boot/vmlinuz": "-> vmlinuz-" + NEW, "lib/modules/%s/modules.dep" % NEW: "x", **running(NEW)},
        [(NEW, ("running", "next"), "/boot/initrd-" + NEW)], True),
    "Arch": (
        {"boot/initramfs-linux.img": "", "lib/modules/6.12.1-arch1-1/modules.dep": "x", "lib/modules/6.12.1-arch1-1/pkgbase": "linux\n",
         **running("6.12.1-arch1-1")},
        [("6.12.1-arch1-1", ("running", "next"), "/boot/initramfs-linux.img")], True),
    "Arch after an update": (
        {"boot/initramfs-linux.img": "", "lib/modules/6.12.2-arch1-1/modules.dep": "x", "lib/modules/6.12.2-arch1-1/pkgbase": "linux\n",
         **running("6.12.1-arch1-1")},
        [("6.12.2-arch1-1", ("next",), "/boot/initramfs-linux.img")], True),
    "Alpine": (
        {"boot/initramfs-lts": "", "boot/vmlinuz-lts": "", "lib/modules/6.6.30-0-lts/modules.dep": "x", **running("6.6.30-0-lts")},
        [("6.6.30-0-lts", ("running", "next"), "/boot/initramfs-lts")], True),
    "a unified kernel image": (
        {"boot/efi/EFI/Linux/fedora-%s.efi" % NEW: "", "lib/modules/%s/modules.dep" % NEW: "x", **running(NEW)},
        [(NEW, ("running", "next"), "/boot/efi/EFI/Linux/fedora-%s.efi" % NEW)], True),
    "nothing says which is next": (
        {**of(DEBIAN, OLD, NEW), **running(OLD)},
        [(OLD, ("running",), "/boot/initrd.img-" + OLD), (NEW, ("installed",), "/boot/initrd.img-" + NEW)], False),
    "no initramfs": (
        {"lib/modules/%s/modules.dep" % NEW: "x", **running(NEW)}, [(NEW, ("running", "next"), None)], True),
    "a kernel from outside": (running("6.18.0-host"), [], False),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_kernels_that_count_are_found_with_their_images(tmp_path, layout):
    files, expected, is_known = LAYOUTS[layout]
    grow(tmp_path, files)
    kernels = find(Tree(tmp_path))
    assert ([tuple(target) for target in kernels.targets], kernels.is_next_known) == (expected, is_known)


def test_names_in_files_lead_to_no_other_file(tmp_path):
    grow(tmp_path, {**of(DEBIAN, OLD), **running("../../etc"), "etc/machine-id": "../..", "lib/modules/%s/pkgbase" % OLD: "../../x",
                    "boot/loader/entries/x.conf": ENTRY % ("../../../etc", "$(reboot)", "/../../../../etc/passwd")})
    assert [target.image for target in find(Tree(tmp_path)).targets] == ["/boot/initrd.img-" + OLD]
