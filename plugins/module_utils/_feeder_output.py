# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Standard output and the log: whatever has become of their files, they neither end the feeder nor make it wait."""

import os
import select
import sys

_OUTPUT, _ERRORS = 1, 2
# A pipe that is writable takes so much without waiting (bytes, PIPE_BUF; pipe_poll in fs/pipe.c).
_MOST_AT_ONCE = 4096


def secure_standard_files():
    """Open /dev/null for each of the standard files that is closed, before another file can get its number and the log with it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
    # Python has none for a file that was closed when it began; argparse writes to them.
    sys.stdout = sys.stdout or os.fdopen(_OUTPUT, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_ERRORS, "w", closefd=False)


def tell(text):
    """Write ``text`` (str) for whoever called the program; raise OSError where it cannot be written."""
    data = (text + "\n").encode("utf-8", "surrogateescape")
    while data:
        data = data[os.write(_OUTPUT, data):]


def log(text):
    """Write ``text`` (str) to the log, as far as it takes it now: nobody waits for a log that is full, closed or gone."""
    # A message is one line, whatever names are in it.
    text = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    line = ("entropy-feeder: %s" % text).encode()[:_MOST_AT_ONCE - 1]
    try:
        if select.select([], [_ERRORS], [], 0)[1]:
            os.write(_ERRORS, line + b"\n")
    except (OSError, ValueError):
        pass
