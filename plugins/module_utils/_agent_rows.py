# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What guests told through their agents, in the rows of their domains."""

from ansible_collections.kvm.entropy.plugins.module_utils import _agent_fleet, _agent_half, _alike, _words
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import RefusedError

_OWN = ("guest", "guest_reason")
_READ_ONLY = "asking a guest's agent takes a connection that may write, and this user has none: root, or as docs/rights.md says"


def ask_guests(rows, domains, may_write, timeout, deadline):
    """Give each of ``rows`` (list of dict) its ``guest`` (dict or None) and ``guest_reason`` (str or None: why not).

    ``domains`` are the Domains by UUID, ``may_write`` (bool) is whether their connection may. ``timeout`` and ``deadline`` are in seconds.
    """
    asked = {}
    for row in rows:
        domain = domains[row["uuid"]]
        why = _hindrance(row["state"], domain, may_write)
        row.update(guest=None, guest_reason=why)
        if why is None:
            asked[row["uuid"]] = domain.ask_agent
    found = _agent_fleet.ask_all(asked, timeout, deadline)
    for row in rows:
        if row["uuid"] in found:
            row["guest"], row["guest_reason"] = found[row["uuid"]]


def _hindrance(state, domain, may_write):
    try:
        why = _agent_half.hindrance(state, domain.running() if state == "running" else None)
    except RefusedError as refusal:
        return _words.reason("the domain cannot be read: %s" % refusal)
    return why or (None if may_write else _READ_ONLY)


def as_long(rows):
    """Yield dicts that are at least as long as what ``grouped`` makes of each of ``rows``: its name and UUID come twice there."""
    for row in rows:
        yield dict(row, domains={row["uuid"]: row["name"]})


def grouped(rows):
    """Return the ``groups`` of ``rows``, and beside them ``guests``: what tells one guest from the other would leave no domains alike."""
    return {
        "groups": _alike.grouped({key: value for key, value in row.items() if key not in _OWN} for row in rows),
        "guests": _alike.grouped({key: row[key] for key in ("name", "uuid") + _OWN} for row in rows if row["live"] is not None),
    }
