# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes with the name of a feeder can credit entropy. Pure: from observations (``_kernel_feeder.observe``).

The name proves nothing: every user may start a program under every name. A process counts only if root started it and it has the right to credit.
"""

from collections import namedtuple

from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

UNKNOWN = "unknown"

# So many processes are listed, each in so many characters: a user may start thousands.
MOST_LISTED = 8
MOST_PATH = 200

_ENDED = ("Z", "X")
_OTHER = "other"
# What a look without root does not show.
_NEEDED = (("capable", "capabilities"), ("namespace", "user namespace"), ("program", "executable"))


class Processes(namedtuple("Processes", "feeders unproven ignored")):
    """``feeders`` (list of dict: those that can credit), and two lists of (dict, why (str)): those of which that is not known, and those that cannot."""


def sorted_out(processes):
    """Return the Processes of ``processes`` (list of dict)."""
    found = Processes([], [], [])
    for process in processes:
        counts, why = _counts(process)
        if counts is True:
            found.feeders.append(process)
        else:
            (found.unproven if counts == UNKNOWN else found.ignored).append((process, why))
    return found


def _counts(process):
    """Return (tri-state, why not (str or None)): whether ``process`` (dict) can credit."""
    # What was recorded before this was looked at has no more than a name; what is observed now has each key.
    if "capable" not in process:
        return True, None
    why = _hindrance(process)
    if why:
        return False, why
    # A system's unit is started by its manager, and a user's process does not get into it.
    needed = _NEEDED[:1] if process.get("unit") else _NEEDED
    hidden = [what for key, what in needed if process.get(key) is None]
    return (UNKNOWN, "its %s cannot be seen" % " and ".join(hidden)) if hidden else (True, None)


def _hindrance(process):
    """Return why (str) ``process`` certainly does not count, None where nothing shows that."""
    if process["state"] in _ENDED:
        return "it has ended"
    if process["capable"] is False:
        return "it has no CAP_SYS_ADMIN"
    if process.get("namespace") == _OTHER:
        return "its CAP_SYS_ADMIN is one of another user namespace"
    return process.get("program_fault")


def described(process):
    """Return the name, pid, user id and executable (str, printable) of ``process`` (dict), as far as they are known."""
    program = process.get("program")
    uid = process.get("uid")
    known = ["pid %d" % process["pid"], None if uid is None else "uid %d" % uid, program and printable(program, MOST_PATH), process.get("unit")]
    return "%s (%s)" % (process["name"], ", ".join(filter(None, known)))


def listed(found):
    """Return the first ``MOST_LISTED`` of ``found`` (list of (dict, why)) as a list of str."""
    return ["%s: %s" % (described(process), printable(why, MOST_PATH)) for process, why in found[:MOST_LISTED]]
