# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A domain whose guest is a real kernel with the driver of virtio-rng and nothing else: it takes devices and gives them back, and boots in seconds."""

import stat
import time

from lab import initramfs
from virt_host import BARE

SUITE = "bookworm"
_SCRIPT = """#!/bin/sh
/lab/load virtio_pci virtio_rng
echo LAB-READY
while :; do sleep 1; done
"""
# The lab's CPU for kernels under TCG; see quick.CPU.
_CPU = "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>Haswell-noTSX-IBRS</model><feature policy='disable' name='rdrand'/></cpu>"


def kernel_domain(host, name, devices="", ports=4, seconds=120):
    """Define and start the domain ``name`` (str) with ``devices`` (str) and so many PCIe root ports; return when its kernel has its drivers."""
    base, state = initramfs.base(SUITE), host.daemon.state
    initrd, console = state / f"{name}.initrd", state / "tmp" / f"{name}.console"
    script = initramfs.with_folders([("lab/run", stat.S_IFREG | 0o755, _SCRIPT.encode())])
    initrd.write_bytes((base / "base.cpio").read_bytes() + initramfs.archive(script))
    initrd.chmod(0o644)
    slots = "".join(f"<controller type='pci' index='{index}' model='pcie-root-port'/>" for index in range(1, ports + 1))
    host.define_xml(
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>256</memory><os><type arch='x86_64' machine='q35'>hvm</type>"
        f"<kernel>{base / 'vmlinuz'}</kernel><initrd>{initrd}</initrd><cmdline>console=ttyS0 panic=-1</cmdline></os><features><acpi/></features>{_CPU}"
        f"<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{BARE}<controller type='pci' index='0' model='pcie-root'/>{slots}"
        f"<serial type='file'><source path='{console}'/></serial>{devices}</devices></domain>")
    host.virsh("start", name)
    deadline = time.monotonic() + seconds
    while not (console.exists() and "LAB-READY" in console.read_text(errors="replace")):
        assert time.monotonic() < deadline, console.read_text(errors="replace")[-2000:] if console.exists() else "no console"
        time.sleep(0.2)
    return name
