# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a file of the host is as a guest's source, and how much a guest draws from it at once. Pure."""

from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import CONSTANT, HWRNG

# What a path may be besides the kinds of _device_kind.
MISSING, BLOCKING = "missing", "blocking"
_CONSTANT_PATHS = ("/dev/null", "/dev/zero", "/dev/full")

# How many bytes a guest's driver waits for before it credits any: the hwrng core's buffer, one cache line and at least 32
# (SMP_CACHE_BYTES in drivers/char/hw_random/core.c, rng_buffer_size).
_FILL_BUFFER = {"x86_64": 64, "i686": 64, "aarch64": 64, "armv7l": 64, "ppc64": 128, "ppc64le": 128, "s390x": 256}
_LARGEST_FILL_BUFFER = max(_FILL_BUFFER.values())


def kind_by_name(path):
    """Return what ``path`` (str or None) is by its name alone, where nobody can look: ``hwrng``, ``constant``, or None for anything else."""
    return HWRNG if path == "/dev/hwrng" else CONSTANT if path in _CONSTANT_PATHS else None


def lacks_source(kind, current):
    """Return whether a backend of this ``kind`` aborts its guests, ``current`` (str) being the host's rng_current."""
    return kind == HWRNG and current == "none"


def fill_buffer(arch):
    """Return how many bytes a guest of architecture ``arch`` draws at once; where that is not known, the most that any does."""
    return _FILL_BUFFER.get(arch, _LARGEST_FILL_BUFFER)
