# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder as a service, and once: what it waits for, and what signals and systemd have to say."""

import contextlib
import os
import select
import signal
import time

from ansible_collections.kvm.entropy.plugins.module_utils._feeder import SEED_BITS, Feeder
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_kernel import Kernel
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_lock import LOCK, locked
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_manager import Manager
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_output import log
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_report import Report
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_source import Source

# systemd is told that the service is ready once the kernel is, but not later than this (s): a boot does not wait for a source that gives nothing.
_LATEST = 10
_LOCK = LOCK
# What a service manager or a terminal sends. They are blocked from the program's first line (tests/feeder/bundle.py) until somebody listens to them.
_SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


class Signals:
    """What the process was told: ``is_over`` (SIGTERM, SIGINT) and ``is_changed`` (SIGHUP, until it is asked for)."""

    def __init__(self):
        self.is_over = self._is_changed = False
        self.wake, self._other_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._other_end)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, self._change)
        listen()

    def is_changed(self):
        """Return whether there was a SIGHUP since this was asked before (bool)."""
        changed, self._is_changed = self._is_changed, False
        return changed

    def wait(self, seconds, thirsty=None):
        """Wait for ``seconds`` (s), or until there is a signal, or until the file ``thirsty`` (int or None) is writable."""
        select.select([self.wake], [] if thirsty is None else [thirsty], [], max(0.0, seconds))
        try:
            while os.read(self.wake, 512):
                pass
        except BlockingIOError:
            pass

    def _end(self, _number, _frame):
        self.is_over = True

    def _change(self, _number, _frame):
        self._is_changed = True


def listen():
    """Take the signals that came since the program began, and all from now on."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def opened_kernel():
    """Return the Kernel; raise FeederError where it cannot be fed from here."""
    try:
        return Kernel()
    except (OSError, ValueError) as error:
        raise FeederError("/dev/random cannot be fed: %s. It takes root on the machine itself; a container has no kernel of its own" % error) from error


def serve(read_options):
    """Feed until SIGTERM; ``read_options()`` returns the Options and which file they are of, now and at each SIGHUP. Raise FeederError."""
    options, version = read_options()
    Source(options.source).check()
    with locked(_LOCK):
        _serve(read_options, options, version)


def _serve(read_options, options, version):
    manager = Manager()
    kernel, signals, report = opened_kernel(), Signals(), Report(options.metrics, version, manager)
    watchdog = manager.watchdog()
    started, is_told = time.monotonic(), False
    with contextlib.closing(Source(options.source, signals.wake)) as source:
        feeder = Feeder(options, kernel, source)
        while not signals.is_over:
            if signals.is_changed():
                options = _changed(read_options, options, feeder, report)
            # Until then nothing takes longer than a second: neither a read of a source that gives nothing nor a rest.
            longest = watchdog if is_told else min(watchdog, 1)
            seconds, is_thirsty = _turn(feeder, min(options.timeout, longest))
            report.tell(feeder, kernel)
            manager.notify("WATCHDOG=1")
            if not is_told:
                is_told = kernel.is_ready() or time.monotonic() - started >= _LATEST
                manager.notify("READY=1") if is_told else None
            signals.wait(min(seconds, longest), kernel.file if is_thirsty else None)
    manager.notify("STOPPING=1")
    report.tell(feeder, kernel)


def once(options, seconds):
    """Seed the kernel once, in at most ``seconds`` (s). Return what was done (str); raise FeederError where it was not."""
    Source(options.source).check()
    kernel, signals = opened_kernel(), Signals()
    deadline = time.monotonic() + seconds
    with contextlib.closing(Source(options.source, signals.wake)) as source:
        feeder = Feeder(options, kernel, source)
        while feeder.credited < SEED_BITS:
            left = deadline - time.monotonic()
            if left <= 0 or signals.is_over:
                raise FeederError("nothing was credited in %d s: %s: %s" % (seconds, feeder.state, feeder.why))
            wait, _is_thirsty = _turn(feeder, min(left, options.timeout))
            signals.wait(min(wait, left) if feeder.credited < SEED_BITS else 0)
    return "credited %d bits from %s; the kernel is %s%s" % (
        feeder.credited, feeder.source_name, "ready" if kernel.is_ready() else "not ready", " and has reseeded" if feeder.reseeds else "")


def _turn(feeder, seconds):
    try:
        return feeder.turn(seconds)
    except PermissionError as error:
        raise FeederError("/dev/random takes no credit: %s. It takes CAP_SYS_ADMIN in the initial user namespace, which no container has"
                          % error.strerror) from error


def _changed(read_options, options, feeder, report):
    """Return the Options (namedtuple) to go on with after a SIGHUP: a wrong configuration changes nothing."""
    try:
        changed, version = read_options()
        Source(changed.source).check()
    except FeederError as error:
        log("the configuration is left as it was: %s" % error)
        return options
    feeder.change(changed)
    report.path, report.configuration = changed.metrics, version
    log("the configuration was read again")
    return changed
