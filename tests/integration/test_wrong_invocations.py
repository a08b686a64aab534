# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wrong invocations: each ends with the exit code and the one message that an administrator needs.

No machine is looked at: what is reached is a closed port, a name that does not resolve, or this machine by an interpreter or a sudo that is not right.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

CLOSED = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
LOCAL = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3"}
FLEET = {"kvm_hosts": {"hosts": {"kvm1": CLOSED}}, "kvm_guests": {"hosts": {"web-1": CLOSED, "web-2": CLOSED}},
         "others": {"hosts": {"backup1": CLOSED}}}
FLEET_INI = "ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1"
READ = LOCAL | {"entropy_verify_expect": "guest-only"}
BAD = LOCAL | {"ansible_python_interpreter": "/nowhere/python3"}
GUEST = {"kvm_guests": {"hosts": {"web-1": LOCAL}}}
NOT_ASKED = {"kvm_guests": {"hosts": {"web-1": LOCAL | {"ansible_become_password": "{{ nowhere }}"}}}}
# ansible-core's own exit codes: 1 for an error before the first play, 2 for a failed task.
GREEN, ERROR, FAILED = 0, 1, 2


class Case(NamedTuple):
    """A wrong invocation, and how it ends: with ``status``, and ``message`` (a regular expression) once."""

    name: str
    status: int
    message: str
    words: tuple = ()
    playbook: str = "verify"
    # A dict for JSON, str for a file's text, None for no file, and no option -i where ``words`` shall say all.
    inventory: object = FLEET
    oldest: bool = False
    environment: dict = {}


def e(**variables):
    """Return the words that give ``variables``."""
    return ("-e", json.dumps(variables))


NOBODY = "No host or guest to judge: "
CASES = [
    # The inventory.
    Case("no inventory", FAILED, NOBODY + r"there is no inventory\. Name one with -i, or begin without a file: ", inventory=None, playbook="audit"),
    Case("a mistyped inventory file", FAILED, NOBODY + r"the inventory \S*/typo\.yml does not exist\. Correct -i", ("-i", "typo.yml"), "audit", None,
         oldest=True),
    Case("an empty inventory file", FAILED, NOBODY + r"the inventory \S*/inventory has no hosts\.", inventory="", playbook="site"),
    Case("an inventory that is no YAML", FAILED, NOBODY + r"the inventory \S*/inventory has no hosts\. .*Ansible's warnings above", inventory="{[:\n"),
    Case("other group names", FAILED, NOBODY + r"the inventory \S+ has no group kvm_hosts and no group kvm_guests\. Its groups: "
         r"hypervisors \(1 host\), vms \(2 hosts\)\. Name yours with -e entropy_hosts_group=GROUP -e entropy_guests_group=GROUP",
         inventory=f"[hypervisors]\nkvm1\n[vms]\nweb-1\nweb-2\n[all:vars]\n{FLEET_INI}\n", playbook="audit"),
    Case("mistyped group names", FAILED, NOBODY + r".*Name yours with -e entropy_hosts_group=kvm-hosts -e entropy_guests_group=kvmguests, or add the groups",
         inventory=f"[kvm-hosts]\nkvm1\n[kvmguests]\nweb-1\n[all:vars]\n{FLEET_INI}\n", playbook="site"),
    Case("empty groups", FAILED, NOBODY + r"the groups kvm_hosts and kvm_guests of the inventory \S+ have no hosts\.",
         inventory="[kvm_hosts]\n[kvm_guests]\n", playbook="audit"),
    Case("empty groups in check mode", FAILED, NOBODY + "the groups kvm_hosts and kvm_guests", ("--check",), inventory="[kvm_hosts]\n[kvm_guests]\n",
         playbook="site"),
    Case("hosts without groups", FAILED, NOBODY + r".* It has no groups, and 1 host\. Name yours", ("-i", "kvm1.example.org,"), "audit", None),
    Case("a group that is not there", FAILED, NOBODY + r".* has no group kvms and no group vms\. .*-e entropy_hosts_group=",
         e(entropy_hosts_group="kvms", entropy_guests_group="vms")),
    Case("a pattern for a group", FAILED, NOBODY + r".* has no group kvm_\* and ", e(entropy_hosts_group="kvm_*", entropy_guests_group="none")),
    Case("a list for a group", FAILED, r"entropy_hosts_group is a list of 1, must be the name of a group of the inventory", e(entropy_hosts_group=["kvm1"])),
    Case("one group that is not there", FAILED, r"the inventory \S+ has no group vms \(entropy_guests_group\)\. Its groups: .* "
         r"Name yours with -e entropy_guests_group=", e(entropy_guests_group="vms"), "audit"),
    Case("one of two inventories is mistyped", FAILED, r"the inventory \S*/typo\.yml does not exist, and its hosts would be left out\.",
         ("-i", "typo.yml"), oldest=True),
    Case("hosts that nobody looks at, and no guest", FAILED, NOBODY + r"entropy_verify_expect is guest-only for kvm1, so that nobody looks there",
         inventory={"kvm_hosts": {"hosts": {"kvm1": {"entropy_verify_expect": "guest-only"}}}}),
    Case("an inventory with an error in the middle", FAILED, r"the inventory \S*/inventory was not read to its end, and what follows there would be left out\.",
         inventory="kvm_guests:\n  hosts:\n    web-1: {ansible_connection: local}\n    'web[2]': {}\n    web-3: {}\n", playbook="audit", oldest=True),
    Case("a host with the name of its group", FAILED, r"the inventory \S*/inventory has a host and a group with the name kvm_guests \(entropy_guests_group\)",
         inventory={"kvm_guests": {"hosts": {"kvm_guests": CLOSED, "web-1": CLOSED}}}, playbook="audit", oldest=True),
    Case("a name that is a template", FAILED, r"has names that Ansible takes for templates: web-\{\{ 1 \}\}\. Rename these hosts",
         inventory={"kvm_hosts": {"hosts": {"kvm1": CLOSED}}, "kvm_guests": {"hosts": {"web-{{ 1 }}": CLOSED}}}, playbook="audit", oldest=True),
    Case("strange names", GREEN, r"judged 0 hosts and 8 guests", playbook="audit", oldest=True, inventory={"kvm_guests": {"hosts": dict.fromkeys(
        ("2001:db8::1", "::1", "w\u00e4b", "\u65e5\u672c", "a,b", "web 1", "!x", "kvm_hosts"), CLOSED)}}),
    # The limit.
    Case("a limit that is not in the inventory", ERROR, r"Specified inventory, host pattern and/or --limit leaves us with no hosts to target\.",
         ("--limit", "web-11")),
    Case("a limit that leaves nobody", ERROR, r"Specified inventory, host pattern and/or --limit leaves us with no hosts to target\.", ("--limit", "!all")),
    Case("a limit of a machine that is neither host nor guest", FAILED, NOBODY + r"limit 'backup1' has none of the 1 host of group kvm_hosts and the 2 guests "
         r"of group kvm_guests\.", ("--limit", "backup1"), "audit", oldest=True),
    Case("a limit of one guest, which does not answer", FAILED, r"1 host or guest is unknown, entropy_verify_max_unknown allows 0: web-1\.",
         ("--limit", "web-1")),
    Case("a limit of one guest, in audit", GREEN, r"judged 0 hosts and 1 guest; limit 'web-1' leaves out 1 host and 1 guest", ("--limit", "web-1"), "audit"),
    # The variables.
    Case("a mistyped verdict", FAILED, r"entropy_verify_fail_on \S* has 'brokn', must be .* \(did you mean broken\?\)", e(entropy_verify_fail_on=["brokn"]),
         "site", oldest=True),
    Case("a word for a number", FAILED, r"entropy_verify_max_age \S* is 'a day', must be a whole number of seconds", ("-e", "entropy_verify_max_age='a day'")),
    Case("a number below the least", FAILED, r"entropy_verify_max_unknown \(--extra-vars\) is the number -2, must be a whole number of hosts and",
         e(entropy_verify_max_unknown=-2), "audit"),
    Case("a mistyped expectation", FAILED, r"entropy_verify_expect is 'hostonly', must be one of auto, host-only, guest-only \(did you mean host-only\?\)",
         ("-e", "entropy_verify_expect=hostonly")),
    Case("two wrong values", FAILED, r"entropy_verify_max_results \S* is the number -1, must be .*; entropy_verify_min_judged .* is 'one', must be ",
         e(entropy_verify_min_judged="one", entropy_verify_max_results=-1)),
    Case("a guest that is not in the inventory", FAILED, r"not in the inventory, and so not to be judged: web-9\. Correct entropy_verify_hosts or "
         r"entropy_verify_guests", e(entropy_verify_guests=["web-1", "web-9"])),
    Case("a variable that is not defined", FAILED, r"entropy_verify_max_age is '\{\{ nowhere \}\}', which cannot be made of its variables: ",
         ("-e", "entropy_verify_max_age='{{ nowhere }}'"), "audit"),
    Case("fewer than are asked for", FAILED, r"Too few to judge: 1 host and 2 guests, entropy_verify_min_judged asks for 10\.",
         ("-e", "entropy_verify_min_judged=10"), "audit"),
    # The connection.
    Case("nobody answers, in audit", GREEN, r"0 ok, 0 degraded, 0 broken, 2 unknown \(1 host unknown\)", playbook="audit"),
    Case("nobody answers, in verify", FAILED, r"3 hosts and guests are unknown, entropy_verify_max_unknown allows 0: host kvm1; web-1; web-2\.", oldest=True),
    Case("nobody answers, in site", FAILED, r"A step of this run failed on kvm1, web-1, web-2: see its error above\. 3 hosts and guests are unknown",
         playbook="site"),
    Case("a name that does not resolve", FAILED, r"unreachable: .*Could not resolve hostname web-1\.invalid",
         inventory={"kvm_guests": {"hosts": {"web-1.invalid": {}}}}),
    Case("a connection plugin that is not there", FAILED, r"1 host or guest is unknown, entropy_verify_max_unknown allows 0: web-1\.",
         inventory={"kvm_guests": {"hosts": {"web-1": {"ansible_connection": "nowhere"}}}}),
    Case("a become plugin that is not there", GREEN, r"    unreachable: .* -> Correct ansible_become_method, or install", playbook="audit", oldest=True,
         inventory={"kvm_guests": {"hosts": {"web-1": LOCAL | {"ansible_become": True, "ansible_become_method": "nowhere"}}}}),
    Case("a variable of the connection that is not defined", FAILED,
         r"    unreachable: The machine did not answer \(it was not asked: .*nowhere.* is undefined.* -> Correct this variable in the inventory", oldest=True,
         inventory=NOT_ASKED),
    Case("a connection plugin that is not there, by its row", FAILED,
         r"    unreachable: The machine did not answer \(it was not asked: .*nowhere.* -> Correct ansible_connection, or install the collection", oldest=True,
         inventory={"kvm_hosts": {"hosts": {"kvm1": {"ansible_connection": "nowhere"}}}}),
    Case("a step that could not begin, in site", FAILED, r"^fatal: .*A step of this run failed on web-1: see its error above\.", playbook="site", oldest=True,
         words=("-e", "entropy_verify_max_unknown=-1"), inventory=NOT_ASKED),
    Case("an interpreter that is not there", FAILED, r"web-1: UNKNOWN", inventory={"kvm_guests": {"hosts": {
        "web-1": LOCAL | {"ansible_python_interpreter": "/nowhere/python3"}}}}),
    Case("a strategy without run_once", FAILED, r"3 hosts and guests are unknown, entropy_verify_max_unknown allows 0: host kvm1; web-1; web-2\.",
         environment={"ANSIBLE_STRATEGY": "free"}, oldest=True),
    Case("a strategy without run_once, in site", FAILED, r"A step of this run failed on kvm1, web-1, web-2: see its error above\.", playbook="site",
         environment={"ANSIBLE_STRATEGY": "host_pinned"}),
    Case("errors that are fatal for all", GREEN, r"judged 0 hosts and 3 guests", playbook="audit", oldest=True,
         inventory={"kvm_guests": {"hosts": {"web-1": READ, "web-2": CLOSED, "web-3": READ}}}, environment={"ANSIBLE_ANY_ERRORS_FATAL": "true"}),
    # Without the judgement, which fails site for its steps, they fail it themselves.
    Case("a guest's step that failed, without the judgement", FAILED, r"^fatal: \[web-1\]", ("--check", "--skip-tags", "always"), "site",
         {"kvm_guests": {"hosts": {"web-1": BAD}}}, oldest=True),
    Case("a host's step that failed, without the judgement", FAILED, r"^fatal: \[kvm1\]", ("--check", "--skip-tags", "tagged"), "site",
         {"kvm_hosts": {"hosts": {"kvm1": BAD}}}, oldest=True),
    Case("a task that is not there to start at, which ansible-core does not fail for", GREEN, "No matching task", ("--start-at-task", "Jugde every guest")),
    Case("the judgement to start at", FAILED, r"3 hosts and guests are unknown", ("--start-at-task", "Judge every guest")),
    Case("no tags match", FAILED, r"1 host or guest is unknown", ("--tags", "nothing"), inventory=GUEST),
]


def invoke(case, folder, oldest):
    """Run ``case`` in ``folder`` (Path), with the oldest ansible-core or the current one; return (exit code, output (str))."""
    words = ["ansible-playbook", f"kvm.entropy.{case.playbook}", *case.words]
    if case.inventory is not None:
        (folder / "inventory").write_text(case.inventory if isinstance(case.inventory, str) else json.dumps(case.inventory))
        words[1:1] = ["-i", "inventory"]
    environment = dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_HOME=str(folder / "home"), ANSIBLE_SSH_ARGS="-F none", COLUMNS="400", **case.environment)
    environment.pop("ANSIBLE_INVENTORY", None)
    if oldest:
        environment["PATH"] = f"{Path(os.environ['KVM_ENTROPY_OLDEST'])}/bin:{environment['PATH']}"
    done = subprocess.run(words, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("case, oldest", [(case, oldest) for case in CASES for oldest in ([False, True] if case.oldest else [False])],
                         ids=lambda value: value.name if isinstance(value, Case) else ("oldest" if value else "current"))
def test_it_ends_with_the_exit_code_and_the_message_once(case, oldest, tmp_path):
    if oldest and "KVM_ENTROPY_OLDEST" not in os.environ:
        pytest.skip("no environment with the oldest ansible-core: use ./run")
    if case.inventory is None and not case.words and Path("/etc/ansible/hosts").exists():
        pytest.skip("this machine has an inventory of its own")
    status, output = invoke(case, tmp_path, oldest)
    assert status == case.status, output
    # From ansible-core 2.19 on the line of a failed task has its message once more before it.
    lines = [line for line in output.splitlines() if not line.startswith("[ERROR]: Task failed") and re.search(case.message, line)]
    assert len(lines) == 1, output
    assert "Traceback" not in output
    # What is wrong with the invocation itself is found before any machine is looked at.
    assert (NOBODY in output or "entropy_verify_m" in lines[0] and "must be" in lines[0]) <= ("PLAY [Look" not in output), output
