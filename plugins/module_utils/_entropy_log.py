# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel's log tells about a boot's random numbers."""

import re

from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

# All that drivers/char/random.c has said since 3.13, each to its end: a process chooses its name, which stands at the start of a line.
_RANDOM = "random: "
# None is longer: a process's name has 15 characters, a symbol's up to 512 (KSYM_NAME_LEN).
_LONGEST = 1024
# Ready. 3.13 to 4.7: credit_entropy_bits(). 4.8 to 5.16: crng_reseed(); 5.17 on and the stable series with it: _credit_init_bits(). Since 4.19:
# crng_initialize() and, in 5.17, random_init(), where the kernel trusts its CPU.
_READY = re.compile(r"nonblocking pool is initialized$|crng (?:init )?done(?: \(trusting ([^()]{1,40})\))?$")
# A read of user space before that. 3.13 to 4.7: urandom_read(), once a boot. 4.8 on: urandom_read() and, since 5.17, urandom_read_iter(); in some
# vendors' kernels with other words and with the bits that there were.
_READ = re.compile(r".* urandom read with -?\d+ bits of entropy available$"
                   r"|.*: (?:uninitialized urandom read|CRNG uninitialized) \(\d+ bytes read(?:, -?\d+ bits of entropy available)?\)$")
# How many of these lines the rate limit kept back (since 4.14.36 and 4.17).
_KEPT_BACK = re.compile(r"(\d{1,9}) (?:urandom|getrandom) warning\(s\) missed due to ratelimiting$")
# The same as lib/ratelimit.c says it while reads go on: without the random driver's name, but with its function's.
_SUPPRESSED = re.compile(r"urandom_read(?:_iter|_nowarn)?: (\d{1,9}) callbacks suppressed$")
# No read of user space and not yet ready, or only what comes later: "fast init" is 64 bytes of 4.8 to 5.17; get_random_bytes() and its like are the
# kernel's own reads; reseeding since 5.18; a pool's negative count until 5.16.
_OTHER = re.compile(r"fast init done$"
                    r"|(?:input|blocking) pool is initialized$"
                    r"|.* called from .* with crng_init=\d$"
                    r"|.* get_random_\w+ called with (?:crng_init = \d|-?\d+ bits of entropy available)$"
                    r"|\d+ get_random_xx warning\(s\) missed due to ratelimiting$"
                    r"|crng reseeded (?:on system resumption|due to virtual machine fork)$"
                    r"|negative entropy(?:/overflow:| count:) pool \w+ count -?\d+$")
# A line that begins with the name of a process, up to 15 characters of its user's choice: of a crash (show_unhandled_signals() in arch/x86/mm/fault.c and
# its like), the OOM killer, a failed allocation, an old interface. None of systemd's own lines has this form so near to its start.
_NAMED = r"(?:\[\d{1,10}\][: ]| \(\d{1,10}\): | invoked oom-killer: |: page allocation | uses obsolete )"
_OF_PROCESS = re.compile(r"(?!systemd\[1\]: ).{1,15}%s|systemd\[1\]: .{0,3}%s" % (_NAMED, _NAMED))
# For so long (s) after the CRNG was ready, another CPU may still log a read from before.
_AFTERWARDS = 1
# init/main.c: run_init_process().
_RUN = re.compile(r"Run (\S+) as init process")
_SYSTEMD = re.compile(r"systemd\[1\]: ")
# init/main.c prints it before random_init_early() lets the CPU seed; what was seeded before came from the bootloader.
_COMMAND_LINE = re.compile(r"Kernel command line: ")
# drivers/base/devtmpfs.c, in driver_init(): no device's driver can have run before.
_DRIVERS = re.compile(r"devtmpfs: initialized")
# drivers/pci/probe.c; the ids are those of a transitional and of a modern virtio-rng device.
_RNG_DEVICE = re.compile(r"pci \S+: \[1af4:(1005|1044)\]")
# A guest whose memory is encrypted against its host. SME alone is a host's, and has the same first words.
_ENCRYPTED = re.compile(
    # arch/x86/mm/mem_encrypt.c: 5.19 on; 5.10 to 5.18; 4.15 to 5.9 (and EL8).
    r"Memory Encryption Features active: .*\b(?:SEV|TDX)\b"
    r"|AMD Memory Encryption Features active: .*\bSEV\b"
    r"|AMD Secure Encrypted Virtualization \(SEV\) active"
    # arch/x86/kernel/sev.c, arch/x86/coco/sev/core.c: SEV-SNP since 5.19; arch/x86/coco/tdx/tdx.c since 5.19, and in earlier vendors' kernels.
    r"|SEV: (?:SNP guest platform device initialized|SNP running at VMPL|Status: SEV\b)"
    r"|tdx: Guest (?:detected|initialized)|Intel TDX"
    # arch/arm64/kernel/rsi.c (since 6.13).
    r"|RME: Using RSI version")

# init/main.c: what the kernel starts from the root file system. Anything else is an initramfs's program.
_INITS = ("/sbin/init", "/etc/init", "/bin/init", "/bin/sh")


def events(log, command_line):
    """Return what ``log`` (dict of ``_kernel_log``, or None) tells, as a dict. Times (float) are in seconds since boot, None where not told.

    ``readable`` and ``complete`` (bool), ``ready`` (bool: it says so, with a time or without), ``ready_at``, ``ready_phase`` (``bootloader``, ``cpu``,
    ``later``: who could have seeded by then), ``trusting_cpu`` (bool), ``reads`` (int: random numbers given to user space before), ``understood``
    (bool: lines of the random driver were seen, and all of them are known), ``strange`` (str or None: the first before the CRNG was ready that is
    not), ``init`` (program, str), ``init_at``, ``is_real_init`` (bool), ``systemd_at``, ``encrypted`` (str or None: the line that says so), ``lines``.
    ``command_line`` (str) may name the init.
    """
    lines = (log or {}).get("lines") or []
    found = {
        "readable": bool(lines), "complete": bool(log and log.get("complete")), "source": log and log["source"],
        "ready": False, "ready_at": None, "ready_phase": None, "trusting_cpu": False, "reads": 0, "understood": False, "strange": None,
        "init": None, "init_at": None, "is_real_init": False, "systemd_at": None, "encrypted": None, "lines": lines,
    }
    phase = "bootloader"
    for when, text in lines:
        phase = _phase_after(text, phase)
        if text.startswith(_RANDOM):
            _note_random(found, when, text[len(_RANDOM):], phase)
        elif _OF_PROCESS.match(text):
            continue
        elif found["systemd_at"] is None and _SYSTEMD.match(text):
            found["systemd_at"] = when
        elif found["encrypted"] is None and _ENCRYPTED.match(text):
            found["encrypted"] = printable(text)
        elif _SUPPRESSED.match(text):
            found["reads"] += int(_SUPPRESSED.match(text).group(1))
        elif _RUN.match(text):
            found["init"], found["init_at"] = _RUN.match(text).group(1), when
    found["understood"] = found["understood"] and found["strange"] is None
    found["is_real_init"] = found["init"] in _INITS or bool(found["init"] and "init=" + found["init"] in command_line.split())
    return found


def _phase_after(text, phase):
    if phase == "bootloader" and _COMMAND_LINE.match(text):
        return "cpu"
    return "later" if _DRIVERS.match(text) else phase


def _note_random(found, when, text, phase):
    """Note in ``found`` (dict of ``events``) what the random driver's line ``text`` (str, after its name) says."""
    if None not in (found["ready_at"], when) and when > found["ready_at"] + _AFTERWARDS:
        # No such line tells of a read before, and any user can make one that looks like the driver's.
        return
    # A kernel that adds the driver's name by pr_fmt() may have kept it in the words as well.
    ready, kept_back, is_read, is_known = _meaning((text[len(_RANDOM):] if text.startswith(_RANDOM) else text).rstrip())
    if not is_known:
        if not _OF_PROCESS.match(_RANDOM + text):
            found["strange"] = found["strange"] or printable(_RANDOM + text)
        return
    found["understood"] = True
    if ready and not found["ready"]:
        found.update(ready=True, ready_at=when, ready_phase=phase, trusting_cpu="CPU" in (ready.group(1) or ""))
    elif kept_back:
        found["reads"] += int(kept_back.group(1))
    elif is_read:
        found["reads"] += 1


def _meaning(text):
    """Return what the random driver's line ``text`` (str) says: two matches or None (ready, reads kept back), and two bools (a read, and any of all)."""
    if len(text) > _LONGEST:
        return None, None, False, False
    ready, kept_back, is_read = _READY.match(text), _KEPT_BACK.match(text), bool(_READ.match(text))
    return ready, kept_back, is_read, bool(ready or kept_back or is_read or _OTHER.match(text))


def had_device(found, before):
    """Return whether the log (dict of ``events``) tells of a virtio-rng device on PCI that was there ``before`` (float, s since boot)."""
    return any((when is None or when < before) and _RNG_DEVICE.match(text) for when, text in found["lines"])


def plugged_at(found, address):
    """Return when (float, s since boot) the PCI device at ``address`` (str) was found, as ``found`` (dict of ``events``) tells; None where it does not."""
    line = "pci %s: [1af4:" % address
    return next((when for when, text in found["lines"] if text.startswith(line)), None)
