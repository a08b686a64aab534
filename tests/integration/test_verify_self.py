# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role verify's entry point self, as a role's own verify step includes it: this machine, judged by its own sight, in an inventory without groups."""

import json
import re

import pytest
from controller import Controller

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Prove that this machine is fine
      ansible.builtin.include_role:
        name: kvm.entropy.verify
        tasks_from: self
    - name: Go on
      ansible.builtin.debug:
        msg: "{{ inventory_hostname }} is fine"
"""
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
EVERY = ["ok", "degraded", "broken", "unknown"]
NONE = {"entropy_verify_fail_on": [], "entropy_verify_max_unknown": -1}


@pytest.fixture
def play(tmp_path):
    """Return a function that plays PLAY over machines (dict: name to variables), all of them this one."""
    (tmp_path / "verify.yml").write_text(PLAY)

    def run(machines, *words):
        hosts = {name: LOCAL | more for name, more in machines.items()}
        (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
        return Controller(tmp_path / "inventory.json", tmp_path).play(str(tmp_path / "verify.yml"), *words)
    return run


def test_a_verdict_that_is_not_allowed_fails_that_machine_with_its_line_and_no_other(play):
    run = play({"one": {"entropy_verify_fail_on": EVERY}, "two": NONE})
    assert run.status == 2, run.output
    assert re.search(r'fatal: \[one\].*"msg": "one: [A-Z]+  \[ host n/a  config n/a  live ', run.output), run.output
    assert "two is fine" in run.output and "one is fine" not in run.output
    assert "judged 0 hosts and 1 guest" in run.output


def test_check_mode_fails_for_no_verdict(play):
    run = play({"one": {"entropy_verify_fail_on": EVERY}}, "--check")
    assert run.status == 0 and "one is fine" in run.output, run.output


def test_a_wrong_value_is_named(play):
    run = play({"one": {"entropy_verify_fail_on": "brokn"}})
    assert run.status == 2 and "entropy_verify_fail_on has 'brokn'" in run.output and "did you mean broken?" in run.output, run.output
