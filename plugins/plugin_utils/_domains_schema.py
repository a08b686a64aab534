# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host may say of its domains: the schema of the fact ``entropy_domains``, of this version and all before it. Pure.

Schema 1 has ``domains``, a row each; schema 2 has ``groups`` of rows that are alike, and ``guests``, what guests told through their agents.
"""

from ansible_collections.kvm.entropy.plugins.plugin_utils._facts_schema import (
    COUNT,
    MOST_PROBLEMS,
    NAME,
    PATH,
    STATE,
    TRI,
    UUID,
    WHEN,
    WORDS,
)
from ansible_collections.kvm.entropy.plugins.plugin_utils._schema import integer, list_of, mapping, nullable, one_of, real, record, text

_NEWEST = 2
# A host with more domains than this is none that libvirt serves; ten thousand are usual at most.
_MOST_DOMAINS = 200_000
_BOOL = one_of(True, False)

_EGD_SOURCE = record({}, {
    "mode": one_of("connect", "bind"), "host": nullable(NAME), "service": nullable(NAME), "path": PATH, "tls": _BOOL, "reconnect": COUNT,
    "append": NAME, "channel": NAME, "master": NAME, "slave": NAME})
_EGD = record({"type": NAME, "sources": list_of(_EGD_SOURCE, 16)}, {"protocol": nullable(NAME)})
# <rate bytes> is 32 bits in libvirt (virDomainRNGDef in src/conf/domain_conf.h), and so is period, in ms.
_RATE = integer(0, 2 ** 32 - 1)
_DEVICE = record({"backend": NAME, "rate_bytes": _RATE, "rate_period": _RATE}, {
    "path": PATH, "egd": _EGD, "model": nullable(NAME), "driver": mapping(NAME, nullable(_BOOL), 16)})
_DEVICES = nullable(list_of(_DEVICE, 256))
_PLUG = nullable(record({}, {"possible": one_of(True, False, None), "reason": WORDS}))

_SHARED = {"state": NAME, "config": _DEVICES, "live": _DEVICES, "genid": _BOOL, "managed_elsewhere": nullable(NAME)}
_OPTIONAL = {
    "arch": nullable(NAME), "drift": _BOOL, "managed_save": _BOOL, "saved": _DEVICES, "snapshots": _BOOL, "persistent": _BOOL, "plug": _PLUG,
    "metadata": list_of(NAME, 16), "start_hindrance": WORDS, "unmanaged": list_of(NAME, 256)}
_NAMES_BY_UUID = mapping(UUID, NAME, _MOST_DOMAINS)

_HALF_BY_AGENT = record(
    {
        "links": record(dict.fromkeys(("live", "current", "fed", "ready", "in_time"), STATE)),
        "problems": list_of(record({"code": text(64), "evidence": text(4096)}), MOST_PROBLEMS),
    },
    {
        "gathered_at": WHEN, "release": nullable(NAME), "generation": NAME, "ready": TRI, "current": nullable(NAME), "quality": nullable(COUNT),
        "filling": TRI, "filling_reason": WORDS, "feeder": nullable(NAME),
    })
_TOLD = {"guest": nullable(_HALF_BY_AGENT), "guest_reason": WORDS}

_BACKEND = record({"backend": NAME, "path": PATH, "unsafe": _BOOL, "delivered": nullable(COUNT)}, {
    "kind": nullable(NAME), "delivered_reason": WORDS, "domains": COUNT, "running": COUNT, "limit": COUNT, "unlimited": COUNT, "seed_bytes": COUNT,
    "idle": real(0, 10 ** 18), "seed_seconds": nullable(real(0, 10 ** 18)), "enough": one_of(True, False, None), "reason": WORDS})

DOMAINS = record(
    {"gathered_at": WHEN},
    {
        "schema": integer(1, _NEWEST), "uri": nullable(text(4096)),
        "domains": list_of(record(dict(_SHARED, name=NAME, uuid=UUID), dict(_OPTIONAL, **_TOLD)), _MOST_DOMAINS),
        "groups": list_of(record(dict(_SHARED, domains=_NAMES_BY_UUID), _OPTIONAL), _MOST_DOMAINS),
        "guests": list_of(record(dict(_TOLD, domains=_NAMES_BY_UUID)), _MOST_DOMAINS),
        "host": nullable(record({}, {"capacity": nullable(list_of(_BACKEND, 10_000))})),
    })
