# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left to do for a row after this run has done its part: the remedy names the restart, and not what the run has just done. Pure."""

from ansible_collections.kvm.entropy.plugins.module_utils._verdict import NOT_APPLICABLE, OK
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain_text import text_of

# By problem: what is left once the host's definition is right and the guest's initramfs has the driver.
_AFTER_GUEST = {
    "early-reads": "{restart}, then replace the keys that were generated during this boot's start",
    "seeded-late": "{restart}",
    "driver-late": "{restart}",
}
# What is left once the host has been given the device and could not plug it.
_AFTER_HOST = {
    "config-only": "Power the domain off and start it (entropy_host_restart: waiting, or kvm.entropy.virt_restart); a reboot inside the guest is not enough",
}
_REBOOT, _POWER_CYCLE = "Reboot the guest", "Power the domain off and start it"
_DONE = "This run has done the rest. "
_RIGHT = (OK, NOT_APPLICABLE)
# What waits for a restart, whoever has done the rest.
_WAITS = frozenset(("config-only", "managed-save"))


def remaining(rows, hosts_done, guests_done):
    """Return ``rows`` (list of dict, see ``_chain.chain``) with the remedies that are left after this run.

    ``hosts_done`` (set of str) are the hosts whose domains this run has configured, ``guests_done`` the guests whose driver it has made early.
    """
    if not hosts_done and not guests_done:
        return rows
    return [_left(row, _AFTER_HOST if row["host"] in hosts_done else {}, _AFTER_GUEST if row["guest"] in guests_done else {}) for row in rows]


def is_pending(row):
    """Return whether all that ``row`` (dict) lacks is a restart of its domain or guest."""
    return any(one["code"] in _WAITS or one["remedy"].startswith(_DONE) for one in row["problems"])


def _left(row, after_host, after_guest):
    """Return ``row`` (dict) with the remedies of ``after_host`` and ``after_guest`` (dicts of code to words) in place of its own."""
    links = row["links"]
    is_defined = links["config"] in _RIGHT
    remedies = dict(after_host)
    # A restart alone does nothing for an initramfs that this run could not build.
    if is_defined and not any(one["code"] == "initramfs-without-driver" for one in row["problems"]):
        restart = _REBOOT if links["live"] in _RIGHT else _POWER_CYCLE
        remedies.update({code: words.format(restart=restart) for code, words in after_guest.items()})
    if not any(one["code"] in remedies for one in row["problems"]):
        return row
    row = dict(row, problems=[dict(one, remedy=_DONE + remedies[one["code"]]) if one["code"] in remedies else one for one in row["problems"]])
    return dict(row, text=text_of(row))
