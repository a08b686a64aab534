# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds while domains run, on generated hosts of a real daemon. See examples.py. Their guests stay in the firmware and answer no unplug."""

from collections import Counter

import pytest
from compared import is_same_outside_rng, meanings, meanings_of
from examples import examples
from foreseen import foreseen
from generated_fleets import fleets
from generated_options import options
from hypothesis import assume, given
from hypothesis import strategies as st
from told import assert_it_adds_up

STATES = ("running", "running", "paused", "transient", "shutoff")


# The test driver's domains do not run with anything.
pytestmark = pytest.mark.parametrize("fast_host", ["a real libvirt"], indirect=True)


@examples(16)
@given(fleets(states=STATES, sound=True), options(sound=True))
def test_what_is_predicted_is_done_in_order_and_once_and_nothing_else(fast_host, fleet, asked):
    fast_host.begin()
    assume(not fast_host.make(*[domain.made(fast_host.prefix) for domain in fleet]))
    before = fast_host.look()

    predicted = fast_host.predict(**asked)
    assert fast_host.look() == before
    result, writes = fast_host.do(**asked)
    after = fast_host.look()

    assert foreseen(predicted, result) == result
    assert_it_adds_up(result)
    for row in result["domains"]:
        name = row["name"]
        assert_the_rest_is_the_same(before[name], after[name])
        assert_it_is_what_there_is(row, after[name])
        done = [what for whom, what in writes if whom == name]
        while row["failed"] and done and done[-1] in ("attach", "detach"):
            done.pop()  # What failed is taken back, last.
        assert_definition_first_and_never_without(done, before[name], asked)
    assert_a_second_run_only_asks_again(fast_host, asked, result, after)
    assert_the_way_back_restores(fast_host, result, before)


@examples(4)
@given(fleets(most=2, states=STATES[:-1], sound=True), options(sound=True), st.integers(1, 4))
def test_a_run_that_was_killed_is_finished_by_the_next_to_the_same_end(fast_host, fleet, asked, after):
    ends = []
    for times in (0, after):
        fast_host.begin()
        assume(not fast_host.make(*[domain.made(fast_host.prefix) for domain in fleet]))
        if times:
            fast_host.kill(times, **asked)
        fast_host.rng(**asked)
        ends.append([(name.rpartition("-")[2], meanings(both["definition"]), meanings(both["running"]))
                     for name, both in sorted(fast_host.look().items())])
    assert ends[0] == ends[1]


@examples(2)
@given(fleets(most=1, states=["saved"], sound=True), options(sound=True))
def test_a_managed_save_is_told_and_stays(fast_host, fleet, asked):
    fast_host.begin()
    assume(not fast_host.make(*[domain.made(fast_host.prefix) for domain in fleet]))
    predicted = fast_host.predict(**asked)
    result = fast_host.rng(**asked)
    assert foreseen(predicted, result) == result
    row = result["domains"][0]
    assert row["managed_save"] and (not row["changed"] or "managed save" in row["reason"])
    assert fast_host.predict(**asked)["domains"][0]["managed_save"]


def assert_the_rest_is_the_same(before, after):
    for half in ("definition", "running"):
        assert before[half] == after[half] or is_same_outside_rng(before[half], after[half])


def assert_it_is_what_there_is(row, seen):
    for half, xml in (("config", "definition"), ("live", "running")):
        if row[half]:
            assert meanings_of(row[half]["after"]) == meanings(seen[xml])


def assert_definition_first_and_never_without(writes, before, asked):
    """A definition is written before what runs, and a guest that has a device keeps one, were it to answer at once, unless none is asked for."""
    assert writes == sorted(writes, key=lambda what: what in ("plug", "request_unplug"))
    if asked.get("state") == "absent" or asked.get("devices") == []:
        return
    has = Counter(definition=len(meanings(before["definition"])), running=len(meanings(before["running"])))
    had = Counter(has)
    for what in writes:
        half = "running" if what in ("plug", "request_unplug") else "definition"
        has[half] += 1 if what in ("plug", "attach") else -1
        assert has[half] >= min(1, had[half])


def assert_a_second_run_only_asks_again(fast_host, asked, first, after):
    """What a guest has not given back is asked for again, and what failed is tried again; nothing else is written."""
    second, writes = fast_host.do(**asked)
    now = fast_host.look()
    pending = {row["name"] for row in first["domains"] if row["live"] and row["live"]["result"] == "pending_unplug"}
    failed = {row["name"] for row in first["domains"] if row["failed"]}
    assert {name for name, what in writes if what == "request_unplug"} <= pending
    assert {name for name, what in writes if what != "request_unplug"} <= failed
    for row in second["domains"]:
        name = row["name"]
        assert row["name"] in pending or not row["changed"]
        assert now[name] == after[name] or name in failed and meanings(now[name]["definition"]) == meanings(after[name]["definition"])


def assert_the_way_back_restores(fast_host, result, before):
    """The definition becomes what it was; what runs would, were the guest to answer: nothing is plugged that is there already."""
    for row in result["domains"]:
        name = row["name"]
        if row["config"] and row["config"]["before"] != row["config"]["after"]:
            fast_host.rng(domains=[name], scope="config", managed_elsewhere="allow", devices=row["config"]["before"])
            assert meanings(fast_host.look()[name]["definition"]) == meanings(before[name]["definition"])
        if row["live"] and row["live"]["before"] != row["live"]["after"]:
            back, = fast_host.predict(domains=[name], scope="live", managed_elsewhere="allow", replace_live=True, confirmed=["*"],
                                      devices=row["live"]["before"])["domains"]
            assert back["live"]["result"] in ("done", "pending_unplug", "restart_required")
            if back["live"]["result"] == "done":
                assert meanings_of(back["live"]["after"]) == meanings(before[name]["running"])
