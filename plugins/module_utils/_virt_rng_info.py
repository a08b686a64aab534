# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the <rng> of many domains: definition, running device, and whether the one is the other."""

from ansible_collections.kvm.entropy.plugins.module_utils import (
    _agent_rows,
    _alike,
    _bounds,
    _capacity,
    _domains,
    _entropy,
    _kernel_source,
    _libvirt,
    _managers,
    _options,
    _qemu_args,
    _rng_access,
    _rng_device,
    _rng_start,
    _virt_plug,
    _virt_xml,
    _words,
)
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

# More bytes are no slow source's: at this size one that delivers 10 KiB/s is read for 100 s. Timeouts are in seconds.
_BOUNDS = {"capacity_bytes": (0, 2 ** 20), "capacity_timeout": (1, 60), "guest_agent_timeout": (1, 3600), "guest_agent_deadline": (1, 3600),
           "max_results": (0, _options.LARGEST)}

# What decides about the place of a device that nothing describes yet.
_PLAIN = {"model": "virtio", "driver": {}}

# Backends of which no two domains have the same would take the place of the rows; in characters, see ``_bounds``.
_MOST_CAPACITY = 100000
# What could not be checked is a text per backend; in characters too.
_MOST_UNCHECKED = 20000


def run(options):
    """Return the result (dict) of the module's ``options`` (dict); raise EntropyError where a domain could not be read."""
    _options.check_numbers(options, _BOUNDS)
    uri = options["uri"]
    connection = _libvirt.connect(uri, write=False) if options["guest_agent"] else _libvirt.connect_read_only(uri)
    try:
        domains = _domains.select(connection.domains(), options["domains"], options["exclude"], uri)
        access = _rng_access.Access(connection)
        read, failures = _read(domains, uri, access)
        host = _host(connection)
        rows = sorted((row for row in read if _is_asked_for(row, options["only"])), key=lambda row: not has_problem(row))
        if options["guest_agent"]:
            _agent_rows.ask_guests(rows[:options["max_results"] or None], {domain.uuid: domain for domain in domains}, connection.may_write,
                                   options["guest_agent_timeout"], options["guest_agent_deadline"])
    finally:
        connection.close()
    capacity, host["capacity_reason"] = _host_capacity(uri, read, host["entropy"], options)
    host["capacity"] = capacity and _bounds.fitting(capacity, _MOST_CAPACITY)
    host["capacity_truncated"] = len(capacity or ()) - len(host["capacity"] or ())
    message = _words.failure(failures, len(domains), "could not be read")
    unchecked = _bounds.fitting(access.unchecked, _MOST_UNCHECKED)
    told = rows
    if options["max_results"]:
        measured = (_agent_rows.as_long if options["guest_agent"] and options["group"] else iter)(rows[:options["max_results"]])
        told = rows[:len(_bounds.fitting(measured, _bounds.room(options, message, host, unchecked)))]
    result = {
        "changed": False,
        "uri": uri,
        "host": host,
        "unchecked": unchecked,
        "truncated": len(rows) - len(told),
        "summary": _summary(read, failures),
    }
    if options["guest_agent"]:
        result["summary"]["guests_seen"] = sum(row.get("guest") is not None for row in rows)
    result.update(_told(told, options))
    if message:
        raise EntropyError(message, **result)
    return result


def _told(rows, options):
    if not options["group"]:
        return {"domains": rows}
    return _agent_rows.grouped(rows) if options["guest_agent"] else {"groups": _alike.grouped(rows)}


def has_problem(row):
    """Return whether a person should look at this row: no device in a half, more than one, or one that is not the other."""
    wanted = 1 - len(row.get("unmanaged", ()))
    return row["drift"] or any(half is not None and len(half) != wanted for half in (row["config"], row["live"]))


def _read(domains, uri, access):
    """Return (rows, the (name, why) of what could not be read). A domain that was undefined meanwhile is left out: it is no longer there."""
    rows, failures = [], []
    for domain in domains:
        try:
            rows.append(_row(domain, access))
        except _libvirt.RefusedError as refusal:
            if refusal.kind != "gone":
                failures.append((domain.name, str(refusal)))
        except _libvirt.ConnectionLostError as error:
            raise EntropyError(f"libvirt at {uri} went away while its domains were read: {error}. Run again.") from error
    return rows, failures


def _row(domain, access):
    state = domain.state()
    definition = domain.definition() if domain.is_persistent else None
    running = domain.running() if domain.is_active else None
    xml = definition or running
    config, live = _devices(definition), _devices(running)
    unmanaged = _qemu_args.rng_devices(running or definition)
    return {
        **({"unmanaged": unmanaged} if unmanaged else {}),
        "name": domain.name,
        "uuid": domain.uuid,
        "state": state,
        "persistent": domain.is_persistent,
        "arch": _virt_xml.arch(xml),
        "config": config,
        "live": live,
        "drift": config is not None and live is not None and not _rng_device.same(config, live),
        "genid": _virt_xml.has_genid(xml),
        "managed_save": domain.has_managed_save,
        "saved": _saved(domain),
        "snapshots": domain.has_snapshots,
        "managed_elsewhere": _managers.managed_elsewhere(xml),
        "metadata": _managers.unknown_metadata(xml),
        "plug": _plug(running, config),
        "start_hindrance": _words.reason(_rng_start.why_not(config, definition, live or [], access)) if config else None,
    }


def _devices(xml):
    """Return the devices (list of dict) of a half, None where the domain has no such half."""
    return None if xml is None else [_rng_device.read(element).device for element in _virt_xml.rng_elements(xml)]


def _saved(domain):
    """Return the devices (list of dict) in the managed save of ``domain``; None where it has none, or one that cannot be read."""
    try:
        return _devices(domain.saved()) if domain.has_managed_save else None
    except _libvirt.RefusedError:
        # Damaged, started meanwhile, or of a driver that does not tell.
        return None


def _plug(running, config):
    """Return whether one more device can be plugged now, such as the definition has."""
    if running is None:
        return {"possible": False, "reason": "the domain is not running"}
    found = _virt_plug.plug(running, [config[0] if config else _PLAIN])
    return {"possible": found.possible, "reason": found.reason or None}


def _is_asked_for(row, only):
    return only == "all" or (row["drift"] if only == "drift" else has_problem(row))


def _summary(rows, failures):
    return {
        "matched": len(rows) + len(failures),
        "running": sum(row["live"] is not None for row in rows),
        "without_device": sum(
            not (row["live"] if row["config"] is None else row["config"]) and "unmanaged" not in row for row in rows),
        "drift": sum(row["drift"] for row in rows),
        "problem": sum(has_problem(row) for row in rows),
        "failed": len(failures),
    }


def _host(connection):
    libvirt_version, qemu_version, qemu_reason = connection.versions()
    supported, backends_reason = connection.supported(None)
    entropy, entropy_reason = _host_entropy(connection.uri)
    return {
        "libvirt_version": libvirt_version,
        "qemu_version": qemu_version,
        "qemu_version_reason": qemu_reason,
        "backends": supported and supported["backendModel"],
        "backends_reason": backends_reason,
        "entropy": entropy,
        "entropy_reason": entropy_reason,
    }


def _host_entropy(uri):
    """Return (the host's own facts, None), or (None, why not)."""
    if not _libvirt.is_local(uri):
        return None, f"{uri} is another machine: run entropy_facts there"
    return _entropy.gather(), None


def _host_capacity(uri, rows, facts, options):
    """Return (what the backends of ``rows`` must and do deliver, None), or (None, why not)."""
    if facts is None:
        return None, f"{uri} is another machine: run virt_rng_info there"

    def measure(path):
        return _kernel_source.measure(path, options["capacity_bytes"], options["capacity_timeout"])

    return _capacity.capacity(rows, facts, _kernel_source.kind, measure if options["capacity_bytes"] else None), None
