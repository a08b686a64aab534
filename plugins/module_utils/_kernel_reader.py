# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A source's bytes within a budget of bytes and time, whatever the source does."""

import contextlib
import errno
import math
import os
import select
import signal
import struct
import time

# What a guest asks for at once (bytes): the fill buffer of most. No more than the pipe to the reader's parent takes in one piece (PIPE_BUF, pipe(7)).
PIECE = 64

# How long to wait (s) where there is nothing yet: short at first, as a virtio device answers within some 0.1 ms, then a share of how long there was
# nothing, so as not to spin, and to be late by no more than that share.
_SHORTEST, _SHARE, _LONGEST = 0.00005, 0.1, 0.5

# For how long (s) a source may give nothing before its reader waits in it. The virtio-rng driver of older kernels gives nothing to one that does not
# (virtio_read in drivers/char/hw_random/virtio-rng.c before it had a buffer of its own).
PATIENCE = 0.5

# How long (s) a reader that was in time has to say so.
_GRACE = 0.2

# How long (s) a killed reader is waited for.
_LAST_WAIT = 0.5

# What the process that reads is told: how many bytes (entropy-feeder --test may ask for more than 2 GiB), until when (s, CLOCK_MONOTONIC, which all
# processes share), and its patience (s, or nan for none).
_ORDER = struct.Struct("=qdd")
# What it answers: when (s), and how many bytes follow. 0 is the end of an order; an error is ~errno, and what has ended is ~0.
_STEP = struct.Struct("=di")


class Reader:
    """Reads one source after the other. Of the last read it tells ``seconds`` (s that it took, its end included) and ``error`` (errno, 0 for the source's
    end, None where neither came).

    Another process reads, and is killed when time is over: a read of /dev/hwrng waits even with O_NONBLOCK while the kernel's fill thread holds the core's
    mutex, which is exactly when the source starves (rng_dev_read and hwrng_fillfn in drivers/char/hw_random/core.c). One whose read was over in time stays
    for the next one, as to fork Python each time takes most of what a feeder at rest costs; it ends with its parent, or where it is closed.
    """

    def __init__(self, wake=None):
        """``wake`` (int or None): a file that becomes readable when the reading is to end before its time."""
        self.seconds = 0.0
        self.error = None
        self._wake = [] if wake is None else [wake]
        self._child = self._source = self._orders = self._answers = None
        self._ending = []

    def __enter__(self):
        return self

    def __exit__(self, *_unused):
        self.close()

    def read(self, source, most, seconds, patience=None):
        """Yield (s since the start, bytes) for each read of ``source``, of at most ``most`` bytes in at most ``seconds`` (s) together.

        It is a path (str), or a file (int) that is open; that is non-blocking or not as the reader left it, and close() comes before it is closed.

        It reads as QEMU does, without waiting in the source: whoever does holds the core's mutex, and every QEMU's main loop waits for that.
        With ``patience`` (s) it does wait in it once nothing at all has come for so long.
        """
        started, self.error, is_done = time.monotonic(), None, False
        try:
            self._order(source, _ORDER.pack(most, started + seconds, math.nan if patience is None else patience))
            for at, number, piece in _said(self._answers, started + seconds + _GRACE, self._wake):
                if number > 0:
                    yield at - started, piece
                elif number < 0:
                    self.error = ~number
                else:
                    is_done = True
                    break
        except OSError as error:
            # As where this service has as many processes as it may.
            self.error = error.errno
        finally:
            if not is_done:
                self.close()
            self.seconds = time.monotonic() - started

    def close(self):
        """End the process that reads, where there is one."""
        if self._child is None:
            return
        os.close(self._orders)
        os.close(self._answers)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGKILL)
        self._ending.append(self._child)
        # A driver that waits uninterruptibly ends it later: each read looks for it again.
        deadline = time.monotonic() + _LAST_WAIT
        while self._child in self._collect() and time.monotonic() < deadline:
            time.sleep(0.01)
        self._child = None

    def _collect(self):
        """Return which processes (list of int) were killed and have not ended yet."""
        self._ending = [child for child in self._ending if not _has_ended(child)]
        return self._ending

    def _order(self, source, order):
        """Give ``order`` (bytes) to the process that reads ``source``: another one, where there is none that does or somebody killed it."""
        self._collect()
        if self._child is not None and self._source == source:
            try:
                os.write(self._orders, order)
                return
            except BrokenPipeError:
                pass
        self.close()
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        try:
            child = os.fork()
        except OSError:
            for file in (orders, answers, self._orders, self._answers):
                os.close(file)
            raise
        self._child, self._source = child, source
        if child == 0:
            try:
                _read_alone(source, orders, answers)
            finally:
                os._exit(0)
        os.close(orders)
        os.close(answers)
        # One that was ended already, as by systemd with all of the service, has no answers either.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._orders, order)


def _has_ended(child):
    """Return whether the process ``child`` (int) has ended, and collect it."""
    try:
        return os.waitpid(child, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        # The kernel collects them itself where SIGCHLD is ignored.
        return True


def in_words(number):
    """Return what the error ``number`` (errno, or 0 for the source's end) means."""
    if number == 0:
        return "it ended"
    return os.strerror(number) + (": it takes root" if number in (errno.EACCES, errno.EPERM) else "")


def _read_alone(source, orders, answers):
    """Be the process that reads ``source`` (str or int), for each of the ``orders`` (int), until these end or the source does."""
    # What its parent does at a signal is not for it.
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    # It may outlive the module by the length of one driver's command. It must then not keep the connection of Ansible open, and end by itself.
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    # Orders end with the last process that could give them: neither this one may, nor another reader that was there before.
    _close_all_but({0, 1, 2, source, orders, answers})

    def tell(number, piece=b""):
        os.write(answers, _STEP.pack(time.monotonic(), number) + piece)

    try:
        if isinstance(source, str):
            # A serial line as source must not become the reader's terminal.
            source = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        while True:
            order = os.read(orders, _ORDER.size)
            if not order:
                return
            most, deadline, patience = _ORDER.unpack(order)
            signal.setitimer(signal.ITIMER_REAL, max(0.001, deadline - time.monotonic()) + 1)
            _obey(source, most, deadline, patience, tell)
            signal.setitimer(signal.ITIMER_REAL, 0)
            tell(0)
    except OSError as error:
        tell(~error.errno)


def _close_all_but(kept):
    """Close each file of this process whose number is not in ``kept`` (set of int)."""
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            if number not in kept:
                os.close(number)
        except OSError:
            # The folder itself is among them, and closed already.
            pass


def _obey(source, most, deadline, patience, tell):
    """Read ``source`` (int) once, and ``tell`` what comes; raise OSError, of number 0 where the source has ended."""
    os.set_blocking(source, False)
    quiet_since = time.monotonic()
    waits_from = quiet_since + patience
    while most > 0 and time.monotonic() < deadline:
        try:
            piece = os.read(source, min(most, PIECE))
        except BlockingIOError:
            now = time.monotonic()
            # Never, without patience: nan.
            if now >= waits_from:
                os.set_blocking(source, True)
            time.sleep(min(max(_SHORTEST, (now - quiet_since) * _SHARE), _LONGEST, max(0.0, deadline - now)))
            continue
        if not piece:
            raise OSError(0, "it ended")
        tell(len(piece), piece)
        most -= len(piece)
        quiet_since, waits_from = time.monotonic(), math.nan


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
