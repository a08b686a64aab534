# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host's guest agents told, as a guest's half of the chain."""

from ansible_collections.kvm.entropy.plugins.module_utils._problems import PROBLEMS, problem

SEEN_THROUGH = "seen through the guest agent"


def told_by_agents(host):
    """Return a dict of domain UUID to (half (dict) or None, why not (str) or None), of the fact ``entropy_domains`` in ``host`` (dict)."""
    told = {}
    for group in (host.get("domains") or {}).get("guests") or ():
        told.update(dict.fromkeys(group["domains"], (group["guest"], group["guest_reason"])))
    return told


def half_by_agent(half):
    """Return (links, problems) of a guest from the ``half`` (dict) that its agent told. A code that only a newer collection knows decides nothing."""
    problems = [problem(one["code"], "%s; %s" % (one["evidence"], SEEN_THROUGH)) for one in half["problems"] if one["code"] in PROBLEMS]
    foreign = sorted({one["code"] for one in half["problems"]} - set(PROBLEMS))
    if foreign:
        problems.append(problem("bad-facts", "its host names a problem that this version of the collection does not know: %s; %s" % (foreign[0], SEEN_THROUGH)))
    return half["links"], problems
