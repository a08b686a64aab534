# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees that somebody made to cost whoever looks at them much time or memory, or to end the look with an error.

    PYTHONPATH=COLLECTIONS python hostile_trees.py NAME FOLDER    makes the tree NAME in FOLDER, looks at it, prints seconds and MiB
"""

import gzip
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

# Where thousands of files are made and removed soonest.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - the folders in it have names of their own
MIB = 1024 * 1024
RANDOM = "proc/sys/kernel/random/"
HW_RANDOM = "sys/class/misc/hw_random/"
VIRTIO = "sys/bus/virtio/devices/"
FIRST = b"[    0.000000] Linux version 6.1\n"
# What a look may take. Python itself and the collection's code have taken 12 MiB before it.
LIMIT = 48 * MIB


def write(root, path, content=b"", size=None):
    """Write ``content`` (bytes) to ``path`` (str) in the tree ``root`` (Path), and make it ``size`` bytes long."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    if size:
        os.truncate(file, size)


def _link(root, path, target):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.symlink_to(target)


def _device(root, name=b"virtio0", number=b"0x0004\n"):
    folder = os.path.join(os.fsencode(root), VIRTIO.encode(), name)
    os.makedirs(folder)
    Path(os.fsdecode(folder), "device").write_bytes(number)


def _bomb(root):
    write(root, "proc/config.gz", gzip.compress(bytes(256 * MIB), 1))


def _bomb_of_options(root):
    write(root, "proc/config.gz", gzip.compress(b"".join(b"CONFIG_RANDOM_TRUST_%d=y\n" % number for number in range(500_000)), 1))


def _huge_files(root):
    names = ("proc/config.gz", "proc/interrupts", "proc/cpuinfo", "proc/cmdline", "proc/sysinfo", "var/log/dmesg", "boot/config-6.1", RANDOM + "poolsize",
             HW_RANDOM + "rng_current", HW_RANDOM + "rng_available", "lib/modules/6.1/modules.builtin", "sys/class/dmi/id/sys_vendor",
             "run/entropy-feeder/status.json", "proc/device-tree/compatible")
    for name in names:
        write(root, name, b"A", 2 ** 40)
    write(root, "proc/sys/kernel/osrelease", b"6.1\n")
    _device(root)
    (root / "sys/bus/virtio/drivers/virtio_rng").mkdir(parents=True)


def _astral_files(root):
    _huge_files(root)
    for path in root.rglob("*"):
        if path.is_file() and path.name not in ("device", "osrelease"):
            path.write_bytes("\U0001f4a3".encode() + b"\xff" * 5 * MIB)


def _log(content):
    return lambda root: write(root, "var/log/dmesg", content)


def _interrupts(content):
    def made(root):
        _device(root)
        _link(root, VIRTIO + "virtio0/driver", "../../drivers/virtio_rng")
        write(root, "proc/interrupts", content)
    return made


def _many_names(root):
    folders = [root / path for path in ("sys/bus/pci/devices", "sys/bus/virtio/devices", "etc/systemd/system/multi-user.target.wants", "etc/rc2.d")]
    for folder in folders:
        folder.mkdir(parents=True)
        for number in range(5000):
            os.close(os.open(folder / ("%07d" % number), os.O_CREAT | os.O_WRONLY))


def _many_devices(root):
    target = "/".join(["x" * 200] * 19)
    for number in range(2500):
        _device(root, b"virtio%d" % number)
        _link(root, VIRTIO + "virtio%d/driver" % number, target)


def _many_wants(root):
    for number in range(2500):
        _link(root, "etc/systemd/system/%d.wants/rngd.service" % number, "/etc/systemd/system/../system/../system/rngd.service")
    _link(root, "etc/systemd/system/rngd.service", "/dev/null")


def _long_links(root):
    # Each of 40 links has 2,000 components.
    for number in range(40):
        _link(root, "l%d" % number, "./" * 2000 + "l%d" % (number + 1))
    for path in (RANDOM + "poolsize", HW_RANDOM + "rng_current", "proc/cmdline", "var/log/dmesg", "proc/config.gz", "proc/uptime", "sys/bus/pci"):
        _link(root, path, "/l0")


def _loops(root):
    _link(root, "proc", "proc")
    _link(root, "sys", "sys/..")
    _link(root, "etc", "run")
    _link(root, "run", "etc")


def _deep_folders(root):
    folder = root / "d"
    deep = folder
    for _each in range(400):
        deep = deep / "d"
    deep.mkdir(parents=True)
    _link(root, "proc/sys", "/d" + "/d" * 400)


def _deep_json(root):
    for path in ("run/entropy-feeder/status.json", RANDOM + "poolsize"):
        write(root, path, b"[" * MIB)


def _numbers(root):
    for path in ("poolsize", "entropy_avail", "boot_id"):
        write(root, RANDOM + path, b"1" + b"0" * 400)
    for path in ("rng_quality", "rng_available", "rng_current"):
        write(root, HW_RANDOM + path, b"9" * 5000)
    for path, text in (("proc/uptime", b"1e999 nan"), ("proc/stat", b"-"), ("proc/sys/crypto/fips_enabled", "\u0661".encode())):
        write(root, path, text)
    _device(root, b"virtio0", b"0xzz")
    _device(root, b"virtio1", b"-0x4")
    _device(root, b"virtio2", b"0x" + b"f" * 5000)
    _device(root, b"virtio3", "\u0664".encode())
    write(root, "proc/interrupts", b" 1: " + b"9" * 5000 + b" x virtio4-input\n 2: 1 , x\n")
    write(root, "var/log/dmesg", b"[" + b"9" * 5000 + b".0] Linux version \n[1." + b"9" * 5000 + b"] random: crng init done\n" + FIRST
          + b"[    1.000000] random: " + b"9" * 1900 + b" urandom warning(s) missed due to ratelimiting\n")


def _bytes(root):
    odd = b"\x00\xff\xfe\xed\xa0\x80\r\x1b[31m\xe2\x80\xae"
    for path in ("proc/sys/kernel/osrelease", "proc/cmdline", HW_RANDOM + "rng_current", HW_RANDOM + "rng_available", "proc/config.gz", "proc/sysinfo",
                 "sys/class/dmi/id/sys_vendor", "sys/class/dmi/id/product_uuid", "var/log/dmesg", "proc/cpuinfo", "run/entropy-feeder/status.json"):
        write(root, path, odd)
    _device(root, b"virtio\xff\xed\xa0\x80")
    folder = os.fsencode(root / "sys/bus/acpi/drivers/vmgenid")
    os.makedirs(os.path.join(folder, b"QEMUVGID\xff"))
    _device(root, b"virtio4")
    os.symlink(b"/x\xff/\xed\xa0\x80", os.path.join(os.fsencode(root / VIRTIO), b"virtio4", b"driver"))


def _paths(root):
    write(root, "proc/sys/kernel/osrelease", b"../../../../etc\x00x")
    _device(root)
    (root / "sys/bus/virtio/drivers/virtio_rng").mkdir(parents=True)


def _nodes(root):
    for path in ("proc/cmdline", RANDOM + "poolsize", "var/log/dmesg", "proc/config.gz", "run/entropy-feeder/status.json"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(root / path)
    (root / (HW_RANDOM + "rng_current")).mkdir(parents=True)


_MILLIONS = 4 * MIB
TREES = {
    "bomb": _bomb, "bomb-of-options": _bomb_of_options, "huge-files": _huge_files, "astral-files": _astral_files,
    "log-of-line-ends": _log(FIRST + b"\n" * 5 * MIB), "log-of-short-lines": _log(FIRST + b"[0.0] \n" * MIB), "log-of-one-line": _log(FIRST + b"[" * 5 * MIB),
    "log-of-spaces": _log(FIRST + b"[" + b" " * 5 * MIB), "log-of-reads": _log(FIRST + b"[0.1] random: " + b": uninitialized urandom" * (5 * MIB // 23)),
    "log-of-boots": _log(FIRST * (5 * MIB // len(FIRST))), "log-of-digits": _log(FIRST + b"[" + b"1" * 5 * MIB),
    "interrupts-of-spaces": _interrupts(b"virtio0: 1" + b" " * _MILLIONS), "interrupts-of-words": _interrupts(b"1: " + b"virtio0 " * (_MILLIONS // 8)),
    "interrupts-of-counts": _interrupts(b"virtio0: " + b"1 " * (_MILLIONS // 2)), "interrupts-of-lines": _interrupts(b"virtio\n" * (_MILLIONS // 7)),
    "many-names": _many_names, "many-devices": _many_devices, "many-wants": _many_wants, "long-links": _long_links, "loops": _loops,
    "deep-folders": _deep_folders, "deep-json": _deep_json, "numbers": _numbers, "bytes": _bytes, "paths": _paths, "nodes": _nodes,
}


def look(root, seconds=60):
    """Look at the tree ``root`` (Path) in a process of its own, which may take ``LIMIT`` of memory; return its CompletedProcess."""
    return subprocess.run([sys.executable, __file__, "", str(root)], env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)), capture_output=True,
                          text=True, check=False, timeout=seconds)


def main(name, root):
    """Make the tree, unless ``name`` is empty; look at it, and print what that cost and the verdict."""
    # All that the facts need is there before the memory is counted.
    import json  # noqa: PLC0415

    from ansible_collections.kvm.entropy.plugins.module_utils._entropy import gather  # noqa: PLC0415
    if name:
        TREES[name](root)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    # More than is in use, and so the stricter limit.
    size = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    if not name:
        resource.setrlimit(resource.RLIMIT_AS, (size + LIMIT, size + LIMIT))
    start = time.monotonic()
    facts = gather(str(root))
    text = json.dumps(facts, allow_nan=False)
    text.encode("ascii")
    json.dumps(facts, ensure_ascii=False).encode("utf-8")
    print("%.2f s, %d MiB before and %d MiB at most, %d bytes of facts, verdict %s" % (
        time.monotonic() - start, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, len(text), facts["verdict"]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
