# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains that are alike are told together, and nothing is lost."""

import json
import uuid

from ansible_collections.kvm.entropy.plugins.module_utils import _bounds
from ansible_collections.kvm.entropy.plugins.module_utils._alike import grouped, rows_of
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain
from chain_halves import NOW, UUID, domain, guest, host


def by_uuid(rows):
    return sorted(rows, key=lambda row: row["uuid"])


def test_rows_come_back_from_their_groups_as_they_were():
    rows = [domain(name=f"web-{number}", uuid=str(uuid.UUID(int=number)), state=state, config=config)
            for number, (state, config) in enumerate((state, config) for state in ("running", "shutoff") for config in ([], None) for _twice in "ab")]
    groups = json.loads(json.dumps(grouped(rows)))
    assert [len(group["domains"]) for group in groups] == [2, 2, 2, 2]
    assert by_uuid(rows_of({"groups": groups})) == by_uuid(rows)


def test_a_fact_of_ten_thousand_domains_is_kept_whole():
    rows = [domain(name=f"customer-web-{number:05}", uuid=str(uuid.UUID(int=number))) for number in range(10000)]
    assert _bounds.size({"groups": grouped(rows)}) < _bounds.EVENT - 50000
    assert _bounds.size({"domains": rows}) > 3 * _bounds.EVENT


def test_a_fact_of_either_schema_is_judged_the_same():
    hosts = {"kvm1": host(domain(), domain(name="db", uuid=str(uuid.UUID(int=1)), state="shutoff", config=[]))}
    grouped_hosts = {"kvm1": dict(hosts["kvm1"], domains={"gathered_at": NOW, "groups": grouped(hosts["kvm1"]["domains"]["domains"])})}
    guests = {"web": guest(uuid=UUID)}
    rows = chain(hosts, guests, NOW, 60)
    assert [row["domain"] for row in rows] == ["db", "web"]
    assert chain(grouped_hosts, guests, NOW, 60) == rows
