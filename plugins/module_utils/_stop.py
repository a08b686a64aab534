# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Be asked to stop without being torn out of the middle of a domain."""

import signal

# What a service manager, a closing connection and a person at a terminal send.
_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Stop:
    """``with Stop() as stop``: the signals that end a process are noted instead. ``stop.asked`` is the first one's name (str), or None."""

    def __init__(self):
        self.asked = None
        self._old = {}

    def is_asked(self):
        return self.asked is not None

    def __enter__(self):
        for number in _SIGNALS:
            self._old[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_unused):
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _note(self, number, _frame):
        self.asked = self.asked or signal.Signals(number).name
