# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another tree may hold anything: a look at it is bounded, disturbs nothing, and ends with facts."""

import gzip
import os
import shutil
import tempfile
import threading
from pathlib import Path

import hostile_trees
import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _kernel_tree
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import gather
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._kernel import FEEDER_STATUS, observe
from hostile_trees import FIRST, HW_RANDOM, MEMORY, RANDOM, write


@pytest.fixture
def root():
    """An empty tree, which is not kept: some have thousands of files."""
    folder = tempfile.mkdtemp(prefix="kvm-entropy-tree.", dir=MEMORY)
    yield Path(folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", hostile_trees.TREES)
def test_a_hostile_tree_costs_little_memory_and_ends_with_facts(root, name):
    hostile_trees.TREES[name](root)
    done = hostile_trees.look(root)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_wrong_in_one_file_hides_nothing_of_another(root):
    hostile_trees.TREES["numbers"](root)
    write(root, HW_RANDOM + "rng_current", b"virtio_rng.0\n")
    facts = gather(str(root))
    assert (facts["hwrng"]["current"], facts["hwrng"]["quality"], facts["kernel"]["pool_bits"], facts["kernel"]["generation"]) == (
        "virtio_rng.0", None, None, "unknown")
    assert (facts["crng"]["ready"], facts["hwrng"]["delivered"]) == ("unknown", None)


def test_a_fifo_is_not_opened_and_its_writer_not_woken(root):
    hostile_trees.TREES["nodes"](root)
    writer = threading.Thread(target=lambda: open(root / "proc/cmdline", "wb").close(), daemon=True)
    writer.start()
    assert observe(str(root))["refused"]["/proc/cmdline"] == "EINVAL"
    writer.join(0.2)
    assert writer.is_alive(), "it still waits for a reader"
    os.close(os.open(root / "proc/cmdline", os.O_RDONLY | os.O_NONBLOCK))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_a_device_node_is_not_opened(root):
    (root / "proc").mkdir()
    try:
        os.mknod(root / "proc/cmdline", 0o20666, os.makedev(1, 5))
    except OSError as error:
        pytest.skip("no device nodes may be made here: %s" % error)
    assert observe(str(root))["refused"] == {"/proc/cmdline": "EINVAL"}


def test_a_folder_with_very_many_names_is_looked_at_in_part_and_that_is_told(root, monkeypatch):
    monkeypatch.setattr(_kernel_tree, "MOST_NAMES", 10)
    for number in range(11):
        write(root, "sys/bus/pci/devices/%d" % number)
    assert observe(str(root))["refused"]["/sys/bus/pci/devices"] == "EOVERFLOW"


def test_a_tree_with_too_much_to_look_at_leaves_the_rest_unknown(root, monkeypatch):
    write(root, "proc/cmdline", b"quiet\n")
    monkeypatch.setattr(_kernel_tree, "MOST_STEPS", 5)
    seen = observe(str(root))
    assert seen["texts"] == {} and set(seen["refused"].values()) == {"EDQUOT"}
    assert gather(str(root))["verdict"] == "unknown"


@pytest.mark.parametrize("value", ["/a\0b", "/\udc80", "/" + "x" * 5000, "/nothing\ud800/there", "/dev/null", "/proc/version"])
def test_a_root_that_no_folder_can_be_is_an_error_in_one_line(value):
    with pytest.raises(EntropyError, match=r"^root .*: cannot be read: .*\. Give the folder in which") as failure:
        gather(value)
    assert "\n" not in str(failure.value) and str(failure.value).isprintable()
    str(failure.value).encode("utf-8")


@pytest.mark.parametrize(("packed", "trusted"), [
    (gzip.compress(b"CONFIG_RANDOM_TRUST_CPU=y\n", mtime=0), True), (gzip.compress(b"# CONFIG_RANDOM_TRUST_CPU is not set\n", mtime=0), False),
    # What is cut says nothing about an option that is not there.
    (gzip.compress(b"CONFIG_RANDOM_TRUST_CPU=y\n" + bytes(3 * 2 ** 20)), "unknown"), (gzip.compress(os.urandom(5000))[:-20], "unknown"),
    (b"no gzip", "unknown"), (b"", "unknown")])
def test_build_options_count_only_where_they_are_seen_whole(root, packed, trusted):
    write(root, "proc/config.gz", packed)
    assert gather(str(root))["cpu"]["trusted"] == trusted


def test_build_options_that_cannot_be_unpacked_are_looked_for_elsewhere(root):
    write(root, "proc/sys/kernel/osrelease", b"6.1.0-x+\n")
    write(root, "proc/config.gz", b"no gzip")
    write(root, "boot/config-6.1.0-x+", b"CONFIG_RANDOM_TRUST_CPU=y\n")
    assert gather(str(root))["cpu"]["trusted"] is True


def test_a_release_is_no_path(root):
    write(root, "proc/sys/kernel/osrelease", b"../../secret\n")
    write(root, "secret/config", b"CONFIG_RANDOM_TRUST_CPU=y\n")
    assert gather(str(root))["cpu"]["trusted"] == "unknown"


@pytest.mark.parametrize("more", [b"x" * _kernel_tree.LONGEST + b"\n", b"[    1.000000] x\n" * _kernel_tree.MOST_LINES])
def test_the_end_of_a_log_that_is_too_long_counts(root, more):
    boot = FIRST + b"[    0.%d00000] random: crng init done\n"
    write(root, "var/log/dmesg", boot % 5 + more + boot % 7)
    assert gather(str(root))["crng"]["ready_at"] == 0.7
    write(root, "var/log/dmesg", boot % 5 + more + b"[    7.000000] y\n")
    facts = gather(str(root))
    assert facts["crng"]["ready_at"] is None
    assert "/var/log/dmesg does not go back to the boot" in [each["why"] for each in facts["unseen"]]


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root's own files")
@pytest.mark.parametrize(("change", "is_believed"), [
    (lambda file: None, True), (lambda file: file.chmod(0o666), False), (lambda file: file.parent.chmod(0o777), False),
    (lambda file: os.chown(file, 65534, 0), False), (lambda file: os.chown(file.parent, 65534, 0), False),
    (lambda file: (file.rename(file.with_name("other")), file.symlink_to("other")), False)])
def test_the_feeders_status_is_believed_only_where_root_alone_can_have_written_it(root, change, is_believed):
    file = root / FEEDER_STATUS.lstrip("/")
    write(root, FEEDER_STATUS.lstrip("/"), b"{}")
    file.chmod(0o644)
    file.parent.chmod(0o755)
    change(file)
    system = _kernel_tree.Tree("/")
    assert (system.roots_text(str(file)) == "{}") is is_believed
    system.close()


def test_names_that_are_no_text_are_no_facts(root):
    hostile_trees.TREES["bytes"](root)
    write(root, RANDOM + "poolsize", b"256\n")
    facts = gather(str(root))
    assert (facts["vmgenid"], facts["kernel"]["pool_bits"]) == ("unknown", 256)
