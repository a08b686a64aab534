# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which domain each guest is. Pure.

A guest's own word for its UUID is a claim, and anybody can claim another's. The inventory's ``entropy_domain_uuid`` wins over a claim. Where claims
contradict each other, nobody gets the domain: it keeps a row of its own, with all that its host knows.
"""

from typing import NamedTuple, Optional

from ansible_collections.kvm.entropy.plugins.module_utils import _words
from ansible_collections.kvm.entropy.plugins.plugin_utils._admission import NO_DOMAIN
from ansible_collections.kvm.entropy.plugins.plugin_utils._join import RUNNING


class Identity(NamedTuple):
    """The domain ``uuid`` (str or None) of a guest, and why (str) that is disputed, so that the guest is joined to no domain; None where it is not."""

    uuid: Optional[str]
    dispute: Optional[str]


class Identities:
    """The Identity of each guest by name (``of``), and what is disputed about domains that no guest has."""

    def __init__(self, guests, index):
        """``guests``: dict of name to half, with ``uuid`` (from the inventory) and ``entropy`` (the facts). ``index``: the Index of all domains."""
        self.of = {}
        self._disputes = {}
        self._settled = set()
        explicit, claims = {}, {}
        for name in sorted(guests):
            given, own = guests[name]["uuid"], own_uuid(guests[name])
            if given == NO_DOMAIN:
                self.of[name] = Identity(None, None)
                continue
            contradiction = _contradiction(given, own, index)
            self.of[name] = Identity(given or own, contradiction)
            if contradiction:
                self._disputes.update(dict.fromkeys((index.key(given), index.key(own)), "guest %s: %s" % (name, contradiction)))
            elif given or own:
                (explicit if given else claims).setdefault(index.key(given or own), []).append(name)
        for key in {**explicit, **claims}:
            self._settle(key, explicit.get(key, []), claims.get(key, []), guests)

    def _settle(self, key, explicit, claimants, guests):
        """Decide who is the domain with the UUID ``key`` among ``explicit``, whom the inventory names, and ``claimants`` (lists of names)."""
        everyone = explicit + claimants
        losers = []
        if len(everyone) > 1 and not _is_one_machine(everyone, guests):
            losers, words = everyone, "guests %s have one UUID, %s" % (_words.names(sorted(everyone)), key)
            if len(explicit) == 1:
                losers, words = claimants, "%s reports the UUID %s, and the inventory gives that to %s (entropy_domain_uuid), which counts" % (
                    _words.names(claimants), key, explicit[0])
            for name in losers:
                self.of[name] = Identity(self.of[name].uuid, words)
        if losers == everyone:
            self._disputes[key] = words
        else:
            self._settled.add(key)

    def unclaimed(self, index):
        """Yield (host name, domain, why the domain is disputed or None) of the domains that belong to no guest."""
        for host, domain in index.beside(self._settled):
            yield host, domain, self._disputes.get(index.key(domain["uuid"]))


def own_uuid(half):
    """Return the domain UUID (str or None) that a guest reports of itself, in its ``half`` (dict)."""
    return (half.get("entropy") or {}).get("domain_uuid")


def _contradiction(given, own, index):
    """Return why (str) a guest cannot be the domain ``given`` in the inventory; None where nothing contradicts that.

    Where a domain runs with the UUID ``own`` that the guest reports, one of the two is wrong, and nobody here knows which.
    """
    running = [domain for _host, domain in index.find(own) if domain["state"] in RUNNING]
    if not given or not running or index.key(given) == index.key(own):
        return None
    return "entropy_domain_uuid is %s, and the guest reports %s, with which domain %s runs" % (given, own, running[0]["name"])


def _is_one_machine(names, guests):
    """Return whether the guests of these ``names`` (list of str) are one that the inventory names several times: looks at it saw one boot."""
    boots = {(guests[name].get("entropy") or {}).get("boot_id") for name in names}
    return len(boots) == 1 and None not in boots
