#!/usr/bin/python
# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module kvm.entropy.rng_driver."""

DOCUMENTATION = r"""
module: rng_driver
short_description: Load the virtio-rng driver now, at every boot, and in the initramfs
version_added: 0.7.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Loads C(virtio_rng), writes C(/etc/modules-load.d/kvm-entropy.conf), names the driver to the program that builds the initramfs, has it build the images
    that count, and looks into them afterwards.
  - Which program builds the initramfs is decided by the system's files. initramfs-tools and dracut are supported, dracut also where it brings its own
    C(update-initramfs) (Debian 14, Ubuntu 25.10). Others are named in RV(left), with what the administrator can do. Their settings and images are left alone.
  - The images that count are that of the running kernel and that of the one that boots next, by boot entries, GRUB's configuration or links. Where the next
    one cannot be known, these are the images of all installed kernels, the 8 newest at most; others are named in RV(left).
  - An image is right when it has the driver for its kernel, the modules that this needs, and a file that names it (C(conf/modules), C(rd.driver.pre),
    C(modules-load.d)), so that it is loaded before the root file system is mounted. An image that is not is built anew, whatever the times of its files.
  - A kernel that has the driver built in needs none of that, and nothing is written for it.
options:
  early:
    description: Whether the driver goes into the initramfs, so that the CRNG is ready before user space first reads.
    type: bool
    default: true
  initramfs:
    description:
      - The program that builds the initramfs. V(auto) decides by the system's files.
      - V(none) looks into the images and changes none.
    type: str
    choices: [auto, initramfs-tools, dracut, none]
    default: auto
notes:
  - Where a build fails or has no effect, the module fails, and the settings and images of the initramfs are as before. A copy of each image is kept in
    C(/var/lib/kvm-entropy/initramfs) meanwhile. The driver stays loaded now and at every boot.
  - One run builds at a time. The lock C(/run/kvm-entropy-rng_driver.lock) is held until the program that builds has ended, also where the task was killed
    before. Another run waits 300 seconds for it, and then fails and names the process.
  - Temporary files of a build are in C(/var/lib/kvm-entropy/initramfs). What a killed build has left there and beside the images is removed by the next run. A
    file beside an image is removed only where its name is one that the program uses (C(.new), C(.tmp), C(.dpkg-bak)), it was not there before that build, and
    no process has it open.
  - The room that a build takes is looked for first. A full C(/boot) is an error before anything is changed.
  - A file to be written that is a link, a device, a file of another user or in a folder that others can write is an error, and nothing is changed.
    C(/etc/initramfs-tools/modules) gets one line, and keeps its mode and owner.
  - In check mode a build is predicted to have its effect.
seealso:
  - module: kvm.entropy.entropy_facts
  - module: kvm.entropy.hwrng
extends_documentation_fragment:
  - kvm.entropy._attributes
  - kvm.entropy._attributes.changes
  - kvm.entropy._attributes.linux
"""

EXAMPLES = r"""
- name: Load the driver now, at every boot and in the initramfs
  kvm.entropy.rng_driver:
  register: driver

- name: Report what is left for the administrator
  ansible.builtin.debug:
    var: driver.left

- name: Load the driver now and at every boot only
  kvm.entropy.rng_driver:
    early: false
"""

RETURN = r"""
kernel:
  description: How the running kernel has the driver.
  returned: success
  type: dict
  contains:
    release:
      description: As C(uname -r) gives it.
      type: str
      sample: 6.1.0-42-cloud-amd64
    driver:
      description: V(module), V(builtin), V(absent) or V(unknown).
      type: str
      sample: module
    evidence:
      description: How that is known.
      type: str
      sample: /lib/modules/6.1.0-42-cloud-amd64/modules.dep
before:
  description: What was.
  returned: success
  type: dict
  contains: &state
    loaded:
      description: Whether the running kernel has the driver.
      type: bool
      sample: true
    at_boot:
      description: Whether C(/etc/modules-load.d/kvm-entropy.conf) has it loaded at every boot. It is not written where the driver is built in.
      type: bool
      sample: true
    named:
      description: Whether the settings of the program that builds the initramfs name the driver. Absent with O(early=false).
      type: bool
      sample: true
    images:
      description: The images that count, by their paths, each with C(kernel), C(driver) and C(early) as in RV(initramfs.images). Absent with O(early=false).
      type: dict
      sample: {/boot/initrd.img-6.1.0-42-cloud-amd64: {kernel: 6.1.0-42-cloud-amd64, driver: true, early: true}}
after:
  description: What is now, or in check mode would be.
  returned: success
  type: dict
  contains: *state
done:
  description: What was done, or in check mode would be. After a failure, what stays. That counts as changed.
  returned: success, or a failure after something was done
  type: list
  elements: str
  sample: [loaded virtio_rng, wrote /etc/modules-load.d/kvm-entropy.conf, wrote /etc/initramfs-tools/modules, built /boot/initrd.img-6.1.0-42-cloud-amd64]
left:
  description: What is left for the administrator, such as an initramfs that this module does not build, a kernel without the driver, or the reboot.
  returned: success
  type: list
  elements: str
  sample: ["Reboot when it suits: the new initramfs counts from the next start on"]
initramfs:
  description: What was seen of the initramfs after the run; in check mode, before it. Null with O(early=false).
  returned: success
  type: dict
  contains:
    builder:
      description:
        - The program that builds it, V(initramfs-tools) or V(dracut).
        - One that is not supported is named too, as V(mkinitcpio), V(booster), V(mkinitfs), V(tiny-initramfs), V(uki), V(rpm-ostree), V(nixos), V(image),
          V(several), V(diverted) or V(none).
      type: str
      sample: dracut
    supported:
      description: Whether this module can use it.
      type: bool
      sample: true
    evidence:
      description: How it is known.
      type: str
      sample: /usr/sbin/update-initramfs calls dracut
    next_known:
      description: Whether the kernel that boots next is known.
      type: bool
      sample: true
    next_evidence:
      description: How it is known.
      type: str
      sample: the link /vmlinuz
    images:
      description: The images that count.
      type: list
      elements: dict
      contains:
        kernel:
          description: The kernel's release.
          type: str
          sample: 7.2.12+deb14-cloud-amd64
        when:
          description: When it counts, V(running), V(next), or V(installed) where the next one is not known.
          type: list
          elements: str
          sample: [running, next]
        image:
          description: The image's path. Null where there is none.
          type: str
          sample: /boot/initrd.img-7.2.12+deb14-cloud-amd64
        examined:
          description: Whether the image was looked into.
          type: bool
          sample: true
        driver:
          description: Whether it has the driver and the modules that this needs (tri-state).
          type: raw
          sample: true
        early:
          description: Whether it loads the driver (tri-state).
          type: raw
          sample: true
        by:
          description: The file in it that names the driver, V(udev) where udev loads it by the device's alias, or V(kernel) where it is built in.
          type: str
          sample: etc/cmdline.d/20-force_drivers.conf
        builder:
          description: The program that built it, by its contents.
          type: str
          sample: dracut
        stale:
          description: Whether the settings name the driver and the image does not, as it was not built since.
          type: bool
          sample: false
        reason:
          description: What is wrong, or why it was not looked into.
          type: str
          sample: null
"""

from ansible_collections.kvm.entropy.plugins.module_utils._errors import exit_with
from ansible_collections.kvm.entropy.plugins.module_utils._initramfs_builder import AUTO, WISHES
from ansible_collections.kvm.entropy.plugins.module_utils._module import OptionsModule
from ansible_collections.kvm.entropy.plugins.module_utils._rng_driver import System, make_so


def main():
    """Run the module."""
    options = {
        "early": {"type": "bool", "default": True},
        "initramfs": {"type": "str", "choices": list(WISHES), "default": AUTO},
    }
    module = OptionsModule(argument_spec=options, supports_check_mode=True)
    exit_with(module, lambda: make_so(System(), module.params, module.check_mode))


if __name__ == "__main__":
    main()
