# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng with backend egd, in all of libvirt's forms, on a real daemon and real QEMU."""

import os
import socket
from pathlib import Path

import pytest
from virt_host import DESCRIBED, RNG, row


def source(mode="connect", **said):
    return dict(said, mode=mode)


# QEMU's user may make it.
MINE = "/tmp/egd.sock"  # noqa: S108
FORMS = {
    "tcp, connect": {"type": "tcp", "sources": [source(host="127.0.0.1", service="7000", reconnect=5)]},
    "tcp, bind": {"type": "tcp", "sources": [source("bind", host="127.0.0.1", service="7001")], "protocol": "telnet"},
    "tcp, encrypted": {"type": "tcp", "sources": [source(host="egd.example.org", service="7000", tls=True)]},
    "udp, connect": {"type": "udp", "sources": [source(host="127.0.0.1", service="7002")]},
    "udp, both": {"type": "udp", "sources": [source("bind", service="7003"), source(host="::1", service="7004")]},
    "unix, connect": {"type": "unix", "sources": [source(path="/run/no such &amp; egd.sock", reconnect=5)]},
    "unix, bind": {"type": "unix", "sources": [source("bind", path=MINE)]},
}


@pytest.fixture
def listening(host):
    """Return a unix socket (path, str) of a daemon that guests can connect to."""
    path = host.daemon.state / "run/egd.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0o777)
        yield str(path)
    path.unlink()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_written_read_given_back_and_changed(host, form):
    host.define("web-1", RNG)
    egd = FORMS[form]
    result = host.rng(domains=["web-1"], backend="egd", egd=egd, rate_bytes=0)
    after = row(result, "web-1")["config"]["after"]
    if egd["type"] == "tcp":
        egd = dict({"protocol": "raw"}, **egd)
    assert [one["egd"] for one in after] == [egd], "it replaces what is no egd"
    assert row(host.info(), "web-1")["config"] == after
    assert not host.rng(domains=["web-1"], backend="egd", egd=egd, rate_bytes=0)["changed"]
    host.rng(domains=["web-1"], backend="egd", egd={"type": "unix", "sources": [source("bind", path=MINE + "-other")]}, rate_bytes=0)
    assert MINE + "-other" in host.config("web-1")[0] and len(host.config("web-1")) == 1
    host.rng(domains=["web-1"], devices=after)
    assert row(host.info(), "web-1")["config"] == after
    host.rng(domains=["web-1"], exclusive=True)
    assert host.config("web-1") == [RNG]


def test_a_running_domain_talks_to_the_daemons_socket(host, listening):
    host.define("web-1", start=True)
    egd = {"type": "unix", "sources": [source(path=listening)]}
    result = host.rng(domains=["web-1"], backend="egd", egd=egd)
    assert row(result, "web-1")["live"]["result"] == "done"
    assert f"path='{listening}'" in host.live("web-1")[0]
    assert not host.rng(domains=["web-1"], backend="egd", egd=egd)["changed"]


def test_a_socket_that_is_not_there_yet_waits_for_its_daemon(host, listening):
    host.define("web-1", start=True)
    egd = {"type": "unix", "sources": [source(path=listening + "-later", reconnect=5)]}
    result = host.rng(domains=["web-1"], backend="egd", egd=egd)
    live = row(result, "web-1")["live"]
    assert live["result"] == "restart_required" and f"nothing listens on {listening}-later" in live["reason"]
    assert "-later" in host.config("web-1")[0] and not host.live("web-1")
    host.virsh("destroy", "web-1")
    host.virsh("start", "web-1")


def test_a_port_where_nobody_listens_is_refused_before_anything_is_written(host):
    host.define("on", start=True)
    host.define("off")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        egd = {"type": "tcp", "sources": [source(host="127.0.0.1", service=str(server.getsockname()[1]))]}
        before = host.everything()
        result = host.rng(expect_failure=True, domains=["*"], backend="egd", egd=egd)
        assert "egd: nobody listens on tcp 127.0.0.1 port" in result["msg"] and host.everything() == before
        server.listen()
        result = host.rng(domains=["*"], backend="egd", egd=egd)
        assert row(result, "on")["live"]["result"] == row(result, "off")["config"]["result"] == "done"


def test_a_device_that_could_be_plugged_waits_with_one_that_cannot(host):
    host.define("web-1", machine="pc", start=True)
    egd = {"type": "tcp", "sources": [source(host="127.0.0.1", service="1")]}
    result = host.run("virt_rng", domains=["web-1"], devices=[{}, {"backend": "egd", "egd": egd}])
    assert not host.live("web-1") and row(result, "web-1")["live"]["result"] == "restart_required"
    assert "nothing listens on tcp 127.0.0.1 port 1" in row(result, "web-1")["live"]["reason"]
    assert "nobody listens on tcp 127.0.0.1 port 1" in str(result["warnings"])


def test_a_place_where_another_process_listens_is_refused_before_anything_is_written(host, listening):
    host.define("on", start=True)
    host.define("off")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        before = host.everything()
        for egd, place in (({"type": "unix", "sources": [source("bind", path=listening)]}, f"socket {listening}"),
                           ({"type": "tcp", "sources": [source("bind", host="127.0.0.1", service=port)]}, f"tcp 127.0.0.1 port {port}")):
            result = host.rng(expect_failure=True, domains=["*"], backend="egd", egd=egd)
            assert f"egd: {place} is in use by another process" in result["msg"] and host.everything() == before


def test_a_file_in_the_place_of_a_socket_to_bind_is_kept_though_a_start_would_remove_it(host, listening):
    theirs = Path(listening + ".conf")
    theirs.write_text("keep me")
    theirs.chmod(0o666)
    egd = {"type": "unix", "sources": [source("bind", path=str(theirs))]}
    host.define("web-1")
    before = host.everything()
    result = host.rng(expect_failure=True, domains=["web-1"], backend="egd", egd=egd)
    assert f"egd: {theirs}, where QEMU is to make a socket, is there and is no socket" in result["msg"] and host.everything() == before
    # Without the collection:
    host.define("web-2", f"<rng model='virtio'><backend model='egd' type='unix'><source mode='bind' path='{theirs}'/></backend></rng>", start=True)
    assert not theirs.is_file()


def test_a_running_device_that_listens_there_itself_stays_until_the_next_start(host):
    egd = {"type": "unix", "sources": [source("bind", path=MINE)]}
    host.define("web-1", start=True)
    assert row(host.rng(domains=["web-1"], backend="egd", egd=egd), "web-1")["live"]["result"] == "done"
    result = row(host.rng(domains=["web-1"], backend="egd", egd=egd, rate_bytes=64, replace_live=True, confirmed=["*"]), "web-1")
    assert (result["config"]["result"], result["live"]["result"]) == ("done", "restart_required")
    assert f"the running device listens on socket {MINE} itself" in result["live"]["reason"] and len(host.live("web-1")) == 1


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_running_domain_listens_on_loopback(host, kind):
    with socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    host.define("web-1", start=True)
    sources = [source("bind", host="127.0.0.1", service=port)] + ([source(host="127.0.0.1", service="9")] if kind == "udp" else [])
    result = host.rng(domains=["web-1"], backend="egd", egd={"type": kind, "sources": sources})
    assert row(result, "web-1")["live"]["result"] == "done", result
    with socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as other:
        if kind == "tcp":
            other.connect(("127.0.0.1", int(port)))
        else:
            with pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", int(port)))


@pytest.mark.parametrize("egd, found", [
    ({"type": "tcp", "sources": [source(host="192.0.2.1", service="7000")]}, "tcp in plain text with 192.0.2.1"),
    ({"type": "udp", "sources": [source("bind", service="7000"), source(host="192.0.2.1", service="7001")]}, "udp in plain text with 192.0.2.1"),
    ({"type": "unix", "sources": [source(path="/nowhere/egd.sock")]}, "socket /nowhere/egd.sock: No such file or directory"),
    ({"type": "unix", "sources": [source(path=os.devnull)]}, f"{os.devnull} is no socket"),
])
def test_what_would_hurt_is_refused_before_anything_is_written(host, egd, found):
    host.define("web-1", start=True)
    before = host.everything()
    result = host.rng(expect_failure=True, domains=["web-1"], backend="egd", egd=egd)
    assert found in result["msg"] and "nothing was changed" in result["msg"]
    assert host.everything() == before


def test_other_forms_are_read_kept_and_given_back(host):
    host.define("web-1", "<rng model='virtio'><backend model='egd' type='pty'/></rng>"
                "<rng model='virtio'><backend model='egd' type='dev'><source path='/dev/ttyS9'/></backend></rng>")
    result = host.rng(domains=["web-1"])
    assert row(result, "web-1")["config"]["before"][1]["egd"] == {"type": "dev", "sources": [{"path": "/dev/ttyS9"}]}
    assert len(host.config("web-1")) == 3 and row(result, "web-1")["config"]["after"][2] == DESCRIBED
    before, there = row(result, "web-1")["config"]["before"], host.config("web-1")[:2]
    host.rng(domains=["web-1"], state="absent")
    assert host.config("web-1") == []
    host.rng(domains=["web-1"], devices=before)
    assert host.config("web-1") == there
