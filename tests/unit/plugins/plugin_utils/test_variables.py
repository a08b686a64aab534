# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables that no role knows, and values that none takes, are refused before anything is looked at; by the roles' real argument specifications."""

import re
from pathlib import Path

import pytest
from ansible_collections.kvm.entropy.plugins.action.check_variables import ROLES, known_options, wrong_value
from ansible_collections.kvm.entropy.plugins.plugin_utils._handover import HANDED_ON
from ansible_collections.kvm.entropy.plugins.plugin_utils._variables import OTHERS, refusal

HERE = "host kvm1"


def refused(own=(), **variables):
    return refusal({name: value if isinstance(value, dict) else {HERE: value} for name, value in variables.items()}, known_options(), own, wrong_value)


@pytest.mark.parametrize(("name", "nearest"), [
    ("entropy_host_excluded", "entropy_host_exclude"), ("entropy_host_domain", "entropy_host_domains"), ("entropy_verify_failon", "entropy_verify_fail_on"),
    ("entropy_domain_uid", "entropy_domain_uuid"), ("entropy_guest_group", "entropy_guests_group"), ("entropy_feeder_sources", "entropy_feeder_source")])
def test_an_unknown_name_is_refused_with_its_place_and_the_nearest_known_one(name, nearest):
    said = refused(**{name: ["web"]})
    assert said.startswith("%s (host kvm1) is no variable of this collection, the nearest is %s. " % (name, nearest))
    assert "Nothing was looked at and nothing was changed." in said and "entropy_own_variables" in said


def test_a_name_that_is_like_no_other_is_refused_without_a_guess():
    assert refused(entropy_zzzzzzzzzzzzzzzz=1).startswith("entropy_zzzzzzzzzzzzzzzz (host kvm1) is no variable of this collection. ")


def test_each_name_is_told_once_with_a_few_of_its_places():
    said = refused(entropy_host_excluded={"host kvm%d" % number: "x" for number in range(1, 1001)}, entropy_gest_early={"--extra-vars": True})
    assert said.count("entropy_host_excluded") == 1 and "(host kvm1, host kvm10, host kvm100 and 997 more)" in said
    assert "entropy_gest_early (--extra-vars) is no variable of this collection, the nearest is entropy_guest_early" in said


def test_a_users_own_variables_are_theirs():
    assert refused(["entropy_team", "entropy_site_*"], entropy_team=1, entropy_site_a=2) is None
    assert "entropy_teams" in refused(["entropy_team"], entropy_teams=1)


def test_every_option_and_every_variable_beside_them_is_known():
    assert refused(**dict.fromkeys([*OTHERS], "x")) is None
    assert len(known_options()) > 50


def test_what_one_job_of_a_workflow_hands_on_the_next_one_takes_as_extra_variables():
    assert refused(**{name: {"--extra-vars": "x"} for name in HANDED_ON}) is None


@pytest.mark.parametrize(("name", "value", "said"), [
    ("entropy_host_rate_bytes", "many", "is 'many', must be int"),
    ("entropy_guest_early", "maybe", "is 'maybe', must be bool"),
    ("entropy_host_state", "gone", "is 'gone', must be one of present, absent"),
    ("entropy_verify_health_bytes", 7, "is the number 7, must be 0 (no test) or 2500 to 1048576"),
    ("entropy_verify_health_timeout", "1000", "is '1000', must be 0.1 to 300 (s)"),
    ("entropy_verify_max_age", "soon", "is 'soon', must be a whole number of seconds"),
    ("entropy_verify_fail_on", "brokn", "has 'brokn', must be a list of some of broken, degraded, unknown, ok, or text with commas (did you mean broken?)"),
])
def test_a_value_that_no_role_takes_is_refused_with_what_may_be_there(name, value, said):
    assert refused(**{name: value}) == "%s (host kvm1) %s. Nothing was looked at and nothing was changed. Correct this in the inventory or the call." % (
        name, said)


@pytest.mark.parametrize(("name", "value"), [
    ("entropy_host_rate_bytes", "1024"), ("entropy_guest_early", "no"), ("entropy_host_domains", "web-1,web-2"), ("entropy_verify_health_bytes", "2500"),
    ("entropy_verify_max_age", "60"), ("entropy_verify_fail_on", "broken,unknown"), ("entropy_host_rate_bytes", "{{ rate }}"),
    ("entropy_host_exclude", ["{{ one }}"]), ("entropy_verify_fail_on", []),
    # Its own row says so.
    ("entropy_verify_expect", "nothing"), ("entropy_domain_uuid", "none")])
def test_a_value_that_a_role_takes_or_sees_filled_in_is_left_to_it(name, value):
    assert refused(**{name: value}) is None


def test_every_variable_that_a_role_has_a_default_for_is_known():
    defaults = {name for path in ROLES.glob("*/defaults/main.yml") for name in re.findall(r"^(entropy_\w+):", Path(path).read_text(), re.MULTILINE)}
    assert defaults and defaults <= set(known_options())
