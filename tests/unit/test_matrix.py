# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""./run matrix writes what passed and nothing else."""

import matrix
import pytest
from lab import LabError


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table of all suites (Path), tested with libvirt 1.0.0; from now on there is 2.0.0, and bookworm fails."""
    def row(suite, libvirt):
        return f"| {matrix.SUITES[suite]} ({suite}) | {libvirt} | 7.2.1 | {libvirt} | 3.11.2 | 142 | 0 | 1 | 2026-11-25 |\n"

    def tested(suite):
        if suite == "bookworm":
            raise LabError("tests failed")
        return row(suite, "2.0.0")
    path = tmp_path / "matrix.md"
    path.write_text(matrix.HEAD + "".join(row(suite, "1.0.0") for suite in matrix.SUITES))
    monkeypatch.setattr(matrix, "TABLE", path)
    monkeypatch.setattr(matrix, "tested", tested)
    return path


def versions(table):
    return [line.split(" | ")[1] for line in table.read_text().splitlines() if line.startswith("| 1")]


def test_a_row_that_was_not_asked_for_stays(table):
    assert matrix.main(["trixie"]) == 0
    assert versions(table) == ["1.0.0", "2.0.0", "1.0.0"]
    assert matrix.main(["trixie"]) == 0 and table.read_text().count("| 13 (trixie) ") == 1


def test_a_failure_is_told_and_the_table_stays_as_it_was(table):
    before = table.read_text()
    told = matrix.main([])
    assert "bookworm: tests failed" in told and f"{table} is as it was" in told
    assert table.read_text() == before


def test_a_suite_that_nobody_knows_is_refused(table):
    assert matrix.main(["trixie", "sid"]) == "matrix: no such suite: sid; there are bookworm, trixie, forky"
    assert versions(table) == ["1.0.0"] * 3
