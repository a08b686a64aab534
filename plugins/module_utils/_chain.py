# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Join what hosts know of their domains with what guests know of themselves: one judged row per guest."""

from ansible_collections.kvm.entropy.plugins.module_utils import _words
from ansible_collections.kvm.entropy.plugins.module_utils._chain_agent import half_by_agent, told_by_agents
from ansible_collections.kvm.entropy.plugins.module_utils._chain_host import host_links, host_problems
from ansible_collections.kvm.entropy.plugins.module_utils._chain_text import text_of
from ansible_collections.kvm.entropy.plugins.module_utils._join import RUNNING, Index, normalized
from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import BROKEN, LINKS, NOT_APPLICABLE, OK, UNKNOWN, VERDICTS, guest_links, verdict

HOST_ONLY, GUEST_ONLY = "host-only", "guest-only"
EXPECTATIONS = ("auto", HOST_ONLY, GUEST_ONLY)
HOST_LINKS = ("host", "config", "live")
# Each guest without a host names the hosts that told nothing, with so many characters of each one's reason; their own rows have it whole.
_MOST_OF_SILENT = 200
# How far (s) a machine's clock may be ahead of the one that judges, as in Kerberos (RFC 4120, section 1.6).
_MOST_AHEAD = 300
GUEST_LINKS = ("current", "fed", "ready", "in_time")


def chain(hosts, guests, now, max_age):
    """Return the judged rows (list of dict), worst first, of all ``guests`` and of the domains that no guest claims.

    ``hosts``: dict, name to ``domains`` (the ``entropy_domains`` fact), ``entropy`` (the host's own facts), ``error``
    (str: why it did not answer in this run) and ``expect``. ``guests``: dict, name to ``entropy``, ``error``, ``uuid``
    (explicit domain UUID) and ``expect``. Any of these may be None or absent. ``expect`` is ``auto``, ``host-only`` or
    ``guest-only``. ``now`` is in UTC epoch seconds, ``max_age`` in seconds: what is older is stale and judges nothing.
    """
    hosts = {name: _half(host, now, max_age, "domains") for name, host in hosts.items()}
    guests = {name: _half(guest, now, max_age, "entropy") for name, guest in guests.items()}
    for host in hosts.values():
        host["agents"] = told_by_agents(host) if host["fresh"] else {}
    index = Index(hosts)
    for guest in guests.values():
        guest["torn"] = _torn(guest, index)
    twins = _twins(guests)
    silent = _silent(hosts)
    rows = [_row(name, guest, index.find(_uuid(guest)), hosts, twins, silent) for name, guest in guests.items()]
    rows += [_row(None, {"expect": hosts[host].get("expect")}, [(host, domain)], hosts, {}, silent) for host, domain in index.beside(_claimed(guests))]
    rows += [_unseen_host(name, host) for name, host in hosts.items() if not host.get("domains") and host.get("expect") != GUEST_ONLY]
    return sorted(rows, key=lambda row: (VERDICTS.index(row["verdict"]), row["guest"] or "", row["domain"] or "", row["host"] or ""))


def _torn(guest, index):
    """Return in words (str) which domain a guest runs as that its inventory takes for another, None where nothing says so.

    Its own UUID, as its platform told it, is that of a domain which was seen to run; then ``entropy_domain_uuid`` cannot be right as well.
    """
    given, own = guest.get("uuid"), _own_uuid(guest)
    running = [domain for _host, domain in index.find(own) if domain["state"] in RUNNING]
    if not given or not running or normalized(given) in [normalized(domain["uuid"]) for domain in running]:
        return None
    return "entropy_domain_uuid is %s, and the guest says that it is %s, as which domain %s runs" % (given, own, running[0]["name"])


def _claimed(guests):
    """Return the UUIDs (set of str) of the domains that ``guests`` (dict) are; one that is torn is its own, and nobody else's."""
    uuids = (_own_uuid(guest) if guest["torn"] else _uuid(guest) for guest in guests.values())
    return {normalized(uuid) for uuid in uuids if uuid}


def _twins(guests):
    """Return the names (list of str) of ``guests`` by their domain's UUID: more than one are clones, and nobody knows which is which."""
    names = {}
    for name in sorted(guests):
        if _uuid(guests[name]) and not guests[name]["torn"]:
            names.setdefault(normalized(_uuid(guests[name])), []).append(name)
    return {uuid: same[:1] if _is_one_machine(guests, same) else same for uuid, same in names.items()}


def _is_one_machine(guests, names):
    """Return whether the guests of these ``names`` (list of str) are one that the inventory names twice: looks at it saw one boot."""
    boots = {(guests[name].get("entropy") or {}).get("boot_id") for name in names}
    return len(boots) == 1 and None not in boots


def _silent(hosts):
    """Return (str) which of ``hosts`` (dict) have nothing to judge by, and why, to follow what one of their guests is told; empty where there are none."""
    silent = ["%s: %s" % (name, _words.cut(hosts[name]["why"]["evidence"], _MOST_OF_SILENT)) for name in sorted(hosts) if hosts[name]["why"]]
    return "; " + _words.names(silent, "; ") if silent else ""


def _half(half, now, max_age, fact):
    """Return a copy of a host's or guest's ``half`` (dict) with ``age`` (s, or None), ``fresh`` (bool) and ``why`` (a problem, or None)."""
    half = dict(half or {})
    seen = half.get(fact)
    # Ansible before 2.19 makes a string of a number that a template returns.
    age = now - int(seen["gathered_at"]) if seen else None
    half["age"] = max(0, age) if seen else None
    half["why"] = None
    if half.get("error"):
        half["why"] = problem("unreachable", _words.reason(half["error"]))
    elif seen and age < -_MOST_AHEAD:
        half["why"] = problem("stale", "gathered %d s from now: one of the two machines' clocks is wrong" % -age)
    elif seen and half["age"] > max_age:
        half["why"] = problem("stale", "gathered %d s ago, at most %d s are accepted" % (half["age"], max_age))
    half["fresh"] = bool(seen) and half["why"] is None
    return half


def _unseen_host(name, host):
    """Return the row (dict) of a host of which no domains are known: what it runs cannot be judged."""
    return _told({
        "guest": None, "domain": None, "uuid": None, "host": name, "links": dict.fromkeys(LINKS, UNKNOWN), "verdict": UNKNOWN,
        "problems": [host["why"] or problem("host-not-seen", "nobody looked at host %s" % name)],
        "guest_age": None, "host_age": None,
    })


def _told(row):
    """Return ``row`` (dict) with its ``text``."""
    return dict(row, text=text_of(row))


def _row(name, guest, found, hosts, twins, silent):
    """Return the judged row (dict) of the guest ``name`` (None: nobody's domain) and the domains ``found`` for it."""
    same = twins.get(normalized(_uuid(guest)), [])
    host_name, domain = found[0] if len(found) == 1 and len(same) <= 1 and not guest.get("torn") else (None, None)
    host = hosts.get(host_name, {})
    agent = host["agents"].get(domain["uuid"], (None, None)) if domain and guest.get("expect") != GUEST_ONLY else (None, None)
    inside, inside_problems = _guest_half(name, guest, domain, *agent)
    if domain is not None and host["fresh"] and guest.get("expect") != GUEST_ONLY:
        outside, outside_problems = host_links(host, domain), host_problems(host, domain)
    else:
        outside, outside_problems = _without_host(guest, host, found, same, hosts, silent)
    links = dict(inside, host=outside["host"], config=outside["config"])
    # The host knows what is plugged; only where it cannot tell does the guest's bus count.
    if outside["live"] in (OK, BROKEN):
        links["live"] = outside["live"]
    problems = _merged(inside_problems, outside_problems)
    return _told({
        "guest": name,
        "domain": domain["name"] if domain else None,
        "uuid": domain["uuid"] if domain else _uuid(guest),
        "host": host_name,
        "links": {link: links[link] for link in LINKS},
        "verdict": verdict(links, [one["code"] for one in problems]),
        "problems": problems,
        "guest_age": host["age"] if agent[0] and not guest.get("fresh") else guest.get("age"),
        "host_age": host.get("age"),
    })


def _uuid(guest):
    """Return the domain UUID (str or None) of a guest's half: the explicit one, else the one that its platform told."""
    return guest.get("uuid") or _own_uuid(guest)


def _own_uuid(guest):
    """Return the domain UUID (str or None) that a guest's platform told."""
    return (guest.get("entropy") or {}).get("domain_uuid")


def _guest_half(name, guest, domain, by_agent, why_not):
    """Return (links, problems) as the guest sees them: the links from the running device to the first key.

    Its own fresh facts win over ``by_agent``, the half (dict or None) that its agent told its host; ``why_not`` (str or None) is why it did not.
    """
    links = ("live",) + GUEST_LINKS
    running = domain is not None and domain["state"] in RUNNING
    if guest.get("fresh") and guest.get("expect") != HOST_ONLY:
        own = guest_links(guest["entropy"])
        return {link: own[link] for link in links}, guest["entropy"]["problems"]
    if by_agent:
        seen, problems = half_by_agent(by_agent)
        return seen, problems + ([guest["why"]] if guest.get("why") and guest.get("expect") != HOST_ONLY else [])
    if guest.get("expect") == HOST_ONLY or (name is None and not running):
        return dict.fromkeys(links, NOT_APPLICABLE), []
    if name is None:
        why = problem("guest-not-seen", "domain %s runs, and no guest of the inventory has its UUID" % domain["name"])
    else:
        why = guest["why"] or problem("guest-not-seen", "no facts of it were gathered, now or before")
        if domain is not None and not running:
            why = dict(why, evidence="%s; its domain is %s" % (why["evidence"], domain["state"]))
    if why_not and running:
        why = dict(why, evidence="%s; through the guest agent: %s" % (why["evidence"], why_not))
    return dict.fromkeys(links, UNKNOWN), [why]


def _without_host(guest, host, found, same, hosts, silent):
    """Return (links, problems) of a host's half that was not seen, or need not be."""
    if guest.get("expect") == GUEST_ONLY:
        return dict.fromkeys(HOST_LINKS, NOT_APPLICABLE), []
    return dict.fromkeys(HOST_LINKS, UNKNOWN), [_why_without(guest, host, found, same, hosts, silent)]


def _why_without(guest, host, found, same, hosts, silent):
    """Return the problem (dict) that keeps a guest and its host apart."""
    if guest.get("torn"):
        return problem("ambiguous", guest["torn"])
    if len(same) > 1:
        return problem("ambiguous", "guests %s have one UUID, %s" % (_words.names(same), _uuid(guest)))
    if len(found) > 1:
        seen = ["%s on %s (%s, seen %d s ago)" % (one["name"], name, one["state"], hosts[name]["age"]) for name, one in found]
        return problem("ambiguous", _words.names(seen))
    if found:
        return host["why"]
    if not _uuid(guest):
        return problem("host-not-seen", "the guest's domain UUID is not known")
    return problem("host-not-seen", "no host that was seen has a domain with UUID %s%s" % (_uuid(guest), silent))


def _merged(inside, outside):
    """Return the problems of both halves, each code once: what the host knows of the device replaces the guest's guess."""
    known = {one["code"] for one in outside}
    if known & {"no-device", "config-only"}:
        known.add("no-device")
    return outside + [one for one in inside if one["code"] not in known]
