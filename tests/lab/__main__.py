# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's command line: ``python3 tests/lab --help``."""

import sys
from pathlib import Path

# Started as a folder (python3 tests/lab): the package is found from the folder above.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from lab.commands import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
