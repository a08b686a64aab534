# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest's facts into the choice of its feeder: one of the known, or one clear error, whatever the guest says."""

import json

from ansible.errors import AnsibleFilterError
from ansible_collections.kvm.entropy.plugins.filter.feeder import choice
from ansible_collections.kvm.entropy.plugins.module_utils._choice import NONE, PYTHON, RNGD, WISHES
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from entropy_machines import machine
from examples import examples
from hypothesis import given
from hypothesis import strategies as some
from mutated import VALUES, mutations

KNOWN = {"rngd", "haveged", "jitterentropy-rngd", "entropy-feeder"}
READ = ("container", "fips", "confidential", "kernel", "feeder")
GUESTS = [{key: facts_of(machine(name))[key] for key in READ} for name in ("forky-quality-zero", "trixie-fed", "bullseye-bare")]


@examples(400)
@given(some.one_of(VALUES, *map(mutations, GUESTS)),
       some.one_of(some.sampled_from(WISHES), VALUES), some.one_of(some.sampled_from([None, 2, 5, 6]), VALUES), some.booleans())
def test_whatever_a_guest_says_a_known_feeder_is_chosen_or_it_is_refused(facts, wish, rngd, remove):
    try:
        found = choice(facts, wish, rngd, remove)
    except AnsibleFilterError as error:
        assert len(str(error)) < 500 and str(error).isprintable()
        return
    assert found["feeder"] in (NONE, RNGD, PYTHON) and set(found["remove"]) <= KNOWN
    assert all(len(words) < 1500 and words.isprintable() for words in (found["reason"], found["refused"] or ""))
    json.dumps(found, ensure_ascii=False).encode("utf-8")
