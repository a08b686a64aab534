# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests that are broken for real, and whether the collection is right about each."""

import sys
from pathlib import Path

# What looks at guests and hosts is shared with the integration tests.
sys.path.append(str(Path(__file__).resolve().parents[1] / "integration"))
