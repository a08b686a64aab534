# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the collection's playbooks as a user does, from the installed artifact, and read what they leave."""

import contextlib
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


@contextlib.contextmanager
def running_lab(folder, *guests):
    """Yield ``folder`` (Path) with a lab of these ``guests`` (str, as ``lab up --guest`` takes them), which runs meanwhile and is removed after that."""
    try:
        lab("up", "--dir", folder, *(word for guest in guests for word in ("--guest", guest)))
        yield folder
    finally:
        lab("down", "--dir", folder)


def one_guest(guest, folder):
    """Write an inventory with ``guest`` (lab.guest.Guest) alone into ``folder`` (Path) and return it (Path)."""
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"children": {"kvm_guests": {"hosts": {guest.name: {
        "ansible_host": "127.0.0.1", "ansible_port": guest.port, "ansible_user": "root", "ansible_ssh_private_key_file": str(guest.key),
        "ansible_ssh_common_args": " ".join(guest.ssh_options()), "ansible_python_interpreter": "/usr/bin/python3"}}}}}}), encoding="utf-8")
    return inventory


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

    def play_role(self, role, *words, **variables):
        """Run a role of the collection on all guests with ``variables`` and more words; return the Run, whose facts have the fact entropy."""
        playbook = self._folder / "play.yml"
        # The initramfs is another test's.
        variables = {"entropy_guest_early": False, **variables}
        playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [
            {"name": "Play the role", "ansible.builtin.include_role": {"name": f"kvm.entropy.{role}"}, "vars": variables},
            {"name": "Keep the facts", "ansible.builtin.set_fact": {
                "cacheable": True, "entropy": "{{ ansible_facts['entropy'] | default({}) }}", "choice": "{{ entropy_guest_choice | default({}) }}"}}]}]))
        return self.play(playbook, *words)

    def _facts(self):
        file = self._folder / "facts.json"
        done = self._ansible_playbook(LAB / "save_facts.yml", "-e", f"to={file}")
        assert done.returncode == 0, done.stdout
        return json.loads(file.read_text())

    def _ansible_playbook(self, *words):
        environment = dict(
            os.environ, ANSIBLE_CACHE_PLUGIN="jsonfile", ANSIBLE_CACHE_PLUGIN_CONNECTION=str(self._folder / "cache"), ANSIBLE_NOCOLOR="1",
            ANSIBLE_INJECT_FACT_VARS=os.environ.get("KVM_ENTROPY_INJECT", "False"), ANSIBLE_LOCALHOST_WARNING="False", ANSIBLE_CALLBACK_RESULT_FORMAT="json",
            ANSIBLE_PIPELINING=str(self._pipelining))
        return subprocess.run(
            ["ansible-playbook", "-i", self.inventory, *words],
            env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
