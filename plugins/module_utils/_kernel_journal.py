# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The start of this boot's kernel log in systemd's journal, where the kernel's ring buffer has lost it.

journald alone writes the fields whose names begin with ``_`` (systemd.journal-fields(7)), and what it read from /dev/kmsg has ``_TRANSPORT=kernel`` and the
record's own facility (dev_kmsg_record() in src/journal/journald-kmsg.c): nobody but root can add a line of the kernel's to it.
"""

import json
import os
import select
import stat
import time

from ansible_collections.kvm.entropy.plugins.module_utils import _kernel_log

# Where distributions have it; never by PATH, which a user may have set.
PROGRAMS = ("/usr/bin/journalctl", "/bin/journalctl", "/run/current-system/sw/bin/journalctl")
# SD_MESSAGE_JOURNAL_MISSED in src/systemd/sd-messages.h: journald read too slowly and says how many of the kernel's records it missed.
_MISSED = "e9bf28e6e834481bb6f48f548ad13606"
_ARGUMENTS = ("--no-pager", "--quiet", "--boot", "--output=json", "_TRANSPORT=kernel", "+", "MESSAGE_ID=" + _MISSED)
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
# A boot of 2,000 lines is some 1.5 MB of JSON; a large server's some 6.
_MOST_BYTES = 8 << 20
_MOST_SECONDS = 5
_PIECE = 1 << 16
# How many of the ring buffer's first lines may be there to find the place in the journal: a line with escapes is written in two ways.
_TRIED = 50
SOURCE = "the journal of this boot (journalctl)"


def completed(log, program=None):
    """Return ``log`` (dict of ``_kernel_log.read``) with the start that it lacks from the journal, as far as that has it; ``program`` (str) is journalctl.

    Where the journal does not have it, either, the log has ``journal``, why (str) not.
    """
    if log.get("complete"):
        return log
    found, why_not = _journal(program or _program())
    if why_not:
        return dict(log, journal=why_not)
    if "refused" in log:
        return dict(found, source=SOURCE)
    return joined(log, found)


def joined(log, journal):
    """Return ``log`` (dict, whose start is lost) with the lines of ``journal`` (dict) that stand before its own."""
    places = {(round(when, 6), text): place for place, (when, text) in reversed(list(enumerate(journal["lines"])))}
    for number, (when, text) in enumerate(log["lines"][:_TRIED]):
        place = places.get((round(when, 6), text))
        if place is not None:
            return {"lines": journal["lines"][:place] + log["lines"][number:], "complete": journal["is_whole_start"],
                    "source": "%s and %s" % (SOURCE, log["source"])}
    return dict(log, journal="the journal of this boot ends before the kernel's ring buffer begins")


def recorded(text):
    """Return the log (dict: ``lines``, ``complete``, ``is_whole_start``) in ``text`` (bytes, lines of JSON), and why not (str) where it has no start."""
    lines, is_whole_start = [], None
    for line in text.split(b"\n"):
        entry = _entry(line)
        if entry is None:
            continue
        if entry == _MISSED:
            is_whole_start = False
            continue
        if is_whole_start is None:
            # Of several kernels' records (kexec has no new boot id of its own) the first line of a boot is at the start.
            is_whole_start = _kernel_log.is_first(entry[1], entry[0])
        lines.append(entry)
    return {"lines": lines, "complete": bool(is_whole_start), "is_whole_start": bool(is_whole_start)}


def _entry(line):
    """Return [s since boot, text] of the kernel's or systemd's record in ``line`` (bytes, JSON), _MISSED, or None where it is another's or unreadable."""
    if not line or len(line) > _kernel_log.LONGEST_RECORD * 4:
        return None
    try:
        found = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    if found.get("_TRANSPORT") != "kernel":
        # Any user may log with this id, and only journald itself as its driver.
        return _MISSED if found.get("MESSAGE_ID") == _MISSED and found.get("_TRANSPORT") == "driver" else None
    return _kernels(found)


def _kernels(found):
    """Return [s since boot, text] of ``found`` (dict), a record that came through /dev/kmsg; None where another wrote it there."""
    text, when, facility = (found.get(name) for name in ("MESSAGE", "_SOURCE_MONOTONIC_TIMESTAMP", "SYSLOG_FACILITY"))
    if not (isinstance(text, str) and _is_number(when) and _is_number(facility)):
        return None
    if facility != "0":
        text = "%s[%s]: %s" % (found.get("SYSLOG_IDENTIFIER"), found.get("SYSLOG_PID"), text)
    return [int(when) / 1e6, _escaped(text)] if _kernel_log.counts(int(facility), text) else None


def _escaped(text):
    """Return ``text`` (str), which journald has unescaped, as /dev/kmsg has it (append_char() and msg_print_ext_body() in kernel/printk/printk.c)."""
    return "".join(chr(code) if 32 <= code < 127 and code != 92 else "\\x%02x" % code for code in text.encode("utf-8", "replace"))


def _is_number(text):
    return isinstance(text, str) and text.isdigit() and len(text) < 20


def _program():
    """Return the first of PROGRAMS (str) that only root can have written; None where there is none."""
    for path in PROGRAMS:
        try:
            found = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode) and found.st_uid == 0 and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return path
    return None


def _journal(program):
    """Return (the log (dict of ``recorded``), None) that ``program`` (str or None) prints, or (None, why not (str))."""
    if program is None:
        return None, "there is no journalctl"
    try:
        text, is_over = _printed(program)
    except (ImportError, OSError, ValueError) as error:
        return None, "journalctl: %s" % error
    # A record that was cut is none.
    log = recorded(text[:text.rfind(b"\n") + 1] if is_over else text)
    if not log["lines"]:
        return None, "the journal of this boot has no line of the kernel's, or this account may not read it"
    if not log["complete"]:
        return None, "the journal of this boot does not go back to it, or missed records"
    return log, None


def _printed(program):
    """Return what ``program`` (str) prints (bytes), and whether that was cut (bool) as it was too long or took too long. Raise OSError."""
    # An initramfs that calls this collection may lack a module of Python's that this takes, and has no journal.
    from ansible_collections.kvm.entropy.plugins.module_utils._program import printing  # noqa: PLC0415

    with printing([program, *_ARGUMENTS], None, _ENVIRONMENT) as pipe:
        return _collected(pipe)


def _collected(pipe):
    """Return what comes from ``pipe`` (int) until its end, _MOST_BYTES or _MOST_SECONDS (bytes), and whether that was not all (bool)."""
    pieces, size, end = [], 0, time.monotonic() + _MOST_SECONDS
    while size < _MOST_BYTES:
        left = end - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return b"".join(pieces), True
        piece = os.read(pipe, _PIECE)
        if not piece:
            return b"".join(pieces), False
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces), True
