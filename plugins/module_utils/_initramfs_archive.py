# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the image of an initramfs: one cpio archive after the other, uncompressed or not, or those in a unified kernel image.

Python's own gzip, bzip2 and xz are used; for zstd, lz4 and lzo, and where a Python was built without the others, the machine's own programs, which get
the image and nothing else.
"""

import importlib
import os
import select
import struct
import time
import zlib
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.kvm.entropy.plugins.module_utils._cpio import ArchiveError, DamagedError, Limits, Member, Stream, is_cpio, members
from ansible_collections.kvm.entropy.plugins.module_utils._program import printing

# What an image may have, unpacked (bytes), and take (s). Ubuntu's with all firmware has some 300 MiB; a core of 2020 unpacks 300 MiB/s.
MOST_BYTES = 1 << 30
MOST_SECONDS = 20.0

_PIECE = 1 << 18  # bytes
# What is kept of one image (bytes): names and texts. Fedora's with all drivers has 5,000 names of 100 bytes, and 2 MiB of modules.alias.
_MOST_KEPT = 16 << 20
# What Python's object for a name takes besides its characters (bytes).
_PER_NAME = 128
# xz -9 takes 65 MiB to unpack (xz(1)); what is built for an initramfs takes 9 MiB at most.
_MOST_MEMORY = 96 << 20
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_END = "it ends within its compressed part"


class _Format(NamedTuple):
    """A compression: the ``magic`` it begins with, its ``name``, a ``decompressor`` of Python's (or None), and the ``programs`` that unpack it."""

    magic: bytes
    name: str
    decompressor: Optional[Callable[[], Any]]
    programs: Tuple[Tuple[str, ...], ...]


def _zstd() -> Any:
    """Return Python's own decompressor (3.14 and newer); raise ImportError where it has none."""
    return importlib.import_module("compression.zstd").ZstdDecompressor()


def _xz() -> Any:
    return importlib.import_module("lzma").LZMADecompressor(memlimit=_MOST_MEMORY)


def _bzip2() -> Any:
    return importlib.import_module("bz2").BZ2Decompressor()


# lib/decompress.c of Linux.
_FORMATS = (
    _Format(b"\x1f\x8b", "gzip", lambda: zlib.decompressobj(16 + zlib.MAX_WBITS), ()),
    _Format(b"\xfd7zXZ\0", "xz", _xz, (("xz", "-dcq"),)),
    _Format(b"\x5d\0\0", "lzma", _xz, (("xz", "-dcq"),)),
    _Format(b"BZh", "bzip2", _bzip2, (("bzip2", "-dcq"),)),
    _Format(b"\x28\xb5\x2f\xfd", "zstd", _zstd, (("zstd", "-dcq"), ("unzstd", "-cq"))),
    _Format(b"\x02\x21\x4c\x18", "lz4", None, (("lz4", "-dcq"), ("unlz4", "-cq"))),
    _Format(b"\x04\x22\x4d\x18", "lz4", None, (("lz4", "-dcq"), ("unlz4", "-cq"))),
    _Format(b"\x89LZO", "lzo", None, (("lzop", "-dc"),)),
)


class Contents(NamedTuple):
    """An image's ``names``, the ``texts`` of the files that were wanted, and the ``reason`` (None where there is none) why it is not all of it;
    ``is_damaged`` is whether that is the image's own fault."""

    names: frozenset
    texts: Dict[str, str]
    reason: Optional[str]
    is_damaged: bool = False


def read(handle: int, is_name_wanted: Callable[[str], bool], is_text_wanted: Callable[[str], int], seconds: float = MOST_SECONDS,
         most: int = MOST_BYTES) -> Contents:
    """Return what the open regular file ``handle`` has of the names and texts that are wanted, in at most ``seconds`` and ``most`` bytes.

    Names are as in a merged system: lib/modules is usr/lib/modules. ``is_text_wanted`` returns how many bytes of a text are wanted, at most.
    """
    names, texts, reason, is_damaged = set(), {}, None, False
    limits, kept = Limits(most, time.monotonic() + seconds), 0
    try:
        for member in _all_members(handle, lambda name: is_text_wanted(merged(name)), limits):
            name = merged(member.name)
            is_wanted = is_name_wanted(name)
            kept += (len(name) + _PER_NAME) * is_wanted + len(member.content or b"")
            if kept > _MOST_KEPT:
                raise ArchiveError("it has more of what says something of the driver than is kept of one image")
            if is_wanted:
                names.add(name)
            if member.content is not None:
                texts[name] = member.content.decode("utf-8", "replace")
    except ArchiveError as error:
        reason, is_damaged = str(error), isinstance(error, DamagedError)
    except (OSError, EOFError, zlib.error) as error:
        # An OSError is not the image's fault.
        reason, is_damaged = "it cannot be unpacked: %s" % (getattr(error, "strerror", None) or error), isinstance(error, zlib.error)
    except Exception as error:
        # lzma and compression.zstd have exceptions of their own, which a Python without these modules cannot name.
        if type(error).__name__ not in ("LZMAError", "ZstdError"):
            raise
        # A limit of memory (LZMA_MEMLIMIT_ERROR) is not the image's fault, either.
        reason, is_damaged = "it cannot be unpacked: %s" % error, "emory" not in str(error)
    return Contents(frozenset(names), texts, reason, is_damaged)


def merged(name: str) -> str:
    """Return ``name`` as it is in a merged system: bin/sh is usr/bin/sh."""
    return "usr/" + name if name.split("/", 1)[0] in ("bin", "lib", "lib64", "sbin") and "/" in name else name


def _all_members(handle: int, is_wanted: Callable[[str], int], limits: Limits) -> Iterator[Member]:
    """Yield the members of all archives in the file; raise ArchiveError, OSError and what decompressors raise."""
    start, size = _place(handle)
    os.lseek(handle, start, os.SEEK_SET)
    end = start + size

    def read_file(most: int) -> bytes:
        return os.read(handle, max(0, min(most, end - os.lseek(handle, 0, os.SEEK_CUR))))

    stream, is_any = Stream(read_file, limits), False
    while True:
        stream.skip_padding()
        magic = stream.peek(6)
        if not magic:
            if not is_any:
                raise DamagedError("it is empty")
            return
        is_any = True
        if is_cpio(magic):
            yield from members(stream, is_wanted)
            continue
        known = next((one for one in _FORMATS if magic.startswith(one.magic)), None)
        if known is None:
            raise ArchiveError("it begins like no archive that the kernel unpacks (%s)" % "".join("%02x" % byte for byte in magic))
        if not _has_own(known):
            # What follows is not looked for: a program does not tell where it ended.
            yield from _by_program(handle, start + stream.position, known, is_wanted, limits)
            return
        yield from _by_python(stream, known, is_wanted, limits)


def _has_own(known: _Format) -> bool:
    """Return whether this Python has a decompressor of its own for the format ``known``."""
    try:
        return known.decompressor is not None and known.decompressor() is not None
    except ImportError:
        return False


def _by_python(stream: Stream, known: _Format, is_wanted: Callable[[str], int], limits: Limits) -> Iterator[Member]:
    """Yield the members in the compressed part of ``stream`` that begins here, and leave it at the end of that part."""
    def pieces() -> Iterator[bytes]:
        # One archive may be in several parts of the same format, as parallel compressors write it.
        while stream.peek(len(known.magic)) == known.magic:
            yield from _unpacked(stream, known.decompressor())

    yield from _inner(Stream(_reader(pieces()), limits), is_wanted)


def _unpacked(stream: Stream, decompressor: Any) -> Iterator[bytes]:
    """Yield what is in one compressed part of ``stream``."""
    packed = b""
    while not decompressor.eof:
        needs_input = getattr(decompressor, "needs_input", not packed)
        if needs_input:
            packed = stream.some(_PIECE)
            if not packed:
                raise DamagedError(_END)
        # A zlib object gives back what it has not used yet, the others keep it.
        if hasattr(decompressor, "unconsumed_tail"):
            yield decompressor.decompress(packed, _PIECE)
            packed = decompressor.unconsumed_tail
        else:
            yield decompressor.decompress(packed if needs_input else b"", _PIECE)
    stream.give_back(decompressor.unused_data)


def _reader(pieces: Iterator[bytes]) -> Callable[[int], bytes]:
    """Return a function that reads from ``pieces`` as from a file."""
    left = [b""]

    def read_piece(size: int) -> bytes:
        while not left[0]:
            piece = next(pieces, None)
            if piece is None:
                return b""
            left[0] = piece
        piece, left[0] = left[0][:size], left[0][size:]
        return piece

    return read_piece


def _inner(stream: Stream, is_wanted: Callable[[str], int]) -> Iterator[Member]:
    """Yield the members of the archives in an unpacked ``stream``, to its end."""
    is_any = False
    while True:
        stream.skip_padding()
        magic = stream.peek(6)
        if not magic:
            if not is_any:
                raise DamagedError("its compressed part is empty")
            return
        if not is_cpio(magic):
            raise DamagedError("its compressed part is no cpio archive")
        is_any = True
        yield from members(stream, is_wanted)


def _by_program(handle: int, at: int, known: _Format, is_wanted: Callable[[str], int], limits: Limits) -> Iterator[Member]:
    """Yield the members in the compressed part at ``at`` (byte of the file)."""
    program = next((path for path in map(_found, known.programs) if path), None)
    if program is None:
        raise ArchiveError("it is compressed by %s, and there is no program %s: install it" % (known.name, known.programs[0][0]))
    os.lseek(handle, at, os.SEEK_SET)
    with printing(program, handle, {"PATH": _PATH, "LC_ALL": "C"}) as pipe:

        def read_pipe(size: int) -> bytes:
            if not select.select([pipe], [], [], max(0.0, limits.deadline - time.monotonic()))[0]:
                raise ArchiveError("reading it took too long")
            return os.read(pipe, size)

        stream = Stream(read_pipe, limits)
        # The program may complain of what follows the compressed part: the archive has an end of its own.
        yield from _inner(stream, is_wanted)


def _found(command: Tuple[str, ...]) -> Optional[List[str]]:
    """Return ``command`` with the path of its program, None where there is none."""
    for folder in _PATH.split(":"):
        path = os.path.join(folder, command[0])
        if os.access(path, os.X_OK):
            return [path] + list(command[1:])
    return None


# --- unified kernel images ---------------------------------------------------------------------------------------------

_MOST_SECTIONS = 96  # the limit of Windows' loader; a unified kernel image has some ten


def _place(handle: int) -> Tuple[int, int]:
    """Return where in the file the archives begin, and their size: all of it, or the section .initrd of a unified kernel image. Raise ArchiveError."""
    size = os.fstat(handle).st_size
    if os.pread(handle, 2, 0) != b"MZ":
        return 0, size
    # PE Format, Microsoft: the offset of the signature at 0x3c, then the COFF header (20 bytes) and the optional header; sections of 40 bytes.
    try:
        (at,) = struct.unpack("<I", os.pread(handle, 4, 0x3c))
        signature, count, optional = struct.unpack("<4s2xH12xH2x", os.pread(handle, 24, at))
    except struct.error as error:
        raise DamagedError("it is a cut off EFI program") from error
    if signature != b"PE\0\0":
        raise ArchiveError("it is no EFI program")
    table = os.pread(handle, min(count, _MOST_SECTIONS) * 40, at + 24 + optional)
    for entry in (table[start:start + 40] for start in range(0, len(table) - 39, 40)):
        name, virtual, raw, offset = struct.unpack("<8sI4xII16x", entry)
        if name.rstrip(b"\0") == b".initrd":
            found = min(virtual, raw) or raw
            if offset + found > size:
                raise DamagedError("it is cut off")
            return offset, found
    raise ArchiveError("it is an EFI program without an initramfs (section .initrd)")
