# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest's kernel shows in files of which the paths are known, as its agent lists no folder: plain observations, as ``_kernel.observe`` makes them."""

import re

from ansible_collections.kvm.entropy.plugins.module_utils._agent_files import LONG, AgentError, TimeUpError
from ansible_collections.kvm.entropy.plugins.module_utils._kernel import (
    DRIVER,
    FEEDER_UNITS,
    FEEDERS,
    HW_RANDOM,
    KTHREADD,
    RANDOM,
    RNG_CORE,
    RNG_DEVICE,
    VIRTIO,
    fill_thread,
    is_kthreadd,
)
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_feeder import status

RELEASE = "/proc/sys/kernel/osrelease"
MISC = "/sys/class/misc"

# What each file may hold; anything else counts as not told. Never /proc/sys/kernel/random/uuid, nor boot_id: reading them draws from the generator.
_WORD, _NUMBER = r"[!-~]{1,64}", r"\d{1,6}"
_TEXTS = (
    ("/proc/uptime", r"\d{1,12}\.\d{1,6} .{1,32}"),
    (RANDOM + "poolsize", _NUMBER), (RANDOM + "entropy_avail", _NUMBER),
    (HW_RANDOM + "rng_current", r"[ -~]{1,64}"),
)
_AVAILABLE = (HW_RANDOM + "rng_available", r"(%s( |$)){0,16}" % _WORD)
_QUALITIES = (HW_RANDOM + "rng_quality", RNG_CORE + "current_quality")

# drivers/char/random.c since 5.18, and where that was taken into older series: POOL_BITS is POOL_READY_BITS, and what is collected is never debited.
_READY_BITS = "256"
# 5.17 alone debits it, with a pool of the same size; its last releases (5.17.12 to 15) do not, and are not told apart here.
_DEBITING = "5.17."

# cgroups as one tree (v2), or systemd's own (v1).
_SLICES = ("/sys/fs/cgroup/system.slice/", "/sys/fs/cgroup/systemd/system.slice/")
_MOST_PIDS = 8
_THREADS = ("/proc/2/task/2/children", "/sys/fs/cgroup/cgroup.procs")
# USER_HZ of every architecture that KVM runs on.
_TICKS = 100

# A PCI device's vendor and device id in /proc/bus/pci/devices: as RNG_PCI of _kernel.
_PCI = re.compile(r"^([0-9a-f]{2})([0-9a-f]{2})\t1af410(?:05|44)\t", re.MULTILINE)
_VMGENID = ("/sys/bus/acpi/drivers/vmgenid", "/sys/bus/platform/drivers/vmgenid")
# As QEMU calls it in ACPI (hw/acpi/vmgenid.c).
_VMGENID_DEVICE = "QEMUVGID:00"

# A counter line of /proc/interrupts, and the virtio device whose own it may be. What follows the counts (a chip's name) begins with neither space nor
# digit, so that no line, however long, can be matched in more than one way.
_COUNTER = re.compile(r" *([!-~]{1,16}:(?: +\d{1,20}){1,8192} +([!-/:-~][ -~]{0,199}))$", re.ASCII)
_OWN = re.compile(r"(virtio\d{1,4})(?:-input|-virtqueues)?$", re.ASCII)
_MOST_CANDIDATES = 16
_COUNTED = re.compile(r" *[!-~]{1,16}:((?: +\d{1,20}){1,8192}) .*\b(virtio\d{1,4})(?:-input|-virtqueues)?$", re.ASCII)
# Where no counter names the device, the bus is looked through by number. Numbers are reused, so that gaps stay small.
_MOST_DEVICES, _MOST_GAPS = 64, 8


def observe(files, now):
    """Return the observations (dict, see ``_kernel.observe``) of a guest in its ``files`` (_agent_files.Files), at ``now`` (UTC s).

    Besides, ``domain`` (True: libvirt runs it), and ``pool_ready`` (bool, None where the pool does not tell): whether the CRNG is ready. Raise
    AgentError where the agent cannot be asked, or the guest has no Linux; TimeUpError where the time was over too soon.
    """
    texts = {RELEASE: _release(files)}
    for path, form in _TEXTS:
        texts[path] = _told(files, path, form)
    current = texts[HW_RANDOM + "rng_current"]
    folders = {}
    if current is None:
        _look_for_the_core(files, folders)
    else:
        texts[_AVAILABLE[0]] = _told(files, *_AVAILABLE)
    if current not in (None, "none"):
        texts.update(_quality(files))
    counters, virtio = _counters(files)
    pci_rng = []
    if not virtio:
        pci_rng, virtio = _undriven(files)
    driven = [device["name"] for device in virtio if device["driver"]]
    if driven or files.has(DRIVER):
        folders[DRIVER] = driven
    texts["/proc/interrupts"] = counters
    for path in _VMGENID:
        if files.has("%s/%s" % (path, _VMGENID_DEVICE)):
            folders[path] = [_VMGENID_DEVICE]
            break
    return {
        "live": True, "now": now, "getrandom": None, "domain": True,
        "pool_ready": _pool_ready(texts),
        "virtio": virtio, "pci_rng": pci_rng, "folders": folders,
        "has_sys": bool(virtio or pci_rng or current) or files.has("/sys/bus"),
        "processes": _processes(files, texts),
        "texts": {path: text for path, text in texts.items() if text is not None},
        "config": None, "log": None, "refused": files.refused,
    }


def delivering(files):
    """Return the names (set of str) of the guest's rng devices that have interrupted their driver, as each does that hands bytes on. Raise as ``observe``."""
    counters, devices = _counters(files)
    counted = {match.group(2) for match in map(_COUNTED.match, (counters or "").split("\n")) if match and match.group(1).strip(" 0")}
    return counted & {device["name"] for device in devices}


def _release(files):
    release = _told(files, RELEASE, _WORD)
    if release is None:
        system = files.system()
        raise AgentError("its agent shows no %s, so it runs no Linux%s: it can be judged by its host only" % (
            RELEASE, ", but %s" % system if system else ""))
    return release


def _told(files, path, form):
    """Return the text (str) of ``path`` without white space around it, None where it is not of this ``form``."""
    text = files.text(path)
    text = text and text.strip(" \t\n\0")
    return text if text is not None and re.match("(?:%s)$" % form, text, re.ASCII) else None


def _quality(files):
    """Return the quality (dict, path to text or None) where the kernel tells it: the first file that has it ends the search."""
    found = {}
    for path in _QUALITIES:
        found[path] = _told(files, path, _NUMBER)
        if found[path] is not None:
            break
    return found


def _look_for_the_core(files, folders):
    """Note in ``folders`` that the kernel has no hwrng core, where it shows its other devices of that class."""
    if HW_RANDOM + "rng_current" not in files.refused and files.has(MISC) and not files.has(MISC + "/hw_random"):
        folders[MISC] = []


def _pool_ready(texts):
    size, available = texts[RANDOM + "poolsize"], texts[RANDOM + "entropy_avail"]
    if size != _READY_BITS or available is None:
        return None
    if available == _READY_BITS:
        return True
    return None if texts[RELEASE].startswith(_DEBITING) else False


def _counters(files):
    """Return (the lines (str) of /proc/interrupts that count for rng devices, None for none; those devices (list of dict, as ``_kernel`` has them))."""
    text = files.text("/proc/interrupts", LONG) or ""
    lines = {}
    for match in filter(None, map(_COUNTER.match, text.split("\n"))):
        owner = _OWN.match(match.group(2).split()[-1]) if "," not in match.group(2) else None
        if owner and (owner.group(1) in lines or len(lines) < _MOST_CANDIDATES):
            lines.setdefault(owner.group(1), []).append(match.group(1))
    found = [device for device in (_device(files, name) for name in sorted(lines)) if device and device["id"] == RNG_DEVICE]
    return "\n".join(line for device in found for line in lines[device["name"]]) or None, found


def _device(files, name):
    """Return the virtio device ``name`` (dict, as ``_kernel`` has it), None where there is none."""
    text = files.text("%sdevices/%s/uevent" % (VIRTIO, name))
    kind = re.search(r"^MODALIAS=virtio:d([0-9A-Fa-f]{8})v", text or "", re.MULTILINE)
    if not kind:
        return None
    driver = re.search(r"^DRIVER=(%s)$" % _WORD, text, re.MULTILINE)
    return {"name": name, "id": int(kind.group(1), 16), "driver": driver and driver.group(1), "path": None}


def _undriven(files):
    """Return (PCI addresses (list of str) of rng devices, rng devices (list of dict) on the virtio bus) where no counter names one."""
    found, gaps = [], 0
    for number in range(_MOST_DEVICES):
        device = _device(files, "virtio%d" % number)
        gaps = 0 if device else gaps + 1
        if device and device["id"] == RNG_DEVICE:
            found.append(device)
        if gaps > _MOST_GAPS:
            break
    if found:
        return [], found
    return ["0000:%s:%02x.%x" % (bus, int(slot, 16) >> 3, int(slot, 16) & 7)
            for bus, slot in _PCI.findall(files.text("/proc/bus/pci/devices", LONG) or "")][:_MOST_CANDIDATES], []


def _processes(files, texts):
    """Return the processes (dict, see ``_kernel``); ``hidden`` (str) is why the fill thread was not looked for, or not found."""
    seen = {"kernel": False, "fill": None, "fill_cpu": None, "feeders": _feeders(files), "hidden": "the agent was not asked for the kernel's threads"}
    current = texts[HW_RANDOM + "rng_current"]
    quality = next((texts[path] for path in _QUALITIES if texts.get(path)), None)
    if texts["/proc/interrupts"] and texts["/proc/uptime"] and (current or "").startswith("virtio_rng") and quality != "0":
        seen.update(_fill_thread(files))
    return seen


def _feeders(files):
    """Return the feeders (list of dict) that run as one of the known units."""
    found = []
    slices = next((path for path in _SLICES if files.has(path)), None)
    for unit in FEEDER_UNITS if slices else ():
        for pid in (files.text("%s%s/cgroup.procs" % (slices, unit)) or "").split()[:_MOST_PIDS]:
            name = _told(files, "/proc/%s/comm" % pid, _WORD) if re.match(r"[0-9]{1,10}$", pid) else None
            if name in FEEDERS:
                # The agent follows no link: the process's executable and namespace are not shown. That it is in its unit's group is.
                feeder = dict(status(files.text("/proc/%s/status" % pid, LONG)), pid=int(pid), name=name, unit=unit)
                feeder["arguments"] = (files.text("/proc/%s/cmdline" % pid) or "").split("\0")
                found.append(feeder)
    return found


def _fill_thread(files):
    """Return ``kernel`` (bool: all threads were looked at), what ``_kernel.fill_thread`` tells of the fill thread, and ``hidden`` where neither."""
    looked = set()
    try:
        # Twice, as the kernel may leave one out of the list when another ends meanwhile (proc(5), children).
        for _look in range(2):
            pids = _threads(files)
            if pids is None:
                return {"hidden": "the guest does not list the kernel's threads"}
            # The latest first: each CPU has several of the early ones, and the fill thread comes after them.
            for pid in reversed(pids):
                if pid not in looked:
                    looked.add(pid)
                    fill = fill_thread(files.text("/proc/%s/stat" % pid) or "", _TICKS)
                    if fill:
                        return dict(fill, kernel=True)
    except TimeUpError:
        return {"hidden": "the kernel's thread hwrng was not found among the first %d threads in the time given" % len(looked)}
    if not is_kthreadd(files.text("/proc/%s/stat" % KTHREADD) or ""):
        return {"hidden": "the guest does not show the kernel's threads: its process 2 is not kthreadd"}
    return {"kernel": True}


def _threads(files):
    for path in _THREADS:
        pids = re.findall(r"\b[0-9]{1,10}\b", files.text(path, LONG // 16) or "")
        if pids:
            return pids
    return None
