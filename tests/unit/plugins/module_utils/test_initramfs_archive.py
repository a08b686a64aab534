# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reader of an initramfs' image: every form that the kernel takes, and none that harms."""

import bz2
import gzip
import lzma
import os
import shutil
import subprocess
import sys
import time

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _initramfs_archive
from initramfs_images import archive, unified

FILES = {"conf/modules": b"virtio_rng\n", "lib/modules/6.1/x.ko": b"\x7fELF" * 1000, "init": b"#!/bin/sh\n"}
NAMES = {"conf/modules", "usr/lib/modules/6.1/x.ko", "init"}
EARLY = archive({"kernel/x86/microcode/GenuineIntel.bin": b"\1" * 3000})


def packed(program, content):
    """Return ``content`` packed by ``program`` (list of str), which has to be here."""
    if shutil.which(program[0]) is None:
        pytest.skip("no program %s on this machine" % program[0])
    return subprocess.run(program, input=content, capture_output=True, check=True).stdout


FORMS = {
    "uncompressed": lambda content: content,
    "gzip": gzip.compress,
    "xz": lambda content: lzma.compress(content, check=lzma.CHECK_CRC32),
    "lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
    "bzip2": bz2.compress,
    "zstd": lambda content: packed(["zstd", "-q"], content),
    "lz4, as the kernel's own form": lambda content: packed(["lz4", "-lq"], content),
    "lz4": lambda content: packed(["lz4", "-q"], content),
    "lzo": lambda content: packed(["lzop"], content),
    "two archives in one": lambda content: gzip.compress(EARLY + b"\0" * 512 + content),
    "with microcode before": lambda content: EARLY + b"\0" * 300 + gzip.compress(content),
    "with microcode before, by a program": lambda content: EARLY + packed(["zstd", "-q"], content) + b"\0" * 512,
    "two compressed ones": lambda content: gzip.compress(EARLY) + b"\0" * 8 + lzma.compress(content, check=lzma.CHECK_CRC32),
    "in two parts of the same form": lambda content: gzip.compress(content[:700]) + gzip.compress(content[700:]),
    "in two parts of xz": lambda content: b"".join(lzma.compress(part, check=lzma.CHECK_CRC32) for part in (content[:700], content[700:])),
    "in two parts of zstd": lambda content: packed(["zstd", "-q"], content[:700]) + packed(["zstd", "-q"], content[700:]),
    "a unified kernel image": lambda content: unified(gzip.compress(content)),
    "a unified kernel image, by a program": lambda content: unified(packed(["zstd", "-q"], content)),
}


def read(tmp_path, content, **limits):
    """Return what the reader says of an image with this ``content`` (bytes)."""
    path = tmp_path / "image"
    path.write_bytes(content)
    handle = os.open(path, os.O_RDONLY)
    try:
        return _initramfs_archive.read(handle, lambda name: True, lambda name: 100 if name == "conf/modules" else 0, **limits)
    finally:
        os.close(handle)


@pytest.mark.parametrize("form", FORMS)
def test_an_image_is_read_whatever_its_form(tmp_path, form):
    contents = read(tmp_path, FORMS[form](archive(FILES)))
    assert contents.reason is None
    assert contents.names >= NAMES
    assert contents.texts == {"conf/modules": "virtio_rng\n"}


DAMAGED = {
    "empty": (b"", "it is empty"),
    "only NULs": (b"\0" * 5000, "it is empty"),
    "cut off": (archive(FILES)[:1500], "it is cut off"),
    "cut off in a header": (archive(FILES)[:50], "it is cut off"),
    "gzip that is cut off": (gzip.compress(os.urandom(3000) + archive(FILES))[:2000], None),
    "xz that is cut off": (lzma.compress(archive({"a": os.urandom(5000)}))[:3000], "it ends within its compressed part"),
    "gzip of no archive": (gzip.compress(b"no archive at all"), "its compressed part is no cpio archive"),
    "gzip with a wrong byte": (gzip.compress(archive(FILES))[:20] + b"\xff" * 300, None),
    "no hexadecimal number": (archive(FILES).replace(b"000081a4", b"0000xxxx", 1), "it has a cpio header that is no hexadecimal number"),
    "a name of 4 GiB": (b"070701" + b"00000001" * 11 + b"ffffffff" + b"0" * 8, "it has a name of 4294967295 bytes"),
    "a file of 4 GiB": (b"070701" + b"00000001" * 6 + b"ffffffff" + b"0" * 32 + b"00000002" + b"0" * 8 + b"a\0", "it is cut off"),
    "an EFI program that is cut off": (b"MZ", "it is a cut off EFI program"),
    "a unified kernel image that is cut off": (unified(gzip.compress(archive(FILES)))[:-100], "it is cut off"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_image_is_said_to_be_damaged(tmp_path, kind):
    content, reason = DAMAGED[kind]
    contents = read(tmp_path, content)
    assert contents.is_damaged
    assert contents.reason == reason or reason is None


def test_what_is_no_archive_is_not_called_damaged(tmp_path):
    contents = read(tmp_path, b"#!/bin/sh\necho an image of a form that is not known\n")
    assert (contents.is_damaged, contents.reason) == (False, "it begins like no archive that the kernel unpacks (23212f62696e)")


def test_an_image_is_not_unpacked_beyond_its_limits(tmp_path):
    bomb = gzip.compress(archive({"zeros": b"\0" * (64 << 20)}))
    started = time.monotonic()
    contents = read(tmp_path, bomb, most=1 << 20)
    assert (contents.is_damaged, contents.reason) == (False, "it is larger, unpacked, than is read of one image")
    assert time.monotonic() - started < 5
    assert read(tmp_path, bomb, seconds=-1).reason == "reading it took too long"


def test_many_files_end_the_look(tmp_path, monkeypatch):
    monkeypatch.setattr("ansible_collections.kvm.entropy.plugins.module_utils._cpio._MOST_MEMBERS", 100)
    contents = read(tmp_path, archive({"file-%d" % number: b"" for number in range(200)}))
    assert contents.reason == "it has more than 100 files"
    assert len(contents.names) == 100


def test_many_names_and_texts_end_the_look_before_they_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(_initramfs_archive, "_MOST_KEPT", 1 << 16)
    for files in ({"%s-%d" % ("n" * 2000, number): b"" for number in range(100)}, {"conf/modules": b"x" * 90, "n" * 4000: b"", **dict.fromkeys(
            map(str, range(2000)), b"")}):
        contents = read(tmp_path, gzip.compress(archive(files)))
        assert (contents.is_damaged, contents.reason) == (False, "it has more of what says something of the driver than is kept of one image")


def test_an_image_that_takes_too_much_memory_to_unpack_is_not_called_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(_initramfs_archive, "_MOST_MEMORY", 1 << 16)
    contents = read(tmp_path, lzma.compress(archive(FILES)))
    assert (contents.is_damaged, contents.reason) == (False, "it cannot be unpacked: Memory usage limit exceeded")


def test_a_program_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(_initramfs_archive, "_PATH", str(tmp_path))
    contents = read(tmp_path, b"\x89LZO\0\r\n\x1a\n")
    assert (contents.is_damaged, contents.reason) == (False, "it is compressed by lzo, and there is no program lzop: install it")


def test_a_program_that_hangs_is_left(tmp_path, monkeypatch):
    program = tmp_path / "lzop"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(_initramfs_archive, "_PATH", "%s:/usr/bin:/bin" % tmp_path)
    started = time.monotonic()
    assert read(tmp_path, b"\x89LZO\0\r\n\x1a\n", seconds=0.3).reason == "reading it took too long"
    assert time.monotonic() - started < 5


def test_python_own_zstd_is_used_where_there_is_one(tmp_path, monkeypatch):
    class Decompressor:
        eof, unused_data, needs_input = False, b"", True

        def decompress(self, _piece, _most):
            self.eof = True
            return archive(FILES)

    monkeypatch.setattr(_initramfs_archive.importlib, "import_module", lambda name: type("module", (), {"ZstdDecompressor": Decompressor}))
    monkeypatch.setattr(_initramfs_archive, "_PATH", str(tmp_path))
    assert read(tmp_path, b"\x28\xb5\x2f\xfd....").names == NAMES


@pytest.mark.parametrize("form", ["xz", "bzip2"])
def test_a_python_that_was_built_without_a_format_has_the_machines_program(tmp_path, monkeypatch, form):
    if not shutil.which(form):
        pytest.skip(f"no {form}")
    content = {"xz": lzma.compress, "bzip2": bz2.compress}[form](archive({"conf/modules": b"virtio_rng\n"}))
    monkeypatch.setitem(sys.modules, {"xz": "lzma", "bzip2": "bz2"}[form], None)
    found = read(tmp_path, content)
    assert (found.texts, found.reason) == ({"conf/modules": "virtio_rng\n"}, None)


def test_a_look_that_asks_for_no_image_takes_no_module_that_only_images_take():
    script = """
import sys
sys.modules.update(dict.fromkeys(("bz2", "lzma", "subprocess")))
from ansible_collections.kvm.entropy.plugins.module_utils import _entropy
print(_entropy.gather()["initramfs"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "None\n"), done.stderr
