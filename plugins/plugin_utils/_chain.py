# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Join what hosts know of their domains with what guests know of themselves: one judged row per guest."""

from ansible_collections.kvm.entropy.plugins.module_utils import _rights, _words
from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import BREAKING, BROKEN, LINKS, NOT_APPLICABLE, OK, UNKNOWN, VERDICTS, guest_links, verdict
from ansible_collections.kvm.entropy.plugins.plugin_utils._admission import GUEST_ONLY, HOST_ONLY, admitted
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain_agent import half_by_agent, told_by_agents
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain_host import backends_of, host_links, host_problems, seen_inside, unsound
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain_text import text_of
from ansible_collections.kvm.entropy.plugins.plugin_utils._identity import Identities, Identity
from ansible_collections.kvm.entropy.plugins.plugin_utils._join import RUNNING, Index
from ansible_collections.kvm.entropy.plugins.plugin_utils._printable import printable

HOST_LINKS = ("host", "config", "live")
# Each guest without a host names the hosts that told nothing, with so many characters of each one's reason; their own rows have it whole.
_MOST_OF_SILENT = 200
# Of what was seen of one problem so many characters are shown: of a guest's own words, and of the controller's.
_MOST_OWN_WORDS, _MOST_EVIDENCE = 1000, 3000
# Where there are hosts, and nothing says which of their domains is the guest's.
_REMEDY_UUID = "Set entropy_domain_uuid for it ('virsh domuuid' on its host prints it), or say entropy_verify_expect: guest-only"
# Where nobody has looked into it. A look that was refused the UUID is told as needs-root; any other has shown that the platform has none.
_REMEDY_UNSEEN_UUID = "Look into the guest as root, which can read its UUID (become). Or set" + _REMEDY_UUID[3:]
# What keeps a machine from being seen, and so from being joined.
_CAUSES = frozenset(("bad-facts", "bad-variable", "look-failed", "needs-root", "stale", "unreachable"))
GUEST_LINKS = ("current", "fed", "ready", "in_time")


def chain(hosts, guests, now, max_age):
    """Return the judged rows (list of dict), worst first, of all ``guests`` and of the domains that belong to no guest.

    ``hosts``: dict, name to ``domains`` (the ``entropy_domains`` fact), ``entropy`` (the host's own facts), ``error`` (str: why it did not answer in this
    run), ``look_failed`` (str: why the look at it failed though it answered), ``expect``, and ``wrong`` (str: which of its own variables is wrong).
    ``guests``: dict, name to ``entropy``, ``error``, ``look_failed``, ``uuid`` (the domain UUID from the inventory), ``expect`` and ``wrong``. Any of
    these may be None or absent, and so may ``unreadable`` (str): why a machine's facts cannot be read at all. ``expect`` is one of EXPECTATIONS. ``now`` is
    in UTC epoch seconds, ``max_age`` in seconds: what is older is stale and judges nothing. Facts that do not fit their schema are the problem
    ``bad-facts`` of that machine's row, and of no other.
    """
    hosts = {name: admitted(host, "domains", now, max_age) for name, host in hosts.items()}
    guests = {name: admitted(guest, "entropy", now, max_age) for name, guest in guests.items()}
    for host in hosts.values():
        host["agents"] = told_by_agents(host) if host["fresh"] else {}
        host["backends"] = backends_of(host)
    index = Index(hosts)
    identities = Identities(guests, index)
    silent = _silent(hosts)
    rows = []
    untold = {}
    for name, guest in guests.items():
        identity = identities.of[name]
        found = [] if identity.dispute else index.find(identity.uuid)
        rows.append(_row(name, guest, found, hosts, identity, silent))
        if len(found) > 1 or guest["expect"] == GUEST_ONLY:
            untold.update({(host, domain["uuid"]): (host, domain, "guest %s has its UUID" % name) for host, domain in found})
    rows += [_nobodys(*one, hosts, silent) for one in identities.unclaimed(index)]
    # What a host proves of a domain is told also where its guest's row has no place for it.
    rows += [row for row in (_nobodys(*one, hosts, silent) for one in untold.values()) if row["verdict"] == BROKEN]
    # A host has a row of its own where it was not seen and no other row says so: one of a domain that now runs elsewhere does not.
    named = {row["host"] for row in rows if row["links"]["config"] == UNKNOWN}
    rows += [_unseen_host(name, host) for name, host in hosts.items() if not (host["fresh"] or host["expect"] == GUEST_ONLY or name in named)]
    # What is wrong with a host's own generator is in the rows of its domains; where it has none, in a row of its own.
    named = {row["host"] for row in rows}
    rows += [_unsound_host(name, host) for name, host in hosts.items()
             if host["fresh"] and host["expect"] != GUEST_ONLY and name not in named and unsound(host)]
    return sorted(rows, key=lambda row: (VERDICTS.index(row["verdict"]), row["guest"] or "", row["domain"] or "", row["host"] or ""))


def _nobodys(host, domain, dispute, hosts, silent):
    """Return the row (dict) of a ``domain`` on ``host`` (str) that is no guest's; ``dispute`` (str or None): why not, where guests claim it."""
    return _row(None, {"expect": hosts[host]["expect"], "doubts": []}, [(host, domain)], hosts, Identity(domain["uuid"], dispute), silent)


def _silent(hosts):
    """Return (str) which of ``hosts`` (dict) have nothing to judge by, and why, to follow what one of their guests is told; empty where there are none."""
    silent = ["%s: %s" % (name, _words.cut(hosts[name]["why"]["evidence"], _MOST_OF_SILENT)) for name in sorted(hosts) if hosts[name]["why"]]
    return "; " + _words.names(silent, "; ") if silent else ""


def _unseen_host(name, host):
    """Return the row (dict) of a host that was not seen: what it runs cannot be judged."""
    why = host["why"] or problem("host-not-seen", "nobody looked at host %s" % name)
    return _host_row(name, host, UNKNOWN, dict.fromkeys(LINKS, UNKNOWN), [why])


def _unsound_host(name, host):
    """Return the row (dict) of a host without a judged domain whose own generator cannot be relied upon."""
    return dict(_host_row(name, host, BROKEN, dict(dict.fromkeys(LINKS, NOT_APPLICABLE), host=BROKEN), unsound(host)), host_age=host["age"])


def _host_row(name, host, worst, links, problems):
    """Return the row (dict) of the ``host`` (dict) ``name`` (str) that is about no domain, with the verdict ``worst`` (str)."""
    return _told({
        "guest": None, "domain": None, "domain_state": None, "uuid": None, "host": name, "links": links, "verdict": worst,
        "problems": problems + host["doubts"], "guest_age": None, "host_age": None,
    })


def _told(row, unseen=()):
    """Return ``row`` (dict) with its ``text``. What machines said in it is made printable, as reports show it, too; ``unseen`` (list of dict) are facts."""
    problems = [dict(one, evidence=printable(one["evidence"], _MOST_EVIDENCE)) for one in row["problems"]]
    row = dict(row, problems=problems, domain=row["domain"] and printable(row["domain"], _words.MOST_NAME))
    # It is shown of a row that is unknown, and nothing else says why.
    refused = _words.names(["%s: %s" % (one["what"], one["why"]) for one in unseen], "; ") if row["verdict"] == UNKNOWN else ""
    return dict(row, text=text_of(row, printable(refused, _MOST_EVIDENCE)))


def _row(name, guest, found, hosts, identity, silent):
    """Return the judged row (dict) of the guest ``name`` (None: nobody's domain), of this ``identity``, and the domains ``found`` for it."""
    host_name, domain = found[0] if len(found) == 1 else (None, None)
    host = hosts.get(host_name, {})
    agent = host["agents"].get(domain["uuid"], (None, None)) if domain and guest["expect"] != GUEST_ONLY else (None, None)
    inside, inside_problems = _guest_half(name, guest, domain, identity, *agent)
    if domain is not None and host["fresh"] and guest["expect"] != GUEST_ONLY:
        outside, outside_problems = host_links(host, domain), host_problems(host, domain) + host["doubts"]
    else:
        outside, outside_problems = _without_host(guest, host, found, hosts, identity, silent)
    # The later look counts: a device may have left after the guest was seen.
    if guest.get("fresh") and host.get("fresh") and guest["age"] <= host["age"]:
        outside, outside_problems = seen_inside(outside, outside_problems, inside)
    links = dict(inside, host=outside["host"], config=outside["config"])
    # The host knows what is plugged; only where it cannot tell does the guest's bus count.
    if outside["live"] in (OK, BROKEN):
        links["live"] = outside["live"]
    problems = _causes_first(_merged(inside_problems + guest["doubts"], outside_problems))
    return _told({
        "guest": name,
        "domain": domain["name"] if domain else None,
        "domain_state": domain["state"] if domain else None,
        "uuid": domain["uuid"] if domain else identity.uuid,
        "host": host_name,
        "links": {link: links[link] for link in LINKS},
        "verdict": verdict(links, [one["code"] for one in problems]),
        "problems": problems,
        "guest_age": host["age"] if agent[0] and not guest.get("fresh") else guest.get("age"),
        "host_age": host.get("age"),
    }, guest["entropy"].get("unseen", ()) if guest.get("fresh") else ())


def _guest_half(name, guest, domain, identity, by_agent, why_not):
    """Return (links, problems) as the guest sees them: the links from the running device to the first key.

    Its own fresh facts win over ``by_agent``, the half (dict or None) that its agent told its host; ``why_not`` (str or None) is why it did not.
    """
    links = ("live",) + GUEST_LINKS
    running = domain is not None and domain["state"] in RUNNING
    if guest.get("fresh") and guest["expect"] != HOST_ONLY:
        own = guest_links(guest["entropy"])
        return {link: own[link] for link in links}, _own_problems(guest["entropy"])
    if by_agent:
        seen, problems = half_by_agent(by_agent)
        return seen, problems + _beside_agent(guest, identity if name is None else None)
    if guest["expect"] == HOST_ONLY or (name is None and not running):
        return dict.fromkeys(links, NOT_APPLICABLE), []
    if name is None:
        why = (problem("ambiguous", identity.dispute) if identity.dispute else
               problem("guest-not-seen", "domain %s runs, and no guest of the inventory has its UUID" % domain["name"]))
    else:
        why = guest["why"] or problem("guest-not-seen", "no facts of it were gathered, now or before")
        if domain is not None and not running:
            why = dict(why, evidence="%s; its domain is %s" % (why["evidence"], domain["state"]))
    if why_not and running:
        why = dict(why, evidence="%s; through the guest agent: %s" % (why["evidence"], why_not))
    return dict.fromkeys(links, UNKNOWN), [why]


def _own_problems(facts):
    """Return the problems (list of dict) that a guest's ``facts`` (dict) name: the code and the evidence are its own, all other words are ours."""
    own = [_own(one["code"], _words.cut(one["evidence"], _MOST_OWN_WORDS)) for one in facts["problems"]]
    refused = _rights.refused(facts)
    # Before 0.7.0 a look without the rights that decide named no problem.
    if refused and not {"needs-root", *BREAKING} & {one["code"] for one in own}:
        own.append(_rights.needs_root(_words.cut(refused, _MOST_OWN_WORDS)))
    return own


def _own(code, evidence):
    """Return the problem (dict) ``code`` (str) for which a machine has this ``evidence`` (str)."""
    return _rights.needs_root(evidence) if code == "needs-root" else problem(code, evidence)


def _beside_agent(guest, identity):
    """Return what else (list of problems) is to be said where a guest is seen through its agent; ``identity`` is that of a domain without a guest."""
    if identity and identity.dispute:
        return [problem("ambiguous", identity.dispute)]
    return [guest["why"]] if guest.get("why") and guest["expect"] != HOST_ONLY else []


def _without_host(guest, host, found, hosts, identity, silent):
    """Return (links, problems) of a host's half that was not seen, or need not be."""
    if guest["expect"] == GUEST_ONLY:
        return dict.fromkeys(HOST_LINKS, NOT_APPLICABLE), []
    return dict.fromkeys(HOST_LINKS, UNKNOWN), list(_whys_without(guest, host, found, hosts, identity, silent))


def _whys_without(guest, host, found, hosts, identity, silent):
    """Yield the problem (dict) that keeps a guest and its host apart; none where only a look at the guest can tell its UUID, and its row says why not."""
    is_nameless = not (identity.uuid or identity.dispute or found)
    refused = _rights.uuid_refused(guest.get("entropy")) if is_nameless else None
    if refused:
        yield _rights.needs_root(refused)
    elif not (is_nameless and guest.get("why") and guest["expect"] != HOST_ONLY):
        why = _why_without(host, found, hosts, identity, silent)
        yield dict(why, remedy=_REMEDY_UUID if guest.get("entropy") else _REMEDY_UNSEEN_UUID) if is_nameless and hosts else why


def _why_without(host, found, hosts, identity, silent):
    """Return the problem (dict) that keeps a guest and its host apart."""
    if identity.dispute:
        return problem("ambiguous", identity.dispute)
    if len(found) > 1:
        seen = ["%s on %s (%s, seen %d s ago)" % (one["name"], name, one["state"], hosts[name]["age"]) for name, one in found]
        return problem("ambiguous", _words.names(seen))
    if found:
        return host["why"]
    if not identity.uuid:
        return problem("host-not-seen", "the guest's domain UUID is not known")
    return problem("host-not-seen", "no host that was seen has a domain with UUID %s%s" % (identity.uuid, silent))


def _causes_first(problems):
    """Return ``problems`` (list of dict) with those first of which others are a consequence: where a guest does not answer, its UUID is not known either."""
    return sorted(problems, key=lambda one: one["code"] not in _CAUSES)


def _merged(inside, outside):
    """Return the problems of both halves, each code once: what the host knows of the device replaces the guest's guess."""
    # Rights that both halves lack are one problem.
    refused = next((one["evidence"] for one in inside if one["code"] == "needs-root"), None)
    outside = [_rights.needs_root("%s; %s" % (refused, one["evidence"])) if refused and one["code"] == "needs-root" else one for one in outside]
    known = {one["code"] for one in outside}
    if known & {"no-device", "config-only"}:
        known.add("no-device")
    if "vmgenid-unsupported" in known:
        known.add("no-vmgenid")
    merged = list(outside)
    for one in inside:
        if one["code"] not in known:
            known.add(one["code"])
            merged.append(one)
    return merged
