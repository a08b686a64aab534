# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel that is fed: whether it is ready, and how bytes are mixed in and credited. The feeder's only file that touches /dev/random."""

import errno
import fcntl
import os
import select
import struct

from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import RANDOM, device_kind

KERNEL_DEVICE = "/dev/random"
_POOL_SIZE = "/proc/sys/kernel/random/poolsize"
# The pool of the generator that was rewritten for 5.18, and in the stable kernels since: bits, never debited (drivers/char/random.c).
_REWRITTEN = 256

# Linux's include/uapi/linux/random.h and asm-generic/ioctl.h: _IOW('R', 3, int[2]) and _IO('R', 7), and the same where directions are encoded otherwise
# (arch/mips, powerpc and sparc: uapi/asm/ioctl.h).
_ADD_ENTROPY, _RESEED = 0x40085203, 0x5207
_ADD_ENTROPY_OTHER, _RESEED_OTHER = 0x80085203, 0x20005207
_OTHER = ("mips", "ppc", "sparc")

# RNDRESEEDCRNG before the kernel is ready, on kernels before 4.17, without CAP_SYS_ADMIN.
_NOT_RESEEDED = (errno.ENODATA, errno.EINVAL, errno.ENOTTY, errno.EPERM)


class Kernel:
    """The running kernel's generator. Whoever opens it can mix; to credit takes CAP_SYS_ADMIN in the initial user namespace."""

    def __init__(self, path=KERNEL_DEVICE):
        """Open it; raise OSError, ValueError where ``path`` (str) is not the kernel's /dev/random."""
        self.file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        if device_kind(os.fstat(self.file)) != RANDOM:
            raise ValueError("%s: found another file than the kernel's random device (character device 1:8)" % path)
        other = os.uname().machine.startswith(_OTHER)
        self._add_entropy = _ADD_ENTROPY_OTHER if other else _ADD_ENTROPY
        self._reseed = _RESEED_OTHER if other else _RESEED
        self.is_rewritten = _pool_bits() == _REWRITTEN

    def is_ready(self):
        """Return whether the CRNG is ready (bool); it draws nothing where it is not."""
        try:
            return bool(os.getrandom(1, os.GRND_NONBLOCK))
        except BlockingIOError:
            return False
        except OSError:
            # Before 3.17 there is no getrandom(); /dev/random can be read where the pool has enough.
            return bool(select.select([self.file], [], [], 0)[0])

    def is_thirsty(self):
        """Return whether the kernel says that its pool is below its watermark (POLLOUT); the rewritten one says so only until it is ready."""
        return bool(select.select([], [self.file], [], 0)[1])

    def mix(self, data):
        """Mix ``data`` (bytes) in and credit nothing."""
        os.write(self.file, data)

    def credit(self, data, bits):
        """Mix ``data`` (bytes) in and credit ``bits`` (int) for it; raise OSError where that is not allowed."""
        # struct rand_pool_info. The kernel only reads it; a buffer of Python's own may be longer than 1024 bytes.
        fcntl.ioctl(self.file, self._add_entropy, bytearray(struct.pack("=ii", bits, len(data)) + data))

    def reseed(self):
        """Have what was mixed in count from now on; return whether the kernel did (bool), which older ones do by themselves within minutes."""
        try:
            fcntl.ioctl(self.file, self._reseed)
        except OSError as error:
            if error.errno not in _NOT_RESEEDED:
                raise
            return False
        return True


def _pool_bits():
    try:
        with open(_POOL_SIZE) as file:
            return int(file.read())
    except OSError:
        return None
