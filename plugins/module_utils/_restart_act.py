# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Power domains off and start them, a few at a time, each with its own deadlines."""

import collections
import time

from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import ConnectionLostError, RefusedError
from ansible_collections.kvm.entropy.plugins.module_utils._restart_decide import (
    NOT_OFF,
    NOT_REACHED,
    NOT_STARTED,
    NOT_UP,
    NOTHING,
    REFUSED,
    UNCHANGED,
)

# Seconds between two looks, where nothing is told before.
_LOOK_EVERY = 1

# shutdown_timeout and up_timeout (s), at_once (domains), force: whether a guest that does not power off is destroyed.
Terms = collections.namedtuple("Terms", "shutdown_timeout up_timeout at_once force")


class _Restart:
    """One domain on its way. ``step`` looks, does what is next, and returns whether it has ended."""

    def __init__(self, case, terms, clock):
        self.case = case
        self._domain = case.domain
        self._terms = terms
        self._clock = clock
        self._run = None
        self.is_asked = self.is_down = False
        self._deadline = None

    def begin(self):
        """Ask the guest to power off; return whether it has ended, as libvirt refuses."""
        try:
            self._run = self._domain.run_id()
            if self._run is None:
                self._end(UNCHANGED, "it was powered off while this ran: its next start brings what its definition has")
                return True
            self._domain.shut_down()
        except RefusedError as refusal:
            gone = refusal.kind == "gone"
            self._end(REFUSED, "it was undefined while this ran" if gone else f"libvirt refuses to ask the guest to power off: {refusal}")
            return True
        self.is_asked = True
        self._deadline = self._clock() + self._terms.shutdown_timeout
        return False

    def step(self, is_hurried):
        """``is_hurried``: only what must not be left half done, and no waiting for a guest to come up."""
        try:
            return self._look_up(is_hurried) if self.is_down else self._look_down(is_hurried)
        except RefusedError as refusal:
            if refusal.kind == "gone":
                self._end(REFUSED, "it was undefined while this ran")
            else:
                self._end(NOT_STARTED if self.is_down else NOT_OFF, f"libvirt refuses: {refusal}")
            return True

    def _look_down(self, is_hurried):
        run = self._domain.run_id()
        if run is not None and run != self._run:  # A cluster manager, say, was faster.
            return self._wait_for_up(is_hurried)
        if run is None:
            return self._start(is_hurried)
        if self._clock() < self._deadline:
            return False
        if self._terms.force:
            self._domain.destroy()
            return self._start(is_hurried)
        self._end(NOT_OFF, f"the guest has not powered off within {self._terms.shutdown_timeout} s, and runs on with its old device. Look at its console; "
                           "should it power off later, start it. With force it would have been destroyed")
        self.case.is_changed = False
        return True

    def _start(self, is_hurried):
        self.is_down = True
        if self._domain.is_saved():
            self._end(NOT_STARTED, f"somebody saved it while it was to power off: virsh start {self._domain.uuid} brings back its old device")
            return True
        try:
            self._domain.start()
        except RefusedError as refusal:
            if self._domain.run_id() is None:
                self._end(NOT_STARTED, f"it is OFF, and libvirt refuses to start it: {refusal}. Mend that, then: virsh start {self._domain.uuid}")
                return True
        return self._wait_for_up(is_hurried)

    def _wait_for_up(self, is_hurried):
        self.is_down = True
        self._deadline = self._clock() + self._terms.up_timeout
        return self._look_up(is_hurried)

    def _look_up(self, is_hurried):
        sign = self.case.up_by
        if sign == NOTHING or sign in self._domain.signs_seen():
            return True
        if is_hurried:
            self.case.reason = "started, and not waited for, as the run was stopped"
            return True
        if self._clock() < self._deadline:
            return False
        self._end(NOT_UP, f"it was started with its new device, and within {self._terms.up_timeout} s its {sign} has not told that it is up. "
                          "Look at its console")
        return True

    def _end(self, result, reason):
        self.case.end(result, reason)
        if not self.is_down:
            self.case.is_changed = False


def restart(cases, terms, news, is_stopped, clock=time.monotonic):
    """Restart the domains of ``cases`` (list of Case with result done); leave in each what became of it.

    ``news(seconds)`` waits so long at most for something to happen. ``is_stopped()`` ends it after those that are on their way. One that does not
    start or is not seen up ends it as well: what is wrong with it may be wrong with the next. Return why it ended early (str) or None; raise
    ConnectionLostError, with the cases as far as they came.
    """
    waiting = collections.deque(cases)
    going = []
    why = None
    try:
        while going or (waiting and not why):
            while waiting and not why and len(going) < terms.at_once:
                one = _Restart(waiting[0], terms, clock)
                waiting.popleft()
                if not one.begin():
                    going.append(one)
            going = [one for one in going if not one.step(is_stopped())]
            why = why or _why_stop(cases, is_stopped())
            if going:
                news(_LOOK_EVERY)
    except ConnectionLostError:
        for one in going:
            if one.is_asked and not one.is_down:
                one.case.end(NOT_STARTED, f"it was asked to power off and could not be watched any more. When it is off: virsh start {one.case.domain.uuid}")
            elif one.is_down:
                one.case.end(NOT_UP, "it was started, or about to be, when libvirt went away: look at it")
        _leave(waiting)
        raise
    _leave(waiting)
    return why


def _why_stop(cases, is_stopped):
    if is_stopped:
        return "it was asked to stop"
    ill = [case.domain.name for case in cases if case.result in (NOT_STARTED, NOT_UP)]
    return f"{ill[0]} did not come up again" if ill else None


def _leave(waiting):
    for case in waiting:
        case.end(NOT_REACHED, "this run ended before its turn: it runs on as it was")
        case.is_changed = False
