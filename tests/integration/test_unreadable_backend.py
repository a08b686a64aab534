# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend with which a domain could not start is found before anything is written, and no domain is powered off for it, on a real daemon."""

import os
import socket
import subprocess

import pytest
from private_device import private_device
from virt_host import DESCRIBED, OLD, RNG, SLOW, row


@pytest.fixture
def private():
    """A device (path) of the kernel's own generator that root alone may read, and the private daemon's user may not."""
    with private_device() as path:
        yield path


def test_a_backend_that_the_daemons_user_may_not_read_is_refused_also_for_a_domain_that_is_off(host, private):
    host.define("off")
    host.define("on", start=True)
    before = host.everything()
    result = host.rng(expect_failure=True, domains=["*"], path=private)
    assert result["summary"]["failed"] == 2 and host.everything() == before
    assert "2 of 2 domains failed. domains off, on: backend path" in result["msg"]
    assert f"backend path {private}: the user {os.stat(host.daemon.state / 'run').st_uid} (groups" in row(result, "off")["config"]["reason"]
    assert f"may not read {private} (mode 0600, owner 0:0)" in result["msg"]
    os.chmod(private, 0o644)  # noqa: S103
    assert row(host.rng(domains=["off"], path=private), "off")["config"]["result"] == "done"
    host.virsh("start", "off")
    assert private in host.live("off")[0]


def test_it_is_told_of_a_domain_that_has_it_and_can_be_given_back(host, private):
    host.define("off", RNG.replace("/dev/urandom", private))
    found = row(host.info(), "off")
    assert f"may not read {private}" in found["start_hindrance"]
    with pytest.raises(Exception, match="Permission denied"):
        host.virsh("start", "off")
    before = row(host.rng(domains=["off"]), "off")["config"]["before"]
    assert row(host.info(), "off")["start_hindrance"] is None
    back = host.rng(domains=["off"], devices=before)
    assert private in host.config("off")[0] and "given back all the same: backend path" in row(back, "off")["reason"]


def waits(host, name, device):
    """Define a domain that runs with an old device and has another one in its definition."""
    host.define(name, SLOW, start=True)
    host.virsh("detach-device", name, host.device_file(SLOW), "--config")
    host.virsh("attach-device", name, host.device_file(device), "--config")
    return host.virsh("domid", name)


def egd(source, kind="tcp"):
    protocol = "<protocol type='raw'/>" if kind == "tcp" else ""
    return f"<rng model='virtio'><backend model='egd' type='{kind}'><source {source}/>{protocol}</backend></rng>"


def test_no_domain_is_powered_off_that_its_backend_would_keep_from_starting(host, private, tmp_path):
    with socket.socket() as taken, socket.socket() as free:
        for one in (taken, free):
            one.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [one.getsockname()[1] for one in (taken, free)]
        devices = {
            "unreadable": (RNG.replace("/dev/urandom", private), f"may not read {private}"),
            "missing": (RNG.replace("/dev/urandom", "/dev/nothing"), "backend path /dev/nothing: No such file or directory"),
            "nobody": (egd(f"mode='connect' host='127.0.0.1' service='{ports[1]}'"), f"nobody listens on tcp 127.0.0.1 port {ports[1]}"),
            "no-socket": (egd(f"mode='connect' path='{tmp_path}/egd.sock'", "unix"), f"socket {tmp_path}/egd.sock: No such file"),
            "taken": (egd(f"mode='bind' host='127.0.0.1' service='{ports[0]}'"), f"tcp 127.0.0.1 port {ports[0]} is in use by another process"),
            "no-folder": (egd("mode='bind' path='/nowhere/egd.sock'", "unix"), "the folder /nowhere, in which QEMU is to make a socket, is not there"),
            "closed": (egd("mode='bind' path='/etc/egd.sock'", "unix"), "may not write to the folder /etc"),
        }
        runs = {name: waits(host, name, device) for name, (device, _found) in devices.items()}
        predicted = host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True, _ansible_check_mode=True)
        result = host.run("virt_restart", domains=["*"], shutdown_timeout=0, force=True)
        info = host.info()
    assert {**predicted, "invocation": None} == {**result, "invocation": None}
    assert result["failed"] and not result["changed"] and result["summary"]["failed"] == len(devices)
    for name, (_device, found) in devices.items():
        one = row(result, name)
        assert one["result"] == "refused" and found in one["reason"] and "It runs on with its old device" in one["reason"], one
        assert row(info, name)["start_hindrance"] in one["reason"]
        assert host.virsh("domid", name) == runs[name] and host.live(name) == [SLOW]


def test_its_own_port_keeps_no_domain_from_a_restart(host):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        bound = egd(f"mode='bind' host='127.0.0.1' service='{probe.getsockname()[1]}'")
    host.define("own", bound, start=True)
    other = bound.replace("<backend", "<rate bytes='64' period='1000'/><backend")
    host.virsh("detach-device", "own", host.device_file(bound), "--config")
    host.virsh("attach-device", "own", host.device_file(other), "--config")
    result = host.run("virt_restart", domains=["own"], shutdown_timeout=0, force=True)
    assert row(result, "own")["result"] == "done", result
    assert "bytes='64'" in host.live("own")[0]


def test_a_bound_udp_source_receives_only_from_the_one_that_it_connects_to(host):
    with socket.socket(type=socket.SOCK_DGRAM) as peer, socket.socket(type=socket.SOCK_DGRAM) as probe:
        peer.bind(("127.0.0.1", 0))
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        sources = [{"mode": "bind", "service": str(port)}, {"host": "127.0.0.1", "service": str(peer.getsockname()[1])}]
        host.define("web-1", start=True)
        result = host.rng(domains=["web-1"], backend="egd", egd={"type": "udp", "sources": sources})
        assert row(result, "web-1")["live"]["result"] == "done", result
        with open("/proc/net/udp", encoding="ascii") as table:
            lines = [line.split() for line in table]
        (found,) = [line for line in lines if line[1].endswith(f":{port:04X}")]
        assert found[1:4] == [f"0100007F:{port:04X}", f"0100007F:{peer.getsockname()[1]:04X}", "01"], "connected, and so on no other address"
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", port))
            stranger.send(b"not random")
            with pytest.raises(ConnectionRefusedError):
                stranger.send(b"not random")


def test_domains_of_a_manager_are_left_to_it_and_unknown_metadata_is_mentioned(host):
    host.define("one-7", RNG)
    host.define("i-2-10-VM")
    host.define("isard", head="<metadata><isard:isard xmlns:isard='http://isardvdi.com'/></metadata>")
    result = host.rng(domains=["*"], rate_bytes=64)
    assert row(result, "one-7")["skipped"] and "OpenNebula: give the VM's template RAW" in row(result, "one-7")["reason"]
    assert row(result, "i-2-10-VM")["skipped"] and "CloudStack: set vm.rng.enable=true" in row(result, "i-2-10-VM")["reason"]
    changed = row(result, "isard")
    assert changed["config"]["after"] == [OLD] and "metadata of http://isardvdi.com" in changed["reason"]
    rows = host.info()["domains"]
    assert {one["name"]: (one["managed_elsewhere"], one["metadata"]) for one in rows} == {
        "one-7": ("opennebula", []), "i-2-10-VM": ("cloudstack", []), "isard": (None, ["http://isardvdi.com"])}
    assert host.rng(domains=["one-7"], managed_elsewhere="allow")["summary"]["matched"] == 1 and host.config("one-7") == [RNG]
    assert row(host.info(), "one-7")["config"] == [DESCRIBED]


def test_a_daemon_in_another_network_is_not_judged_by_this_ones_listeners(host):
    """The module in a network namespace of its own sees no listener of the host's."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        pytest.skip("makes a network namespace")
    host.define("web-1")
    asked = {"type": "tcp", "sources": [{"host": "127.0.0.1", "service": "1"}]}
    assert "nobody listens on tcp 127.0.0.1 port 1" in host.rng(expect_failure=True, domains=["web-1"], backend="egd", egd=asked)["msg"]
    result = host.run("virt_rng", wrap=["unshare", "--net"], domains=["web-1"], backend="egd", egd=asked)
    assert row(result, "web-1")["config"]["result"] == "done"
    assert result["unchecked"] == ["whether a daemon listens on tcp 127.0.0.1 port 1: a domain without reconnect starts only then"]
