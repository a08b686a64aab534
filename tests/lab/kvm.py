# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether KVM works here. A /dev/kvm that exists, opens and then hangs is common in nested machines, so it is tried."""

import os
import subprocess

from lab import place, shell

# mov al, 16; out 0xf4, al; hlt: QEMU's isa-debug-exit then ends QEMU with status (16 << 1) | 1.
_BOOT_SECTOR = bytes((0xB0, 0x10, 0xE6, 0xF4, 0xF4)).ljust(510, b"\0") + b"\x55\xaa"
_EXIT_STATUS = 33


def works(state):
    """Return whether a guest boots under KVM within 15 s as the lab's user; found out once per lab, kept in ``state``."""
    known = state / "kvm"
    if not known.exists():
        known.write_text("yes" if _boots(state) else "no")
    return known.read_text() == "yes"


def groups(state):
    """Return the group ids (list of int) that the lab's user needs to open /dev/kvm: its group's where KVM works, else none."""
    return [os.stat("/dev/kvm").st_gid] if os.path.exists("/dev/kvm") and works(state) else []


def _boots(state):
    if not os.path.exists("/dev/kvm"):
        return False
    disk = state / "kvm-probe.img"
    disk.write_bytes(_BOOT_SECTOR)
    disk.chmod(0o644)
    words = place.lab_user([os.stat("/dev/kvm").st_gid]) + [
        shell.tool("qemu-system-x86_64"), "-nodefaults", "-display", "none", "-accel", "kvm", "-m", "32", "-device",
        "isa-debug-exit,iobase=0xf4,iosize=1", "-drive", "file=%s,format=raw,if=ide,readonly=on,snapshot=off" % disk, "-no-reboot"]
    try:
        return subprocess.run(words, timeout=15, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == _EXIT_STATUS
    except subprocess.TimeoutExpired:
        return False
    finally:
        disk.unlink()
