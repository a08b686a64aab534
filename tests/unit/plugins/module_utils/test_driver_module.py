# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a kernel has the driver, by its own lists: no modinfo, no guess."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._driver_module import driver_of, observe
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_tree import Tree
from initramfs_images import BUILTIN, DEPENDENCIES, RELEASE, grow, recorded

FOLDER = "lib/modules/%s/" % RELEASE
RUNNING = {"sys/bus/pci/x": "", "proc/modules": ""}
REGISTERED = {**RUNNING, "sys/bus/virtio/drivers/virtio_rng/uevent": ""}

KERNELS = {
    "a module": ({**RUNNING, FOLDER + "modules.dep": DEPENDENCIES, FOLDER + "modules.builtin": BUILTIN}, "module", "modules.dep"),
    "a compressed module": ({**RUNNING, FOLDER + "modules.dep": "kernel/drivers/char/hw_random/virtio-rng.ko.zst: kernel/drivers/virtio/virtio.ko.zst\n"},
                            "module", "modules.dep"),
    "built in": ({**RUNNING, FOLDER + "modules.dep": "kernel/fs/fuse/virtiofs.ko:\n",
                  FOLDER + "modules.builtin": "kernel/drivers/char/hw_random/virtio-rng.ko\n"}, "builtin", "modules.builtin"),
    "built in, by the newer list alone": ({**RUNNING, FOLDER + "modules.dep": "kernel/fs/fuse/virtiofs.ko:\n",
                                           FOLDER + "modules.builtin.modinfo": "ext4.license=GPL\0virtio_rng.license=GPL\0"}, "builtin", "modules.builtin"),
    "built in, and no list is there": (REGISTERED, "builtin", "it is registered, and is no module"),
    "a loaded module whose kernel was updated away": ({**REGISTERED, "sys/module/virtio_rng/initstate": "live\n"}, "module", "it is loaded"),
    "built in, without support for modules": ({"sys/bus/virtio/drivers/virtio_rng/uevent": ""}, "builtin", "it is registered"),
    "neither, without support for modules": ({"sys/bus/pci/x": ""}, "absent", "built without support for modules"),
    "not among the modules": ({**RUNNING, FOLDER + "modules.dep": "kernel/fs/fuse/virtiofs.ko:\n"}, "absent", "neither modules.dep nor modules.builtin"),
    "modules that are not installed": ({**RUNNING, "boot/config-" + RELEASE: "CONFIG_HW_RANDOM_VIRTIO=m\n"}, "absent", "are not installed"),
    "built in, by its configuration": ({**RUNNING, "boot/config-" + RELEASE: "CONFIG_HW_RANDOM_VIRTIO=y\n"}, "builtin", "CONFIG_HW_RANDOM_VIRTIO=y"),
    "configured without": ({**RUNNING, "boot/config-" + RELEASE: "# CONFIG_HW_RANDOM_VIRTIO is not set\n"}, "absent", "is not set"),
    "nothing to see": ({"proc/x": ""}, "unknown", "there is no /lib/modules"),
}


@pytest.mark.parametrize("kind", KERNELS)
def test_a_kernel_is_known_by_what_it_says_itself(tmp_path, kind):
    files, expected, evidence = KERNELS[kind]
    grow(tmp_path, files)
    driver = driver_of(observe(Tree(tmp_path), RELEASE, is_running=True))
    assert driver.kind == expected
    assert evidence in driver.evidence


def test_what_the_module_needs_is_read_with_it(tmp_path):
    grow(tmp_path, {FOLDER + "modules.dep": DEPENDENCIES, FOLDER + "modules.builtin": BUILTIN})
    driver = driver_of(observe(Tree(tmp_path), RELEASE, is_running=False))
    assert driver.path == "kernel/drivers/char/hw_random/virtio-rng.ko"
    assert driver.needs == ("virtio_ring", "virtio")
    assert driver.transports == {"virtio_pci": ("virtio_ring", "virtio")}


def test_a_kernel_that_does_not_run_is_not_judged_by_the_one_that_does(tmp_path):
    grow(tmp_path, REGISTERED)
    assert driver_of(observe(Tree(tmp_path), RELEASE, is_running=False)).kind == "unknown"


def test_debian_kernels_are_read_as_recorded():
    forky = driver_of(recorded("dracut")["driver"])
    assert (forky.kind, forky.needs, "virtio_pci" in forky.transports) == ("module", (), False)
    bookworm = driver_of(recorded("initramfs-tools")["driver"])
    assert (bookworm.kind, bookworm.needs) == ("module", ("virtio_ring", "virtio"))
    assert bookworm.transports["virtio_pci"] == ("virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_ring", "virtio")
