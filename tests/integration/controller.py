# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the collection's playbooks as a user does, from the installed artifact, and read what they leave."""

import json
import os
import re
import subprocess
from pathlib import Path

LAB = Path(__file__).resolve().parents[1] / "lab"
RECAP = re.compile(r"^(\S+)\s+: (ok=.*)$", re.MULTILINE)


def lab(*words):
    """Run the lab's command line; return what it prints."""
    return subprocess.run(["/usr/bin/python3", LAB, *words], check=True, text=True, stdout=subprocess.PIPE).stdout


class Run:
    """A playbook that has run: its ``status``, its ``output``, the counts of its recap by host, and the facts it cached."""

    def __init__(self, status, output, facts):
        self.status = status
        self.output = output
        self.counts = {host: {key: int(number) for key, number in (word.split("=") for word in counts.split())}
                       for host, counts in RECAP.findall(output)}
        self._facts = facts

    def facts(self, host):
        """Return the cached facts of ``host`` (dict)."""
        return self._facts()[host]


class Controller:
    """An Ansible controller with an inventory and a fact cache of its own; ``pipelining`` spares slow guests half of the work for each task."""

    def __init__(self, inventory, folder, pipelining=False):
        self.inventory = inventory
        self._pipelining = pipelining
        self._folder = Path(folder)

    def play(self, playbook, *words):
        """Run a playbook (a name or a path) with more words of ansible-playbook; return the Run."""
        done = self._ansible_playbook(playbook, *words)
        return Run(done.returncode, done.stdout, self._facts)

    def _facts(self):
        file = self._folder / "facts.json"
        done = self._ansible_playbook(LAB / "save_facts.yml", "-e", f"to={file}")
        assert done.returncode == 0, done.stdout
        return json.loads(file.read_text())

    def _ansible_playbook(self, *words):
        environment = dict(
            os.environ, ANSIBLE_CACHE_PLUGIN="jsonfile", ANSIBLE_CACHE_PLUGIN_CONNECTION=str(self._folder / "cache"), ANSIBLE_NOCOLOR="1",
            ANSIBLE_INJECT_FACT_VARS="False", ANSIBLE_LOCALHOST_WARNING="False", ANSIBLE_CALLBACK_RESULT_FORMAT="json",
            ANSIBLE_PIPELINING=str(self._pipelining))
        return subprocess.run(
            ["ansible-playbook", "-i", self.inventory, *words],
            env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
