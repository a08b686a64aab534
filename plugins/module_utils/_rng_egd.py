# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a device with backend egd is connected: read from XML, written as XML, checked.

A dict: ``type``, ``sources`` (list of dicts with ``mode``, ``host``, ``service``, ``path``, ``tls`` (bool), ``reconnect`` (s), only what is
said), and with tcp ``protocol``. Types besides tcp, udp and unix, and what only these have, are read, and written where they are given back
(``copypaste`` (bool) and ``mouse`` of qemu-vdagent).
"""

import json
import os
import re
import stat
from xml.sax.saxutils import quoteattr

from ansible_collections.kvm.entropy.plugins.module_utils import _options, _rng_listeners, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError, UnfitError
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt_daemon import NOBODY_KNOWN

TYPES = ("tcp", "udp", "unix")
# What only the way back may name: all that virDomainChrTypeFromString and virDomainChrTcpProtocolTypeFromString (src/conf/domain_conf.c) know.
ALL_TYPES = TYPES + ("dbus", "dev", "file", "nmdm", "null", "pipe", "pty", "qemu-vdagent", "spiceport", "spicevmc", "stdio", "vc")
# What QEMU opens by its path.
_OPENED = ("dev", "file")
MODES = ("connect", "bind")
# QEMU speaks these two; libvirt takes telnets and tls as well, and then sends plain text (qemuBuildChrChardevStr).
PROTOCOLS = ("raw", "telnet")
ALL_PROTOCOLS = PROTOCOLS + ("telnets", "tls")
# Attributes of a <source> as virDomainChrSourceDefFormat writes them, but for tls, which is a flag.
_ATTRIBUTES = ("mode", "host", "service", "path", "channel", "master", "slave", "append")

_START = "A domain with it could not start. Start the daemon that listens there, or give reconnect."

# virDomainChrSourceDefParseXML: without these the parser refuses the source, or takes it and connects nothing.
_NEEDED = {"tcp": ("host", "service"), "udp": ("service",), "unix": ("path",), "dev": ("path",), "file": ("path",), "pipe": ("path",),
           "nmdm": ("master", "slave"), "spiceport": ("channel",)}
_ALLOWED = {"tcp": ("mode", "host", "service", "tls", "reconnect"), "udp": ("mode", "host", "service"), "unix": ("mode", "path", "reconnect")}
# The modes of the sources, sorted. libvirt takes no udp without one to connect to, as QEMU could not send the daemon its questions.
_SOURCES = {"tcp": [["bind"], ["connect"]], "udp": [["connect"], ["bind", "connect"]], "unix": [["bind"], ["connect"]]}
_DEFAULT_MODE = "connect"
# virDomainChrSourceReconnectDefParseXML reads the timeout (s) as an unsigned 32-bit number.
_LONGEST_RECONNECT = 2 ** 32 - 1
# What the kernel takes as the path of a unix socket (sun_path in include/uapi/linux/un.h, less its NUL).
_LONGEST_SOCKET = 107

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


def described(options, is_back=False):
    """Return the dict that the module's option ``egd`` describes. Raise EntropyError where no libvirt could connect it.

    On the way back (``is_back``) only for what libvirt cannot have written.
    """
    kind = options["type"]
    sources = [{name: value for name, value in source.items() if value is not None} for source in options["sources"]]
    for source in sources if kind in _SOURCES else ():
        source.setdefault("mode", _DEFAULT_MODE)
    modes = [source.get("mode", "") for source in sources]
    if kind in _SOURCES and sorted(modes) not in _SOURCES[kind]:
        expected = "one to connect to, and at most one to bind" if kind == "udp" else "one"
        raise EntropyError(f"egd: found sources of mode {', '.join(modes) or 'none'}, expected {expected} for type {kind}")
    if is_back:
        return _given_back(options, sources)
    for source in sources:
        _check_source(kind, source)
    egd = {"type": kind, "sources": sources}
    if kind == "tcp":
        egd["protocol"] = options.get("protocol") or _DEFAULT_PROTOCOL
    elif options.get("protocol"):
        raise EntropyError(f"egd: protocol {options['protocol']} is for type tcp, found type {kind}")
    return egd


def _given_back(options, sources):
    """Return the dict of what libvirt may have written; raise EntropyError for what its parser refuses."""
    needed = _NEEDED.get(options["type"], ())
    if needed and not sources:
        raise EntropyError(f"egd: found no sources, expected one with {' and '.join(needed)} for type {options['type']}")
    for source in sources:
        # libvirt takes an empty host, and keeps it.
        missing = [name for name in needed if not source.get(name) and (name != "host" or name not in source)]
        if missing:
            raise EntropyError(f"egd: a source of type {options['type']}: {', '.join(missing)} is missing")
        for name in _ATTRIBUTES:
            _options.check_text(f"egd: {name}", source.get(name, ""), is_xml=True)
        _options.check_numbers({"egd: reconnect": source.get("reconnect", 0)}, {"egd: reconnect": (0, _LONGEST_RECONNECT)})
    protocol = options.get("protocol") or (_DEFAULT_PROTOCOL if options["type"] == "tcp" else None)
    return dict({"type": options["type"], "sources": sources}, **({"protocol": protocol} if protocol else {}))


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
    """Raise UnfitError where random numbers would cross a network for everybody to read, or to give.

    A udp source that is bound receives nothing but from the one that it connects to: QEMU connects that very socket (inet_dgram_saddr in
    util/qemu-sockets.c), whatever address it is bound to.
    """
    for source in egd["sources"]:
        if egd["type"] not in ("tcp", "udp") or source.get("tls") or _is_this_machine(source.get("host")):
            continue
        # QEMU sends to localhost where a udp source to connect to has no host (qemu_chr_parse_udp in chardev/char-udp.c).
        if egd["type"] == "udp" and (source.get("mode") == "bind" or not source.get("host")):
            continue
        to = source.get("host") or "any address"
        raise UnfitError(
            f"egd: {egd['type']} in plain text {'with' if source.get('mode', _DEFAULT_MODE) == 'connect' else 'on'} {to}", "Whoever is on the way "
            "reads the guest's random numbers, or gives it others. Use a unix socket, an address of this machine such as 127.0.0.1, or tcp "
            "with tls: true.")


def check_source(kind, source, daemon=NOBODY_KNOWN):
    """Raise UnfitError where a guest with this ``source`` of the type ``kind`` (str) could not start: nobody listens, or it cannot listen itself.

    ``daemon`` (Daemon) is libvirt's, whose network and files count.
    """
    is_connecting = source.get("mode", _DEFAULT_MODE) == "connect"
    if kind == "unix" and len(os.fsencode(source.get("path", ""))) > _LONGEST_SOCKET:
        raise UnfitError(f"egd: socket {_options.shown(source['path'])}: found {len(os.fsencode(source['path']))} bytes, expected at most {_LONGEST_SOCKET}",
                         "A domain with it could not start. Give a shorter path.")
    if kind in ("tcp", "udp") and daemon.same_files is not False and source.get("service") and _rng_listeners.port_of(source["service"], kind) is None:
        raise UnfitError(f"egd: found service {_options.shown(source['service'])}, expected 0 to 65535 or a name of this machine's /etc/services",
                         "A domain with it could not start. Give the port's number.")
    if is_connecting and source.get("reconnect"):  # QEMU tries it again and again.
        return
    if kind in _OPENED and daemon.same_files is not False:
        _check_opened(kind, source.get("path", ""))
    elif kind == "unix" and daemon.same_files is not False:
        (_check_connected if is_connecting else _check_bound)(source.get("path", ""))
    elif kind == "tcp" and is_connecting and daemon.same_network is not False and _is_unserved(source):
        raise UnfitError(f"egd: nobody listens on {_port(kind, source)}", _START)


def _check_opened(kind, path):
    """Raise UnfitError where ``path`` cannot be opened, of the type file: made."""
    needed = os.path.dirname(path) or "/" if kind == "file" else path
    if not os.path.exists(needed):
        raise UnfitError(f"egd: {kind} {_options.shown(path)}: {_options.shown(needed)} is not there", "A domain with it could not start. Make it first.")


def _check_connected(path):
    shown = _options.shown(path)
    try:
        is_socket = stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError as error:
        raise UnfitError(f"egd: socket {shown}: {error.strerror}", _START) from error
    if not is_socket:
        raise UnfitError(f"egd: {shown} is no socket", "Give the socket that the daemon listens on.")
    if _rng_listeners.is_socket_served(path) is False:
        raise UnfitError(f"egd: nobody listens on the socket {shown}", _START)


def _check_bound(path):
    folder = os.path.dirname(path) or "/"
    if not os.path.isdir(folder):
        raise UnfitError(f"egd: the folder {_options.shown(folder)}, in which QEMU is to make a socket, is not there",
                         "A domain with it could not start. Make the folder, or give another path.")
    # libvirt removes what is there before it binds (qemuOpenChrChardevUNIXSocket in qemu_command.c), as root.
    if os.path.lexists(path) and not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise UnfitError(f"egd: {_options.shown(path)}, where QEMU is to make a socket, is there and is no socket",
                         "A start of the domain would remove it, or fail. Give a path of which nothing is there.")


def unchecked(egd, uri=None, daemon=NOBODY_KNOWN):
    """Return what a guest needs to start and nobody can tell (list of str). ``daemon`` (Daemon) is None where ``uri`` (str) is another machine."""
    return [text for text in (_unchecked(egd["type"], source, uri, daemon) for source in egd["sources"]) if text]


def _unchecked(kind, source, uri, daemon):
    is_connecting = source.get("mode", _DEFAULT_MODE) == "connect"
    is_needed = not (is_connecting and source.get("reconnect"))
    if kind == "unix" and is_needed and daemon is None:
        return f"egd socket {source.get('path')}: {uri} is another machine"
    if kind == "unix" and is_needed and daemon.same_files is False:
        return f"egd socket {source.get('path')}: {uri} sees other file systems than this process (a container)"
    is_seen = daemon is not None and daemon.same_network is not False
    where = source.get("host"), source.get("service", "")
    if kind == "tcp" and is_connecting and is_needed and not (is_seen and _rng_listeners.is_served(*where) is not None):
        return f"whether a daemon listens on {_port(kind, source)}: a domain without reconnect starts only then"
    return None


def why_unfit(kind, source, daemon):
    """Return why a guest with this ``source`` (tuple of its items) could not start, as ``check_source`` (str), or None."""
    try:
        check_source(kind, dict(source), daemon)
    except UnfitError as error:
        return error.found
    return None


def _always(function, *arguments):
    return function(*arguments)


def unserved(egd, daemon=NOBODY_KNOWN, once=_always):
    """Return in words (str) what a guest would connect to at once and where nobody listens, also one that QEMU tries again with ``reconnect``; or None.

    ``once`` calls a function, or knows what it returned before.
    """
    for source in (source for source in egd["sources"] if source.get("mode", _DEFAULT_MODE) == "connect"):
        if once(why_unfit, egd["type"], tuple(dict(source, reconnect=0).items()), daemon):
            return source.get("path") or _port(egd["type"], source)
    return None


def taken(egd, but=(), kinds=TYPES, once=_always):
    """Return in words (str) a port or socket that ``egd`` binds, that is in use, and that none of the egd dicts in ``but`` binds; or None.

    Only of these ``kinds``. ``once`` is as for ``unserved``.
    """
    kind = egd["type"]
    for source in _bound_sources(egd) if kind in kinds else ():
        asked = (_rng_listeners.is_socket_served, source.get("path", "")) if kind == "unix" else (
            _rng_listeners.in_use, kind, source.get("host"), source.get("service", ""))
        if not any(both_bind(egd, each) for each in but) and once(*asked):
            return _place(kind, source)
    return None


def both_bind(egd, other):
    """Return in words (str) a port or socket that both egd dicts bind, or None."""
    others = [_number(source) for source in _bound_sources(other)] if egd["type"] == other["type"] else []
    return next((_place(egd["type"], source) for source in _bound_sources(egd) if _number(source) in others), None)


def bound(egd):
    """Return in words (list of str) the ports and sockets on which a guest with ``egd`` listens, and no second one can."""
    return [_place(egd["type"], source) for source in _bound_sources(egd)]


def _bound_sources(egd):
    """Return the sources (list of dict) on which nobody else can listen. For port 0 the kernel chooses one."""
    return [source for source in egd["sources"] if source.get("mode") == "bind" and source.get("service") != "0"] if egd["type"] in TYPES else []


def _number(source):
    """Return the port or path (str) of a source, without the address: a port that is bound to one may keep the others from being bound."""
    return source.get("path") or source.get("service")


def _place(kind, source):
    return f"socket {_options.shown(source.get('path', ''))}" if kind == "unix" else _port(kind, source)


def _is_unserved(source):
    return _rng_listeners.is_served(source.get("host"), source.get("service", "")) is False


def _port(kind, source):
    return f"{kind} {source.get('host') or 'any address'} port {source.get('service')}"


def needed_socket(egd):
    """Return the path (str) of the unix socket without which a guest cannot start, or None: with ``reconnect`` QEMU tries it again and again."""
    return next((source.get("path") for source in _connections(egd) if not source.get("reconnect")), None)


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
    clipboard, mouse = source.find("clipboard"), source.find("mouse")
    if clipboard is not None:
        said["copypaste"] = clipboard.get("copypaste") == "yes"
    if mouse is not None:
        said["mouse"] = mouse.get("mode", "")
    return said


def _source_xml(source):
    attributes = "".join(f" {name}={quoteattr(source[name])}" for name in _ATTRIBUTES if source.get(name) or (name == "host" and name in source))
    # Said as "no" it holds against chardev_tls in qemu.conf.
    tls = f" tls='{'yes' if source['tls'] else 'no'}'" if source.get("tls") is not None else ""
    inner = f"<reconnect enabled='yes' timeout='{source['reconnect']}'/>" if source.get("reconnect") else ""
    if source.get("copypaste") is not None:
        inner += f"<clipboard copypaste='{'yes' if source['copypaste'] else 'no'}'/>"
    if source.get("mouse"):
        inner += f"<mouse mode={quoteattr(source['mouse'])}/>"
    return f"<source{attributes}{tls}>{inner}</source>" if inner else f"<source{attributes}{tls}/>"


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
    return bool(_rng_listeners.addresses_of(host))


def yaml(value):
    """Return ``value`` (str, int or bool) as YAML reads it again; text is quoted unless it is plain everywhere."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) or _PLAIN.match(value) else json.dumps(value)
