# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every definition and whatever is asked: properties, tried on generated domains of a real daemon. See examples.py."""

import pytest
from compared import is_same_outside_rng, meanings, meanings_of
from examples import examples
from fast_host import FastHost
from foreseen import foreseen
from generated_fleets import fleets
from generated_options import described, options
from hypothesis import assume, given
from hypothesis import strategies as st
from told import assert_it_adds_up
from unsafe import is_unsafe


@pytest.fixture(scope="module")
def host(daemon):
    with FastHost(daemon.uri) as fast:
        yield fast


def made(host, fleet):
    """Make the domains of a fleet, and no others; return their definitions ({name: str})."""
    host.begin()
    assume(not host.make(*[domain.made(host.prefix) for domain in fleet]))
    return definitions(host)


def definitions(host):
    return {name: seen["definition"] for name, seen in host.look().items()}


@examples(120)
@given(fleets(), options())
def test_check_mode_changes_nothing_and_predicts_what_the_run_does(host, fleet, asked):
    before = definitions_before = made(host, fleet)
    predicted = host.predict(**asked)
    assert definitions(host) == definitions_before
    result = host.rng(**asked)
    assert foreseen(predicted, result) == result
    if "domains" not in result:
        assert result["failed"] and definitions(host) == before


@examples(60)
@given(fleets(), options())
def test_a_second_run_changes_nothing(host, fleet, asked):
    made(host, fleet)
    first = host.rng(**asked)
    after = definitions(host)
    second, writes = host.do(**asked)
    assert not second["changed"] if "domains" in first else second == first
    assert definitions(host) == after
    assert {name for name, _what in writes} <= {row["name"] for row in first.get("domains", []) if row["failed"]}


@examples(60)
@given(fleets(), options(sound=True))
def test_before_given_back_restores_the_start(host, fleet, asked):
    before = made(host, fleet)
    for row in host.rng(**asked)["domains"]:
        if not row["changed"]:
            continue
        back = host.rng(domains=[row["uuid"]], scope="config", managed_elsewhere="allow", devices=row["config"]["before"])
        name = row["name"]
        if back.get("failed"):
            assert is_unsafe(row["config"]["before"], back["msg"]), back
        else:
            assert meanings(definitions(host)[name]) == meanings(before[name])
            assert is_same_outside_rng(before[name], definitions(host)[name])


@examples(60)
@given(fleets(), options())
def test_nothing_outside_rng_changes_and_what_is_refused_is_left_untouched(host, fleet, asked):
    before = made(host, fleet)
    result = host.rng(exclude=["*-b"], **asked)
    rows = {row["name"]: row for row in result.get("domains", [])}
    for name, after in definitions(host).items():
        assert is_same_outside_rng(before[name], after)
        if not rows.get(name, {}).get("changed"):
            assert after == before[name]


@examples(60)
@given(fleets(), options())
def test_what_is_told_adds_up_and_is_what_there_is(host, fleet, asked):
    made(host, fleet)
    result = host.rng(**asked)
    assume("domains" in result)
    assert_it_adds_up(result)
    after = definitions(host)
    for row in result["domains"]:
        if row["config"]:
            assert meanings_of(row["config"]["after"]) == meanings(after[row["name"]])


@examples(40)
@given(fleets(), options(), st.integers(1, 3))
def test_more_domains_than_max_changes_are_never_written_to(host, fleet, asked, most):
    before = made(host, fleet)
    changing = host.predict(**asked).get("summary", {}).get("changed", 0)
    result, writes = host.do(max_changes=most, **asked)
    if changing > most:
        assert f"{changing} of {len(fleet)} domains would change, max_changes is {most}: nothing was changed" in result["msg"]
        assert not writes and definitions(host) == before
    else:
        assert "max_changes" not in result.get("msg", "")


@examples(30)
@given(fleets())
def test_absent_leaves_none(host, fleet):
    made(host, fleet)
    host.rng(state="absent", managed_elsewhere="allow")
    assert all(meanings(xml) == [] for xml in definitions(host).values())


@examples(60)
@given(fleets(), described(sound=True), st.booleans())
def test_present_leaves_the_described_device_and_exclusive_no_other(host, fleet, asked, alone):
    before = made(host, fleet)
    result = host.rng(managed_elsewhere="allow", exclusive=alone, **asked)
    after = definitions(host)
    for row in result["domains"]:
        found = meanings(after[row["name"]])
        if row["failed"]:
            assert after[row["name"]] == before[row["name"]]
        else:
            assert any(is_as(asked, device) for device in row["config"]["after"])
            assert len(found) == 1 or not alone
            assert len(found) - len(meanings(before[row["name"]])) <= 1


def is_as(asked, device):
    """Return whether a device is as ``asked`` (options): defaults where nothing is said, of the driver only what is said."""
    wanted = {"backend": "random", "path": "/dev/urandom", "rate_bytes": 1024, "rate_period": 1000, "model": "virtio", **asked}
    driver = {name: value in (True, "yes") for name, value in asked.get("driver", {}).items()}
    return (
        device["backend"] == wanted["backend"] and device.get("path") in (None, wanted["path"]) and device["model"] == wanted["model"]
        and device["rate_bytes"] == int(wanted["rate_bytes"]) and (not device["rate_bytes"] or device["rate_period"] == int(wanted["rate_period"]))
        and all(device["driver"].get(name, False) == value for name, value in driver.items()))
