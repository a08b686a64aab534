# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng and virt_rng_info over TLS: another machine's daemon, of whose files this machine knows nothing. Over ssh: test_host_machine.py."""

import socket

import pytest
from lab.daemon import Daemon
from virt_host import DESCRIBED, RNG, USERLAND, Host, row


@pytest.fixture
def remote(tmp_path):
    """A host (virt_host.Host) whose modules reach it over TLS, and virsh beside them as ever."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Daemon(tmp_path / "remote", USERLAND.suite, tls_port=port) as daemon:
        host = Host(daemon, tmp_path)
        host.uri = daemon.tls_uri
        yield host


def test_what_only_its_own_files_could_tell_is_unchecked_and_all_else_as_on_this_machine(remote):
    remote.define("off")
    remote.define("on", start=True)
    result = remote.rng(domains=["*"])
    assert remote.config("off") == remote.config("on") == remote.live("on") == [RNG]
    assert result["unchecked"] == [f"backend path /dev/urandom: {remote.uri} is another machine"]
    result = remote.rng(domains=["off"], path="/dev/not-here")
    assert row(result, "off")["config"]["after"] == [dict(DESCRIBED, path="/dev/not-here")]
    remote.define("fresh", start=True)
    result = remote.run("virt_rng", domains=["fresh"], path="/dev/not-here")
    assert "Could not open '/dev/not-here'" in result["msg"] and remote.config("fresh") == remote.live("fresh") == [], "its QEMU knew"

    info = remote.info(capacity_bytes=64)
    for what in ("entropy", "capacity"):
        assert info["host"][what] is None and f"{remote.uri} is another machine" in info["host"][f"{what}_reason"]
    assert row(info, "on")["live"] == [DESCRIBED]


def test_a_socket_there_is_not_looked_for_here_and_plain_text_is_refused_all_the_same(remote):
    remote.define("off")
    egd = {"type": "unix", "sources": [{"mode": "connect", "path": "/run/not-here"}]}
    result = remote.rng(domains=["off"], backend="egd", egd=egd)
    assert result["unchecked"] == [f"egd socket /run/not-here: {remote.uri} is another machine"]
    plain = {"type": "tcp", "sources": [{"mode": "connect", "host": "192.0.2.1", "service": "708"}]}
    assert "in plain text with 192.0.2.1" in remote.rng(expect_failure=True, domains=["off"], backend="egd", egd=plain)["msg"]


def test_a_machine_that_does_not_answer_is_one_clear_failure(remote):
    remote.define("off")
    remote.daemon.stop()
    for module in ("virt_rng", "virt_rng_info"):
        result = remote.run(module, domains=["*"])
        assert result["failed"] and result["unreachable_uri"] == remote.uri and f"cannot reach libvirt at {remote.uri}" in result["msg"]
