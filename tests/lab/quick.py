# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quick guests: a suite's kernel with a small initramfs, booted by QEMU alone, read over the serial console, gone in seconds.

    result = quick.run("bookworm", "#!/bin/sh\\n/lab/load virtio_pci virtio_rng\\npython3 /probe.py\\n",
                       files={"/probe.py": Path("probe.py")}, device=quick.virtio_rng())
    result.output, result.status, result.json("FACTS")
"""

import contextlib
import json
import os
import re
import select
import stat
import subprocess
import tempfile
import threading
import time
from collections import namedtuple
from pathlib import Path

from lab import LabError, initramfs, place, shell
from lab.patience import Patience

# An honest starved guest that is stable under QEMU 7.2's TCG, which sometimes crashes kernels from 6.12 on with qemu64. The vendor: see domain_xml.py.
CPU = "Haswell-noTSX-IBRS,vendor=AuthenticAMD,-rdrand,-rdseed"
# Without a PCI option ROM or a boot menu to wait for. 7.1: from 7.2 on QEMU hands a kernel that it boots itself a random seed.
MACHINE = "pc-q35-7.1"
# What the init of initramfs.py writes around the script's output.
_SCRIPT = re.compile(r"\nLAB-START\n(.*)\nLAB-END ([0-9]+)\n", re.DOTALL)
_SLICE = 2  # seconds after which the machine's load is looked at again
_PROGRAMS = (b"#!", b"\x7fELF")


class Result(namedtuple("Result", "console output status seconds")):
    """A finished boot: everything on the ``console`` (str), the script's ``output`` (str), its exit ``status`` (int), ``seconds``."""

    def json(self, marker):
        """Return what follows ``marker`` on the first line of the output that begins with it, decoded from JSON."""
        for line in self.output.splitlines():
            if line.startswith(marker):
                return json.loads(line[len(marker):])
        raise LabError("no line of the quick guest's output begins with %s:\n%s" % (marker, shell.tail(self.console)))


def virtio_rng(backend="builtin", path="/dev/urandom", rate_bytes=0, rate_period=1000, model="virtio-rng-pci"):
    """Return QEMU's words (list of str) for an rng device.

    ``backend`` is ``builtin``, ``random`` (reads ``path``) or ``egd`` (asks the UNIX socket ``path``); ``rate_bytes`` (0: no limit)
    per ``rate_period`` (ms).
    """
    source = {"builtin": ["-object", "rng-builtin,id=source"],
              "random": ["-object", "rng-random,id=source,filename=%s" % path],
              "egd": ["-chardev", "socket,id=egd,path=%s,server=off" % path, "-object", "rng-egd,id=source,chardev=egd"]}[backend]
    limit = ",max-bytes=%d,period=%d" % (rate_bytes, rate_period) if rate_bytes else ""
    return [*source, "-device", "%s,rng=source%s" % (model, limit)]


def run(suite, script, *, timeout=60, tries=3, meanwhile=None, **knobs):
    """Boot a quick guest (``knobs`` are Boot's), let ``script`` run to its end and return the Result.

    A boot that does not end by itself within ``timeout`` (s, on an idle machine: patience.py) is tried again, ``tries`` in all; then LabError shows the
    console's end, and names a file with all of it.
    ``meanwhile`` is a pair: the beginning of a line on the console (str), and what to call once that line is there.
    """
    for _attempt in range(tries):
        with Boot(suite, script, **knobs) as boot:
            if meanwhile and boot.reads(meanwhile[0], timeout):
                meanwhile[1]()
            if boot.reads("LAB-END", timeout) and (result := boot.result()):
                return result
    raise LabError("%s: %d quick boots did not end within %s s each; the last console (all of it: %s):\n%s\n%s" % (
        suite, tries, timeout, place.keep_text(boot.console, "quick-" + suite), shell.tail(boot.console), boot.complaints))


class Boot:
    """A quick guest while it runs, for tests that act on it in the middle: ``reads`` waits for a text, ``types`` writes a line.

    ``script`` (str, begins with ``#!/bin/sh`` or ``#!/usr/bin/python3``) finds /dev, /proc, /sys and /tmp mounted, no module
    loaded (``/lab/load virtio_pci virtio_rng`` does that), and nothing that has drawn random numbers.
    ``files`` maps guest paths to bytes, str or a host path (a folder: everything in it); ``append`` (str) goes to the kernel's
    command line, ``device`` (None, or from virtio_rng) and ``qemu`` (lists of str) to QEMU's.
    """

    def __init__(self, suite, script, *, files=None, device=None, append="", cpu=CPU, qemu=()):  # noqa: PLR0913 (the knobs)
        self.console = ""
        self.complaints = ""
        base = initramfs.base(suite)
        self._started = time.monotonic()
        self._folder = tempfile.TemporaryDirectory(prefix="kvm-entropy-quick.", dir=place.TEMPORARY)
        initrd = Path(self._folder.name, "initrd")
        entries = _entries({**(files or {}), "/lab/run": script})
        initrd.write_bytes((base / "base.cpio").read_bytes() + initramfs.archive(initramfs.with_folders(entries)))
        self._errors = open(Path(self._folder.name, "qemu.log"), "w+", encoding="utf-8")  # noqa: SIM115 (closed in close)
        self._qemu = subprocess.Popen(
            [shell.tool("qemu-system-x86_64"), "-nodefaults", "-no-user-config", "-display", "none", "-machine", MACHINE, "-accel", "tcg",
             "-cpu", cpu, "-m", "256", "-no-reboot", "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
             "-kernel", base / "vmlinuz", "-initrd", initrd, "-append", "console=ttyS0 panic=-1 " + append, *(device or ()), *qemu],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, cwd="/")

    @property
    def pid(self):
        """QEMU's process id (int)."""
        return self._qemu.pid

    def reads(self, text, timeout=60):
        """Wait until a line of the console begins with ``text`` and is whole; return whether it came before the end or ``timeout`` (s, on an idle machine)."""
        patience = Patience(timeout)
        while not any(line.startswith(text) for line in self.console.split("\n")[:-1]):
            left = patience.left
            if left <= 0:
                return False
            if not select.select([self._qemu.stdout], [], [], min(left, _SLICE))[0]:
                continue
            piece = os.read(self._qemu.stdout.fileno(), 65536)
            if not piece:
                return False
            self.console += piece.decode(errors="replace").replace("\r", "")
        return True

    def types(self, line):
        """Write ``line`` to the guest's console."""
        self._qemu.stdin.write(line.encode() + b"\n")
        self._qemu.stdin.flush()

    def result(self):
        """Return the Result of a boot whose end has been read, or None where the kernel wrote into the middle of a marker."""
        ended = _SCRIPT.search(self.console)
        return ended and Result(self.console, ended[1], int(ended[2]), round(time.monotonic() - self._started, 1))

    def close(self):
        """End QEMU and remove what it used."""
        self._qemu.kill()
        self._qemu.communicate()
        self._errors.seek(0)
        self.complaints = self._errors.read()
        self._errors.close()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_unused):
        self.close()


@contextlib.contextmanager
def fifo():
    """Yield (path, give): a backend path for ``virtio_rng("random", path)`` that delivers nothing until ``give(bytes)`` is called."""
    with tempfile.TemporaryDirectory(prefix="kvm-entropy-fifo.", dir=place.TEMPORARY) as folder:
        path = os.path.join(folder, "source")
        os.mkfifo(path)
        # Open for reading too: QEMU takes the end of a FIFO without a writer for a broken source and aborts the guest.
        held = os.open(path, os.O_RDWR)
        try:
            yield path, lambda content: os.write(held, content)
        finally:
            os.close(held)


@contextlib.contextmanager
def flowing(give):
    """Yield an event (threading.Event): from when it is set until the end, ``give`` (fifo's) gets random bytes as fast as they are taken."""
    begin, over = threading.Event(), threading.Event()

    def flow():
        begin.wait()
        while not over.is_set():
            give(os.urandom(4096))

    # A daemon: at the end it may be waiting in a full FIFO, which is closed then.
    threading.Thread(target=flow, daemon=True).start()
    try:
        yield begin
    finally:
        over.set()
        begin.set()


def serial_port(path):
    """Return QEMU's words (list of str) for a virtio serial port that reads what is in the FIFO ``path``: /dev/vport*p1 in a guest with virtio_console."""
    return ["-chardev", "pipe,id=port,path=%s" % path, "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=port,nr=1,name=entropy"]


def _entries(files):
    entries = []
    for path, content in files.items():
        if isinstance(content, Path) and content.is_dir():
            inside = {"%s/%s" % (path.rstrip("/"), each.relative_to(content)): each for each in content.rglob("*") if each.is_file()}
            entries += _entries(inside)
            continue
        raw = content.read_bytes() if isinstance(content, Path) else content.encode() if isinstance(content, str) else content
        mode = 0o755 if raw.startswith(_PROGRAMS) else 0o644
        entries.append((initramfs.merged(path.lstrip("/")), stat.S_IFREG | mode, raw))
    return entries
