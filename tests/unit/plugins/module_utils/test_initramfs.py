# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fact initramfs: what entropy_facts says of the images that count, on request only."""

import json
import os

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _initramfs, _rights
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import add_initramfs, gather
from ansible_collections.kvm.entropy.plugins.plugin_utils._facts_schema import ENTROPY
from chain_halves import facts as chain_facts
from initramfs_images import BUILTIN, DEPENDENCIES, OTHERS, RELEASE, archive, grow, image

IMAGE = "boot/initrd.img-" + RELEASE
TREE = {
    "proc/sys/kernel/osrelease": RELEASE + "\n", "usr/sbin/update-initramfs": "mkinitramfs\n", "usr/sbin/mkinitramfs": "",
    "lib/modules/%s/modules.dep" % RELEASE: DEPENDENCIES, "lib/modules/%s/modules.builtin" % RELEASE: BUILTIN,
    "etc/initramfs-tools/modules": "virtio_rng\n", IMAGE: archive(image())}


def facts(tmp_path, **options):
    """Return the facts of the tree in ``tmp_path``, which fit their schema as JSON brings them to the controller."""
    found = json.loads(json.dumps(gather(str(tmp_path), **options)))
    ENTROPY(found)
    return found


def test_it_is_looked_into_on_request_only(tmp_path):
    grow(tmp_path, TREE)
    assert facts(tmp_path)["initramfs"] is None
    assert facts(tmp_path, initramfs=True)["initramfs"] == {
        "examined": True, "reason": None, "builder": "initramfs-tools", "builder_evidence": "/usr/sbin/update-initramfs calls mkinitramfs",
        "next_known": True, "next_evidence": "it is the only kernel",
        "images": [{"kernel": RELEASE, "when": ["running", "next"], "image": "/" + IMAGE, "examined": True, "driver": True, "early": True,
                    "by": "conf/modules", "builder": "initramfs-tools", "stale": False, "reason": None}]}


@pytest.mark.parametrize("content", [image(driver=False), image(driver=False, named=False), image(named=False)])
def test_an_image_that_was_not_built_since_its_settings_is_stale(tmp_path, content):
    grow(tmp_path, {**TREE, IMAGE: archive(content)})
    (found,) = facts(tmp_path, initramfs=True)["initramfs"]["images"]
    assert (found["early"], found["stale"]) == (False, True)
    grow(tmp_path, {"etc/initramfs-tools/modules": "loop\n"})
    assert facts(tmp_path, initramfs=True)["initramfs"]["images"][0]["stale"] is False


def test_a_system_without_an_image_or_a_kernel_says_so(tmp_path):
    assert facts(tmp_path, initramfs=True)["initramfs"]["reason"] == "no kernel with modules was found below /lib/modules, and no boot entry"
    grow(tmp_path, {path: text for path, text in TREE.items() if path != IMAGE})
    found = facts(tmp_path, initramfs=True)["initramfs"]
    assert (found["examined"], found["reason"]) == (False, "no image of an initramfs was found for it")


def test_a_container_has_none_of_its_own():
    assert _initramfs.examine(container="podman")["reason"] == "a container's kernel, and with it the initramfs, is its host's"


def test_an_image_that_is_no_regular_file_is_named_as_such(tmp_path):
    grow(tmp_path, TREE)
    os.unlink(tmp_path / IMAGE)
    os.mkfifo(tmp_path / IMAGE)
    assert facts(tmp_path, initramfs=True)["initramfs"]["reason"] == "it is no regular file"


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to become somebody else")
def test_an_image_that_only_root_may_read_is_listed_as_unseen(tmp_path):
    grow(tmp_path, TREE)
    os.chmod(tmp_path / IMAGE, 0o600)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    os.seteuid(65534)
    try:
        found = facts(tmp_path, initramfs=True)
    finally:
        os.seteuid(0)
    assert found["initramfs"]["examined"] is False
    assert found["unseen"][-1] == {"what": "initramfs", "why": "/%s: only root may read it" % IMAGE, "needs": "root"}


def test_hostile_images_end_in_facts_that_fit(tmp_path):
    names = {"usr/lib/modules/%s/%s.ko" % (RELEASE, "x" * 200): b"", "conf/modules": b"virtio_rng\n" * 9000,
             "etc/modprobe.d/%s.conf" % ("\x1b[31m" * 9): b"install virtio_rng\n"}
    grow(tmp_path, {**TREE, IMAGE: archive({**image(named=False), **names})})
    (found,) = facts(tmp_path, initramfs=True)["initramfs"]["images"]
    assert found["reason"].isprintable()
    assert found["early"] is False


# --- the problem of the next boot --------------------------------------------------------------------------------------------------------

def served(**crng):
    """Return the facts (dict) of a guest whose device serves it, with what is seen of its generator."""
    half = chain_facts()
    half["hwrng"].update(driver_bound=["virtio0"])
    half["cpu"] = {"rdrand": crng.pop("rdrand", False), "rdseed": False, "trusted": True}
    half["crng"].update({"seeded_by": "hwrng", **crng})
    return half


def found(tmp_path, half, **files):
    """Return the codes of the problems, and the verdict, of ``half`` (dict) beside the images of a tree with these ``files``."""
    grow(tmp_path, {**TREE, **files})
    add_initramfs(half, _initramfs.examine(str(tmp_path)))
    return [one["code"] for one in half["problems"]], half["verdict"]


CODE = "initramfs-without-driver"
NEXT = {"boot/vmlinuz-6.9.0": "", "vmlinuz": "-> boot/vmlinuz-6.9.0", "lib/modules/6.9.0/modules.dep": DEPENDENCIES}


@pytest.mark.parametrize("content", [image(driver=False), image(named=False), image(others=())])
def test_an_image_that_boots_next_and_does_not_load_the_driver_is_a_problem(tmp_path, content):
    half = served()
    assert found(tmp_path, half, **{IMAGE: archive(content)}) == ([CODE], "degraded")
    assert half["problems"][0]["evidence"].startswith("kernel %s boots next (it is the only kernel); /%s: it has " % (RELEASE, IMAGE))


@pytest.mark.parametrize("files", [
    {}, {"lib/modules/%s/modules.builtin" % RELEASE: "kernel/drivers/char/hw_random/virtio-rng.ko\n", IMAGE: archive(image(driver=False))},
    # What was not seen: an image of another kind, none at all, and which kernel boots next.
    {IMAGE: b"an image of another kind"}, {**NEXT, IMAGE: archive(image(driver=False))},
    {**NEXT, "vmlinuz": "-> boot/nothing", IMAGE: archive(image(driver=False))},
    # One of two images has it.
    {IMAGE: archive(image(driver=False)), "boot/initramfs-%s.img" % RELEASE: archive(image(builder="dracut"))},
    # That of the running kernel does not count.
    {**NEXT, IMAGE: archive(image(driver=False)), "boot/initrd.img-6.9.0": archive(image(release="6.9.0", others=tuple(
        name.replace(RELEASE, "6.9.0") for name in OTHERS)))}])
def test_an_image_that_has_the_driver_or_was_not_seen_is_no_problem(tmp_path, files):
    assert found(tmp_path, served(), **files) == ([], "ok")


@pytest.mark.parametrize(("crng", "is_problem"), [
    ({"seeded_by": "cpu"}, False), ({"seeded_by": "bootloader"}, False), ({"seeded_by": "unknown", "in_time": "unknown", "rdrand": True}, False),
    ({"seeded_by": "unknown", "in_time": "unknown"}, True), ({"seeded_by": "jitter"}, True), ({"in_time": False, "rdrand": True}, True)])
def test_a_guest_that_is_ready_before_any_driver_does_without(tmp_path, crng, is_problem):
    codes, _verdict = found(tmp_path, served(**crng), **{IMAGE: archive(image(driver=False))})
    assert codes == [CODE] * is_problem


@pytest.mark.parametrize("change", [{"device": False}, {"driver_bound": [], "current": "tpm-rng-0"}])
def test_a_guest_whose_device_does_not_serve_it_has_another_problem(tmp_path, change):
    half = served()
    half["hwrng"].update(change)
    assert CODE not in found(tmp_path, half, **{IMAGE: archive(image(driver=False))})[0]


def test_a_machine_that_is_no_guest_needs_no_driver(tmp_path):
    half = served()
    half["kvm_guest"] = False
    assert found(tmp_path, half, **{IMAGE: archive(image(driver=False))})[0] == []


def test_a_look_without_the_right_to_read_images_is_not_undecided_for_that(tmp_path):
    half = {**served(), "unseen": [{"what": "initramfs", "why": "/%s: only root may read it" % IMAGE, "needs": "root"}]}
    assert _rights.refused(half) is None
