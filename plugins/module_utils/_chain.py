# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Join what hosts know of their domains with what guests know of themselves: one judged row per guest."""

from ansible_collections.kvm.entropy.plugins.module_utils._chain_host import host_links, host_problems
from ansible_collections.kvm.entropy.plugins.module_utils._chain_text import text_of
from ansible_collections.kvm.entropy.plugins.module_utils._join import RUNNING, Index
from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import BROKEN, LINKS, NOT_APPLICABLE, OK, UNKNOWN, VERDICTS, guest_links, verdict

HOST_ONLY, GUEST_ONLY = "host-only", "guest-only"
EXPECTATIONS = ("auto", HOST_ONLY, GUEST_ONLY)
GUEST_LINKS = ("current", "fed", "ready", "in_time")


def chain(hosts, guests, now, max_age):
    """Return the judged rows (list of dict), worst first, of all ``guests`` and of the domains that no guest claims.

    ``hosts``: dict, name to ``domains`` (the ``entropy_domains`` fact), ``entropy`` (the host's own facts), ``error``
    (str: why it did not answer in this run) and ``expect``. ``guests``: dict, name to ``entropy``, ``error``, ``uuid``
    (explicit domain UUID) and ``expect``. Any of these may be None or absent. ``expect`` is ``auto``, ``host-only`` or
    ``guest-only``. ``now`` is in UTC epoch seconds, ``max_age`` in seconds: what is older is stale and judges nothing.
    """
    hosts = {name: _half(host, now, max_age, "domains") for name, host in hosts.items()}
    index = Index(hosts)
    claimed = set()
    rows = []
    for name in sorted(guests):
        guest = _half(guests[name], now, max_age, "entropy")
        found = index.find(_uuid(guest))
        claimed.update((host, domain["uuid"]) for host, domain in found)
        rows.append(_row(name, guest, found, hosts))
    for host, domain in index.all():
        if (host, domain["uuid"]) not in claimed:
            rows.append(_row(None, {"expect": hosts[host].get("expect")}, [(host, domain)], hosts))
    return sorted(rows, key=lambda row: (VERDICTS.index(row["verdict"]), row["guest"] or "", row["domain"] or ""))


def _half(half, now, max_age, fact):
    """Return a copy of a host's or guest's ``half`` (dict) with ``age`` (s, or None), ``fresh`` (bool) and ``why`` (a problem, or None)."""
    half = dict(half or {})
    seen = half.get(fact)
    half["age"] = max(0, int(now - seen["gathered_at"])) if seen else None
    half["why"] = None
    if half.get("error"):
        half["why"] = problem("unreachable", half["error"])
    elif seen and half["age"] > max_age:
        half["why"] = problem("stale", "gathered %d s ago, at most %d s are accepted" % (half["age"], max_age))
    half["fresh"] = bool(seen) and half["why"] is None
    return half


def _row(name, guest, found, hosts):
    """Return the judged row (dict) of the guest ``name`` (None: nobody's domain) and the domains ``found`` for it."""
    host_name, domain = found[0] if len(found) == 1 else (None, None)
    host = hosts.get(host_name, {})
    inside, inside_problems = _guest_half(name, guest, domain)
    outside, outside_problems = _host_half(guest, host, domain, found)
    links = dict(inside, host=outside["host"], config=outside["config"])
    # The host knows what is plugged; only where it cannot tell does the guest's bus count.
    if outside["live"] in (OK, BROKEN):
        links["live"] = outside["live"]
    problems = _merged(inside_problems, outside_problems)
    row = {
        "guest": name,
        "domain": domain["name"] if domain else None,
        "uuid": domain["uuid"] if domain else _uuid(guest),
        "host": host_name,
        "links": {link: links[link] for link in LINKS},
        "verdict": verdict(links, [one["code"] for one in problems]),
        "problems": problems,
        "guest_age": guest.get("age"),
        "host_age": host.get("age"),
    }
    row["text"] = text_of(row)
    return row


def _uuid(guest):
    """Return the domain UUID (str or None) of a guest's half: the explicit one, else the one that its platform told."""
    return guest.get("uuid") or (guest.get("entropy") or {}).get("domain_uuid")


def _guest_half(name, guest, domain):
    """Return (links, problems) as the guest sees them: the links from the running device to the first key."""
    links = ("live",) + GUEST_LINKS
    running = domain is not None and domain["state"] in RUNNING
    if guest.get("expect") == HOST_ONLY or (name is None and not running):
        return dict.fromkeys(links, NOT_APPLICABLE), []
    if guest.get("fresh"):
        own = guest_links(guest["entropy"])
        return {link: own[link] for link in links}, guest["entropy"]["problems"]
    if name is None:
        why = problem("guest-not-seen", "domain %s runs, and no guest of the inventory has its UUID" % domain["name"])
    else:
        why = guest["why"] or problem("unreachable", "no facts of this guest were gathered")
        if domain is not None and not running:
            why = dict(why, evidence="%s; its domain is %s" % (why["evidence"], domain["state"]))
    return dict.fromkeys(links, UNKNOWN), [why]


def _host_half(guest, host, domain, found):
    """Return (links, problems) as the host sees them: its own generator, the definition, the running device."""
    links = ("host", "config", "live")
    if guest.get("expect") == GUEST_ONLY:
        return dict.fromkeys(links, NOT_APPLICABLE), []
    if domain is not None and host["fresh"]:
        return host_links(host, domain), host_problems(host, domain)
    if len(found) > 1:
        why = problem("ambiguous", ", ".join("%s on %s (%s)" % (one["name"], name, one["state"]) for name, one in found))
    elif domain is not None:
        why = host["why"]
    elif _uuid(guest):
        why = problem("host-not-seen", "no host of the inventory has a domain with UUID %s" % _uuid(guest))
    else:
        why = problem("host-not-seen", "the guest's domain UUID is not known")
    return dict.fromkeys(links, UNKNOWN), [why]


def _merged(inside, outside):
    """Return the problems of both halves, each code once: what the host knows of the device replaces the guest's guess."""
    known = {one["code"] for one in outside}
    if known & {"no-device", "config-only"}:
        known.add("no-device")
    return outside + [one for one in inside if one["code"] not in known]
