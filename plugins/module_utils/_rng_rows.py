# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What virt_rng returns of the domains it looked at: rows, a summary, a diff, the failure's words."""

import collections

from ansible_collections.kvm.entropy.plugins.module_utils import _bounds, _rng_device, _words
from ansible_collections.kvm.entropy.plugins.module_utils._rng_plan import BUSY, PENDING, REFUSED, RESTART, UNCHANGED

_FAILED, _WAITING, _CHANGED, _SKIPPED, _UNCHANGED = range(5)

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
        self.ways = []
        self.skipped = False
        self.error = None
        self.notes = []
        # What is to be known of a change that was made.
        self.change_notes = []

    @property
    def parts(self):
        return [part for part in (self.config, self.live) if part]

    @property
    def adding(self):
        """The devices (list of dict) that are to come. A domain that was refused adds none."""
        return [device for part in self.parts for device in part.add]

    @property
    def is_failed(self):
        return self.error is not None or _has_ended(self.config, (REFUSED, BUSY)) or _has_ended(self.live, (REFUSED, BUSY))

    @property
    def is_waiting(self):
        return _has_ended(self.config, (RESTART, PENDING)) or _has_ended(self.live, (RESTART, PENDING))

    @property
    def is_changed(self):
        return bool(self.config and self.config.is_changed) or bool(self.live and self.live.is_changed)

    @property
    def is_to_act(self):
        return bool(self.config and self.config.is_to_act) or bool(self.live and self.live.is_to_act)

    @property
    def why_failed(self):
        reasons = [part.reason for part in self.parts if part.result in (REFUSED, BUSY)]
        return "; ".join(([self.error] if self.error else []) + list(dict.fromkeys(reasons)))

    def refuse(self, reason, result=REFUSED):
        """Leave both halves as they are, but for a half that is right already, or has been made so."""
        for part in self.parts:
            if part.result != UNCHANGED and not part.is_done:
                part.leave(result, reason)

    def skip(self, reason):
        """Leave the whole domain alone."""
        self.config = self.live = None
        self.skipped = True
        self.notes.append(reason)

    def row(self):
        """Return the domain's row (dict)."""
        reasons = ([self.why_failed] if self.is_failed else self.change_notes) + self.notes
        return {
            "name": self.domain.name,
            "uuid": self.domain.uuid,
            "state": self.state,
            "changed": self.is_changed,
            "failed": self.is_failed,
            "skipped": self.skipped,
            "reason": _words.reason("; ".join(reasons) or None),
            "managed_save": self.domain.has_managed_save,
            "snapshots": self.domain.has_snapshots,
            "config": _half(self.config),
            "live": _half(self.live),
        }


def _has_ended(part, results):
    """Return whether the Part (or None) has one of these ``results``."""
    return part is not None and part.result in results


def report(outcomes, max_results, with_diff, room):
    """Return the module's result (dict) for ``outcomes`` (list of Outcome); its rows and their diffs have ``room`` (see ``_bounds``) together."""
    by_rank = collections.defaultdict(list)
    for outcome in outcomes:
        by_rank[_rank(outcome)].append(outcome)
    entries = ([outcome.row()] + (list(_diffs(outcome)) if with_diff else []) for outcome in _told(by_rank)[:max_results])
    told = _bounds.fitting(entries, room)
    result = {
        "changed": any(outcome.is_changed for outcome in outcomes),
        "summary": _summary(outcomes, by_rank),
        "domains": [entry[0] for entry in told],
        "truncated": len(outcomes) - len(told),
    }
    if with_diff:
        result["diff"] = [diff for entry in told for diff in entry[1:]]
    return result


def failure(outcomes):
    """Return the message that names each failed domain and why, or None."""
    failed = [(outcome.domain.name, outcome.why_failed) for outcome in outcomes if outcome.is_failed]
    return _words.failure(failed, len(outcomes))


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
    return part and {"before": part.before, "after": part.after, "result": part.result, "reason": _words.reason(part.reason)}


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
