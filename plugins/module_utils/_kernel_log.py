# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's log: of this boot from /dev/kmsg, or as a text that another machine has saved."""

import errno
import os
import re

# PRINTK_MESSAGE_MAX in kernel/printk/internal.h is 2048; a record's prefix and dictionary come on top.
LONGEST_RECORD = 8192

# "<priority>,<sequence number>,<µs since boot>,<flags>[,more];<text>", Documentation/ABI/testing/dev-kmsg.
_RECORD = re.compile(r"[^,]*,(\d+),(\d+),[^;]*;([^\n]*)")
# "[    1.234567] text" as dmesg prints it; with CONFIG_PRINTK_CALLER "[    1.234567][    T1] text".
_LINE = re.compile(r"(?:<\d+>)?\[ *(\d{1,10}\.\d{1,9})\](?:\[ *[TC]\d+\])? (.*)")
# The first line of a boot, init/main.c.
FIRST = "Linux version "


def read(path="/dev/kmsg"):
    """Return the log of the running kernel (dict): ``source`` (str), ``lines`` (list of [s since boot, text]), ``complete`` (bool: from boot on).

    Where it may not be read: ``source`` and ``refused``, the error's name (str).
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        return {"source": path, "refused": errno.errorcode.get(error.errno, str(error.errno))}
    try:
        records = list(_records(handle))
    except OSError as error:
        return {"source": path, "refused": errno.errorcode.get(error.errno, str(error.errno))}
    finally:
        os.close(handle)
    lines = [[int(when) / 1e6, text] for _number, when, text in records]
    return {"source": path, "lines": lines, "complete": bool(records) and int(records[0][0]) == 0}


def _records(handle):
    while True:
        try:
            record = os.read(handle, LONGEST_RECORD)
        except BlockingIOError:
            return
        except OSError as error:
            # EPIPE: the next record was overwritten while we read; the one after it is there.
            if error.errno == errno.EPIPE:
                continue
            raise
        match = _RECORD.match(record.decode("utf-8", "replace"))
        if match:
            yield match.groups()


def parsed(source, text):
    """Return the log (dict, see ``read``) that ``text`` (str), the content of the file ``source`` (str), holds."""
    lines = []
    for match in filter(None, map(_LINE.match, text.splitlines())):
        if match.group(2).startswith(FIRST):
            lines = []
        lines.append([float(match.group(1)), match.group(2)])
    return {"source": source, "lines": lines, "complete": bool(lines) and lines[0][1].startswith(FIRST)}
