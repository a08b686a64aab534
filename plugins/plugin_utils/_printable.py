# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that came from a machine, as a terminal, a log or a page may show it: one line, nothing that steers the reader's screen or eyes. Pure."""

# Before the remedy stands "->"; what a machine said must not look like one.
_ARROW, _NO_ARROW = "->", "- >"


def printable(text, most):
    """Return ``text`` (str) with at most ``most`` characters (int), without control characters, line ends, bidirectional marks and lone surrogates.

    Each of these becomes its escape, such as ``\\x1b`` or ``\\u202e``. They are what ``str.isprintable`` refuses: the categories "other" and
    "separator" of the Unicode character database, less the space.
    """
    text = text[:most + 1]
    if not text.isprintable():
        text = "".join(each if each.isprintable() else _escaped(each) for each in text)
    text = text.replace(_ARROW, _NO_ARROW)
    return text if len(text) <= most else text[:most - 1] + "…"


def _escaped(character):
    code = ord(character)
    return "\\x%02x" % code if code < 0x100 else "\\u%04x" % code if code < 0x10000 else "\\U%08x" % code
