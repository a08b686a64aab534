# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the guest agents of many domains, some at the same time, and come back when the time for all of them is over, whatever they do."""

import queue
import threading
import time

from ansible_collections.kvm.entropy.plugins.module_utils import _agent_half
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import ConnectionLostError

# Each on a connection of its own. A daemon has 20 workers (max_workers in libvirtd.conf) for everybody, and an agent that is silent holds one.
_AT_ONCE = 4


def ask_all(guests, timeout, deadline, now=None):
    """Return (dict: the name of a guest to (half, why not), as ``_agent_half.look``) of ``guests`` (dict: its name to what asks its agent).

    Each has ``timeout`` (s), all together ``deadline`` (s).
    """
    fleet = _Fleet(guests, timeout, deadline, int(time.time()) if now is None else now)
    return fleet.asked()


class _Fleet:
    def __init__(self, guests, timeout, deadline, now):
        self._guests = guests
        self._timeout = timeout
        self._deadline = deadline
        self._now = now
        self._end = time.monotonic() + deadline
        self._waiting = queue.Queue()
        for name in guests:
            self._waiting.put(name)
        self._found = dict.fromkeys(guests, (None, "not asked: the %g s for all guests of this host (guest_agent_deadline) were over before" % deadline))
        self._lock = threading.Lock()

    def asked(self):
        """Return what is found until the deadline. A call to libvirt that lasts longer is left alone: its thread ends with the process."""
        threads = [threading.Thread(target=self._work, daemon=True) for _each in range(min(_AT_ONCE, len(self._guests)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0, self._end - time.monotonic()))
        with self._lock:
            return dict(self._found)

    def _work(self):
        while True:
            left = self._end - time.monotonic()
            try:
                name = self._waiting.get_nowait()
            except queue.Empty:
                return
            if left <= 0:
                return
            self._note(name, None, "its agent did not answer before the %g s for all guests of this host (guest_agent_deadline) were over" % self._deadline)
            try:
                self._note(name, *_agent_half.look(self._guests[name], min(self._timeout, left), self._now))
            except ConnectionLostError as error:
                self._note(name, None, "libvirt went away: %s" % error)
            except Exception as error:  # A guest answers what it likes, and a mistake of ours in taking it must not cost the other guests their look.
                self._note(name, None, "what its agent answers is more than this collection can take (%s): please report it" % type(error).__name__)

    def _note(self, name, half, why):
        with self._lock:
            self._found[name] = half, why
