# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A judged row in words: one line with every link, one for each fault, and one that names what is only worth knowing."""

from ansible_collections.kvm.entropy.plugins.module_utils._problems import INFO, PROBLEMS
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import LINKS, UNKNOWN, is_proven_in_time

# A row has at most so many lines with a fault of their own, so that no guest hides the others.
_MOST_FAULTS = 12


def text_of(row, unseen=""):
    """Return the lines (list of str) that tell a person about ``row`` (dict, see ``_chain.chain``); ``unseen`` (str): what its guest could not see, and why."""
    links = "  ".join("%s %s" % (link.replace("_", " "), row["links"][link]) for link in LINKS)
    said = row["verdict"].upper() + ("" if is_proven_in_time(row) else ", not proven in time")
    lines = ["%s: %s  [ %s ]" % (name_of(row), said, links)]
    faults = [one for one in row["problems"] if not is_info(one)]
    lines += ["    %s: %s (%s) -> %s" % (one["code"], one["text"], one["evidence"], one["remedy"]) for one in faults[:_MOST_FAULTS]]
    if len(faults) > _MOST_FAULTS:
        lines.append("    and %d more: %s" % (len(faults) - _MOST_FAULTS, ", ".join(one["code"] for one in faults[_MOST_FAULTS:])))
    if row["verdict"] == UNKNOWN and not faults:
        # No problem says why: what would decide was not there to be seen.
        undecided = ", ".join(link for link in LINKS if row["links"][link] == UNKNOWN)
        lines.append("    not seen: %s%s" % (undecided.replace("_", " "), " (%s)" % unseen if unseen else ""))
    notes = [one["code"] for one in row["problems"] if is_info(one)]
    return lines + (["    worth knowing: %s" % ", ".join(notes)] if notes else [])


def is_info(problem):
    """Return whether ``problem`` (dict) never makes a verdict worse; one of a newer collection may."""
    return PROBLEMS.get(problem["code"], {}).get("severity") == INFO


def name_of(row):
    """Return what a person calls the guest: its inventory name, its domain and its host, as far as they are known."""
    if row["guest"] is None and row["domain"] is None:
        return "host %s" % row["host"]
    where = "domain %s on %s" % (row["domain"], row["host"]) if row["domain"] else None
    if row["guest"] is None:
        return where
    return "%s (%s)" % (row["guest"], where) if where and row["guest"] != row["domain"] else row["guest"]
