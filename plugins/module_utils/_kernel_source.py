# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A path of this machine as a guest's source: what kind of file it is, and what it delivers within a budget of bytes and time."""

import errno
import os
import select
import signal
import struct
import time

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_source
from ansible_collections.kvm.entropy.plugins.module_utils._kernel import RANDOM

# Gone since Linux 5.6, and with it the pool that /dev/random waited for.
_OF_A_POOL = RANDOM + "read_wakeup_threshold"

# What a guest asks for at once: the fill buffer of most.
_PIECE = 64

# How long to wait (s) where there is nothing yet: short at first, as a virtio device answers within some 0.1 ms, then longer so as not to spin.
_SHORTEST, _LONGEST = 0.00005, 0.005

# How long (s) a killed reader is waited for. A driver that waits uninterruptibly ends it later, and init collects it then.
_PATIENCE = 0.5

# When (s, CLOCK_MONOTONIC, which all processes share) and how many bytes; an error is its negative number.
_STEP = struct.Struct("=di")


def kind(path):
    """Return what ``path`` (str) is, as ``_rng_source.device_kind`` says, or ``missing``; ``blocking`` is a /dev/random that waits for its pool."""
    try:
        found = _rng_source.device_kind(os.stat(path))
    except OSError:
        return _rng_source.MISSING
    return _rng_source.BLOCKING if found == _rng_source.RANDOM and os.path.exists(_OF_A_POOL) else found


def measure(path, most, seconds):
    """Read at most ``most`` bytes of ``path`` in at most ``seconds`` (s). Return (steps, s that it took, the error in words or None).

    A step is (s since the start, bytes), one per read. Another process reads, and is killed when time is over: a read of /dev/hwrng waits even
    with O_NONBLOCK while the kernel's fill thread holds the core's mutex, which is exactly when the source starves
    (rng_dev_read and hwrng_fillfn in drivers/char/hw_random/core.c).
    """
    ours, theirs = os.pipe()
    started = time.monotonic()
    reader = os.fork()
    if reader == 0:
        try:
            _read_alone(path, most, started + seconds, theirs)
        finally:
            os._exit(0)
    os.close(theirs)
    try:
        said = _said(ours, started + seconds)
        took = time.monotonic() - started
    finally:
        os.close(ours)
        _end(reader)
    steps = [(at - started, count) for at, count in said if count > 0]
    errors = [-count for _at, count in said if count <= 0]
    return steps, took, _in_words(errors[0]) if errors else None


def _read_alone(path, most, deadline, pipe):
    """Read as QEMU does, without waiting: whoever waits in a read holds the core's mutex, and every QEMU's main loop waits for that."""
    # It may outlive the module by the length of one driver's command. It must then not keep the connection of Ansible open, and end by itself.
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, deadline - time.monotonic()) + 1)

    def tell(count):
        os.write(pipe, _STEP.pack(time.monotonic(), count))

    try:
        # A serial line as source must not become the reader's terminal.
        source = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        wait = _SHORTEST
        while most > 0 and time.monotonic() < deadline:
            try:
                got = len(os.read(source, min(most, _PIECE)))
            except BlockingIOError:
                time.sleep(wait)
                wait = min(wait * 2, _LONGEST)
                continue
            tell(got)
            if not got:
                return
            most -= got
            wait = _SHORTEST
    except OSError as error:
        tell(-error.errno)


def _said(pipe, deadline):
    """Return what the reader told (list of pairs) until it ended or ``deadline`` came."""
    told = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            break
        piece = os.read(pipe, 65536)
        if not piece:
            break
        told += piece
    return list(_STEP.iter_unpack(told[:len(told) // _STEP.size * _STEP.size]))


def _end(reader):
    os.kill(reader, signal.SIGKILL)
    deadline = time.monotonic() + _PATIENCE
    while os.waitpid(reader, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)


def _in_words(number):
    if number == 0:
        return "it ended"
    return os.strerror(number) + (": it takes root" if number in (errno.EACCES, errno.EPERM) else "")
