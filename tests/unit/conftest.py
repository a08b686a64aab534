# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests share their halves of a chain."""

import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "plugins" / "module_utils"))


@pytest.fixture
def open_folder():
    """A folder (Path) that every user can enter, unlike pytest's own: where the lab keeps its cache depends on that."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="kvm-entropy-test.") as name:  # noqa: S108 (an unguessable name)
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        yield folder
