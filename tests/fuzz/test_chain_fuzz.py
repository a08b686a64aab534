# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of guests and hosts into the judgement: whatever one machine reports, the others are judged as without it."""

import json

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _bounds
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import LINKS, VERDICTS
from ansible_collections.kvm.entropy.plugins.plugin_utils import _judgement
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain
from ansible_collections.kvm.entropy.plugins.plugin_utils._halves import guest_half, host_half
from ansible_collections.kvm.entropy.plugins.plugin_utils._handover import handover
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import Scope
from chain_halves import NOW, domain, host
from entropy_machines import machine
from examples import examples
from hypothesis import given
from hypothesis import strategies as some
from mutated import GONE, TEXTS, VALUES, mutations

DAY = 86400
OTHER = "11111111-84af-424b-91cf-7470bde43aa8"
HONEST = dict(facts_of(machine("trixie-fed")), gathered_at=NOW)
EVIL = dict(facts_of(machine("bullseye-early-reads")), gathered_at=NOW, domain_uuid=OTHER)
DOMAINS = [domain(uuid=HONEST["domain_uuid"]), domain(name="evil", uuid=OTHER)]
AGENT = {"links": dict.fromkeys(("live", "current", "fed", "ready", "in_time"), "ok"), "problems": [{"code": "no-device", "evidence": "so"}]}
EVIL_HOST = {"domains": {
    "schema": 2, "gathered_at": NOW, "uri": "qemu:///system",
    "groups": [dict({key: value for key, value in domain(name="db").items() if key not in ("name", "uuid")}, domains={OTHER[:-1] + "0": "db"})],
    "guests": [{"guest": AGENT, "guest_reason": None, "domains": {OTHER[:-1] + "0": "db"}}],
    "host": {"capacity": [{"backend": "random", "path": "/dev/urandom", "kind": "urandom", "unsafe": False, "delivered": None}]}},
    "entropy": HONEST, "expect": "auto"}


def judged(hosts, guests):
    """Return the row (dict) of the honest guest; every row must be whole, bounded and printable, and all that is said of them must fit."""
    rows = chain(hosts, guests, NOW, DAY)
    for row in rows:
        assert row["verdict"] in VERDICTS and set(row["links"]) == set(LINKS)
        assert len(row["text"]) <= 15 and all(line.isprintable() and len(line) < 5000 for line in row["text"])
        assert all(one["evidence"].isprintable() for one in row["problems"])
    assert len(json.dumps(rows)) < 100000
    scope = Scope(tuple(hosts), tuple(guests), 0, 0, None)
    said = _judgement.judgement(rows, {"fail_on": ["broken"], "max_unknown": 0, "max_results": 500}, scope, everyone=True)
    assert _bounds.size(handover(rows, said["counts"], scope, 100)) < _bounds.EVENT
    guests_judged = sum(said["counts"][verdict] for verdict in VERDICTS)
    assert guests_judged + sum(map(_judgement.is_host, rows)) == len(rows) and _bounds.size(said["told"]) < _bounds.EVENT
    (row,) = [row for row in rows if row["guest"] == "honest"]
    return {key: row[key] for key in ("domain", "host", "verdict", "links", "problems", "text")}


ALONE = judged({"kvm1": host(*DOMAINS)}, {"honest": {"entropy": HONEST}})


def test_the_honest_guest_alone_is_ok():
    assert (ALONE["verdict"], ALONE["domain"]) == ("ok", "web")


@examples(300)
@given(facts=some.one_of(VALUES, mutations(EVIL)))
def test_whatever_a_guest_reports_the_honest_guest_is_judged_as_without_it(facts):
    uuid = facts.get("domain_uuid") if isinstance(facts, dict) else None
    found = judged({"kvm1": host(*DOMAINS)}, {"honest": {"entropy": HONEST, "uuid": HONEST["domain_uuid"]}, "evil": {"entropy": facts}})
    assert found == ALONE, uuid


@examples(200)
@given(half=some.one_of(VALUES, mutations(EVIL_HOST)))
def test_whatever_a_host_reports_the_guests_of_another_host_are_judged_as_without_it(half):
    assert judged({"kvm1": host(*DOMAINS), "kvm2": half}, {"honest": {"entropy": HONEST}}) == ALONE


@examples(100)
@given(variables=some.dictionaries(
    some.sampled_from(["ansible_facts", "__entropy_verify_seen", "__entropy_host_seen", "__entropy_host_domains_seen"]), VALUES),
    own=some.dictionaries(some.sampled_from(["entropy_verify_expect", "entropy_domain_uuid"]), VALUES))
def test_whatever_is_in_the_variables_of_a_machine_it_has_a_row(variables, own):
    hosts = {"kvm1": host(*DOMAINS), "kvm2": host_half(variables, own, "auto")}
    assert judged(hosts, {"honest": {"entropy": HONEST}, "evil": guest_half(variables, own, "auto")}) == ALONE


@examples(100)
@given(options=some.dictionaries(
    some.sampled_from(["hosts", "guests", "expect", "max_age", "fail_on", "max_unknown", "min_judged", "max_results", "max_names"]), VALUES))
def test_whatever_the_options_of_judge_are_there_is_one_clear_error_or_none(options):
    from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
    whole = {"hosts": [], "guests": [], "expect": "auto", "max_age": DAY, "fail_on": [], "max_unknown": -1, "min_judged": 1, "max_results": 500,
             "max_names": 100, **options}
    try:
        _judgement.checked(whole)
    except EntropyError as error:
        assert str(error).startswith("entropy_verify_") and len(str(error)) < 5000


@pytest.mark.parametrize("name", ["filter", "feeder"])
@examples(100)
@given(facts=some.one_of(VALUES, mutations(EVIL)), wish=some.one_of(TEXTS, some.sampled_from(["auto", "always", "rngd"])), rngd=VALUES)
def test_whatever_the_filters_are_given_they_answer_or_say_what_is_wrong(name, facts, wish, rngd):
    from ansible.errors import AnsibleFilterError
    from ansible_collections.kvm.entropy.plugins.filter import chain as chain_filter
    from ansible_collections.kvm.entropy.plugins.filter import feeder as feeder_filter
    try:
        if name == "filter":
            chain_filter.judged_rows({"kvm1": facts}, {"web-1": facts}, now=rngd, max_age=rngd)
        else:
            feeder_filter.choice(facts, wish, rngd)
    except AnsibleFilterError as error:
        assert len(str(error)) < 5000


def test_a_mutation_changes_something():
    from mutated import changed
    assert changed({"a": [1]}, [(("a", 0), 2), (("a",), GONE), (("b", "c"), 1)]) == {}
