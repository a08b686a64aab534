# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fuzz tests: whatever the input, no uncaught exception, no hang, and no claim that the input does not support.

One file per door through which foreign data enters. Each property uses ``examples.examples``: the same few examples in every run, or with
``./run fuzz 50`` fifty times as many, others in each run.
"""

import sys
from pathlib import Path

TESTS = Path(__file__).absolute().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "unit" / "plugins" / "module_utils")]
