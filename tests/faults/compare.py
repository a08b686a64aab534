# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recorded matrix judged by what people use today, beside the collection: ``./run compare``. ``./run docs`` keeps what it prints.

A check of today sees one guest from the inside. It is right where it alarms at a fault, and where it is silent at a guest that is sound or of which
nothing decides. Where it cannot look, it is silent.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.cases import CASES, MAX_AGE, judged, record_of  # noqa: E402

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/comparison.md"
AVAILABLE = "/proc/sys/kernel/random/entropy_avail"
FAULTS = ("degraded", "broken")


def _below(bits):
    return lambda seen: int(seen["texts"][AVAILABLE]) < bits


def _no_rngd(seen):
    return not any(feeder["name"] == "rngd" for feeder in seen["processes"]["feeders"])


def _not_loaded(seen):
    return "/sys/bus/virtio/drivers/virtio_rng" not in seen["folders"]


# Each returns whether it alarms, from what a guest's kernel showed (dict of _kernel.observe).
CHECKS = {
    # Named in many how-tos as "low".
    "entropy_avail below 200": _below(200),
    # rngd's and haveged's watermark on the old pool of 4096 bits.
    "entropy_avail below 1000": _below(1000),
    # The threshold that rules on node_exporter's metric share with netdata's stock alarm.
    "node_entropy_available_bits < 100": _below(100),
    # STIG RHEL-08-010471 (V-230285), RHEL-09-211035 (V-257782).
    "is rngd active": _no_rngd,
    "is virtio_rng loaded": _not_loaded,
}


class Score:
    """What one check did: how often it was ``right`` (int), its ``false_alarms`` and its ``missed`` faults (lists of cases' names)."""

    def __init__(self):
        self.right, self.false_alarms, self.missed = 0, [], []

    def count(self, case, is_fault, alarms):
        """Count the answer to ``case`` (str)."""
        if alarms == is_fault:
            self.right += 1
        else:
            (self.false_alarms if alarms else self.missed).append(case)


def scores():
    """Return the Score of each check, by its name; of the collection under ``verify``."""
    found = {name: Score() for name in [*CHECKS, "verify"]}
    for name, case in CASES.items():
        record = record_of(name)
        is_fault = case.verdict in FAULTS
        seen = _inside(record)
        for check, alarms in CHECKS.items():
            found[check].count(name, is_fault, bool(seen and alarms(seen)))
        row, facts = judged(record)
        # More is asked of it: the right verdict, every code, and what the facts say.
        if case.mistakes(row, facts):
            (found["verify"].missed if is_fault else found["verify"].false_alarms).append(name)
        else:
            found["verify"].right += 1
    return found


def _inside(record):
    """Return what a check in the guest of ``record`` (dict) sees now (dict of ``_kernel.observe``), None where it sees nothing."""
    for half in record["guests"].values():
        if not (half.get("error") or half.get("look_failed")) and record["now"] - half["seen"]["now"] <= MAX_AGE:
            return half["seen"]
    return None


def table(found):
    """Return the table (str) of the scores ``found`` (dict of ``scores``)."""
    lines = ["| check | right | wrong | false alarms | missed faults |", "|---|---|---|---|---|"]
    for name, score in found.items():
        wrong = len(score.false_alarms) + len(score.missed)
        lines.append("| %s | %d | %d | %d | %d |" % (name, score.right, wrong, len(score.false_alarms), len(score.missed)))
    return "\n".join(lines) + "\n"


def named(found):
    """Return which cases each check was wrong about (str)."""
    lines = []
    for name, score in found.items():
        lines += ["", "## " + name, "", "False alarms: %s." % (", ".join(score.false_alarms) or "none"), "",
                  "Missed faults: %s." % (", ".join(score.missed) or "none")]
    return "\n".join(lines) + "\n"


def page():
    """Return docs/comparison.md (str)."""
    found = scores()
    faults = sum(case.verdict in FAULTS for case in CASES.values())
    return """# What people check today, and what it is worth

%d guests, %d of them with a fault that calls for something to be done, each made for real and recorded (`tests/faults`), judged by checks that are in use
and by this collection. `./run compare` prints this page anew; `./run faults` makes the guests anew.

A check is right where it alarms at a fault, and where it is silent otherwise. `verify` is right where verdict, every problem code and who seeded are.
The thresholds on `entropy_avail` are from the time of a pool of 4096 bits; since the rewrite it holds 256, is full once the CRNG is ready, and
nothing ever takes from it.

Whoever is in a guest cannot see the faults of its host alone; they count as missed here. In the cases of old facts, of a clock that is ahead
and of a guest that does not answer, times and errors were set by hand.

%s%s""" % (len(CASES), faults, table(found), named(found))


if __name__ == "__main__":
    print(page(), end="")
