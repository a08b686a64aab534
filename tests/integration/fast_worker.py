# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process behind fast_host: in the interpreter that has libvirt's bindings, a question per line of JSON, an answer per line.

What it asks libvirt by itself goes by the raw bindings, so that virt_rng's own means prove nothing about themselves.
"""

import contextlib
import json
import sys
from concurrent import futures

import libvirt
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.kvm.entropy.plugins.module_utils import _libvirt, _virt_rng
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.modules import virt_rng

_SECURE = libvirt.VIR_DOMAIN_XML_SECURE
_GONE = libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
_WRITES = ("attach", "detach", "plug", "request_unplug", "redefine")

_written = []


class Worker:
    """The questions: one per method. A domain is made in a ``state``: shutoff, running, paused, transient or saved."""

    def __init__(self):
        self._connections = {}
        self._at_once = futures.ThreadPoolExecutor()
        self._leaving = []

    def make(self, uri, domains):
        """Make domains, each of (xml, state, its next definition while it runs or None); return libvirt's reason (or None) of each."""
        connection = self._connection(uri)
        return list(self._at_once.map(lambda domain: _make(connection, *domain), domains))

    def look(self, uri, prefix):
        """Return {name: {"definition": str or None, "running": str or None}} of the domains with this ``prefix``, secrets included."""
        return {domain.name(): {
            "definition": domain.XMLDesc(_SECURE | libvirt.VIR_DOMAIN_XML_INACTIVE) if domain.isPersistent() else None,
            "running": domain.XMLDesc(_SECURE) if domain.isActive() else None,
        } for domain in self._connection(uri).listAllDomains() if domain.name().startswith(prefix)}

    def clear(self, uri, prefix):
        """Begin to remove the domains with this ``prefix``: a QEMU takes its time to end."""
        for domain in self._connection(uri).listAllDomains():
            if domain.name().startswith(prefix):
                self._leaving.append(self._at_once.submit(_remove, domain))

    def settle(self):
        """Wait until they are gone."""
        for each in self._leaving:
            each.result()

    def rng(self, options, check=False, killed_after=None):
        """Do what the module does with ``options``, through its argument spec; return its result, diff included, and what it wrote to which domain.

        ``killed_after``: the run ends after so many writes as if it were killed; then the result is None.
        """
        warnings = []
        _written.clear()
        _Killed.after = killed_after
        validated = ArgumentSpecValidator(virt_rng.argument_spec()).validate(options)
        if validated.error_messages:
            return {"failed": True, "msg": "; ".join(validated.error_messages)}, []
        try:
            result = _virt_rng.run(validated.validated_parameters, check, True, warnings.append)
        except EntropyError as error:
            result = dict(error.results, failed=True, msg=str(error))
        except _Killed:
            return None, _written
        return dict(result, warnings=warnings), _written

    def _connection(self, uri):
        if uri not in self._connections:
            self._connections[uri] = libvirt.open(uri)
        return self._connections[uri]


def _make(connection, xml, state, then):
    try:
        if state == "transient":
            connection.createXML(xml)
            return None
        domain = connection.defineXML(xml)
        if state != "shutoff":
            domain.create()
        if state == "paused":
            domain.suspend()
        if state == "saved":
            domain.managedSave()
        if then:
            connection.defineXML(then)
    except libvirt.libvirtError as error:
        return str(error)
    return None


def _remove(domain):
    is_persistent = domain.isPersistent()
    if domain.isActive():
        domain.destroy()
    if is_persistent:
        domain.undefineFlags(_GONE if domain.connect().getType() == "QEMU" else 0)


class _Killed(BaseException):
    """The end of a run ``after`` so many writes."""

    after = None


class _Kept:
    """A connection to libvirt's test driver, whose domains end with it."""

    def __init__(self, handle):
        self._handle = handle

    def __getattr__(self, name):
        return getattr(self._handle, name)

    def close(self):
        """Leave it open."""


def _noted(name):
    """Return the method ``name`` of the module's Domain, with each write noted that libvirt took."""
    real = getattr(_libvirt.Domain, name)

    def write(domain, *arguments):
        real(domain, *arguments)
        _written.append([domain.name, name])
        if _Killed.after == len(_written):
            raise _Killed
    return write


def main():
    worker = Worker()
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    for name in _WRITES:
        setattr(_libvirt.Domain, name, _noted(name))
    connect = _libvirt.connect
    _libvirt.connect = lambda uri, write: (
        _libvirt.Connection(_Kept(worker._connection(uri)), uri) if uri.startswith("test:") else connect(uri, write))
    for line in sys.stdin:
        question = json.loads(line)
        answer = getattr(worker, question.pop("do"))(**question)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
