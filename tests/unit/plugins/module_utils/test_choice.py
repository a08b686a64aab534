# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which feeder a guest is to have: none unless its kernel has a source and does not feed itself, or somebody asks for one."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._choice import choose

UNFED = {"which": None, "all": [], "running": False, "needed": True, "needed_evidence": "virtio_rng.0 has quality 0", "useful": None}
FED = dict(UNFED, needed=False, needed_evidence="the kernel feeds itself")


def facts(feeder, **more):
    return {"container": None, "confidential": False, "fips": False, "kernel": {"generation": "rewritten"}, "feeder": feeder, **more}


@pytest.mark.parametrize(("feeder", "why"), [
    (FED, "feeds itself"), (dict(UNFED, needed="unknown", needed_evidence="hidden"), "not known whether one is needed: hidden")])
def test_a_kernel_that_feeds_itself_or_that_nobody_could_see_gets_none(feeder, why):
    choice = choose(facts(feeder), "auto", rngd=6)
    assert (choice.feeder, choice.applicable, choice.refused) == ("none", True, None)
    assert why in choice.reason


@pytest.mark.parametrize(("rngd", "generation", "feeder", "why"), [
    (6, "rewritten", "rngd", "quality 0"), (5, "old", "rngd", "quality 0"), (5, "rewritten", "python", "once and never again"),
    (None, "old", "python", "no package with rngd")])
def test_a_kernel_that_needs_one_gets_rngd_where_that_reseeds_it_and_else_the_python_feeder(rngd, generation, feeder, why):
    choice = choose(facts(UNFED, kernel={"generation": generation}), "auto", rngd=rngd)
    assert choice.feeder == feeder and why in choice.reason


@pytest.mark.parametrize("how", [{"running": True, "useful": True}, {"running": True, "useful": "unknown", "stuck": "it failed"}, {"running": False}])
def test_the_python_feeder_that_is_there_stays_where_one_is_needed_whatever_its_source_does(how):
    feeder = {**UNFED, "which": "entropy-feeder", "all": ["entropy-feeder"], **how}
    choice = choose(facts(feeder), "auto", rngd=6, remove_useless=True)
    assert (choice.feeder, choice.remove) == ("python", [])


@pytest.mark.parametrize(("fips", "feeder", "applicable"), [(False, "rngd", True), ("unknown", "rngd", True), (True, "none", False)])
def test_always_means_rngd_whatever_the_kernel_does_but_in_fips_mode(fips, feeder, applicable):
    there = dict(FED, all=["rngd"], useful=False)
    choice = choose(facts(there, fips=fips), "always", rngd=5, remove_useless=True)
    assert (choice.feeder, choice.applicable, choice.remove) == (feeder, applicable, [])


@pytest.mark.parametrize("wish", ["rngd", "always"])
def test_rngd_of_an_unknown_distribution_is_refused_with_what_to_set(wish):
    choice = choose(facts(FED), wish)
    assert choice.feeder == "none" and "entropy_guest_rngd" in choice.refused


@pytest.mark.parametrize("wish", ["auto", "none", "rngd", "python", "always"])
def test_a_container_is_refused_as_its_pool_is_its_hosts(wish):
    choice = choose(facts(UNFED, container="podman"), wish, rngd=6)
    assert choice.feeder == "none" and "podman" in choice.refused and "host" in choice.refused


def test_in_a_confidential_guest_the_host_is_given_credit_only_where_somebody_asks_for_it():
    choice = choose(facts(UNFED, confidential=True), "auto", rngd=6)
    assert choice.feeder == "none" and "quality 0; a confidential guest" in choice.reason
    assert choose(facts(UNFED, confidential=True), "python").feeder == "python"
    assert choose(facts(UNFED, confidential="unknown"), "auto", rngd=6).feeder == "rngd"


@pytest.mark.parametrize(("rngd", "needed", "removed"), [(5, True, ["haveged"]), (6, True, ["entropy-feeder", "haveged"]),
                                                         (5, False, ["entropy-feeder", "haveged"])])
def test_beside_an_rngd_that_a_policy_asks_for_the_one_that_feeds_the_kernel_stays(rngd, needed, removed):
    there = dict(UNFED, needed=needed, all=["entropy-feeder", "rngd", "haveged"], useful=needed)
    assert choose(facts(there), "always", rngd=rngd, remove_useless=True).remove == removed


@pytest.mark.parametrize(("wish", "useful", "remove_useless", "removed"), [
    ("auto", False, True, ["rngd", "haveged"]), ("auto", False, False, []), ("auto", "unknown", True, []), ("none", False, True, ["rngd", "haveged"]),
    ("rngd", False, True, ["haveged"]), ("python", False, True, ["rngd", "haveged"]), ("rngd", False, False, [])])
def test_what_adds_nothing_is_removed_on_demand_and_never_what_was_chosen(wish, useful, remove_useless, removed):
    feeder = dict(FED, which="rngd", all=["rngd", "haveged"], useful=useful)
    assert choose(facts(feeder), wish, rngd=5, remove_useless=remove_useless).remove == removed
