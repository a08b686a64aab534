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


@pytest.mark.parametrize(("facts", "wish", "found"), [({}, "auto", "expected the fact entropy"), ({"feeder": {}}, "sometimes", "found wish 'sometimes'")])
def test_wrong_input_is_one_clear_error(facts, wish, found):
    with pytest.raises(AnsibleFilterError, match=found):
        feeder(facts, wish)
