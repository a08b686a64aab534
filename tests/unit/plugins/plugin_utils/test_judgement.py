# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of judged rows, how it is bounded, when the job fails, and which variables are wrong."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _bounds
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.plugin_utils._judgement import ANY, checked, judgement
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import Scope

OPTIONS = {"hosts": ["kvm1"], "guests": ["web-1"], "expect": "auto", "max_age": 86400, "fail_on": ["broken"], "max_unknown": 0, "min_judged": 1,
           "max_results": 500, "max_names": 100}
SCOPE = Scope(("kvm1", "kvm2"), ("web-1", "web-2"), 0, 0, None)
JUDGED = "judged 2 hosts and 2 guests"
WITHOUT = "2 hosts without a judged domain"


def row(number, verdict="broken", words="why", **more):
    problems = [] if verdict == "ok" else [{"code": "no-device"}]
    return {"guest": "web-%d" % number, "domain": None, "domain_state": None, "host": None, "verdict": verdict, "problems": problems,
            "links": {"config": "unknown"}, "text": ["web-%d: %s" % (number, verdict.upper()), "    no-device: %s" % words], **more}


def host(name):
    return dict(row(0, "unknown"), guest=None, host=name, text=["host %s: UNKNOWN" % name])


def domain(name, verdict="unknown"):
    return dict(row(0, verdict), guest=None, domain=name, domain_state="running", host="kvm1", links={"config": "ok"}, text=["domain"])


def said(rows, fail_on=(), max_unknown=ANY, max_results=500, everyone=False, failed_steps=()):
    options = dict(OPTIONS, fail_on=fail_on, max_unknown=max_unknown, max_results=max_results)
    return judgement(rows, options, SCOPE, everyone, failed_steps)


def test_guests_that_are_not_ok_are_told_and_the_rest_is_counted():
    found = said([row(1), row(2, "unknown"), domain("web-3", "ok")])
    assert found["told"] == ["web-1: BROKEN", "    no-device: why", "web-2: UNKNOWN", "    no-device: why",
                             "1 ok, 0 degraded, 1 broken, 1 unknown (1 host without a judged domain)", "judged 2 hosts, 2 guests and 1 other domain"]
    assert found["blocks"][0] == ["web-1: BROKEN", "    no-device: why"]
    assert found["counts"] == {"broken": 1, "degraded": 0, "unknown": 1, "ok": 1, "not_proven": 0}
    assert "web-3: OK" in said([row(3, "ok")], everyone=True)["told"]


def test_a_host_is_not_counted_as_a_guest():
    found = said([row(1, "ok"), host("kvm1"), host("kvm2")])
    assert found["counts"] == {"broken": 0, "degraded": 0, "unknown": 0, "ok": 1, "not_proven": 0}
    assert found["told"][-2] == "1 ok, 0 degraded, 0 broken, 0 unknown (2 hosts unknown)"


def test_what_is_left_out_is_counted_by_verdict_and_problem():
    told = said([row(number) for number in range(4)] + [row(5, "unknown")], max_results=2)["told"]
    assert told[-3] == "and 3 more (2 broken, 1 unknown; their problems: no-device 3). entropy_verify_max_results=0 lists them all"
    assert len(said([row(number) for number in range(4)], max_results=0)["told"]) == 10


def test_a_code_of_a_newer_collection_among_cached_facts_is_counted_like_any_other():
    newer = dict(row(1), problems=[{"code": "of-tomorrow"}, {"code": "no-vmgenid"}])
    assert "their problems: of-tomorrow 2)" in said([newer] * 3, max_results=1)["told"][-3]


def test_ten_thousand_long_rows_fit_into_an_event_of_ansible_runner():
    found = said([row(number, words="x" * 5000) for number in range(10000)], fail_on=["broken"], max_results=10000)
    assert _bounds.size(found["told"]) < _bounds.EVENT
    assert found["told"][-3].startswith("and 98") and found["told"][-2] == "0 ok, 0 degraded, 10000 broken, 0 unknown (%s)" % WITHOUT
    assert len(found["verdict_failure"]) < 2000


def test_the_job_fails_for_verdicts_that_are_not_allowed():
    rows = [row(1), row(2, "unknown"), row(3, "ok")]
    assert said(rows)["verdict_failure"] is None
    assert said(rows, fail_on=["broken", "degraded"])["verdict_failure"] == "1 of 3 guests is broken: web-1. See above for causes and remedies."
    failure = said([*rows, host("kvm1")], fail_on=["broken", "unknown"], max_unknown=0)["verdict_failure"]
    assert failure.startswith("2 of 3 guests are broken or unknown: web-1; web-2. ") and "1 of 2 hosts is unknown: kvm1." in failure


def test_hosts_and_guests_of_the_inventory_that_are_unknown_fail_the_job_beyond_the_number_that_is_allowed():
    rows = [row(2, "unknown"), row(3, "ok"), host("kvm1"), domain("else")]
    assert said(rows, max_unknown=ANY)["verdict_failure"] is None
    assert said(rows, max_unknown=2)["verdict_failure"] is None
    assert said(rows, max_unknown=1)["verdict_failure"] == (
        "2 hosts and guests are unknown, entropy_verify_max_unknown allows 1: host kvm1; web-2. See above for causes and remedies.")


def test_a_host_that_does_not_answer_is_unknown_although_its_domains_are_known_of_old():
    found = said([dict(domain("a"), links={"config": "unknown"}), row(1, "ok")], max_unknown=0)
    assert found["told"][-2] == "1 ok, 0 degraded, 0 broken, 1 unknown (1 host unknown; 1 host without a judged domain)"
    assert found["verdict_failure"].startswith("1 host or guest is unknown, entropy_verify_max_unknown allows 0: host kvm1. ")


def test_a_guest_that_is_off_is_unknown_and_no_failure():
    off = row(1, "unknown", domain="web", domain_state="shutoff", host="kvm1", links={"config": "ok"})
    assert said([off], max_unknown=0)["verdict_failure"] is None
    assert said([dict(off, links={"config": "unknown"})], max_unknown=0)["verdict_failure"]


def test_a_domain_of_nobody_fails_the_job_only_where_nothing_else_is_known():
    assert said([domain("a"), row(1, "ok")], max_unknown=0)["verdict_failure"] is None
    assert said([domain("a"), domain("b")], max_unknown=0)["verdict_failure"].startswith("Nothing is known of any of 2 guests: domain a on kvm1; ")
    assert said([domain("a"), domain("b")], max_unknown=2)["verdict_failure"] is None


def test_a_step_that_failed_fails_the_job_whatever_the_verdicts():
    assert said([row(1, "ok")], failed_steps=["kvm2"])["step_failure"] == "A step of this run failed on kvm2: see its error above."
    assert said([row(1, "ok")])["step_failure"] is None


def test_a_surveys_text_is_taken_for_numbers_and_lists():
    found = checked(dict(OPTIONS, max_age="3600", fail_on="broken, degraded", max_unknown="5", guests="web-1,web-2"))
    assert [checked(dict(OPTIONS, fail_on=text))["fail_on"] for text in ("", "[]", "['broken', degraded]")] == [[], [], ["broken", "degraded"]]
    assert (found["max_age"], found["fail_on"], found["max_unknown"], found["guests"]) == (3600, ["broken", "degraded"], 5, ["web-1", "web-2"])


def test_everything_that_is_wrong_is_one_error_that_names_each_and_the_nearest_word():
    with pytest.raises(EntropyError) as error:
        checked(dict(OPTIONS, max_age="soon", fail_on=["brokn"], max_unknown=-2, min_judged=-1, expect="foo", guests=7))
    assert str(error.value) == (
        "entropy_verify_max_age is 'soon', must be a whole number of seconds. "
        "entropy_verify_max_unknown is the number -2, must be a whole number of hosts and guests, or -1 for any number. "
        "entropy_verify_min_judged is the number -1, must be a whole number of hosts and guests, or 0 to allow none. "
        "entropy_verify_guests has the number 7, must be a list of inventory names, or text with commas. "
        "entropy_verify_fail_on has 'brokn', must be a list of some of broken, degraded, unknown, ok, or text with commas (did you mean broken?). "
        "entropy_verify_expect is 'foo', must be one of auto, host-only, guest-only")


def test_what_is_ok_and_not_proven_in_time_is_counted_and_said_in_the_last_line():
    found = said([dict(row(1, "ok"), links={"config": "ok", "in_time": "unknown"}), dict(row(2, "ok"), links={"config": "ok", "in_time": "ok"}), row(3)])
    assert found["counts"]["not_proven"] == 1
    assert found["told"][-2] == "2 ok, 0 degraded, 1 broken, 0 unknown (1 ok, but not proven in time; %s)" % WITHOUT


def test_ten_times_as_many_names_are_checked_in_ten_times_as_many_steps():
    class Name(str):
        compared = 0
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            Name.compared += 1
            return str.__eq__(self, other)

    assert len(checked(dict(OPTIONS, guests=[Name("web-%d" % number) for number in range(1000)]))["guests"]) == 1000
    assert Name.compared < 5000
