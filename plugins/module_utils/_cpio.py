# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a cpio archive as the kernel does (newc format, Documentation/driver-api/early-userspace/buffer-format.rst of Linux), within bounds."""

import time
from typing import Callable, Iterator, NamedTuple, Optional

_MAGIC = (b"070701", b"070702")
_HEADER = 110  # bytes: the magic and 13 fields of 8 hexadecimal digits
_TRAILER = "TRAILER!!!"
# PATH_MAX in include/uapi/linux/limits.h; the kernel takes no longer name.
_LONGEST_NAME = 4096
_PIECE = 1 << 20  # bytes
# An image of Ubuntu with all firmware has some 10,000 files.
_MOST_MEMBERS = 200000


class ArchiveError(Exception):
    """An archive cannot be read to its end; str() is the reason."""


class DamagedError(ArchiveError):
    """An archive is cut off or is none: the kernel cannot read it either."""


class Member(NamedTuple):
    """A file of an archive: its ``name`` without a leading slash, its ``mode`` (st_mode), and its ``content`` where that was wanted."""

    name: str
    mode: int
    content: Optional[bytes]


class Limits:
    """What may be spent on one archive: ``most`` bytes, unpacked, until ``deadline`` (s, time.monotonic())."""

    def __init__(self, most: int, deadline: float):
        self._left = most
        self._members = _MOST_MEMBERS
        self.deadline = deadline

    def spend(self, size: int) -> None:
        """Count ``size`` bytes; raise ArchiveError where it is too much or too late."""
        self._left -= size
        if self._left < 0:
            raise ArchiveError("it is larger, unpacked, than is read of one image")
        if time.monotonic() > self.deadline:
            raise ArchiveError("reading it took too long")

    def count(self) -> None:
        """Count a member; raise ArchiveError where there are too many."""
        self._members -= 1
        if self._members < 0:
            raise ArchiveError("it has more than %d files" % _MOST_MEMBERS)


class Stream:
    """Bytes from ``read`` (a function that returns at most as many bytes as it is asked for, none at the end), with those given back."""

    def __init__(self, read: Callable[[int], bytes], limits: Limits):
        self._read = read
        self._back = b""
        self.limits = limits
        self.position = 0

    def some(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes, none at the end."""
        piece, self._back = self._back[:size], self._back[size:]
        if not piece:
            piece = self._read(size)
            self.limits.spend(len(piece))
        self.position += len(piece)
        return piece

    def take(self, size: int) -> bytes:
        """Return ``size`` bytes, or fewer at the end."""
        pieces, left = [], size
        while left > 0:
            piece = self.some(min(left, _PIECE))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def skip(self, size: int) -> None:
        """Read over ``size`` bytes; raise ArchiveError at the end."""
        while size > 0:
            piece = self.some(min(size, _PIECE))
            if not piece:
                raise DamagedError("it is cut off")
            size -= len(piece)

    def peek(self, size: int) -> bytes:
        """Return what ``take(size)`` is going to return."""
        piece = self.take(size)
        self.give_back(piece)
        return piece

    def give_back(self, piece: bytes) -> None:
        """Have ``piece`` returned again."""
        self._back = piece + self._back
        self.position -= len(piece)

    def skip_padding(self) -> None:
        """Read over the NULs that are here."""
        while True:
            piece = self.take(512)
            rest = piece.lstrip(b"\0")
            if rest or not piece:
                self.give_back(rest)
                return


def is_cpio(start: bytes) -> bool:
    """Return whether an archive begins with ``start`` (6 bytes)."""
    return start[:6] in _MAGIC


def members(stream: Stream, is_wanted: Callable[[str], int]) -> Iterator[Member]:
    """Yield the members of the archive that begins here, up to its end; raise ArchiveError.

    ``is_wanted`` returns how many bytes of a name's content are wanted, at most; 0 for none. Longer contents are not returned.
    """
    while True:
        header = stream.take(_HEADER)
        if len(header) < _HEADER:
            raise DamagedError("it is cut off")
        if not is_cpio(header):
            raise DamagedError("it has something else than a cpio header")
        try:
            fields = [int(header[at:at + 8], 16) for at in range(6, _HEADER, 8)]
        except ValueError as error:
            raise DamagedError("it has a cpio header that is no hexadecimal number") from error
        mode, size, name_size = fields[1], fields[6], fields[11]
        if not 0 < name_size <= _LONGEST_NAME:
            raise DamagedError("it has a name of %d bytes" % name_size)
        stream.limits.count()
        name = stream.take(name_size).rstrip(b"\0").decode("utf-8", "replace").lstrip("/")
        stream.skip(-(_HEADER + name_size) % 4)
        if name == _TRAILER:
            stream.skip(size + -size % 4)
            return
        name = name[2:] if name.startswith("./") else name
        content = None
        if 0 < size <= is_wanted(name):
            content = stream.take(size)
            if len(content) < size:
                raise DamagedError("it is cut off")
        else:
            stream.skip(size)
        stream.skip(-size % 4)
        yield Member(name, mode, content)
