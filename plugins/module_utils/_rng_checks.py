# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would hurt a guest, found before anything is written."""

import os
import stat

from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

# /dev/hwrng: misc major 10 (Linux's Documentation/admin-guide/devices.txt), minor 183.
_HWRNG = (10, 183)
_RNG_CURRENT = "/sys/class/misc/hw_random/rng_current"

# How many bytes a guest's driver waits for before it credits any: the hwrng core's buffer, one cache line and at least 32
# (SMP_CACHE_BYTES in drivers/char/hw_random/core.c, rng_buffer_size).
_FILL_BUFFER = {"x86_64": 64, "i686": 64, "aarch64": 64, "armv7l": 64, "ppc64": 128, "ppc64le": 128, "s390x": 256}
_LARGEST_FILL_BUFFER = max(_FILL_BUFFER.values())

# Longer than this the guest has begun to need random numbers by itself: a waiting reader starts the kernel's jitter loop,
# which is done within 1 to 2 s (Linux's drivers/char/random.c, try_to_generate_entropy).
_PATIENCE = 1000


# virDomainRNGDefParseXML reads both parts of a rate as unsigned 32-bit numbers.
_LARGEST_RATE = 2 ** 32 - 1


def check_options(options):
    """Raise EntropyError for what, of the module's options, no libvirt takes, or takes without a look and hands to QEMU at the domain's next start."""
    if not os.path.isabs(options["path"]):
        raise EntropyError(f"path: found {options['path']!r}, expected the absolute path of a character device such as /dev/urandom")
    for name, least in (("rate_bytes", 0), ("rate_period", 1)):
        if not least <= options[name] <= _LARGEST_RATE:
            raise EntropyError(f"{name}: found {options[name]}, expected {least} to {_LARGEST_RATE}")


def check_path(path, rng_current=_RNG_CURRENT):
    """Raise EntropyError when ``path`` of this machine cannot be a guest's source."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise EntropyError(
            f"backend path {path}: {error.strerror}: nothing was changed. A domain with it could not start. "
            "Give a character device of this host, such as /dev/urandom.") from error
    if not stat.S_ISCHR(found.st_mode):
        raise EntropyError(
            f"backend path {path} is no character device: nothing was changed. A guest would be fed what anybody wrote there. "
            "Give a character device of this host, such as /dev/urandom.")
    if (os.major(found.st_rdev), os.minor(found.st_rdev)) == _HWRNG and _current_source(rng_current) == "none":
        raise EntropyError(
            f"backend path {path}: this host has no hardware source behind it (rng_current is none): nothing was changed. "
            "QEMU aborts a guest when it cannot read its source. Load the source's driver first, or give /dev/urandom.")


def first_credit(device, arch):
    """Return how long (ms) the rate of ``device`` delays the first credit of a guest of architecture ``arch``."""
    if not device["rate_bytes"]:
        return 0
    periods = -(-_FILL_BUFFER.get(arch, _LARGEST_FILL_BUFFER) // device["rate_bytes"])
    return (periods - 1) * device["rate_period"]


def starves(device, arch):
    """Return whether that is too long."""
    return first_credit(device, arch) > _PATIENCE


def may_starve(device):
    """Return whether it is too long on any architecture."""
    return starves(device, None)


def _current_source(rng_current):
    """Return the kernel's current source; "none" as well where it has no hwrng core at all."""
    try:
        with open(rng_current) as file:
            return file.read().strip() or "none"
    except FileNotFoundError:
        return "none"
    except OSError:
        return "unknown"
