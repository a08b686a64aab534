# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small schema language for facts that come from a machine. Pure.

A schema is a function: it returns a value that fits, or raises MisfitError. Of a dictionary it returns the known keys only, so that what no schema
names travels no further, however large or deep it is. No library does this in the time that ten thousand machines leave (100 µs each), and
ansible-core brings none.
"""

import math

# Of a value that does not fit, a message has this many characters.
_MOST_SHOWN = 60


class MisfitError(Exception):
    """A value that does not fit: ``path`` (list of keys and indexes, the outermost first), what was ``found`` and what was ``expected`` (str)."""

    def __init__(self, value, expected):
        super().__init__(expected)
        self.path = []
        self.found = shown(value)
        self.expected = expected

    def at(self, step):
        """Return this error as one of the container in which the value is at ``step`` (a key or an index)."""
        self.path.insert(0, step)
        return self

    def __str__(self):
        return "%s: found %s, expected %s" % (_dotted(self.path), self.found, self.expected)


class Missing:
    """The value of a key that is not there."""


_CONSTANTS = ((None, "null"), (True, "true"), (False, "false"), (Missing, "nothing"))


def shown(value):
    """Return ``value`` of any type and size in few characters (str): its type, and the value itself where that is short."""
    for constant, words in _CONSTANTS:
        if value is constant:
            return words
    if isinstance(value, str):
        text = ascii(value[:_MOST_SHOWN])
        return text if len(value) <= _MOST_SHOWN else "text of %d characters that begins with %s" % (len(value), text)
    if isinstance(value, int):
        # The text of a longer number takes time, and Python refuses it beyond 4,300 digits.
        return "the number %d" % value if value.bit_length() < 64 else "a number of %d bits" % value.bit_length()
    for kind, words in ((list, "a list of %d"), (tuple, "a list of %d"), (dict, "a dictionary of %d")):
        if isinstance(value, kind):
            return words % len(value)
    return "the number %r" % value if isinstance(value, float) else "a value of type %s" % type(value).__name__[:_MOST_SHOWN]


def _dotted(path):
    """Return ``path`` (list of keys and indexes) as text, such as ``problems[3].code``."""
    text = ""
    for step in path:
        text += "[%d]" % step if isinstance(step, int) else ("." if text else "") + ascii(str(step)[:_MOST_SHOWN])[1:-1]
    return text or "the whole"


def text(most, form=None, expected=None):
    """Accept text of at most ``most`` characters (int), and of the ``form`` (a compiled pattern, or None) that ``expected`` (str) describes."""
    words = expected or "text of at most %d characters" % most

    def check(value):
        if not isinstance(value, str) or len(value) > most or (form and not form.fullmatch(value)):
            raise MisfitError(value, words)
        return value

    return check


def integer(least, most):
    """Accept a whole number from ``least`` to ``most``; true and false are none."""
    words = "a whole number from %d to %d" % (least, most)

    def check(value):
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise MisfitError(value, words)
        return value

    return check


def moment(most):
    """Accept seconds since 1970 (int), up to ``most``, also as digits: ansible-core before 2.19 makes text of a number that a template returns."""
    whole = integer(0, most)

    def check(value):
        # isdecimal() admits other scripts' digits, which int() reads as well; the length is looked at first.
        if isinstance(value, str) and len(value) <= len(str(most)) and value.isascii() and value.isdecimal():
            value = int(value)
        return whole(value)

    return check


def real(least, most):
    """Accept a finite number from ``least`` to ``most``."""
    words = "a number from %g to %g" % (least, most)

    def check(value):
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value) or not least <= value <= most:
            raise MisfitError(value, words)
        return value

    return check


def one_of(*values):
    """Accept one of ``values``, of the same type: 1 is not true."""
    words = "one of " + ", ".join("null" if value is None else str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    constants = tuple(value for value in values if not isinstance(value, str))
    texts = frozenset(value for value in values if isinstance(value, str))

    def check(value):
        if isinstance(value, str):
            if value in texts:
                return value
        else:
            for constant in constants:
                if value is constant:
                    return value
        raise MisfitError(value, words)

    return check


def nullable(schema):
    """Accept null, and what ``schema`` accepts."""

    def check(value):
        return None if value is None else schema(value)

    return check


def list_of(schema, most):
    """Accept a list of at most ``most`` (int) values that ``schema`` accepts."""
    words = "a list of at most %d" % most

    def check(value):
        if not isinstance(value, (list, tuple)) or len(value) > most:
            raise MisfitError(value, words)
        found = []
        for number, item in enumerate(value):
            try:
                found.append(schema(item))
            except MisfitError as misfit:
                raise misfit.at(number) from None
        return found

    return check


def mapping(key_schema, schema, most):
    """Accept a dictionary of at most ``most`` (int) keys and values that the two schemas accept."""
    words = "a dictionary of at most %d" % most

    def check(value):
        if not isinstance(value, dict) or len(value) > most:
            raise MisfitError(value, words)
        found = {}
        for key, item in value.items():
            try:
                found[key_schema(key)] = schema(item)
            except MisfitError as misfit:
                raise misfit.at(key) from None
        return found

    return check


def record(required, optional=None):
    """Accept a dictionary that has all ``required`` keys and may have the ``optional`` ones (dicts of key to schema); it returns no other keys."""
    required, optional = tuple(required.items()), tuple((optional or {}).items())

    def check(value):
        if not isinstance(value, dict):
            raise MisfitError(value, "a dictionary")
        found = {}
        key = None
        try:
            for key, schema in required:
                found[key] = schema(value.get(key, Missing))
            for key, schema in optional:
                if key in value:
                    found[key] = schema(value[key])
        except MisfitError as misfit:
            raise misfit.at(key) from None
        return found

    return check
