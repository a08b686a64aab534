# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an administrator sees of machines that answer and do not let themselves be looked at, beside a good one: each row, its one problem, the exit code.

Each machine is this one, through ansible-core's own ssh plugin and a stand-in for ssh that runs the command as nobody, or as a root of less than all
rights. sudo is the machine's own where it
has one, else and beside it a stand-in that says and does what sudo 1.9 and su do.
"""

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from controller import Controller

SSH = """#!/bin/sh
# The last word is the command; what stands before it is ssh's.
for last; do :; done
{before}
cd /
# Without rights of root, this user is unprivileged already.
[ "$(id -u)" != 0 ] || as="{as_whom}"
exec $as env -i HOME={home} USER=nobody PATH={path} sh -c "$last"
"""
# It asks as sudo does where ansible-core has a password: by -p PROMPT, on the standard error.
SUDO = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
        -p) prompt=$2; shift ;;
        -n) quiet=yes ;;
    esac
    shift
done
{then}
"""
ASKS = """[ -z "$quiet" ] || { echo "sudo: a password is required" >&2; exit 1; }
printf '%s' "$prompt" >&2; read -r password
echo "Sorry, try again." >&2
printf '%s' "$prompt" >&2; read -r password || echo "sudo: no password was provided" >&2
echo "sudo: 1 incorrect password attempt" >&2; exit 1"""


class Machine(NamedTuple):
    """A guest: what its row says (``code``, or None for no problem of its own, ``evidence`` and ``remedy``, each a part), and how it is made so."""

    code: str
    evidence: str
    remedy: str
    sudo: str = None
    before: str = ""
    mkdir: str = None
    python: str = None
    as_whom: str = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    variables: dict = {}


ROOTLESS = "ansible_become: false"
UNPRIVILEGED = {"ansible_become": False}
MACHINES = {
    "good-without-root": Machine("needs-root", "takes root", "-K where sudo asks", variables={"ansible_become": False}),
    "asks": Machine("look-failed", "Missing sudo password", "Run it with -K (--ask-become-pass)", sudo=ASKS),
    "asks-interpreter-found": Machine("look-failed", "Missing sudo password", ROOTLESS, sudo=ASKS, variables={"ansible_python_interpreter": "auto_silent"}),
    "wrong-password": Machine("look-failed", "Incorrect sudo password", "Give the right password", sudo=ASKS, variables={"ansible_become_password": "wrong"}),
    "not-in-sudoers": Machine("look-failed", "nobody is not in the sudoers file", "(sudoers)",
                              sudo='echo "nobody is not in the sudoers file." >&2; exit 1'),
    "not-allowed": Machine("look-failed", "is not allowed to execute", "(sudoers)",
                           sudo="""echo "Sorry, user nobody is not allowed to execute '/bin/sh' as root on vm1." >&2; exit 1"""),
    "no-sudo": Machine("look-failed", "not found", "Install sudo", variables={"ansible_become_exe": "/nonexistent/sudo"}),
    "requiretty": Machine("look-failed", "must have a tty", "requiretty", sudo='echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1'),
    "su": Machine("look-failed", "waiting for privilege escalation prompt", "-K (--ask-become-pass)",
                  variables={"ansible_become_method": "su", "ansible_ssh_timeout": 2},
                  sudo="printf 'Password: ' >&2; read -r password; echo 'su: Authentication failure' >&2; exit 1"),
    "no-prompt": Machine("look-failed", "waiting for privilege escalation prompt", "raise the timeout", sudo="exec sleep 60",
                         variables={"ansible_become_password": "x", "ansible_ssh_timeout": 2}),
    "no-python": Machine("look-failed", "python9", "ansible_python_interpreter",
                         variables={"ansible_become": False, "ansible_python_interpreter": "/usr/bin/python9"}),
    # What Python 3.7 prints of ansible-core 2.19: a traceback that has the whole module in one of its lines.
    "old-python": Machine("look-failed", "SyntaxError: invalid syntax", "Install a Python", variables=UNPRIVILEGED, python="""#!/bin/sh
echo 'Traceback (most recent call last):' >&2; head -c 170000 /dev/zero | tr '\\0' x >&2; printf '\\n  File "x.py", line 50\\n    def f(name: str, /):\\n' >&2
echo 'SyntaxError: invalid syntax' >&2; exit 1
"""),
    "older-python": Machine("look-failed", "future feature annotations is not defined", "Install a Python", variables=UNPRIVILEGED,
                            python="#!/bin/sh\necho 'SyntaxError: future feature annotations is not defined' >&2; exit 1\n"),
    "python-is-no-program": Machine("look-failed", "/etc/passwd: Permission denied", "Name a Python",
                                    variables=UNPRIVILEGED | {"ansible_python_interpreter": "/etc/passwd"}),
    "python-is-a-shell": Machine("look-failed", "AnsiballZ_", "Name a Python", variables=UNPRIVILEGED | {"ansible_python_interpreter": "/bin/sh"}),
    "python-says-nothing": Machine("look-failed", "", "Name a Python", variables=UNPRIVILEGED | {"ansible_python_interpreter": "/bin/true"}),
    "python-says-something-else": Machine("look-failed", ": Hello", "Name a Python", variables=UNPRIVILEGED, python="#!/bin/sh\necho Hello\n"),
    # As docker, podman and kubectl exec end, by no exit status of their own.
    "no-container": Machine("unreachable", "it runs no command: Error response from daemon: No such container: web", "Start the container or domain",
                            before='echo "Error response from daemon: No such container: web" >&2; exit 1'),
    "no-shell": Machine("unreachable", "it runs no command: This account is currently not available.", "Give the account a login shell",
                        before='echo "This account is currently not available."; exit 1'),
    "windows": Machine("unreachable", "it was not asked: ", "Judge a Windows guest by its host alone", variables={"ansible_connection": "psrp"}),
    "windows-without-become": Machine("unreachable", "it was not asked: pypsrp or dependencies are not installed", "Judge a Windows guest by its host alone",
                                      variables=UNPRIVILEGED | {"ansible_connection": "psrp"}),
    "no-such-shell": Machine("unreachable", "it runs no command: /bin/sh: 1: /nowhere/sh: not found", "ansible_shell_executable",
                             variables=UNPRIVILEGED | {"ansible_connection": "local", "ansible_shell_executable": "/nowhere/sh"}),
    "read-only-home": Machine("look-failed", "Failed to create temporary directory", "ansible_remote_tmp",
                              variables={"ansible_become": False, "ansible_remote_tmp": "/proc/kvm-entropy"}),
    "full": Machine("look-failed", "No space left on device", "Free space", variables={"ansible_become": False},
                    mkdir="""#!/bin/sh\necho "mkdir: cannot create directory '$2': No space left on device" >&2; exit 1\n"""),
    "noisy": Machine("needs-root", "takes root", "-K where sudo asks", before='echo "Welcome to $(uname -n)!"', variables={"ansible_become": False}),
    "off": Machine("unreachable", "Connection refused", "make it reachable",
                   before='echo "ssh: connect to host vm1 port 22: Connection refused" >&2; exit 255'),
}
if shutil.which("sudo") and os.getuid() == 0:
    MACHINES["real-sudo"] = Machine("look-failed", "Missing sudo password", "-K (--ask-become-pass)")
    MACHINES["real-sudo-wrong-password"] = Machine(
        "look-failed", "Incorrect sudo password", "Give the right password", variables={"ansible_become_password": "wrong"})
if os.getuid() == 0 and Path("/proc/sys/kernel/dmesg_restrict").read_text().strip() == "1":
    ROOT = {"ansible_become": False, "ansible_user": "root"}
    MACHINES["root-without-a-capability"] = Machine("needs-root", "it takes root with all capabilities", "made as root already", variables=ROOT,
                                                    as_whom="setpriv --bounding-set -syslog --inh-caps -syslog")
    MACHINES["container"] = Machine("needs-root", "it takes root outside the container", "put that machine into the inventory", variables=ROOT,
                                    as_whom="unshare --user --map-root-user --pid --fork --mount-proc")
HEAD = re.compile(r"^[ \"]*(?:host )?([\w-]+): ([A-Z]+)(?:, not proven in time)?  \[.*$", re.MULTILINE)


def script(path, text):
    """Write the program ``text`` (str) to ``path`` (Path) for all users; return its name (str)."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def made(folder, name, machine):
    """Make what ``machine`` (Machine) needs below ``folder`` (Path); return its variables (dict)."""
    own = folder / name
    own.mkdir()
    home = own / "home"
    home.mkdir()
    home.chmod(0o777)
    path = "/usr/bin:/bin"
    if machine.mkdir:
        script(own / "mkdir", machine.mkdir)
        path = f"{own}:{path}"
    ssh = SSH.format(before=machine.before, home=home, path=path, as_whom=machine.as_whom)
    variables = {"ansible_ssh_executable": script(own / "ssh", ssh), "ansible_ssh_args": "", "ansible_ssh_transfer_method": "piped",
                 "ansible_remote_tmp": str(home / "tmp"), "ansible_user": "nobody", "ansible_python_interpreter": "/usr/bin/python3"}
    if machine.python:
        variables["ansible_python_interpreter"] = script(own / "python", machine.python)
    if machine.sudo:
        variables["ansible_become_exe"] = script(own / "sudo", SUDO.format(then=machine.sudo))
    return variables | machine.variables


@pytest.fixture(scope="module")
def folder():
    """A folder (Path) that nobody may enter, unlike pytest's."""
    path = Path(tempfile.mkdtemp(prefix="kvm-entropy-rights-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module", params=["current", "oldest"])
def run(request, folder):
    """The Run of audit over a host whose sudo asks and all MACHINES, on the current and the oldest ansible-core."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "oldest":
            if "KVM_ENTROPY_OLDEST" not in os.environ:
                pytest.skip("no environment with the oldest ansible-core: use ./run")
            patch.setenv("PATH", f"{Path(os.environ['KVM_ENTROPY_OLDEST'])}/bin:{os.environ['PATH']}")
        patch.setenv("ANSIBLE_FORKS", "8")
        place = folder / request.param
        place.mkdir()
        guests = {name: made(place, name, machine) for name, machine in MACHINES.items()}
        (place / "inventory.json").write_text(json.dumps({
            "kvm_hosts": {"hosts": {"kvm1": made(place, "kvm1", MACHINES["asks"])}},
            "kvm_guests": {"hosts": guests, "vars": {"entropy_verify_expect": "guest-only"}}}))
        return Controller(place / "inventory.json", place).play("kvm.entropy.audit")


def row_of(run, name):
    """Return (verdict, what follows) of the row of ``name`` (str) in a ``run``, or None."""
    heads = list(HEAD.finditer(run.output))
    for number, head in enumerate(heads):
        if head.group(1) == name:
            return head.group(2).lower(), run.output[head.end():heads[number + 1].start() if number + 1 < len(heads) else head.end() + 2000]
    return None


def test_audit_goes_on_and_judges_everybody(run):
    assert run.status == 0, run.output
    assert {head.group(1) for head in HEAD.finditer(run.output)} >= {*MACHINES, "kvm1"}, run.output


@pytest.mark.parametrize("name", MACHINES)
def test_the_row_says_what_is_wrong_and_the_remedy_that_fits(run, name):
    machine = MACHINES[name]
    verdict, words = row_of(run, name)
    problems = re.findall(r"^[ \"]*([a-z-]+): (.*?)\"?,?$", words.split(" unknown\n")[0], re.MULTILINE)
    problems = [one for one in problems if "->" in one[1]]
    assert (verdict, [code for code, _said in problems]) == ("unknown", [machine.code]), words
    evidence, remedy = problems[0][1].rsplit(" -> ", 1)
    assert machine.evidence in evidence and machine.remedy in remedy, words


def test_a_hosts_row_says_the_same(run):
    verdict, words = row_of(run, "kvm1")
    assert verdict == "unknown" and "look-failed: " in words and "Missing sudo password" in words and ROOTLESS in words


@pytest.fixture(params=["current", "oldest"])
def play(request, tmp_path, monkeypatch):
    """Return a function: a Run of a playbook over one host and one guest with these variables, on the current and the oldest ansible-core."""
    if request.param == "oldest":
        if "KVM_ENTROPY_OLDEST" not in os.environ:
            pytest.skip("no environment with the oldest ansible-core: use ./run")
        monkeypatch.setenv("PATH", f"{Path(os.environ['KVM_ENTROPY_OLDEST'])}/bin:{os.environ['PATH']}")

    def run(playbook, *words, host=(), guest=()):
        local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "/nonexistent/no-look-is-made"}
        (tmp_path / "inventory.json").write_text(json.dumps({
            "kvm_hosts": {"hosts": {"kvm1": local | dict(host)}}, "kvm_guests": {"hosts": {"web-1": local | dict(guest)}}}))
        return Controller(tmp_path / "inventory.json", tmp_path).play(playbook, *words)
    return run


@pytest.mark.parametrize(("playbook", "words", "variables", "said"), [
    ("audit", (), {"host": {"entropy_host_excluded": ["web"]}}, "entropy_host_excluded (host kvm1) is no variable of this collection, the nearest is "
                                                                "entropy_host_exclude."),
    ("site", ("-e", "entropy_guest_erly=false"), {}, "entropy_guest_erly (--extra-vars) is no variable of this collection, the nearest is "
                                                     "entropy_guest_early."),
    ("host", (), {"guest": {"entropy_verify_health_bytes": 7}}, "entropy_verify_health_bytes (host web-1) is the number 7, must be 0 (no test) or 2500 to"),
])
def test_a_wrong_variable_ends_the_run_before_any_look_with_one_message(play, playbook, words, variables, said):
    run = play(f"kvm.entropy.{playbook}", *words, **variables)
    assert run.status == 2, run.output
    assert said in run.output and run.output.count("fatal: ") == 1, run.output
    assert list(run.counts) == ["localhost"] and "PLAY [Look" not in run.output and "PLAY [Configure" not in run.output, run.output


def test_a_users_own_variable_is_no_mistake(play):
    run = play("kvm.entropy.audit", "-e", '{"entropy_own_variables": ["entropy_team"]}', host={"entropy_team": "storage"})
    assert run.status == 0, run.output


def test_a_look_that_failed_counts_in_a_later_job_until_one_succeeds(tmp_path):
    def job(playbook, python):
        local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": python, "entropy_verify_expect": "guest-only"}
        (tmp_path / "inventory.json").write_text(json.dumps({"kvm_hosts": {"hosts": {}}, "kvm_guests": {"hosts": {"web-1": local}}}))
        run = Controller(tmp_path / "inventory.json", tmp_path).play(playbook, "-v")
        assert run.status == 0, run.output
        return "look-failed: " in row_of(run, "web-1")[1]

    judge = tmp_path / "judge.yml"
    judge.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "roles": ["kvm.entropy.verify"],
                                  "vars": {"entropy_verify_guests": ["web-1"], "entropy_verify_max_unknown": -1}}]))
    assert not job("kvm.entropy.audit", "/usr/bin/python3")
    assert job("kvm.entropy.audit", "/nonexistent/python3")
    assert job(judge, "/nonexistent/python3")
    assert not job("kvm.entropy.audit", "/usr/bin/python3")
    assert not job(judge, "/usr/bin/python3")
