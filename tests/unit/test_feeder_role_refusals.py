# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role feeder refuses before it writes, by Ansible itself on this machine: hostile paths, and what is no file of root's own."""

import json
import os
import re
import socket
import stat
import subprocess
import sys

import pytest

NOBODY = 65534
MESSAGE = re.compile(r'^ +"msg": ("(?:REFUSED|ACCEPTED) .*")$', re.MULTILINE)

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Take this machine for a container, so that nothing is installed whatever is not refused
      set_fact:
        cacheable: true
        entropy: {container: a test}
    - include_tasks: each.yml
      loop: "{{ values }}"
      loop_control:
        loop_var: value
"""
EACH = """
- block:
    - include_role: %s
    - debug:
        msg: "ACCEPTED {{ value | to_json }}"
  rescue:
    - debug:
        msg: "REFUSED {{ value | to_json }} {{ (ansible_failed_result.results | default([ansible_failed_result]) | selectattr('failed', 'true') | first).msg }}"
"""


def said(folder, role, values):
    """Include ``role`` (dict) with each of ``values`` (list of str); return what became of each (dict of str)."""
    (folder / "play.yml").write_text(PLAY)
    (folder / "each.yml").write_text(EACH % json.dumps(role))
    (folder / "values.json").write_text(json.dumps({"values": values, "ansible_python_interpreter": sys.executable}))
    done = subprocess.run(
        ["ansible-playbook", "--check", "-i", "localhost,", "-c", "local", "-e", "@values.json", "play.yml"], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"})
    assert done.returncode == 0, done.stdout + done.stderr
    messages = [json.loads(message).partition(" ") for message in MESSAGE.findall(done.stdout)]
    decoded = [(verdict, *json.JSONDecoder().raw_decode(rest)) for verdict, _blank, rest in messages]
    return {value: verdict + rest[end:] for (verdict, value, end), (_verdict, _blank, rest) in zip(decoded, messages, strict=True)}


def _make_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _make_hard_link(path):
    path.with_name("other").write_text("theirs\n")
    os.link(path.with_name("other"), path)


def _make_file_of_another_user(path):
    path.write_text("theirs\n")
    os.chown(path, NOBODY, NOBODY)


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
    "a link": (lambda path: path.symlink_to("/dev/null"), 'found a link to /dev/null, expected a regular file of root\'s own, or none. Nothing was written. '
                                                        'Run "systemctl unmask '),
    "another link": (lambda path: path.symlink_to("/etc/hostname"), "found a link to /etc/hostname, expected a regular file of root's own, or none."),
    "a folder": (lambda path: path.mkdir(), "found a folder, expected"),
    "a FIFO": (os.mkfifo, "found a FIFO, expected"),
    "a socket": (_make_socket, "found a socket, expected"),
    "a device": (lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3)), "found a character device, expected"),
    "a hard link": (_make_hard_link, "found a file with 2 names (hard links), expected"),
    "a file of another user": (_make_file_of_another_user, "found a file of the user 65534, expected"),
    "a folder of all": (_in_a_folder(0o777), "found a folder of the user 0 with the mode 0777, expected a folder of root's that root alone can write, or none."),
    "a sticky folder": (_in_a_folder(0o1777), "found a folder of the user 0 with the mode 1777, expected a folder of root's"),
    "a folder of a group": (_in_a_folder(0o775), "found a folder of the user 0 with the mode 0775, expected a folder of root's"),
    "a folder of another user": (_in_a_folder(0o755, NOBODY), "found a folder of the user 65534 with the mode 0755, expected a folder of root's"),
    "a folder of all on the way": (_in_a_folder_of_a_folder, "found a folder of the user 0 with the mode 0777, expected a folder of root's"),
}


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root")
def test_nothing_is_written_over_what_is_not_a_regular_file_of_roots_own(tmp_path):
    paths = {}
    for number, (name, (make, _why)) in enumerate(FOUND.items()):
        path = tmp_path / str(number) / "folder" / "name.service"
        path.parent.mkdir(parents=True)
        make(path)
        paths[name] = str(path)
    role = {"name": "kvm.entropy.feeder", "tasks_from": "own"}
    (tmp_path / "play").mkdir()
    told = said(tmp_path / "play", {**role}, [*paths.values()])
    for name, (_make, why) in FOUND.items():
        verdict = told[paths[name]]
        assert verdict == "ACCEPTED" if why is None else verdict.startswith("REFUSED localhost: ") and why in verdict, (name, verdict)


REFUSED = {
    "entropy_feeder_source": ["", "dev/hwrng", "/", "/dev/hwrng\nmetrics = /etc/passwd", "/dev/hwrng ", "/dev/../etc", "/dev/./hwrng", "//dev", "/dev/\x1b[2J", "/dev/\u2028x"],
    "entropy_feeder_metrics": ["x", "/", "/x.prom", "/srv/", "/srv/x\n[Service]\nExecStart=/bin/sh", "/srv/../x", "/srv/x/..", "/srv/x\t", "/srv/a\x7f/x", "/srv//x", " /srv/x"],
    "entropy_feeder_python": ["", "python3", "/usr/bin/python 3", "/usr/bin/python3\n", "/usr/bin/env python3", "/usr/bin/$(x)", "/usr/bin/%h", "/usr/bin/../x", "/usr/bin/é"],
}
ACCEPTED = {
    "entropy_feeder_source": ["/dev/hwrng", "/dev/char/10:183", "/srv/my source", "/dev/%s", "/..x"],
    "entropy_feeder_metrics": ["", "/srv/x.prom", "/srv/a b/%h $x 'y' \"z\" \\ é;#.prom"],
    "entropy_feeder_python": ["/usr/bin/python3", "/usr/libexec/platform-python", "/opt/py_3.6+x/bin/python3.6"],
}


@pytest.mark.parametrize("variable", REFUSED)
def test_paths_that_would_become_other_lines_or_other_folders_are_refused_before_anything_is_looked_at(tmp_path, variable):
    role = {"name": "kvm.entropy.feeder"}
    (tmp_path / "vars.yml").write_text("")
    told = said(tmp_path, {**role, "apply": {"vars": {variable: "{{ value }}"}}}, REFUSED[variable] + ACCEPTED[variable])
    for value in REFUSED[variable]:
        assert told[value].startswith("REFUSED localhost: %s: found " % variable), (value, told[value])
        assert "\n" not in told[value]
    for value in ACCEPTED[variable]:
        assert told[value].startswith("REFUSED localhost: found a container (a test)"), (value, told[value])
