# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a judgement hands to the next step of a job or workflow: counts, and a bounded number of names. Pure."""

from ansible_collections.kvm.entropy.plugins.module_utils._verdict import BROKEN, DEGRADED
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain_text import name_of
from ansible_collections.kvm.entropy.plugins.plugin_utils._remaining import is_pending

# The keys of what is handed on. A workflow of AWX makes extra variables of them, so the next job must know them.
HANDED_ON = ("entropy_verdicts", "entropy_judged", "entropy_limit", "entropy_limit_omitted", "entropy_broken", "entropy_pending", "entropy_pending_count")

# An empty limit is none: --limit '' is everybody. This one leaves nobody, and Ansible ends with an error.
NOBODY = "!all"
# What Ansible reads as something else than a name in a limit (InventoryManager, split_host_pattern and _match_one_pattern in ansible/inventory/manager.py).
_PATTERN = frozenset("*?[],:!&~@ ")

# AWX makes extra variables for the next job of what is handed on, and Ansible fills in templates there. A domain's name is its owner's choice.
_NO_TEMPLATE = str.maketrans("{}", "()")


def handover(rows, counts, scope, most):
    """Return what ``set_stats`` hands on (dict) of the judged ``rows`` (list of dict, worst first), their ``counts`` (dict) and the ``scope`` (Scope).

    Of the names in each list there are at most ``most`` (int).
    """
    broken = [_name(row) for row in rows if row["verdict"] == BROKEN]
    pending = [_name(row) for row in rows if is_pending(row)]
    # A link that is seen to be broken can be repaired also where the rest was not seen.
    repairable = [row for row in rows if row["verdict"] in (BROKEN, DEGRADED) or BROKEN in row["links"].values()]
    limit, unnamed = _limit_of(repairable, most)
    return {
        "entropy_verdicts": counts,
        "entropy_judged": {"hosts": len(scope.judged_hosts), "guests": len(scope.guests), "hosts_left_out": scope.hosts_left_out,
                           "guests_left_out": scope.guests_left_out},
        "entropy_limit": limit,
        "entropy_limit_omitted": unnamed,
        "entropy_broken": broken[:most],
        "entropy_pending": pending[:most],
        "entropy_pending_count": len(pending),
    }


def _name(row):
    """Return the name (str) of the guest of ``row`` (dict): that of the inventory, else what a person calls it, which has the name of its domain."""
    return name_of(row).translate(_NO_TEMPLATE) if row["guest"] is None else row["guest"]


def _limit_of(rows, most):
    """Return (a limit (str) that names at most ``most`` hosts and guests of ``rows``, those of a row together; how many rows have no place (int))."""
    names, omitted = {}, 0
    for row in rows:
        wanted = [name for name in (row["guest"], row["host"]) if name is not None]
        new = [name for name in wanted if name not in names]
        if not wanted or any(_PATTERN.intersection(name) for name in wanted) or len(names) + len(new) > most:
            omitted += 1
        else:
            names.update(dict.fromkeys(new))
    return ",".join(names) or NOBODY, omitted
