# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data that adds up: the same fleet judged in one run and gathered in slices, and what is set for single hosts and guests."""

import json
import re
import uuid

import pytest
from controller import Controller
from virt_host import RNG, Host

LOCAL = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3"}
UNREACHABLE = dict(LOCAL, ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
NAMES = ("web-1", "web-2", "web-3", "web-4")
UUIDS = {name: str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in NAMES}
ROWS = """
- hosts: localhost
  gather_facts: false
  roles: [kvm.entropy.verify]
  tasks:
    - ansible.builtin.copy:
        content: "{{ __entropy_verify_rows | to_json }}"
        dest: "{{ rows_file }}"
        mode: "0600"
"""


@pytest.fixture(scope="module")
def host(daemon, tmp_path_factory):
    """A real libvirt with a domain for each guest: two run with their device, one is defined with it, one has none."""
    host = Host(daemon, tmp_path_factory.mktemp("slices"))
    for name in NAMES:
        host.define(name, "" if name == "web-4" else RNG, head=f"<uuid>{UUIDS[name]}</uuid>", start=name != "web-3")
    yield host
    host.clear()


def inventory(host, **guests):
    """Return an inventory (dict) of the host and the four guests, which all are this machine; ``guests`` has more variables of each (dict)."""
    hosts = {"kvm1": dict(LOCAL, entropy_host_uri=host.uri, entropy_host_install=False)}
    own = {name: dict(LOCAL, entropy_domain_uuid="{{ asset.uuid }}", asset={"uuid": UUIDS[name]}, **guests.get(name, {})) for name in NAMES}
    return {"ungrouped": {"hosts": {"localhost": LOCAL}}, "kvm_hosts": {"hosts": hosts}, "kvm_guests": {"hosts": own}}


def controller(folder, content):
    folder.mkdir(exist_ok=True)
    (folder / "inventory.json").write_text(json.dumps(content))
    return Controller(folder / "inventory.json", folder)


def rows(run_by, folder):
    """Return the rows (list of dict) that a job judges by what is in the cache, without what differs from time to time."""
    (folder / "rows.yml").write_text(ROWS)
    done = run_by.play(folder / "rows.yml", "-e", f"rows_file={folder}/rows.json", "-e", "entropy_verify_fail_on=[]", "-e", "entropy_verify_max_unknown=-1")
    assert done.status == 0, done.output
    found = json.loads((folder / "rows.json").read_text())
    return [{key: value for key, value in row.items() if key not in ("guest_age", "host_age")} for row in found]


def test_one_run_and_four_slices_with_one_cache_give_the_same_rows(host, tmp_path):
    whole, sliced = controller(tmp_path / "whole", inventory(host)), controller(tmp_path / "sliced", inventory(host))
    assert whole.play("kvm.entropy.audit").status == 0
    for part, others in (("kvm1,web-1", "0 hosts and 3 guests"), ("web-2", "1 host and 3 guests"), ("web-3", "1 host and 3 guests"), ("web-4", "1 host and")):
        run = sliced.play("kvm.entropy.audit", "--limit", part)
        # Each slice judges its own, with what the cache has of their host.
        assert run.status == 0 and f"; limit '{part}' leaves out {others}" in run.output, run.output
        assert set(re.findall(r"^(web-\d)[ :].*\[ host ok ", run.output, re.MULTILINE)) <= set(part.split(",")) or part == "kvm1,web-1", run.output
    found = rows(whole, tmp_path / "whole")
    assert {row["guest"]: row["host"] for row in found} == dict.fromkeys(NAMES, "kvm1")
    assert rows(sliced, tmp_path / "sliced") == found


def test_a_slice_that_was_not_gathered_is_unknown_and_the_others_are_judged(host, tmp_path):
    run_by = controller(tmp_path, inventory(host))
    assert run_by.play("kvm.entropy.audit", "--limit", "kvm1,web-1,web-2,web-3").status == 0
    found = {row["guest"]: row for row in rows(run_by, tmp_path)}
    assert {name for name in NAMES if "guest-not-seen" in [one["code"] for one in found[name]["problems"]]} == {"web-4"}
    assert found["web-4"]["links"]["ready"] == "unknown"
    assert found["web-1"]["links"]["ready"] == "ok"


def test_a_guest_that_no_longer_answers_is_unknown_although_its_facts_are_cached(host, tmp_path):
    assert controller(tmp_path, inventory(host)).play("kvm.entropy.audit").status == 0
    run = controller(tmp_path, inventory(host, **{"web-1": UNREACHABLE})).play("kvm.entropy.audit", "-v")
    (line,) = [line for line in run.output.splitlines() if line.startswith("web-1") and "[ host" in line]
    assert "UNKNOWN" in line and "host ok  config ok  live ok  current unknown  fed unknown  ready unknown" in line


def test_facts_that_are_too_old_are_stale_by_a_limit_of_the_survey(host, tmp_path):
    run_by = controller(tmp_path, inventory(host))
    assert run_by.play("kvm.entropy.audit").status == 0
    run = run_by.play("kvm.entropy.verify", "--limit", "localhost", "-e", "entropy_verify_max_age=0")
    assert run.output.count("stale: The facts are too old to judge by") >= 1, run.output
    assert "0 ok" in run.output and "unknown" in run.output


def test_what_is_expected_is_said_by_single_guests_and_by_a_group(host, tmp_path):
    fleet = inventory(host, **{"web-1": {"entropy_verify_expect": "host-only"}, "web-2": {"entropy_verify_expect": "{{ seen }}", "seen": "guest-only"}})
    fleet["no_login"] = {"hosts": {"web-3": {}}, "vars": {"entropy_verify_expect": "host-only"}}
    run_by = controller(tmp_path, fleet)
    assert run_by.play("kvm.entropy.audit").status == 0
    found = {row["guest"]: row["links"] for row in rows(run_by, tmp_path)}
    assert (found["web-1"]["config"], found["web-1"]["ready"]) == ("ok", "n/a")
    assert (found["web-2"]["config"], found["web-2"]["ready"]) == ("n/a", "ok")
    assert (found["web-3"]["config"], found["web-3"]["ready"]) == ("ok", "n/a")
    assert (found["web-4"]["config"], found["web-4"]["ready"]) == ("broken", "ok")


def test_a_variable_that_is_wrong_is_the_fault_of_its_own_row(host, tmp_path):
    wrong = {"web-1": {"entropy_verify_expect": "foo"}, "web-2": {"entropy_domain_uuid": "web-2"}, "web-3": {"entropy_domain_uuid": "{{ nothing }}"}}
    fleet = inventory(host, **{name: {} for name in NAMES})
    for name, variables in wrong.items():
        fleet["kvm_guests"]["hosts"][name].update(variables)
    run = controller(tmp_path, fleet).play("kvm.entropy.audit", "--limit", "localhost")
    assert run.status == 0, run.output
    assert "0 ok, 0 degraded, 0 broken, 4 unknown (1 host unknown)" in run.output
    assert run.output.count("bad-variable: ") == 3
    for words in ("entropy_verify_expect is 'foo', must be one of auto, host-only, guest-only",
                  "entropy_domain_uuid is 'web-2', must be the UUID",
                  "entropy_domain_uuid is '{{ nothing }}', which cannot be made of its variables"):
        assert words in run.output, run.output
