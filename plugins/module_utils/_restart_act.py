# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Power domains off and start them, a few at a time, each with its own deadlines."""

import collections
import time

from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import ConnectionLostError, RefusedError
from ansible_collections.kvm.entropy.plugins.module_utils._restart_decide import (
    BUSY,
    DONE,
    NOT_OFF,
    NOT_REACHED,
    NOT_STARTED,
    NOT_UP,
    NOTHING,
    OFF_BEFORE,
    REFUSED,
    UNCHANGED,
    decide_again,
)

# Seconds between two looks, where nothing is told before.
_LOOK_EVERY = 1

# shutdown_timeout and up_timeout (s), at_once (domains), force: whether a guest that does not power off is destroyed.
Terms = collections.namedtuple("Terms", "shutdown_timeout up_timeout at_once force")


class _Restart:
    """One domain on its way. ``step`` looks and does what is next, until it ``has_ended``."""

    def __init__(self, case, terms, record, clock):
        self.case = case
        self._record = record
        self._was_off = False
        self._domain = case.domain
        self._terms = terms
        self._clock = clock
        self._run = None
        # The guest may have been asked to power off; has been; was seen off; is started. It runs on after its time to power off.
        self.is_asking = self.is_asked = self.is_down = self.is_started = False
        self.has_ended = self.is_late = False
        self._deadline = None

    def begin(self):
        """Ask the guest to power off, if that is still right; one that an earlier run has powered off is only to be started."""
        decide_again(self.case)
        if not self.case.is_to_restart:
            self.has_ended = True
            return
        if self.case.is_off:
            self._note(self.case.left_off.asked_at)
            self.is_down = self._was_off = True
            return
        try:
            self._ask()
        except RefusedError as refusal:
            if refusal.kind == "stopped":
                self._end(UNCHANGED, OFF_BEFORE)
            else:
                gone = refusal.kind == "gone"
                self._end(BUSY if refusal.kind == "busy" else REFUSED,
                          "it was undefined while this ran" if gone else f"libvirt refuses to ask the guest to power off: {refusal}")

    def _ask(self):
        self._run = self._domain.run_id()
        if self._run is None:
            self._end(UNCHANGED, OFF_BEFORE)
            return
        self._deadline = self._clock() + self._terms.shutdown_timeout  # Before it is asked, as libvirt may wait for an agent's guest by itself.
        self._note()
        self.is_asking = True
        self._domain.shut_down()
        self.is_asked = True

    def _note(self, asked_at=None):
        self._record.note(self._domain.uuid, self._domain.name, self.case.up_by, asked_at)

    def step(self, is_hurried):
        """``is_hurried``: only what must not be left half done, and no waiting for a guest to come up."""
        try:
            if self.is_started:
                self._look_up(is_hurried)
            elif self.is_down:
                self._start(is_hurried)
            else:
                self._look_down(is_hurried)
        except RefusedError as refusal:
            if refusal.kind == "gone":
                self._end(REFUSED, "it was undefined while this ran")
            elif self.is_started:
                self._end(NOT_UP, f"it was started, and libvirt refuses to tell whether it is up: {refusal}")
            elif self.is_down:
                self._end(NOT_STARTED, f"it is off, and libvirt refuses: {refusal}. Mend that, then: virsh start {self._domain.uuid}")
            else:
                self._end(NOT_OFF, f"libvirt refuses: {refusal}. If its guest powers off: virsh start {self._domain.uuid}")

    def lose(self):
        """Say how it was left when the daemon went away."""
        start = f"virsh start {self._domain.uuid}"
        if self.is_started:
            self._end(NOT_UP, "it was started when libvirt went away: look at it")
        elif self.is_down:
            self._end(NOT_STARTED, f"it was off, and about to be started, when libvirt went away. If it is still off: {start}")
        elif self.is_asked:
            self._end(NOT_STARTED, f"it was asked to power off and could not be watched any more. When it is off: {start}", is_changed=True)
        elif self.is_asking:
            self._end(NOT_STARTED, f"it may have been asked to power off: libvirt went away without an answer. If it goes off: {start}", is_changed=True)
        else:
            _leave([self.case])
            self.has_ended = True

    def _look_down(self, is_hurried):
        run = self._domain.run_id()
        if run is not None and run != self._run:  # A cluster manager, say, was faster.
            self._wait_for_up(is_hurried)
        elif run is None:
            self._start(is_hurried)
        elif self._clock() >= self._deadline:
            self._give_up(is_hurried)

    def _give_up(self, is_hurried):
        if self._terms.force:
            try:
                self._domain.destroy()
            except RefusedError as refusal:
                if refusal.kind != "stopped":  # It powered off in the last moment.
                    raise
            self._start(is_hurried)
            return
        self._end(NOT_OFF, f"the guest has not powered off within {self._terms.shutdown_timeout} s, and runs on with its old device. Look at its console; "
                           f"should it power off later: virsh start {self._domain.uuid}. With force it would have been destroyed")

    def takes_up_again(self):
        """Return whether the guest has powered off after its time; it is then on its way again."""
        try:
            if self._domain.run_id() == self._run:
                return False
        except RefusedError:
            return False
        self.case.end(DONE, f"its guest powered off later than within {self._terms.shutdown_timeout} s, and was started then")
        self.case.is_changed = True
        self.has_ended = self.is_late = False
        return True

    def _start(self, is_hurried):
        self.is_down = True
        if self._domain.is_saved():
            self._end(NOT_STARTED, f"somebody saved it while it was to power off: virsh start {self._domain.uuid} brings back its old device")
            return
        try:
            self._domain.start()
        except RefusedError as refusal:
            if self._domain.run_id() is None:
                self._end(NOT_STARTED, f"it is OFF, and libvirt refuses to start it: {refusal}. Mend that, then: virsh start {self._domain.uuid}")
                return
        self._wait_for_up(is_hurried)

    def _wait_for_up(self, is_hurried):
        self.is_down = self.is_started = True
        self._deadline = self._clock() + self._terms.up_timeout
        self._look_up(is_hurried)

    def _look_up(self, is_hurried):
        if self._domain.run_id() is None:
            self._end(NOT_UP, "it was started and is OFF again: look at its log, and whether its guest powered off by itself. "
                              f"Then: virsh start {self._domain.uuid}")
            return
        sign = self.case.up_by
        if sign == NOTHING or sign in self._domain.signs_seen():
            self._finish()
        elif is_hurried:
            self.case.reason = "started, and not waited for, as the run was stopped"
            self._finish()
        elif self._clock() >= self._deadline:
            self._end(NOT_UP, f"it was started with its new device, and within {self._terms.up_timeout} s its {sign} has not told that it is up. "
                              "Look at its console")

    def _end(self, result, reason, is_changed=False):
        self.is_late = result == NOT_OFF
        self.case.end(result, reason)
        self.case.is_changed = is_changed or self.is_started or (self.is_down and not self._was_off)
        self._finish()

    def _finish(self):
        self.has_ended = True
        if self.case.result not in (NOT_OFF, NOT_STARTED):  # Else it may be off, or go off later, and the next run starts it.
            self._record.forget(self._domain.uuid)


def restart(cases, terms, record, news, is_stopped, clock=time.monotonic):
    """Restart the domains of ``cases`` (list of Case with result done); leave in each what became of it.

    ``record`` (as ``_restart_record.Record``) has each of them noted from before its guest is asked until it was started.
    ``news(seconds)`` waits so long at most for something to happen. ``is_stopped()`` ends it after those that are on their way. One that does not
    start or is not seen up ends it as well: what is wrong with it may be wrong with the next. Return why it ended early (str) or None; raise
    ConnectionLostError, with the cases as far as they came.
    """
    waiting = collections.deque(cases)
    going, late = [], []
    why = None
    try:
        while True:
            # A guest that powers off after its time would stay off for as long as nobody looks.
            for one in late:
                if one.takes_up_again():
                    going.append(one)
            late = [one for one in late if one.is_late]
            if not going and (why or not waiting):
                break
            while waiting and not why and len(going) < terms.at_once:
                one = _Restart(waiting.popleft(), terms, record, clock)
                going.append(one)  # Before it is asked: the connection may be lost while it is.
                one.begin()
                going = _on_their_way(going)
                why = _why_stop([], is_stopped())
            for one in going:
                one.step(is_stopped())
            late += [one for one in going if one.is_late]
            going = _on_their_way(going)
            why = why or _why_stop(cases, is_stopped())
            if going:
                news(_LOOK_EVERY)
    except ConnectionLostError:
        for one in _on_their_way(going):
            one.lose()
        _leave(waiting)
        raise
    _leave(waiting)
    return why


def _on_their_way(going):
    return [one for one in going if not one.has_ended]


def _why_stop(cases, is_stopped):
    if is_stopped:
        return "it was asked to stop"
    ill = [case.domain.name for case in cases if case.result in (NOT_STARTED, NOT_UP)]
    return f"{ill[0]} did not come up again" if ill else None


def _leave(waiting):
    for case in waiting:
        case.end(NOT_REACHED, "this run ended before its turn: " + ("it is still off" if case.is_off else "it was not asked to power off"))
        case.is_changed = False
