# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A domain and a connection in memory, for the faults that a real libvirt cannot be made to have."""

import re
import uuid

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import RefusedError

BUILTIN = "<rng model='virtio'><backend model='builtin'/></rng>"
# As the module writes it.
RANDOM = _rng_device.to_xml({"backend": "random", "path": "/dev/urandom", "rate_bytes": 1024, "rate_period": 1000, "model": "virtio", "driver": {}})


def running(element, alias):
    return element.replace("</rng>", f"<alias name='{alias}'/></rng>")


class FakeDomain:
    """A domain with the elements of its definition and of what runs (None: it does not run).

    ``refuse`` maps (method, element) to the RefusedError that this call raises, once.
    """

    has_managed_save = has_snapshots = False
    is_persistent = True

    def __init__(self, config, live=None, name="web-1", extra=""):
        self.name = name
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        self.config = list(config)
        self.live = live
        self.is_active = live is not None
        self.extra = extra
        self.refuse = {}
        self.calls = []

    def _note(self, method, subject):
        self.calls.append(method)
        refusal = self.refuse.pop((method, subject), None)
        if refusal:
            raise refusal

    def _xml(self, elements):
        return (f"<domain type='kvm'><name>{self.name}</name><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>"
                f"<devices><controller type='pci' index='0' model='pcie-root'/><controller type='pci' index='1' model='pcie-root-port'/>"
                f"{''.join(elements)}</devices>{self.extra}</domain>")

    def refresh(self):
        self._note("refresh", None)

    def state(self):
        return "running" if self.is_active else "shutoff"

    def has_job(self):
        self._note("has_job", None)
        return False

    def definition(self):
        self._note("definition", None)
        return self._xml(self.config)

    def running(self):
        self._note("running", None)
        return self._xml(self.live)

    def attach(self, element):
        self._note("attach", element)
        self.config.append(element)

    def detach(self, element):
        self._note("detach", element)
        self.config.remove(element)

    def plug(self, element):
        self._note("plug", element)
        self.live.append(element if "<alias" in element else running(element, f"rng{len(self.live)}"))

    def request_unplug(self, alias):
        self._note("unplug", alias)

    def leave(self, alias):
        """The guest gives the device of this alias back."""
        self.live = [element for element in self.live if f"'{alias}'" not in element]

    def redefine(self, gone, added):
        self._note("redefine", None)
        self.config = [element for element in self.config if element not in gone] + ([added] if added else [])


class FakeConnection:
    """A daemon with these domains; ``support`` is what ``supported`` returns."""

    uri = "qemu:///system"
    may_write = True

    def __init__(self, domains, support=(None, "not told")):
        self._domains = domains
        self._support = support
        self.calls = []

    def domains(self):
        self.calls.append("domains")
        return list(self._domains)

    def supported(self, _platform):
        return self._support

    def capabilities(self):
        return None

    def watch(self):
        self.calls.append("watch")

    def news(self, _seconds):
        return None

    def close(self):
        self.calls.append("close")


def without_alias(elements):
    """Return the elements without the alias that names what they took the place of."""
    return [re.sub("<alias name='ua-[^>]*>|<alias name=\"ua-[^>]*>", "", element) for element in elements]


def refusal(kind, text="no"):
    return RefusedError(kind, text)
