# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of problems is whole, in the code and in the documentation."""

import re
from pathlib import Path

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _problems, _verdict

DOCUMENT = Path(_problems.__file__).absolute().parents[2] / "docs/problems.md"

# The contract's list.
CODES = [
    "no-device", "driver-missing", "driver-late", "not-current", "quality-zero", "not-filling", "not-ready", "seeded-late", "early-reads",
    "rate-starves", "config-only", "live-only", "duplicate-device", "unsafe-backend", "backend-starves", "backend-slow", "untrusted-host",
    "fake-source", "feeder-useless", "feeder-dead", "source-stuck", "no-vmgenid", "host-unsound", "managed-elsewhere", "stale", "unreachable", "host-not-seen",
    "guest-not-seen", "ambiguous",
]


def documented():
    """Return the table of docs/problems.md: code to (what it means, what to do, who sees it, what that takes)."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return {row[0]: row[1:] for row in rows}


def test_every_code_of_the_contract_is_known_and_no_other():
    assert sorted(_problems.PROBLEMS) == sorted(CODES)


def test_what_decides_a_verdict_is_known_and_is_no_mere_information():
    deciding = _verdict.BREAKING | _verdict.DEGRADING
    assert {_problems.PROBLEMS[code]["severity"] for code in deciding} == {_problems.FAULT}


def test_a_problem_carries_its_text_its_remedy_and_the_evidence():
    problem = _problems.problem("no-device", "seen so")
    assert sorted(problem) == ["code", "evidence", "remedy", "text"]
    assert (problem["code"], problem["evidence"]) == ("no-device", "seen so")
    with pytest.raises(KeyError):
        _problems.problem("no-such-problem", "")


def test_the_documentation_says_of_each_problem_what_the_code_says():
    assert documented() == {
        code: (known["text"] + ("" if known["severity"] == _problems.FAULT else " (for information)"), known["remedy"], known["seen_by"], known["needs"])
        for code, known in _problems.PROBLEMS.items()}
