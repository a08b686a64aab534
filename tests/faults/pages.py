# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write what is made from the code and from the recorded matrix, the pages and the feeder's one file: ``./run docs``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from feeder import bundle  # noqa: E402

from faults import compare, problem_page  # noqa: E402

for page in (problem_page, compare):
    page.DOCUMENT.write_text(page.page(), encoding="utf-8")
bundle.write()
