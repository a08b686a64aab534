# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who listens on a port or a unix socket of this machine: first by the kernel's tables, and where they show nobody, by one attempt that must be refused."""

import errno
import ipaddress
import re
import socket
import struct
import sys

# Columns of /proc/net/tcp and udp: local address, and state (TCP_LISTEN in include/net/tcp_states.h is 10, in hexadecimal).
_LOCAL, _STATE, _LISTEN = 1, 3, "0A"
# /proc/net/unix: flags (__SO_ACCEPTCON in include/uapi/linux/net.h: it listens), and path.
_FLAGS, _PATH, _ACCEPTS = 3, 7, 0x10000

_NUMBER = re.compile(r"[0-9]{1,9}\Z")

_LOOPBACKS = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
# Nobody is there, or this machine has no such address (IPv6 may be off), or it is a socket for datagrams.
_NOBODY = (errno.ECONNREFUSED, errno.EPROTOTYPE, errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.EAFNOSUPPORT)
# A connection within the machine is answered at once; s.
_PATIENCE = 2


def is_served(host, service):
    """Return whether somebody listens on the TCP port ``service`` (str) of the loopback ``host`` (str); None where that is not known."""
    port = port_of(service, "tcp")
    addresses = addresses_of(host)
    if port is None or not addresses:
        return None
    if any(serves(found, address) for found, number in _listening() if number == port for address in addresses):
        return True
    # Rules of a packet filter may lead the port elsewhere, which no table here shows.
    answers = [_answers(socket.AF_INET6 if address.version == 6 else socket.AF_INET, (str(address), port)) for address in addresses]
    return False if all(answer is False for answer in answers) else None if None in answers and True not in answers else True


def is_socket_served(path):
    """Return whether somebody listens on the unix socket ``path`` (str); None where that is not known."""
    if path in _unix_listening():
        return True
    # It may be bound by another name, or in another network namespace.
    return _answers(socket.AF_UNIX, path)


def in_use(kind, host, service):
    """Return whether the port ``service`` (str) of ``host`` (str, or None for every address) is taken, for ``kind`` tcp or udp; None where not known."""
    port = port_of(service, kind)
    if not port:  # The kernel chooses one for 0.
        return None if port is None else False
    try:
        addresses = addresses_of(host) or [ipaddress.ip_address(host or "0.0.0.0")]  # noqa: S104  what is looked for, not bound
    except ValueError:
        return None
    taken = [found for found, number in (_listening() if kind == "tcp" else _rows(("/proc/net/udp", "/proc/net/udp6"))) if number == port]
    return all(any(_takes(found, address) for found in taken) for address in addresses)  # QEMU makes do with the first that is free.


def _takes(bound, address):
    """Return whether nobody else gets ``address`` while somebody is ``bound`` to another: all IPv6 addresses are all of IPv4 too, unless it says not."""
    if bound.version != address.version:
        return bound.version == 6 and bound.is_unspecified
    return bound == address or bound.is_unspecified or address.is_unspecified


def serves(bound, address):
    """Return whether a listener ``bound`` to an address may serve connections to ``address``: on all IPv6 addresses it serves IPv4 too, unless it says not."""
    mapped = getattr(bound, "ipv4_mapped", None)
    if bound.is_unspecified:
        return bound.version == 6 or address.version == 4
    return address in (bound, mapped)


def addresses_of(host):
    """Return the loopback addresses (list) that ``host`` (str) means, none where it may be another machine."""
    if host == "localhost":
        return list(_LOOPBACKS)
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return []
    mapped = getattr(address, "ipv4_mapped", None)
    return [address] if address.is_loopback else [mapped] if mapped and mapped.is_loopback else []


def port_of(service, protocol):
    """Return the number (int) of the port ``service`` (str), None where there is none of that name."""
    try:
        number = int(service) if _NUMBER.match(service) else socket.getservbyname(service, protocol)
    except (OSError, ValueError):  # ValueError: a NUL
        return None
    return number if number < 65536 else None


def decoded(text):
    """Return (address, port) of what the kernel writes for it: words of 32 bits in its own byte order, and a port, all in hexadecimal."""
    address, _colon, port = text.partition(":")
    words = [int(address[at:at + 8], 16) for at in range(0, len(address), 8)]
    packed = struct.pack(("<" if sys.byteorder == "little" else ">") + "%dI" % len(words), *words)
    return ipaddress.ip_address(packed), int(port, 16)


def _listening():
    return _rows(("/proc/net/tcp", "/proc/net/tcp6"), _LISTEN)


def _rows(paths, state=None):
    """Return the (address, port) of the tables (list), of those in a ``state`` (str) only."""
    found = []
    for path in paths:
        for columns in _lines(path):
            try:
                if state in (None, columns[_STATE]):
                    found.append(decoded(columns[_LOCAL]))
            except (IndexError, ValueError):
                continue
    return found


def _unix_listening():
    """Return the paths (set of str) of the unix sockets on which somebody listens."""
    return {columns[_PATH] for columns in _lines("/proc/net/unix", _PATH) if len(columns) > _PATH and int(columns[_FLAGS], 16) & _ACCEPTS}


def _lines(path, most=-1):
    """Return the columns (list of str) of each line of a table, the first line left out."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return [line.rstrip("\n").split(None, most) for line in file][1:]
    except OSError:
        return []


def _answers(family, where):
    """Return whether somebody takes a connection, which is closed at once; None where that is not known."""
    try:
        with socket.socket(family) as client:
            client.settimeout(_PATIENCE)
            client.connect(where)
    except OSError as error:
        return False if error.errno in _NOBODY else None
    return True
