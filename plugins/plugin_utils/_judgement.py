# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of the judged rows: to a person, to the job, and whether the job fails; in few words, however many rows there are. Pure."""

import collections
import re

from ansible_collections.kvm.entropy.plugins.module_utils import _bounds, _words
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import BROKEN, DEGRADED, OK, UNKNOWN, VERDICTS, is_proven_in_time
from ansible_collections.kvm.entropy.plugins.plugin_utils._admission import EXPECTATIONS
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain_text import is_info
from ansible_collections.kvm.entropy.plugins.plugin_utils._schema import shown

# The words of a count, in this order.
_COUNTED = (OK, DEGRADED, BROKEN, UNKNOWN)
# A line with the reason of a problem, which is cut elsewhere, its explanation and its remedy has place in this.
_MOST_LINE = 4000
# A whole number as a survey and -e pass it, and the largest one: some 30,000 years in seconds.
_NUMBER = re.compile(r"-?[0-9]{1,12}")
_MOST_NUMBER = 10 ** 12
# Any number of unknown guests.
ANY = -1


def checked(options):
    """Return ``options`` (dict) with ``max_age``, ``max_unknown`` and ``max_results`` as int, ``fail_on``, ``hosts`` and ``guests`` as list of str.

    A survey and -e pass text. Raise EntropyError that names each variable of role verify that is wrong, what was found and what may be there.
    """
    wrong = []
    found = {
        "hosts": _words_of(options["hosts"]),
        "guests": _words_of(options["guests"]),
        "max_age": _number(options, "max_age", 0, "a whole number of seconds", wrong),
        "fail_on": _words_of(options["fail_on"]),
        "max_unknown": _number(options, "max_unknown", ANY, "a whole number of guests, or -1 for any number", wrong),
        "max_results": _number(options, "max_results", 0, "a whole number of guests, or 0 for all", wrong),
        "expect": options["expect"],
    }
    for name, expected in (("hosts", "inventory names"), ("guests", "inventory names"), ("fail_on", "some of " + ", ".join(VERDICTS))):
        known = VERDICTS if name == "fail_on" else found[name]
        words = found[name] if isinstance(found[name], list) else [found[name]]
        foreign = [word for word in words if not (isinstance(word, str) and isinstance(found[name], list) and word in known)]
        if foreign:
            wrong.append(f"entropy_verify_{name} has {shown(foreign[0])}, must be a list of {expected}, or text with commas")
    if found["expect"] not in EXPECTATIONS:
        wrong.append(f"entropy_verify_expect is {shown(found['expect'])}, must be one of {', '.join(EXPECTATIONS)}")
    if wrong:
        raise EntropyError(". ".join(wrong))
    return found


def _words_of(value):
    """Return ``value``, or the words (list of str) of a text with commas, also one that looks like a list, as ``-e name=[a,b]`` gives it."""
    if not isinstance(value, str):
        return value
    words = (word.strip(" \t\n'\"") for word in value.strip().strip("[]").split(","))
    return [word for word in words if word]


def _number(options, name, least, expected, wrong):
    """Return the option ``name`` as an int of at least ``least``; else add to ``wrong`` (list of str) that ``expected`` (str) may be there."""
    value = options[name]
    number = int(value) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else value
    if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= _MOST_NUMBER:
        wrong.append(f"entropy_verify_{name} is {shown(options[name])}, must be {expected}")
    return number


def judgement(rows, fail_on, max_unknown, max_results, everyone):
    """Return what is said of ``rows`` (list of dict, worst first, see ``_chain.chain``).

    ``counts``: dict, verdict to int, and ``not_proven``, how many are ok and not proven in time. ``told``: list of str, the lines of at most
    ``max_results`` (int; 0: all) guests that are not ok, or of all guests for ``everyone`` (bool), as many as an event of ansible-runner keeps, then what
    is left out, then the counts. ``failure``: why the job fails (str) by ``fail_on`` (list of verdicts) and ``max_unknown`` (int, or ANY); None where it
    does not.
    """
    counts = dict.fromkeys(VERDICTS, 0)
    counts.update(collections.Counter(row["verdict"] for row in rows))
    counts["not_proven"] = sum(not is_proven_in_time(row) for row in rows)
    shown = rows if everyone else [row for row in rows if row["verdict"] != OK]
    lines = ([_words.cut(line, _MOST_LINE) for line in row["text"]] for row in (shown[:max_results] if max_results else shown))
    told = _bounds.fitting(lines, _bounds.room({})) if max_results else list(lines)
    rest = shown[len(told):]
    return {
        "counts": counts,
        "told": sum(told, []) + ([_left_out(rest)] if rest else []) + [_summary(counts)],
        "failure": " ".join(filter(None, [_failing(rows, fail_on), _too_many(counts[UNKNOWN], max_unknown)])) or None,
    }


def _summary(counts):
    """Return the line (str) that tells the ``counts`` (dict), and of how many that are ok nothing tells any more that they were ready in time."""
    line = ", ".join(f"{counts[one]} {one}" for one in _COUNTED)
    return line + (f" ({counts['not_proven']} ok, but not proven in time)" if counts["not_proven"] else "")


def _left_out(rest):
    """Return the line (str) that tells of the rows that are not told (list of dict): how many, their verdicts and problems, and how to see them."""
    verdicts = collections.Counter(row["verdict"] for row in rest)
    codes = collections.Counter(one["code"] for row in rest for one in row["problems"] if not is_info(one))
    why = "; their problems: " + ", ".join(f"{code} {number}" for code, number in sorted(codes.items(), key=lambda one: (-one[1], one[0]))) if codes else ""
    return (f"and {len(rest)} more ({', '.join(f'{verdicts[one]} {one}' for one in _COUNTED if verdicts[one])}{why}). "
            "entropy_verify_max_results=0 tells them all, in an event that ansible-runner and AWX empty; its output has them")


def _failing(rows, fail_on):
    """Return why ``fail_on`` (list of verdicts) fails the job (str), or None."""
    failing = [row["text"][0] for row in rows if row["verdict"] in fail_on]
    if not failing:
        return None
    return (f"{len(failing)} of {len(rows)} guests are {' or '.join(fail_on)}: {_words.names(failing, '; ')}. "
            "The reason and the remedy of each link stand above.")


def _too_many(unknown, allowed):
    """Return why so many ``unknown`` guests (int) fail the job (str), or None."""
    if allowed == ANY or unknown <= allowed:
        return None
    return f"{unknown} guests are unknown, entropy_verify_max_unknown allows {allowed}. What would have to be looked at stands above."
