# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests share their halves of a chain."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "plugins" / "module_utils"))
