# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image does with the driver, by its contents: present with what it needs, and loaded."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._driver_module import driver_of
from ansible_collections.kvm.entropy.plugins.module_utils._initramfs_archive import Contents
from ansible_collections.kvm.entropy.plugins.module_utils._initramfs_contents import is_name_wanted, is_text_wanted, judged
from initramfs_images import BUILTIN, DEPENDENCIES, DRIVER, MODULES, OTHERS, RELEASE, image, recorded

UDEV = {"usr/bin/udevadm": b"\x7fELF", "usr/lib/udev/rules.d/80-drivers.rules": b"#", MODULES + "/modules.alias": b"alias virtio:d00000004v* virtio_rng\n"}


def seen(builtin=BUILTIN, dependencies=DEPENDENCIES):
    """Return what is observed of a kernel with these lists."""
    return {"release": RELEASE, "texts": {"modules.dep": dependencies, "modules.builtin": builtin}, "is_registered": False, "is_loaded_module": False,
            "has_bus": False, "has_modules": True, "is_running": False}


def judge(files, reason=None, is_damaged=False, **lists):
    """Return what is judged of an image with ``files`` (dict)."""
    names = frozenset(filter(is_name_wanted, files))
    texts = {name: content.decode() for name, content in files.items() if 0 < len(content) <= is_text_wanted(name)}
    return judged(Contents(names, texts, reason, is_damaged), RELEASE, driver_of(seen(**lists)))


IMAGES = {
    "initramfs-tools, named": (image(), (True, True, "conf/modules", "initramfs-tools"), None),
    "dracut, named": (image(builder="dracut"), (True, True, "etc/cmdline.d/20-force_drivers.conf", "dracut"), None),
    "named beside others": ({**image(named=False), "etc/cmdline.d/x.conf": b"rd.driver.pre=xfs,virtio-rng quiet"},
                            (True, True, "etc/cmdline.d/x.conf", "initramfs-tools"), None),
    "named to systemd": ({**image(builder="dracut", named=False), "usr/lib/modules-load.d/rng.conf": b"# early\nvirtio_rng\n"},
                         (True, True, "usr/lib/modules-load.d/rng.conf", "dracut"), None),
    "named in mkinitcpio's own file": ({**image(builder=None), "init_functions": b"#", "config": b'MODULES="xfs virtio_rng"\n'},
                                       (True, True, "config", "mkinitcpio"), None),
    "by udev": ({**image(named=False), **UDEV}, (True, True, "udev", "initramfs-tools"), None),
    "udev without the alias": ({**image(named=False), **UDEV, MODULES + "/modules.alias": b"alias pci:x y\n"}, (True, False, None, "initramfs-tools"),
                               "it has the driver, and nothing in it loads that"),
    "udev without its rule": ({**image(named=False), "usr/bin/udevadm": b"x", MODULES + "/modules.alias.bin": b"x"}, (True, False, None, "initramfs-tools"),
                              "it has the driver, and nothing in it loads that"),
    "a driver of another name": ({**image(named=False), "conf/modules": b"my_virtio_rng\n#virtio_rng\n"}, (True, False, None, "initramfs-tools"),
                                 "it has the driver, and nothing in it loads that"),
    "named with a carriage return": ({**image(named=False), "conf/modules": b"virtio_rng\r\n"}, (True, False, None, "initramfs-tools"),
                                     "it has the driver, and nothing in it loads that"),
    "named, and not there": (image(driver=False), (False, False, None, "initramfs-tools"), "it has no module virtio_rng for kernel " + RELEASE),
    "of another kernel": ({**image(driver=False, others=()), DRIVER.replace(RELEASE, "5.10"): b"x"}, (False, False, None, "initramfs-tools"),
                          "it has no module virtio_rng for kernel %s (it is one of kernel 5.10)" % RELEASE),
    "without what it needs": (image(others=OTHERS[1:]), (False, False, None, "initramfs-tools"), "it has virtio_rng, and not virtio, which that needs"),
    "without a bus": (image(others=OTHERS[:2]), (False, False, None, "initramfs-tools"), "it has virtio_rng, and not virtio_pci, which that needs"),
    "blacklisted, by udev": ({**image(named=False), **UDEV, "etc/modprobe.d/x.conf": b"blacklist virtio_rng\n"}, (True, False, None, "initramfs-tools"),
                             "in it, etc/modprobe.d/x.conf has 'blacklist virtio_rng'"),
    "blacklisted, named": ({**image(), "etc/modprobe.d/x.conf": b"blacklist virtio-rng\n"}, (True, True, "conf/modules", "initramfs-tools"), None),
    "blacklisted, named to systemd": (
        {**image(named=False), "etc/modprobe.d/x.conf": b"blacklist virtio-rng\n", "etc/modules-load.d/x.conf": b"virtio_rng\n"},
        (True, False, None, "initramfs-tools"), "in it, etc/modprobe.d/x.conf has 'blacklist virtio-rng'"),
    "never to be loaded": ({**image(), "etc/modprobe.d/x.conf": b"install virtio_rng /bin/true\n"}, (True, False, None, "initramfs-tools"),
                           "in it, etc/modprobe.d/x.conf has 'install virtio_rng /bin/true'"),
    "by udev, whose alias is another module's": (
        {**image(named=False), **UDEV, "usr/local/lib/modprobe.d/x.conf": b"alias virtio:d00000004v* off\n"},
        (True, False, None, "initramfs-tools"), "in it, usr/local/lib/modprobe.d/x.conf has 'alias virtio:d00000004v* off'"),
    "named to systemd, and its alias is another module's": (
        {**image(named=False), "etc/modprobe.d/x.conf": b"alias virtio:* off\n", "etc/modules-load.d/x.conf": b"virtio_rng\n"},
        (True, True, "etc/modules-load.d/x.conf", "initramfs-tools"), None),
    "what it needs is never to be loaded": ({**image(), "etc/modprobe.d/x.conf": b"install virtio_ring \\\n/bin/true\n"},
                                            (True, False, None, "initramfs-tools"), "in it, etc/modprobe.d/x.conf has 'install virtio_ring /bin/true'"),
    "in a file system of its own": ({**image(builder="dracut", driver=False), "squashfs-root.img": b"hsqs"}, ("unknown", "unknown", None, "dracut"),
                                    "its files are in a file system of their own (squashfs or erofs), which is not looked into"),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_is_judged_by_what_is_in_it(kind):
    files, (driver, early, by, builder), reason = IMAGES[kind]
    found = judge(files)
    assert (found.driver, found.early, found.by, found.builder, found.reason) == (driver, early, by, builder, reason)
    assert found.is_named is (early is True and by != "udev")


def test_what_was_not_read_is_unknown_and_what_is_damaged_is_not():
    partly = image(driver=False)
    assert judge(partly, "reading it took too long")[:2] == ("unknown", "unknown")
    damaged = judge(partly, "it is cut off", is_damaged=True)
    assert (damaged.driver, damaged.reason) == (False, "it is damaged: it is cut off")
    # What was seen before that is there.
    assert judge(image(), "reading it took too long")[:2] == (True, True)


def test_a_kernel_with_the_driver_built_in_needs_nothing_of_its_image():
    found = judge(image(driver=False), builtin="kernel/drivers/char/hw_random/virtio-rng.ko\n")
    assert (found.driver, found.early, found.by) == (True, True, "kernel")


RECORDED = {"dracut-bare": (False, False, None, "dracut"), "dracut": (True, True, "etc/cmdline.d/20-force_drivers.conf", "dracut"),
            "initramfs-tools": (True, True, "conf/modules", "initramfs-tools")}


@pytest.mark.parametrize("name", RECORDED)
def test_debian_images_are_judged_as_recorded(name):
    record = recorded(name)
    found = judged(Contents(frozenset(record["names"]), record["texts"], None), record["release"], driver_of(record["driver"]))
    assert (found.driver, found.early, found.by, found.builder) == RECORDED[name]
