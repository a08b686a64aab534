#!/usr/bin/python
# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module kvm.entropy.hwrng."""

DOCUMENTATION = r"""
module: hwrng
short_description: Choose the kernel's hardware source of random numbers
version_added: 0.1.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Makes a hardware source the one that the kernel listens to, and sets how much entropy the kernel credits it, now and at every boot.
  - What the kernel made of it is read back. Where that is not what was asked, or something fails, all is as before.
options:
  source:
    description:
      - The source, by its driver's name (V(virtio_rng)) or by its own (V(virtio_rng.0)). The driver's name is better, as its sources are
        numbered anew with every plug.
      - Where several fit, the current one stays, else the first available becomes current.
      - V(none) stops the feed, on kernels that offer it.
    type: str
    required: true
  quality:
    description:
      - How many bits of entropy in 1024 bits the kernel credits the source, from V(0) (none) to V(1024). Left as it is when omitted.
      - Kernels before 5.18 cannot be told, which is an error.
    type: int
  persist:
    description:
      - V(true) - one udev rule, C(/etc/udev/rules.d/60-kvm-entropy-hwrng.rules), makes the same choice at every boot and every plug of the device.
      - V(false) - there is no such rule. One that this module has written before is removed.
      - A link, a device or a file of another user in its place, or a folder that others than root can write, is an error, and nothing is changed.
    type: bool
    default: true
  force:
    description:
      - Allow a O(quality) above what the driver declares.
      - The driver's own is what the kernel shows of the current source before anyone sets it. That of virtio_rng is at least 1000 in every kernel.
        A source that was set lower once can so be set higher again only by force.
    type: bool
    default: false
notes:
  - A source that becomes current is asked for its first bytes at once. Where its host delivers none, the kernel waits, and the module with it.
  - The rule runs whenever a virtio-rng device or its driver comes or goes, and when udev goes through the devices at boot. Sources of other
    drivers than virtio_rng are chosen at boot only.
seealso:
  - module: kvm.entropy.entropy_facts
extends_documentation_fragment:
  - kvm.entropy._attributes
  - kvm.entropy._attributes.changes
  - kvm.entropy._attributes.linux
"""

EXAMPLES = r"""
- name: Listen to the host, now and at every boot
  kvm.entropy.hwrng:
    source: virtio_rng

- name: Credit half of what it delivers, until the next boot
  kvm.entropy.hwrng:
    source: virtio_rng
    quality: 512
    persist: false
"""

RETURN = r"""
available:
  description: The sources that the kernel has, in its own words.
  returned: success
  type: list
  elements: str
  sample: [virtio_rng.0, none]
before:
  description: What was.
  returned: success
  type: dict
  contains: &state
    current:
      description: The source that the kernel listens to.
      type: str
      sample: virtio_rng.0
    quality:
      description: How many bits of entropy in 1024 bits it is credited. Null where the kernel does not tell (before 5.18, or without a source).
      type: int
      sample: 1024
    rule:
      description: The udev rule's file. Null where there is none.
      type: str
      sample: 'SUBSYSTEM=="virtio", ENV{MODALIAS}=="virtio:d00000004v*", RUN+="..."'
after:
  description: What is now, or in check mode would be. In check mode the quality is null where it is what the driver of another source declares.
  returned: success
  type: dict
  contains: *state
"""

from ansible_collections.kvm.entropy.plugins.module_utils._errors import exit_with
from ansible_collections.kvm.entropy.plugins.module_utils._hwrng import make_so
from ansible_collections.kvm.entropy.plugins.module_utils._hwrng_rule import Rule
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_hwrng import Sources
from ansible_collections.kvm.entropy.plugins.module_utils._module import OptionsModule


def main():
    """Run the module."""
    options = {
        "source": {"type": "str", "required": True},
        "quality": {"type": "int"},
        "persist": {"type": "bool", "default": True},
        "force": {"type": "bool", "default": False},
    }
    module = OptionsModule(argument_spec=options, supports_check_mode=True)
    exit_with(module, lambda: make_so(Sources(), Rule(), module.params, module.check_mode))


if __name__ == "__main__":
    main()
