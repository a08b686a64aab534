# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long one virt_rng task takes for many domains, beside libvirt's own time for the same calls, virt-xml and community.libvirt.

    PYTHONPATH=COLLECTIONS python tests/bench/virt_rng.py [--domains 1000] [--repeat 3] [--peer VENV/bin/ansible-playbook]

All in one run, on a private daemon. The fixed cost of a task is the same task with a glob that matches nothing, and is subtracted.
The raw loop counts from after its import and connection. What is compared is measured side by side, so that a machine whose load
changes spoils little, and of all repetitions the median ratio counts.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).absolute().parents[1]
sys.path.insert(0, str(TESTS))

from lab.daemon import Daemon  # noqa: E402

SYSTEM_PYTHON = "/usr/bin/python3"
COLLECTIONS = Path(importlib.util.find_spec("ansible_collections.kvm.entropy").submodule_search_locations[0]).parents[2]
ELEMENT = "<rng model='virtio'><rate bytes='1024' period='1000'/><backend model='random'>/dev/urandom</backend></rng>"

RAW = f'''
import sys, time, uuid, libvirt
uri, what, count = sys.argv[1:]
element = """{ELEMENT}"""
connection = libvirt.open(uri)
begun = time.monotonic()
if what == "define":
    for number in range(int(count)):
        connection.defineXML(
            "<domain type='qemu'><name>bench-%05d</name><uuid>%s</uuid><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
            "<features><acpi/></features><devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>" % (number, uuid.UUID(int=number + 1)))
else:
    for domain in connection.listAllDomains(0):
        xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        if what == "add":
            domain.attachDeviceFlags(element, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
print(time.monotonic() - begun)
'''

OURS = """
- hosts: localhost
  gather_facts: false
  tasks:
    - kvm.entropy.virt_rng:
        uri: "{{ uri }}"
        domains: ["{{ pattern }}"]
      register: result
    - ansible.builtin.assert:
        that: [result.summary.changed == changes | int, result.summary.failed == 0]
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


class Bench:
    """Times each way on the daemon at ``uri``; playbooks and arguments are kept in ``folder``."""

    def __init__(self, uri, folder, count):
        self.uri = uri
        self.count = count
        self.folder = Path(folder)

    def raw(self, what):
        """Return the seconds that a loop of plain libvirt calls takes: "define" (all as they were at first), "add" or "read"."""
        done = subprocess.run([SYSTEM_PYTHON, "-c", RAW, self.uri, what, str(self.count)], capture_output=True, text=True, check=True)
        return float(done.stdout)

    def task(self, pattern, changes, check=False):
        """Return the seconds that ansible-playbook takes for one virt_rng task that changes as many domains."""
        return self._playbook(Path(sys.executable).parent / "ansible-playbook", OURS, {"pattern": pattern, "changes": changes},
                              *(["--check"] if check else []))

    def module(self, pattern, _changes, check=False):
        """Return the seconds that the module's process takes, without Ansible around it."""
        import ansible
        root = self.folder / "python"
        root.mkdir(exist_ok=True)
        if not (root / "ansible").exists():
            (root / "ansible").symlink_to(Path(ansible.__file__).parent)
        arguments = self.folder / "arguments.json"
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {"uri": self.uri, "domains": [pattern], "_ansible_check_mode": check}}), encoding="utf-8")
        module = COLLECTIONS / "ansible_collections/kvm/entropy/plugins/modules/virt_rng.py"
        return self._timed([SYSTEM_PYTHON, module, arguments], PYTHONPATH=os.pathsep.join([str(root), str(COLLECTIONS)]))

    def virt_xml(self, names):
        """Return the seconds that virt-xml takes per domain."""
        return self._timed(["sh", "-c", 'for name; do virt-xml --connect "$URI" "$name" --add-device --rng /dev/urandom,rate.bytes=1024,'
                            'rate.period=1000 >/dev/null || exit 1; done', "sh", *names], URI=self.uri) / len(names)

    def peer(self, playbook, names):
        """Return the seconds that a community.libvirt loop takes per domain."""
        empty, full = (self._playbook(playbook, PEER, {"names": some, "element": ELEMENT}) for some in ([], names))
        return (full - empty) / len(names)

    def _playbook(self, program, text, variables, *words):
        playbook = self.folder / "playbook.yml"
        playbook.write_text(text, encoding="utf-8")
        variables = dict(variables, uri=self.uri, ansible_python_interpreter=SYSTEM_PYTHON, ansible_connection="local")
        return self._timed(
            [program, "-i", "localhost,", "-e", json.dumps(variables), *words, playbook], ANSIBLE_HOME=str(self.folder / "ansible"),
            ANSIBLE_LOCALHOST_WARNING="false", **({} if text is PEER else {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)}))

    def _timed(self, command, **environment):
        begun = time.monotonic()
        done = subprocess.run([str(word) for word in command], env=dict(os.environ, **environment), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{command[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return time.monotonic() - begun


def measure(bench, repeat):
    """Return {(way, program): [(raw, net, fixed) in seconds, one per repetition]}; every change begins with the same definitions."""
    times = {}
    for _repetition in range(repeat):
        for what, raw in (("check", "read"), ("add", "add"), ("again", "read")):
            for program in (bench.task, bench.module):
                if what != "again":
                    bench.raw("define")
                seconds = bench.raw(raw)
                if what == "add":
                    bench.raw("define")
                fixed = program("nothing-*", 0)
                whole = program("*", 0 if what == "again" else bench.count, check=what == "check")
                times.setdefault((what, program.__name__), []).append((seconds, whole - fixed, fixed))
                print(f"  {what}, {program.__name__}: raw {seconds:.3f}, fixed {fixed:.3f}, whole {whole:.3f} s", file=sys.stderr, flush=True)
    bench.raw("define")
    return times


def report(times, count, per_domain):
    """Print the table."""
    print(f"\n{count} domains defined, shut off; medians of {len(times['add', 'task'])}, seconds; the fixed cost of a task is subtracted")
    print(f"{'':44}{'raw libvirt':>12}{'virt_rng':>10}{'ratio':>8}")
    for title, what in (("converge", "add"), ("again, nothing to change", "again"), ("check mode", "check")):
        for program, name in (("task", "ansible-playbook"), ("module", "module's process")):
            pairs = times[what, program]
            raw, net, ratio = (statistics.median(values) for values in zip(*((raw, net, net / raw) for raw, net, _fixed in pairs), strict=True))
            print(f"{f'{title} ({name})':44}{raw:>12.3f}{net:>10.3f}{ratio:>8.2f}")
    for program, name in (("task", "ansible-playbook"), ("module", "the module's process in it")):
        print(f"fixed cost of {name}: {statistics.median(fixed for _raw, _net, fixed in times['add', program]):.2f} s")
    ours = statistics.median(net for _raw, net, _fixed in times["add", "task"]) / count
    for name, (seconds, sample) in per_domain.items():
        print(f"{name}: {seconds * 1000:.0f} ms per domain ({sample} of them), {seconds / ours:.0f} times virt_rng's {ours * 1000:.2f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--domains", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer", type=Path, help="ansible-playbook of an environment with PyPI's package ansible, for community.libvirt")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Daemon(Path(folder) / "lab") as daemon:
        bench = Bench(daemon.uri, folder, options.domains)
        times = measure(bench, options.repeat)
        names = [f"bench-{number:05}" for number in range(30)]
        per_domain = {"virt-xml": (bench.virt_xml(names[:10]), 10)}
        if options.peer:
            per_domain["community.libvirt loop"] = (bench.peer(options.peer, names[10:]), 20)
        else:
            print("community.libvirt is not measured: give its ansible-playbook with --peer", file=sys.stderr)
    report(times, options.domains, per_domain)


if __name__ == "__main__":
    main()
