# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the libvirt domain of a guest by its UUID, over all hosts, without a naming convention."""

from ansible_collections.kvm.entropy.plugins.module_utils._alike import rows_of

RUNNING = ("running", "paused")


def normalized(uuid):
    """Return ``uuid`` (str) in lower case without white space; an empty str for None."""
    return (uuid or "").strip().lower()


def byte_swapped(uuid):
    """Return ``uuid`` (str) with the bytes of its first three fields reversed, as SMBIOS before 2.6 stores them.

    pc-i440fx-1.7 and guests as old as RHEL 6 may show that form (SMBIOS 2.6, section 7.2.1: little-endian fields).
    """
    fields = uuid.split("-")
    if len(fields) != 5 or len(uuid) != 36:
        return uuid
    swapped = ["".join(reversed([field[i:i + 2] for i in range(0, len(field), 2)])) for field in fields[:3]]
    return "-".join(swapped + fields[3:])


class Index:
    """The domains of all hosts by UUID."""

    def __init__(self, hosts):
        """Index ``hosts`` (dict: name to a dict whose ``domains`` is its ``entropy_domains`` fact, or None, and ``fresh`` (bool) whether that counts)."""
        self._found = {}
        self._old = {host for host in hosts if not hosts[host].get("fresh", True)}
        for host in sorted(hosts):
            for domain in rows_of(hosts[host].get("domains") or {}):
                self._found.setdefault(normalized(domain["uuid"]), []).append((host, domain))

    def key(self, uuid):
        """Return the UUID (str) under which the domain is known that ``uuid`` (str or None) means, in either order of bytes; ``uuid`` where none is."""
        uuid = normalized(uuid)
        swapped = byte_swapped(uuid)
        return swapped if uuid not in self._found and swapped in self._found else uuid

    def find(self, uuid):
        """Return a list of (host name, domain dict) that ``uuid`` (str or None) may mean.

        One element is the answer, none is no answer, several are ambiguous. A migration leaves one UUID defined on two
        hosts; then the one that runs is meant. Where a host that does not answer any more, or not of late, says that it runs there, another's word counts.
        """
        candidates = self._found.get(self.key(uuid), [])
        running = [(host, domain) for host, domain in candidates if domain["state"] in RUNNING]
        return [(host, domain) for host, domain in running if host not in self._old] or running or candidates

    def beside(self, keys):
        """Yield (host name, domain dict) of the domains with none of ``keys`` (set of str, see ``key``), as ``find`` returns them."""
        for uuid in self._found:
            if uuid not in keys:
                yield from self.find(uuid)
