# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long one task takes for 1,000 and for 10,000 domains, beside a raw libvirt loop's time for the same calls, virt-xml and community.libvirt.

    PYTHONPATH=COLLECTIONS python tests/bench/virt_rng.py [--domains 1000 10000] [--repeat 3] [--peer VENV/bin/ansible-playbook]

All in one run, on private daemons. The fixed cost of a task is the same task on a daemon without domains, and is subtracted. The raw loop
counts from after its import and connection. Raw loops and tasks take turns, and so do the sizes, so that a machine whose load changes spoils
little, and of all repetitions the median ratio counts. Peak memory is that of the raw loop's and of the module's process.
"""

import argparse
import collections
import contextlib
import statistics
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).absolute().parents[1]
sys.path.insert(0, str(TESTS))

from lab.daemon import Daemon  # noqa: E402
from ways import Used, Ways  # noqa: E402

RAW_AIM, GROWTH_AIM = 1.2, 1.15
# So much more often than the largest number of domains, as what takes a tenth of a second is easily lost in other work of the machine.
SMALL_REPEAT = 3

# What is compared: the raw loop, then the task's module, the part of its summary that must be all domains, its words and options. In this
# order each begins with what the one before has left, and the last leaves no domain a device.
COMPARED = {
    "check mode": ("read", "virt_rng", "changed", ["--check"], {}),
    "first run": ("add", "virt_rng", "changed", [], {}),
    "second run": ("read", "virt_rng", "unchanged", [], {}),
    "virt_rng_info": ("read", "virt_rng_info", "matched", [], {}),
    "absent": ("remove", "virt_rng", "changed", [], {"state": "absent"}),
}


# The raw loop and the task (Used, the latter without its fixed cost), and that cost (s).
Cost = collections.namedtuple("Cost", "raw task fixed")


def measure(ways, empty, note):
    """Return {what: Cost}; every domain is without a device before and after."""
    costs = {}
    loops = {what: ways.raw(loop) for what, (loop, *_task) in COMPARED.items()}
    for what, (_loop, module, counted, words, options) in COMPARED.items():
        raw = loops[what]
        fixed = empty.task(module, "matched", *words, **options)
        whole = ways.task(module, counted, *words, **options)
        task = Used(whole.seconds - fixed.seconds, whole.cpu - fixed.cpu, whole.peak)
        costs[what] = Cost(raw, task, fixed.seconds)
        note(f"{ways.count} domains, {what}: raw {raw.seconds:.2f} s, CPU {raw.cpu:.2f} s; task {task.seconds:.2f} and {fixed.seconds:.2f} s fixed, "
             f"CPU {task.cpu:.2f} and {fixed.cpu:.2f} s fixed")
    return costs


def report(measured):
    """Print the table of ``measured`` ({count: list of {what: Cost}}); return whether an aim is missed."""
    few, many = min(measured), max(measured)
    print(f"\nDomains defined, shut off; medians of {' and '.join(str(len(runs)) for runs in measured.values())}; without the fixed cost of a task")
    print(f"{'':14}" + "".join(f"{f'{count:,} domains':^56}" for count in measured) + f"{f'{many:,} to {few:,}':>15}")
    print(f"{'':14}" + f"{'raw s':>8}{'task s':>8}{'ratio':>7}{'raw CPU':>9}{'module':>8}{'ratio':>7}{'MiB':>8} " * len(measured) + f"{'raw':>7}{'module':>8}")
    missed = False
    for what in COMPARED:
        line = f"{what:14}"
        for runs in measured.values():
            costs = [run[what] for run in runs]
            raw, task = (Used(*map(statistics.median, zip(*side, strict=True))) for side in list(zip(*costs, strict=True))[:2])
            ratios = [statistics.median(cost.task[part] / cost.raw[part] for cost in costs) for part in (0, 1)]
            line += (f"{raw.seconds:>8.2f}{task.seconds:>8.2f}{ratios[0]:>7.2f}{raw.cpu:>9.2f}{task.cpu:>8.2f}{ratios[1]:>7.2f}"
                     f"{f'{raw.peak:.0f}/{task.peak:.0f}':>8} ")
            missed |= ratios[1] > RAW_AIM
        raw_growth, growth = (_growth(measured, few, many, what, side) for side in ("raw", "task"))
        missed |= growth > GROWTH_AIM
        print(line + f"{raw_growth:>7.2f}{growth:>8.2f}")
    print(f"CPU: s of the process that talks to libvirt and of the daemon together, which other work of the machine spoils least; by it are judged:\n"
          f"ratio, the task to the raw loop, aim at most {RAW_AIM}; {many:,} to {few:,}, what one domain costs, the module's at most {GROWTH_AIM} times "
          "(the raw loop's growth is libvirt's own).\nMiB: peak memory of the raw loop's and of the module's process.")
    print(f"fixed cost of a task: {statistics.median(cost.fixed for runs in measured.values() for run in runs for cost in run.values()):.2f} s")
    return missed


def _growth(measured, few, many, what, side):
    """Return how many times as much CPU a domain costs among ``many`` as among ``few``."""
    small, large = (statistics.median(getattr(run[what], side).cpu for run in measured[count]) / count for count in (few, many))
    return large / small


def measure_peers(ways, playbook, note):
    """Return {peer: (seconds per domain, of how many)}; ``playbook`` (Path or None) is the ansible-playbook that has community.libvirt."""
    names = [f"bench-{number:05}" for number in range(30)]
    per_domain = {"virt-xml": (ways.virt_xml(names[:10]), 10)}
    if playbook:
        per_domain["community.libvirt loop"] = (ways.peer(playbook, names[10:]), 20)
    else:
        note("community.libvirt is not measured: give its ansible-playbook with --peer")
    return per_domain


def report_peers(per_domain, ours):
    """Print the peers' seconds per domain beside virt_rng's first run, ``ours``."""
    for name, (seconds, sample) in per_domain.items():
        print(f"{name}: {seconds * 1000:.0f} ms per domain ({sample} of them), {seconds / ours:.0f} times virt_rng's {ours * 1000:.2f} ms")


def main():
    """Measure and print; return 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--domains", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer", type=Path, help="ansible-playbook of an environment with PyPI's package ansible, for community.libvirt")
    options = parser.parse_args()

    def note(text):
        print(f"  {text}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        empty, *sizes = [Ways(stack.enter_context(Daemon(Path(folder, f"lab-{count}"))), Path(folder, f"ways-{count}"), count)
                         for count in [0, *options.domains]]
        sizes[0].raw("define")
        per_domain = measure_peers(sizes[0], options.peer, note)
        for ways in sizes:
            note(f"{ways.count} domains are defined in {ways.raw('define').seconds:.1f} s")
        measured = {ways.count: [] for ways in sizes}
        for _repetition in range(options.repeat):
            for ways in sizes:
                measured[ways.count] += [measure(ways, empty, note) for _again in range(1 if ways is sizes[-1] else SMALL_REPEAT)]
    missed = report(measured)
    count = options.domains[0]
    report_peers(per_domain, statistics.median(run["first run"].task.seconds for run in measured[count]) / count)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
