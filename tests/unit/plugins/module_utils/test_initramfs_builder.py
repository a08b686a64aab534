# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What builds the initramfs, decided by a system's files; whatever is not supported is named with what the administrator can do."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._initramfs_builder import decide, is_named, names_driver, observe
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_tree import Tree
from initramfs_images import grow, recorded

UPDATE = "usr/sbin/update-initramfs"
TOOLS = {UPDATE: "#!/bin/sh\n# Copyright by the authors of dracut\nmkinitramfs -o x\n", "usr/sbin/mkinitramfs": ""}
OWN = {UPDATE: "#!/bin/sh\n# Taken from initramfs-tools, which calls mkinitramfs\nif dracut --force x; then :; fi\n", "usr/bin/dracut": ""}
DRACUT = {"usr/bin/dracut": ""}

SYSTEMS = {
    "Debian 12": (TOOLS, "initramfs-tools", "/usr/sbin/update-initramfs"),
    "Debian 12 with dracut-core for kdump": ({**TOOLS, **DRACUT}, "initramfs-tools", "/usr/sbin/update-initramfs"),
    "Debian 14's dracut, Ubuntu 25.10": (OWN, "dracut", "/usr/sbin/update-initramfs"),
    "the same, mkinitramfs of another package left": ({**OWN, "usr/sbin/mkinitramfs": ""}, "dracut", "/usr/sbin/update-initramfs"),
    "Debian 12's dracut": ({**DRACUT, "usr/sbin/mkinitramfs": ""}, "dracut", "/usr/bin/dracut"),
    "RHEL": ({**DRACUT, "usr/sbin/mkinitrd": ""}, "dracut", "/usr/bin/dracut"),
    "an older dracut": ({"sbin/dracut": ""}, "dracut", "/sbin/dracut"),
    "dracut and mkinitcpio, kernel-install says dracut": (
        {**DRACUT, "usr/bin/mkinitcpio": "", "etc/kernel/install.conf": "initrd_generator=dracut\n"}, "dracut", "/usr/bin/dracut"),
    "a live system": ({UPDATE: "#!/bin/sh\necho disabled\nexit 0\n", "usr/sbin/mkinitramfs": ""}, "diverted", None),
    "Arch": ({"usr/bin/mkinitcpio": ""}, "mkinitcpio", None),
    "booster": ({"usr/bin/booster": ""}, "booster", None),
    "Alpine": ({"sbin/mkinitfs": ""}, "mkinitfs", None),
    "tiny-initramfs": ({UPDATE: "#!/bin/sh\nexec update-tirfs \"$@\"\n", "usr/sbin/update-tirfs": ""}, "tiny-initramfs", None),
    "Slackware": ({"sbin/mkinitrd": ""}, "mkinitrd", None),
    "Gentoo": ({"usr/bin/ugrd": ""}, "ugrd", None),
    "Fedora CoreOS": ({**DRACUT, "run/ostree-booted": ""}, "rpm-ostree", None),
    "NixOS": ({"etc/NIXOS": ""}, "nixos", None),
    "unified kernel images by kernel-install": ({**DRACUT, "etc/kernel/install.conf": "# ours\nlayout=uki\n"}, "uki", None),
    "unified kernel images by a drop-in": (
        {**DRACUT, "usr/lib/kernel/install.conf": "layout=bls\n", "etc/kernel/install.conf.d/x.conf": "layout=uki\n"}, "uki", None),
    "unified kernel images by dracut": ({**DRACUT, "etc/dracut.conf.d/uki.conf": 'uefi="yes"\n'}, "uki", None),
    "dracut and mkinitcpio": ({**DRACUT, "usr/bin/mkinitcpio": ""}, "several", None),
    "a system image": ({"etc/os-release": "ID=x\nIMAGE_ID=appliance\n"}, "image", None),
    "Ubuntu Core": ({"etc/os-release": "ID=ubuntu-core\n"}, "image", None),
    "nothing": ({}, "none", None),
}


def seen(tmp_path, files):
    """Return what is observed of a tree with ``files`` (dict)."""
    grow(tmp_path, files)
    return observe(Tree(tmp_path))


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_builder_is_decided_by_files_and_what_is_not_supported_is_named(tmp_path, system):
    files, name, program = SYSTEMS[system]
    builder = decide(seen(tmp_path, files))
    assert (builder.name, builder.is_supported, builder.program) == (name, program is not None, program)
    assert bool(builder.remedy) is not builder.is_supported
    assert builder.evidence


def test_the_image_that_is_there_decides_between_several_programs(tmp_path):
    found = seen(tmp_path, {**DRACUT, "usr/bin/mkinitcpio": ""})
    assert decide(found, image_builders=frozenset({"dracut"})).name == "dracut"
    assert decide(found, image_builders=frozenset({"mkinitcpio"})).name == "mkinitcpio"
    assert decide(found, image_builders=frozenset({"dracut", "mkinitcpio"})).name == "several"


def test_a_wish_counts_where_its_program_is_there(tmp_path):
    found = seen(tmp_path, {**DRACUT, "usr/bin/mkinitcpio": ""})
    assert decide(found, "dracut").is_supported
    assert not decide(found, "none").is_supported
    refused = decide(found, "initramfs-tools")
    assert (refused.is_supported, refused.evidence) == (False, "option initramfs is initramfs-tools, and that is not installed")


def test_debian_systems_are_decided_as_recorded():
    assert decide(recorded("dracut")["builder"])[:2] == ("dracut", True)
    assert decide(recorded("initramfs-tools")["builder"])[:2] == ("initramfs-tools", True)
    assert [is_named(recorded(name)["builder"], builder) for name, builder in (
        ("dracut", "dracut"), ("dracut-bare", "dracut"), ("dracut", "initramfs-tools"), ("initramfs-tools", "initramfs-tools"))] == [True, False, False, True]


@pytest.mark.parametrize(("path", "text", "builder"), [
    ("etc/dracut.conf", 'force_drivers+=" xfs virtio_rng "', "dracut"),
    ("etc/dracut.conf.d/x.conf", 'force_drivers="virtio-rng"', "dracut"),
    ("usr/share/initramfs-tools/modules.d/lab", "virtio_rng", "initramfs-tools"),
    ("etc/initramfs-tools/modules", "loop\n  virtio_rng quality=3 # early", "initramfs-tools")])
def test_settings_of_others_count(tmp_path, path, text, builder):
    found = seen(tmp_path, {path: text})
    assert is_named(found, builder)
    assert not is_named(found, "dracut" if builder != "dracut" else "initramfs-tools")


@pytest.mark.parametrize("text", ['add_drivers+=" virtio_rng "', '#force_drivers+=" virtio_rng "', 'force_drivers+=" virtio_rng_x "'])
def test_what_does_not_force_the_driver_does_not_count(tmp_path, text):
    assert not is_named(seen(tmp_path, {"etc/dracut.conf.d/x.conf": text}), "dracut")


def test_a_comment_names_no_module():
    assert not names_driver("# virtio_rng\n#virtio_rng\nvirtio_rngx\n")
    assert not names_driver("loop\r\nvirtio_rng\r\n")
    assert names_driver("loop\r\nvirtio_rng x=1\r\n")
