# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a character device is by its number, whatever its name. Pure."""

import os
import stat

RANDOM, URANDOM, HWRNG, DEVICE = "random", "urandom", "hwrng", "device"
# What delivers zeros, or nothing; and what is no character device at all.
CONSTANT, FILE = "constant", "file"

# Major and minor, Linux's Documentation/admin-guide/devices.txt: null, zero, full; random, urandom; hwrng.
_NUMBERS = {(1, 3): CONSTANT, (1, 5): CONSTANT, (1, 7): CONSTANT, (1, 8): RANDOM, (1, 9): URANDOM, (10, 183): HWRNG}
_FILE_FORMS = ((stat.S_ISCHR, "character device"), (stat.S_ISBLK, "block device"), (stat.S_ISREG, "a regular file"), (stat.S_ISDIR, "a folder"),
               (stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"))


def number_in_words(found):
    """Return in words (str) what a file is by its ``found`` (os.stat_result), a device by its number."""
    form = next((words for is_form, words in _FILE_FORMS if is_form(found.st_mode)), "no file")
    return "%s %d:%d" % (form, os.major(found.st_rdev), os.minor(found.st_rdev)) if form.endswith("device") else form


def device_kind(found):
    """Return what a file is by its ``found`` (os.stat_result): ``random``, ``urandom``, ``hwrng``, ``constant``, other ``device``, or a ``file``."""
    if not stat.S_ISCHR(found.st_mode):
        return FILE
    return _NUMBERS.get((os.major(found.st_rdev), os.minor(found.st_rdev)), DEVICE)
