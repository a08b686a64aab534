# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel's log tells about a boot's random numbers."""

import re

# drivers/char/random.c: _credit_init_bits() and, before the rewrite, crng_reseed(); the latter may name the CPU.
_READY = re.compile(r"random: crng( init)? done( \(trusting CPU's manufacturer\))?")
# random.c: urandom_read_iter(), and how many of these lines its rate limit kept back.
_READ = re.compile(r"random: \S.*: uninitialized urandom read \(")
_KEPT_BACK = re.compile(r"random: (\d+) urandom warning\(s\) missed due to ratelimiting")
# init/main.c: run_init_process().
_RUN = re.compile(r"Run (\S+) as init process")
_SYSTEMD = re.compile(r"systemd\[1\]: ")
# init/main.c prints it before random_init_early() lets the CPU seed; what was seeded before came from the bootloader.
_COMMAND_LINE = re.compile(r"Kernel command line: ")
# drivers/base/devtmpfs.c, in driver_init(): no device's driver can have run before.
_DRIVERS = re.compile(r"devtmpfs: initialized")
# drivers/pci/probe.c; the ids are those of a transitional and of a modern virtio-rng device.
_RNG_DEVICE = re.compile(r"pci \S+: \[1af4:(1005|1044)\]")
_ENCRYPTED = re.compile(r"Memory Encryption Features active: .*(AMD SEV|Intel TDX)")

# init/main.c: what the kernel starts from the root file system. Anything else is an initramfs's program.
_INITS = ("/sbin/init", "/etc/init", "/bin/init", "/bin/sh")


def events(log, command_line):
    """Return what ``log`` (dict of ``_kernel_log``, or None) tells, as a dict. Times (float) are in seconds since boot, None where not told.

    ``readable`` and ``complete`` (bool), ``ready_at``, ``ready_phase`` (``bootloader``, ``cpu``, ``later``: who could have seeded by then),
    ``trusting_cpu`` (bool), ``reads`` (int: random numbers given to user space before), ``init`` (program, str), ``init_at``,
    ``is_real_init`` (bool), ``systemd_at``, ``encrypted`` (bool), ``lines``. ``command_line`` (str) may name the init.
    """
    lines = (log or {}).get("lines") or []
    found = {
        "readable": bool(lines), "complete": bool(log and log.get("complete")), "source": log and log["source"],
        "ready_at": None, "ready_phase": None, "trusting_cpu": False, "reads": 0, "init": None, "init_at": None,
        "is_real_init": False, "systemd_at": None, "encrypted": False, "lines": lines,
    }
    phase = "bootloader"
    for when, text in lines:
        phase = _phase_after(text, phase)
        if text.startswith("random: "):
            _note_random(found, when, text, phase)
        elif found["systemd_at"] is None and _SYSTEMD.match(text):
            found["systemd_at"] = when
        elif _ENCRYPTED.match(text):
            found["encrypted"] = True
        elif _RUN.match(text):
            found["init"], found["init_at"] = _RUN.match(text).group(1), when
    found["is_real_init"] = found["init"] in _INITS or bool(found["init"] and "init=" + found["init"] in command_line.split())
    return found


def _phase_after(text, phase):
    if phase == "bootloader" and _COMMAND_LINE.match(text):
        return "cpu"
    return "later" if _DRIVERS.match(text) else phase


def _note_random(found, when, text, phase):
    ready = _READY.match(text)
    kept_back = _KEPT_BACK.match(text)
    if ready and found["ready_at"] is None:
        found.update(ready_at=when, ready_phase=phase, trusting_cpu=bool(ready.group(2)))
    elif _READ.match(text):
        found["reads"] += 1
    elif kept_back:
        found["reads"] += int(kept_back.group(1))


def had_device(found, before):
    """Return whether the log (dict of ``events``) tells of a virtio-rng device on PCI that was there ``before`` (float, s since boot)."""
    return any(when < before and _RNG_DEVICE.match(text) for when, text in found["lines"])


def plugged_at(found, address):
    """Return when (float, s since boot) the PCI device at ``address`` (str) was found, as ``found`` (dict of ``events``) tells; None where it does not."""
    line = "pci %s: [1af4:" % address
    return next((when for when, text in found["lines"] if text.startswith(line)), None)
