# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this machine's kernel, or another tree's files, say: plain observations, nothing concluded from them.

The only file that asks the kernel, with those that it imports. It draws no random number, unless a test of the source is asked for, and imports
nothing that does.
"""

import itertools
import os
import re
import time
import zlib

from ansible_collections.kvm.entropy.plugins.module_utils import (
    _device_kind,
    _entropy_hwrng,
    _kernel_feeder,
    _kernel_fill,
    _kernel_health,
    _kernel_journal,
    _kernel_log,
    _kernel_seeders,
    _modprobe,
)
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_tree import LONGEST, Tree

RANDOM = "/proc/sys/kernel/random/"
HW_RANDOM = "/sys/class/misc/hw_random/"
RNG_CORE = "/sys/module/rng_core/parameters/"
VIRTIO = "/sys/bus/virtio/"
PCI = "/sys/bus/pci/devices"
DMI = "/sys/class/dmi/id/"
DRIVER = VIRTIO + "drivers/virtio_rng"

# Where entropy-feeder says how it does (_feeder_report).
FEEDER_STATUS = "/run/entropy-feeder/status.json"

# Never /proc/sys/kernel/random/uuid: each read of it draws from the pool.
TEXTS = (
    "/proc/sys/kernel/osrelease", "/proc/uptime", "/proc/loadavg", "/proc/cmdline", "/proc/sys/crypto/fips_enabled", "/proc/sysinfo",
    "/proc/device-tree/vm,uuid", "/proc/device-tree/compatible", "/proc/device-tree/model", "/proc/device-tree/hypervisor/compatible",
    RANDOM + "poolsize", RANDOM + "entropy_avail",
    HW_RANDOM + "rng_available", HW_RANDOM + "rng_current", HW_RANDOM + "rng_quality",
    RNG_CORE + "current_quality", RNG_CORE + "default_quality",
    DMI + "sys_vendor", DMI + "product_name", DMI + "product_uuid", "/sys/hypervisor/type", "/sys/firmware/uv/prot_virt_guest",
    "/sys/devices/system/cpu/svm", "/sys/devices/system/cpu/sev/vmpl",
    "/sys/devices/system/clocksource/clocksource0/available_clocksource",
)
# CPU 0 alone: the others say the same, and there may be hundreds.
CPU = "/proc/cpuinfo"
CPU_BYTES = 8192

FOLDERS = (
    "/sys/bus/acpi/devices", "/sys/bus/acpi/drivers/vmgenid", "/sys/bus/platform/drivers/vmgenid", DRIVER, VIRTIO + "devices", PCI,
    "/sys/class/misc", "/sys/bus/vmbus/devices", "/sys/firmware/qemu_fw_cfg",
)
# The nodes from which programs take their random numbers.
RANDOM_NODES = ("/dev/random", "/dev/urandom")
# What only a guest whose memory is hidden from its host has.
NODES = ("sev-guest", "tdx_guest")

# Where a tree that is no running system keeps its last boot's log: an sosreport's, then the distributions' own.
SAVED_LOGS = (
    "/sos_commands/kernel/dmesg", "/sos_commands/logs/journalctl_--no-pager_--boot", "/var/log/dmesg", "/var/log/kern.log", "/var/log/messages")

# include/uapi/linux/virtio_ids.h: VIRTIO_ID_RNG.
RNG_DEVICE = 4
# PCI vendor Red Hat with the transitional and the modern device id of virtio-rng (virtio 1.2, section 4.1.2: 0x1040 + 4).
RNG_PCI = (("0x1af4", "0x1005"), ("0x1af4", "0x1044"))

# A host may have thousands of PCI devices; those of a guest's own board are among the first.
MOST_PCI = 32

# The programs that feed the kernel; /proc/PID/comm holds 15 characters.
FEEDERS = ("rngd", "haveged", "jitterentropy-r", "entropy-feeder")
FILL_THREAD = "hwrng"
# The units and services by which distributions start them.
FEEDER_UNITS = (
    "rngd.service", "rng-tools.service", "rng-tools-debian.service", "haveged.service", "jitterentropy.service", "jitterentropy-rngd.service",
    "entropy-feeder.service")
FEEDER_SERVICES = ("rngd", "rng-tools", "rng-tools-debian", "haveged", "jitterentropy", "entropy-feeder")
# systemd.unit(5): where an administrator's enabled units are linked, and where the units themselves lie, the first counts. Then OpenRC's, and those
# of init scripts, which systemd starts too (systemd-sysv-generator(8)).
UNIT_LINKS = "/etc/systemd/system"
UNIT_FOLDERS = (UNIT_LINKS, "/usr/lib/systemd/system", "/lib/systemd/system")
MASKS = (UNIT_LINKS, "/run/systemd/system")
RUNLEVELS = "/etc/runlevels"
SYSV_LEVELS = ("/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d")
_FIRST_NAMESPACES = (("pid", _kernel_feeder.FIRST_PID_NAMESPACE), ("user", _kernel_feeder.FIRST_USER_NAMESPACE))
# What managers leave in a container: systemd's Container Interface, then Podman and Docker.
_CONTAINER_NAMES = ("/run/systemd/container", "/run/host/container-manager")
_CONTAINER_FILES = (("/run/.containerenv", "podman"), ("/.dockerenv", "docker"))
KTHREADD = "2"
# CLOCK_BOOTTIME in include/uapi/linux/time.h, which Python 3.6 does not name.
_CLOCK_BOOTTIME = 7
# include/linux/sched.h.
PF_KTHREAD = 0x00200000
# proc_pid_stat(5): a zombie, and a process that is dead, keep their names.
ENDED = ("Z", "X")

# What /proc/config.gz holds is 300 KB at most; a file that is made for it may become a thousand times as long.
MOST_CONFIG = 2 * 1024 * 1024
# Lines of /proc/interrupts that name a virtio device, and 11 characters for each of 8192 CPUs (NR_CPUS in arch/x86/Kconfig) in one.
MOST_INTERRUPTS = 4096
LONGEST_INTERRUPT = 128 * 1024
# Of a unit's condition or a container's manager, so many characters are kept.
MOST_WORDS = 200
# drivers/char/Kconfig, from 4.19 (CPU) and 5.4 (BOOTLOADER) to 6.1.
_TRUST = "RANDOM_TRUST_CPU|RANDOM_TRUST_BOOTLOADER"
# UTS_RELEASE, include/linux/utsname.h: 64 characters; scripts/setlocalversion and the distributions put no others into it.
_RELEASE = re.compile(r"[A-Za-z0-9._+~:-]{1,64}\Z")


def observe(root="/", health_bytes=0, health_timeout=10):
    """Return what there is to see below ``root`` (str), as a dict that JSON can hold:

    ``live`` (bool: the running kernel answered), ``now`` (int, UTC s), ``getrandom`` (``ready``, ``waiting``, or None), ``texts`` (dict, path
    to str, of what is there), ``refused`` (dict, path to the error's name), ``folders`` (dict, path to names), ``virtio`` (list of
    dict: name, id, driver, path), ``pci_rng`` (list of PCI addresses), ``pci`` (list of str, see ``_pci``), ``nodes`` (list of str: those of NODES
    that /dev has), ``processes`` (dict or None), ``wanted`` (dict, see ``_wanted``),
    ``has_sys`` (bool: there is a /sys), ``suspended`` (float, s of this boot in a suspend), ``random_nodes`` (dict: each of RANDOM_NODES that is there, to
    its kind and its name in words, see ``_device_kind``), ``seeders`` (list of str: see ``_kernel_seeders``),
    ``refusal`` (str or None: what keeps the driver from being loaded, see ``_modprobe``, where a device has none),
    ``container`` (str: which manager runs this, or None), ``is_root`` (bool: this look is made as root), ``config`` (dict or None), ``log`` (dict or None),
    ``health`` (None, or with ``health_bytes`` what came of testing at most so many bytes of the source in at most ``health_timeout`` s, see
    ``_kernel_health``).

    Raise EntropyError where ``root`` is no folder.
    """
    try:
        tree = Tree(root)
    except (OSError, ValueError) as error:
        raise EntropyError("root %s: cannot be read: %s. Give the folder in which the other system's /proc, /sys and /var lie."
                           % (ascii(root)[1:-1], getattr(error, "strerror", None) or "no file has such a name")) from error
    try:
        seen = _observe(tree)
        if seen["getrandom"] == "waiting" and _getrandom() == "ready":
            # It became ready in between: look again, so that all of it is one moment's.
            seen = _observe(tree)
        seen["health"] = _kernel_health.examine(seen, health_bytes, health_timeout) if health_bytes else None
        return seen
    finally:
        tree.close()


def _observe(tree):
    ready = _getrandom() if tree.is_live else None
    texts = {path: tree.text(path) for path in TEXTS}
    texts[CPU] = tree.text(CPU, CPU_BYTES)
    texts[FEEDER_STATUS] = tree.roots_text(FEEDER_STATUS)
    # The first read of it in a boot draws a number and fixes it for ever; that has to wait until numbers are good.
    if ready == "ready" or not tree.is_live:
        texts[RANDOM + "boot_id"] = tree.text(RANDOM + "boot_id")
    folders = {path: tree.names(path) for path in FOLDERS}
    virtio = _virtio(tree, folders[VIRTIO + "devices"] or ())
    rng = [device for device in virtio if device["id"] == RNG_DEVICE]
    if rng:
        texts["/proc/interrupts"] = _interrupts(tree)
    pci_rng = [] if rng else _pci_rng(tree, folders[PCI] or ())
    pci = _pci(tree, (folders.pop(PCI) or ())[:MOST_PCI])
    release = texts["/proc/sys/kernel/osrelease"]
    # It becomes a part of paths.
    release = release if release and _RELEASE.match(release) else None
    if release and rng and folders[DRIVER] is not None:
        texts["modules.builtin"] = _builtin(tree, release)
    processes = _processes(tree) if tree.is_live else None
    if processes and _kernel_fill.wait_for_rest(texts, processes):
        texts["/proc/uptime"], processes = tree.text("/proc/uptime"), _processes(tree)
    seen = {
        "live": tree.is_live,
        "has_sys": tree.has("/sys/bus"),
        "suspended": _suspended() if tree.is_live else 0.0,
        "random_nodes": _random_nodes(tree) if tree.is_live else {},
        "seeders": _kernel_seeders.observe(tree, texts["/proc/cmdline"], UNIT_FOLDERS + MASKS[1:]),
        "now": int(time.time()),
        "getrandom": ready,
        "texts": {path: text for path, text in texts.items() if text is not None},
        "folders": {path: names for path, names in folders.items() if names is not None},
        "virtio": virtio,
        "pci_rng": pci_rng,
        "pci": pci,
        "nodes": [name for name in NODES if tree.has("/dev/" + name)],
        "processes": processes,
        "wanted": _wanted(tree),
        "refusal": _refusal(tree) if pci_rng or not all(device["driver"] for device in rng) else None,
        "container": _container(tree) if tree.is_live else None,
        "is_root": os.geteuid() == 0,
        "config": _config(tree, release),
        "log": _live_log(ready) if tree.is_live else _saved_log(tree),
        "refused": tree.refused,
    }
    if _entropy_hwrng.is_doubtful(seen):
        processes["fill_watch"] = _kernel_fill.watch(tree, processes["fill_pid"])
    return seen


def _refusal(tree):
    found = _modprobe.refusal_of(tree)
    return found and found.evidence


def _random_nodes(tree):
    found = {path: tree.look(path) for path in RANDOM_NODES}
    return {path: [_device_kind.device_kind(status), _device_kind.number_in_words(status)] for path, status in found.items() if status}


def _suspended():
    """Return for how long (float, s) this machine has been suspended since its boot. /proc/uptime and a process's start count that time."""
    try:
        return max(0.0, round(time.clock_gettime(_CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC), 2))
    except OSError:
        return 0.0


def _live_log(ready):
    """Return the running kernel's log (dict, see ``_kernel_log``); ``ready`` (str or None) is what getrandom() says.

    Nothing is asked for the start that it has lost before the CRNG is ready: a program that is started may draw numbers.
    """
    log = _kernel_log.read()
    return _kernel_journal.completed(log) if ready == "ready" else log


def _getrandom():
    """Return ``ready`` or ``waiting``, None where the kernel has no such call (before 3.17)."""
    try:
        # No byte is asked for: the answer is the same, and nothing is drawn.
        os.getrandom(0, os.GRND_NONBLOCK)
        return "ready"
    except BlockingIOError:
        return "waiting"
    except (AttributeError, OSError):
        return None


def _virtio(tree, names):
    """Return the devices (list of dict) on the virtio bus; ``driver`` and ``path`` are of rng devices only."""
    devices = []
    for name in names:
        path = VIRTIO + "devices/" + name
        device = {"name": name, "id": _device_id(tree.text(path + "/device"))}
        if device["id"] == RNG_DEVICE:
            driver = tree.target(path + "/driver")
            device.update(driver=driver and os.path.basename(driver), path=tree.target(path))
        devices.append(device)
    return devices


def _device_id(text):
    """Return the number (int) that an attribute ``device`` holds, as in ``0x0004``, None where it holds none."""
    match = re.match(r"0x([0-9a-fA-F]{1,8})\Z", text or "")
    return int(match.group(1), 16) if match else None


def _pci_rng(tree, addresses):
    """Return the PCI addresses (list of str) of virtio-rng devices, for a kernel whose virtio bus does not show them."""
    return [address for address in addresses
            if (tree.text("%s/%s/vendor" % (PCI, address)), tree.text("%s/%s/device" % (PCI, address))) in RNG_PCI]


def _pci(tree, addresses):
    """Return of the devices at ``addresses`` "vendor:device" and "vendor:device" of their subsystem (list of str, in lower hexadecimal), each pair once."""
    def word(address, name):
        said = tree.text("%s/%s/%s" % (PCI, address, name), 16) or ""
        return said[2:] if re.match("0x[0-9a-f]{4}$", said) else "?"
    found = ["%s:%s %s:%s" % tuple(word(address, name) for name in ("vendor", "device", "subsystem_vendor", "subsystem_device")) for address in addresses]
    return list(dict.fromkeys(found))


def _interrupts(tree):
    """Return the lines (str) of /proc/interrupts that name a virtio device, None where it is not there."""
    text = tree.text("/proc/interrupts", LONGEST)
    return text and "\n".join(itertools.islice(_lines_with("virtio", text), MOST_INTERRUPTS))


def _lines_with(word, text):
    """Yield the lines (str) of ``text`` (str) that hold ``word`` (str) and are not too long. Nothing is kept of the others: there may be millions."""
    at = text.find(word)
    while at >= 0:
        start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        end = len(text) if end < 0 else end
        if end - start <= LONGEST_INTERRUPT:
            yield text[start:end]
        at = text.find(word, end)


def _builtin(tree, release):
    """Return the line (str) of the virtio-rng driver among those built into the kernel, empty for none, None where the list is not there."""
    text = tree.text("/lib/modules/%s/modules.builtin" % release, LONGEST)
    return text and "\n".join(re.findall(r"^\S*/virtio-rng\.ko$", text, re.MULTILINE))


def _processes(tree):
    """Return ``kernel`` (bool: kernel threads are shown to us), ``feeders``, and of the kernel's fill thread, if it runs, ``fill`` (its start, s since
    boot), ``fill_cpu`` (s of CPU that it has used), ``fill_state`` (str, proc_pid_stat(5)), ``fill_pid`` (int), ``fill_slept`` (s since it last ran, at
    least, or None) and ``fill_switches`` (int or None, see ``_kernel_fill.switches``). ``fill_watch`` (dict, see ``_kernel_fill.watch``) may come later.

    ``feeders`` is a list of what ``_kernel_feeder.observe`` returns of each process that is named as one.
    """
    seen = {"kernel": is_kthreadd(tree.text("/proc/%s/stat" % KTHREADD) or ""), "fill": None, "fill_cpu": None, "feeders": []}
    for pid in filter(str.isdigit, tree.names("/proc") or ()):
        name = tree.text("/proc/%s/comm" % pid)
        if name == FILL_THREAD:
            found = fill_thread(tree.text("/proc/%s/stat" % pid) or "", os.sysconf("SC_CLK_TCK"))
            if found:
                seen.update(found, fill_pid=int(pid), fill_slept=_kernel_fill.slept(tree, pid), fill_switches=_kernel_fill.switches(tree, pid)[1])
        elif name in FEEDERS:
            feeder = _kernel_feeder.observe(tree, pid, name)
            if feeder:
                seen["feeders"].append(feeder)
    # A process that ended meanwhile was not refused.
    for path in [path for path in tree.refused if re.match(r"/proc/\d", path)]:
        del tree.refused[path]
    return seen


def is_kthreadd(stat):
    """Return whether ``stat`` (str) is that of the kernel's thread that starts all others (bool). In a container any process may have number 2."""
    before, _end, after = stat.rpartition(")")
    return before == KTHREADD + " (kthreadd" and after.split()[1:2] == ["0"] and is_kernel_thread(stat)


def is_kernel_thread(stat):
    """Return whether ``stat`` (str) is a kernel thread's (bool)."""
    # proc_pid_stat(5): field 9, the first after the name is field 3.
    flags = stat.rpartition(")")[2].split()[6:7]
    return bool(flags and re.match(r"[0-9]{1,10}\Z", flags[0]) and int(flags[0]) & PF_KTHREAD)


def fill_thread(stat, ticks):
    """Return ``fill``, ``fill_cpu`` and ``fill_state`` (dict, see ``_processes``) of the thread with this ``stat`` (str), None where it is not the fill
    thread; ``ticks`` (int) are its clock's per s."""
    before, _end, after = stat.rpartition(")")
    fields = after.split()
    # proc_pid_stat(5): fields 4 (parent), 14 and 15 (CPU time in user and kernel mode) and 22 (start), the first after the name is field 3.
    if not before.endswith(" (" + FILL_THREAD) or len(fields) < 20 or fields[1] != KTHREADD or fields[0] in ENDED or not is_kernel_thread(stat):
        return None
    times = [fields[at] for at in (11, 12, 19)]
    if not all(re.match(r"[0-9]{1,15}$", time) for time in times):
        return None
    user, system, start = (int(time) / ticks for time in times)
    return {"fill": start, "fill_cpu": user + system, "fill_state": fields[0]}


def _wanted(tree):
    """Return the feeders that are wanted at every boot (dict): the unit's or service's name, to the kernels that its unit is limited to (str, or None)."""
    wanted = {}
    for folder in tree.names(UNIT_LINKS) or ():
        if folder.endswith((".wants", ".requires")):
            for unit in set(tree.names("%s/%s" % (UNIT_LINKS, folder)) or ()).intersection(FEEDER_UNITS):
                # An administrator who masked it wants it no more, and the link stays.
                if not _is_masked(tree, unit):
                    wanted[unit] = _kernels_of(tree, unit)
    for level in tree.names(RUNLEVELS) or ():
        for service in set(tree.names("%s/%s" % (RUNLEVELS, level)) or ()).intersection(FEEDER_SERVICES):
            wanted[service] = None
    for level in SYSV_LEVELS:
        for service in {re.sub(r"^S\d\d", "", link) for link in tree.names(level) or ()}.intersection(FEEDER_SERVICES):
            unit = service + ".service"
            # Where there is a unit of that name too, its links count.
            if not (_is_masked(tree, unit) or any(tree.has("%s/%s" % (folder, unit)) for folder in UNIT_FOLDERS)):
                wanted[service] = None
    return wanted


def _is_masked(tree, unit):
    return any(tree.target("%s/%s" % (mask, unit)) == os.devnull for mask in MASKS)


def _container(tree):
    """Return which manager's container this is (str; ``container`` where it does not say), None where it is none."""
    # What a manager leaves may be in a disk that was made of a container's image.
    if not any(tree.target("/proc/self/ns/" + kind) not in (None, first) for kind, first in _FIRST_NAMESPACES):
        return None
    names = [tree.text(path) for path in _CONTAINER_NAMES] + [name for path, name in _CONTAINER_FILES if tree.has(path)]
    return next(filter(None, names), "container")[:MOST_WORDS]


def _kernels_of(tree, unit):
    """Return what ``unit`` (str) says of the kernels that it is started on (str, ConditionKernelVersion= in systemd.unit(5)), None for every kernel."""
    for folder in UNIT_FOLDERS:
        text = tree.text("%s/%s" % (folder, unit))
        if text:
            limits = re.findall(r"^ConditionKernelVersion=(.+)$", text, re.MULTILINE)
            return limits[-1][:MOST_WORDS] if limits else None
    return None


def _config(tree, release):
    """Return the kernel's build options (dict, str to str) about trusting its CPU and bootloader, None where they are not to be found."""
    text = _unpacked(tree.data("/proc/config.gz", LONGEST))
    if text is None and release:
        text = tree.text("/boot/config-" + release, MOST_CONFIG) or tree.text("/lib/modules/%s/config" % release, MOST_CONFIG)
    if not text:
        return None
    options = dict.fromkeys(re.findall(r"^# CONFIG_(%s) is not set" % _TRUST, text, re.MULTILINE), "n")
    options.update(re.findall(r"^CONFIG_(%s)=([yn])" % _TRUST, text, re.MULTILINE))
    return options


def _unpacked(packed):
    """Return the text (str) that ``packed`` (bytes or None) holds, None where it is no whole gzip file of at most ``MOST_CONFIG`` bytes."""
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        content = unpacking.decompress(packed or b"", MOST_CONFIG)
    except zlib.error:
        return None
    return content.decode("ascii", "replace") if unpacking.eof else None


def _saved_log(tree):
    """Return the first of the saved logs (dict, see ``_kernel_log``) that goes back to its boot, else the first of any, or None.

    No more is looked at once as much was read as one file may hold.
    """
    found, left = None, LONGEST
    for path in SAVED_LOGS:
        text = tree.tail(path) if left > 0 else None
        if text:
            left -= len(text)
            log = _kernel_log.parsed(path, text)
            if log["complete"]:
                return log
            found = found or (log if log["lines"] else None)
    return found
