# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers and text of a module's options: what each may be, checked in one place."""

import math
import re

from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

# More seconds, domains or rows than this (68 years as seconds) are a mistake.
LARGEST = 2 ** 31 - 1

# Decimal numbers of more digits are a mistake, and their conversion takes Python seconds, memory, or an exception.
_MOST_DIGITS = 20
_NUMBER = re.compile(r"\s*[-+]?(?:[0-9_]{1,%d}(?:\.[0-9_]{0,%d})?|\.[0-9_]{1,%d})(?:[eE][-+]?[0-9]{1,2})?\s*" % ((_MOST_DIGITS,) * 3))
# A longer value is cut in messages.
_MOST_SHOWN = 200

# What no XML document and no path can hold: C0 controls, DEL, surrogates, and the two noncharacters (https://www.w3.org/TR/xml/#charsets).
_NO_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
# XML has three of the controls, and DEL.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_UNFIT = re.compile("[\x00\ud800-\udfff]")


def is_convertible(value):
    """Return whether Ansible's conversion of ``value`` to a number survives it, in each version, and does not take true for 1."""
    if isinstance(value, bool):
        return False
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < 10 ** _MOST_DIGITS
    return value is None or (isinstance(value, str) and bool(_NUMBER.fullmatch(value)))


def is_passable(text):
    """Return whether ``text`` (str) can be handed to the system: as UTF-8, so without a lone surrogate, and as C's text, so without a NUL."""
    return not _UNFIT.search(text)


def check_numbers(options, bounds):
    """Raise EntropyError unless each number of ``options`` (dict) that ``bounds`` (name: (least, most)) names is within them."""
    for name, (least, most) in bounds.items():
        if not least <= options[name] <= most:
            raise EntropyError("%s: found %s, expected %s to %s: nothing was changed" % (name, shown(options[name]), least, most))


def check_text(name, value, is_xml=False):
    """Raise EntropyError where ``value`` (str) of the option ``name`` has a character that no URI, path or address has; ``is_xml``: that no XML has."""
    found = (_NO_XML if is_xml else _NO_TEXT).search(value)
    if found:
        raise EntropyError("%s: found %s with the character U+%04X at position %d, expected printable text: nothing was changed" % (
            name, shown(value), ord(found.group()), found.start()))


def shown(value):
    """Return ``value`` as a message has it (str): printable, and short."""
    if isinstance(value, int) and abs(value) >= 10 ** _MOST_DIGITS:
        return "a number of over %d digits" % _MOST_DIGITS
    text = value if isinstance(value, str) and value.isprintable() and value else ascii(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."
