# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet that is there only in an inventory and a fact cache, as jobs that have looked at it leave them.

    ANSIBLE_CACHE_PLUGIN=jsonfile ANSIBLE_CACHE_PLUGIN_CONNECTION=CACHE PYTHONPATH=COLLECTIONS python tests/cached_fleet.py INVENTORY GUESTS [KIND...]

It is written by the cache plugin of the Ansible that runs this, as each version has a form of its own. The guests are the unit tests' recorded machines,
each with an identity and numbers of its own; every host has 100 of them.
"""

import collections
import json
import sys
import time
import uuid
from pathlib import Path

from ansible import constants
from ansible.plugins.loader import cache_loader

sys.path.insert(0, str(Path(__file__).absolute().parent / "unit/plugins/module_utils"))

from ansible_collections.kvm.entropy.plugins.module_utils import _alike, _entropy  # noqa: E402
from chain_halves import DEVICE, domain  # noqa: E402
from entropy_machines import machine  # noqa: E402

PER_HOST = 100
OLD = 30 * 86400
SCHEMA = 2

# What a guest may be: the recorded machine, how long ago it was looked at (s; None: never), whether its domain is defined and runs with a device, and
# how it is judged.
Kind = collections.namedtuple("Kind", "machine age config live verdict")
KINDS = {
    "ok": Kind("trixie-fed", 600, True, True, "ok"),
    "user": Kind("bookworm-fed-user", 600, True, True, "unknown"),
    "live only": Kind("forky-fed", 600, False, True, "degraded"),
    "bare": Kind("trixie-bare", 600, False, False, "broken"),
    "early reads": Kind("bullseye-early-reads", 600, True, True, "broken"),
    "undriven": Kind("bookworm-undriven", 600, True, True, "broken"),
    "stale": Kind("bookworm-fed", OLD, True, True, "unknown"),
    "unseen": Kind("bookworm-fed", None, True, True, "unknown"),
}


def guest_facts(kind, number, now):
    """Return the facts (dict) that guest ``number`` (int) of ``kind`` (a key of KINDS) has left, or None; ``now`` in s since 1970 UTC."""
    name, age = KINDS[kind].machine, KINDS[kind].age
    if age is None:
        return None
    facts = _entropy.facts_of(machine(name))
    ready_at = facts["crng"]["ready_at"]
    facts["crng"]["ready_at"] = ready_at and round(ready_at + number / 1000000, 6)
    return dict(facts, domain_uuid=uuid_of(number), domain_uuid_from="DMI", boot_id=str(uuid.UUID(int=2**64 + number)), gathered_at=now - age - number % 3600)


def uuid_of(number):
    """Return the UUID (str) of the domain of guest ``number`` (int)."""
    return str(uuid.UUID(int=2**100 + number))


def host_facts(numbers, kinds, now):
    """Return the facts (dict) of a host with the domains of the guests ``numbers`` (list of int), whose ``kinds`` (list of str) they are in turn."""
    rows = []
    for number in numbers:
        kind = KINDS[kinds[number % len(kinds)]]
        config, live = ([DEVICE] if there else [] for there in (kind.config, kind.live))
        rows.append(domain("customer-web-%05d" % number, uuid_of(number), config=config, live=live, genid=number % 5 > 0))
    own = dict(_entropy.facts_of(machine("trixie-fed")), gathered_at=now - 600, kvm_guest=False)
    return {"entropy": own, "entropy_domains": {
        "schema": SCHEMA, "gathered_at": now - 600, "uri": "qemu:///system", "host": {"capacity": []}, "groups": _alike.grouped(rows)}}


def fleet(count, kinds, now):
    """Yield (name, facts) of every host, then of every guest that was seen, of ``count`` (int) guests."""
    for first in range(0, count, PER_HOST):
        yield "kvm%03d.example.org" % (first // PER_HOST), host_facts(range(first, min(first + PER_HOST, count)), kinds, now)
    for number in range(count):
        facts = guest_facts(kinds[number % len(kinds)], number, now)
        if facts:
            yield guest_name(number), {"entropy": facts}


def guest_name(number):
    """Return the inventory name (str) of guest ``number`` (int)."""
    return "web-%05d.example.org" % number


def inventory(count, kinds):
    """Return an inventory (dict) of ``count`` (int) guests and their hosts, with the few variables that such a one has, templates among them."""
    return {
        # Ansible's implicit localhost is none that --limit finds.
        "ungrouped": {"hosts": {"localhost": {"ansible_connection": "local"}}},
        "kvm_hosts": {"hosts": {"kvm%03d.example.org" % number: {"rack": number} for number in range((count + PER_HOST - 1) // PER_HOST)},
                      "vars": {"ansible_user": "auditor"}},
        "kvm_guests": {"hosts": {guest_name(number): _guest_vars(number, kinds[number % len(kinds)]) for number in range(count)},
                       "vars": {"ansible_user": "admin", "site_domain": "example.org", "backup_server": "backup.{{ site_domain }}"}},
    }


def _guest_vars(number, kind):
    """Return the variables (dict) of a guest; one that was never seen has its UUID from a list of machines."""
    asset = {"asset": {"uuid": uuid_of(number)}, "entropy_domain_uuid": "{{ asset.uuid }}"} if KINDS[kind].age is None else {}
    return dict(asset, ansible_port=2200 + number % 100)


def main(target, count, *kinds):
    """Write the inventory of ``count`` guests to the file ``target``, and their facts into the cache that Ansible is configured to have."""
    kinds = kinds or list(KINDS)
    Path(target).write_text(json.dumps(inventory(int(count), kinds)), encoding="utf-8")
    cache = cache_loader.get(constants.CACHE_PLUGIN)
    for name, facts in fleet(int(count), kinds, int(time.time())):
        cache.set(name, facts)


if __name__ == "__main__":
    main(*sys.argv[1:])
