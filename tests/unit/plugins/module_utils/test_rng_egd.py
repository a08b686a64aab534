# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an egd device is connected: written as it was read, and never in plain text over a network."""

import socket
from xml.etree import ElementTree

import pytest
import yaml
from ansible_collections.kvm.entropy.plugins.module_utils import _libvirt_daemon, _rng_device, _rng_egd
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError, UnfitError

UNIX = [{"path": "/run/egd.sock"}]
TCP = [{"host": "127.0.0.1", "service": "7000"}]


def given(kind, sources, protocol=None):
    """Return the option as Ansible hands it over: what is not given is None."""
    names = ("mode", "host", "service", "path", "tls", "reconnect")
    return {"type": kind, "protocol": protocol, "sources": [{**dict.fromkeys(names), "mode": "connect", **source} for source in sources]}


def described(*words):
    return _rng_egd.described(given(*words))


def check_socket(egd):
    for source in egd["sources"]:
        _rng_egd.check_source(egd["type"], source)


FORMS = [
    ("unix", UNIX), ("unix", [{"path": "/run/x y&'z", "reconnect": 10}]), ("unix", [{"mode": "bind", "path": "/run/egd.sock"}]), ("tcp", TCP),
    ("tcp", [{"mode": "bind", "host": "::1", "service": "7000", "tls": True}], "telnet"), ("udp", [{"host": "127.0.0.1", "service": "7001"}]),
    ("udp", [{"mode": "bind", "host": "127.0.0.1", "service": "7001"}, {"host": "127.0.0.1", "service": "7000"}])]


@pytest.mark.parametrize("words", [[kind, [dict({"mode": "connect"}, **source) for source in sources], *rest] for kind, sources, *rest in FORMS])
def test_what_is_written_is_read_again(words):
    given_options = given(words[0], [], *words[2:])
    given_options["sources"] = words[1]
    egd = _rng_egd.described(given_options)
    device = {"backend": "egd", "egd": egd, "rate_bytes": 0, "rate_period": 1000, "model": "virtio", "driver": {}}
    assert _rng_device.read(_rng_device.to_xml(device)).device == device


@pytest.mark.parametrize("source", [{}, {"copypaste": True}, {"copypaste": False, "mouse": "server"}, {"mouse": "client"}])
def test_the_settings_of_a_clipboard_agent_come_back(source):
    egd = _rng_egd.described({"type": "qemu-vdagent", "sources": [source], "protocol": None}, is_back=True)
    assert egd == _rng_egd.read(ElementTree.fromstring(_rng_egd.to_xml(egd))) == {"type": "qemu-vdagent", "sources": [source]}
    assert yaml.safe_load("\n".join(_rng_egd.yaml_lines(egd))) == egd


def test_the_order_of_sources_and_what_is_said_by_default_make_no_difference():
    both = [{"mode": "bind", "service": "7001"}, {"mode": "connect", "host": "127.0.0.1", "service": "7000"}]
    assert _rng_egd.meaning({"type": "udp", "sources": both}) == _rng_egd.meaning({"type": "udp", "sources": both[::-1]})
    said = {"type": "tcp", "protocol": "raw", "sources": [{"mode": "connect", "host": "h", "service": "1", "tls": False, "reconnect": 0}]}
    assert _rng_egd.meaning(said) == _rng_egd.meaning({"type": "tcp", "sources": [{"host": "h", "service": "1"}]})
    assert _rng_egd.meaning(said) != _rng_egd.meaning(dict(said, protocol="telnet"))


@pytest.mark.parametrize("words, found", [
    (("unix", []), "found sources of mode none, expected one for type unix"),
    (("unix", UNIX + UNIX), "found sources of mode connect, connect"),
    (("udp", [{"mode": "bind", "service": "1"}]), "found sources of mode bind, expected one to connect to, and at most one to bind"),
    (("unix", [{"host": "127.0.0.1"}]), "path is missing; host means nothing there"),
    (("tcp", [{"service": "7000"}]), "host is missing"),
    (("udp", [{"service": "7000"}]), "host is missing"),
    (("udp", [{"host": "h", "service": "7000", "tls": True}]), "tls means nothing there"),
    (("unix", [{"mode": "bind", "path": "/run/x", "reconnect": 1}]), "reconnect means nothing there"),
    (("unix", [{"path": "run/x"}]), "expected the absolute path"),
    (("unix", UNIX, "raw"), "protocol raw is for type tcp"),
])
def test_what_nothing_could_connect_is_refused(words, found):
    with pytest.raises(EntropyError, match=found):
        described(*words)


@pytest.mark.parametrize("words", [
    ("tcp", [{"host": "192.0.2.1", "service": "7000"}]), ("tcp", [{"host": "egd.example.org", "service": "7000"}]),
    ("tcp", [{"mode": "bind", "host": "::", "service": "7000"}]),
    ("udp", [{"mode": "bind", "host": "127.0.0.1", "service": "7001"}, {"host": "2001:db8::1", "service": "7000"}]),
])
def test_plain_text_to_another_machine_is_refused(words):
    with pytest.raises(EntropyError, match="in plain text"):
        _rng_egd.check_plain_text(described(*words))


@pytest.mark.parametrize("words", [
    ("tcp", TCP), ("tcp", [{"host": "egd.example.org", "service": "7000", "tls": True}]), ("tcp", [{"mode": "bind", "host": "::1", "service": "7000"}]),
    ("udp", [{"host": "localhost", "service": "7000"}]), ("unix", UNIX),
    # It receives from the one that it connects to, and from nobody else.
    ("udp", [{"mode": "bind", "service": "7000"}, {"host": "127.0.0.1", "service": "7000"}])])
def test_what_stays_on_this_machine_or_is_encrypted_is_not(words):
    _rng_egd.check_plain_text(described(*words))


def test_a_socket_to_connect_to_has_to_be_there_unless_it_is_tried_again(tmp_path):
    path = str(tmp_path / "egd.sock")
    with pytest.raises(EntropyError, match="No such file"):
        check_socket(described("unix", [{"path": path}]))
    check_socket(described("unix", [{"path": path, "reconnect": 5}]))
    check_socket(described("unix", [{"path": path, "mode": "bind"}]))
    with pytest.raises(EntropyError, match="is no socket"):
        check_socket(described("unix", [{"path": "/dev/null"}]))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        with pytest.raises(EntropyError, match=f"nobody listens on the socket {path}: nothing was changed"):
            check_socket(described("unix", [{"path": path}]))
        listening.listen()
        check_socket(described("unix", [{"path": path}]))
        (tmp_path / "by-another-name").symlink_to(path)
        check_socket(described("unix", [{"path": str(tmp_path / "by-another-name")}]))
    with pytest.raises(EntropyError, match="nobody listens on the socket"):
        check_socket(described("unix", [{"path": path}]))


def test_a_socket_to_bind_needs_its_folder(tmp_path):
    with pytest.raises(EntropyError, match=f"the folder {tmp_path}/none, in which QEMU is to make a socket, is not there: nothing was changed"):
        check_socket(described("unix", [{"path": str(tmp_path / "none/egd.sock"), "mode": "bind"}]))


@pytest.mark.parametrize("make", [lambda path: path.write_text("keep me"), lambda path: path.mkdir(), lambda path: path.symlink_to("/nowhere")])
def test_what_is_there_and_is_no_socket_is_not_given_to_a_start_that_would_remove_it(tmp_path, make):
    make(tmp_path / "socket")
    with pytest.raises(EntropyError, match="is there and is no socket.*would remove it"):
        check_socket(described("unix", [{"path": str(tmp_path / "socket"), "mode": "bind"}]))


@pytest.mark.parametrize("family, bound, hosts", [
    (socket.AF_INET, "127.0.0.1", {"127.0.0.1": True, "localhost": True, "127.0.0.2": False, "::1": False, "::ffff:127.0.0.1": True}),
    (socket.AF_INET, "0.0.0.0", {"127.0.0.1": True, "127.9.9.9": True, "::1": False}),  # noqa: S104
    (socket.AF_INET6, "::1", {"::1": True, "localhost": True, "127.0.0.1": False}),
    (socket.AF_INET6, "::", {"::1": True, "127.0.0.1": True}),
    (socket.AF_INET6, "::ffff:127.0.0.1", {"127.0.0.1": True, "127.0.0.2": False, "::1": False}),
])
def test_a_loopback_port_needs_somebody_who_listens(family, bound, hosts):
    with socket.socket(family) as server:
        server.bind((bound, 0))
        port = str(server.getsockname()[1])
        for host in hosts:
            with pytest.raises(EntropyError, match=f"egd: nobody listens on tcp {host} port {port}: nothing was changed. A domain with it could not start"):
                check_socket(described("tcp", [{"host": host, "service": port}]))
            check_socket(described("tcp", [{"host": host, "service": port, "reconnect": 5}]))
        server.listen()
        for host, served in hosts.items():
            egd = described("tcp", [{"host": host, "service": port}])
            if served:
                check_socket(egd)
                assert _rng_egd.unserved(egd) is None
            else:
                with pytest.raises(EntropyError, match="nobody listens"):
                    check_socket(egd)
                assert _rng_egd.unserved(described("tcp", [{"host": host, "service": port, "reconnect": 5}])) == f"tcp {host} port {port}"


def test_a_port_of_another_machine_or_network_is_not_judged_here():
    there = described("tcp", [{"host": "127.0.0.1", "service": "1"}])
    said = ["whether a daemon listens on tcp 127.0.0.1 port 1: a domain without reconnect starts only then"]
    in_a_container = _libvirt_daemon.Daemon(None, False, False)
    for source in there["sources"]:
        _rng_egd.check_source("tcp", source, in_a_container)
    assert _rng_egd.unchecked(there, "qemu:///system", in_a_container) == _rng_egd.unchecked(there, "qemu+ssh://kvm1/system", None) == said
    afar = described("tcp", [{"host": "egd.example.org", "service": "7000", "tls": True}])
    check_socket(afar)
    assert _rng_egd.unchecked(afar) == ["whether a daemon listens on tcp egd.example.org port 7000: a domain without reconnect starts only then"]
    unix = described("unix", UNIX)
    assert _rng_egd.unchecked(unix, "qemu:///system", in_a_container) == [
        "egd socket /run/egd.sock: qemu:///system sees other file systems than this process (a container)"]


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_port_that_is_taken_is_named_but_for_the_domains_own(kind):
    with socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == "tcp":
            taken.listen()
        port = str(taken.getsockname()[1])
        peer = [{"host": "127.0.0.1", "service": "9"}] if kind == "udp" else []
        egd = described(kind, [{"mode": "bind", "host": "127.0.0.1", "service": port}, *peer])
        assert _rng_egd.taken(egd) == f"{kind} 127.0.0.1 port {port}"
        assert _rng_egd.taken(egd, [egd]) is _rng_egd.taken(egd, kinds=["unix"]) is None
        assert _rng_egd.taken(egd, [described(kind, [{"mode": "bind", "host": "0.0.0.0", "service": port}, *peer])]) is None, "its own QEMU has it"  # noqa: S104
    assert _rng_egd.taken(egd) is None
    assert _rng_egd.taken(described(kind, [{"mode": "bind", "host": "127.0.0.1", "service": "0"}, *peer])) is None


def test_a_socket_on_which_somebody_listens_is_taken_but_for_the_domains_own(tmp_path):
    path = str(tmp_path / "s")
    egd = described("unix", [{"mode": "bind", "path": path}])
    assert _rng_egd.taken(egd) is None
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
        assert _rng_egd.taken(egd) is None, "nobody listens yet"
        one.listen()
        assert _rng_egd.taken(egd) == f"socket {path}"
        assert _rng_egd.taken(egd, [egd]) is None
    assert _rng_egd.taken(egd) is None, "a file that is left makes way"


def test_a_diff_shows_it_as_it_is_given():
    egd = described("tcp", [{"mode": "bind", "host": "::1", "service": "7000", "tls": True}])
    device = {"backend": "egd", "egd": egd, "rate_bytes": 0, "rate_period": 1000, "model": "virtio", "driver": {}}
    assert _rng_device.to_text([device]).startswith(
        "- backend: egd\n  rate_bytes: 0\n  rate_period: 1000\n  model: virtio\n"
        "  egd:\n    type: tcp\n    protocol: raw\n    sources:\n    - {mode: bind, host: \"::1\", service: 7000, tls: true}")


def test_a_diff_shows_a_type_that_yaml_has_a_word_for():
    assert yaml.safe_load("\n".join(_rng_egd.yaml_lines({"type": "null", "sources": []}))) == {"type": "null", "sources": []}


@pytest.mark.parametrize("service", ["99999", "-1", "7000 ", "\u00b2", "\uff17", "no-such-service-here"])
@pytest.mark.parametrize("mode", ["connect", "bind"])
def test_a_port_that_cannot_be_is_refused(service, mode):
    with pytest.raises(UnfitError, match="expected 0 to 65535 or a name"):
        check_socket(described("tcp", [{"mode": mode, "host": "127.0.0.1", "service": service}]))


def test_a_path_that_is_too_long_for_a_socket_is_refused():
    with pytest.raises(UnfitError, match="found 120 bytes, expected at most 107"):
        check_socket(described("unix", [{"mode": "bind", "path": "/run/" + "s" * 115}]))


def test_a_socket_for_datagrams_is_not_served(tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(path)
        with pytest.raises(UnfitError, match="nobody listens on the socket"):
            check_socket(described("unix", [{"path": path}]))


def test_a_listener_on_all_ipv6_addresses_has_the_port_of_ipv4_too():
    with socket.socket(socket.AF_INET6) as one:
        one.bind(("::", 0))
        one.listen()
        port = str(one.getsockname()[1])
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):  # noqa: S104
            assert _rng_egd.taken(described("tcp", [{"mode": "bind", "host": host, "service": port}]))


def test_an_empty_host_is_given_back():
    egd = _rng_egd.described({"type": "tcp", "sources": [{"mode": "bind", "host": "", "service": "5"}]}, is_back=True)
    assert "<source mode='bind' host='' service='5'/>".replace("'", '"') in _rng_egd.to_xml(egd).replace("'", '"')


@pytest.mark.parametrize("kind, path, found", [
    ("dev", "none/tty", "dev .*/none/tty is not there"), ("file", "none/log", "/none is not there"), ("file", "log", None)])
def test_what_is_to_be_opened_by_its_path_has_to_be_there(kind, path, found, tmp_path):
    source = {"path": str(tmp_path / path)}
    if found is None:
        _rng_egd.check_source(kind, source)
    else:
        with pytest.raises(UnfitError, match=found):
            _rng_egd.check_source(kind, source)
