# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A job of AWX that judges ten thousand guests by cached facts, none of which is ok: what its events and artifacts keep."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import runner
from runner import MOST

COUNT = 10000
CACHED_FLEET = Path(__file__).resolve().parents[1] / "cached_fleet.py"
# Of every ten, six are broken and four unknown.
KINDS = ("bare", "early reads", "undriven", "stale", "unseen")
PLAY = """
- hosts: localhost
  gather_facts: false
  roles: [kvm.entropy.verify]
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The job, with variables as a survey hands them on."""
    folder = tmp_path_factory.mktemp("judge")
    cache = folder / "artifacts/1/fact_cache"
    cache.mkdir(parents=True)
    (folder / "inventory").mkdir()
    environment = dict(os.environ, ANSIBLE_CACHE_PLUGIN="jsonfile", ANSIBLE_CACHE_PLUGIN_CONNECTION=str(cache))
    subprocess.run([sys.executable, CACHED_FLEET, folder / "inventory/fleet.json", str(COUNT), *KINDS], env=environment, check=True)
    survey = {"entropy_verify_fail_on": "broken,degraded", "entropy_verify_max_age": "86400", "entropy_verify_max_unknown": "3999"}
    return runner.run(folder, PLAY, survey)


def test_the_job_fails_and_its_artifacts_are_counts_and_a_bounded_number_of_names(job):
    assert job.status != 0
    (stats,) = [event for event in job.events if event["event"] == "playbook_on_stats"]
    data = stats["event_data"]["artifact_data"]
    assert data["entropy_verdicts"] == {"broken": 6000, "degraded": 0, "unknown": 4000, "ok": 0, "not_proven": 0}
    assert data["entropy_judged"] == {"hosts": 100, "guests": 10000, "hosts_left_out": 0, "guests_left_out": 0}
    assert data["entropy_limit"].startswith("web-00000.example.org,kvm000.example.org,web-00001.example.org,")
    assert (len(data["entropy_limit"].split(",")), len(data["entropy_broken"])) == (100, 100)
    assert len(str(data)) < 10000


def test_the_event_that_fails_names_the_first_and_why(job):
    (failed,) = [event for event in job.events if event["event"] == "runner_on_failed"]
    message = failed["event_data"]["res"]["msg"]
    assert message.startswith("6000 of 10000 guests are broken: web-00000.example.org (domain customer-web-00000 on kvm000.example.org); ")
    assert " and 5990 more" in message
    assert "4000 hosts and guests are unknown, entropy_verify_max_unknown allows 3999" in message


def test_what_is_told_is_in_the_events_as_lines_worst_first_with_a_count_of_the_rest(job):
    told = [line for event in job.events if event["event"] == "verbose" for line in event["stdout"].splitlines()]
    assert told[0].startswith("web-00000.example.org") and "BROKEN" in told[0]
    assert sum("[ host" in line for line in told) == 500
    assert told[-3].startswith("and 9500 more (5500 broken, 4000 unknown; their problems: not-ready 3667, ")
    assert told[-2:] == ["0 ok, 0 degraded, 6000 broken, 4000 unknown", "judged 100 hosts and 10000 guests"]


def test_no_event_is_emptied_and_none_carries_the_rows(job):
    sizes = {(event["event"], event["event_data"].get("task")): len(str(event["event_data"])) + len(event["stdout"]) for event in job.events}
    assert max(sizes.values()) < MOST, sizes
    assert len(job.result("Judge the chain of every guest").get("rows", "")) == 0
