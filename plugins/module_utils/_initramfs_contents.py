# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image of an initramfs does with the virtio-rng driver: has it, with what it needs, and loads it. Pure, from the image's contents."""

import re
from typing import Iterable, NamedTuple, Optional, Union

from ansible_collections.kvm.entropy.plugins.module_utils import _modprobe
from ansible_collections.kvm.entropy.plugins.module_utils._driver_module import ABSENT, BUILTIN, DRIVER, MODULE, Driver, module_name
from ansible_collections.kvm.entropy.plugins.module_utils._initramfs_builder import names_driver

# virtio:d00000004v* in modules.alias: VIRTIO_ID_RNG, include/uapi/linux/virtio_ids.h.
_ALIAS = re.compile(r"^alias virtio:d00000004v\S* virtio[_-]rng$", re.MULTILINE)
_MODULE_FILE = re.compile(r"usr/lib/modules/([^/]+)/.+\.ko(?:\.(?:gz|xz|zst))?$")
_NAMED = re.compile(r"(?:^|[\s,\"'(])virtio[_-]rng(?=$|[\s,\"')])", re.MULTILINE)

# What a text may have, so that it is kept (bytes). modules.alias is the longest.
_TEXTS = (
    (re.compile(r"usr/lib/modules/[^/]+/modules\.alias$"), 4 << 20),
    (re.compile(r"conf/modules$|config$|etc/modules$"), 1 << 16),
    (re.compile(r"(?:etc|run|usr/lib|usr/local/lib)/(?:cmdline|modules-load|modprobe)\.d/[^/]+\.conf$"), 1 << 16),
    (re.compile(r"etc/booster\.init\.yaml$"), 1 << 16),
)
# Names by which it is seen who built an image, and whether udev loads drivers in it.
_MARKS = {
    "dracut": re.compile(r"usr/lib/dracut/|usr/lib/dracut-lib\.sh$|usr/lib/dracut-[0-9]"),
    "initramfs-tools": re.compile(r"conf/initramfs\.conf$|conf/arch\.conf$"),
    "mkinitcpio": re.compile(r"init_functions$|buildconfig$"),
    "booster": re.compile(r"etc/booster\.init\.yaml$"),
    "mkinitfs": re.compile(r"etc/mdev\.conf$|usr/lib/mdev"),
}
_UDEV = re.compile(r"usr/(?:lib/systemd/systemd-udevd|lib/udev/udevd|bin/udevadm|sbin/udevd)$")
_UDEV_RULES = re.compile(r"usr/lib/udev/rules\.d/80-drivers\.rules$")
_PACKED = re.compile(r"(?:squashfs|erofs)-root\.img$")
_OTHER = re.compile(r"init$|usr/lib/systemd/systemd$")

# The reason where a file in the image keeps the driver out begins so.
IN_IT = "in it, "
YES, NO, UNSEEN = True, False, "unknown"


class Judged(NamedTuple):
    """What an image does: whether it has the ``driver`` and what that needs, whether it loads it (``early``), both tri-states, ``by`` which of its
    files, whether that names it (``is_named``; udev does not), who built the image (``builder``), and the ``reason`` for what is not right."""

    driver: Union[bool, str]
    early: Union[bool, str]
    by: Optional[str]
    is_named: bool
    builder: Optional[str]
    reason: Optional[str]


def is_name_wanted(name: str) -> bool:
    """Return whether the ``name`` of a file in an image says something of the driver."""
    if name.startswith("usr/lib/modules/"):
        return name.endswith((".ko", ".gz", ".xz", ".zst", "modules.alias.bin", "modules.alias"))
    return any(pattern.match(name) for pattern in (*_MARKS.values(), _UDEV, _UDEV_RULES, _PACKED, _OTHER))


def is_text_wanted(name: str) -> int:
    """Return how many bytes of the file ``name`` of an image are wanted, at most."""
    return next((most for pattern, most in _TEXTS if pattern.match(name)), 0)


def judged(contents, release: str, driver: Driver) -> Judged:
    """Return what the image with these ``contents`` (``_initramfs_archive.Contents``) does with the ``driver`` of the kernel ``release``."""
    builder = _builder(contents.names)
    if driver.kind == BUILTIN:
        return Judged(YES, YES, "kernel", True, builder, None)
    if driver.kind == ABSENT:
        return Judged(NO, NO, None, False, builder, driver.evidence)
    present = _modules(contents.names, release)
    loader, is_named, why = _loader(contents, release, driver.needs)
    if DRIVER in present:
        missing = _missing(driver, present)
        if not missing:
            return Judged(YES, loader is not None, loader, is_named, builder, None if loader else why)
        reason = "it has %s, and not %s, which that needs" % (DRIVER, ", ".join(missing))
    else:
        others = sorted({match.group(1) for match in map(_MODULE_FILE.match, contents.names) if match} - {release})
        reason = "it has no module %s for kernel %s%s" % (DRIVER, release, " (it is one of kernel %s)" % others[0] if others and not present else "")
    if contents.is_damaged:
        return Judged(NO, NO, None, False, builder, "it is damaged: %s" % contents.reason)
    packed = any(_PACKED.match(name) for name in contents.names)
    if contents.reason or packed:
        # What was not read may have it.
        why_not = contents.reason or "its files are in a file system of their own (squashfs or erofs), which is not looked into"
        return Judged(UNSEEN, UNSEEN, None, False, builder, why_not)
    return Judged(NO, NO, None, False, builder, reason)


def _builder(names: Iterable[str]) -> Optional[str]:
    return next((builder for builder, mark in _MARKS.items() if any(mark.match(name) for name in names)), None)


def _modules(names: Iterable[str], release: str) -> frozenset:
    """Return the names of the modules for the kernel ``release`` that an image has."""
    start = "usr/lib/modules/%s/" % release
    return frozenset(module_name(name) for name in names if name.startswith(start) and _MODULE_FILE.match(name))


def _missing(driver: Driver, present: frozenset):
    """Return which modules (list of str) the driver lacks among those ``present``; of the transports, one is enough."""
    missing = [name for name in driver.needs if name not in present]
    modules = driver.transports
    # Where not all of them are modules, one is built in.
    if "virtio_pci" in modules and not any(name in present for name in modules):
        missing.append(" or ".join(modules))
    missing += [need for name, needs in modules.items() if name in present for need in needs if need not in present]
    return list(dict.fromkeys(missing))


def _loader(contents, release: str, needs: Iterable[str]):
    """Early is what is loaded before the root file system is mounted.

    By name: initramfs-tools loads conf/modules (load_modules in its init, after init-top), dracut rd.driver.pre (dracut-pre-udev.sh, parse-kernel.sh), systemd
    modules-load.d. By alias: udev, which both have trigger all devices and settle (scripts/init-top/udev; dracut's pre-trigger) with the rules of kmod.

    Return what in the image loads the driver (str or None), whether that names it (bool), and why nothing does (str)."""
    texts = contents.texts
    refusal = _modprobe.refusal_in({path: text for path, text in texts.items() if "/modprobe.d/" in path}, needs=needs)
    for path, text in sorted(texts.items()):
        if _names_it(path, text) and not (refusal and (refusal.how == _modprobe.ALWAYS or (refusal.how == _modprobe.BY_ALIAS and "/modules-load.d/" in path))):
            return path, True, ""
    if refusal:
        return None, False, IN_IT + refusal.evidence
    has_alias = _ALIAS.search(texts.get("usr/lib/modules/%s/modules.alias" % release, "")) or (
        "usr/lib/modules/%s/modules.alias" % release not in texts and "usr/lib/modules/%s/modules.alias.bin" % release in contents.names)
    has_udev = any(_UDEV.match(name) for name in contents.names) and any(_UDEV_RULES.match(name) for name in contents.names)
    if has_alias and has_udev:
        return "udev", False, ""
    return None, False, "it has the driver, and nothing in it loads that"


def _names_it(path: str, text: str) -> bool:
    """Return whether the image's file ``path`` with this ``text`` has the driver loaded by its name."""
    if path == "conf/modules":
        return names_driver(text)
    if path == "etc/modules" or "/modules-load.d/" in path:
        return any(line.split()[:1] in (["virtio_rng"], ["virtio-rng"]) for line in text.splitlines())
    if "/cmdline.d/" in path:
        # dracut.cmdline(7): rd.driver.pre is loaded before udev starts, rd.driver.post after that.
        return any(word.partition("=")[0] in ("rd.driver.pre", "rd.driver.post") and re.search(r"(?:^|,|=)virtio[_-]rng(?:,|$)", word)
                   for word in text.split())
    if path == "config":
        # mkinitcpio(8) writes what its init is to load.
        return any(line.startswith("MODULES=") and _NAMED.search(line[len("MODULES="):]) for line in text.splitlines())
    if path == "etc/booster.init.yaml":
        return bool(_NAMED.search(text))
    return False


def is_needed(driver: Driver) -> bool:
    """Return whether an image has to load the driver: the kernel has it as a module."""
    return driver.kind == MODULE
