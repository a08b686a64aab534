# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of judged rows, how it is bounded, when the job fails, and which variables are wrong."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _bounds
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.plugin_utils._judgement import ANY, checked, judgement

OPTIONS = {"hosts": ["kvm1"], "guests": ["web-1"], "expect": "auto", "max_age": 86400, "fail_on": ["broken"], "max_unknown": -1, "max_results": 500}


def row(number, verdict="broken", words="why"):
    problems = [] if verdict == "ok" else [{"code": "no-device"}]
    return {"verdict": verdict, "text": ["web-%d: %s" % (number, verdict.upper()), "    no-device: %s" % words], "problems": problems}


def said(rows, fail_on=(), max_unknown=ANY, max_results=500, everyone=False):
    return judgement(rows, fail_on, max_unknown, max_results, everyone)


def test_guests_that_are_not_ok_are_told_and_the_rest_is_counted():
    found = said([row(1), row(2, "unknown"), row(3, "ok")])
    assert found["told"] == ["web-1: BROKEN", "    no-device: why", "web-2: UNKNOWN", "    no-device: why", "1 ok, 0 degraded, 1 broken, 1 unknown"]
    assert found["counts"] == {"broken": 1, "degraded": 0, "unknown": 1, "ok": 1, "not_proven": 0}
    assert "web-3: OK" in said([row(3, "ok")], everyone=True)["told"]


def test_what_is_left_out_is_counted_by_verdict_and_problem():
    told = said([row(number) for number in range(4)] + [row(5, "unknown")], max_results=2)["told"]
    assert told[-2].startswith("and 3 more (2 broken, 1 unknown; their problems: no-device 3). entropy_verify_max_results=0 tells them all")
    assert len(said([row(number) for number in range(4)], max_results=0)["told"]) == 9


def test_a_code_of_a_newer_collection_among_cached_facts_is_counted_like_any_other():
    newer = dict(row(1), problems=[{"code": "of-tomorrow"}, {"code": "no-vmgenid"}])
    assert "their problems: of-tomorrow 2)" in said([newer] * 3, max_results=1)["told"][-2]


def test_ten_thousand_long_rows_fit_into_an_event_of_ansible_runner():
    found = said([row(number, words="x" * 5000) for number in range(10000)], max_results=10000)
    assert _bounds.size(found["told"]) < _bounds.EVENT
    assert found["told"][-2].startswith("and 98") and found["told"][-1] == "0 ok, 0 degraded, 10000 broken, 0 unknown"
    assert len(said([row(number) for number in range(10000)], fail_on=["broken"])["failure"]) < 2000


def test_the_job_fails_for_the_verdicts_that_shall_not_be_and_for_too_many_unknown():
    rows = [row(1), row(2, "unknown"), row(3, "ok")]
    assert said(rows)["failure"] is None
    assert said(rows, fail_on=["broken", "degraded"])["failure"].startswith("1 of 3 guests are broken or degraded: web-1: BROKEN. ")
    assert said(rows, max_unknown=1)["failure"] is None
    assert said(rows, max_unknown=0)["failure"].startswith("1 guests are unknown, entropy_verify_max_unknown allows 0.")


def test_a_surveys_text_is_taken_for_numbers_and_lists():
    found = checked(dict(OPTIONS, max_age="3600", fail_on="broken, degraded", max_unknown="5", guests="web-1,web-2"))
    assert [checked(dict(OPTIONS, fail_on=text))["fail_on"] for text in ("", "[]", "['broken', degraded]")] == [[], [], ["broken", "degraded"]]
    assert (found["max_age"], found["fail_on"], found["max_unknown"], found["guests"]) == (3600, ["broken", "degraded"], 5, ["web-1", "web-2"])


def test_everything_that_is_wrong_is_one_error_that_names_each():
    with pytest.raises(EntropyError) as error:
        checked(dict(OPTIONS, max_age="soon", fail_on=["brokn"], max_unknown=-2, expect="foo", guests=7))
    assert str(error.value) == (
        "entropy_verify_max_age is 'soon', must be a whole number of seconds. "
        "entropy_verify_max_unknown is the number -2, must be a whole number of guests, or -1 for any number. "
        "entropy_verify_guests has the number 7, must be a list of inventory names, or text with commas. "
        "entropy_verify_fail_on has 'brokn', must be a list of some of broken, degraded, unknown, ok, or text with commas. "
        "entropy_verify_expect is 'foo', must be one of auto, host-only, guest-only")


def test_what_is_ok_and_not_proven_in_time_is_counted_and_said_in_the_last_line():
    found = said([dict(row(1, "ok"), links={"in_time": "unknown"}), dict(row(2, "ok"), links={"in_time": "ok"}), row(3)])
    assert found["counts"]["not_proven"] == 1
    assert found["told"][-1] == "2 ok, 0 degraded, 1 broken, 0 unknown (1 ok, but not proven in time)"
