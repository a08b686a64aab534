# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every definition and whatever is asked: properties, tried on generated domains of a real daemon and
of libvirt's test driver. See examples.py."""

from collections import Counter

from compared import is_same_outside_rng, meanings, meanings_of
from examples import examples
from foreseen import foreseen
from generated_fleets import fleets
from generated_options import described, options
from generated_rngs import DRIVER
from hypothesis import assume, given
from hypothesis import strategies as st
from told import assert_it_adds_up


def made(fast_host, fleet):
    """Make the domains of a fleet, and no others; return their definitions ({name: str})."""
    fast_host.begin()
    assume(not fast_host.make(*[domain.made(fast_host.prefix) for domain in fleet]))
    return definitions(fast_host)


def definitions(fast_host):
    return {name: seen["definition"] for name, seen in fast_host.look().items()}


@examples(120)
@given(fleets(), options())
def test_check_mode_changes_nothing_and_predicts_what_the_run_does(fast_host, fleet, asked):
    before = made(fast_host, fleet)
    predicted = fast_host.predict(**asked)
    assert definitions(fast_host) == before
    result = fast_host.rng(**asked)
    assert foreseen(predicted, result) == result
    assert "domains" in result or result["failed"] and definitions(fast_host) == before


@examples(60)
@given(fleets(), options())
def test_a_second_run_changes_nothing(fast_host, fleet, asked):
    made(fast_host, fleet)
    first = fast_host.rng(**asked)
    after = definitions(fast_host)
    second, writes = fast_host.do(**asked)
    assert not second["changed"] if "domains" in first else second == first
    assert definitions(fast_host) == after
    assert {name for name, _what in writes} <= {row["name"] for row in first.get("domains", []) if row["failed"]}


@examples(60)
@given(fleets(most=2), options(sound=True), st.integers(1, 6))
def test_a_run_that_was_killed_is_finished_by_the_next_to_the_same_end(fast_host, fleet, asked, after):
    made(fast_host, fleet)
    uninterrupted = fast_host.rng(**asked)
    ends = {name.rpartition("-")[2]: meanings(xml) for name, xml in definitions(fast_host).items()}
    before = made(fast_host, fleet)
    fast_host.kill(after, **asked)
    result = fast_host.rng(**asked)
    assert {name.rpartition("-")[2]: meanings(xml) for name, xml in definitions(fast_host).items()} == ends
    assert all(is_same_outside_rng(before[name], xml) for name, xml in definitions(fast_host).items())
    assert result["summary"]["failed"] == uninterrupted["summary"]["failed"]
    assert not fast_host.rng(**asked)["changed"]


@examples(30)
@given(fleets(most=2), options(sound=True), st.integers(1, 6))
def test_a_run_that_was_killed_can_be_given_back(fast_host, fleet, asked, after):
    before = made(fast_host, fleet)
    rows = fast_host.predict(**asked)["domains"]
    fast_host.kill(after, **asked)
    for row in rows:
        if row["config"]:
            back = fast_host.rng(domains=[row["uuid"]], scope="config", managed_elsewhere="allow", devices=row["config"]["before"])
            assert not back.get("failed"), back
            assert meanings(definitions(fast_host)[row["name"]]) == meanings(before[row["name"]])


@examples(60)
@given(fleets(), options(sound=True))
def test_before_given_back_restores_the_start(fast_host, fleet, asked):
    before = made(fast_host, fleet)
    for row in fast_host.rng(**asked)["domains"]:
        if not row["changed"]:
            continue
        back = fast_host.rng(domains=[row["uuid"]], scope="config", managed_elsewhere="allow", devices=row["config"]["before"])
        name = row["name"]
        assert not back.get("failed"), back
        assert meanings(definitions(fast_host)[name]) == meanings(before[name])
        assert is_same_outside_rng(before[name], definitions(fast_host)[name])


@examples(60)
@given(fleets(), options())
def test_nothing_outside_rng_changes_and_what_is_refused_is_left_untouched(fast_host, fleet, asked):
    before = made(fast_host, fleet)
    result = fast_host.rng(exclude=["*-b"], **asked)
    rows = {row["name"]: row for row in result.get("domains", [])}
    for name, after in definitions(fast_host).items():
        assert is_same_outside_rng(before[name], after)
        if not rows.get(name, {}).get("changed"):
            assert after == before[name]


@examples(60)
@given(fleets(), options())
def test_what_is_told_adds_up_and_is_what_there_is(fast_host, fleet, asked):
    made(fast_host, fleet)
    result = fast_host.rng(**asked)
    assume("domains" in result)
    assert_it_adds_up(result)
    after = definitions(fast_host)
    for row in result["domains"]:
        if row["config"]:
            assert meanings_of(row["config"]["after"]) == meanings(after[row["name"]])


@examples(40)
@given(fleets(), options(), st.integers(1, 3))
def test_more_domains_than_max_changes_are_never_written_to(fast_host, fleet, asked, most):
    before = made(fast_host, fleet)
    changing = fast_host.predict(**asked).get("summary", {}).get("changed", 0)
    result, writes = fast_host.do(max_changes=most, **asked)
    if changing > most:
        assert f"{changing} of {len(fleet)} domains would change, max_changes is {most}: nothing was changed" in result["msg"]
        assert not writes and definitions(fast_host) == before
    else:
        assert "max_changes" not in result.get("msg", "")


@examples(30)
@given(fleets())
def test_absent_leaves_none(fast_host, fleet):
    made(fast_host, fleet)
    fast_host.rng(state="absent", managed_elsewhere="allow")
    assert all(meanings(xml) == [] for xml in definitions(fast_host).values())


@examples(60)
@given(fleets(), described(sound=True), st.booleans())
def test_present_takes_at_most_one_for_the_described_device_and_exclusive_all_others(fast_host, fleet, asked, alone):
    before = made(fast_host, fleet)
    result = fast_host.rng(managed_elsewhere="allow", exclusive=alone, **asked)
    after = definitions(fast_host)
    for row in result["domains"]:
        had, has = meanings(before[row["name"]]), meanings(after[row["name"]])
        if row["failed"]:
            assert after[row["name"]] == before[row["name"]]
            continue
        assert any(is_as(asked, device) for device in row["config"]["after"])
        gone, come = Counter(map(str, had)) - Counter(map(str, has)), Counter(map(str, has)) - Counter(map(str, had))
        assert come.total() <= 1
        assert len(has) == 1 if alone else gone.total() <= 1
        assert alone or asked.get("backend") == "egd" or not any("'egd'" in one for one in gone)
        assert alone or are_kept_where_not_asked(asked, **row["config"])


def are_kept_where_not_asked(asked, before, after, **_unused):
    """Return whether a device that came in the place of another one has its driver options, but for those that are ``asked`` for."""
    gone, come = [one for one in before if one not in after], [one for one in after if one not in before]
    return all(new["driver"].get(name) == old["driver"].get(name) for new, old in zip(come, gone, strict=False)
               for name in DRIVER if name not in asked.get("driver", {}))


def is_as(asked, device):
    """Return whether a device is as ``asked`` (options): defaults where nothing is said, of the driver only what is said."""
    wanted = {"backend": "random", "path": "/dev/urandom", "rate_bytes": 1024, "rate_period": 1000, "model": "virtio", **asked}
    driver = {name: value in (True, "yes") for name, value in asked.get("driver", {}).items()}
    return (
        device["backend"] == wanted["backend"] and device.get("path") in (None, wanted["path"]) and device["model"] == wanted["model"]
        and device["rate_bytes"] == int(wanted["rate_bytes"]) and (not device["rate_bytes"] or device["rate_period"] == int(wanted["rate_period"]))
        and all(device["driver"].get(name, False) == value for name, value in driver.items()))
