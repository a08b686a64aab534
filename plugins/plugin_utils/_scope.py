# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts and guests a run judges, and which its limit leaves out. Pure.

A limit limits the judgement as it limits the looks: only what the limit names gets a row. Facts that a cache has of the others are used to join them, so
that a guest limited alone is judged with its host's half, but the others themselves are left out and counted.
"""

from typing import NamedTuple

from ansible_collections.kvm.entropy.plugins.module_utils import _words
from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain_text import text_of

CONTROLLER = "localhost"
# A limit may be a list of ten thousand names.
_MOST_LIMIT = 100


class Scope(NamedTuple):
    """The inventory names of the ``hosts`` and ``guests`` that are judged, how many of each the limit leaves out, and the ``limit`` (None: there is none).

    ``not_looked_at`` are those of the hosts at which nobody looks, as the inventory says (guest-only): they are not counted as judged.
    """

    hosts: tuple
    guests: tuple
    hosts_left_out: int
    guests_left_out: int
    limit: str | None
    not_looked_at: tuple = ()

    @property
    def judged_hosts(self):
        """Return the hosts (list of str) that are judged."""
        others = frozenset(self.not_looked_at)
        return [name for name in self.hosts if name not in others]

    @property
    def size(self):
        """Return how many hosts and guests are judged (int)."""
        return len(self.judged_hosts) + len(self.guests)

    def words(self, others=0):
        """Return the line (str) that says over how many hosts and guests was judged, and how many the limit leaves out.

        ``others`` (int) is how many judged domains are none of these guests.
        """
        hosts, guests = counted(len(self.judged_hosts), "host"), counted(len(self.guests), "guest")
        judged = f"judged {hosts}, {guests} and {counted(others, 'other domain')}" if others else f"judged {hosts} and {guests}"
        if self.limit is None:
            return judged
        if not self.hosts_left_out and not self.guests_left_out:
            return f"{judged}; limit {shown_limit(self.limit)}"
        return (f"{judged}; limit {shown_limit(self.limit)} leaves out {counted(self.hosts_left_out, 'host')} and "
                f"{counted(self.guests_left_out, 'guest')}")


def counted(number, noun):
    """Return ``number`` (int) of ``noun`` (str) in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shown_limit(limit):
    """Return ``limit`` (str) in quotes, cut where it is long."""
    return f"'{_words.cut(limit, _MOST_LIMIT)}'"


def scope_of(hosts, guests, limit, limited):
    """Return the Scope of a run that has the ``hosts`` and ``guests`` (lists of str) and this ``limit`` (str or None) of the names ``limited`` (set or None).

    A limit that names the controller and none of them, as ``--limit localhost``, looks at nothing and judges all by what is cached.
    """
    if limit is None or limited is None:
        return Scope(tuple(hosts), tuple(guests), 0, 0, None)
    if CONTROLLER in limited and not limited.intersection(hosts) and not limited.intersection(guests):
        return Scope(tuple(hosts), tuple(guests), 0, 0, limit)
    inside_hosts, inside_guests = (tuple(name for name in names if name in limited) for names in (hosts, guests))
    return Scope(inside_hosts, inside_guests, len(hosts) - len(inside_hosts), len(guests) - len(inside_guests), limit)


def within(rows, scope, seen):
    """Return those of ``rows`` (list of dict, see ``_chain.chain``) that belong to a host or guest of ``scope`` (Scope).

    ``seen`` (set of str) are the hosts and guests of which there are facts. Where the other half of a chain was not seen and the limit has left out
    what may be that half, the row says that instead of what else could be the reason.
    """
    if not scope.hosts_left_out and not scope.guests_left_out:
        return rows
    hosts, guests = frozenset(scope.hosts), frozenset(scope.guests)
    found = [row for row in rows if row["host"] in hosts or row["guest"] in guests]
    return [_reworded(row, scope, seen) for row in found]


def _reworded(row, scope, seen):
    """Return ``row`` (dict), with the problem ``left-out`` in place of those that its limit explains."""
    left_out = [_is_left_out(one["code"], row, scope) for one in row["problems"]]
    if not any(left_out) or (row["guest"] in scope.guests and row["guest"] not in seen):
        return row
    problems = [_left_out(one, scope) if is_one else one for one, is_one in zip(row["problems"], left_out, strict=True)]
    row = dict(row, problems=problems)
    return dict(row, text=text_of(row))


def _is_left_out(code, row, scope):
    """Return whether the limit of ``scope`` may be why ``row`` (dict) has the problem ``code`` (str). A guest without a UUID is joined with no host anyway."""
    return (code == "host-not-seen" and scope.hosts_left_out > 0 and row["uuid"] is not None) or (code == "guest-not-seen" and scope.guests_left_out > 0)


def _left_out(one, scope):
    """Return the problem (dict) that takes the place of ``one`` (dict)."""
    what = counted(scope.hosts_left_out, "host") if one["code"] == "host-not-seen" else counted(scope.guests_left_out, "guest")
    return problem("left-out", f"limit {shown_limit(scope.limit)} leaves out {what} of which no facts are cached; {one['evidence']}")
