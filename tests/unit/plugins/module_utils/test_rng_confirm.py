# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as seen in use. On a real QEMU and kernel: test_virt_rng_confirm.py."""

import base64
import json

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _rng_confirm
from ansible_collections.kvm.entropy.plugins.module_utils._refusals import RefusedError

# QEMU 7.2's own answers about a device that was plugged into a running guest (6.1), shortened to what is there to decide.
TAKEN = ["VIRTIO_CONFIG_S_ACKNOWLEDGE: Valid virtio device found", "VIRTIO_CONFIG_S_DRIVER: Guest OS compatible with device",
         "VIRTIO_CONFIG_S_FEATURES_OK: Feature negotiation complete", "VIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready"]
INTERRUPTS = (" 30:          3   PCI-MSI 524289-edge      virtio0-input\n 31:          0   PCI-MSI 1048576-edge      virtio1-config\n"
              " 32:          %d   PCI-MSI 1048577-edge      virtio1-input\n 33:         99   PCI-MSI 1-edge      virtio2-input\n")


class Answering:
    """A domain whose QEMU and agent answer."""

    def __init__(self, statuses=(), used=0, valid=False, error=None, interrupts=None, state="connected"):
        self._qemu = {"x-query-virtio-status": {"status": {"statuses": list(statuses)}},
                      "x-query-virtio-queue-status": {"used-idx": used, "signalled-used-valid": valid}}
        self._error = error
        self._files = {"/proc/interrupts": interrupts}
        for number, kind in ((0, 4), (1, 4), (2, 18)):
            self._files[f"/sys/bus/virtio/devices/virtio{number}/uevent"] = f"DRIVER=virtio_rng\nMODALIAS=virtio:d{kind:08X}v00001AF4\n"
        self._open = None
        self._state = state
        self.asked = []

    def running(self):
        return (f"<domain><devices><channel><target type='virtio' name='org.qemu.guest_agent.0' state='{self._state}'/></channel></devices></domain>")

    def ask_qemu(self, command):
        said = json.loads(command)
        self.asked.append(said["arguments"]["path"])
        return json.dumps({"error": self._error} if self._error else {"return": self._qemu[said["execute"]]})

    def ask_agent(self, command, _seconds):
        said = json.loads(command)
        if said["execute"] == "guest-file-open":
            self._open = self._files.get(said["arguments"]["path"])
            if self._open is None:
                raise RefusedError("other", "No such file or directory")
            return json.dumps({"return": 7})
        return json.dumps({"return": {"buf-b64": base64.b64encode(self._open.encode()).decode()} if said["execute"] == "guest-file-read" else {}})


def why(domain, *ways, running=2):
    return _rng_confirm.why_not_in_use(domain, {"ua-new"}, running, ways)


@pytest.mark.parametrize("domain, words", [
    (Answering(TAKEN, used=1), None),
    (Answering(TAKEN, used=0, valid=True), None),
    (Answering(TAKEN), "got no bytes of it"),
    (Answering(TAKEN[:3], used=1), "has not taken the new device"),
    (Answering(), "has not taken the new device"),
    (Answering(error={"class": "CommandNotFound", "desc": "x"}), "it has no x-query-virtio-status"),
    (Answering(error={"class": "GenericError", "desc": "Path is not a VirtIODevice"}), "QEMU does not tell: Path is not"),
    (Answering(error="nonsense"), "is not understood"),
])
def test_qemu_sees_a_device_in_use_when_the_driver_has_got_bytes_of_it(domain, words):
    found = why(domain, "qemu")
    assert (found is None) if words is None else words in found
    assert set(domain.asked) == {"/machine/peripheral/ua-new/virtio-backend"}


@pytest.mark.parametrize("domain, words", [
    (Answering(interrupts=INTERRUPTS % 1), None),
    (Answering(interrupts=INTERRUPTS % 0), "shows 1 rng devices that have delivered, and the domain runs 2"),
    (Answering(interrupts=None), "shows 0 rng devices"),
    (Answering(state="disconnected"), "no agent of the guest is connected"),
])
def test_the_agent_sees_it_when_every_rng_device_has_interrupted_its_driver(domain, words):
    found = why(domain, "agent")
    assert (found is None) if words is None else words in found


def test_of_several_ways_one_that_has_seen_it_is_enough_and_all_reasons_are_told():
    assert why(Answering(TAKEN, used=1), "agent", "qemu") is None
    both = why(Answering(state="disconnected"), "agent", "qemu")
    assert both.startswith("no agent of the guest is connected; QEMU says that")
