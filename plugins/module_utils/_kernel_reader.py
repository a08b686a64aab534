# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A source's bytes within a budget of bytes and time, whatever the source does."""

import errno
import os
import select
import signal
import struct
import time

# What a guest asks for at once (bytes): the fill buffer of most. No more than the pipe to the reader's parent takes in one piece (PIPE_BUF, pipe(7)).
PIECE = 64

# How long to wait (s) where there is nothing yet: short at first, as a virtio device answers within some 0.1 ms, then longer so as not to spin.
_SHORTEST, _LONGEST = 0.00005, 0.005

# For how long (s) a source may give nothing before its reader waits in it. The virtio-rng driver of older kernels gives nothing to one that does not
# (virtio_read in drivers/char/hw_random/virtio-rng.c before it had a buffer of its own).
PATIENCE = 0.5

# How long (s) a killed reader is waited for. A driver that waits uninterruptibly ends it later, and init collects it then.
_LAST_WAIT = 0.5

# When (s, CLOCK_MONOTONIC, which all processes share) and how many bytes follow; an error is its negative number.
_STEP = struct.Struct("=di")


class Reader:
    """What was read: ``seconds`` (s that it took, its end included) and ``error`` (errno, 0 for the source's end, None where neither came)."""

    def __init__(self, wake=None):
        """``wake`` (int or None): a file that becomes readable when the reading is to end before its time."""
        self.seconds = 0.0
        self.error = None
        self._wake = [] if wake is None else [wake]

    def read(self, source, most, seconds, patience=None):
        """Yield (s since the start, bytes) for each read of ``source``, of at most ``most`` bytes in at most ``seconds`` (s) together.

        It is a path (str), or a file (int) that is open; that is non-blocking or not as the reader left it.

        Another process reads, and is killed when time is over: a read of /dev/hwrng waits even with O_NONBLOCK while the kernel's fill thread
        holds the core's mutex, which is exactly when the source starves (rng_dev_read and hwrng_fillfn in drivers/char/hw_random/core.c).

        It reads as QEMU does, without waiting in the source: whoever does holds the core's mutex, and every QEMU's main loop waits for that.
        With ``patience`` (s) it does wait in it once nothing at all has come for so long.
        """
        ours, theirs = os.pipe()
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            try:
                _read_alone(source, most, started + seconds, patience, theirs)
            finally:
                os._exit(0)
        os.close(theirs)
        try:
            for at, number, piece in _said(ours, started + seconds, self._wake):
                if number > 0:
                    yield at - started, piece
                else:
                    self.error = -number
        finally:
            os.close(ours)
            _end(child)
            self.seconds = time.monotonic() - started


def in_words(number):
    """Return what the error ``number`` (errno, or 0 for the source's end) means."""
    if number == 0:
        return "it ended"
    return os.strerror(number) + (": it takes root" if number in (errno.EACCES, errno.EPERM) else "")


def _read_alone(source, most, deadline, patience, pipe):
    # What its parent does at a signal is not for it.
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # It may outlive the module by the length of one driver's command. It must then not keep the connection of Ansible open, and end by itself.
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, deadline - time.monotonic()) + 1)

    def tell(number, piece=b""):
        os.write(pipe, _STEP.pack(time.monotonic(), number) + piece)

    try:
        if isinstance(source, str):
            # A serial line as source must not become the reader's terminal.
            source = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        else:
            os.set_blocking(source, False)
        wait = _SHORTEST
        waits_from = None if patience is None else time.monotonic() + patience
        while most > 0 and time.monotonic() < deadline:
            try:
                piece = os.read(source, min(most, PIECE))
            except BlockingIOError:
                if waits_from is not None and time.monotonic() >= waits_from:
                    os.set_blocking(source, True)
                time.sleep(wait)
                wait = min(wait * 2, _LONGEST)
                continue
            tell(len(piece), piece)
            if not piece:
                return
            most -= len(piece)
            wait = _SHORTEST
            waits_from = None
    except OSError as error:
        tell(-error.errno)


def _said(pipe, deadline, wake):
    """Yield what the reader tells (time, number, bytes) until it ends, ``deadline`` comes, or ``wake`` (list of one file, or none) is readable."""
    told = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or select.select([pipe] + wake, [], [], left)[0] != [pipe]:
            return
        news = os.read(pipe, 65536)
        if not news:
            return
        told += news
        at = 0
        while at + _STEP.size <= len(told):
            when, number = _STEP.unpack_from(told, at)
            end = at + _STEP.size + max(number, 0)
            if end > len(told):
                break
            yield when, number, told[at + _STEP.size:end]
            at = end
        told = told[at:]


def _end(reader):
    os.kill(reader, signal.SIGKILL)
    deadline = time.monotonic() + _LAST_WAIT
    while os.waitpid(reader, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
