# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a job of ansible-runner, and so of AWX, keeps of ten thousand domains of one host. They are libvirt's test driver's, as defining them takes seconds."""

import uuid

import pytest
import runner
from runner import MOST

COUNT = 10000
DOMAIN = (
    "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><test:runstate>5</test:runstate>"
    "<name>customer-web-{number:05}</name><uuid>{uuid}</uuid><memory>65536</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>"
    "<devices><controller type='pci' index='0' model='pci-root'/></devices></domain>")

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: change
      kvm.entropy.virt_rng:
        uri: "{{ entropy_host_uri }}"
        domains: ["*"]
      diff: true
      register: changed
    - name: fail
      kvm.entropy.virt_rng:
        uri: "{{ entropy_host_uri }}"
        domains: ["*"]
        driver: {iommu: true}
        max_results: 10000
      diff: true
      ignore_errors: true
    - name: refuse
      kvm.entropy.virt_rng:
        uri: "{{ entropy_host_uri }}"
        domains: ["*"]
        max_changes: 9999
      ignore_errors: true
    - name: read
      kvm.entropy.virt_rng_info:
        uri: "{{ entropy_host_uri }}"
        max_results: 10000
    - name: look
      ansible.builtin.include_role:
        name: kvm.entropy.host
        tasks_from: look
    - name: tell
      ansible.builtin.include_role:
        name: kvm.entropy.host
        tasks_from: tell
      vars:
        __entropy_host_applied:
          domains: [{name: web-1, uuid: a, live: {result: restart_required, reason: why}}]
          summary: {restart_required: 1001}
    - name: everything
      kvm.entropy.virt_rng_info:
        uri: "{{ entropy_host_uri }}"
        max_results: 0
      register: everything
    - name: count
      ansible.builtin.assert:
        that: everything.domains | length == 10000
"""


LATER = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: cached
      ansible.builtin.set_fact:
        again: "{{ ansible_facts['entropy_domains'] }}"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A private data directory."""
    return tmp_path_factory.mktemp("job")


@pytest.fixture(scope="module")
def job(folder):
    """A job that has each module at work on ten thousand domains."""
    node = folder / "node.xml"
    node.write_text("<node>%s</node>" % "".join(DOMAIN.format(number=number, uuid=uuid.UUID(int=number + 1)) for number in range(COUNT)), encoding="utf-8")
    found = runner.run(folder, PLAY, {"entropy_host_uri": f"test://{node}"})
    assert found.status == 0, [event["stdout"][:2000] for event in found.events if event["event"] == "runner_on_failed"]
    return found


def whole(result):
    """Return whether the rows and what is left out of them are all that were meant."""
    return len(result["domains"]) + result["truncated"] == result["summary"]["matched"] == COUNT


def test_a_run_that_changes_all_keeps_its_result_with_the_diffs(job):
    result = job.result("change")
    assert result["changed"] is True and result["summary"]["changed"] == COUNT and whole(result)
    assert len(result["domains"]) == len(result["diff"]) == 500


def test_a_run_that_fails_everywhere_keeps_its_result_and_counts_all(job):
    event, result = job.ended("fail"), job.result("fail")
    assert event["event"] == "runner_on_failed" and result["changed"] is False
    assert result["summary"]["failed"] == COUNT and whole(result) and len(result["domains"]) > 500
    assert result["msg"].startswith("10000 of 10000 domains failed. domains customer-web-00000, ") and "and 9990 more: " in result["msg"]
    assert len(str(result)) <= MOST


def test_no_other_event_has_more_than_a_result_may(job):
    sizes = {(event["event"], event["event_data"]["task"]): len(str(event["event_data"])) for event in job.events if "task" in event["event_data"]}
    assert max(sizes.values()) < MOST, sizes


def test_too_many_changes_are_refused_in_few_words(job):
    result = job.result("refuse")
    assert result["msg"].startswith("10000 of 10000 domains would change, max_changes is 9999: nothing was changed (customer-web-00000, ")
    assert len(result["msg"]) < 1000


def test_rows_that_are_read_are_kept_as_far_as_they_fit(job):
    result = job.result("read")
    assert whole(result) and len(result["domains"]) > 1000


def test_a_look_and_its_fact_are_kept_with_every_domain_also_for_later_jobs(job, folder):
    later = runner.run(folder, LATER, {}, ident=2)
    assert "ansible_facts" not in job.result("Keep what the host knows of its domains"), "an event does not carry the fact a second time"
    for fact in (job.result("Look at the host's domains"), later.result("cached")["ansible_facts"]["again"]):
        (group,) = fact["groups"]
        assert len(group["domains"]) == COUNT and group["domains"][str(uuid.UUID(int=1))] == "customer-web-00000"
        assert group["config"] == [] and group["state"] == "shutoff"


def test_domains_that_wait_and_have_no_row_are_counted(job):
    assert job.result("Tell which domains wait")["msg"] == ["web-1: why", "localhost: 1000 more wait (kvm.entropy.virt_rng_info with only: drift names them)"]


def test_only_without_a_limit_an_event_loses_its_result_and_the_job_has_it_all_the_same(job):
    assert job.result("everything") == {}
    assert job.ended("count")["event"] == "runner_on_ok"
