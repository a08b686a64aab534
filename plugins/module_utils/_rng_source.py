# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a file of the host is as a guest's source, and how much a guest draws from it at once. Pure."""

import os

from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import CONSTANT, DEVICE, HWRNG, device_kind

# What a path may be besides the kinds of _device_kind. UNSUITABLE is a character device that is known and no random source.
MISSING, BLOCKING, UNSUITABLE = "missing", "blocking", "unsuitable"

# Majors without a random source (include/uapi/linux/major.h, Documentation/admin-guide/devices.txt): 4 and 5 terminals, /dev/console and /dev/ptmx,
# 7 their contents (vcs), 13 input, 21 sg, 29 frame buffers, 128 to 143 pseudo-terminals, 162 raw disks, 202 MSRs, 203 CPUID, 226 DRM.
_UNSUITABLE_MAJORS = frozenset((4, 5, 7, 13, 21, 29, *range(128, 144), 162, 202, 203, 226))
# All of 1 (/dev/mem, /dev/kmsg) is memory but random and urandom. Of 10 (/dev/fuse, /dev/kvm, /dev/net/tun) these minors are assigned, only 183 to a
# random source; those below are given out at run time, those above are for local use.
_MEMORY, _MISC, _ASSIGNED = 1, 10, range(128, 240)
_CONSTANT_PATHS = ("/dev/null", "/dev/zero", "/dev/full")

# How many bytes a guest's driver waits for before it credits any: the hwrng core's buffer, one cache line and at least 32
# (SMP_CACHE_BYTES in drivers/char/hw_random/core.c, rng_buffer_size).
_FILL_BUFFER = {"x86_64": 64, "i686": 64, "aarch64": 64, "armv7l": 64, "ppc64": 128, "ppc64le": 128, "s390x": 256}
_LARGEST_FILL_BUFFER = max(_FILL_BUFFER.values())


def kind_by_name(path):
    """Return what ``path`` (str or None) is by its name alone, where nobody can look: ``hwrng``, ``constant``, or None for anything else."""
    return HWRNG if path == "/dev/hwrng" else CONSTANT if path in _CONSTANT_PATHS else None


def backend_kind(found):
    """Return what a file is by its ``found`` (os.stat_result): a kind of ``_device_kind``, of which ``device`` is unknown here, or UNSUITABLE."""
    kind = device_kind(found)
    if kind != DEVICE:
        return kind
    major, minor = os.major(found.st_rdev), os.minor(found.st_rdev)
    is_other = major in _UNSUITABLE_MAJORS or major == _MEMORY or (major == _MISC and minor in _ASSIGNED)
    return UNSUITABLE if is_other else DEVICE


def lacks_source(kind, current):
    """Return whether a backend of this ``kind`` aborts its guests, ``current`` (str) being the host's rng_current."""
    return kind == HWRNG and current == "none"


def fill_buffer(arch):
    """Return how many bytes a guest of architecture ``arch`` draws at once; where that is not known, the most that any does."""
    return _FILL_BUFFER.get(arch, _LARGEST_FILL_BUFFER)
