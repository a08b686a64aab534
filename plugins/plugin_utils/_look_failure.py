# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a look failed, at a machine that answered, at one that did not, or on the controller: one line that says so, and the remedy that fits. Pure.

The words are those of ansible-core 2.16 to 2.21 (plugins/connection/{ssh,local,paramiko_ssh,psrp,winrm}.py, plugins/action/__init__.py), of the connection
plugins of community.docker, community.general, community.libvirt, containers.podman and kubernetes.core, of sudo, su, doas, shells and Python. A machine
chooses its words itself: they choose among the remedies below, and nothing else.
"""

import re
from typing import NamedTuple, Pattern

from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem
from ansible_collections.kvm.entropy.plugins.plugin_utils._printable import printable

NO_FOLDER = "Failed to create temporary directory"
# Of the reason a row has this many characters.
_MOST_REASON = 600
# What is before a module's own words, or stands where there are none.
_WITHOUT_WORDS = re.compile(r"MODULE FAILURE|See stdout/stderr for the exact error|Task failed|Shared connection to .* closed|"
                            r"(?:Module result deserialization failed: )?No start of json char found|the machine's answer cannot be read: *$", re.IGNORECASE)
# What ansible-core puts before the words of a plugin of its own.
_OF_CORE = re.compile(r"(?:Task failed: |Unexpected failure during module execution: )+(?=\S)")
# What ansible-core advises in between, whatever the cause.
_ADVICE = re.compile(r"In some cases, you may have been able to authenticate.{0,300}? use -vvv\. ")
_WINDOWS = "Judge a Windows guest by its host alone (entropy_verify_expect: host-only). For a Linux guest, choose another ansible_connection, such as ssh"
_NO_BECOME = "or look without root: ansible_become: false (docs/rights.md)"


class _Cause(NamedTuple):
    """What the words of a failure (``words``) mean, and what to do (``remedy``)."""

    words: Pattern
    remedy: str


def _cause(remedy, *words):
    return _Cause(re.compile("|".join(words), re.IGNORECASE), remedy)


# On the controller, before any machine was asked. The first that matches counts, here and below.
_ON_CONTROLLER = (
    _cause(_WINDOWS, r"(?:winrm|pypsrp)\b.* (?:is|are) not installed", r"powershell\W.*\bbecome\b"),
    _cause("Install it on the controller, where Ansible itself runs (a library into the Python of ansible-playbook), or choose another ansible_connection",
           r"(?:is|are) not installed(?:$|:)", r"\S+ command not found in PATH", r"failed to find the executable specified", r"bindings must be installed",
           r"Failed to find required executable", r"Failed to import the required Python library", r"you must install the sshpass program",
           r"No such file or directory: b'", r"Unable to execute ssh command line on a controller"),
    _cause("Correct ansible_connection, or install the collection that has this plugin (ansible-galaxy collection install)",
           r"connection plugin '.*' was not found"),
    _cause("Correct ansible_become_method, or install the collection that has this plugin (ansible-galaxy collection install)",
           r"Invalid become method"),
    _cause("Correct this variable in the inventory, or define what it is made of",
           r"is undefined", r"undefined variable", r"has no attribute", r"decryption failed", r"no vault secrets", r"template error",
           r"^it was not asked: Validation of arguments failed", r"syntax error in (?:template|expression)"),
)

# Of a machine that did not answer, or answered no command.
_UNANSWERED = (
    _cause(_WINDOWS,
           r"\b(?:winrm|psrp|WSMan)\b", r"is not recognized as (?:the name of a cmdlet|an internal or external command)"),
    _cause("Give the right account and key or password for its login: ansible_user, ansible_ssh_private_key_file, -k (--ask-pass)",
           r"Permission denied \((?:publickey|password|keyboard|gssapi|hostbased)", r"Invalid/incorrect password", r"Authentication fail",
           r"Too many authentication failures"),
    _cause("Compare its host key with the machine's own, then put it into known_hosts",
           r"Host key verification failed", r"REMOTE HOST IDENTIFICATION HAS CHANGED", r"host key mismatch", r"authenticity of host"),
    _cause("Correct its name in the inventory, or give its address by ansible_host",
           r"Could not resolve hostname", r"Name or service not known", r"Temporary failure in name resolution", r"nodename nor servname"),
    _cause("Start the container or domain, or correct its name (ansible_host, or the connection plugin's own option)",
           r"No such container", r"container \S+ is not running", r"no container with (?:name|ID)", r"can only create exec sessions on running containers",
           r"pods? \S+ not found", r"Domain not found", r"is not a lxc defined in libvirt", r"[Gg]uest agent is not (?:connected|responding|available)",
           r"domain is not running", r"Instance is not running", r"Instance not found"),
    _cause("Start that daemon, let this account use it, or choose another ansible_connection",
           r"Cannot connect to the Docker daemon", r"permission denied while trying to connect", r"The connection to the server \S+ was refused"),
    _cause("Give the account a login shell there, or log in as another one (ansible_user)",
           r"account is currently not available", r"allows sftp connections only"),
    _cause("Name a shell that is there by ansible_shell_executable", r"^it runs no command: \S*sh: .*not found"),
)

# Of a machine that answered.
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
           r"SyntaxError", r"(?:ImportError|ModuleNotFoundError): No module named", r"No module named '?(?:json|zipfile|encodings|ctypes|__future__)"),
    # dash, then bash. A shell that is the interpreter does not know Python's words.
    _cause("Name a Python by ansible_python_interpreter (3.6 is the oldest for this collection): what it names is none, or is for another machine",
           r"^\S*sh: (?:line )?(?:\d+: )?/\S+: (?:Permission denied|Is a directory|not found|cannot execute|Exec format error|No such file or directory)",
           r"bad interpreter", r"AnsiballZ_\S+: (?:line )?\d+: ", r"No start of json char found", r"^MODULE FAILURE"),
    _cause("Let the account's shell startup files print nothing where nobody is logged in (test -t 0), so that answers can be read",
           r"Received message too long", r"failed to transfer file", r"Module result deserialization failed", r"valid JSON"),
)


def reason_of(*texts, printed=""):
    """Return the line (str) among ``texts`` (str each, the most telling first) that says best why a look failed; what it ``printed`` says least."""
    lines, beside = _lines(*texts), _lines(printed)
    telling, least = ([line for line in found if not _WITHOUT_WORDS.match(line)] for found in (lines, beside))
    # A traceback's last line is the one that tells, and a cause that is known tells more than any other.
    for cause in _CAUSES:
        found = next((line for line in telling + least if cause.words.search(line)), None)
        if found:
            return _around(found, cause.words)
    # An answer that is no module's begins with what it is.
    found = telling[-1:] or [": ".join(lines[:1] + least[:1])] if lines or least else ["it said nothing"]
    return printable(found[0], _MOST_REASON)


def _lines(*texts):
    return [without_prefix(line.strip()) for text in texts for line in _ADVICE.sub("", text).split("\n") if line.strip()]


def without_prefix(message):
    """Return a ``message`` (str) of ansible-core without what it puts before the words of a plugin."""
    return _OF_CORE.sub("", message)


def _around(line, words):
    """Return ``line`` (str) printable; of a long one the part that ``words`` match."""
    start = max(0, words.search(line).start() - 100)
    return printable(line[start:] if len(line) > _MOST_REASON else line, _MOST_REASON)


def is_of_machine_that_answered(reason):
    """Return whether ``reason`` (str), which ansible-core gives for a machine that it calls unreachable, is known to come after an answer."""
    return not is_of_controller(reason) and _remedy(reason, _CAUSES[:-2]) is not None


def is_of_controller(reason):
    """Return whether ``reason`` (str) is one for which the controller asked nobody: what the connection takes is not there."""
    return _remedy(reason, _ON_CONTROLLER[:2]) is not None


def look_failed(reason):
    """Return the problem (dict) of a look that failed for ``reason`` (str)."""
    return _problem("look-failed", reason, _CAUSES + _UNANSWERED)


def unreachable(reason):
    """Return the problem (dict) of a machine that did not answer, for ``reason`` (str)."""
    return _problem("unreachable", reason, _ON_CONTROLLER + _UNANSWERED)


def _problem(code, reason, causes):
    found, remedy = problem(code, reason), _remedy(reason, causes)
    return dict(found, remedy=remedy) if remedy else found


def _remedy(reason, causes):
    return next((cause.remedy for cause in causes if cause.words.search(reason)), None)
