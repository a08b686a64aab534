# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Of a machine's answer to entropy_facts only what the module returns reaches ansible-core."""

import json

import pytest
from ansible_collections.kvm.entropy.plugins.action.entropy_facts import kept, printable_answer, with_look

FACTS = {"entropy": {"schema": 1}}
DEEP = "[" * 100000 + "]" * 100000


@pytest.mark.parametrize("key", ["add_host", "add_group", "results", "skipped", "unreachable", "ansible_notify", "diff", "invocation"])
def test_what_the_module_does_not_say_is_not_kept(key):
    assert kept({"ansible_facts": FACTS, key: {"host_name": "pwned"}}) == {"ansible_facts": FACTS, "changed": False}


def test_an_answer_that_ansible_would_obey_is_a_failure_and_nothing_of_it_is_used():
    found = kept({"ansible_facts": FACTS, "ansible_stats": {"data": {"entropy_verdicts": {"ok": 1000}}}})
    assert found["failed"] and "the machine's answer has ansible_stats, which this module does not return" in found["msg"]
    assert set(found) == {"failed", "msg", "changed"}


@pytest.mark.parametrize("fact", ["entropy_domain_uuid", "entropy_domains", "distribution", "ansible_connection", "\x1b[2J"])
def test_an_answer_with_other_facts_is_a_failure(fact):
    found = kept({"ansible_facts": dict(FACTS, **{fact: "x"})})
    assert found["failed"] and "ansible_facts" not in found and found["msg"].isprintable()


def test_the_modules_own_fact_and_the_interpreter_are_kept():
    facts = dict(FACTS, discovered_interpreter_python="/usr/bin/python3")
    assert kept({"ansible_facts": facts})["ansible_facts"] == facts
    assert kept({"ansible_facts": "none"}) == {"changed": False}


def test_a_failure_keeps_its_words_and_its_status():
    answer = {"failed": True, "msg": "no such folder", "rc": 1, "module_stdout": "x" * 20000, "exception": "Traceback", "changed": "yes"}
    found = kept(answer)
    assert (found["failed"], found["msg"], found["rc"], found["exception"], found["changed"]) == (True, "no such folder", 1, "Traceback", False)
    assert len(found["module_stdout"]) == 10000
    assert kept({"failed": "yes", "msg": ["x"], "rc": "1"}) == {"failed": True, "changed": False}


def test_warnings_of_ansible_itself_are_kept_and_counted():
    assert kept({"warnings": ["one"], "deprecations": 7})["warnings"] == ["one"]
    assert len(kept({"warnings": ["x"] * 1000})["warnings"]) == 20


def test_what_a_machine_says_outside_of_its_facts_is_printable():
    found = kept({"msg": "\x1b[2J\u202eno", "module_stderr": "a\nb\x07", "warnings": ["\x1b[2J\nok: [good]", "x" * 5000, {"msg": "\x1b", "other": 1}],
                  "deprecations": [{"msg": "x", "removed": True}]})
    assert (found["msg"], found["module_stderr"]) == ("\\x1b[2J\\u202eno", "a\nb\\x07")
    assert found["warnings"][0] == "\\x1b[2J\\x0aok: [good]" and len(found["warnings"][1]) == 1000
    assert found["warnings"][2] == {"msg": "\\x1b"} and found["deprecations"] == [{"msg": "x"}]


@pytest.mark.parametrize("key", ["warnings", "deprecations", "warn\\u0069ngs"])
def test_what_ansible_prints_of_an_answer_while_it_reads_it_is_printable(key):
    answer = '{"changed": false, "%s": ["\\u001b[2J", {"__ansible_type": "WarningSummary", "event": {"msg": "\\u001b"}}, 7]}' % key
    found = printable_answer("motd\n%s\n\x1b[2J\nhonest: OK\n" % answer)
    assert json.loads(found)[key.replace("\\u0069", "i")] == ["\\x1b[2J", {"__ansible_type": "WarningSummary", "event": {"msg": "\\x1b"}}, 7]


def test_no_more_warnings_are_printed_while_an_answer_is_read_than_are_kept():
    assert len(json.loads(printable_answer(json.dumps({"warnings": ["x"] * 1000})))["warnings"]) == 20


def test_a_warning_that_is_nested_too_deep_hides_no_other():
    found = json.loads(printable_answer('{"warnings": ["\\u001b", %s]}' % ("[" * 500 + "7" + "]" * 500)))
    assert found["warnings"][0] == "\\x1b" and "7" not in str(found)


@pytest.mark.parametrize("text", ["", "sh: python3: not found\n", "{", DEEP, '{"changed": false}', '{"a": %s}' % DEEP])
def test_what_has_nothing_that_ansible_prints_stays_as_it_is(text):
    assert printable_answer(text) == text.rstrip("\n")


def test_a_record_that_ansible_makes_of_a_machines_text_is_printable_too():
    messages = pytest.importorskip("ansible.module_utils._internal._messages", reason="ansible-core before 2.19 makes none")
    event = messages.Event(msg="\x1b[2J", formatted_source_context="\x1b", help_text="\x1b")
    found = kept({"warnings": [messages.WarningSummary(event=event)], "deprecations": [messages.DeprecationSummary(event=event, version="\x1b9")]})
    assert found["warnings"] == ["\\x1b[2J"] and found["deprecations"] == [{"msg": "\\x1b[2J", "version": "\\x1b9"}]


def test_a_fact_too_large_for_an_event_is_told_by_its_size():
    assert kept({"ansible_facts": {"entropy": {"extra": ["x" * 1000] * 1000}}})["ansible_facts"]["entropy"].startswith("a value of 100")
    deep = []
    for _level in range(100000):
        deep = [deep]
    assert kept({"ansible_facts": {"entropy": deep}})["ansible_facts"] == {"entropy": "a value of no size (RecursionError)"}
    assert kept({"ansible_facts": dict(FACTS, discovered_interpreter_python="x" * 5000)})["ansible_facts"] == FACTS


def test_a_look_that_failed_leaves_its_reason_and_none_of_the_machines_facts():
    answer = kept({"failed": True, "msg": "MODULE FAILURE\nSee stdout/stderr for the exact error", "module_stderr": "sudo: a password is required\n",
                   "ansible_facts": dict(FACTS, discovered_interpreter_python="/usr/bin/python3")})
    found = with_look(answer, {}, 7)
    assert found["ansible_facts"] == {
        "discovered_interpreter_python": "/usr/bin/python3", "entropy_look": {"failed_at": 7, "reason": "sudo: a password is required"}}
    assert found["failed"] and found["msg"] == "sudo: a password is required"


def test_a_look_that_succeeds_takes_away_the_reason_of_one_that_failed():
    assert with_look(kept({"ansible_facts": FACTS}), {"entropy_look": {"reason": "x"}}, 7)["ansible_facts"] == dict(FACTS, entropy_look={})
    for before in ({}, {"entropy_look": {}}, None, "no facts"):
        assert with_look(kept({"ansible_facts": FACTS}), before, 7)["ansible_facts"] == FACTS


def test_a_machine_does_not_write_the_reason_itself():
    assert "entropy_look" in kept({"ansible_facts": dict(FACTS, entropy_look={})})["msg"]
