# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""That what virt_rng tells of a host agrees with what it tells of each domain."""

import yaml


def assert_it_adds_up(result):
    """Assert that summary, order, message and ``changed`` of a result follow from its rows, of which none is left out but unchanged ones."""
    rows, summary = result["domains"], result["summary"]
    assert summary["matched"] == len(rows) + result["truncated"] and result["truncated"] <= summary["unchanged"]
    assert summary["matched"] == summary["unchanged"] + summary["changed"] + summary["skipped"] + summary["failed"]
    assert summary["failed"] == sum(row["failed"] for row in rows)
    assert summary["skipped"] == sum(row["skipped"] and not row["failed"] for row in rows)
    assert summary["changed"] == sum(row["changed"] and not row["failed"] for row in rows)
    assert summary["restart_required"] == sum(map(_is_waiting, rows))
    assert result["changed"] == any(row["changed"] for row in rows)
    assert result.get("failed", False) == bool(summary["failed"])
    assert [row["name"] for row in rows] == [row["name"] for row in sorted(rows, key=lambda row: (_rank(row), row["name"]))]
    differing = [[half["before"], half["after"]] for row in rows for half in _halves(row) if half["before"] != half["after"]]
    assert [_shown(diff) for diff in result["diff"]] == differing
    for row in rows:
        assert not row["failed"] or row["name"] in result["msg"] and row["reason"] in result["msg"]
        assert row["changed"] or all(half["before"] == half["after"] for half in _halves(row))
        for half in _halves(row):
            assert (half["reason"] is not None) or half["result"] in ("done", "unchanged")


def _shown(diff):
    """Return the devices before and after as a diff shows them: YAML that can be given to the module, which takes a number for a name."""
    return [[{"driver": {}, **_with_names(device)} for device in yaml.safe_load(diff[side]) or []] for side in ("before", "after")]


def _with_names(device):
    sources = device.get("egd", {}).get("sources") or []
    for source in sources:
        source.update((name, str(value)) for name, value in source.items() if name == "service")
    return device


def _halves(row):
    return [half for half in (row["config"], row["live"]) if half]


def _is_waiting(row):
    return any(half["result"] in ("restart_required", "pending_unplug") for half in _halves(row))


def _rank(row):
    """Return how far below the rows that a person has to see first."""
    return next((rank for rank, is_it in enumerate((row["failed"], _is_waiting(row), row["changed"], row["skipped"])) if is_it), 4)
