# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation shows can be typed in: examples are parsed, their names and options exist, and what needs no host is run.

README.md, tests and ./run are not in the artifact, so all of it is read from the checkout.
"""

import ast
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("roles/*/README.md")), ROOT / "tests/lab/README.md"]
PLUGINS = sorted(path for kind in ("modules", "filter") for path in (ROOT / "plugins" / kind).glob("[!_]*.py"))
SPECS = sorted(ROOT.glob("roles/*/meta/argument_specs.yml"))
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"\bkvm\.entropy\.(\w+)")
VARIABLE = re.compile(r"\bentropy_(?:host|guest|feeder|verify|domain)_\w+")
# Facts and results, which nobody sets.
NOT_SET = {"entropy_guest_choice"}
# Keywords of a task, from ansible-core's own list, are in none of the modules' options.
ACTION = re.compile(r"kvm\.entropy\.\w+$")


def blocks(page, *languages):
    """Return the code blocks (list of str) of a ``page`` (Path) that are in one of ``languages``, without the indentation of their list."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return ["\n".join(line.removeprefix(indent) for line in text.splitlines()) for indent, language, text in found if language in languages]


def constants(path):
    """Return the text constants (dict: name to str) at the top of a plugin, which is not imported."""
    return {node.targets[0].id: node.value.value for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)}


def documentation(path):
    return yaml.safe_load(constants(path)["DOCUMENTATION"])


def specs():
    """Return {role: {entry point: its specification}}."""
    return {path.parts[-3]: yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"] for path in SPECS}


def settable():
    """Return the variables (set of str) that a role or a playbook reads."""
    options = {name for role in specs().values() for entry in role.values() for name in entry.get("options", {})}
    in_playbooks = {name for path in (ROOT / "playbooks").glob("*.yml") for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    return options | in_playbooks | {"entropy_domain_uuid"}


def known_names():
    """Return what ``kvm.entropy.`` may stand before (set of str)."""
    groups = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8")).get("action_groups", {})
    folders = ("plugins/modules", "plugins/filter", "plugins/action", "playbooks")
    return set(groups) | set(specs()) | {path.stem for folder in folders for path in (ROOT / folder).iterdir()}


def shell_examples():
    return [pytest.param(text, id="%s-%d" % (page.relative_to(ROOT), number))
            for page in PAGES for number, text in enumerate(blocks(page, "sh", "console"))]


def yaml_examples():
    return [pytest.param(text, id="%s-%d" % (page.relative_to(ROOT), number)) for page in PAGES for number, text in enumerate(blocks(page, "yaml"))]


def tasks_of(content):
    """Yield each task (dict) in ``content`` (what an example holds), also in plays and blocks."""
    if isinstance(content, list):
        for each in content:
            yield from tasks_of(each)
    elif isinstance(content, dict):
        yield content
        for key in ("tasks", "pre_tasks", "post_tasks", "block", "rescue", "always"):
            yield from tasks_of(content.get(key))


def misfits(where, given, options):
    """Return what is wrong (list of str) with the options ``given`` (dict) of a task by a module's documented ``options`` (dict)."""
    wrong = []
    if not isinstance(given, dict):
        return wrong
    names = {alias: option for name, option in options.items() for alias in (name, *option.get("aliases", []))}
    for name, value in given.items():
        if name not in names:
            wrong.append("%s: there is no option %s" % (where, name))
            continue
        option = names[name]
        if "choices" in option and isinstance(value, str) and "{{" not in value and value not in option["choices"]:
            wrong.append("%s: %s may not be %s" % (where, name, value))
        if "suboptions" in option:
            for each in value if isinstance(value, list) else [value]:
                wrong += misfits("%s.%s" % (where, name), each, option["suboptions"])
    return wrong + ["%s: option %s is missing" % (where, name) for name, option in options.items() if option.get("required") and name not in given]


def checked_tasks(content):
    """Return what is wrong (list of str) with the tasks in ``content`` that are this collection's."""
    wrong = []
    for task in tasks_of(content):
        for key in filter(ACTION.match, task):
            module = ROOT / "plugins/modules" / ("%s.py" % key.rpartition(".")[2])
            wrong += misfits(key, task[key] or {}, documentation(module).get("options", {})) if module.exists() else ["there is no module %s" % key]
        for role in task.get("roles", []):
            name = role["role"] if isinstance(role, dict) else role
            wrong += [] if name.rpartition(".")[2] in specs() else ["there is no role %s" % name]
    return wrong


@pytest.mark.parametrize("text", shell_examples())
def test_a_command_in_the_documentation_is_one_and_names_what_there_is(text):
    commands = "\n".join(line.removeprefix("$ ") for line in text.splitlines())
    assert subprocess.run(["sh", "-n"], input=commands, text=True, capture_output=True, check=False).stderr == ""
    assert set(NAME.findall(text)) <= known_names()
    assert set(VARIABLE.findall(text)) - NOT_SET <= settable()
    usage = (ROOT / "run").read_text(encoding="utf-8").partition("EOF\n}")[0]
    for command in re.findall(r"\./run (\w+)", text):
        assert re.search(r"^  %s\b" % command, usage, re.MULTILINE), command


def test_an_artifact_in_the_documentation_is_of_this_version():
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    for page in PAGES:
        assert set(re.findall(r"kvm-entropy-(\d[\d.]*)\.tar", page.read_text(encoding="utf-8"))) <= {version}, page


@pytest.mark.parametrize("text", yaml_examples())
def test_yaml_in_the_documentation_is_read_and_its_options_exist(text):
    content = yaml.safe_load(text)
    assert content and checked_tasks(content) == []
    assert set(VARIABLE.findall(text)) - NOT_SET <= settable()


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.stem)
def test_the_examples_of_a_plugin_are_tasks_whose_options_exist(path):
    tasks = yaml.safe_load(constants(path)["EXAMPLES"])
    assert isinstance(tasks, list) and checked_tasks(tasks) == []
    assert set(NAME.findall(constants(path)["EXAMPLES"])) <= known_names()


def test_all_examples_of_plugins_and_pages_pass_the_syntax_check_of_ansible(tmp_path):
    plays = []
    for path in PLUGINS:
        content = yaml.safe_load(constants(path)["EXAMPLES"])
        plays += content if "hosts" in content[0] else [{"hosts": "localhost", "gather_facts": False, "tasks": content}]
    for page in PAGES:
        for text in blocks(page, "yaml"):
            content = yaml.safe_load(text)
            if isinstance(content, list) and "hosts" in content[0]:
                plays += content
    playbook = tmp_path / "examples.yml"
    playbook.write_text(json.dumps(plays), encoding="utf-8")
    done = subprocess.run(["ansible-playbook", "--syntax-check", "-i", "localhost,", playbook], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_example_of_chain_runs_and_gives_the_time_wherever_the_controllers_clock_stands(tmp_path):
    text = constants(ROOT / "plugins/filter/chain.py")["EXAMPLES"]
    now = re.search(r"now=(.*?\bint)\)", text, re.DOTALL)[1]
    plays = [
        {"hosts": "web-1", "gather_facts": False, "tasks": [{"ansible.builtin.set_fact": {"entropy": {}, "cacheable": True}}]},
        {"hosts": "localhost", "gather_facts": False, "tasks": [*yaml.safe_load(text), {"ansible.builtin.debug": {"msg": "NOW={{ %s }}" % now}}]}]
    (tmp_path / "play.yml").write_text(json.dumps(plays), encoding="utf-8")
    (tmp_path / "inventory.ini").write_text("localhost ansible_connection=local\nweb-1 ansible_connection=local\n", encoding="utf-8")
    done = subprocess.run(["ansible-playbook", "-i", tmp_path / "inventory.ini", tmp_path / "play.yml"], capture_output=True, text=True, check=False,
                          env={**os.environ, "TZ": "Pacific/Auckland", "ANSIBLE_NOCOLOR": "1"})
    assert done.returncode == 0, done.stdout
    assert abs(int(re.search(r"NOW=(\d+)", done.stdout)[1]) - (tmp_path / "play.yml").stat().st_mtime) < 600


def sentences(content, where=""):
    """Yield (where, text or what there is instead) of each description in ``content``."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key in ("description", "short_description") and not isinstance(value, dict):
                for each in value if isinstance(value, list) else [value]:
                    yield "%s.%s" % (where, key), each
            else:
                yield from sentences(value, "%s.%s" % (where, key))
    elif isinstance(content, list):
        for each in content:
            yield from sentences(each, where)


@pytest.mark.parametrize("path", [*SPECS, *PLUGINS], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_description_is_of_whole_sentences(path):
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.suffix == ".yml" else [
        documentation(path), yaml.safe_load(constants(path).get("RETURN", "{}"))]
    for where, text in sentences(content):
        assert isinstance(text, str), where
        if not where.endswith("short_description"):
            assert re.match(r"[A-Z0-9\"(]|libvirt", text) and text.rstrip()[-1:] in ".:)", "%s: %s" % (where, text)
