# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for what another process does."""

import time


def when(found):
    """Return what ``found()`` returns as soon as that is something; a machine that is busy has time for it."""
    deadline = time.monotonic() + 60
    result = found()
    while not result:
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.005)
        result = found()
    return result
