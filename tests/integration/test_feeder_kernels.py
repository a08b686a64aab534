# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder on the real kernels 5.10, 6.1, 6.12 and 7.2, each kept from feeding itself, beside what else can seed it: rngd, the jitter loop."""

import contextlib
import functools

import feeder_quick
import pytest
from lab import quick, rngd
from lab.debian import SUITES

# How a source is there, and gives, that the kernel does not credit by itself: the words to load and to write, and the source.
_PORT = ("virtio_pci", "virtio_console"), None, "/dev/vport0p1"
_DRIVER = ("virtio_pci", "virtio_rng"), None, "/dev/hwrng"
# 6.1 takes virtio-rng's own quality of 1000 and begins at once; that its first read is of no quality must be said while it waits for its bytes.
_WITHHELD = ("virtio_pci", "virtio_rng"), "/sys/class/misc/hw_random/rng_quality", "/dev/hwrng"
NOT_FED = {"bullseye": _PORT, "bookworm": _WITHHELD, "trixie": _DRIVER, "forky": _DRIVER}
# rngd 6 has sources of its own besides the device.
ALONE = {"forky": ("-x", "jitter")}

_SOURCE = """
modules, quality, source = %r
load(*modules)

def opens():
    # The node of a port is there a moment before the port can be opened (drivers/char/virtio_console.c, add_port).
    try:
        os.close(os.open(source, os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True

found = until(opens, 20)
if quality:
    write(quality, "0\\n")
print("WITHHELD", flush=True)
# The kernel's own read came first, if it made one.
with open(source, "rb", buffering=0) as file:
    came = len(file.read(64))
tell("BEFORE", found=found, came=came, ready=is_ready())
"""

_FEEDER = """
os.mkfifo("/tmp/silent")
idle = Feeder("idle", "--source", "/tmp/silent", "--timeout", "1")
tell("IDLE", status=idle.reaches(state="silent"), ready=is_ready(), ended=idle.ends())
feeder = Feeder("feeder", "--source", source)
seconds = until(is_ready) and feeder.age()
status = feeder.reaches(state="feeding", kernel_ready=True)
tell("FED", seconds=seconds, status=status, log=feeder.log(), bits=int(read("/proc/sys/kernel/random/entropy_avail")), ended=feeder.ends())
tell("DREW", lines=[line for line in kernel_log() if "uninitialized" in line])
"""

_RNGD = """
os.mkfifo("/tmp/silent")
idle = subprocess.Popen(%r + ["/tmp/silent"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
time.sleep(5)
tell("IDLE", ready=is_ready())
idle.kill()
idle.wait()
started = time.monotonic()
process = subprocess.Popen(%r + [source], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
tell("FED", seconds=until(is_ready) and round(time.monotonic() - started, 2), ended=process.poll())
process.kill()
print(process.communicate()[0].decode(errors="replace"))
"""

_JITTER = """
tell("BEFORE", ready=is_ready())
started = time.monotonic()
waiting = subprocess.Popen(["head", "-c", "1", "/dev/random"], stdout=subprocess.DEVNULL)
tell("FED", seconds=until(is_ready) and round(time.monotonic() - started, 2), ended=waiting.wait(60))
"""


def _boot(suite, script, **knobs):
    """Boot a guest that has a source from which the kernel does not feed itself, and return the Result."""
    with contextlib.ExitStack() as stack:
        path, give = stack.enter_context(quick.fifo())
        flow = stack.enter_context(quick.flowing(give))
        device = quick.serial_port(path) if NOT_FED[suite] is _PORT else quick.virtio_rng("random", path)
        return feeder_quick.run(suite, _SOURCE % (NOT_FED[suite],) + script, device=device, append="rng_core.default_quality=0",
                                timeout=150, meanwhile=("WITHHELD", flow.set), **knobs)


@functools.cache
def _by_feeder(suite):
    return _boot(suite, _FEEDER)


@functools.cache
def _by_rngd(suite):
    return _boot(suite, _RNGD % (([*rngd.COMMAND, "-f", *ALONE.get(suite, ()), "-r"],) * 2), files=rngd.files(suite))


@functools.cache
def _by_jitter(suite):
    return feeder_quick.run(suite, _JITTER, timeout=150)


@pytest.mark.parametrize("suite", SUITES)
def test_a_kernel_that_is_not_fed_stays_not_ready_though_its_source_gives_and_the_feeder_runs(suite):
    result = _by_feeder(suite)
    assert result.json("BEFORE ") == {"found": True, "came": 64, "ready": False}
    idle = result.json("IDLE ")
    assert (idle["status"]["kernel_ready"], idle["status"]["credited_bits"], idle["ready"]) == (False, 0, False)
    assert idle["ended"][0] == 0


@pytest.mark.parametrize("suite", SUITES)
def test_the_feeder_takes_the_kernel_from_not_ready_to_ready(suite):
    fed = _by_feeder(suite).json("FED ")
    status = fed["status"]
    assert fed["seconds"], fed
    assert (status["state"], status["kernel_ready"], fed["bits"]) == ("feeding", True, 256)
    assert 256 <= status["credited_bits"] <= 4 * (status["read_bytes"] - 1024)
    assert status["discarded_bytes"] == 1024
    assert fed["log"][-1].startswith("feeding: reads "), fed["log"]
    assert fed["ended"][0] == 0


@pytest.mark.parametrize("suite", SUITES)
def test_nothing_of_it_draws_a_number_before_the_kernel_is_ready(suite):
    lines = _by_feeder(suite).json("DREW ")["lines"]
    # The kernel says which program did.
    assert [line for line in lines if "entropy-feeder" in line or "python" in line] == []


@feeder_quick.thorough
@pytest.mark.parametrize("suite", SUITES)
def test_rngd_does_it_with_the_same_source(suite):
    result = _by_rngd(suite)
    # Nor is the kernel ready by what else rngd does, such as to have the jitter loop run.
    assert (result.json("BEFORE ")["ready"], result.json("IDLE ")["ready"]) == (False, False)
    assert result.json("FED ")["seconds"], result.output


@feeder_quick.thorough
@pytest.mark.parametrize("suite", SUITES)
def test_so_does_the_jitter_loop_without_any_source_once_somebody_waits(suite):
    assert _by_jitter(suite).json("BEFORE ") == {"ready": False}
    took = {who: boot(suite).json("FED ")["seconds"] for who, boot in (("feeder", _by_feeder), ("rngd", _by_rngd), ("jitter loop", _by_jitter))}
    print("Linux %s, from start to ready: %s" % (SUITES[suite], ", ".join("%s %s s" % one for one in took.items())))
    assert took["jitter loop"]
