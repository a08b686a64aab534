# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service manager: what the feeder tells it (sd_notify(3)), and how often it wants to hear of it (sd_watchdog_enabled(3))."""

import os
import socket

from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import shown, whole_number
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_output import log

# How long (s) systemd has to take what it is told.
_TOLD_WITHIN = 0.2
# Without a watchdog there is still something to say now and then (s): the time of the status. A watchdog that is shorter than the other is nobody's wish.
_AT_LEAST, _AT_MOST_OFTEN = 60.0, 0.1
# The watchdog's time is 64 bits of microseconds.
_MOST_MICROSECONDS = 2 ** 64 - 1


class Manager:
    """Tells systemd, or whoever listens at ``NOTIFY_SOCKET``, and complains once of one that cannot be told."""

    def __init__(self, environment=None):
        """``environment`` (dict of str): the process's, where it is None."""
        self._environment = os.environ if environment is None else environment
        self._address = self._environment.get("NOTIFY_SOCKET") or ""
        self._has_complained = False
        if self._address and not self._address.startswith(("/", "@")):
            self._complain("expected the path of a socket, or @ and an abstract address")
            self._address = ""

    def notify(self, text):
        """Tell ``text`` (str); nothing where nobody listens."""
        if not self._address:
            return
        address = os.fsencode(self._address)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            # A manager that is busy has room for some ten of these (net.unix.max_dgram_qlen); it must not keep the service from ending.
            channel.settimeout(_TOLD_WITHIN)
            try:
                channel.sendto(text.encode("utf-8", "backslashreplace"), b"\0" + address[1:] if address.startswith(b"@") else address)
            except OSError as error:
                self._complain(str(error))

    def watchdog(self):
        """Return after how long (s) at most the manager is to hear of this process: a third of what it waits for."""
        text, owner = self._environment.get("WATCHDOG_USEC"), self._environment.get("WATCHDOG_PID")
        if text is None:
            return _AT_LEAST
        microseconds = whole_number(text, _MOST_MICROSECONDS)
        if microseconds is None:
            log("WATCHDOG_USEC: found %s, expected a number of microseconds from 1 on. It is ignored" % shown(repr(text)))
            return _AT_LEAST
        if owner not in (None, str(os.getpid())):
            log("WATCHDOG_PID: found %s, expected %d, this process. WATCHDOG_USEC is ignored" % (shown(repr(owner)), os.getpid()))
            return _AT_LEAST
        return min(max(microseconds / 1e6 / 3, _AT_MOST_OFTEN), _AT_LEAST)

    def _complain(self, why):
        if not self._has_complained:
            log("NOTIFY_SOCKET: systemd does not listen at %s: %s" % (shown(self._address), why))
        self._has_complained = True
