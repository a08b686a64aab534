# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an egd device is connected: written as it was read, and never in plain text over a network."""

import socket

import pytest
import yaml
from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device, _rng_egd
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

UNIX = [{"path": "/run/egd.sock"}]
TCP = [{"host": "127.0.0.1", "service": "7000"}]


def given(kind, sources, protocol=None):
    """Return the option as Ansible hands it over: what is not given is None."""
    names = ("mode", "host", "service", "path", "tls", "reconnect")
    return {"type": kind, "protocol": protocol, "sources": [{**dict.fromkeys(names), "mode": "connect", **source} for source in sources]}


def described(*words):
    return _rng_egd.described(given(*words))


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
    ("udp", [{"mode": "bind", "service": "7000"}, {"host": "127.0.0.1", "service": "7000"}]),
    ("udp", [{"mode": "bind", "host": "127.0.0.1", "service": "7001"}, {"host": "2001:db8::1", "service": "7000"}]),
])
def test_plain_text_to_another_machine_is_refused(words):
    with pytest.raises(EntropyError, match="in plain text"):
        _rng_egd.check_plain_text(described(*words))


@pytest.mark.parametrize("words", [
    ("tcp", TCP), ("tcp", [{"host": "egd.example.org", "service": "7000", "tls": True}]), ("tcp", [{"mode": "bind", "host": "::1", "service": "7000"}]),
    ("udp", [{"host": "localhost", "service": "7000"}]), ("unix", UNIX)])
def test_what_stays_on_this_machine_or_is_encrypted_is_not(words):
    _rng_egd.check_plain_text(described(*words))


def test_a_socket_to_connect_to_has_to_be_there_unless_it_is_tried_again(tmp_path):
    path = str(tmp_path / "egd.sock")
    with pytest.raises(EntropyError, match="No such file"):
        _rng_egd.check_socket(described("unix", [{"path": path}]))
    _rng_egd.check_socket(described("unix", [{"path": path, "reconnect": 5}]))
    _rng_egd.check_socket(described("unix", [{"path": path, "mode": "bind"}]))
    with pytest.raises(EntropyError, match="is no socket"):
        _rng_egd.check_socket(described("unix", [{"path": "/dev/null"}]))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        _rng_egd.check_socket(described("unix", [{"path": path}]))


def test_a_port_is_not_asked_who_listens_there_and_that_is_said():
    there = {"host": "127.0.0.1", "service": "7000"}
    assert _rng_egd.unchecked(described("tcp", [there])) == [
        "whether a daemon listens on tcp 127.0.0.1 port 7000: a domain without reconnect starts only then"]
    for kind, sources in (("tcp", [dict(there, reconnect=5)]), ("tcp", [dict(there, mode="bind")]), ("udp", [there]), ("unix", [{"path": "/run/egd"}])):
        assert _rng_egd.unchecked(described(kind, sources)) == []


def test_a_diff_shows_it_as_it_is_given():
    egd = described("tcp", [{"mode": "bind", "host": "::1", "service": "7000", "tls": True}])
    device = {"backend": "egd", "egd": egd, "rate_bytes": 0, "rate_period": 1000, "model": "virtio", "driver": {}}
    assert _rng_device.to_text([device]).startswith(
        "- backend: egd\n  rate_bytes: 0\n  rate_period: 1000\n  model: virtio\n"
        "  egd:\n    type: tcp\n    protocol: raw\n    sources:\n    - {mode: bind, host: \"::1\", service: 7000, tls: true}")


def test_a_diff_shows_a_type_that_yaml_has_a_word_for():
    assert yaml.safe_load("\n".join(_rng_egd.yaml_lines({"type": "null", "sources": []}))) == {"type": "null", "sources": []}
