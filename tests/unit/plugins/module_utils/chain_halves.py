# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Halves of a chain as the modules return them, cut to what the judgement reads."""

import copy

UUID = "2c12a822-84af-424b-91cf-7470bde43aa8"
NOW = 1_800_000_000

DEVICE = {"backend": "random", "path": "/dev/urandom", "rate_bytes": 1024, "rate_period": 1000, "model": "virtio", "driver": {}}


def domain(name="web", uuid=UUID, state="running", config=(DEVICE,), live=(DEVICE,), **more):
    """Return a row of entropy_domains; ``live`` is left out where nothing runs."""
    return {
        "name": name, "uuid": uuid, "state": state, "arch": "x86_64",
        "config": None if config is None else [copy.deepcopy(one) for one in config],
        "live": [copy.deepcopy(one) for one in live] if state in ("running", "paused") else None,
        "drift": False, "genid": True, "managed_save": False, "managed_elsewhere": None, "plug": None, **more,
    }


def host(*domains, age=0, ready=True, current="tpm-rng-0", problems=(), **more):
    """Return a host's half with these domains."""
    return {
        "domains": {"gathered_at": NOW - age, "domains": list(domains)},
        "entropy": facts(age=age, kvm_guest=False, ready=ready, current=current, problems=problems),
        **more,
    }


def facts(uuid=UUID, age=0, kvm_guest=True, device=True, current="virtio_rng.0", filling=True, ready=True, in_time=True, problems=()):
    """Return entropy facts, cut to what the judgement reads; ``problems`` are codes."""
    return {
        "gathered_at": NOW - age, "domain_uuid": uuid, "kvm_guest": kvm_guest,
        "hwrng": {"device": device, "current": current, "filling": filling},
        "crng": {"ready": ready, "in_time": in_time},
        "problems": [{"code": code, "text": code, "remedy": "mend", "evidence": "seen"} for code in problems],
    }


def guest(**more):
    """Return a guest's half."""
    half = {key: more.pop(key) for key in ("error", "expect", "uuid") if key in more and key != "uuid"}
    explicit = more.pop("explicit_uuid", None)
    return {"entropy": facts(**more), "uuid": explicit, **half}
