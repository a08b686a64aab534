# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have domains that wait for their definition powered off and started: read all, decide all, then act."""

from ansible_collections.kvm.entropy.plugins.module_utils import (
    _bounds,
    _domains,
    _libvirt,
    _options,
    _restart_act,
    _restart_decide,
    _rng_device,
    _stop,
    _words,
)
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

_BOUNDS = {name: (least, _options.LARGEST) for name, least in (
    ("shutdown_timeout", 0), ("up_timeout", 0), ("at_once", 1), ("max_changes", 0), ("max_results", 0))}


def run(options, check, diff):
    """Return the result (dict) of the module's ``options`` (dict); raise EntropyError where a domain failed, or all."""
    _options.check_numbers(options, _BOUNDS)
    connection = _libvirt.connect(options["uri"], write=not check)
    try:
        domains = _domains.select(connection.domains(), options["domains"], options["exclude"], options["uri"])
        try:
            cases = [_restart_decide.decide(domain, options["managed_elsewhere"] == "refuse", options["wait_for"]) for domain in domains]
        except _libvirt.ConnectionLostError as error:
            raise EntropyError(f"libvirt at {options['uri']} went away while its domains were read: {error}. Nothing was changed: run again.") from error
        chosen = [case for case in cases if case.is_to_restart]
        _check_number(chosen, len(cases), options["max_changes"])
        ended = None if check else _act(connection, chosen, options)
    finally:
        connection.close()
    message = _failure(cases, ended)
    result = _report(cases, options["max_results"], diff, _bounds.room(options, message))
    if message:
        raise EntropyError(message, **result)
    return result


def _check_number(chosen, number, most):
    if most and len(chosen) > most:
        names = _words.names([case.domain.name for case in chosen])
        raise EntropyError(f"{len(chosen)} of {number} domains would be restarted, max_changes is {most}: nothing was changed ({names}). "
                           "Select fewer domains, or raise max_changes.")


def _act(connection, chosen, options):
    """Do what was decided; return why it ended early (str), or None."""
    if not chosen:
        return None
    terms = _restart_act.Terms(options["shutdown_timeout"], options["up_timeout"], options["at_once"], options["force"])
    with _stop.Stop() as stop:
        try:
            connection.watch()
            why = _restart_act.restart(chosen, terms, connection.news, stop.is_asked)
        except _libvirt.ConnectionLostError as lost:
            return f"libvirt at {connection.uri} went away: {lost}"
    return f"{stop.asked} stopped this run" if stop.asked else why


def _report(cases, most, with_diff, room):
    failed = [case for case in cases if case.is_failed]
    changed = [case for case in cases if case.is_changed and not case.is_failed]
    skipped = [case for case in cases if case.is_skipped]
    passed_by = [case for case in cases if case.reason and not (case.is_failed or case.is_changed or case.is_skipped)]
    rows = failed + changed + skipped + passed_by
    entries = ([case.row()] + ([_diff(case)] if with_diff and case.is_changed else []) for case in rows[:most])
    told = _bounds.fitting(entries, room)
    result = {
        "changed": any(case.is_changed for case in cases),
        "summary": {
            "matched": len(cases),
            "unchanged": len(cases) - len(failed) - len(changed) - len(skipped),
            "changed": len(changed),
            "skipped": len(skipped),
            "failed": len(failed),
        },
        "domains": [entry[0] for entry in told],
        "truncated": len(rows) - len(told),
    }
    if with_diff:
        result["diff"] = [diff for entry in told for diff in entry[1:]]
    return result


def _diff(case):
    header = f"{case.domain.name} (running device)"
    return {"before_header": header, "after_header": header, "before": _rng_device.to_text(case.before), "after": _rng_device.to_text(case.after)}


def _failure(cases, ended):
    """Return the message that names each failed domain and why, those that are off first, or None."""
    in_order = sorted(cases, key=lambda case: case.result != _restart_decide.NOT_STARTED)
    message = _words.failure([(case.domain.name, case.reason) for case in in_order if case.is_failed], len(cases))
    return f"{ended}. Running again does what was not reached. {message or ''}".strip() if ended else message
