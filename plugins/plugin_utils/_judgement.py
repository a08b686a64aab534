# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of the judged rows: to a person, to the job, and whether the job fails; in few words, however many rows there are. Pure."""

import collections
import difflib
import re

from ansible_collections.kvm.entropy.plugins.module_utils import _bounds, _words
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import BROKEN, DEGRADED, OK, UNKNOWN, VERDICTS, is_proven_in_time
from ansible_collections.kvm.entropy.plugins.plugin_utils._admission import EXPECTATIONS
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain_text import is_info, name_of
from ansible_collections.kvm.entropy.plugins.plugin_utils._join import RUNNING
from ansible_collections.kvm.entropy.plugins.plugin_utils._schema import shown
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import counted

# The words of a count, in this order.
_COUNTED = (OK, DEGRADED, BROKEN, UNKNOWN)
_WORST_FIRST = (BROKEN, DEGRADED, UNKNOWN, OK)
_SEE = "See above for causes and remedies."
# Longer text is compared with no known word.
_MOST_WORD = 40
# A line with the reason of a problem, which is cut elsewhere, its explanation and its remedy has place in this.
_MOST_LINE = 4000
# A whole number as a survey and -e pass it, and the largest one: some 30,000 years in seconds.
_NUMBER = re.compile(r"-?[0-9]{1,12}")
_MOST_NUMBER = 10 ** 12
# Any number of unknown guests.
ANY = -1


# Which options are numbers: the least, and what may be there.
_NUMBERS = {
    "max_age": (0, "a whole number of seconds"),
    "max_unknown": (ANY, "a whole number of hosts and guests, or -1 for any number"),
    "min_judged": (0, "a whole number of hosts and guests, or 0 to allow none"),
    "max_results": (0, "a whole number of guests, or 0 for all"),
    "max_names": (0, "a whole number of names"),
}
_LISTS = {"hosts": "inventory names", "guests": "inventory names", "fail_on": "some of " + ", ".join(VERDICTS)}


def checked(options):
    """Return ``options`` (dict) with those of _NUMBERS as int, and ``fail_on``, ``hosts`` and ``guests`` as list of str.

    A survey and -e pass text. Raise EntropyError that names each variable of role verify that is wrong, what was found and what may be there.
    """
    wrong = []
    found = dict(options)
    found.update({name: _number(options, name, least, expected, wrong) for name, (least, expected) in _NUMBERS.items()})
    found.update({name: _once(_words_of(options[name])) for name in _LISTS})
    for name, expected in _LISTS.items():
        # Any name may be one of the inventory, where it is looked for once.
        known = VERDICTS if name == "fail_on" else ()
        words = found[name] if isinstance(found[name], list) else [found[name]]
        foreign = [word for word in words if not (isinstance(word, str) and isinstance(found[name], list) and (not known or word in known))]
        if foreign:
            wrong.append(f"entropy_verify_{name} has {shown(foreign[0])}, must be a list of {expected}, or text with commas{_nearest(foreign[0], known)}")
    if found["expect"] not in EXPECTATIONS:
        wrong.append(f"entropy_verify_expect is {shown(found['expect'])}, must be one of {', '.join(EXPECTATIONS)}{_nearest(found['expect'], EXPECTATIONS)}")
    if wrong:
        raise EntropyError(". ".join(wrong))
    return found


def _nearest(word, known):
    """Return the words (str) that name the one of ``known`` that ``word`` may mean; empty where there is none."""
    close = difflib.get_close_matches(word, known, 1) if isinstance(word, str) and len(word) <= _MOST_WORD else []
    return f" (did you mean {close[0]}?)" if close else ""


def _words_of(value):
    """Return ``value``, or the words (list of str) of a text with commas, also one that looks like a list, as ``-e name=[a,b]`` gives it."""
    if not isinstance(value, str):
        return value
    words = (word.strip(" \t\n'\"") for word in value.strip().strip("[]").split(","))
    return [word for word in words if word]


def _once(value):
    """Return ``value``, of a list of words each one once: whoever is named twice is one."""
    return list(dict.fromkeys(value)) if isinstance(value, list) and all(isinstance(word, str) for word in value) else value


def _number(options, name, least, expected, wrong):
    """Return the option ``name`` as an int of at least ``least``; else add to ``wrong`` (list of str) that ``expected`` (str) may be there."""
    value = options[name]
    number = int(value) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else value
    if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= _MOST_NUMBER:
        wrong.append(f"entropy_verify_{name} is {shown(options[name])}, must be {expected}")
    return number


def judgement(rows, options, scope, everyone, failed_steps=()):
    """Return what is said of ``rows`` (list of dict, worst first, see ``_chain.chain``), which are those of ``scope`` (Scope), by ``options`` (dict, checked).

    ``counts``: dict, verdict to int, of guests; rows of hosts are none; and ``not_proven``, how many are ok and not proven in time. ``blocks``: list of
    lists of str, the lines of at most ``max_results`` (0: all) guests and hosts that are not ok, or of all for ``everyone`` (bool), as many as an event of
    ansible-runner keeps, each in a list of its own, then what is left out, then the counts. ``told``: the same lines in one list. Why the job fails (str, or
    None): ``step_failure`` by the names of ``failed_steps`` (list of str), on which a step of this run failed; ``verdict_failure`` by the rows, which check
    mode does not have.
    """
    guests, unseen = [row for row in rows if not is_host(row)], unseen_hosts(rows, scope)
    unsound = [row for row in rows if is_host(row) and row["verdict"] == BROKEN]
    counts = dict.fromkeys(VERDICTS, 0)
    counts.update(collections.Counter(row["verdict"] for row in guests))
    counts["not_proven"] = sum(not is_proven_in_time(row) for row in guests)
    max_results = options["max_results"]
    shown_rows = rows if everyone else [row for row in rows if row["verdict"] != OK]
    lines = ([_words.cut(line, _MOST_LINE) for line in row["text"]] for row in (shown_rows[:max_results] if max_results else shown_rows))
    blocks = _bounds.fitting(lines, _bounds.room({})) if max_results else list(lines)
    rest = shown_rows[len(blocks):]
    blocks = blocks + ([[_left_out(rest)]] if rest else []) + [_counts_in_words(counts, rows, {BROKEN: len(unsound), UNKNOWN: len(unseen)}, scope)]
    verdicts = [_failing(guests, options["fail_on"]), _unsound(unsound, options["fail_on"], scope)]
    if UNKNOWN in options["fail_on"]:
        verdicts.append(_unseen(unseen, scope))
    else:
        verdicts.append(_too_many_unknown(rows, unseen, options["max_unknown"]))
    return {
        "counts": counts,
        "blocks": blocks,
        "told": sum(blocks, []),
        "step_failure": _steps(failed_steps),
        "verdict_failure": " ".join([*filter(None, verdicts), _SEE]) if any(verdicts) else None,
    }


def is_host(row):
    """Return whether ``row`` (dict) is that of a host of which no domains are known, and so no guest's."""
    return row["guest"] is None and row["domain"] is None


def unseen_hosts(rows, scope):
    """Return the names (list of str) of the hosts of ``scope`` (Scope) whose half no one of ``rows`` (list of dict) has, though it should."""
    return sorted({row["host"] for row in rows if row["links"]["config"] == UNKNOWN}.intersection(scope.hosts))


def is_off(row):
    """Return whether the domain of ``row`` (dict) is off, as its host was seen to say in time: nothing there can be looked at."""
    return row["domain_state"] is not None and row["domain_state"] not in RUNNING and row["links"]["config"] != UNKNOWN


def _counts_in_words(counts, rows, hosts, scope):
    """Return the last lines (list of str): how many guests and how many ``hosts`` (dicts: verdict to int) have each verdict, then over whom was judged.

    Said are, too, of how many that are ok nothing shows any more that they were ready in time, how many hosts none of the ``rows`` (list of dict) is about,
    and how many rows are about a domain that is none of the guests.
    """
    guests, named = frozenset(scope.guests), {row["host"] for row in rows}
    without = sum(name not in named for name in scope.judged_hosts)
    notes = [f"{counts['not_proven']} ok, but not proven in time"] if counts["not_proven"] else []
    notes += [f"{counted(number, 'host')} {one}" for one, number in hosts.items() if number]
    notes += [f"{counted(without, 'host')} without a judged domain"] if without else []
    others = sum(not is_host(row) and row["guest"] not in guests for row in rows)
    return [", ".join(f"{counts[one]} {one}" for one in _COUNTED) + (f" ({'; '.join(notes)})" if notes else ""), scope.words(others)]


def _left_out(rest):
    """Return the line (str) that tells of the rows that are not told (list of dict): how many, their verdicts and problems, and how to see them."""
    verdicts = collections.Counter(row["verdict"] for row in rest)
    codes = collections.Counter(one["code"] for row in rest for one in row["problems"] if not is_info(one))
    why = "; their problems: " + ", ".join(f"{code} {number}" for code, number in sorted(codes.items(), key=lambda one: (-one[1], one[0]))) if codes else ""
    return (f"and {len(rest)} more ({', '.join(f'{verdicts[one]} {one}' for one in _COUNTED if verdicts[one])}{why}). "
            "entropy_verify_max_results=0 lists them all")


def _steps(names):
    """Return that a step failed on the hosts and guests ``names`` (list of str); None where there are none."""
    return f"A step of this run failed on {_words.names(names)}: see its error above." if names else None


def _failing(rows, fail_on):
    """Return why ``fail_on`` (list of verdicts) fails the job (str) for ``rows`` (list of dict) of guests; None where it does not."""
    failing = [row for row in rows if row["verdict"] in fail_on]
    if not failing:
        return None
    verdicts = [verdict for verdict in _WORST_FIRST if verdict in {row["verdict"] for row in failing}]
    return f"{_of(len(failing), len(rows), 'guest')} {' or '.join(verdicts)}: {_words.names([name_of(row) for row in failing], '; ')}."


def _unsound(rows, fail_on, scope):
    """Return why ``fail_on`` (list of verdicts) fails the job (str) for ``rows`` (list of dict) of hosts that are broken; None where it does not."""
    if BROKEN not in fail_on or not rows:
        return None
    return f"{_of(len(rows), len(scope.hosts), 'host')} {BROKEN}: {_words.names([row['host'] for row in rows], '; ')}."


def _unseen(hosts, scope):
    """Return that ``hosts`` (list of str) of ``scope`` (Scope) are unknown (str); None where there are none."""
    return f"{_of(len(hosts), len(scope.hosts), 'host')} unknown: {_words.names(hosts, '; ')}." if hosts else None


def _too_many_unknown(rows, unseen, allowed):
    """Return why ``rows`` (list of dict) that are unknown fail the job (str), of which ``allowed`` (int, or ANY) are allowed; None where they do not.

    Counted are the guests of the inventory, less those whose domain is off, and the ``unseen`` hosts (list of str). Domains that are no guest's of the
    inventory count only where nothing else is known of anybody.
    """
    if allowed == ANY:
        return None
    unknown = [row for row in rows if row["verdict"] == UNKNOWN and not is_off(row)]
    named = [f"host {name}" for name in unseen] + [name_of(row) for row in unknown if row["guest"] is not None]
    if len(named) > allowed:
        words = "1 host or guest is" if len(named) == 1 else f"{len(named)} hosts and guests are"
        return f"{words} unknown, entropy_verify_max_unknown allows {allowed}: {_words.names(named, '; ')}."
    if unknown and len(unknown) == len(rows) and len(unknown) > allowed:
        return f"Nothing is known of any of {counted(len(unknown), 'guest')}: {_words.names([name_of(row) for row in unknown], '; ')}."
    return None


def _of(number, total, noun):
    """Return ``number`` of ``total`` (int) of ``noun`` (str), with the verb that fits."""
    return f"{number} of {counted(total, noun)} {'is' if number == 1 else 'are'}"
