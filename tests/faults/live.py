# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the matrix anew and say where the collection is wrong: ``./run faults [CASE...]``. With ``--record`` what was seen replaces the records.

The first column of what is printed is whether the collection is right. Exits with 1 where it is wrong anywhere.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import place  # noqa: E402

from faults import domains, full_guests, quick_guests, recording  # noqa: E402
from faults.cases import CASES, judged  # noqa: E402

FROM = {
    "quick": "Recorded from a real kernel in a quick guest (QEMU, TCG)", "guest": "Recorded from a Debian guest and its domain on a real libvirt (QEMU, TCG)",
    "domain": "Recorded from a domain on a real libvirt", "fleet": "Recorded from domains on two real libvirts, beside a guest that was recorded before"}


class Trial:
    """What was made and judged so far: ``wrong`` maps a case to its mistakes, ``right`` lists the others."""

    def __init__(self, wanted, to_record):
        self.right, self.wrong = [], {}
        self._wanted, self._to_record = wanted, to_record

    def judge(self, name, record):
        """Judge the case ``name`` from its ``record`` (dict), say how that went, and keep it where that is asked for."""
        if name not in self._wanted:
            return
        if self._to_record:
            recording.save(name, "%s: %s." % (FROM[CASES[name].how], CASES[name].about), record)
        row, facts = judged(record)
        mistakes = CASES[name].mistakes(row, facts)
        print("%-6s %-34s %-9s %s" % ("WRONG" if mistakes else "right", name, row["verdict"], "; ".join(mistakes)), flush=True)
        if mistakes:
            self.wrong[name] = mistakes
        else:
            self.right.append(name)


def main():
    """Make the cases and judge them; return the exit status (int)."""
    parser = argparse.ArgumentParser(description="Broken guests, made for real, and whether the collection is right about each.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all where none is named; a guest is made whole, with all of its cases")
    parser.add_argument("--record", action="store_true", help="write what was seen to tests/faults/recorded, for the unit tests")
    options = parser.parse_args()
    unknown = sorted(set(options.cases) - set(CASES))
    if unknown:
        parser.error("no such case: %s; there are %s" % (", ".join(unknown), ", ".join(CASES)))
    wanted = options.cases or list(CASES)
    started = time.monotonic()
    trial = Trial(wanted, options.record)
    for name in quick_guests.MAKERS:
        if name in wanted:
            trial.judge(name, quick_guests.make(name))
    with tempfile.TemporaryDirectory(prefix="kvm-entropy-faults.", dir=place.TEMPORARY) as folder:
        if any(CASES[name].how in ("domain", "fleet") for name in wanted):
            domains.make(folder, trial.judge)
        guests = [name for name, story in full_guests.STORIES.items() if set(story.cases) & set(wanted)]
        if guests:
            full_guests.make(Path(folder, "lab"), guests, trial.judge)
    missing = sorted(set(wanted) - set(trial.right) - set(trial.wrong))
    print("%d right, %d wrong, %d not made in %d s" % (len(trial.right), len(trial.wrong), len(missing), time.monotonic() - started))
    if missing:
        print("not made: %s" % ", ".join(missing))
    return 1 if trial.wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())
