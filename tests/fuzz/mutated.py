# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that a machine may put where another value belongs."""

import copy

from hypothesis import strategies as some

# Whatever JSON can hold, and what Python's reader makes of it beyond that.
TEXTS = some.one_of(some.text(max_size=20), some.sampled_from([
    "", "\ud800", "\x1b[2J", "\u202e", "{{ 7 * 7 }}", "x" * 10000, "../../x", "true", "None", "1" * 400]))
NUMBERS = some.one_of(some.integers(), some.floats(), some.sampled_from([10 ** 4000, -1, 2 ** 63, 2 ** 64, 1e308, float("inf"), float("nan")]))
VALUES = some.recursive(
    some.one_of(some.none(), some.booleans(), NUMBERS, TEXTS),
    lambda inner: some.one_of(some.lists(inner, max_size=3), some.dictionaries(TEXTS, inner, max_size=3)), max_leaves=6)


def paths(value, at=()):
    """Yield the path (tuple of keys and indexes) of each value in ``value``, containers included."""
    if at:
        yield at
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(inner, (*at, step))


def changed(value, changes):
    """Return a copy of ``value`` with ``changes`` (list of (path, new value), None for a key that goes) made as far as their paths are still there."""
    value = copy.deepcopy(value)
    for path, new in changes:
        inner = value
        try:
            for step in path[:-1]:
                inner = inner[step]
            if new is GONE and isinstance(inner, dict):
                del inner[path[-1]]
            else:
                inner[path[-1]] = new
        except (KeyError, IndexError, TypeError):
            continue
    return value


GONE = object()


def mutations(value, most=3):
    """Return a strategy of copies of ``value`` with one to ``most`` values changed or gone."""
    change = some.tuples(some.sampled_from(list(paths(value))), some.one_of(VALUES, some.just(GONE)))
    return some.lists(change, min_size=1, max_size=most).map(lambda changes: changed(value, changes))
