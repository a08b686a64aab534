# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that came from a machine, as a terminal, a log or a page may show it: one line, nothing that steers the reader's screen or eyes. Pure."""

import re
import unicodedata

# Before the remedy stands "->"; what a machine said must not look like one.
_ARROW, _NO_ARROW = "->", "- >"
# What cuts a text here and in _words.cut.
_ELLIPSIS = "…"
# Letters that look like nothing: of Hangul, the fillers of a place.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0")
# By so many spaces a terminal's width could be filled, so that what follows looked like a line of its own.
_SPACES = re.compile(" {2,}")


def printable(text, most):
    """Return ``text`` (str) with at most ``most`` characters (int), of which only ASCII, letters and digits stay as they are.

    Each other one becomes its escape, such as ``\\x1b`` or ``\\u202e``: control characters, line ends, bidirectional marks, lone surrogates, signs that look
    like an arrow or like nothing, what is written over the character before it, and letters that are written from right to left, as they
    take what stands beside them along. Several spaces become one.
    """
    text = text[:most + 1]
    if not (text.isascii() and text.isprintable()):
        text = "".join(each if _is_plain(each) else _escaped(each) for each in text)
    text = _SPACES.sub(" ", text).replace(_ARROW, _NO_ARROW)
    return text if len(text) <= most else text[:most - 1] + _ELLIPSIS


def _is_plain(character):
    if character.isascii():
        return character.isprintable()
    # "L" is a strong left-to-right character (Unicode Standard Annex #9, table 4).
    return character == _ELLIPSIS or (character.isalnum() and unicodedata.bidirectional(character) == "L" and character not in _BLANK)


def _escaped(character):
    code = ord(character)
    return "\\x%02x" % code if code < 0x100 else "\\u%04x" % code if code < 0x10000 else "\\U%08x" % code
