# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the <rng> of many domains what was asked: read all, decide all, then act."""

from ansible_collections.kvm.entropy.plugins.module_utils import (
    _bounds,
    _domains,
    _libvirt,
    _options,
    _rng_apply,
    _rng_checks,
    _rng_decide,
    _rng_plan,
    _rng_rows,
    _rng_unplug,
    _stop,
    _words,
)
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

# What could not be checked is one text per emulator that libvirt does not know, in all but absurd cases a single one.
_MOST_UNCHECKED = 20000

_BOUNDS = dict.fromkeys(("settle", "unplug_timeout", "max_changes", "max_results"), (0, _options.LARGEST))


def run(options, check, diff, warn):
    """Return the result (dict) of the module's ``options`` (dict); raise EntropyError where a domain failed, or all.

    ``check`` predicts, ``diff`` adds the devices before and after, ``warn`` takes one text.
    """
    _options.check_numbers(options, _BOUNDS)
    wanted, unchecked = _rng_checks.check(options, warn)
    connection = _libvirt.connect(options["uri"], write=not check)
    try:
        domains = _domains.select(connection.domains(), options["domains"], options["exclude"], options["uri"])
        plan = _rng_decide.Plan(connection, options, wanted)
        try:
            outcomes = [plan.outcome(domain) for domain in domains]
        except _libvirt.ConnectionLostError as error:
            raise EntropyError(f"libvirt at {options['uri']} went away while its domains were read: {error}. Nothing was changed: run again.") from error
        _check_number(outcomes, options["max_changes"])
        ended = None if check else _act(connection, plan, outcomes, options)
    finally:
        connection.close()
    plan.warn(warn)
    message = _message(outcomes, ended)
    unchecked = _bounds.fitting(unchecked + plan.unchecked, _MOST_UNCHECKED)
    result = _rng_rows.report(outcomes, options["max_results"], diff, _bounds.room(options, message, unchecked))
    result["unchecked"] = unchecked
    if message:
        raise EntropyError(message, **result)
    return result


def _check_number(outcomes, most):
    """Raise EntropyError when more than ``most`` domains would change; 0 is no limit."""
    changing = [outcome.domain.name for outcome in outcomes if outcome.is_changed]
    if most and len(changing) > most:
        raise EntropyError(
            f"{len(changing)} of {len(outcomes)} domains would change, max_changes is {most}: nothing was changed ({_words.names(changing)}). "
            "Select fewer domains, or raise max_changes; check mode without it shows each of them.")


def _act(connection, plan, outcomes, options):
    """Do what was decided; return why it ended early (str), or None."""
    left = [outcome for outcome in reversed(outcomes) if outcome.is_to_act]
    waiting = []
    with _stop.Stop() as stop:
        try:
            if any(outcome.live and outcome.live.going for outcome in left):
                connection.watch()
            while left and not stop.asked:
                outcome = left[-1]
                _apply(plan, outcome)
                if outcome.live and outcome.live.result == _rng_plan.PENDING:
                    waiting.append(_rng_unplug.Waiting(outcome.domain, outcome.live, outcome.way_back, outcome.ways))
                left.pop()
            if not stop.asked:
                _rng_unplug.unplug(waiting, options["settle"], options["unplug_timeout"], connection.news, stop.is_asked)
            ended = stop.asked and f"{stop.asked} stopped this run"
        except _libvirt.ConnectionLostError as lost:
            ended = f"libvirt at {connection.uri} went away: {lost}"
    for outcome in left:
        outcome.refuse("this run ended before it was done, or before that was confirmed")
    return ended


def _apply(plan, outcome):
    """Do what was decided for one domain; decide again about the half in which another run has been faster."""
    domain = outcome.domain
    try:
        _rng_apply.apply_definition(domain, outcome.config, outcome.live)
    except _rng_apply.OvertakenError:
        now = plan.outcome(domain)
        outcome.config, outcome.live, outcome.error = now.config, now.live, now.error
        _rng_apply.apply_definition(domain, outcome.config, outcome.live, named=False)
    try:
        _rng_apply.apply_live(domain, outcome.config, outcome.live, outcome.way_back)
    except _rng_apply.OvertakenError:
        now = plan.outcome(domain)
        outcome.live, outcome.error = now.live, now.error
        _rng_apply.apply_live(domain, outcome.config, outcome.live, outcome.way_back, named=False)


def _message(outcomes, ended):
    """Return the message of the failure, or None."""
    message = _rng_rows.failure(outcomes)
    return f"{ended}. Running again finishes the work. {message or ''}".strip() if ended else message
