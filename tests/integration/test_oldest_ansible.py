"""The playbooks run with the oldest ansible-core that the collection admits, where nothing answers: said, and no crash."""

import os
from pathlib import Path

import pytest
from controller import Controller

INVENTORY = """
kvm_hosts:
  hosts:
    kvm1:
      ansible_connection: local
      ansible_python_interpreter: /usr/bin/python3
      ansible_become: false
      entropy_host_uri: qemu+unix:///session?socket=/nowhere/libvirt-sock
kvm_guests:
  hosts:
    web-1:
      ansible_host: 127.0.0.1
      ansible_port: 1
"""


@pytest.mark.skipif("KVM_ENTROPY_OLDEST" not in os.environ, reason="no environment with the oldest ansible-core: use ./run")
@pytest.mark.parametrize("oldest", [True, False], ids=["oldest ansible-core", "current ansible-core"])
def test_audit_tells_what_does_not_answer_and_fails_for_nothing(tmp_path, monkeypatch, oldest):
    if oldest:
        monkeypatch.setenv("PATH", f"{Path(os.environ['KVM_ENTROPY_OLDEST'])}/bin:{os.environ['PATH']}")
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    run = Controller(tmp_path / "inventory.yml", tmp_path).play("kvm.entropy.audit", "-v")
    assert run.status == 0, run.output
    assert "web-1: UNKNOWN" in run.output
    assert "unreachable" in run.output
    assert "0 ok, 0 degraded, 0 broken, 1 unknown" in run.output
