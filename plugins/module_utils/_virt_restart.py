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
    _restart_record,
    _rng_access,
    _rng_device,
    _stop,
    _words,
)
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

_BOUNDS = {name: (least, _options.LARGEST) for name, least in (
    ("shutdown_timeout", 0), ("up_timeout", 0), ("at_once", 1), ("max_changes", 0), ("max_results", 0))}


# Guests that an earlier run has left off; in characters, see ``_bounds``.
_MOST_LEFT_OFF = 50000
# What could not be checked is a text per backend; in characters too.
_MOST_UNCHECKED = 20000


def run(options, check, diff, warn):
    """Return the result (dict) of the module's ``options`` (dict); raise EntropyError where a domain failed, or all. ``warn`` takes one text."""
    _options.check_numbers(options, _BOUNDS)
    connection = _libvirt.connect(options["uri"], write=not check)
    record = _restart_record.Record(options["uri"], _libvirt.is_local(options["uri"]))
    try:
        listed = connection.domains()
        domains = _domains.select(listed, options["domains"], options["exclude"], options["uri"])
        left_off = _left_off(record, listed, check)
        access = _rng_access.Access(connection)
        try:
            cases = [_restart_decide.decide(domain, options["managed_elsewhere"] == "refuse", options["wait_for"], left_off.get(domain.uuid), access)
                     for domain in domains]
        except _libvirt.ConnectionLostError as error:
            raise EntropyError(f"libvirt at {options['uri']} went away while its domains were read: {error}. Nothing was changed: run again.") from error
        chosen = [case for case in cases if case.is_to_restart]
        _check_number(chosen, len(cases), options["max_changes"])
        ended = None if check else _act(connection, chosen, record, options)
    finally:
        connection.close()
    message = _failure(cases, ended)
    left = _bounds.fitting(_left_off_rows(left_off, cases), _MOST_LEFT_OFF)
    if not check:
        _forget_told(record, left_off, cases)
    _warn(left, record.troubles, warn)
    result = _report(cases, options["max_results"], diff, _bounds.room(options, message, left, access.unchecked))
    result["left_off"] = left
    result["unchecked"] = _bounds.fitting(access.unchecked, _MOST_UNCHECKED)
    if message:
        raise EntropyError(message, **result)
    return result


def _left_off(record, listed, check):
    """Return {UUID: LeftOff} of the domains that an earlier run has powered off and that are off; forget, but for a ``check``, those that are not."""
    found = record.left_off()
    off = {domain.uuid for domain in listed if not domain.is_active}
    for uuid in [] if check else set(found) - off:
        record.forget(uuid)
    return {uuid: left for uuid, left in found.items() if uuid in off}


def _left_off_rows(left_off, cases):
    by_uuid = {case.domain.uuid: case for case in cases}
    for uuid, left in sorted(left_off.items(), key=lambda item: item[1].name):
        case = by_uuid.get(uuid)
        is_started = case is not None and case.result in (_restart_decide.DONE, _restart_decide.NOT_UP)
        reason = None if is_started else case.reason if case else "it is not among the selected domains"
        yield {"name": _words.cut(left.name, 255), "uuid": uuid, "asked_at": left.asked_at, "started": is_started, "reason": _words.reason(reason)}


def _forget_told(record, left_off, cases):
    """Forget what has been told and is not to be started by any run, as its state may be what its owner wants."""
    settled = {case.domain.uuid for case in cases if case.result == _restart_decide.UNCHANGED}
    for uuid, left in left_off.items():
        if left.why_not or uuid in settled:
            record.forget(uuid)


def _warn(left, troubles, warn):
    off = [f"{row['name']} ({row['uuid']})" for row in left if not row["started"]]
    if off:
        warn(f"an earlier run asked these domains to power off and was ended before it started them, and this one does not start them: {_words.names(off)}. "
             "Select them in domains, or start them: virsh start UUID. left_off has the reasons")
    for trouble in troubles:
        warn(trouble)


def _check_number(chosen, number, most):
    if most and len(chosen) > most:
        names = _words.names([case.domain.name for case in chosen])
        raise EntropyError(f"{len(chosen)} of {number} domains would be restarted, max_changes is {most}: nothing was changed ({names}). "
                           "Select fewer domains, or raise max_changes.")


def _act(connection, chosen, record, options):
    """Do what was decided; return why it ended early (str), or None."""
    if not chosen:
        return None
    terms = _restart_act.Terms(options["shutdown_timeout"], options["up_timeout"], options["at_once"], options["force"])
    with _stop.Stop() as stop:
        try:
            connection.watch()
            why = _restart_act.restart(chosen, terms, record, connection.news, stop.is_asked)
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
    return {"before_header": header, "after_header": header, "before": _rng_device.to_text(case.before or []), "after": _rng_device.to_text(case.after)}


def _failure(cases, ended):
    """Return the message that names each failed domain and why, those that are off first, or None."""
    in_order = sorted(cases, key=lambda case: case.result != _restart_decide.NOT_STARTED)
    message = _words.failure([(case.domain.name, case.reason) for case in in_order if case.is_failed], len(cases))
    return f"{ended}. Running again does what was not reached. {message or ''}".strip() if ended else message
