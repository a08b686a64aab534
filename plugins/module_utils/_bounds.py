# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep a result so small that ansible-runner, and with it AWX, keeps it whole. Pure."""

import json

# ansible-runner empties the result of an event that is longer, in characters of Python's str() of it (MAX_EVENT_RES: EventContext.get_begin_dict in
# ansible_runner/display_callback/callback/awx_display.py). AWX gives it this number, and takes no longer message for an external log, in
# bytes (MAX_EVENT_RES_DATA in awx/settings/defaults.py and awx/main/utils/external_logging.py).
EVENT = 700000

# For what Ansible adds by itself, and for the summary.
_RESERVE = 50000
# A failure's message comes again as its exception, and in a traceback, as far as ansible-core shows these.
_TIMES_MESSAGE = 3
# Between two values of a list: a comma and a space.
_BETWEEN = 2


def size(value):
    """Return how long a result's ``value`` is: in bytes of JSON, or in characters of Python's own text, whichever are more."""
    return max(len(json.dumps(value)), len(repr(value)))


def room(options, message=None, *others):
    """Return the room for rows, as ``size``, in the result of a task with the module's ``options`` (dict), this ``message`` and ``others``."""
    return EVENT - _RESERVE - size(options) - _TIMES_MESSAGE * size(message) - sum(map(size, others))


def fitting(values, space):
    """Return the first of ``values`` (iterable) that fit together into ``space``, as ``size``. No more are taken from it than the first that does not."""
    found = []
    for value in values:
        space -= size(value) + _BETWEEN
        if space < 0:
            break
        found.append(value)
    return found
