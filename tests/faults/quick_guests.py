# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the quick cases: a real kernel in a small initramfs, seen by its first process, which is the only way to see a CRNG that is not ready."""

import contextlib
import os
import shutil
import tempfile
import threading
from pathlib import Path

import feeder_quick
from entropy_quick import MICROVM_CLOCK, MICROVM_FIRMWARE, observations
from lab import place, quick

from faults import other_source
from faults.recording import guest_only

DRIVER = "load virtio_pci virtio_rng"
RDRAND = quick.CPU.replace("-rdrand", "+rdrand")
HW_RANDOM = "/sys/class/misc/hw_random/"
BUS_DRIVER = "/sys/bus/virtio/drivers/virtio_rng"
CURRENT_QUALITY = "/sys/module/rng_core/parameters/current_quality"
# Debian's package ovmf.
FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
# Longer than the collection waits for a first buffer before it calls a device dry (_entropy_hwrng.PATIENCE).
DRY = "wait 11"


def _device(suite, *steps, **knobs):
    return observations(suite, [*steps, "observe it"], device=quick.virtio_rng(), **knobs)["it"]


def _bare(suite, *steps, **knobs):
    return observations(suite, [*steps, "observe it"], **knobs)["it"]


def _healthy(suite, **knobs):
    return observations(suite, [DRIVER, "observe fed"], device=quick.virtio_rng(), **knobs)["fed"]


def _by_firmware(device, *steps, append=""):
    with tempfile.TemporaryDirectory(dir=place.TEMPORARY) as folder:
        variables = shutil.copy(VARIABLES, folder)
        flash = "if=pflash,format=raw,unit=%d,readonly=%s,file=%s"
        return observations("trixie", [*steps, "observe fed" if steps else "observe it"], device=device, append=append, qemu=(
            "-drive", flash % (0, "on", FIRMWARE), "-drive", flash % (1, "off", variables)))["fed" if steps else "it"]


def _withheld(suite, **knobs):
    with quick.fifo() as (path, _give):
        return observations(suite, [DRIVER, DRY, "observe it"], device=quick.virtio_rng("random", path), **knobs)["it"]


def _spinning():
    """Linux 5.10 sleeps in its fill thread only where something is credited or the CRNG is ready: quality 0 before the first byte, then plenty."""
    with contextlib.ExitStack() as stack:
        path, give = stack.enter_context(quick.fifo())
        flow = stack.enter_context(quick.flowing(give))
        steps = ["observe before", DRIVER, "write %s 0" % CURRENT_QUALITY, "observe dry", "until-ready", "observe it"]
        return observations("bullseye", steps, device=quick.virtio_rng("random", path), meanwhile=("SEEN dry", flow.set))["it"]


def _dried_up():
    """Two buffers, the first of which makes the CRNG ready; the kernel asks for more within seconds, and every minute after that."""
    with quick.fifo() as (path, give):
        steps = ["observe before", DRIVER, "observe fed", "wait 180", "observe it"]
        return observations("trixie", steps, device=quick.virtio_rng("random", path), timeout=280,
                            meanwhile=("SEEN before", lambda: give(os.urandom(128))))["it"]


@contextlib.contextmanager
def trickle(seconds):
    """Yield the device of a host that has one byte each so many ``seconds`` (s)."""
    over = threading.Event()
    with quick.fifo() as (path, give):
        def flow():
            while not over.wait(seconds):
                give(os.urandom(1))
        thread = threading.Thread(target=flow)
        thread.start()
        try:
            yield quick.virtio_rng("random", path)
        finally:
            over.set()
            thread.join()


def _trickling(seconds, wait, **knobs):
    with trickle(seconds) as device:
        return observations("trixie", [DRIVER, "wait %d" % wait, "observe it"], device=device, timeout=wait + 100, **knobs)["it"]


def _one_of_two_dry():
    with quick.fifo() as (path, _give):
        dry = ["-object", "rng-random,id=dry,filename=%s" % path, "-device", "virtio-rng-pci,rng=dry"]
        steps = [DRIVER, "observe fed", "write %srng_current virtio_rng.1" % HW_RANDOM, "wait 20", "observe it"]
        return observations("trixie", steps, device=[*quick.virtio_rng(), *dry])["it"]


def _shared_interrupt():
    """The slots are four apart, which gives both devices one line; without vectors they have nothing but that."""
    with quick.fifo() as (path, _give):
        device = ["-object", "rng-builtin,id=good", "-device", "virtio-rng-pci,rng=good,vectors=0,addr=0x4",
                  "-object", "rng-random,id=dry,filename=%s" % path, "-device", "virtio-rng-pci,rng=dry,vectors=0,addr=0x8"]
        steps = [DRIVER, "observe fed", "write %srng_current virtio_rng.1" % HW_RANDOM, "wait 20", "observe it"]
        return observations("trixie", steps, device=device)["it"]


def _virtio_mmio():
    return observations("trixie", ["load virtio_mmio virtio_rng", "observe fed"], device=quick.virtio_rng(model="virtio-rng-device"),
                        qemu=("-machine", "microvm", *MICROVM_FIRMWARE), append=MICROVM_CLOCK)["fed"]


def _stuck():
    steps = [DRIVER, "observe fed 20000 10"]
    return observations("trixie", steps, device=quick.virtio_rng("random", "/dev/zero"))["fed"]


def _other_source():
    files = {"/lab/other_source.ko": other_source.module("trixie")}
    steps = [DRIVER, "insmod /lab/other_source.ko", "write %srng_current other-source" % HW_RANDOM]
    return _device("trixie", *steps, files=files)


def _spinning_for_ever():
    """A source that always has something, and credits nothing: the thread neither sleeps nor gets anywhere."""
    files = {"/lab/other_source.ko": other_source.module("bullseye")}
    return _device("bullseye", "insmod /lab/modules/rng_core.ko", "insmod /lab/other_source.ko", "wait 3", files=files)


def _with_feeder(backend, until):
    """entropy-feeder reads a device that the kernel credits nothing."""
    return observations("trixie", [DRIVER, "start " + feeder_quick.INSIDE, until, "observe it"], device=backend, append="rng_core.default_quality=0",
                        files={feeder_quick.INSIDE: feeder_quick.PROGRAM})["it"]


MAKERS = {
    "healthy-5.10": lambda: _healthy("bullseye"),
    "healthy-6.1": lambda: _healthy("bookworm"),
    "healthy-6.12": lambda: _healthy("trixie"),
    "healthy-7.2": lambda: _healthy("forky"),
    "fips": lambda: _healthy("trixie", append="fips=1"),
    "cpu-only": lambda: _bare("trixie", cpu=RDRAND),
    "cpu-not-trusted": lambda: _bare("trixie", cpu=RDRAND, append="random.trust_cpu=off"),
    "cpu-and-device": lambda: _healthy("trixie", cpu=RDRAND),
    "bootloader": lambda: _by_firmware(quick.virtio_rng(), DRIVER),
    "firmware-without-device": lambda: _by_firmware(None),
    "jitter-5.10": lambda: _bare("bullseye", "wait-ready"),
    "jitter-6.12": lambda: _bare("trixie", "wait-ready"),
    "plugged-after-jitter": lambda: observations("trixie", ["wait-ready", "wait 5", DRIVER, "observe fed"], device=quick.virtio_rng())["fed"],
    "driver-missing-at-start": lambda: _device("trixie"),
    "other-source": _other_source,
    "source-none": lambda: observations("trixie", [DRIVER, "observe fed", "write %srng_current none" % HW_RANDOM, "observe it"],
                                        device=quick.virtio_rng())["it"],
    "quality-zero-at-start": lambda: _device("forky", DRIVER, "wait 2", append="rng_core.default_quality=0"),
    "quality-zero-later": lambda: observations("trixie", [DRIVER, "observe fed", "write %srng_quality 0" % HW_RANDOM, "observe it"],
                                               device=quick.virtio_rng())["it"],
    "spinning-thread": _spinning,
    "spinning-for-ever": _spinning_for_ever,
    "withheld": lambda: _withheld("bookworm"),
    "stuck-inside": _stuck,
    "dried-up": _dried_up,
    "two-devices-one-dry": _one_of_two_dry,
    "bootloader-not-trusted": lambda: _by_firmware(quick.virtio_rng(), DRIVER, append="random.trust_bootloader=off"),
    "driver-unbound": lambda: observations("trixie", [DRIVER, "observe fed", "write %s/unbind virtio0" % BUS_DRIVER, "observe it"],
                                           device=quick.virtio_rng())["it"],
    "device-removed": lambda: observations("trixie", [DRIVER, "observe fed", "write /sys/bus/pci/devices/0000:00:01.0/remove 1", "observe it"],
                                           device=quick.virtio_rng())["it"],
    "hidden-processes": lambda: observations("trixie", [DRIVER, "observe fed", "hide", "user", "observe it"], device=quick.virtio_rng())["it"],
    "virtio-mmio": _virtio_mmio,
    "shared-interrupt-dry": _shared_interrupt,
    "non-transitional-without-driver": lambda: observations(
        "trixie", ["observe it"], device=quick.virtio_rng(model="virtio-rng-pci-non-transitional"), qemu=("-machine", "pc-i440fx-7.1"))["it"],
    "withheld-with-cpu": lambda: _withheld("trixie", cpu=RDRAND),
    "one-buffer-a-minute": lambda: observations("trixie", [DRIVER, "observe fed", "wait 40", "observe it"], timeout=120,
                                                device=quick.virtio_rng(rate_bytes=64, rate_period=60000))["it"],
    "replugged": lambda: observations(
        "trixie", [DRIVER, "observe fed", "write /sys/bus/pci/devices/0000:00:01.0/remove 1", "wait 1", "write /sys/bus/pci/rescan 1", "observe refed"],
        device=quick.virtio_rng())["refed"],
    "fed-by-feeder": lambda: _with_feeder(quick.virtio_rng(), "until-ready"),
    "feeder-on-zeros": lambda: _with_feeder(quick.virtio_rng("random", "/dev/zero"), "until-says /run/entropy-feeder/status.json failed"),
    # A buffer of 64 bytes takes 320 s, and the kernel's thread waits for it from the start.
    "trickling-source": lambda: _trickling(5, 100, cpu=RDRAND),
    "trickle-before-ready": lambda: _trickling(2, 15),
    "small-pieces": lambda: observations("trixie", [DRIVER, "wait 90", "observe it"], timeout=180,
                                         device=quick.virtio_rng(rate_bytes=16, rate_period=1000))["it"],
    "busy-hwrng-reader": lambda: observations("trixie", [DRIVER, "start dd if=/dev/hwrng of=/dev/null bs=4096", "wait 60", "observe it"], timeout=150,
                                              device=quick.virtio_rng())["it"],
    "fake-urandom": lambda: observations("trixie", [DRIVER, "node /dev/urandom 1 5", "observe fed"], device=quick.virtio_rng())["fed"],
    "linked-random": lambda: observations("trixie", [DRIVER, "node /dev/urandom 1 9", "link /dev/random urandom", "observe fed"],
                                          device=quick.virtio_rng())["fed"],
    "fake-hwrng": lambda: observations("trixie", [DRIVER, "node /dev/hwrng 1 9", "observe fed 20000 10"],
                                       device=quick.virtio_rng("random", "/dev/zero"))["fed"],
    "zombie-rngd": lambda: observations("trixie", [DRIVER, "zombie rngd", "observe fed"], device=quick.virtio_rng())["fed"],
    "no-log": lambda: observations("trixie", [DRIVER, "observe fed", "user", "observe it"], device=quick.virtio_rng())["it"],
}


def make(name):
    """Boot the guest of the case ``name`` (a key of MAKERS) and return its record (dict)."""
    return guest_only(MAKERS[name]())
