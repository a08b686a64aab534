# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role feeder refuses before it writes, by Ansible itself on this machine: hostile paths, and what is no file of root's own."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
import yaml
from foreign_files import NOBODY, make_file_of_another_user, make_hard_link, make_socket

ROLE = Path(__file__).resolve().parents[2] / "roles/feeder"
MESSAGE = re.compile(r'^ +"msg": ("SAID .*")$', re.MULTILINE)

# In check mode, and for a container, so that nothing is installed here whatever is not refused.
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - set_fact:
        cacheable: true
        entropy: {container: a test}
    - include_tasks: each.yml
      loop: "{{ calls }}"
      loop_control:
        loop_var: call
"""
EACH = """
- block:
    - include_role: "{{ call.role }}"
      vars:
        entropy_feeder_paths: "{{ call.paths | default([]) }}"
        entropy_feeder_source: "{{ call.source | default('/dev/hwrng') }}"
        entropy_feeder_metrics: "{{ call.metrics | default('') }}"
        entropy_feeder_python: "{{ call.python | default('/usr/bin/python3') }}"
        __entropy_feeder_old_metrics: "{{ call.old | default('') }}"
    - debug:
        msg: "SAID []"
  rescue:
    - debug:
        msg: "SAID {{ ansible_failed_result.results | default([ansible_failed_result]) | selectattr('failed', 'true') | map(attribute='msg') | to_json }}"
"""


def said(folder, role, calls, *words):
    """Include ``role`` (dict) as each of ``calls`` (list of dict) says; return what each was refused with (list of list of str)."""
    (folder / "play.yml").write_text(PLAY)
    (folder / "each.yml").write_text(EACH.replace('"{{ call.role }}"', json.dumps(role)))
    (folder / "calls.json").write_text(json.dumps({"calls": calls, "ansible_python_interpreter": sys.executable}))
    done = subprocess.run(
        ["ansible-playbook", *words, "-i", "localhost,", "-c", "local", "-e", "@calls.json", "play.yml"], cwd=folder, capture_output=True, text=True,
        check=False, env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"})
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(json.loads(message).partition(" ")[2]) for message in MESSAGE.findall(done.stdout)]


def _in_a_folder(mode, user=0):
    """Return what makes the folder of the path, as another could write it."""
    def make(path):
        path.parent.chmod(mode)
        os.chown(path.parent, user, user)
    return make


def _in_a_folder_of_a_folder(path):
    path.parent.parent.chmod(0o777)


FOUND = {
    "nothing": (lambda path: None, None),
    "a file of root's": (lambda path: path.write_text("ours\n"), None),
    "a link": (
        lambda path: path.symlink_to("/dev/null"),
        'found a link to /dev/null, expected a regular file of root\'s own, or none. Nothing was written. Run "systemctl unmask '),
    "another link": (lambda path: path.symlink_to("/etc/hostname"), "found a link to /etc/hostname, expected a regular file of root's own, or none."),
    "a folder": (lambda path: path.mkdir(), "found a folder, expected"),
    "a FIFO": (os.mkfifo, "found a FIFO, expected"),
    "a socket": (make_socket, "found a socket, expected"),
    "a device": (lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3)), "found a character device, expected"),
    "a hard link": (make_hard_link, "found a file with 2 names (hard links), expected"),
    "a file of another user": (make_file_of_another_user, "found a file of the user 65534, expected"),
    "a folder of all": (_in_a_folder(0o777), "found a folder of the user 0 with the mode 0777, expected a folder of root's that "
                        "root alone can write, or none."),
    "a sticky folder": (_in_a_folder(0o1777), "found a folder of the user 0 with the mode 1777, expected a folder of root's"),
    "a folder of a group": (_in_a_folder(0o775), "found a folder of the user 0 with the mode 0775, expected a folder of root's"),
    "a folder of another user": (_in_a_folder(0o755, NOBODY), "found a folder of the user 65534 with the mode 0755, expected a folder of root's"),
    "a folder of all on the way": (_in_a_folder_of_a_folder, "found a folder of the user 0 with the mode 0777, expected a folder of root's"),
}


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root")
def test_nothing_is_written_over_what_is_not_a_regular_file_of_roots_own(tmp_path):
    paths = {}
    for number, (name, (make, _why)) in enumerate(FOUND.items()):
        paths[name] = tmp_path / str(number) / "folder" / "name.service"
        paths[name].parent.mkdir(parents=True)
        make(paths[name])
    # Files are looked at before folders.
    groups = [[name for name, (_make, why) in FOUND.items() if why and why.startswith("found a folder of the user") == is_folder]
              for is_folder in (False, True)]
    groups.append([name for name, (_make, why) in FOUND.items() if why is None])
    role = {"name": "kvm.entropy.feeder", "tasks_from": "own"}
    told = said(tmp_path, role, [{"paths": [str(paths[name]) for name in group]} for group in groups], "--check")
    assert [len(messages) for messages in told] == [len(groups[0]), len(groups[1]), 0], told
    for group, messages in zip(groups, told, strict=True):
        for name, message in zip(group, messages, strict=False):
            assert message.startswith("localhost: %s" % tmp_path)
            assert FOUND[name][1] in message


def test_only_a_file_of_the_feeders_metrics_is_removed_whatever_the_configuration_named(tmp_path):
    ours, text = "# HELP entropy_feeder_read_bytes_total Bytes.\nentropy_feeder_read_bytes_total 0\n", "root:x:0:0\n"
    names = {"ours.prom": True, "a b (1), [x]*.prom": True, ".hidden": True,
             "theirs": False, "link": False, "folder": False, "nothing": False, "oursXprom": False}
    for name in ("ours.prom", "a b (1), [x]*.prom", ".hidden", "oursXprom"):
        (tmp_path / name).write_text(ours)
    (tmp_path / "theirs").write_text(text)
    (tmp_path / "target").write_text(ours)
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "folder").mkdir()
    before = set(os.listdir(tmp_path))
    (tmp_path / "play").mkdir()
    asked = [{"old": str(tmp_path / name)} for name in names if name != "oursXprom"]
    assert said(tmp_path / "play", {"name": "kvm.entropy.feeder", "tasks_from": "metrics"}, asked) == [[]] * len(asked)
    assert before - set(os.listdir(tmp_path)) == {name for name, is_removed in names.items() if is_removed}


def _tasks(role):
    """Yield each task (dict) of ``role`` (str), those of blocks too."""
    left = [task for file in sorted((ROLE.parent / role / "tasks").glob("*.yml")) for task in yaml.safe_load(file.read_text(encoding="utf-8"))]
    while left:
        task = left.pop()
        left += [inner for key in ("block", "rescue", "always") for inner in task.get(key, [])]
        yield task


@pytest.mark.parametrize("role", ["guest", "feeder", "host", "verify"])
def test_each_file_that_a_role_writes_is_looked_at_first(role):
    tasks = list(_tasks(role))
    # What is put back was looked at when it was remembered.
    written = {module.get("dest", module.get("path")) for task in tasks for name in ("copy", "template", "lineinfile", "blockinfile", "assemble", "get_url")
               for module in [task.get("ansible.builtin." + name)] if module} - {"{{ item.source }}"}
    looked_at = " ".join(str(task["vars"]["entropy_feeder_paths"]) for task in tasks if "entropy_feeder_paths" in task.get("vars", {}))
    if role == "feeder":
        assert "__entropy_feeder_files" in looked_at
        looked_at += " ".join(yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))["__entropy_feeder_files"])
    assert [path for path in written if path.strip("{} ") not in looked_at] == []


REFUSED = {
    "entropy_feeder_source": [
        "", "dev/hwrng", "/", "/dev/hwrng\nmetrics = /etc/passwd", "/dev/hwrng ", "/dev/../etc", "/dev/./hwrng", "//dev", "/dev/\x1b[2J", "/dev/\u2028x"],
    "entropy_feeder_metrics": [
        "x", "/", "/x.prom", "/srv/", "/srv/x\n[Service]\nExecStart=/bin/sh", "/srv/../x", "/srv/x/..", "/srv/x\t", "/srv/a\x7f/x", "/srv//x", " /srv/x"],
    "entropy_feeder_python": [
        "", "python3", "/usr/bin/python 3", "/usr/bin/python3\n", "/usr/bin/env python3", "/usr/bin/$(x)", "/usr/bin/%h", "/usr/bin/../x", "/usr/bin/é"],
}
ACCEPTED = {
    "entropy_feeder_source": ["/dev/hwrng", "/dev/char/10:183", "/srv/my source", "/dev/%s", "/..x"],
    "entropy_feeder_metrics": ["", "/srv/x.prom", "/srv/a b/%h $x 'y' \"z\" \\ é;#.prom"],
    "entropy_feeder_python": ["/usr/bin/python3", "/usr/libexec/platform-python", "/opt/py_3.6+x/bin/python3.6"],
}


def form(variable):
    """Return the regular expression (str) that the role's first task has for ``variable`` (str), as Jinja makes it."""
    task = yaml.safe_load((ROLE / "tasks/present.yml").read_text(encoding="utf-8"))[0]
    (found,) = [each["form"] for each in task["loop"] if each["name"] == variable]
    return jinja2.Template(found).render(yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("variable", REFUSED)
def test_paths_that_would_become_other_lines_or_other_folders_are_none(variable):
    assert [value for value in REFUSED[variable] if re.match(form(variable), value)] == []
    assert [value for value in ACCEPTED[variable] if not re.match(form(variable), value)] == []


def test_such_paths_are_refused_before_anything_is_looked_at(tmp_path):
    calls = [{variable[len("entropy_feeder_"):]: values[number]} for variable, values in REFUSED.items() for number in (1, 3)]
    calls += [{variable[len("entropy_feeder_"):]: values[-1]} for variable, values in ACCEPTED.items()]
    told = [message for (message,) in said(tmp_path, {"name": "kvm.entropy.feeder"}, calls, "--check")]
    for call, message in zip(calls, told, strict=True):
        ((name, value),) = call.items()
        if value in REFUSED["entropy_feeder_" + name]:
            assert message.startswith("localhost: entropy_feeder_%s: found %s, expected an absolute path" % (name, json.dumps(value)))
            assert message.endswith("Nothing was changed.")
        else:
            assert message.startswith("localhost: found a container (a test)")
