# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter kvm.entropy.feeder."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kvm.entropy.plugins.filter.feeder import FilterModule
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from faults.cases import record_of

feeder = FilterModule().filters()["feeder"]


def test_it_decides_by_the_facts_of_a_real_guest():
    facts = facts_of(record_of("quality-zero-later")["guests"]["guest"]["seen"])
    assert feeder(facts, rngd=5)["feeder"] == "python"
    assert feeder(facts_of(record_of("healthy-6.12")["guests"]["guest"]["seen"]))["feeder"] == "none"


def test_a_generation_is_a_number_also_where_it_came_as_a_text():
    facts = facts_of(record_of("quality-zero-later")["guests"]["guest"]["seen"])
    assert [feeder(facts, rngd=text)["feeder"] for text in ("5", "6")] == ["python", "rngd"]
    with pytest.raises(AnsibleFilterError, match="found rngd 'six', expected the generation"):
        feeder(facts, rngd="six")
    for value in (float("inf"), 10 ** 5000, -1, True, "\u0666", [6]):
        with pytest.raises(AnsibleFilterError, match="found rngd .{1,80}, expected the generation"):
            feeder(facts, rngd=value)


def guest(**feeder):
    """Return the facts of a real guest, with changes to those of its feeder."""
    facts = facts_of(record_of("two-feeders")["guests"]["again"]["seen"])
    facts["feeder"].update(feeder)
    return facts


def test_only_programs_that_the_role_knows_are_removed():
    found = feeder(guest(all=["../../x", "haveged", "{{ 7 * 7 }}", "rngd"]), remove_useless=True)
    assert found["remove"] == ["haveged", "rngd"]


def test_what_a_guest_says_is_shown_in_bounds_and_can_be_printed():
    reason = feeder(guest(needed=False, needed_evidence="\x1b[2J\u202e" + "x" * 4000))["reason"]
    assert reason.isprintable() and len(reason) <= 500


@pytest.mark.parametrize(("changes", "words"), [
    ({"all": "rngd"}, r"entropy\.feeder\.all: found 'rngd', expected a list"), ({"needed": "yes"}, r"entropy\.feeder\.needed: found 'yes', expected one of"),
    ({"needed_evidence": None}, r"entropy\.feeder\.needed_evidence: found null"), ({"needed_evidence": "x" * 10 ** 6}, "text of 1000000 characters")])
def test_facts_that_do_not_fit_are_one_clear_error(changes, words):
    with pytest.raises(AnsibleFilterError, match=words):
        feeder(guest(**changes))


@pytest.mark.parametrize(("facts", "wish", "found"), [({}, "auto", "expected the fact entropy"), ({"feeder": {}}, "sometimes", "found wish 'sometimes'")])
def test_wrong_input_is_one_clear_error(facts, wish, found):
    with pytest.raises(AnsibleFilterError, match=found):
        feeder(facts, wish)
