# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's half of the chain: its own generator, a domain's definition and its running device."""

from ansible_collections.kvm.entropy.plugins.module_utils import _capacity
from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import CONSTANT, DEVICE, FILE
from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem
from ansible_collections.kvm.entropy.plugins.module_utils._rng_checks import delay
from ansible_collections.kvm.entropy.plugins.module_utils._rng_source import MISSING, UNSUITABLE, kind_by_name, lacks_source
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import BROKEN, NOT_APPLICABLE, OK, UNKNOWN, state_of
from ansible_collections.kvm.entropy.plugins.module_utils._vmgenid import has_vmgenid
from ansible_collections.kvm.entropy.plugins.plugin_utils._join import RUNNING

# What is wrong with a backend by the kind of its file.
_BY_KIND = {
    CONSTANT: ("source-stuck", "the backend is %s, which delivers zeros or nothing"),
    UNSUITABLE: ("source-stuck", "the backend is %s, which is no source of random numbers"),
    DEVICE: ("unknown-backend", "the backend is %s, whose device number is not that of a known random source"),
    FILE: ("source-stuck", "the backend %s is no character device: the guest gets what anybody wrote there"),
    MISSING: ("backend-starves", "the backend %s is not there on the host: the domain cannot start"),
}

UNSOUND = frozenset(("fake-source", "fake-device", "source-stuck"))


def backends_of(host):
    """Return the entries (dict: name and path to dict) of what ``host`` (dict) measured of its backends."""
    found = ((host["domains"] or {}).get("host") or {}).get("capacity") or []
    # The first of several counts.
    return {(entry["backend"], entry["path"]): entry for entry in reversed(found)}


def host_links(host, domain):
    """Return the links (dict) ``host``, ``config`` and ``live`` of ``domain`` (a row of ``entropy_domains``) on ``host`` (dict)."""
    running, unmanaged = domain["state"] in RUNNING, domain.get("unmanaged")
    return {
        "host": _own(host.get("entropy")),
        "config": NOT_APPLICABLE if domain["config"] is None else state_of(bool(domain["config"] or unmanaged)),
        "live": state_of(bool(domain["live"] or unmanaged)) if running else NOT_APPLICABLE,
    }


def seen_inside(links, problems, inside):
    """Return (links, problems) of a host where its guest was seen later, ``inside`` (links), with a device at work: libvirt does not know of all of them."""
    if links["live"] != BROKEN or inside["live"] != OK or inside["fed"] != OK:
        return links, problems
    wrong = [one for one in problems if one["code"] in ("no-device", "config-only")]
    told = problem("unmanaged-device", "the guest is fed by its device; libvirt: %s" % "; ".join(one["evidence"] for one in wrong))
    return dict(links, live=OK), [one for one in problems if one not in wrong] + [told]


def _own(facts):
    """Return the state (str) of a host's own generator from its ``entropy`` facts (dict or None)."""
    if not facts:
        return UNKNOWN
    if UNSOUND & {one["code"] for one in facts["problems"]}:
        return BROKEN
    return state_of(facts["crng"]["ready"])


def unsound(host):
    """Return the problem (list of one dict) that the own generator of ``host`` (dict) cannot be relied upon; empty where it can, or was not seen."""
    words = "the host's own generator is not ready, or what it is fed is not entropy"
    return [problem("host-unsound", words)] if _own(host.get("entropy")) == BROKEN else []


def host_problems(host, domain):
    """Return the problems (list of dict) that ``host`` (dict) can tell of ``domain`` (a row of ``entropy_domains``)."""
    problems = unsound(host) + list(_device_problems(domain))
    running = domain["live"] or []
    # What is defined and does not run yet is what the next start brings.
    for device in running + [device for device in domain["config"] or [] if device not in running]:
        known = {one["code"] for one in problems}
        problems.extend(one for one in _backend_problems(device, domain.get("arch"), host) if one["code"] not in known)
    # A backend that is missing or unsafe keeps it from starting too, and has its own code.
    if domain.get("start_hindrance") and not {"backend-starves", "unsafe-backend"} & {one["code"] for one in problems}:
        problems.append(problem("cannot-start", domain["start_hindrance"]))
    if domain["managed_elsewhere"]:
        problems.append(problem("managed-elsewhere", "the definition is written by %s" % domain["managed_elsewhere"]))
    if domain["genid"] is False:
        problems.append(problem(*_without_genid(domain)))
    return problems


def _without_genid(domain):
    """Return (code, evidence) for a ``domain`` whose definition has no <genid/>."""
    if has_vmgenid(domain.get("arch")) is False:
        return "vmgenid-unsupported", "domain %s is of architecture %s" % (domain["name"], domain["arch"])
    return "no-vmgenid", "the definition of domain %s has no <genid/>" % domain["name"]


def _device_problems(domain):
    """Yield the problems of where the device of ``domain`` is and where it is not."""
    running, defined, live = domain["state"] in RUNNING, domain["config"], domain["live"]
    if domain.get("unmanaged"):
        yield problem("unmanaged-device", "the <qemu:commandline> of domain %s gives %s" % (domain["name"], ", ".join(domain["unmanaged"])))
        return
    persistent = defined is not None
    if persistent and not defined and (not running or not live):
        yield problem("no-device", "the definition of domain %s has no <rng>" % domain["name"])
    elif running and not live:
        reason = (domain.get("plug") or {}).get("reason")
        if persistent:
            yield problem("config-only", reason or "domain %s is defined with <rng>, the running one has none" % domain["name"])
        else:
            yield problem("no-device", "transient domain %s runs without <rng>" % domain["name"])
    elif running and persistent and not defined:
        yield problem("live-only", "domain %s runs with <rng>, its definition has none" % domain["name"])
    if not running and defined and domain.get("saved") == []:
        yield problem("managed-save", "the managed save of domain %s has no <rng>" % domain["name"])
    if len(defined or live or []) > 1:
        yield problem("duplicate-device", "domain %s has %d <rng>" % (domain["name"], len(defined or live)))


def _backend_problems(device, arch, host):
    """Yield the problems of one ``device`` (dict) of a guest of ``arch`` on ``host`` (dict)."""
    too_long = delay(device, arch)
    if too_long:
        yield problem("rate-starves", "%d bytes per %d ms delay the first credit%s" % (device["rate_bytes"], device["rate_period"], too_long))
    backend = _backend(device, host)
    if backend.get("kind") in _BY_KIND:
        code, words = _BY_KIND[backend["kind"]]
        yield problem(code, words % backend["path"])
    if backend["unsafe"]:
        yield problem("unsafe-backend", "the backend is %s, and the host's rng_current is none" % backend["path"])
    elif _capacity.starves(backend):
        yield problem("backend-starves", backend["reason"])
    elif backend["delivered"] is not None and not backend["enough"]:
        yield problem("backend-slow", backend["reason"])


def _backend(device, host):
    """Return what ``host`` (dict) knows of the backend of ``device`` (dict): the entry of its ``capacity``; what its own facts tell where it has none."""
    name, path = _capacity.backend_of(device)
    if (name, path) in host["backends"]:
        return host["backends"][name, path]
    facts, kind = host.get("entropy"), kind_by_name(device.get("path"))
    return {"kind": kind, "path": path, "unsafe": bool(facts and lacks_source(kind, facts["hwrng"]["current"])), "delivered": None}
