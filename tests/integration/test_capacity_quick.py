# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a slow /dev/hwrng delivers, measured on the real kernels of nested hosts: rationed, starving, without a source, not ready."""

import pytest
from entropy_quick import COLLECTION, INSIDE, UTILITIES
from lab import quick

SUITES = ("bullseye", "bookworm", "trixie", "forky")
DRIVER = "virtio_pci virtio_rng"

# Prints the entry of /dev/hwrng for two hundred running domains, and what was read for it.
_SCRIPT = """#!/usr/bin/python3
import json, os, subprocess, sys, time
sys.path.insert(0, "/collections")
from ansible_collections.kvm.entropy.plugins.module_utils import _capacity, _entropy, _kernel_source

subprocess.run(["/lab/load"] + %r, check=True)
time.sleep(%r)
facts = _entropy.gather()
device = {"backend": "random", "path": "/dev/hwrng", "rate_bytes": 1024, "rate_period": 1000}
row = {"arch": "x86_64", "live": [device], "config": [device]}
reads = []

def measure(path):
    reads.append(_kernel_source.measure(path, %r, %r))
    return reads[-1]

def fill_thread_waits():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with open("/proc/" + pid + "/stat") as file:
            name, _close, rest = file.read().partition("(")[2].rpartition(")")
        if name == "hwrng":
            # TASK_KILLABLE: in the driver, with the core's mutex. Between two reads it is S.
            return rest.split()[0] == "D"

def ours():
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid() and b"/lab/run" in command(pid)]

def command(pid):
    try:
        with open("/proc/" + pid + "/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""

def left_by_a_killed_module():
    module = os.fork()
    if not module:
        _kernel_source.measure("/dev/hwrng", 64, 2)
        os._exit(0)
    time.sleep(1)
    os.kill(module, 9)
    os.waitpid(module, 0)
    for _again in range(200):
        if not ours():
            break
        time.sleep(0.1)
    return ours()

while %r and not fill_thread_waits():
    _kernel_source.measure("/dev/hwrng", 4096, 1)

(entry,) = _capacity.capacity([row] * 200, facts, _kernel_source.kind, measure)
print("READS " + json.dumps(reads))
print("ENTRY " + json.dumps(entry))
print("LEFT " + json.dumps(ours() + left_by_a_killed_module()))
"""


def judged(suite, device, *, settle=1, most=16384, seconds=4, starve=False):
    """Boot ``suite``'s kernel with ``device`` behind its /dev/hwrng. Return the entry (dict) and the list of measurements.

    ``starve``: first read what there is, and wait until the kernel's own thread waits in vain.
    """
    files = {"%s/%s" % (INSIDE, path.name): path for path in (COLLECTION / UTILITIES).glob("_*.py")}
    result = quick.run(suite, _SCRIPT % (DRIVER.split(), settle, most, seconds, starve), files=files, device=device, timeout=120)
    assert result.status == 0, result.output
    assert result.json("LEFT ") == [], "processes that still read"
    return result.json("ENTRY "), result.json("READS ")


@pytest.mark.parametrize("suite", SUITES)
def test_a_rationed_source_is_seen_to_deliver_its_ration(suite):
    entry, ((steps, seconds, error),) = judged(suite, quick.virtio_rng(rate_bytes=1024, rate_period=1000))
    assert (error, entry["kind"], entry["unsafe"]) == (None, "hwrng", False)
    assert 512 <= entry["delivered"] <= 2048, (steps, seconds)
    assert (entry["enough"], entry["idle"]) == (True, 213.3) if entry["seed_seconds"] <= 10 else entry["enough"] is False


@pytest.mark.parametrize("suite", ["bullseye", "forky"])
def test_a_source_without_a_limit_is_enough_and_no_more_is_read_than_allowed(suite):
    entry, ((steps, _seconds, error),) = judged(suite, quick.virtio_rng(), most=4096, seconds=20)
    assert (error, sum(count for _at, count in steps)) == (None, 4096)
    assert entry["enough"] is True


@pytest.mark.parametrize("suite", ["bullseye", "forky"])
def test_a_source_that_starves_in_the_middle_of_a_read_is_left_when_time_is_over(suite):
    with quick.fifo() as (path, give):
        # Enough for the CRNG to be ready. When the rest is read, the fill thread holds the core's mutex and waits, and every read with it.
        give(bytes(range(256)) * 2)
        entry, ((steps, seconds, error),) = judged(suite, quick.virtio_rng("random", path), settle=3, seconds=2, starve=True)
    assert (steps, error) == ([], None)
    assert 2 <= seconds < 20
    assert (entry["delivered"], entry["enough"]) == (0, False)


def test_nothing_is_read_while_the_hosts_own_crng_is_not_ready():
    with quick.fifo() as (path, _give):
        entry, reads = judged("bookworm", quick.virtio_rng("random", path))
    assert reads == []
    assert entry["enough"] is None and "CRNG is not ready" in entry["reason"]


def test_without_a_source_it_is_unsafe_and_not_read():
    entry, reads = judged("trixie", None)
    assert reads == []
    assert (entry["unsafe"], entry["enough"]) == (True, False)
