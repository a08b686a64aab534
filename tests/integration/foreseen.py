# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run may differ from what check mode predicted: what virt_rng's documentation says that nobody can know before, and nothing else."""

import re

# libvirt's words where a definition or a running domain has no place for one more device.
_NO_PLACE = re.compile(r"No more available PCI slots|but index must be larger than bus|No PCI buses available")
# QEMU's words.
_NO_SOURCE = re.compile(r"^libvirt refuses: .*Failed to (connect to|bind socket to) '")
_WAY_BACK = re.compile(r"power the domain off and start it \(a reboot inside the guest is not enough\)$|create it again with the <rng> that is wanted$")


def foreseen(predicted, result):
    """Return ``predicted`` with those of its rows as in ``result`` that differ in the documented way alone.

    What follows from the rows (their order, the summary, the message) is taken from ``result`` where one differs: see ``told.py``.
    """
    real = {row["name"]: row for row in result.get("domains", [])}
    rows = {row["name"]: _explained(row, real.get(row["name"], {})) for row in predicted.get("domains", [])}
    if [*rows.values()] == predicted.get("domains", []):
        return predicted
    follows = {name: result[name] for name in ("changed", "summary", "failed", "msg", "diff") if name in result}
    return {**predicted, **follows, "domains": [rows.get(name) for name in real]}


def _explained(row, real):
    if row == real or not real:
        return row
    if _has_no_place_in_its_definition(row, real) or _has_no_source(row, real):
        return real
    if row["live"] and real["live"] and (_is_unanswered(row["live"], real["live"]) or _has_no_place_while_it_runs(row["live"], real["live"])):
        return dict(row, live=real["live"], changed=real["changed"])
    return row


def _has_no_place_in_its_definition(row, real):
    """Only libvirt can tell; then both halves are left as they were."""
    return (
        row["config"] and real["config"]["result"] == "refused" and _NO_PLACE.search(real["config"]["reason"])
        and real["failed"] and not real["changed"] and _is_left(row["config"], real["config"])
        and (real["live"] == row["live"] or _is_left(row["live"], real["live"]) and real["live"]["reason"].startswith("not touched")))


def _has_no_source(row, real):
    """Only QEMU can tell whether it can open a source; then both halves are left as they were, but for devices plugged before that one."""
    live, config = real["live"], real["config"]
    if not live or live["result"] != "refused" or row["live"]["result"] != "done" or not _NO_SOURCE.search(live["reason"]):
        return False
    added = row["live"]["after"][len(row["live"]["before"]) - _removed(row["live"]):]
    plugged = live["after"][len(live["before"]):]
    return (
        real["failed"] and real["changed"] == bool(plugged) and live["after"] == row["live"]["before"] + added[:len(plugged)] and plugged != added
        and (config == row["config"] or _is_left(row["config"], config) and config["reason"].startswith("taken back, because")))


def _has_no_place_while_it_runs(live, real):
    """Only libvirt can tell; then what runs is left as it was."""
    return live["result"] == "done" and real["result"] == "restart_required" and _NO_PLACE.search(real["reason"]) and _is_left(live, real)


def _is_unanswered(live, real):
    """Nobody can know what a guest answers; then what was to go is still there, and what was to come as well."""
    gone = [device for device in live["before"] if device not in live["after"] or live["before"].count(device) > live["after"].count(device)]
    added = live["after"][len(live["before"]) - _removed(live):]
    return bool(gone) and live["result"] == "done" and real == {
        "before": live["before"], "after": live["before"] + added, "result": "pending_unplug", "reason": real["reason"],
    } and real["reason"].startswith("the guest has not given the device back yet") and bool(_WAY_BACK.search(real["reason"]))


def _removed(live):
    """Return how many of the devices before are not among those after, which come first there."""
    kept = 0
    for device in live["before"]:
        if kept < len(live["after"]) and live["after"][kept] == device:
            kept += 1
    return len(live["before"]) - kept


def _is_left(half, real):
    return real["before"] == real["after"] == half["before"]
