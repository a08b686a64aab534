# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of problems is whole, in the code and in the documentation."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _problems, _verdict

# The contract's list.
CODES = [
    "no-device", "driver-missing", "driver-late", "initramfs-without-driver", "not-current", "other-source", "quality-zero", "not-filling", "not-ready",
    "seeded-late", "early-reads",
    "rate-starves", "config-only", "live-only", "managed-save", "unmanaged-device", "duplicate-device", "unsafe-backend", "backend-starves", "backend-slow",
    "unknown-backend", "untrusted-host", "cannot-start", "vmgenid-unsupported",
    "fake-source", "fake-device", "feeder-useless", "feeder-dead", "source-stuck", "no-vmgenid", "host-unsound", "managed-elsewhere", "stale", "unreachable",
    "host-not-seen", "guest-not-seen", "left-out", "ambiguous", "bad-facts", "bad-variable", "look-failed", "needs-root",
]


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


def test_every_problem_tells_how_it_is_detected_how_sure_that_is_and_who_can_see_it():
    for code, known in _problems.PROBLEMS.items():
        assert all(known[key] for key in ("text", "remedy", "seen_by", "needs", "detected", "sure")), code
        assert not known["text"].endswith(".") and not known["remedy"].endswith("."), code
