# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the makers of cases have in common: observations in the form of a record."""

import json
import re
import time

from faults.cases import RECORDED

GUEST, HOST = "guest", "kvm1"
# Which recorded machine stands for a host's own kernel.
SOUND, WITHOUT_SOURCE = "healthy-6.12", "jitter-6.12"

# The lines of a kernel's log that anything reads, and what comes first; the rest stays out of the records.
READ = re.compile(r"Linux version|.*[Cc]ommand line|random: |efi: .*RNG=|devtmpfs|Run |systemd\[1\]|pci .*1af4|Hypervisor|Memory Encryption")
MOST_OF_SYSTEMD = 3


def record(about, hosts, guests, now):
    """Return the record (dict) of what ``hosts`` and ``guests`` (dict: name to half) showed at ``now`` (s UTC), about one guest or domain by name."""
    return {"about": about, "hosts": hosts, "guests": guests, "now": now}


def domains_of(host, *names, backends=False):
    """Return the fact ``entropy_domains`` (dict) that a look at ``host`` (virt_host.Host) gives, of the domains ``names`` alone.

    What a backend's file is depends on the machine that makes the record, and is in it only where ``backends`` asks for that.
    """
    found = host.info(domains=list(names), group=True, max_results=0, capacity_bytes=0)
    return {"schema": 2, "gathered_at": int(time.time()), "uri": "qemu:///system", "groups": found["groups"],
            "host": {"capacity": found["host"]["capacity"]} if backends else {}}


def guest_only(seen):
    """Return the record of one guest of which ``seen`` (dict of ``_kernel.observe``) was observed, and whose host nobody sees."""
    return record(GUEST, {}, {GUEST: {"seen": seen, "expect": "guest-only"}}, seen["now"])


def save(name, words, made):
    """Write the record ``made`` (dict) of the case ``name``, with ``words`` (str) on where it is from, without what nothing reads."""
    for half in made["guests"].values():
        if half.get("seen"):
            shorten(half["seen"])
    RECORDED.mkdir(exist_ok=True)
    text = json.dumps(dict(made, **{"from": words}), indent=1, sort_keys=True)
    (RECORDED / (name + ".json")).write_text(text + "\n", encoding="utf-8")


def shorten(seen):
    """Take out of ``seen`` (dict of ``_kernel.observe``) what nothing reads: most of the kernel's log and of what it says of its CPU."""
    if "lines" in (seen["log"] or {}):
        lines = [line for line in seen["log"]["lines"] if READ.match(line[1])]
        of_systemd = [line for line in lines if line[1].startswith("systemd[1]")]
        seen["log"]["lines"] = [line for line in lines if line not in of_systemd[MOST_OF_SYSTEMD:]]
    flags = re.search(r"^flags.*$", seen["texts"].get("/proc/cpuinfo", ""), re.MULTILINE)
    if flags:
        seen["texts"]["/proc/cpuinfo"] = flags.group()
