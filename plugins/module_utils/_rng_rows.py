# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What virt_rng returns of the domains it looked at: rows, a summary, a diff, the failure's words."""

import collections

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device
from ansible_collections.kvm.entropy.plugins.module_utils._rng_plan import BUSY, PENDING, REFUSED, RESTART, UNCHANGED

_FAILED, _WAITING, _CHANGED, _SKIPPED, _UNCHANGED = range(5)

# At most so many reasons are told in the message of a failure, and so many domains named for one of them; the rows have them all.
_MOST_REASONS = 20
_MOST_NAMED = 10

# Rows of unchanged domains say nothing that the summary doesn't, and for a thousand of them Ansible takes as long as libvirt took to
# read them. So they are there where a person may read them, on small hosts, and not on large ones.
_ROWS_WITH_UNCHANGED = 50


class Outcome:
    """One domain: its Parts (None where not looked at), and what else is to be said about it."""

    def __init__(self, domain):
        self.domain = domain
        self.state = None
        self.config = None
        self.live = None
        self.way_back = ""
        self.skipped = False
        self.error = None
        self.notes = []

    @property
    def parts(self):
        return [part for part in (self.config, self.live) if part]

    @property
    def is_failed(self):
        return self.error is not None or any(part.result in (REFUSED, BUSY) for part in self.parts)

    @property
    def is_waiting(self):
        return any(part.result in (RESTART, PENDING) for part in self.parts)

    @property
    def is_changed(self):
        return any(part.is_changed for part in self.parts)

    @property
    def why_failed(self):
        reasons = [part.reason for part in self.parts if part.result in (REFUSED, BUSY)]
        return "; ".join(([self.error] if self.error else []) + reasons)

    def refuse(self, reason, result=REFUSED):
        """Leave both halves as they are, but for a half that is right already."""
        for part in self.parts:
            if part.result != UNCHANGED:
                part.leave(result, reason)

    def skip(self, reason):
        """Leave the whole domain alone."""
        self.config = self.live = None
        self.skipped = True
        self.notes.append(reason)

    def row(self):
        """Return the domain's row (dict)."""
        reasons = ([self.why_failed] if self.is_failed else []) + self.notes
        return {
            "name": self.domain.name,
            "uuid": self.domain.uuid,
            "state": self.state,
            "changed": self.is_changed,
            "failed": self.is_failed,
            "skipped": self.skipped,
            "reason": "; ".join(reasons) or None,
            "managed_save": self.domain.has_managed_save,
            "snapshots": self.domain.has_snapshots,
            "config": _half(self.config),
            "live": _half(self.live),
        }


def report(outcomes, max_results, with_diff):
    """Return the module's result (dict) for ``outcomes`` (list of Outcome)."""
    by_rank = collections.defaultdict(list)
    for outcome in outcomes:
        by_rank[_rank(outcome)].append(outcome)
    told = _told(by_rank)[:max_results]
    result = {
        "changed": any(outcome.is_changed for outcome in outcomes),
        "summary": _summary(outcomes, by_rank),
        "domains": [outcome.row() for outcome in told],
        "truncated": len(outcomes) - len(told),
    }
    if with_diff:
        result["diff"] = [diff for outcome in told for diff in _diffs(outcome)]
    return result


def failure(outcomes):
    """Return the message that names each failed domain and why, or None."""
    failed = [outcome for outcome in outcomes if outcome.is_failed]
    if not failed:
        return None
    by_reason = collections.OrderedDict()
    for outcome in failed:
        by_reason.setdefault(outcome.why_failed, []).append(outcome.domain.name)
    told = [f"{'domain' if len(which) == 1 else 'domains'} {names(which)}: {why}" for why, which in by_reason.items()]
    rest = len(told) - _MOST_REASONS
    return f"{len(failed)} of {len(outcomes)} domains failed. " + ". ".join(told[:_MOST_REASONS]) + (
        f". And {rest} more reasons: see the rows" if rest > 0 else "")


def names(found):
    """Return the first of the names ``found`` (list of str) in words, and how many more there are."""
    rest = len(found) - _MOST_NAMED
    return ", ".join(found[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _told(by_rank):
    """Return the outcomes that get a row, the most important first."""
    told = [outcome for rank in sorted(by_rank) if rank != _UNCHANGED for outcome in by_rank[rank]]
    return told + by_rank.get(_UNCHANGED, [])[:max(0, _ROWS_WITH_UNCHANGED - len(told))]


def _rank(outcome):
    """Return which domains a person has to see first."""
    if outcome.is_failed:
        return _FAILED
    if outcome.is_waiting:
        return _WAITING
    if outcome.is_changed:
        return _CHANGED
    return _SKIPPED if outcome.skipped else _UNCHANGED


def _summary(outcomes, by_rank):
    failed, waiting, skipped = (by_rank.get(rank, ()) for rank in (_FAILED, _WAITING, _SKIPPED))
    changed = len(by_rank.get(_CHANGED, ())) + sum(outcome.is_changed for outcome in waiting)
    return {
        "matched": len(outcomes),
        "unchanged": len(outcomes) - len(failed) - len(skipped) - changed,
        "changed": changed,
        "restart_required": len(waiting) + sum(outcome.is_waiting for outcome in failed),
        "skipped": len(skipped),
        "failed": len(failed),
    }


def _half(part):
    return part and {"before": part.before, "after": part.after, "result": part.result, "reason": part.reason}


def _diffs(outcome):
    for part, what in ((outcome.config, "definition"), (outcome.live, "running device")):
        if part and part.before != part.after:
            header = f"{outcome.domain.name} ({what})"
            yield {
                "before_header": header,
                "after_header": header,
                "before": _rng_device.to_text(part.before),
                "after": _rng_device.to_text(part.after),
            }
