# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng on a daemon that speaks German: what it refuses is understood all the same."""

import socket

import pytest
from lab import LabError
from lab.daemon import Daemon
from virt_host import BARE, POWER_OFF, USERLAND, Host, row


@pytest.fixture(scope="module")
def german(tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("german"), USERLAND.suite, language="de") as daemon:
        host = Host(daemon, tmp_path_factory.mktemp("files"))
        with pytest.raises(LabError) as refused:
            host.virsh("define", host.device_file("<domain/>"))
        if "missing name information" in str(refused.value):
            pytest.skip("this C library translates nothing in the locale C.UTF-8")
        yield host


@pytest.fixture
def host(german):
    yield german
    german.clear()


def test_a_plug_that_only_libvirt_can_refuse_waits_for_a_power_off(host):
    # A transitional device wants a conventional bus. This machine has one, and only libvirt can tell that its slots are taken.
    serial = "".join(f"<controller type='virtio-serial' index='{index}' model='virtio-transitional'/>" for index in range(31))
    host.define("full", BARE + serial, start=True)
    live = row(host.run("virt_rng", domains=["full"], model="virtio-transitional", scope="live"), "full")["live"]
    assert live["result"] == "restart_required" and "Keine weiteren PCI-Slots" in live["reason"] and live["reason"].endswith(POWER_OFF), live


def test_a_source_that_qemu_cannot_open_takes_the_definition_back(host):
    host.define("web", start=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:  # As devices it is given back all the same, and QEMU refuses it.
        egd = {"type": "tcp", "sources": [{"mode": "bind", "host": "127.0.0.1", "service": str(taken.getsockname()[1])}]}
        result = host.run("virt_rng", domains=["web"], devices=[{"backend": "egd", "egd": egd}])
    assert result["failed"] and "Interner Fehler" in result["msg"] and "taken back" in row(result, "web")["config"]["reason"]
    assert host.config("web") == host.live("web") == []
