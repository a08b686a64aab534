# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Broken and healthy guests: what is right for each, what was recorded of it, and how the collection judges that.

``cases.yml`` is written by hand. A record is what real machines showed: of each host and guest the halves that ``chain`` takes, with the
observations (``_kernel.observe``) in place of the facts, so that the facts are derived anew by whatever code there is.
"""

import json
from collections import namedtuple
from pathlib import Path

import yaml
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import add_initramfs, facts_of
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain

FOLDER = Path(__file__).resolve().parent
RECORDED = FOLDER / "recorded"
MAX_AGE = 86400


class Case(namedtuple("Case", "name about how verdict codes seeded_by in_time filling evidence unseen", defaults=(None, None, None, (), ()))):
    """What is right for one guest; see the head of ``cases.yml``."""

    def mistakes(self, row, facts):
        """Return in words (list of str) what is wrong with the judged ``row`` (dict) and the guest's ``facts`` (dict, or None)."""
        found = {"verdict": row["verdict"], "codes": sorted(problem["code"] for problem in row["problems"])}
        right = {"verdict": self.verdict, "codes": sorted(self.codes)}
        told = {"evidence": " ".join(problem["evidence"] for problem in row["problems"])}
        if facts:
            crng = facts["crng"]
            found.update(seeded_by=crng["seeded_by"], in_time=crng["in_time"], filling=facts["hwrng"]["filling"])
            told["unseen"] = " ".join("%(what)s %(why)s %(needs)s" % each for each in facts["unseen"])
        right.update({fact: getattr(self, fact) for fact in ("seeded_by", "in_time", "filling") if getattr(self, fact) is not None})
        wrong = ["%s is %s, right is %s" % (what, found.get(what), value) for what, value in right.items() if found.get(what) != value]
        for where in ("evidence", "unseen"):
            wrong += ["%s does not say %r" % (where, text) for text in getattr(self, where) if text not in told.get(where, "")]
        return wrong


CASES = {name: Case(name, **case) for name, case in yaml.safe_load((FOLDER / "cases.yml").read_text(encoding="utf-8")).items()}


def record_of(name):
    """Return the record (dict) of the case ``name``."""
    record = json.loads((RECORDED / (name + ".json")).read_text(encoding="utf-8"))
    for half in [*record["hosts"].values(), *record["guests"].values()]:
        _renamed((half.get("seen") or {}).get("processes") or {}, half.get("seen"))
    return record


def _renamed(processes, seen):
    """Give ``processes`` (dict) of an older record what is observed now: for how long the fill thread has slept, and not when it last ran."""
    if processes.get("fill_ran"):
        processes["fill_slept"] = float(seen["texts"]["/proc/uptime"].split()[0]) - processes.pop("fill_ran")


def judged(record):
    """Return (row, facts): the row (dict) of the one guest or domain that a ``record`` (dict) is about, and its guest's facts (dict or None)."""
    hosts, guests = ({name: _half(half) for name, half in record[kind].items()} for kind in ("hosts", "guests"))
    rows = chain(hosts, guests, record["now"], MAX_AGE)
    (row,) = [row for row in rows if row["guest"] == record["about"]] or [row for row in rows if row["domain"] == record["about"]]
    return row, (guests.get(row["guest"]) or {}).get("entropy")


def _half(half):
    """Return a host's or guest's ``half`` (dict) of a record as ``chain`` takes it: with the facts that its observations give."""
    seen = half.get("seen")
    if half.get("seen_of"):
        # A host is a machine like any other; this one is known from its own record.
        (other,) = record_of(half["seen_of"])["guests"].values()
        seen = other["seen"]
    more = {key: value for key, value in half.items() if key not in ("seen", "seen_of", "initramfs")}
    if not seen:
        return more
    facts = facts_of(seen)
    if half.get("initramfs"):
        add_initramfs(facts, half["initramfs"])
    return dict(more, entropy=facts)
