# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles guest and feeder in a container, by Ansible itself in a PID namespace of its own on this machine: both refuse, or skip where that is asked for."""

import os
import subprocess
import sys

import pytest

NAMESPACE = ["unshare", "--fork", "--pid", "--mount-proc"]
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - include_tasks: each.yml
      loop: [guest, feeder]
      loop_control:
        loop_var: role
"""
EACH = """
- include_role:
    name: "kvm.entropy.{{ role }}"
  vars:
    entropy_guest_container: skip
    entropy_feeder_container: skip
- debug:
    msg: "after {{ role }}"
- block:
    - include_role:
        name: "kvm.entropy.{{ role }}"
    - fail:
        msg: not refused
  rescue:
    - debug:
        msg: "{{ role }} said: {{ ansible_failed_result.msg }}"
"""


def _has_namespaces():
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _has_namespaces(), reason="no PID namespace can be made here: it takes root")
def test_a_container_is_refused_or_skipped_unchanged(tmp_path):
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "each.yml").write_text(EACH)
    done = subprocess.run(
        [*NAMESPACE, "ansible-playbook", "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", "play.yml"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=0" in done.stdout
    assert done.stdout.count("localhost: skipped: this is a container (") == 2
    for role, words in (("guest", "Set entropy_guest_container to skip where containers are expected."),
                        ("feeder", "set entropy_feeder_container to skip where containers are expected.")):
        assert f"after {role}" in done.stdout
        assert f"{role} said: localhost: " in done.stdout and words in done.stdout
    assert "Nothing was changed" in done.stdout
