# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look into the images of the initramfs that count: those of the running kernel and of the one that boots next. Bounded in time, bytes and memory."""

import time
from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.kvm.entropy.plugins.module_utils import _driver_module, _initramfs_archive, _initramfs_builder, _initramfs_contents, _initramfs_kernels
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_tree import Tree
from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

# For all images together (s), and how many are looked into. A core of 2020 reads one of 60 MiB in about 0.5 s.
MOST_SECONDS = 30.0
MOST_IMAGES = 8
ONLY_ROOT = "only root may read it"
# By the error's name; EINVAL is the tree's own.
_NOT_READ = {"EACCES": ONLY_ROOT, "EPERM": ONLY_ROOT, "EINVAL": "it is no regular file"}


class Image(NamedTuple):
    """What was seen of one kernel's image: the ``target``, how the kernel has the ``driver``, and what the image does with it (``judged``)."""

    target: _initramfs_kernels.Target
    driver: _driver_module.Driver
    judged: _initramfs_contents.Judged
    is_stale: bool


class Sight(NamedTuple):
    """All that was seen: the ``images``, the ``builder``, its settings (``settings``, as ``_initramfs_builder.observe``), and the ``kernels``."""

    images: List[Image]
    builder: _initramfs_builder.Builder
    settings: Dict[str, Any]
    kernels: _initramfs_kernels.Kernels


def look(tree, wish: str = _initramfs_builder.AUTO, seconds: float = MOST_SECONDS) -> Sight:
    """Return the Sight of ``tree`` (``_kernel_tree.Tree``); ``wish`` is one of ``_initramfs_builder.WISHES``."""
    deadline = time.monotonic() + seconds
    kernels = _initramfs_kernels.find(tree)
    settings = _initramfs_builder.observe(tree)
    running = tree.text("/proc/sys/kernel/osrelease")
    drivers = {target.release: _driver_module.driver_of(_driver_module.observe(tree, target.release, tree.is_live and target.release == running))
               for target in kernels.targets}
    seen = [(target, drivers[target.release], _judged(tree, target, drivers[target.release], deadline)) for target in kernels.targets[:MOST_IMAGES]]
    builder = _initramfs_builder.decide(settings, wish, frozenset(judged.builder for _target, _driver, judged in seen if judged.builder))
    images = [Image(target, driver, judged, _is_stale(settings, judged, driver)) for target, driver, judged in seen]
    return Sight(images, builder, settings, kernels)


def _judged(tree, target, driver, deadline):
    """Return what the image of ``target`` does with ``driver``."""
    unseen = _initramfs_contents.UNSEEN
    if target.image is None:
        if driver.kind == _driver_module.BUILTIN:
            return _initramfs_contents.Judged(True, True, "kernel", True, None, None)
        return _initramfs_contents.Judged(unseen, unseen, None, False, None, "no image of an initramfs was found for it")
    contents = tree.use(target.image, lambda handle, _size: _initramfs_archive.read(
        handle, _initramfs_contents.is_name_wanted, _initramfs_contents.is_text_wanted,
        max(0.0, min(_initramfs_archive.MOST_SECONDS, deadline - time.monotonic()))))
    if contents is None:
        error = tree.refused.get(target.image)
        reason = _NOT_READ.get(error) or "it cannot be read (%s)" % (error or "ENOENT")
        return _initramfs_contents.Judged(unseen, unseen, None, False, None, reason)
    return _initramfs_contents.judged(contents, target.release, driver)


def _is_stale(settings, judged, driver) -> bool:
    """Return whether the settings name the driver and the image does not: it was not built since."""
    return bool(_initramfs_contents.is_needed(driver) and judged.builder and _initramfs_builder.is_named(settings, judged.builder)
                and judged.driver != _initramfs_contents.UNSEEN and not judged.is_named)


def examine(root: str = "/", container: Optional[str] = None) -> Dict[str, Any]:
    """Return the fact ``initramfs`` (dict) of the system below ``root``; a ``container`` (its manager's name) has none of its own."""
    if container:
        return {"examined": False, "reason": "a container's kernel, and with it the initramfs, is its host's", "builder": None, "builder_evidence": None,
                "next_known": False, "next_evidence": None, "images": []}
    tree = Tree(root)
    try:
        return facts(tree)
    finally:
        tree.close()


def unseen(found: Dict[str, Any]) -> List[Dict[str, str]]:
    """Return what could not be seen of the fact ``found`` for want of rights, as the fact ``unseen`` has it."""
    refused = [image for image in found["images"] if image["reason"] == ONLY_ROOT]
    return [{"what": "initramfs", "why": "%s: %s" % (refused[0]["image"], ONLY_ROOT), "needs": "root"}] if refused else []


def facts(tree, seconds: float = MOST_SECONDS) -> Dict[str, Any]:
    """Return the fact ``initramfs`` (dict) of ``tree``."""
    sight = look(tree, seconds=seconds)
    images = [image_fact(image) for image in sight.images]
    reason = None
    if not images:
        reason = "no kernel with modules was found below /lib/modules, and no boot entry"
    elif not any(image["examined"] for image in images):
        reason = images[0]["reason"]
    return {
        "examined": any(image["examined"] for image in images),
        "reason": reason,
        "builder": sight.builder.name,
        "builder_evidence": printable(sight.builder.evidence, 200),
        "next_known": sight.kernels.is_next_known,
        "next_evidence": printable(sight.kernels.evidence, 200),
        "images": images,
    }


def image_fact(image: Image) -> Dict[str, Any]:
    """Return what was seen of ``image`` as a dict that JSON can hold."""
    judged, target = image.judged, image.target
    return {
        "kernel": target.release,
        "when": list(target.when),
        "image": target.image and printable(target.image, 200),
        "examined": judged.driver != _initramfs_contents.UNSEEN,
        "driver": judged.driver,
        "early": judged.early,
        "by": judged.by and printable(judged.by, 200),
        "builder": judged.builder,
        "stale": image.is_stale,
        "reason": judged.reason and printable(judged.reason, 200),
    }
