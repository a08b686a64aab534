# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look that failed said of it, and the remedy that fits: words of ansible-core 2.16 and 2.19, sudo 1.9, su, doas, dash, bash and Python."""

import pytest
from ansible_collections.kvm.entropy.plugins.plugin_utils._look_failure import is_of_machine_that_answered, look_failed, reason_of

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
