# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What processes that cannot credit, or of which that is not known, do to the facts and the verdict: nothing that they could wish for."""

import json

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from entropy_machines import codes, machine

FAKE = ["rngd", "-f", "-r", "/dev/urandom"]


def process(**changes):
    """Return a process (dict of ``_kernel_feeder.observe``) that can credit, with ``changes``."""
    return dict({"pid": 77, "name": "rngd", "arguments": ["rngd", "-f"], "own": [], "open": ["hwrng"], "state": "S", "uid": 0, "capable": True,
                 "namespace": "first", "program": "/usr/sbin/rngd", "program_fault": None}, **changes)


IMPOSTORS = [{"capable": False, "uid": 1000}, {"state": "Z"}, {"namespace": "other"}, {"program_fault": "others than root may write it"},
             {"capable": False, "namespace": None, "program": None, "open": None}]
HIDDEN = {"namespace": None, "program": None, "program_fault": None, "open": None}


def facts_with(*processes, name="trixie-fed", **changes):
    seen = machine(name, getrandom="ready", **changes)
    seen["processes"]["feeders"] = list(processes)
    return facts_of(seen)


@pytest.mark.parametrize("impostor", IMPOSTORS)
def test_one_that_cannot_credit_makes_nothing_broken(impostor):
    honest, facts = facts_with(), facts_with(process(arguments=FAKE, own=["/dev/urandom"], **impostor))
    assert (facts["verdict"], codes(facts), facts["links"]) == (honest["verdict"], codes(honest), honest["links"])
    (ignored,) = facts["feeder"].pop("ignored")
    assert ignored.startswith("rngd (pid 77, uid ")
    honest["feeder"].pop("ignored")
    assert facts["feeder"] == honest["feeder"]


@pytest.mark.parametrize("impostor", [*IMPOSTORS, HIDDEN])
def test_one_that_cannot_credit_feeds_nobody(impostor):
    facts = facts_with(process(**impostor), texts={"/sys/class/misc/hw_random/rng_quality": "0"})
    assert (codes(facts), facts["links"]["fed"], facts["verdict"]) == (["quality-zero"], "broken", "degraded")


@pytest.mark.parametrize("impostor", IMPOSTORS)
def test_one_that_cannot_credit_hides_no_feeder_that_died(impostor):
    assert codes(facts_with(process(**impostor), wanted={"rngd.service": None})) == ["feeder-dead"]


def test_a_status_of_one_that_cannot_credit_is_not_believed():
    status = json.dumps({"pid": 77, "state": "feeding", "why": "reads /run/x", "credited_bits": 256})
    facts = facts_with(process(name="entropy-feeder", capable=False),
                       texts={"/sys/class/misc/hw_random/rng_quality": "0", "/run/entropy-feeder/status.json": status})
    assert (codes(facts), facts["links"]["fed"]) == (["quality-zero"], "broken")


def test_one_that_cannot_be_seen_whole_is_unknown_with_the_reason():
    facts = facts_with(process(**HIDDEN), wanted={"rngd.service": None})
    feeder = facts["feeder"]
    assert (feeder["running"], feeder["useful"], feeder["dead"], codes(facts)) == ("unknown", "unknown", [], [])
    assert feeder["unproven"] == ["rngd (pid 77, uid 0): its user namespace and executable cannot be seen"]
    assert {"what": "feeder.running, feeder.fake, feeder.useful", "why": feeder["unproven"][0], "needs": "root"} in facts["unseen"]


def test_a_fake_source_of_one_that_cannot_be_seen_whole_is_neither_broken_nor_ok():
    assert facts_with()["verdict"] == "ok"
    facts = facts_with(process(arguments=FAKE, **HIDDEN))
    assert (facts["feeder"]["fake"], codes(facts), facts["links"]["fed"], facts["verdict"]) == ("unknown", ["needs-root"], "unknown", "unknown")
    facts = facts_with(process(arguments=FAKE, **HIDDEN), texts={"/sys/class/misc/hw_random/rng_quality": "0"})
    assert (facts["links"]["fed"], facts["verdict"]) == ("broken", "unknown")


def test_a_unit_of_the_system_is_not_a_users_process():
    unit = process(arguments=FAKE, unit="rngd.service", namespace=None, program=None)
    assert facts_with(unit)["feeder"]["fake"] == "/dev/urandom"
    assert facts_with(dict(unit, capable=None))["feeder"]["fake"] == "unknown"
    assert facts_with(dict(unit, capable=False))["feeder"]["fake"] is None


@pytest.mark.parametrize(("arguments", "code"), [(FAKE, "fake-source"), (["rngd", "-f"], "feeder-useless")])
def test_the_process_stands_in_the_evidence(arguments, code):
    facts = facts_with(process(arguments=arguments))
    (evidence,) = [each["evidence"] for each in facts["problems"] if each["code"] == code]
    assert evidence.startswith("rngd (pid 77, uid 0, /usr/sbin/rngd) runs")


def test_what_a_user_may_choose_is_listed_in_bounds_and_can_be_printed():
    path = "/srv/\x1b[31m\u202e\udc80\n" + "x" * 4000
    faults = ({"capable": False}, {"program_fault": "anyone may write its folder " + path})
    for fault in faults:
        facts = facts_with(*[process(pid=pid, uid=1000, program=path, **fault) for pid in range(100, 5000)])
        ignored = facts["feeder"]["ignored"]
        assert len(ignored) == 8 and all(line.isprintable() and len(line) < 600 for line in ignored)
        json.dumps(facts, ensure_ascii=False).encode("utf-8")
