# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a play as AWX does: by ansible-runner, on a private data directory, and read the events and facts that it leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path

from virt_host import COLLECTION, SYSTEM_PYTHON

# AWX's MAX_EVENT_RES_DATA (awx/settings/defaults.py), which it hands on as MAX_EVENT_RES.
MOST = 700000


class Job:
    """A job that has run: its ``status`` (int), its ``events`` (list of dict, in order), from the artifacts in ``folder``."""

    def __init__(self, status, folder):
        self.status = status
        files = sorted((folder / "job_events").glob("*.json"), key=lambda file: int(file.name.split("-")[0]))
        self.events = [json.loads(file.read_text(encoding="utf-8")) for file in files]

    def ended(self, task):
        """Return the event (dict) with which ``task`` (a name) ended on its one host."""
        (event,) = [one for one in self.events if one["event"] in ("runner_on_ok", "runner_on_failed") and one["event_data"]["task"] == task]
        return event

    def result(self, task):
        """Return what the event kept of the result of ``task`` (dict)."""
        return self.ended(task)["event_data"]["res"]


LOCALHOST = f"localhost ansible_connection=local ansible_python_interpreter={SYSTEM_PYTHON}\n"


def run(folder, play, variables, ident=1, facts_of=1):
    """Run ``play`` (YAML, on localhost) with ``variables`` (dict) as job ``ident`` (int) of the private data directory ``folder``; return the Job.

    It has the inventory that is there, or localhost alone, and the fact cache of job ``facts_of`` (int).
    """
    files = {
        "project/play.yml": play,
        "env/extravars": json.dumps(variables),
        "env/settings": json.dumps({"fact_cache": f"../{facts_of}/fact_cache", "suppress_ansible_output": True}),
        "env/envvars": json.dumps({"MAX_EVENT_RES": str(MOST), "ANSIBLE_COLLECTIONS_PATH": str(COLLECTION.parents[2]), "ANSIBLE_INJECT_FACT_VARS": "False"}),
    }
    if not any(Path(folder).glob("inventory/*")):
        files["inventory/hosts"] = LOCALHOST
    for name, text in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    programs = Path(sys.executable).parent
    done = subprocess.run([programs / "ansible-runner", "run", folder, "--playbook", "play.yml", "--ident", str(ident)], check=False,
                          env=dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return Job(done.returncode, Path(folder, f"artifacts/{ident}"))
