# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look that failed said of it, and the remedy that fits.

The words are those of ansible-core 2.16 and 2.19, sudo 1.9, su, doas, dash, bash and Python, and of the connection plugins of the package ansible 12.
"""

import pytest
from ansible_collections.kvm.entropy.plugins.plugin_utils._look_failure import (
    is_of_controller,
    is_of_machine_that_answered,
    look_failed,
    reason_of,
    unreachable,
    without_prefix,
)

MODULE_FAILURE = "MODULE FAILURE\nSee stdout/stderr for the exact error"


@pytest.mark.parametrize(("said", "remedy"), [
    ("Missing sudo password", "-K (--ask-become-pass)"),
    ("sudo: a password is required", "-K (--ask-become-pass)"),
    ("sudo: a terminal is required to read the password; either use the -S option to read from standard input", "-K (--ask-become-pass)"),
    ("sudo: interactive authentication is required\nsudo: a password is required", "-K (--ask-become-pass)"),
    ("Incorrect sudo password", "right password"),
    ("Sorry, try again.\nsudo: 1 incorrect password attempt", "right password"),
    ("su: Authentication failure", "right password"),
    ("privilege output closed while waiting for password prompt:\n", "right password"),
    ("auditor is not in the sudoers file.\nThis incident has been reported to the administrator.", "(sudoers)"),
    ("Sorry, user auditor is not allowed to execute '/bin/sh' as root on vm1.", "(sudoers)"),
    ('sudo: The "no new privileges" flag is set, which prevents sudo from running as root.', "(sudoers)"),
    ("doas: Operation not permitted", "(sudoers)"),
    ("/bin/sh: 1: sudo: not found", "Install sudo"),
    ("bash: line 1: sudo: command not found", "Install sudo"),
    ("/bin/sh: sudo: inaccessible or not found", "Install sudo"),
    ("sudo: sorry, you must have a tty to run sudo", "requiretty"),
    ("su: must be run from a terminal", "requiretty"),
    ("Timeout (12s) waiting for privilege escalation prompt: ", "raise the timeout"),
    ("Timed out waiting for become success or become password prompt after 10s.", "raise the timeout"),
    ("/bin/sh: 1: /usr/bin/python3: not found", "ansible_python_interpreter"),
    ("/bin/sh: /usr/bin/python3: No such file or directory", "ansible_python_interpreter"),
    ("The module interpreter '/usr/bin/python3' was not found.", "ansible_python_interpreter"),
    ("ansible-core requires a minimum of Python version 3.8. Current version: 3.6.8 (default)", "ansible_python_interpreter"),
    ("  File \"<stdin>\", line 3\nSyntaxError: future feature annotations is not defined", "ansible_python_interpreter"),
    ("/usr/bin/env: 'python9': No such file or directory", "ansible_python_interpreter"),
    ("  File \"/tmp/x.py\", line 50\n    def f(name: str, /) -> int:\nSyntaxError: invalid syntax", "Install a Python"),
    ("ModuleNotFoundError: No module named 'selectors'", "Install a Python"),
    ("/bin/sh: 1: /usr/bin: Permission denied", "Name a Python"),
    ("bash: line 1: /usr/bin: Is a directory", "Name a Python"),
    ("/bin/sh: 1: /opt/python: Exec format error", "Name a Python"),
    ("bash: line 1: /opt/python: cannot execute binary file: Exec format error", "Name a Python"),
    ("bash: line 1: /opt/python: cannot execute: required file not found", "Name a Python"),
    ("/home/a/.ansible/tmp/ansible-tmp-1/AnsiballZ_entropy_facts.py: 3: from: not found", "Name a Python"),
    ("mkdir: cannot create directory '/root/.ansible': No space left on device", "Free space"),
    ("OSError: [Errno 28] No space left on device", "Free space"),
    ("dd: error writing '/tmp/x': Disk quota exceeded", "Free space"),
    ("Failed to create temporary directory. In some cases, you may have been able to authenticate", "ansible_remote_tmp"),
    ("mkdir: cannot create directory '/home/a/.ansible': Read-only file system", "ansible_remote_tmp"),
    ("/bin/sh: 1: /home/a/.ansible/tmp/ansible-tmp-1/AnsiballZ_entropy_facts.py: Permission denied", "noexec"),
    ("failed to transfer file to local /home/a/x:\n\nReceived message too long 1701013878", "startup files print nothing"),
    ("Module result deserialization failed.", "startup files print nothing"),
])
def test_each_cause_has_the_remedy_that_fits(said, remedy):
    for texts in ((said,), (MODULE_FAILURE, said), ("Task failed: Module failed.", "OpenSSH_9.2\n" + said + "\n")):
        found = look_failed(reason_of(*texts))
        assert remedy in found["remedy"] and found["code"] == "look-failed"
        assert found["evidence"] in [line.strip() for line in said.split("\n")]


@pytest.mark.parametrize("nothing", [MODULE_FAILURE, "Module result deserialization failed: No start of json char found"])
def test_an_interpreter_that_answers_with_no_result_is_told_by_what_it_prints(nothing):
    assert look_failed(reason_of(nothing))["remedy"].startswith("Name a Python by ansible_python_interpreter")
    assert reason_of(nothing, printed="#!/bin/cat\nimport os") == nothing.split("\n")[0] + ": #!/bin/cat"
    assert reason_of(nothing, "bash: line 1: /etc/passwd: Permission denied", printed="x") == "bash: line 1: /etc/passwd: Permission denied"


WINDOWS, CONTROLLER = "Judge a Windows guest by its host alone", "Install it on the controller"
# What ansible-core or a connection plugin said, whether nobody was asked for want of something on the controller, and how the remedy begins.
UNREACHABLE = [
    ("winrm or requests is not installed: No module named 'winrm'", True, WINDOWS),
    ("pypsrp or dependencies are not installed: No module named 'pypsrp'", True, WINDOWS),
    ("The 'powershell' shell plugin does not support become. It is missing the 'ECHO' attribute.", True, WINDOWS),
    ("The powershell shell family is incompatible with the sudo become plugin", True, WINDOWS),
    ("winrm connection error: HTTPSConnectionPool(host='vm1', port=5986): Max retries exceeded", False, WINDOWS),
    ("paramiko is not installed: No module named 'paramiko'", True, CONTROLLER),
    ("docker command not found in PATH", True, CONTROLLER),
    ("podman command not found in PATH", True, CONTROLLER),
    ("libvirt python bindings must be installed to use this plugin: No module named 'libvirt'", True, CONTROLLER),
    ("libvirt python bindings must be installed to use this plugin", True, CONTROLLER),
    ("lxc python bindings are not installed", True, CONTROLLER),
    ('Failed to find required executable "incus" in paths: /usr/bin:/bin', True, CONTROLLER),
    ("Failed to import the required Python library (requests) on vm's Python /usr/bin/python3. Please read", True, CONTROLLER),
    ("[Errno 2] No such file or directory: b'buildah'", True, CONTROLLER),
    ("failed to find the executable specified /nowhere/sh. Please verify if the executable exists and re-try.", True, CONTROLLER),
    ("to use the 'ssh' connection type with passwords or pkcs11_provider, you must install the sshpass program", True, CONTROLLER),
    ("the connection plugin 'nowhere' was not found", False, "Correct ansible_connection"),
    ("Invalid become method specified, could not find matching plugin: 'nowhere'.", False, "Correct ansible_become_method"),
    ("The field 'become_pass' has an invalid value, which includes an undefined variable.", False, "Correct this variable"),
    ("Error processing keyword 'become_pass': 'nowhere' is undefined", False, "Correct this variable"),
    ("it was not asked: Validation of arguments failed:\nargument 'entropy_verify_health_bytes' is of type <class", False, "Correct this variable"),
    ("Attempting to decrypt but no vault secrets found.", False, "Correct this variable"),
    ("it runs no command: Error response from daemon: No such container: web", False, "Start the container or domain"),
    ("it runs no command: Error response from daemon: container 4f66ad9a0b2e is not running", False, "Start the container or domain"),
    ("it runs no command: Error: no container with name or ID \"web\" found: no such container", False, "Start the container or domain"),
    ("it runs no command: Error from server (NotFound): pods \"web\" not found", False, "Start the container or domain"),
    ("web is not a lxc defined in libvirt", False, "Start the container or domain"),
    ("Domain not found: no domain with matching name 'web'", False, "Start the container or domain"),
    ("Guest agent is not responding: QEMU guest agent is not connected", False, "Start the container or domain"),
    ("it runs no command: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", False, "Start that daemon"),
    ("Failed to connect to the host via ssh: admin@vm1: Permission denied (publickey,password).", False, "Give the right account"),
    ("Invalid/incorrect password: Permission denied, please try again.", False, "Give the right account"),
    ("Authentication failure.", False, "Give the right account"),
    ("Failed to connect to the host via ssh: Host key verification failed.", False, "Compare its host key"),
    ("Failed to connect to the host via ssh: ssh: Could not resolve hostname vm1.invalid: Name or service not known", False, "Correct its name"),
    ("Failed to connect to the host via ssh: ssh: connect to host 192.0.2.1 port 22: Connection timed out", False, "See its error"),
    ("it runs no command: /bin/sh: 1: /nowhere/sh: not found", False, "Name a shell"),
    ("it runs no command: This account is currently not available.", False, "Give the account a login shell"),
]


@pytest.mark.parametrize(("said", "on_controller", "remedy"), UNREACHABLE)
def test_a_machine_that_did_not_answer_has_the_remedy_that_fits(said, on_controller, remedy):
    found = unreachable(said)
    assert (found["code"], found["evidence"]) == ("unreachable", said) and found["remedy"].startswith(remedy)
    assert (is_of_controller(said), is_of_machine_that_answered(said)) == (on_controller, False)


def test_what_ansible_puts_before_a_plugins_words_is_left_out():
    assert without_prefix("Task failed: docker command not found in PATH") == "docker command not found in PATH"
    assert without_prefix("Unexpected failure during module execution: x") == "x"
    assert without_prefix("Task failed: ") == "Task failed: "


@pytest.mark.parametrize("said", ["Missing su password", "Incorrect sudo password", "doas: Operation not permitted", "sudo: a password is required"])
def test_where_root_is_not_to_be_had_a_look_without_it_is_the_other_way(said):
    assert "ansible_become: false" in look_failed(said)["remedy"]


def test_of_a_reason_that_nobody_knows_the_last_telling_line_is_told():
    assert reason_of(MODULE_FAILURE, "Traceback (most recent call last):\n  File x\nMemoryError") == "MemoryError"
    assert reason_of(MODULE_FAILURE, "") == "MODULE FAILURE"
    assert reason_of() == "it said nothing"
    assert look_failed("MemoryError")["remedy"].startswith("See the reason")


def test_a_machines_words_stay_one_printable_line_of_bounded_length():
    reason = reason_of("\x1b[2J" + "x" * 5000)
    assert reason.isprintable() and len(reason) == 600
    assert "sudo: a password is required" in reason_of("x" * 5000 + " sudo: a password is required")


@pytest.mark.parametrize(("said", "answered"), [
    ("Timeout (12s) waiting for privilege escalation prompt: ", True),
    ("Failed to create temporary directory. In some cases, you may have been able to authenticate and did not have permissions", True),
    ("mkdir: cannot create directory '/tmp/x': No space left on device", True),
    ("Failed to connect to the host via ssh: ssh: connect to host 192.0.2.1 port 22: Connection timed out", False),
    ("Failed to connect to the host via ssh: admin@vm1: Permission denied (publickey,password).", False),
    ("Invalid/incorrect password: Permission denied, please try again.", False),
    ("Data could not be sent to remote host \"vm1\". Make sure this host can be reached over ssh: ", False),
    ("Failed to connect to the host via ssh: Host key verification failed.", False),
    ("Authentication failure.", False),
])
def test_what_ansible_calls_unreachable_is_told_from_a_machine_that_answered(said, answered):
    assert is_of_machine_that_answered(said) == answered
