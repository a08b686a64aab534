# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees, logs and processes that anybody may have made: facts come of them, fit for JSON, and nothing is claimed that they do not show."""

import gzip
import json
import math
import os
import shutil
import tempfile

from ansible_collections.kvm.entropy.plugins.module_utils import _kernel, _kernel_log
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of, gather
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.plugin_utils._facts_schema import ENTROPY
from entropy_machines import machine
from examples import examples
from hostile_trees import MEMORY
from hypothesis import given
from hypothesis import strategies as st

VIRTIO = "/sys/bus/virtio/devices/"
FILES = [*_kernel.TEXTS, *_kernel.SAVED_LOGS, _kernel.CPU, _kernel.FEEDER_STATUS, _kernel.RANDOM + "boot_id", "/proc/interrupts", "/proc/config.gz",
         "/boot/config-6.1", "/lib/modules/6.1/modules.builtin", "/lib/modules/6.1/config", VIRTIO + "virtio0/device", VIRTIO + "virtio0/driver",
         VIRTIO + "virtio1/device", _kernel.PCI + "/0000:00:01.0/vendor", _kernel.PCI + "/0000:00:01.0/device", "/usr/lib/systemd/system/rngd.service",
         "/etc/systemd/system/a.wants/rngd.service", "/etc/runlevels/default/rngd", "/etc/rc2.d/S01haveged", "/run/systemd/system/rngd.service"]
FOLDERS = [*_kernel.FOLDERS, VIRTIO + "virtio0", "/proc", "/sys", "/etc", "/run"]
TRISTATES = (True, False, "unknown")

words = st.sampled_from([
    "virtio_rng.0", "none", "256", "4096", "1024", "0x0004", "0x1af4", "0x1044", "6.1", "QEMU", "1" + "0" * 400, "-1", "0x", "1e999 nan", "[" * 5000,
    "\u0661",
    '{"pid": 1, "state": []}', "2c12a822-84af-424b-91cf-7470bde43aa8", "flags\t: rdrand hypervisor", "VM00 Control Program: KVM/Linux", "linux,kvm",
    "kvm-clock", " 35:  7  PCI-MSI 1-edge virtio0-input", "1: 2 ,", "[Unit]\nConditionKernelVersion=<5.6", "random.trust_cpu=on", "virtio" * 50, "y"])
log_lines = st.sampled_from([
    "Linux version 6.1", "random: crng init done", "random: fast init done", "random: x: uninitialized urandom read (16 bytes read)",
    "Hypervisor detected: KVM",
    "random: 7 urandom warning(s) missed due to ratelimiting", "random: " + "9" * 900 + " urandom warning(s) missed due to ratelimiting",
    "Run /sbin/init as init process", "systemd[1]: hello", "Kernel command line: init=/x", "devtmpfs: initialized",
    "Memory Encryption Features active: AMD SEV", "pci 0000:00:01.0: [1af4:1005] type 00", "kernel: random: crng init done", ""])
heads = st.sampled_from(["[    0.000000] ", "[1.5] ", "<6>[ 2.000001][    T1] ", "[99999999999999999999.9] ", "[", "",
                         "Nov 27 23:00:01 host kernel: [    3.0] ", "[\u0661.\u0662] "])
logs = st.lists(st.tuples(heads | st.text(max_size=9), log_lines | st.text(max_size=40)).map("".join), max_size=12).map("\n".join)
contents = (words.map(str.encode) | words.map(lambda text: text.encode() + b"\n") | logs.map(lambda text: text.encode("utf-8", "replace"))
            | st.binary(max_size=60) | st.lists(st.sampled_from([b"\0", b"\xff", b"\xed\xa0\x80", b"\n", b" ", b"7", b"virtio0"]), max_size=9).map(b"".join)
            | st.sampled_from([b"CONFIG_RANDOM_TRUST_CPU=y\n", b"", b"\0" * 100000]).map(gzip.compress))
targets = st.sampled_from([*FILES, *FOLDERS, "/", "..", "../..", ".", "/dev/null", "/proc/self/root", "x" * 4000]).map(os.fsencode) | st.binary(
    min_size=1, max_size=20).map(lambda target: target.replace(b"\0", b"/"))
nodes = st.one_of(st.tuples(st.just("file"), contents), st.tuples(st.just("file"), contents), st.tuples(st.just("link"), targets),
                  st.sampled_from([("fifo", None), ("folder", None), ("sparse", None)]))
names = st.sampled_from([b"virtio\xff", b"\xed\xa0\x80", b"rngd", b"S01rngd", b"QEMUVGID:00", b"hw_random", b"virtio7", b"QEMU0002:00",
                         b"\x1b[31m", b"a.requires"])
paths = st.sampled_from(FILES + FOLDERS).map(os.fsencode) | st.tuples(st.sampled_from(FOLDERS).map(os.fsencode), names).map(b"/".join)
trees = st.dictionaries(paths, nodes, max_size=14)


def make(root, tree):
    """Make each node of ``tree`` (dict, path to kind and content) below ``root`` (bytes) that can be made beside the others."""
    for path, (kind, content) in tree.items():
        place = root + path
        try:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if kind == "folder":
                os.mkdir(place)
            elif kind == "fifo":
                os.mkfifo(place)
            elif kind == "link":
                os.symlink(content, place)
            else:
                with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
                    file.write(content or b"1")
                    file.truncate(2 ** 40 if kind == "sparse" else None)
        except OSError:
            continue


def check(facts):
    """Check what holds of all facts (dict), wherever they are from."""
    json.dumps(facts, ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert len(json.dumps(facts)) < 2 ** 20
    # No honest machine, however odd, is refused on the controller.
    ENTROPY(json.loads(json.dumps(facts)))
    for fact in (facts["kvm_guest"], facts["vmgenid"], facts["fips"], facts["confidential"], *facts["cpu"].values(), facts["crng"]["ready"],
                 facts["crng"]["in_time"], facts["hwrng"]["filling"], facts["hwrng"]["device"], facts["feeder"]["running"], facts["feeder"]["needed"]):
        assert fact in TRISTATES
    shown = facts["feeder"]["processes"] + facts["feeder"]["unproven"] + facts["feeder"]["ignored"] + [facts["feeder"]["fake_evidence"] or ""]
    assert all(line.isprintable() and len(line) < 1024 for line in shown)
    numbers = (facts["hwrng"]["quality"], facts["kernel"]["pool_bits"], facts["kernel"]["available_bits"])
    assert all(number is None or 0 <= number < 2 ** 31 for number in numbers)


@examples(300)
@given(trees)
def test_whatever_a_tree_holds_facts_come_of_it(tree):
    root = tempfile.mkdtemp(prefix="kvm-entropy-fuzz.", dir=MEMORY)
    try:
        make(os.fsencode(root), tree)
        facts = gather(root)
    finally:
        shutil.rmtree(root)
    check(facts)
    # Nothing of this machine, and nothing that only a running kernel can tell.
    assert facts["hwrng"]["filling"] in ("unknown", False)
    assert (facts["feeder"]["running"], facts["feeder"]["processes"]) == ("unknown", [])
    assert facts["verdict"] != "ok" or facts["kvm_guest"] is False
    assert facts["kernel"]["release"] != os.uname().release


@examples(200)
@given(st.text(st.characters(codec=None), max_size=20).map(lambda text: "/nothing/" + text) | st.sampled_from(["", "\0", "/\udc80", "x" * 300, "/dev/null"]))
def test_whatever_is_given_as_a_root_it_is_looked_at_or_refused_in_one_line(root):
    try:
        check(gather(root))
    except EntropyError as error:
        assert str(error).isprintable()


@examples(300)
@given(logs | st.text(max_size=200))
def test_whatever_a_log_says_facts_come_of_it(text):
    log = _kernel_log.parsed("/var/log/dmesg", text)
    assert all(math.isfinite(when) for when, _line in log["lines"] if when is not None)
    seen = machine("bookworm-fed")
    seen.update(log=log, live=False, getrandom=None)
    check(facts_of(seen))


texts = st.text(max_size=12) | st.sampled_from(["/usr/sbin/rngd", "\0", "\u202e", "x" * 9000])
processes = st.fixed_dictionaries({
    "pid": st.integers(1, 2 ** 22), "name": st.sampled_from(_kernel.FEEDERS),
    "arguments": st.lists(texts | st.sampled_from(["-r", "/dev/urandom"]), max_size=5),
    "own": st.lists(texts, max_size=2), "open": st.none() | st.lists(st.sampled_from(["hwrng", "random", "urandom", "device"]), max_size=2),
    "state": st.none() | st.sampled_from("SRZXT"), "uid": st.none() | st.integers(0, 2 ** 32), "capable": st.none() | st.booleans(),
    "namespace": st.sampled_from([None, "first", "other"]), "program": st.none() | texts, "program_fault": st.none() | texts})


@examples(300)
@given(st.sampled_from(["trixie-fed", "trixie-bare", "bullseye-fed"]), st.lists(processes, max_size=4), st.text(max_size=30) | st.builds(
    json.dumps, st.dictionaries(st.sampled_from(["pid", "state", "why", "credited_bits"]), st.integers() | texts | st.lists(st.none(), max_size=1))))
def test_whatever_processes_run_those_that_cannot_credit_change_nothing(name, running, status):
    seen = machine(name, getrandom="ready", texts={_kernel.FEEDER_STATUS: status})
    seen["processes"]["feeders"] = running
    facts = facts_of(seen)
    check(facts)
    seen["processes"]["feeders"] = [each for each in running if each["capable"] is not False and each["namespace"] != "other"
                                    and each["state"] not in ("Z", "X") and not each["program_fault"]]
    without = facts_of(seen)
    facts["feeder"].pop("ignored"), without["feeder"].pop("ignored")
    assert facts == without
