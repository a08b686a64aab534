# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one more domain costs in the module's own process. tests/bench/virt_rng.py measures the time; the calls that are made are the same on each machine."""

import socket
import sys

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import (
    _file_rights,
    _libvirt,
    _libvirt_daemon,
    _rng_access,
    _rng_listeners,
    _rng_start,
    _virt_rng,
    _virt_rng_info,
)
from test_virt_rng import OPTIONS, SUPPORT
from virt_fakes import RANDOM, FakeConnection, FakeDomain

INFO = {"uri": "qemu:///system", "domains": ["*"], "exclude": [], "only": "all", "group": False, "max_results": 500, "capacity_bytes": 0, "capacity_timeout": 2,
        "guest_agent": False, "guest_agent_timeout": 10, "guest_agent_deadline": 60}
DAEMON = _libvirt_daemon.Daemon(_file_rights.User(0, 0, frozenset()), True, True)


class Connection(FakeConnection):
    def versions(self):
        return None, None, "not told"


@pytest.fixture
def on(monkeypatch):
    """Return a function that has the modules find these domains."""
    monkeypatch.setattr(_libvirt_daemon, "daemon", lambda _uri: DAEMON)

    def find(domains):
        monkeypatch.setattr(_libvirt, "connect", lambda uri, write: Connection(domains, SUPPORT))
        monkeypatch.setattr(_libvirt, "connect_read_only", lambda uri: Connection(domains, SUPPORT))
    return find


def calls_of(function):
    """Return how many calls of Python and C functions ``function()`` makes."""
    made = []
    sys.setprofile(lambda _frame, event, _argument: made.append(1) if event in ("call", "c_call") else None)
    try:
        function()
    finally:
        sys.setprofile(None)
    return len(made)


@pytest.mark.parametrize(("present", "check", "most"), [([RANDOM], False, 70), ([], True, 190)])
def test_one_more_domain_costs_few_calls(on, present, check, most):
    made = []
    for number in (100, 200):
        on([FakeDomain(present, name=f"d{index:03}") for index in range(number)])
        made.append(calls_of(lambda: _virt_rng.run(OPTIONS, check, False, print)))
    assert made[1] - made[0] <= most * 100


def test_what_is_known_of_this_machine_is_asked_for_once_for_all_domains(on, monkeypatch):
    asked = []

    def noting(owner, name):
        real = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *words: asked.append(name) or real(*words))

    for owner, name in ((_rng_access, "right"), (_rng_listeners, "is_served"), (_rng_listeners, "in_use"), (_rng_start, "_of_file")):
        noting(owner, name)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        egd = [f"<rng model='virtio'><backend model='egd' type='tcp'><source mode='{mode}' host='127.0.0.1' service='{port}'/></backend></rng>"
               for mode in ("connect", "bind")]
        on([FakeDomain([element], name=f"{index}-{number}") for index, element in enumerate([RANDOM, *egd]) for number in range(5)])
        rows = _virt_rng_info.run(INFO)["domains"]
    assert sorted(asked) == ["_of_file", "in_use", "is_served", "right"]
    hindered = [row["name"] for row in rows if row["start_hindrance"]]
    assert hindered == [f"2-{number}" for number in range(5)]


def test_who_listens_is_asked_once_for_all_running_domains(on, monkeypatch):
    asked = []
    real = _rng_listeners.is_served
    monkeypatch.setattr(_rng_listeners, "is_served", lambda *words: asked.append(words) or real(*words))
    with socket.create_server(("127.0.0.1", 0)) as server:
        egd = {"type": "tcp", "sources": [{"mode": "connect", "host": "127.0.0.1", "service": str(server.getsockname()[1])}]}
        counted = []
        for number in (1, 5):
            on([FakeDomain([], live=[], name=f"d{index}") for index in range(number)])
            asked.clear()
            _virt_rng.run(dict(OPTIONS, backend="egd", egd=egd), True, False, print)
            counted.append(len(asked))
    assert counted[0] == counted[1] > 0
