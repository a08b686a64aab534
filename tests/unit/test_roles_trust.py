# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No role lets what a machine says of itself choose a file of the controller, or act there."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("roles/*/handlers/*.yml"), *ROOT.glob("playbooks/*.yml")])
# Modules that read a file of the controller, and their parameters that name it.
READERS = {
    "include_vars": ("_raw", "file", "dir"), "include_tasks": ("_raw", "file"), "import_tasks": ("_raw", "file"), "include_role": ("name", "tasks_from"),
    "import_role": ("name", "tasks_from"), "template": ("src",), "copy": ("src",), "script": ("_raw", "cmd"), "unarchive": ("src",), "assemble": ("src",),
    "import_playbook": ("_raw",)}
# What the role itself has chosen from a list of its own (vars/main.yml, and test_the_file_for_rngd_is_one_of_the_roles_own).
# A role's vars/main.yml counts before facts, whatever Ansible makes variables of.
OWN = {"rngd/{{ __entropy_guest_rngd_system }}.yml", "{{ __entropy_feeder_service.template }}"}
# The program of role feeder, a file of its own.
OWN_LOOKUP = "lookup('ansible.builtin.file', 'entropy-feeder')"
SYSTEM = "__entropy_guest_rngd_system"


def tasks_of(content):
    """Yield every task (dict) in ``content`` (list of plays, tasks and blocks)."""
    for task in content or ():
        yield task
        for part in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers"):
            yield from tasks_of(task.get(part))


def names_of(task):
    """Yield each name (str) of a file of the controller in ``task`` (dict)."""
    for module, parameters in READERS.items():
        for key in (module, f"ansible.builtin.{module}"):
            value = task.get(key)
            if isinstance(value, str):
                yield value
            elif isinstance(value, dict):
                yield from (str(value[parameter]) for parameter in parameters if parameter in value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_of_the_controller_is_named_by_the_role_alone(path):
    for task in tasks_of(yaml.safe_load(path.read_text(encoding="utf-8"))):
        for name in names_of(task):
            assert "{{" not in name or name in OWN, f"{task.get('name')}: {name}"


@pytest.mark.parametrize("path", sorted({*FILES, *ROOT.glob("roles/**/*.yml"), *ROOT.glob("roles/**/*.j2")}), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_looked_up_or_done_on_the_controller_for_a_machine(path):
    text = path.read_text(encoding="utf-8").replace(OWN_LOOKUP, "")
    assert not re.search(r"\b(lookup|query|q)\(|delegate_to|local_action|with_first_found|with_fileglob|with_file\b", text)


def test_the_file_for_rngd_is_one_of_the_roles_own():
    variables = yaml.safe_load((ROOT / "roles/guest/vars/main.yml").read_text(encoding="utf-8"))
    systems = variables["__entropy_guest_rngd_systems"]
    assert sorted(systems) == sorted(path.stem for path in ROOT.glob("roles/guest/vars/rngd/*.yml"))
    assert variables[SYSTEM].startswith("{{ __entropy_guest_rngd_systems | select(")
