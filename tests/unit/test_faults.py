# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recorded matrix of broken and healthy guests: each is judged as a person wrote down beforehand. ``./run faults`` makes them anew."""

import pytest
from faults import compare, problem_page
from faults.cases import CASES, RECORDED, judged, record_of


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_right(name):
    row, facts = judged(record_of(name))
    assert CASES[name].mistakes(row, facts) == []


def test_every_record_belongs_to_a_case():
    assert sorted(path.stem for path in RECORDED.glob("*.json")) == sorted(CASES)


def test_a_wrong_verdict_a_missing_code_and_a_wrong_fact_are_mistakes():
    row, facts = judged(record_of("jitter-6.12"))
    right = CASES["jitter-6.12"]
    assert right.mistakes(row, facts) == []
    assert right._replace(verdict="ok").mistakes(row, facts) == ["verdict is degraded, right is ok"]
    assert right._replace(codes=["no-device"]).mistakes(row, facts) == ["codes is ['no-device', 'no-vmgenid'], right is ['no-device']"]
    assert right._replace(seeded_by="cpu").mistakes(row, facts) == ["seeded_by is jitter, right is cpu"]
    assert right._replace(evidence=["a text"]).mistakes(row, facts) == ["evidence does not say 'a text'"]


@pytest.mark.parametrize("page", [problem_page, compare])
def test_the_documentation_says_what_the_code_and_the_records_say(page):
    assert page.DOCUMENT.read_text(encoding="utf-8") == page.page(), "./run docs writes it anew"


def test_the_collection_is_right_about_every_guest_and_no_check_of_today_is():
    found = compare.scores()
    verify = found.pop("verify")
    assert (verify.right, verify.false_alarms, verify.missed) == (len(CASES), [], [])
    assert all(score.missed for score in found.values())


def test_the_readme_has_the_numbers_of_the_comparison():
    readme = (problem_page.DOCUMENT.parents[1] / "README.md").read_text(encoding="utf-8")
    assert "\n%d guests, broken and healthy, " % len(CASES) in readme
    for name, score in compare.scores().items():
        shown = "this collection's `verify`" if name == "verify" else name
        assert "| %s | %d | %d | %d |\n" % (shown, score.right, len(score.false_alarms), len(score.missed)) in readme
