# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter chain takes what playbooks give it, and says what is wrong with it."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kvm.entropy.plugins.filter.chain import FilterModule

chain = FilterModule().filters()["chain"]


def test_nothing_in_nothing_out():
    assert chain({}, {}, now=0) == []


def test_numbers_may_come_as_strings_from_a_survey():
    assert chain({}, {"g": None}, now="5", max_age="3")[0]["verdict"] == "unknown"


@pytest.mark.parametrize("hosts, guests", [([], {}), ({}, ["web-1"])])
def test_a_list_instead_of_a_dictionary_is_named(hosts, guests):
    with pytest.raises(AnsibleFilterError, match="must be a dictionary from names to halves, found a list of 0|found a list of 1"):
        chain(hosts, guests, now=0)


def test_an_unknown_expectation_is_the_fault_of_its_own_row():
    (row,) = chain({}, {"web-1": {"expect": "both"}}, now=0)
    assert row["verdict"] == "unknown"
    assert row["problems"][0]["evidence"] == "entropy_verify_expect is 'both', must be one of auto, host-only, guest-only"
