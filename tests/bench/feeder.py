# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast entropy-feeder --test looks at a file, beside rngtest, whose five tests it does and three health tests more.

    python tests/bench/feeder.py [--megabytes 30] [--repeat 5]

Both read the same random bytes, one after the other in turns; of all repetitions the fastest counts, as other work only ever makes one slower. Memory is
the largest peak. The feeder runs by the Python that it is installed with, /usr/bin/python3. Without rngtest on the PATH there is nothing to compare:
./run bench unpacks it.
"""

import argparse
import json
import os
import random
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

PROGRAM = Path(__file__).absolute().parents[2] / "roles/feeder/files/entropy-feeder"
AIM = 0.5
BLOCK, WORD = 2500, 4
# Of 10,000 good blocks some 8 fail.
ENDED = (0, 1)

# What a run took: seconds, CPU seconds, and peak memory (MiB).
Used = namedtuple("Used", "seconds cpu peak")


def used(command, path):
    """Run ``command`` (list) on the file ``path``; return what it Used, its output and its errors (str)."""
    peak = 0
    with open(path, "rb") as data, tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        begun = time.monotonic()
        process = subprocess.Popen(command, stdin=data, stdout=output, stderr=errors)
        end = os.pidfd_open(process.pid)
        while not select.select([end], [], [], 0.05)[0]:
            peak = max(peak, peak_of(process.pid))
        seconds = time.monotonic() - begun
        os.close(end)
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = [(file.seek(0), file.read())[1] for file in (output, errors)]
    if process.returncode not in ENDED:
        raise SystemExit(f"{command[0]} ended with {process.returncode}:\n{texts[1][-3000:]}")
    return Used(seconds, usage.ru_utime + usage.ru_stime, peak), *texts


def peak_of(process):
    """Return the peak memory (MiB) until now of a process by its id (int). That of getrusage(2) has the peak of the process in it that forked it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0


def feeder(path, blocks):
    """Return what the feeder Used, and how many blocks (int) passed."""
    spent, told, _errors = used(["/usr/bin/python3", PROGRAM, "--test", str(blocks), "--source", path, "--json"], path)
    counts = json.loads(told)
    if counts["blocks"] != blocks or counts["failures"]["repetition"] or counts["failures"]["proportion"] or counts["failures"]["period"]:
        raise SystemExit(f"entropy-feeder found {counts} in {blocks} sound blocks")
    return spent, counts["passed"]


def rngtest(path, blocks):
    """Return what rngtest Used, and how many blocks (int) passed."""
    spent, _told, errors = used([shutil.which("rngtest")], path)
    passed, failed = (int(re.search(rf"FIPS 140-2 {which}: (\d+)", errors)[1]) for which in ("successes", "failures"))
    if passed + failed != blocks:
        raise SystemExit(f"rngtest found {passed + failed} blocks, expected {blocks}")
    return spent, passed


def main():
    """Measure and print; return 1 where the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--megabytes", type=int, default=30)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    if not shutil.which("rngtest"):
        raise SystemExit("there is no rngtest; it is in Debian's package rng-tools5")
    blocks = options.megabytes * 10 ** 6 // BLOCK
    with tempfile.NamedTemporaryFile(prefix="kvm-entropy-bench.") as file:
        file.write(random.Random(7).randbytes(WORD + blocks * BLOCK))  # noqa: S311 (the same bytes each time)
        file.flush()
        runs = [(feeder(file.name, blocks), rngtest(file.name, blocks)) for _again in range(options.repeat)]
    rates = []
    print(f"{blocks * BLOCK / 10 ** 6:.0f} MB, the fastest of {options.repeat}\n{'':16}{'MB/s':>8}{'s':>8}{'CPU s':>8}{'MiB':>8}{'passed':>10}")
    for name, side in zip(("entropy-feeder", "rngtest"), zip(*runs, strict=True), strict=True):
        fastest = min(spent for spent, _passed in side)
        rates.append(blocks * BLOCK / fastest.seconds / 10 ** 6)
        peak = max(spent.peak for spent, _passed in side)
        print(f"{name:16}{rates[-1]:>8.1f}{fastest.seconds:>8.2f}{fastest.cpu:>8.2f}{peak:>8.1f}{side[0][1]:>10,}")
    ratio = rates[0] / rates[1]
    print(f"{'ratio':16}{ratio:>8.2f} (aim: at least {AIM})")
    return int(ratio < AIM)


if __name__ == "__main__":
    sys.exit(main())
