# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmark beside rngtest can be run; how fast either is, only the benchmark itself says, on an idle machine."""

import re
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1] / "bench/feeder.py"


def test_both_sides_are_measured_and_the_ratio_is_told():
    done = subprocess.run([sys.executable, BENCH, "--megabytes", "1", "--repeat", "1"], text=True, capture_output=True, check=False)
    # 1 says that the aim was missed.
    assert done.returncode in (0, 1), done.stderr
    told = dict(line.split(maxsplit=1) for line in done.stdout.splitlines()[2:])
    assert float(told["entropy-feeder"].split()[0]) > 0 and float(told["rngtest"].split()[0]) > 0
    assert re.fullmatch(r"\d+\.\d\d \(aim: at least 0\.5\)", told["ratio"].strip())
