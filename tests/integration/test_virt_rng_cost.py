# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What virt_rng and virt_rng_info ask of libvirt: one connection, and of each domain no more than there is to know."""

import collections
import json

import pytest
from virt_host import RNG

# Counts the calls that go over the connection, in the module's own process.
COUNTING = """
import atexit, collections, json, os, libvirt
made = collections.Counter()
def counted(owner, name, label):
    real = getattr(owner, name)
    def call(*arguments, **options):
        made[label] += 1
        return real(*arguments, **options)
    setattr(owner, name, call)
for name in ("open", "openReadOnly"):
    counted(libvirt, name, "connect")
counted(libvirt, "virEventRunDefaultImpl", "turns")
for owner in (libvirt.virConnect, libvirt.virDomain):
    for name in vars(owner):
        if not name.startswith("_") and name not in ("name", "UUIDString", "ID", "close", "connect"):
            counted(owner, name, name)
atexit.register(lambda: json.dump(made, open(os.environ["CALLS"], "w")))
"""


@pytest.fixture
def calls(host, tmp_path):
    """Return a function that runs a module and returns the calls that it made (collections.Counter), turns of libvirt's loop only where asked for."""
    (tmp_path / "sitecustomize.py").write_text(COUNTING, encoding="utf-8")

    def count(module, turns=False, **options):
        result = host.run(module, environment={"PYTHONPATH": str(tmp_path), "CALLS": str(tmp_path / "calls")}, **options)
        assert not result.get("failed"), result
        made = collections.Counter(json.loads((tmp_path / "calls").read_text(encoding="utf-8")))
        return collections.Counter({name: number for name, number in made.items() if turns or name != "turns"})
    return count


def test_a_thousand_domains_would_cost_a_thousand_times_two_calls(host, calls):
    names = [f"many-{number:02}" for number in range(20)]
    host.define_many(names)
    # One listing of all, three that tell a property of some; the capabilities of one QEMU; per domain one read and one attach.
    once = {"connect": 1, "setKeepAlive": 1, "listAllDomains": 4}
    assert calls("virt_rng", domains=["*"], _ansible_check_mode=True) == {**once, "getDomainCapabilities": 1, "XMLDesc": 20}
    assert calls("virt_rng", domains=["*"]) == {**once, "getDomainCapabilities": 1, "XMLDesc": 20, "attachDeviceFlags": 20}
    assert calls("virt_rng", domains=["*"]) == {**once, "XMLDesc": 20}
    assert calls("virt_rng", domains=["many-00"]) == {**once, "XMLDesc": 1}
    # A successor comes before the old one leaves, and takes its address afterwards; the port that libvirt made for the moment between goes, too.
    assert calls("virt_rng", domains=["*"], rate_bytes=64) == {
        **once, "getDomainCapabilities": 1, "XMLDesc": 40, "attachDeviceFlags": 40, "detachDeviceFlags": 60}


def test_what_runs_costs_its_state_one_more_read_its_jobs_and_one_plug(host, calls):
    host.define("web-1", start=True)
    assert calls("virt_rng", domains=["*"]) == {
        "connect": 1, "setKeepAlive": 1, "listAllDomains": 4, "getDomainCapabilities": 1, "state": 1, "XMLDesc": 2, "jobInfo": 1, "attachDeviceFlags": 2}
    assert calls("virt_rng", domains=["*"], scope="live") == {"connect": 1, "setKeepAlive": 1, "listAllDomains": 4, "state": 1, "XMLDesc": 1}


def test_a_guest_that_is_waited_for_is_not_looked_at_until_libvirt_tells_something(host, calls):
    host.define("web-1", RNG, start=True)
    # The definition is left alone, as of a change to it a newer libvirt tells, too.
    made = calls("virt_rng", domains=["*"], state="absent", scope="live", unplug_timeout=3)
    assert made["detachDeviceAlias"] == 1 and made["domainEventRegisterAny"] == 3
    assert made["XMLDesc"] == 2, "one to decide, none in 3 s, and one at the end"


def test_reading_costs_one_read_each(host, calls):
    for name in ("a", "b", "c"):
        host.define(name, RNG)
    made = calls("virt_rng_info")
    assert made["connect"] == 1 and made["listAllDomains"] == 4 and made["XMLDesc"] == 3 and made["state"] == 0


def test_calls_do_not_wake_libvirts_loop_each_time(host, calls):
    host.define_many([f"many-{number:03}" for number in range(150)])
    assert calls("virt_rng", turns=True, domains=["*"], _ansible_check_mode=True)["turns"] < 75, "more than one turn for two calls"
