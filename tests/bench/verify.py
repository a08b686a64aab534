# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the playbook kvm.entropy.verify takes over an empty playbook, for 1,000 and 10,000 guests whose facts are in a fact cache.

    PYTHONPATH=COLLECTIONS ANSIBLE_COLLECTIONS_PATH=COLLECTIONS python tests/bench/verify.py [--guests 1000 10000] [--repeat 5]

It runs the ansible-playbook of the Python that runs it. Both playbooks have the same inventory, fact cache and --limit localhost, so that nothing is
looked at, and take turns, and so do the sizes; of all repetitions the medians count. CPU is that of all processes of a run, which other work of the
machine spoils least; by it is compared what one guest costs among many and among few, without what the playbook takes for a handful. Memory is
that of the largest process of a run.
"""

import argparse
import collections
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).absolute().parents[1]
sys.path.insert(0, str(TESTS))

from cached_fleet import KINDS  # noqa: E402

AIM, GROWTH_AIM = 10, 1.15
EMPTY = "- hosts: localhost\n  gather_facts: false\n  tasks: []\n"
COUNTS = re.compile(r"(\d+) ok, (\d+) degraded, (\d+) broken, (\d+) unknown")
# So many, one of each kind, tell what the playbook takes by itself.
FEWEST = len(KINDS)
# Without and with broken guests.
ENDED = (0, 2)

# What a run took: seconds, CPU seconds, and peak memory (MiB) of its largest process.
Used = collections.namedtuple("Used", "seconds cpu peak")


class Fleet:
    """``count`` guests of all kinds in an inventory and a fact cache below ``folder``."""

    def __init__(self, folder, count):
        self.count = count
        self._inventory = Path(folder, f"inventory-{count}.json")
        self._environment = dict(
            os.environ, ANSIBLE_CACHE_PLUGIN="jsonfile", ANSIBLE_CACHE_PLUGIN_CONNECTION=str(Path(folder, f"cache-{count}")), ANSIBLE_NOCOLOR="1",
            ANSIBLE_INJECT_FACT_VARS="False", ANSIBLE_HOME=str(Path(folder, "ansible")))
        subprocess.run([sys.executable, TESTS / "cached_fleet.py", self._inventory, str(count)], env=self._environment, check=True)

    def play(self, playbook):
        """Run ``playbook`` (a name or Path); return what it Used and its output (str)."""
        command = [Path(sys.executable).with_name("ansible-playbook"), "-i", self._inventory, "--limit", "localhost", playbook]
        with tempfile.TemporaryFile("w+") as output:
            begun = time.monotonic()
            process = subprocess.Popen(command, env=self._environment, stdout=output, stderr=subprocess.STDOUT)
            _pid, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - begun
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            text = output.read()
        if process.returncode not in ENDED:
            raise SystemExit(f"{playbook} ended with {process.returncode}:\n{text[-3000:]}")
        return Used(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), text

    def verify(self):
        """Return what the playbook verify Used; its counts must be those of the fleet."""
        used, text = self.play("kvm.entropy.verify")
        (found,) = COUNTS.findall(text)
        verdicts = collections.Counter(kind.verdict for kind in KINDS.values())
        expected = tuple(str(verdicts[verdict] * self.count // len(KINDS)) for verdict in ("ok", "degraded", "broken", "unknown"))
        if found != expected:
            raise SystemExit(f"verify counted {found}, the fleet has {expected}")
        return used


def report(measured):
    """Print the table of ``measured`` ({count: list of (empty, verify), each Used}); return whether an aim is missed."""
    _fewest, few, *_more, many = sorted(measured)
    print(f"{'':14}{'empty':>24}{'verify':>24}{'over it':>16}\n{'guests':14}" + f"{'s':>8}{'CPU':>8}{'MiB':>8}" * 2 + f"{'s':>8}{'CPU':>8}")
    over = {}
    for count, runs in measured.items():
        empty, verify = (Used(*map(statistics.median, zip(*side, strict=True))) for side in zip(*runs, strict=True))
        over[count] = [statistics.median(run[1][part] - run[0][part] for run in runs) for part in (0, 1)]
        print(f"{count:<14,}" + "".join(f"{used.seconds:>8.2f}{used.cpu:>8.2f}{used.peak:>8.0f}" for used in (empty, verify))
              + "".join(f"{value:>8.2f}" for value in over[count]))
    growth = [(over[many][part] - over[FEWEST][part]) / many / ((over[few][part] - over[FEWEST][part]) / few) for part in (0, 1)]
    print(f"\n{many:,} guests over an empty playbook: {over[many][0]:.1f} s (aim: at most {AIM})")
    print(f"one guest among {many:,} to one among {few:,}: {growth[1]:.2f} by CPU, {growth[0]:.2f} by time (aim: at most {GROWTH_AIM}, by CPU)")
    return over[many][0] > AIM or growth[1] > GROWTH_AIM


def main():
    """Measure and print; return 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--guests", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kvm-entropy-bench.") as folder:
        empty = Path(folder, "empty.yml")
        empty.write_text(EMPTY, encoding="utf-8")
        fleets = [Fleet(folder, count) for count in [FEWEST, *options.guests]]
        measured = {fleet.count: [] for fleet in fleets}
        for _repetition in range(options.repeat):
            for fleet in fleets:
                measured[fleet.count].append((fleet.play(empty)[0], fleet.verify()))
        version = subprocess.run([Path(sys.executable).with_name("ansible-playbook"), "--version"], capture_output=True, text=True, check=True).stdout
    print(f"{version.splitlines()[0]}; medians of {options.repeat}")
    return int(report(measured))


if __name__ == "__main__":
    sys.exit(main())
