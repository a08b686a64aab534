# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines for the unit tests: recorded ones, whose files say where each is from, and changes to them."""

import copy
import json
from pathlib import Path

MACHINES = Path(__file__).parent / "machines"


def machine(name, log=(), texts=None, without=(), **changes):
    """Return the observations (dict) of the recorded machine ``name``, changed.

    ``log`` (list of [s, text]) is added to its log; ``texts`` (dict) replaces files, ``without`` (names) takes some away; ``changes`` replace
    whole keys.
    """
    seen = copy.deepcopy(json.loads((MACHINES / (name + ".json")).read_text(encoding="utf-8"))["seen"])
    if log:
        seen["log"]["lines"] = sorted(seen["log"]["lines"] + [list(line) for line in log], key=lambda line: line[0])
    seen["texts"].update(texts or {})
    for path in without:
        del seen["texts"][path]
    seen.update(changes)
    return seen


def bare(texts, **changes):
    """Return observations of a live machine that shows nothing but ``texts`` (dict)."""
    return {"texts": texts, "folders": {}, "virtio": [], "pci_rng": [], "live": True, "config": None, "refused": {}, **changes}


def logged(name, text):
    """Return when (float, s since boot) the recorded machine ``name`` logged a line that begins with ``text`` (str)."""
    return next(when for when, line in machine(name)["log"]["lines"] if line.startswith(text))


def codes(facts):
    """Return the codes (list of str) of the problems in ``facts``, without what merely informs of clones."""
    return [problem["code"] for problem in facts["problems"] if problem["code"] != "no-vmgenid"]
