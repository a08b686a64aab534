# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's log: of this boot from /dev/kmsg, or as a text that another machine has saved. Only the kernel's own records, and systemd's first ones."""

import errno
import os
import re
import time

# PRINTK_MESSAGE_MAX in kernel/printk/internal.h is 2048; a record's prefix and dictionary come on top.
LONGEST_RECORD = 8192
# How long (s) to read records at most: where the kernel writes faster than they are read, there is no end.
_MOST_SECONDS = 5

# "<priority>,<sequence number>,<µs since boot>,<flags>[,more];<text>", Documentation/ABI/testing/dev-kmsg.
_RECORD = re.compile(r"(\d+),(\d+),(\d+),[^;]*;([^\n]*)")
# The first line of a boot, init/main.c: before the kernel has a clock, and longer than the name (TASK_COMM_LEN, 15 characters) with which the kernel
# begins its line about any user's process, so that nobody can be taken for it.
_FIRST = re.compile(r"Linux version \d+\.\d")
_FIRST_SECONDS = 60
# A priority is a facility (times 8) and a level; a write to /dev/kmsg cannot have the kernel's facility (devkmsg_write() in kernel/printk/printk.c).
# systemd writes its first lines there as a daemon (LOG_DAEMON in syslog(3)), before there is a journal.
_KERNEL, _DAEMON = 0, 3
_SYSTEMD = "systemd[1]: "

# Before a record's text in a file: the priority (dmesg --raw), or its words (dmesg --decode).
_PRIORITY = re.compile(r"<(\d{1,4})>")
_DECODED = re.compile(r"([a-z]+[0-7]?) *:[a-z]+ *: ?")
_FACILITIES = {"kern": _KERNEL, "daemon": _DAEMON}
# Seconds since the boot, as the kernel, dmesg and journalctl -o short-monotonic print them, dmesg --show-delta with the time since the line before.
_SINCE_BOOT = re.compile(r"\[ *(\d{1,10}\.\d{1,9})(?: *<[^>]{0,24}>)?\] ?")
# A program may leave its own line on the console unfinished. Of what the kernel says behind it, the random driver's lines count, in the log of a console.
_BEHIND = re.compile(r"\[ *\d{1,10}\.\d{6}\](?: ?\[ *[TC]\d+\])? (?=random: |urandom_read)")
# With CONFIG_PRINTK_CALLER: the thread or the CPU.
_CALLER = re.compile(r"\[ *[TC]\d+\] ")
# The time of day instead: dmesg --ctime, --reltime and --time-format iso.
_MONTH = r"[A-Z][a-z]{2}"
_OF_DAY = re.compile(r"\[(?:%s %s [ \d]\d \d\d:\d\d:\d\d \d{4}|%s ?\d{1,2} \d\d:\d\d| *\+\d+\.\d+)\] " % (_MONTH, _MONTH, _MONTH))
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_ISO_ALONE = re.compile(_ISO + " ")
# rsyslog's templates (RFC 5424's too), journalctl's -o short, short-precise, short-full, short-iso and short-unix, and OpenWrt's logread; then the host, where
# it is told, and who says it. Syslogd and logread of Busybox and OpenWrt name the facility too.
_SYSLOG = re.compile(
    r"(?:(?:%s )?%s [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9}| \d{4})? (?:\S+ )??"
    r"|(?:(?:1 )?%s|%s %s(?: (?:[A-Z]{2,5}|[+-]\d{2,4}))?|\d{9,11}\.\d{1,9}) \S+ )"
    r"(?:(kern|user|mail|daemon|auth|authpriv|syslog|lpr|news|uucp|cron|ftp|local[0-7])\.[a-z]{3,7} )?(kernel|systemd\[1\])(?:: ?| - - -  ?)"
    % (_MONTH, _MONTH, _ISO, _MONTH, _ISO))
# journalctl -o short-monotonic, with the host or without.
_NAMED = re.compile(r"(?:\S+ )?(kernel|systemd\[1\]): ")
# journalctl between two boots.
_REBOOT = re.compile(r"-- (?:Reboot|Boot [0-9a-f]{32}) ?--")
# What a terminal and a serial line add: ECMA-48's control sequences, and control characters.
_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][0-9A-Z]|[\x00-\x08\x0b-\x1f\x7f]")


def read(path="/dev/kmsg"):
    """Return the log of the running kernel (dict): ``source`` (str), ``lines`` (list of [s since boot, text]), ``complete`` (bool: from boot on,
    without a gap).

    Where it may not be read: ``source`` and ``refused``, the error's name (str).
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        return {"source": path, "refused": errno.errorcode.get(error.errno, str(error.errno))}
    try:
        return dict(recorded(_records(handle)), source=path)
    except OSError as error:
        return {"source": path, "refused": errno.errorcode.get(error.errno, str(error.errno))}
    finally:
        os.close(handle)


def recorded(records):
    """Return the log (dict, see ``read``) that ``records`` (iterable of bytes, as /dev/kmsg gives them; None where time was over) hold."""
    lines, expected, complete = [], 0, True
    for record in records:
        match = record and _RECORD.match(record.decode("utf-8", "replace"))
        if not match:
            complete = False
            continue
        priority, number, when, text = match.groups()
        complete = complete and int(number) == expected
        expected = int(number) + 1
        if counts(int(priority) >> 3, text):
            lines.append([int(when) / 1e6, text])
    return {"lines": lines, "complete": complete and expected > 0}


def counts(facility, text):
    """Return whether a record of this ``facility`` (int, None where it is not shown) is the kernel's own, or one of systemd's first."""
    # The kernel's lines about a process begin with its name, which may be "systemd[1]: x".
    return facility is None or facility == (_DAEMON if text.startswith(_SYSTEMD) else _KERNEL)


def is_first(text, when):
    """Return whether ``text`` (str), logged ``when`` (float, s since boot, or None), is the first line of a boot (bool)."""
    return bool(_FIRST.match(text)) and (when is None or when < _FIRST_SECONDS)


def _records(handle):
    """Yield the records (bytes) of an open /dev/kmsg; None at last where there may be more than could be read in the time."""
    end = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < end:
        try:
            yield os.read(handle, LONGEST_RECORD)
        except BlockingIOError:
            return
        except OSError as error:
            # EPIPE: the next record was overwritten while we read; the one after it is there.
            if error.errno != errno.EPIPE:
                raise
    yield None


def parsed(source, text):
    """Return the log (dict, see ``read``) that ``text`` (str), the content of the file ``source`` (str), holds: that of its last boot.

    A time (s since boot) is None where the file has the time of day alone, or none.
    """
    found = [_line(line.group()) for line in re.finditer("[^\n]+", text)]
    named = _keep_own([line for line in found if line])
    lines, started = [], False
    for line in found:
        if line is None:
            lines, started = [], False
        elif line.is_kept:
            what = line.named if named else line.text
            if is_first(what, line.when):
                lines, started = [], True
            lines.append([line.when, what])
    return {"source": source, "lines": lines, "complete": started}


def _keep_own(found):
    """Mark those of the _Line list ``found`` that are the kernel's or systemd's, as the form of the whole file shows; return whether they are ``named``."""
    is_syslog = any(line.is_syslog for line in found)
    dated = [line for line in found if line.when is not None]
    # journalctl -o short-monotonic: whoever else is named there is not the kernel. Without a boot's start most lines decide, as the kernel may say
    # "some kernel: thing" itself.
    starts = [line for line in dated if is_first(line.text, line.when) or is_first(line.named, line.when)]
    is_journal = starts[-1].who == "kernel" if starts else 2 * sum(line.who == "kernel" for line in dated) > len(dated)
    for line in found:
        line.is_kept = line.is_syslog if is_syslog else bool(line.who) if is_journal else bool(line.text)
    for line in found:
        line.is_kept = line.is_kept and (bool(starts) or not line.is_behind)
    # Where the kernel's lines have their time, those without are a program's on the same console.
    if any(line.is_kept for line in dated):
        for line in found:
            line.is_kept = line.is_kept and line.when is not None
    return is_syslog or is_journal


class _Line:
    """A line of a saved log: ``when`` (s since boot, or None), ``text`` after that, ``who`` says it (str, or None) and ``named``, the text after that.

    ``is_syslog`` (bool): the line has a syslog's form; ``is_behind`` (bool): a program's words stood before it; ``is_kept``
    (bool): it is the kernel's, or systemd's.
    """

    # A file may have some ten thousand of them.
    __slots__ = ("is_behind", "is_kept", "is_syslog", "named", "text", "when", "who")

    def __init__(self, when, text, who=None, named="", is_syslog=False):  # noqa: PLR0913 (a record)
        self.when = when
        self.text = text
        self.who = who
        self.named = _SYSTEMD + named if who and who != "kernel" else named
        self.is_syslog = is_syslog
        self.is_behind = False
        self.is_kept = False


def _line(line):
    """Return the _Line in ``line`` (str): one without text where it is empty or not the kernel's; None where journalctl marks the start of a boot."""
    line = _TERMINAL.sub("", line[:LONGEST_RECORD])
    if _REBOOT.match(line):
        return None
    facility, line = _facility(line)
    stamp = _SYSLOG.match(line)
    if stamp:
        when, text = _since_boot(line[stamp.end():])
        said, who = stamp.groups()
        facility = _FACILITIES.get(said, -1) if said else facility
        # Any user may log under the kernel's name, and not with its facility.
        is_own = counts(facility, _SYSTEMD + text if who != "kernel" else text)
        return _Line(when, text, who, text, is_syslog=True) if is_own else _Line(None, "")
    when, text = _since_boot(line)
    behind = _BEHIND.search(line) if when is None else None
    if behind:
        when, text = _since_boot(line[behind.start():])
        said = _Line(when, text)
        said.is_behind = True
        return said
    if when is None:
        other = _OF_DAY.match(text) or _ISO_ALONE.match(text)
        text = _without_caller(text[other.end():] if other else text)
    if not counts(facility, text):
        return _Line(None, "")
    name = _NAMED.match(text)
    return _Line(when, text, name.group(1), text[name.end():]) if name else _Line(when, text)


def _facility(line):
    """Return the facility (int, None where it is not shown) and the rest of ``line`` (str)."""
    priority = _PRIORITY.match(line)
    if priority:
        return int(priority.group(1)) >> 3, line[priority.end():]
    decoded = _DECODED.match(line)
    if decoded and (_SINCE_BOOT.match(line, decoded.end()) or _OF_DAY.match(line, decoded.end()) or _ISO_ALONE.match(line, decoded.end())):
        return _FACILITIES.get(decoded.group(1), -1), line[decoded.end():]
    return None, line


def _since_boot(line):
    """Return the time (float, s since boot, or None) at the start of ``line`` (str), and the text after it."""
    stamp = _SINCE_BOOT.match(line)
    return (float(stamp.group(1)), _without_caller(line[stamp.end():])) if stamp else (None, line)


def _without_caller(text):
    caller = _CALLER.match(text)
    return text[caller.end():] if caller else text
