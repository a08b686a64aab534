# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of domains that are alike but for their name and UUID, told once for all of them. Pure.

Ten thousand rows are some 5 MB, too much for a fact that every later task carries along. Their groups are a tenth of that.
"""

import json


def grouped(rows):
    """Return the groups (list of dict) of ``rows`` (list of dict): what they share, and ``domains``, a dict of UUID to name."""
    groups = {}
    for row in rows:
        shared = {key: value for key, value in row.items() if key not in ("name", "uuid")}
        groups.setdefault(json.dumps(shared, sort_keys=True), dict(shared, domains={}))["domains"][row["uuid"]] = row["name"]
    return list(groups.values())


def rows_of(fact):
    """Yield the rows (dict) of a fact ``entropy_domains`` (dict): of its ``groups``, or of its ``domains``, as schema 1 has them."""
    yield from fact.get("domains", ())
    for group in fact.get("groups", ()):
        shared = {key: value for key, value in group.items() if key != "domains"}
        for uuid, name in group["domains"].items():
            yield dict(shared, name=name, uuid=uuid)
