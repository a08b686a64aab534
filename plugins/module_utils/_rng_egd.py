# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a device with backend egd is connected: read from XML, written as XML, checked.

A dict: ``type``, ``sources`` (list of dicts with ``mode``, ``host``, ``service``, ``path``, ``tls`` (bool), ``reconnect`` (s), only what is
said), and with tcp ``protocol``. Types besides tcp, udp and unix are read, and never written.
"""

import ipaddress
import json
import os
import re
import stat
from xml.sax.saxutils import quoteattr

from ansible_collections.kvm.entropy.plugins.module_utils import _options, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

TYPES = ("tcp", "udp", "unix")
MODES = ("connect", "bind")
# QEMU speaks these two; libvirt takes telnets and tls as well, and then sends plain text (qemuBuildChrChardevStr).
PROTOCOLS = ("raw", "telnet")

# virDomainChrSourceDefParseXML: without these the parser refuses the source, or takes it and connects nothing.
_NEEDED = {"tcp": ("host", "service"), "udp": ("service",), "unix": ("path",)}
_ALLOWED = {"tcp": ("mode", "host", "service", "tls", "reconnect"), "udp": ("mode", "host", "service"), "unix": ("mode", "path", "reconnect")}
# The modes of the sources, sorted. libvirt takes no udp without one to connect to, as QEMU could not send the daemon its questions.
_SOURCES = {"tcp": [["bind"], ["connect"]], "udp": [["connect"], ["bind", "connect"]], "unix": [["bind"], ["connect"]]}
_DEFAULT_MODE = "connect"
# virDomainChrSourceReconnectDefParseXML reads the timeout (s) as an unsigned 32-bit number.
_LONGEST_RECONNECT = 2 ** 32 - 1

# Text that YAML takes for itself, in a list in braces too: names, paths, IPv4 addresses, ports. Not true, off, null and the like.
_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)\Z)(?:[a-z/][\w./-]*|\d+(?:\.\d+){3}|[1-9]\d*|0)\Z", re.IGNORECASE | re.ASCII)
_DEFAULT_PROTOCOL = "raw"


def read(backend):
    """Return the dict of a <backend> element (xml.etree Element)."""
    egd = {"type": backend.get("type", ""), "sources": [_read_source(source) for source in backend.findall("source")]}
    protocol = backend.find("protocol")
    if protocol is not None:
        egd["protocol"] = protocol.get("type", "")
    return egd


def described(options):
    """Return the dict that the module's option ``egd`` describes. Raise EntropyError where no libvirt could connect it."""
    kind = options["type"]
    sources = [{name: value for name, value in source.items() if value is not None} for source in options["sources"]]
    modes = [source["mode"] for source in sources]
    if sorted(modes) not in _SOURCES[kind]:
        expected = "one to connect to, and at most one to bind" if kind == "udp" else "one"
        raise EntropyError(f"egd: found sources of mode {', '.join(modes) or 'none'}, expected {expected} for type {kind}")
    for source in sources:
        _check_source(kind, source)
    egd = {"type": kind, "sources": sources}
    if kind == "tcp":
        egd["protocol"] = options.get("protocol") or _DEFAULT_PROTOCOL
    elif options.get("protocol"):
        raise EntropyError(f"egd: protocol {options['protocol']} is for type tcp, found type {kind}")
    return egd


def to_xml(egd):
    """Return the <backend> element (str)."""
    protocol = f"<protocol type={quoteattr(egd['protocol'])}/>" if "protocol" in egd else ""
    return f"<backend model='egd' type={quoteattr(egd['type'])}>{''.join(map(_source_xml, egd['sources']))}{protocol}</backend>"


def meaning(egd):
    """Return what two dicts that mean the same have in common (tuple)."""
    sources = (dict({"mode": _DEFAULT_MODE}, **source) for source in egd["sources"])
    said = sorted(tuple(sorted((name, str(value)) for name, value in source.items() if value not in (None, False, 0))) for source in sources)
    return egd["type"], egd.get("protocol") or (_DEFAULT_PROTOCOL if egd["type"] == "tcp" else ""), tuple(said)


def check_plain_text(egd):
    """Raise EntropyError where random numbers would cross a network for everybody to read, or to give."""
    for source in egd["sources"]:
        if egd["type"] == "unix" or source.get("tls") or _is_this_machine(source.get("host")):
            continue
        to = source.get("host") or "any address"
        raise EntropyError(
            f"egd: {egd['type']} in plain text {'with' if source['mode'] == 'connect' else 'on'} {to}: nothing was changed. Whoever is on the way "
            "reads the guest's random numbers, or gives it others. Use a unix socket, an address of this machine such as 127.0.0.1, or tcp "
            "with tls: true.")


def check_socket(egd):
    """Raise EntropyError where a unix socket of this machine that a guest connects to is not there: it could not start."""
    path = needed_socket(egd)
    if path is None:
        return
    try:
        is_socket = stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError as error:
        raise EntropyError(f"egd: socket {_options.shown(path)}: {error.strerror}: nothing was changed. A domain with it could not start. Start the "
                           "daemon that listens there, or give reconnect.") from error
    if not is_socket:
        raise EntropyError(f"egd: {_options.shown(path)} is no socket: nothing was changed. Give the socket that the daemon listens on.")


def unchecked(egd):
    """Return whose answer a guest needs to start, and nobody asks for (list of str): a daemon behind a port would take a question for a guest."""
    return [f"whether a daemon listens on tcp {source['host']} port {source['service']}: a domain without reconnect starts only then"
            for source in egd["sources"] if egd["type"] == "tcp" and source["mode"] == "connect" and not source.get("reconnect")]


def missing_socket(egd):
    """Return the path of a unix socket of this machine that a guest connects to and that is not there (str), or None."""
    return next((source["path"] for source in _connections(egd) if not os.path.exists(source["path"])), None)


def needed_socket(egd):
    """Return the path (str) of the unix socket without which a guest cannot start, or None: with ``reconnect`` QEMU tries it again and again."""
    return next((source["path"] for source in _connections(egd) if not source.get("reconnect")), None)


def _connections(egd):
    """Return the sources (list of dict) that are unix sockets to connect to."""
    return [source for source in egd["sources"] if egd["type"] == "unix" and source.get("mode", _DEFAULT_MODE) == "connect"]


def yaml_lines(egd):
    """Return the lines (list of str) that say it in YAML."""
    lines = [f"{name}: {yaml(egd[name])}" for name in ("type", "protocol") if name in egd] + ["sources:" if egd["sources"] else "sources: []"]
    return lines + [f"- {{{', '.join(f'{name}: {yaml(value)}' for name, value in source.items())}}}" for source in egd["sources"]]


def _read_source(source):
    said = {name: value == "yes" if name == "tls" else value for name, value in source.attrib.items()}
    reconnect = source.find("reconnect")
    if reconnect is not None and reconnect.get("enabled") == "yes":
        said["reconnect"] = _virt_xml.number(reconnect.get("timeout") or "0", "reconnect's timeout")
    return said


def _source_xml(source):
    attributes = "".join(f" {name}={quoteattr(source[name])}" for name in ("mode", "host", "service", "path") if source.get(name))
    tls = " tls='yes'" if source.get("tls") else ""
    if source.get("reconnect"):
        return f"<source{attributes}{tls}><reconnect enabled='yes' timeout='{source['reconnect']}'/></source>"
    return f"<source{attributes}{tls}/>"


def _check_source(kind, source):
    missing = [name for name in _NEEDED[kind] if not source.get(name)]
    if kind == "udp" and source["mode"] == "connect" and not source.get("host"):
        missing.append("host")
    foreign = [name for name in source if name not in _ALLOWED[kind] and source[name] not in (False, 0)]
    if source["mode"] == "bind" and source.get("reconnect"):
        foreign.append("reconnect")
    if missing or foreign:
        raise EntropyError(f"egd: a source of type {kind} and mode {source['mode']}: " + "; ".join(
            ([f"{', '.join(missing)} is missing"] if missing else []) + ([f"{', '.join(foreign)} means nothing there"] if foreign else [])))
    for name in ("host", "service", "path"):
        _options.check_text(f"egd: {name}", source.get(name, ""))
    if "path" in source and not os.path.isabs(source["path"]):
        raise EntropyError(f"egd: found path {source['path']!r}, expected the absolute path of a socket")
    _options.check_numbers({"egd: reconnect": source.get("reconnect", 0)}, {"egd: reconnect": (0, _LONGEST_RECONNECT)})


def _is_this_machine(host):
    """Return whether ``host`` cannot be anywhere else. A source bound without a host listens on every address."""
    if not host:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def yaml(value):
    """Return ``value`` (str, int or bool) as YAML reads it again; text is quoted unless it is plain everywhere."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) or _PLAIN.match(value) else json.dumps(value)
