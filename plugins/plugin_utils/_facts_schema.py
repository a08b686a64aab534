# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine may say of itself: the schema of the fact ``entropy``, as ``entropy_facts`` returns it, of this version and all before it. Pure.

Required is what every version wrote and the judgement reads; all else may be absent. The sizes are several times what the module writes.
"""

import re

from ansible_collections.kvm.entropy.plugins.module_utils._problems import PROBLEMS
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import BROKEN, LINKS, NOT_APPLICABLE, OK, UNKNOWN, VERDICTS
from ansible_collections.kvm.entropy.plugins.plugin_utils._schema import MisfitError, integer, list_of, moment, nullable, one_of, real, record, text

# The schema of the newest facts that this collection reads.
NEWEST = 1

# RFC 9562, section 4; in DMI's older order of bytes it has the same form.
UUID = text(36, re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"), "a UUID")

# The year 5138: whatever clock a machine has, int() and subtraction stay exact.
WHEN = moment(10 ** 11)
STATE = one_of(OK, BROKEN, UNKNOWN, NOT_APPLICABLE)
TRI = one_of(True, False, "unknown")
NAME = text(256)
WORDS = nullable(text(4096))
PATH = nullable(text(4096))
NAMES = list_of(NAME, 256)
PROCESSES = list_of(text(1024), 32)
COUNT = integer(0, 2 ** 63)
# Seconds since the boot; some 3,000 years.
UPTIME = nullable(real(0, 10 ** 11))

# At most so many problems of one machine; each code counts once.
MOST_PROBLEMS = 64


def _code(value):
    """Accept the code (str) of a problem that this collection can explain."""
    if not isinstance(value, str) or value not in PROBLEMS:
        raise MisfitError(value, "a problem code of this collection (docs/problems.md)")
    return value


def _version(value):
    """Accept the schema (int) of facts that this or an older version of the collection wrote."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= NEWEST:
        raise MisfitError(value, "a schema from 1 to %d, as this and older versions of the collection write it" % NEWEST)
    return value


PROBLEM = record({"code": _code, "evidence": text(4096)})

_KERNEL = record({}, {
    "release": nullable(NAME), "pool_bits": nullable(COUNT), "available_bits": nullable(COUNT), "generation": one_of("rewritten", "legacy", "unknown")})

_HWRNG = record({"device": TRI, "current": nullable(NAME), "filling": TRI}, {
    "available": nullable(NAMES), "other_sources": nullable(NAMES), "quality": nullable(COUNT), "filling_evidence": WORDS, "spin": WORDS,
    "delivered": nullable(COUNT), "device_at": nullable(NAME), "driver_loaded": TRI, "driver_bound": nullable(NAMES), "driver_at": UPTIME, "early": TRI})

_CRNG = record({"ready": TRI, "in_time": TRI}, {
    "ready_evidence": WORDS, "ready_at": UPTIME, "seeded_by": one_of("hwrng", "cpu", "bootloader", "jitter", "unknown"), "seeded_by_evidence": WORDS,
    "uninitialized_reads": nullable(COUNT), "init_started_at": UPTIME, "in_time_evidence": WORDS, "fake_devices": PROCESSES})

_FEEDER = record({}, {
    "which": nullable(NAME), "all": NAMES, "running": TRI, "dead": NAMES, "reads": nullable(NAMES), "needed": TRI, "needed_evidence": WORDS,
    "useful": one_of(True, False, "unknown", None), "stuck": WORDS, "silent": WORDS, "fake": PATH, "wanted": NAMES, "idle_reason": WORDS,
    "fake_evidence": WORDS, "processes": PROCESSES, "unproven": PROCESSES, "ignored": PROCESSES})

_TEST = record({}, {"cutoff": COUNT, "failures": COUNT})
_HEALTH = record({"passed": TRI}, {
    "source": nullable(NAME), "bytes_asked": COUNT, "bytes_read": COUNT, "seconds": UPTIME, "reason": WORDS, "period": nullable(COUNT), "meaning": WORDS,
    "fips": nullable(record({}, {
        "blocks": COUNT, "passed": COUNT, "cutoff": COUNT,
        "failures": record({}, dict.fromkeys(("monobit", "poker", "runs", "long_run", "continuous_run"), COUNT))})),
    "sp800_90b": nullable(record({}, {
        "min_entropy": real(0, 8), "alpha": real(0, 1), "repetition_count": _TEST, "adaptive_proportion": _TEST}))})

_IMAGE = record({}, {
    "kernel": nullable(NAME), "when": NAMES, "image": nullable(NAME), "examined": TRI, "driver": TRI, "early": TRI, "by": nullable(NAME),
    "builder": nullable(NAME), "stale": TRI, "reason": WORDS})
_INITRAMFS = record({}, {
    "examined": TRI, "reason": WORDS, "builder": nullable(NAME), "builder_evidence": WORDS, "next_known": TRI, "next_evidence": WORDS,
    "images": list_of(_IMAGE, 32)})

ENTROPY = record(
    {"gathered_at": WHEN, "kvm_guest": TRI, "hwrng": _HWRNG, "crng": _CRNG, "problems": list_of(PROBLEM, MOST_PROBLEMS)},
    {
        "schema": _version, "boot_id": nullable(NAME), "kernel": _KERNEL, "cpu": record({}, {"rdrand": TRI, "rdseed": TRI, "trusted": TRI}),
        "vmgenid": TRI, "fips": TRI, "kvm_guest_evidence": WORDS, "confidential": TRI, "confidential_evidence": WORDS, "container": nullable(NAME),
        "domain_uuid": nullable(UUID), "domain_uuid_from": nullable(NAME), "domain_uuid_reason": WORDS, "feeder": _FEEDER, "health": nullable(_HEALTH),
        "initramfs": nullable(_INITRAMFS),
        "unseen": list_of(record({}, {"what": WORDS, "why": WORDS, "needs": WORDS}), 64),
        "links": record({}, dict.fromkeys(LINKS, STATE)), "verdict": one_of(*VERDICTS),
    })
