# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long entropy_facts takes beside ansible.builtin.ping, measured side by side.

    PYTHONPATH=COLLECTIONS ANSIBLE_COLLECTIONS_PATH=COLLECTIONS python tests/bench/entropy_facts.py [--inventory FILE --host NAME] [--repeat 10]

Tasks of both kinds take turns in one play, so that a machine whose load changes spoils neither; the median of the ratios of neighbours counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

AIM = 1.2
MODULES = ("ansible.builtin.ping", "kvm.entropy.entropy_facts")


def main():
    """Measure and print; return 1 where the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inventory", default="localhost,", help="default: this machine, without SSH")
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--repeat", type=int, default=10)
    options = parser.parse_args()
    seconds = _measure(options)
    ratios = [ours / ping for ping, ours in zip(seconds[MODULES[0]], seconds[MODULES[1]], strict=True)]
    for module in MODULES:
        print("%-28s %6.0f ms (median of %d)" % (module, 1000 * statistics.median(seconds[module]), len(ratios)))
    ratio = statistics.median(ratios)
    print("%-28s %6.2f (aim: at most %.1f)" % ("ratio", ratio, AIM))
    return int(ratio > AIM)


def _measure(options):
    """Return the dict: module to the seconds (list of float) that each of its tasks took, without the first, which fills caches."""
    tasks = [{"name": module, module: {}} for _again in range(options.repeat + 1) for module in MODULES]
    connection = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"} if options.host == "localhost" else {}
    with tempfile.TemporaryDirectory(prefix="kvm-entropy-bench.") as folder:
        playbook = Path(folder, "play.json")
        playbook.write_text(json.dumps([{"hosts": options.host, "gather_facts": False, "vars": connection, "tasks": tasks}]), encoding="utf-8")
        subprocess.run([Path(sys.executable).with_name("ansible-playbook"), "-i", options.inventory, playbook], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, ANSIBLE_CALLBACKS_ENABLED="ansible.builtin.junit", JUNIT_OUTPUT_DIR=folder))
        (report,) = Path(folder).glob("*.xml")
        cases = list(ElementTree.parse(report).iter("testcase"))
    assert len(cases) == len(tasks), "%d of %d tasks were reported" % (len(cases), len(tasks))
    # Tasks of one name, numbered as they ran: "[localhost] play: ansible.builtin.ping".
    return {module: [float(case.get("time")) for case in cases if case.get("name").endswith(module)][1:] for module in MODULES}


if __name__ == "__main__":
    sys.exit(main())
