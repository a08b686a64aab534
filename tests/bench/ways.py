# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to give many domains their device, each timed from outside: the raw loop, a task of this collection, virt-xml, a community.libvirt loop."""

import collections
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

RAW = Path(__file__).with_name("raw.py")
SYSTEM_PYTHON = "/usr/bin/python3"
COLLECTIONS = Path(importlib.util.find_spec("ansible_collections.kvm.entropy").submodule_search_locations[0]).parents[2]

# Stands for the interpreter of a task's module, and notes the CPU time (s) of its process and its peak memory (KiB).
MEASURING = """#!/usr/bin/python3
import json, resource, subprocess, sys
done = subprocess.run(["/usr/bin/python3", *sys.argv[1:]])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open("{noted}", "w") as file:
    json.dump([used.ru_utime + used.ru_stime, used.ru_maxrss], file)
sys.exit(done.returncode)
"""

OURS = """
- hosts: localhost
  gather_facts: false
  tasks:
    - kvm.entropy.{module}: {options}
      register: result
    - ansible.builtin.assert:
        that: ["result.summary.{counted} == {expected}", "result.summary.failed == 0"]
"""

PEER = """
- hosts: localhost
  gather_facts: false
  tasks:
    - community.libvirt.virt:
        uri: "{{ uri }}"
        command: get_xml
        name: "{{ item }}"
      loop: "{{ names }}"
      register: read
    - community.libvirt.virt:
        uri: "{{ uri }}"
        command: define
        xml: "{{ item.get_xml | regex_replace('</devices>', element ~ '</devices>') }}"
      loop: "{{ read.results }}"
      loop_control: {label: "{{ item.item }}"}
      when: "'<rng' not in item.get_xml"
"""
ELEMENT = "<rng model='virtio'><rate bytes='1024' period='1000'/><backend model='random'>/dev/urandom</backend></rng>"


# What one way took: seconds, CPU seconds of its process that talks to libvirt and of the daemon together, peak memory of the former (MiB).
Used = collections.namedtuple("Used", "seconds cpu peak")


class Ways:
    """The ways on ``daemon`` (lab.daemon.Daemon) with ``count`` domains; playbooks and what Ansible writes are kept in ``folder``."""

    def __init__(self, daemon, folder, count):
        self.uri = daemon.uri
        self._stat = Path(f"/proc/{daemon.pid}/stat")
        self.count = count
        self._folder = Path(folder)
        self._folder.mkdir(exist_ok=True)
        self._noted = self._folder / "noted"
        self._interpreter = self._folder / "python3"
        self._interpreter.write_text(MEASURING.format(noted=self._noted), encoding="utf-8")
        self._interpreter.chmod(0o755)

    def raw(self, what):
        """Return what the raw loop (define, add, read or remove) Used."""
        words = [str(self.count)] if what == "define" else []
        before = self._daemon_cpu()
        done = subprocess.run([SYSTEM_PYTHON, RAW, self.uri, what, *words], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        return Used(found["seconds"], found["cpu"] + self._daemon_cpu() - before, found["peak"] / 1024)

    def task(self, module, counted, *words, **options):
        """Return what one task on all domains Used: the seconds of ansible-playbook, the rest of the module's process.

        ``counted`` (a part of its summary) must be all of them.
        """
        options = json.dumps(dict({"uri": self.uri, "domains": ["*"]}, **options))
        play = OURS.format(module=module, options=options, counted=counted, expected=self.count)
        before = self._daemon_cpu()
        seconds = self._playbook(Path(sys.executable).parent / "ansible-playbook", play, {}, *words, ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS))
        cpu, peak = json.loads(self._noted.read_text())
        return Used(seconds, cpu + self._daemon_cpu() - before, peak / 1024)

    def _daemon_cpu(self):
        """Return the CPU seconds that the daemon has used until now (utime and stime of proc_pid_stat(5))."""
        ticks = self._stat.read_text().rpartition(") ")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def virt_xml(self, names):
        """Return the seconds that virt-xml takes per domain."""
        return self._timed(["sh", "-c", 'for name; do virt-xml --connect "$URI" "$name" --add-device --rng /dev/urandom,rate.bytes=1024,'
                            'rate.period=1000 >/dev/null || exit 1; done', "sh", *names], URI=self.uri) / len(names)

    def peer(self, playbook, names):
        """Return the seconds that a community.libvirt loop takes per domain."""
        empty, full = (self._playbook(playbook, PEER, {"names": some, "element": ELEMENT, "uri": self.uri}) for some in ([], names))
        return (full - empty) / len(names)

    def _playbook(self, program, text, variables, *words, **environment):
        playbook = self._folder / "playbook.yml"
        playbook.write_text(text, encoding="utf-8")
        variables = dict(variables, ansible_python_interpreter=str(self._interpreter), ansible_connection="local")
        return self._timed([program, "-i", "localhost,", "-e", json.dumps(variables), *words, playbook],
                           ANSIBLE_HOME=str(self._folder / "ansible"), ANSIBLE_LOCALHOST_WARNING="false", **environment)

    def _timed(self, command, **environment):
        begun = time.monotonic()
        done = subprocess.run([str(word) for word in command], env=dict(os.environ, **environment), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{command[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return time.monotonic() - begun
