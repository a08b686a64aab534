# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As which user QEMU runs is read where libvirt says it, and nobody is refused where it does not."""

import os

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _libvirt_daemon, _qemu_user, _rng_access, _rng_start
from ansible_collections.kvm.entropy.plugins.module_utils._file_rights import User
from private_device import private_device

# Of a real system daemon (libvirt 9.0) whose qemu.conf says user = "nobody", group = "nogroup". With it a domain whose backend is a device of root's (0600)
# ends with "Could not open ...: Permission denied", dynamic_ownership on, and the device stays root's.
CAPABILITIES = """<capabilities>
  <host>
    <secmodel>
      <model>none</model>
      <doi>0</doi>
    </secmodel>
    <secmodel>
      <model>dac</model>
      <doi>0</doi>
      <baselabel type='kvm'>+65534:+65534</baselabel>
      <baselabel type='qemu'>+65534:+65534</baselabel>
    </secmodel>
  </host>
</capabilities>"""
OF_A_SESSION = "<capabilities><host><secmodel><model>none</model><doi>0</doi></secmodel></host></capabilities>"
BASE = User(65534, 65534, frozenset((65534,)))


def domain(seclabels="", devices=""):
    return f"<domain><name>a</name><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{devices}</devices>{seclabels}</domain>"


def test_libvirt_tells_the_user_of_its_domains():
    assert _qemu_user.of_host(CAPABILITIES)[:2] == BASE[:2]
    assert _qemu_user.of_host(OF_A_SESSION) is None
    assert _qemu_user.of_host(CAPABILITIES.replace("+65534:+65534", "no-such-user:no-such-group")) is None


@pytest.mark.parametrize("seclabels, ids", [
    ("", (65534, 65534)), ("<seclabel type='dynamic' model='dac' relabel='yes'/>", (65534, 65534)), ("<seclabel type='none' model='dac'/>", (65534, 65534)),
    ("<seclabel type='static' model='dac' relabel='no'>\n    <label>+1001:+1002</label>\n  </seclabel>", (1001, 1002)),
    ("<seclabel type='static' model='dac'><label>root:daemon</label></seclabel>", (0, 1)),
    ("<seclabel type='static' model='dac'><label>7:8</label></seclabel>", (7, 8)),
    ("<seclabel type='dynamic' model='selinux' relabel='yes'><label>a:b</label></seclabel><seclabel type='static' model='dac'><label>+7:+8</label></seclabel>",
     (7, 8)),
    ("<seclabel type='static' model='apparmor' relabel='yes'><label>+7:+8</label></seclabel>", (65534, 65534)),
])
def test_a_domains_own_label_counts(seclabels, ids):
    foreign = "<disk><source file='/x'><seclabel model='dac' relabel='no'><label>+9:+9</label></seclabel></source></disk>"
    assert _qemu_user.of_domain(domain(seclabels, foreign), BASE)[:2] == ids


def test_a_label_that_this_machine_does_not_know_is_not_guessed():
    assert _qemu_user.of_domain(domain("<seclabel type='static' model='dac'><label>no-such:user</label></seclabel>"), BASE) is None


class Connection:
    """A connection to a daemon of this machine with these capabilities."""

    def __init__(self, capabilities, uri="qemu:///system"):
        self.uri = uri
        self._capabilities = capabilities

    def capabilities(self):
        return self._capabilities


@pytest.fixture
def served(monkeypatch):
    """Return what has the daemon be as given."""
    def be(user=None, same_files=True, same_network=True):
        monkeypatch.setattr(_libvirt_daemon, "daemon", lambda _uri: _libvirt_daemon.Daemon(user, same_files, same_network))
    be()
    return be


@pytest.fixture
def private(tmp_path):
    """A device of the kernel's generator that root alone may read."""
    with private_device() as path:
        yield path


def device(path):
    return {"backend": "random", "path": path, "driver": {}, "model": "virtio"}


def test_a_device_that_qemus_user_may_not_read_is_refused(served, private):
    access = _rng_access.Access(Connection(CAPABILITIES))
    why = access.why_not(device(private), domain())
    assert why.startswith(f"backend path {private}: the user 65534 (groups 65534) may not read {private} (mode 0600, owner 0:0). QEMU runs as that user")
    assert len(access.unchecked) == 1
    assert access.unchecked[0].startswith(f"backend path {private}: not checked against ") and access.unchecked[0].endswith("the cgroup's device list")
    own = "<seclabel type='static' model='dac' relabel='no'><label>{}</label></seclabel>"
    assert access.why_not(device(private), domain(own.format("+0:+0"))) is None
    os.chmod(private, 0o644)  # noqa: S103
    fresh = _rng_access.Access(Connection(CAPABILITIES))
    assert fresh.why_not(device(private), domain()) is None and fresh.why_not(device("/dev/urandom"), domain()) is None


def test_libvirt_is_not_asked_for_what_everybody_may_read(served):
    connection = Connection(CAPABILITIES)
    connection.capabilities = None  # A call would fail.
    assert _rng_access.Access(connection).why_not(device("/dev/urandom"), domain()) is None


def test_a_session_daemons_qemu_runs_as_the_daemon(served, private):
    served(User(1000, 1000, frozenset()))
    assert "the user 1000 " in _rng_access.Access(Connection(OF_A_SESSION)).why_not(device(private), domain())
    served(User(0, 0, frozenset()))
    assert _rng_access.Access(Connection(OF_A_SESSION)).why_not(device(private), domain()) is None


def test_what_is_not_known_refuses_nothing(served, private):
    for capabilities, uri in ((None, "test:///default"), (CAPABILITIES, "qemu+ssh://kvm1/system")):
        access = _rng_access.Access(Connection(capabilities, uri))
        assert access.why_not(device(private), domain()) is None and access.unchecked == []
    served(same_files=False)
    assert _rng_access.Access(Connection(CAPABILITIES)).why_not(device(private), domain()) is None
    served()
    unknown = _rng_access.Access(Connection(OF_A_SESSION))
    assert unknown.why_not(device(private), domain()) is None
    assert unknown.unchecked == [f"whether QEMU may open {private}: as which user it runs is not known here"]
    other = _rng_access.Access(Connection(CAPABILITIES))
    assert other.why_not(device(private), domain("<seclabel type='static' model='dac'><label>no-such:user</label></seclabel>")) is None


def test_what_keeps_a_definition_from_starting_is_told(served, private):
    access = _rng_access.Access(Connection(CAPABILITIES))
    assert _rng_start.why_not([device("/dev/urandom")], domain(), [], access) is None
    assert _rng_start.why_not([device("/nowhere/x")], domain(), [], access) == "backend path /nowhere/x: No such file or directory"
    assert "may not read" in _rng_start.why_not([device("/dev/urandom"), device(private)], domain(), [], access)
    bound = {"backend": "egd", "egd": {"type": "unix", "sources": [{"mode": "bind", "path": "/nowhere/egd.sock"}]}, "driver": {}, "model": "virtio"}
    assert "the folder /nowhere, in which" in _rng_start.why_not([bound], domain(), [], access)
    with_iommu = dict(device("/dev/urandom"), driver={"iommu": True}, model="virtio-transitional")
    assert "iommu needs" in _rng_start.why_not([with_iommu], domain(), [], access)
    elsewhere = _rng_access.Access(Connection(CAPABILITIES, "qemu+ssh://kvm1/system"))
    assert _rng_start.why_not([device("/nowhere/x"), bound], domain(), [], elsewhere) is None


@pytest.mark.skipif(_rng_access._first_for_all() < 100, reason="every user may listen on every port here")
def test_a_port_of_roots_is_refused_where_qemu_is_another_user(served):
    bound = {"backend": "egd", "egd": {"type": "tcp", "sources": [{"mode": "bind", "host": "127.0.0.1", "service": "99"}]}, "driver": {}, "model": "virtio"}
    access = _rng_access.Access(Connection(CAPABILITIES))
    assert "tcp port 99: only root may listen below" in access.why_not(bound, domain())
    assert "only root may listen" in _rng_start.why_not([bound], domain(), [], access)
    assert access.why_not(bound, domain("<seclabel type='static' model='dac'><label>+0:+0</label></seclabel>")) is None
    bound["egd"]["sources"][0]["service"] = "50999"
    assert access.why_not(bound, domain()) is None


def test_a_link_that_leads_to_itself_keeps_a_definition_from_starting(served, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    assert "Too many levels" in _rng_start.why_not([device(str(tmp_path / "loop"))], domain(), [], _rng_access.Access(Connection(CAPABILITIES)))
