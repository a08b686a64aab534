# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a running guest, read through its QEMU guest agent. What a guest answers is not trusted: its size, its form and its words."""

import base64
import json
import math
import re
import time

from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import RefusedError

# One file of /proc or /sys; /proc/interrupts of a guest with hundreds of CPUs is the longest that is read.
SHORT, LONG = 4096, 2 ** 20
# What an answer holds besides the file, which is told in base64.
_FRAME = 1000

# How long (s) an agent may think about one command: as long as libvirt waits by itself (QEMU_AGENT_WAIT_TIME in src/qemu/qemu_agent.h), and the
# least that it waits for one that was silent before.
_PATIENCE = 5

# qapi's words in QEMU for a command that its administrator, its distribution (RHEL does so with files) or a freeze has turned off.
_FROZEN = re.compile(r"frozen")
_BLOCKED = re.compile(r"has been disabled|is not allowed|ommand \S+ has not been found")
_NOT_THERE = "No such file or directory"

_BLOCKS = ("its agent does not allow %s (RHEL's and Fedora's do not): allow guest-file-open, guest-file-read and guest-file-close in "
           "/etc/sysconfig/qemu-ga, or log in to the guest instead")
# By the kind of libvirt's refusal, what keeps us from the agent. Any other refusal is the agent's own answer.
_WHY = {
    "silent": "its agent does not answer (%s): see qemu-guest-agent in the guest",
    "denied": "libvirt does not let this user ask guest agents (%s): that takes org.libvirt.api.domain.write, see docs/rights.md",
    "busy": "something else is talking to its agent (%s): look again",
    "gone": "it was undefined meanwhile",
    "stopped": "it ended meanwhile",
    "unsupported": "its hypervisor's driver asks no guest agents (%s)",
}
# Of what a guest may have written itself, so much is told.
_MOST_WORDS = 200


class AgentError(Exception):
    """The agent cannot be asked, or answers what is no answer: why (str), with what to do. Nothing more is to be had from it now."""


class TimeUpError(Exception):
    """The time for this guest is over."""


class Files:
    """A guest's files. ``ask(command, seconds)`` (str, int) returns the agent's answer (str), or raises RefusedError; ``seconds`` is for all of it.

    One file is open at a time, and always closed, but for an agent that falls silent while it is: that would only be another wait. ``refused`` (dict,
    path to the agent's words) has what is there and not to be read, ``calls`` (int) how often the agent was asked.
    """

    def __init__(self, ask, seconds, clock=time.monotonic):
        self._ask = ask
        self._clock = clock
        self._end = clock() + seconds
        self._lost = None
        self.refused = {}
        self.calls = 0

    def text(self, path, most=SHORT):
        """Return what the file ``path`` (str) holds, at most ``most`` bytes, as printable ASCII, lines and NULs (str); None where it cannot be read.

        Raise AgentError, or TimeUpError, which comes between two files only.
        """
        handle = self._open(path)
        if handle is None:
            return None
        try:
            answer = self._command("guest-file-read", most, handle=handle, count=most)
            return None if isinstance(answer, _Error) else _content(answer, most)
        finally:
            self._close(handle)

    def has(self, path):
        """Return whether the file or folder ``path`` is there (bool). Raises as ``text`` does."""
        handle = self._open(path)
        if handle is None:
            return path in self.refused
        self._close(handle)
        return True

    def system(self):
        """Return the id (str) that the guest's system gives itself, as ``debian`` or ``mswindows``; None where it does not tell."""
        answer = self._command("guest-get-osinfo", SHORT)
        found = answer.get("id") if isinstance(answer, dict) else None
        return _printable(found)[:_MOST_WORDS] if isinstance(found, str) else None

    def _open(self, path):
        if self._clock() >= self._end:
            raise TimeUpError()
        handle = self._command("guest-file-open", 0, path=path, mode="r")
        if isinstance(handle, _Error):
            if _NOT_THERE not in handle:
                self.refused[path] = handle
            return None
        if not isinstance(handle, int) or isinstance(handle, bool):
            raise _no_answer("guest-file-open", handle)
        return handle

    def _close(self, handle):
        self._command("guest-file-close", 0, handle=handle)

    def _command(self, name, most, **arguments):
        """Return what the agent answers to the command ``name``, an _Error where that is one about its arguments."""
        if self._lost:
            raise self._lost
        self.calls += 1
        command = json.dumps(dict({"arguments": arguments} if arguments else {}, execute=name))
        try:
            text = self._ask(command, min(_PATIENCE, max(1, math.ceil(self._end - self._clock()))))
        except RefusedError as refusal:
            if refusal.kind in _WHY:
                self._lost = _lost(refusal)
                raise self._lost from refusal
            return _error_of(name, refusal)
        if len(text) > _FRAME + most * 4 // 3 + 4:
            raise _no_answer(name, "%d characters" % len(text))
        try:
            return json.loads(text)["return"]
        except (ValueError, TypeError, LookupError, RecursionError):
            raise _no_answer(name, text) from None


class _Error(str):
    """The agent's words about what is wrong with a command's arguments."""


def _lost(refusal):
    why = _WHY[refusal.kind]
    return AgentError(why % _words(refusal) if "%s" in why else why)


def _words(refusal):
    return _printable(str(refusal))[:_MOST_WORDS]


def _error_of(name, refusal):
    """Return the agent's _Error behind libvirt's ``refusal`` of the command ``name``; raise AgentError where it allows no such command."""
    words = _words(refusal)
    if name == "guest-get-osinfo":
        return _Error(words)
    if _FROZEN.search(words):
        raise AgentError("its file systems are frozen, as for a backup: look again later") from refusal
    if _BLOCKED.search(words):
        raise AgentError(_BLOCKS % name) from refusal
    return _Error(words)


def _content(answer, most):
    try:
        content = base64.b64decode(answer["buf-b64"], validate=True)
    except (ValueError, TypeError, LookupError):
        raise _no_answer("guest-file-read", answer) from None
    return _printable(content[:most].decode("ascii", "replace"))


def _printable(text):
    """Return ``text`` (str) with a question mark for all but printable ASCII, tabs, line ends and NULs."""
    return re.sub("[^ -~\t\n\0]", "?", text)


def _no_answer(name, found):
    return AgentError("its agent gives no proper answer to %s, but %s: see qemu-guest-agent in the guest" % (
        name, ascii(found if isinstance(found, str) else json.dumps(found))[:_MOST_WORDS]))
