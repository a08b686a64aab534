# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what a guest's facts were at each stage, side by side: demo_table.py FOLDER GUEST STAGE...

FOLDER has one STAGE.json per stage, as save_facts.yml writes it.
"""

import json
import sys
from pathlib import Path

HEADINGS = {"before": "before", "plugged": "device plugged in", "restarted": "after a restart"}


def main():
    """Read the stages named on the command line and print the table."""
    folder, guest, *stages = sys.argv[1:]
    columns = [_column(json.loads(Path(folder, stage + ".json").read_text()), guest) for stage in stages]
    table = [[""] + [HEADINGS.get(stage, stage) for stage in stages]]
    table += [[title] + [column[title] for column in columns] for title in columns[0]]
    widths = [max(len(row[number]) for row in table) for number in range(len(table[0]))]
    for number, row in enumerate(table):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


def _column(facts, guest):
    """Return one stage's cells (dict: title to text), from the facts (dict) of the guest and of its host."""
    entropy = facts[guest]["entropy"]
    groups = [group for each in facts.values() for group in each.get("entropy_domains", {}).get("groups", [])]
    domain = next(group for group in groups if guest in group["domains"].values())
    crng, hwrng = entropy["crng"], entropy["hwrng"]
    return {
        "device in the domain's definition": _yes(bool(domain["config"])),
        "device in the running domain": _yes(bool(domain["live"])),
        "kernel's current source": hwrng["current"] or "not seen",
        "kernel is fed by it": _yes(hwrng["filling"]),
        "CRNG ready": _seconds(crng["ready_at"]),
        "init started": _seconds(crng["init_started_at"]),
        "reads before the CRNG was ready": str(crng["uninitialized_reads"]),
        "ready before the first read": _yes(crng["in_time"]),
        "verdict of the guest": entropy["verdict"],
    }


def _yes(fact):
    return {True: "yes", False: "no"}.get(fact, "unknown")


def _seconds(number):
    return "not seen" if number is None else "%.1f s after boot" % number


main()
