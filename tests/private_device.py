# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A device of the kernel's own generator that root alone may read, where each user may enter the folders on the way."""

import contextlib
import os
import stat

import pytest


@contextlib.contextmanager
def private_device():
    """Make the device and return its path (str); skip the test where none can be made."""
    if os.geteuid() != 0:
        pytest.skip("makes a device")
    path = f"/var/lib/kvm-entropy-test-{os.getpid()}"
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 9))
    except OSError as error:
        pytest.skip(f"no devices here: {error}")
    try:
        yield path
    finally:
        os.unlink(path)
