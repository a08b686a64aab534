# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a look at a machine that answered failed: one line of its answer, and the remedy that fits. Pure.

The words are those of ansible-core 2.16 to 2.21 (plugins/connection/{ssh,local}.py, plugins/action/__init__.py), sudo, su, doas, shells and Python. A
machine chooses its words itself: they choose among the remedies below, and nothing else.
"""

import re
from typing import NamedTuple, Pattern

from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem
from ansible_collections.kvm.entropy.plugins.plugin_utils._printable import printable

# Of the reason a row has this many characters.
_MOST_REASON = 600
# What is before a module's own words, or stands where there are none.
_WITHOUT_WORDS = re.compile(r"MODULE FAILURE|See stdout/stderr for the exact error|Task failed|Shared connection to .* closed|"
                            r"No start of json char found|the machine's answer cannot be read: *$", re.IGNORECASE)
# What ansible-core advises in between, whatever the cause.
_ADVICE = re.compile(r"In some cases, you may have been able to authenticate.{0,300}? use -vvv\. ")
_NO_BECOME = "or look without root: ansible_become: false (docs/rights.md)"


class _Cause(NamedTuple):
    """What the words of a failure (``words``) mean, and what to do (``remedy``)."""

    words: Pattern
    remedy: str


def _cause(remedy, *words):
    return _Cause(re.compile("|".join(words), re.IGNORECASE), remedy)


# The first that matches counts.
_CAUSES = (
    _cause("Install sudo there, choose another ansible_become_method, log in as root (ansible_user), " + _NO_BECOME,
           r"(?:sudo|su|doas|pfexec|dzdo|ksu|pbrun|pmrun|run0)['\u2019\"]?: (?:\S+: )?(?:command |inaccessible or )?not found",
           r"(?:sudo|su|doas)['\"]?: No such file or directory", r"exec: (?:sudo|su|doas): not found"),
    _cause("Take requiretty out of its sudoers for this account, or use ansible_pipelining: false, " + _NO_BECOME,
           r"must have a tty", r"must be run from a terminal", r"no tty present", r"requiretty"),
    _cause("Let the account use it there (sudoers), log in as one that may (ansible_user), " + _NO_BECOME,
           r"not in the sudoers file", r"is not allowed to (?:execute|run)", r"may not run sudo", r"doas(?:: \S+)?: Operation not permitted",
           r"sudo: (?:effective uid is not 0|.*no new privileges|.*must be owned by uid 0)", r"account (?:validation failure|has expired)",
           r"User not known to the underlying"),
    _cause("Give the right password: -K (--ask-become-pass) or ansible_become_password, " + _NO_BECOME,
           r"Incorrect \S+ password", r"incorrect password attempt", r"Sorry, try again", r"Duplicate become password prompt",
           r"su: Authentication failure", r"doas: Authentication failed", r"privilege output closed while waiting for password prompt",
           r"Premature end of stream waiting for become"),
    _cause("Run it with -K (--ask-become-pass), which asks you for the password, " + _NO_BECOME,
           r"Missing \S+ password", r"a (?:password|terminal) is required", r"no password was provided", r"doas: Authentication required",
           r"Interactive authentication required"),
    _cause("Run it with -K (--ask-become-pass) where it waits for a password; else see what keeps the prompt back (a slow name service, a lecture, a language "
           "that ansible_become_method does not know) and raise the timeout (-T), " + _NO_BECOME,
           r"waiting for (?:privilege escalation|become)", r"Timed out .*become"),
    _cause("Free space there, or put ansible_remote_tmp on a file system that has some",
           r"No space left on device", r"Disk quota exceeded"),
    _cause("Put ansible_remote_tmp into a folder that the account may write there, such as /tmp/.ansible-${USER}",
           r"Read-only file system", r"Failed to create temporary directory", r"mkdir: cannot create directory",
           r"failed to resolve remote temporary directory"),
    _cause("Let both accounts share the temporary files (package acl there), set ansible_pipelining: true, or become root",
           r"Failed to set (?:permissions|execute bit|file mode).*remote", r"becoming an unprivileged user"),
    _cause("Mount the file system of ansible_remote_tmp without noexec, or put it into another folder",
           r"(?:ansible-tmp|AnsiballZ)\S*: (?:Permission denied|cannot execute)", r"noexec"),
    _cause("Install a Python there that this ansible-core supports (3.6 is the oldest for this collection), or name one by ansible_python_interpreter",
           r"python\S*: (?:command |inaccessible or )?not found", r"python\S*: No such file or directory", r"interpreter .* was not found",
           r"no python interpreters? (?:was )?found", r"requires a minimum of Python", r"future feature annotations is not defined",
           r"SyntaxError", r"No module named '?(?:json|zipfile|encodings|ctypes|__future__)"),
    _cause("Let the account's shell startup files print nothing where nobody is logged in (test -t 0), so that answers can be read",
           r"Received message too long", r"failed to transfer file", r"Module result deserialization failed", r"valid JSON"),
)


def reason_of(*texts):
    """Return the line (str) among ``texts`` (str each, the most telling first) that says best why a look failed."""
    lines = [line.strip() for text in texts for line in _ADVICE.sub("", text).split("\n") if line.strip()]
    telling = [line for line in lines if not _WITHOUT_WORDS.match(line)]
    # A traceback's last line is the one that tells, and a cause that is known tells more than any other.
    for cause in _CAUSES:
        found = next((line for line in telling if cause.words.search(line)), None)
        if found:
            return _around(found, cause.words)
    return printable(telling[-1] if telling else lines[0] if lines else "it said nothing", _MOST_REASON)


def _around(line, words):
    """Return ``line`` (str) printable; of a long one the part that ``words`` match."""
    start = max(0, words.search(line).start() - 100)
    return printable(line[start:] if len(line) > _MOST_REASON else line, _MOST_REASON)


def is_of_machine_that_answered(reason):
    """Return whether ``reason`` (str), which ansible-core gives for a machine that it calls unreachable, is known to come after an answer."""
    return any(cause.words.search(reason) for cause in _CAUSES[:-1])


def look_failed(reason):
    """Return the problem (dict) of a look that failed for ``reason`` (str)."""
    found = problem("look-failed", reason)
    remedy = next((cause.remedy for cause in _CAUSES if cause.words.search(reason)), None)
    return dict(found, remedy=remedy) if remedy else found
