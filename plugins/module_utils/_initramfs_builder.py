# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which program builds the initramfs of a system, and how it is told to load the virtio-rng driver. Decided from its files, never guessed."""

import re
from typing import Dict, FrozenSet, NamedTuple, Optional

INITRAMFS_TOOLS, DRACUT, NONE = "initramfs-tools", "dracut", "none"
AUTO = "auto"
WISHES = (AUTO, INITRAMFS_TOOLS, DRACUT, NONE)

_UPDATE = "/usr/sbin/update-initramfs"
_MKINITRAMFS = "/usr/sbin/mkinitramfs"
_DRACUT = ("/usr/bin/dracut", "/usr/sbin/dracut", "/sbin/dracut")
_OSTREE = "/run/ostree-booted"
_NIXOS = "/etc/NIXOS"
_PATHS = (_UPDATE, _MKINITRAMFS, *_DRACUT, _OSTREE, _NIXOS)
# The other programs that build an initramfs, by their paths.
_OTHERS = {
    "mkinitcpio": ("/usr/bin/mkinitcpio",),
    "booster": ("/usr/bin/booster",),
    "mkinitfs": ("/sbin/mkinitfs", "/usr/sbin/mkinitfs", "/usr/bin/mkinitfs"),
    "tiny-initramfs": ("/usr/sbin/mktirfs", "/usr/sbin/update-tirfs", "/sbin/mktirfs"),
    "genkernel": ("/usr/bin/genkernel",),
    "ugrd": ("/usr/bin/ugrd",),
    "mkinitrd": ("/sbin/mkinitrd", "/usr/sbin/mkinitrd"),
}
# kernel-install(8): the first of these counts, then what is in the folders of drop-ins.
_INSTALL_CONF = ("/etc/kernel/install.conf", "/run/kernel/install.conf", "/usr/local/lib/kernel/install.conf", "/usr/lib/kernel/install.conf")
_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
_DRACUT_CONF = ("/etc/dracut.conf",)
_FOLDERS = ("/etc/dracut.conf.d", "/usr/lib/dracut/dracut.conf.d", "/usr/share/initramfs-tools/modules.d", "/etc/kernel/install.conf.d")
_MOST_FILES = 64

SETTINGS = {INITRAMFS_TOOLS: "/etc/initramfs-tools/modules", DRACUT: "/etc/dracut.conf.d/kvm-entropy.conf"}
_WORD = r"virtio[_-]rng"
_REBUILD = "build the initramfs again, and reboot"

# What an administrator does where this collection does nothing.
_REMEDIES = {
    "rpm-ostree": "Run: rpm-ostree initramfs --enable --arg=--force-drivers --arg=virtio_rng, and reboot; or build the driver into the system's image",
    "nixos": "Add \"virtio_rng\" to boot.initrd.kernelModules in the system's configuration, run nixos-rebuild boot, and reboot",
    "image": "Name virtio_rng to the initramfs where the system's image is built, and roll out that image",
    "uki": "Name virtio_rng to the program that builds the initramfs in it (dracut: force_drivers; mkinitcpio: MODULES), build and sign the unified kernel "
           "image again (kernel-install add-all), and reboot",
    "mkinitcpio": "Write MODULES+=(virtio_rng) into /etc/mkinitcpio.conf.d/virtio_rng.conf, run mkinitcpio -P, and reboot",
    "booster": "Add virtio_rng to modules_force_load in /etc/booster.yaml, run /usr/lib/booster/regenerate_images, and reboot",
    "mkinitfs": "Add a feature with kernel/drivers/char/hw_random/virtio-rng.ko* (/etc/mkinitfs/features.d, and features= in /etc/mkinitfs/mkinitfs.conf), "
                "run mkinitfs, and add modules=virtio_rng to the kernel's command line",
    "tiny-initramfs": "Write virtio_rng into /etc/tiny-initramfs/modules, run update-tirfs, and reboot",
    "genkernel": "Add virtio_rng to MODULES_VIRTIO in /etc/genkernel.conf or to doload= on the kernel's command line, " + _REBUILD,
    "ugrd": "Add virtio_rng to kmod_init in /etc/ugrd/config.toml, " + _REBUILD,
    "mkinitrd": "Name virtio_rng in mkinitrd's list of modules (-m, or MODULE_LIST in /etc/mkinitrd.conf), " + _REBUILD,
    "several": "Say which by option initramfs, or name virtio_rng to the one that builds it",
    "diverted": "Restore the distribution's update-initramfs, and run this again",
    NONE: "Name virtio_rng to whatever builds this machine's initramfs, " + _REBUILD,
}


class Builder(NamedTuple):
    """What builds the initramfs: its ``name``, whether this collection knows how to use it (``is_supported``), the ``evidence``, and the ``remedy`` where
    it does not; ``program`` is what is called, and ``settings`` the file in which the driver is named."""

    name: str
    is_supported: bool
    evidence: str
    remedy: Optional[str] = None
    program: Optional[str] = None
    settings: Optional[str] = None


def observe(tree) -> Dict[str, object]:
    """Return what ``tree`` (``_kernel_tree.Tree``) has about programs and settings: ``paths`` (what is there) and ``texts``."""
    others = [path for paths in _OTHERS.values() for path in paths]
    texts = {path: tree.text(path, 1 << 16) for path in (_UPDATE, *_INSTALL_CONF, *_OS_RELEASE, *_DRACUT_CONF)}
    # Not stripped: a carriage return at its end counts.
    modules = tree.data(SETTINGS[INITRAMFS_TOOLS], 1 << 16)
    texts[SETTINGS[INITRAMFS_TOOLS]] = None if modules is None else modules.decode("utf-8", "replace")
    for folder in _FOLDERS:
        for name in (tree.names(folder) or ())[:_MOST_FILES]:
            texts["%s/%s" % (folder, name)] = tree.text("%s/%s" % (folder, name))
    return {
        "paths": sorted(path for path in [*_PATHS, *others] if tree.has(path)),
        "texts": {path: text for path, text in texts.items() if text is not None},
    }


def decide(seen, wish: str = AUTO, image_builders: FrozenSet[str] = frozenset()) -> Builder:
    """Return what builds the initramfs of the system that ``observe`` has ``seen``. Pure.

    ``wish`` is one of WISHES; ``image_builders`` are the names of those that built the images which are there: they decide between several programs.
    """
    paths, texts = frozenset(seen["paths"]), seen["texts"]
    if wish != AUTO:
        return _wished(wish, paths, texts)
    return _whole_system(paths, texts) or (_by_update_initramfs(paths, texts) if _UPDATE in paths else _by_programs(paths, texts, image_builders))


def is_named(seen, name: str) -> bool:
    """Return whether the settings that ``observe`` has ``seen`` name the driver to the builder ``name``, ours or somebody else's."""
    for path, text in seen["texts"].items():
        if name == DRACUT and (path in _DRACUT_CONF or "/dracut.conf.d/" in path) and path.endswith(".conf"):
            if re.search(r"^\s*force_drivers\+?=.*(?<![\w-])%s(?![\w-])" % _WORD, text, re.MULTILINE):
                return True
        elif name == INITRAMFS_TOOLS and (path == SETTINGS[INITRAMFS_TOOLS] or "/initramfs-tools/modules.d/" in path) and names_driver(text):
            return True
    return False


def names_driver(text: str) -> bool:
    """Return whether a list of modules (initramfs-tools(7)) has the driver. Its reader, a shell, takes a carriage return for a part of the name."""
    return any(re.match(r"[ \t]*" + _WORD + r"(?:[ \t]|\Z)", line) for line in text.split("\n"))


def _unsupported(name: str, evidence: str) -> Builder:
    return Builder(name, False, evidence, _REMEDIES[name])


def _whole_system(paths: FrozenSet[str], texts) -> Optional[Builder]:
    """Return the Builder of a system whose initramfs is part of something larger, None for another."""
    if _OSTREE in paths:
        return _unsupported("rpm-ostree", "the system was booted from an OSTree deployment (%s)" % _OSTREE)
    if _NIXOS in paths:
        return _unsupported("nixos", "the system is NixOS (%s)" % _NIXOS)
    if _setting(texts, "layout") == "uki":
        return _unsupported("uki", "kernel-install's layout is uki (install.conf)")
    return None


def _by_programs(paths: FrozenSet[str], texts, image_builders: FrozenSet[str]) -> Builder:
    """Return the Builder among the programs that are there."""
    found = ([DRACUT] if paths.intersection(_DRACUT) else []) + sorted(name for name, places in _OTHERS.items() if paths.intersection(places))
    # Wrappers of that name come with dracut on SUSE and RHEL.
    found = [name for name in found if not (name == "mkinitrd" and DRACUT in found)]
    if len(found) > 1:
        chosen = _setting(texts, "initrd_generator")
        found = [chosen] if chosen in found else [name for name in found if name in image_builders] or found
    if len(found) > 1:
        return _unsupported("several", "there are %s, and nothing says which builds the initramfs" % " and ".join(found))
    if found == [DRACUT]:
        return _dracut(paths, texts)
    if found:
        return _unsupported(found[0], "there is %s" % next(path for path in _OTHERS[found[0]] if path in paths))
    image = _release(texts, "IMAGE_ID") or ("ubuntu-core" if _release(texts, "ID") == "ubuntu-core" else None)
    if image:
        return _unsupported("image", "the system is the image %s (os-release)" % image[:40])
    return _unsupported(NONE, "no program that builds an initramfs is known here")


def _wished(wish: str, paths: FrozenSet[str], texts) -> Builder:
    if wish == NONE:
        return Builder(NONE, False, "option initramfs is none", "Name virtio_rng to the initramfs by your own means")
    if wish == DRACUT and paths.intersection(_DRACUT):
        return _dracut(paths, texts)
    if wish == INITRAMFS_TOOLS and _UPDATE in paths and _MKINITRAMFS in paths:
        return Builder(INITRAMFS_TOOLS, True, "option initramfs", None, _UPDATE, SETTINGS[INITRAMFS_TOOLS])
    return Builder(wish, False, "option initramfs is %s, and that is not installed" % wish, "Install it, or set initramfs to auto")


def _by_update_initramfs(paths: FrozenSet[str], texts) -> Builder:
    """Return the Builder behind update-initramfs: initramfs-tools has one, and dracut of Debian 14 and Ubuntu 25.10 brings its own."""
    script = "\n".join(line for line in texts.get(_UPDATE, "").splitlines() if not line.lstrip().startswith("#"))
    if re.search(r"\bmkinitramfs\b", script) and _MKINITRAMFS in paths:
        return Builder(INITRAMFS_TOOLS, True, "%s calls mkinitramfs" % _UPDATE, None, _UPDATE, SETTINGS[INITRAMFS_TOOLS])
    if re.search(r"\bdracut\b", script) and paths.intersection(_DRACUT):
        return _dracut(paths, texts, _UPDATE)
    if re.search(r"\b(?:mktirfs|update-tirfs)\b", script):
        return _unsupported("tiny-initramfs", "%s calls it" % _UPDATE)
    return _unsupported("diverted", "%s calls neither mkinitramfs nor dracut, as on a live system" % _UPDATE)


def _dracut(paths: FrozenSet[str], texts, program: Optional[str] = None) -> Builder:
    program = program or next(path for path in _DRACUT if path in paths)
    for path, text in sorted(texts.items()):
        if (path in _DRACUT_CONF or "/dracut.conf.d/" in path) and re.search(r"^\s*uefi=[\"']?yes\b", text, re.MULTILINE):
            return _unsupported("uki", "%s has uefi=yes" % path)
    return Builder(DRACUT, True, "there is %s" % program if program != _UPDATE else "%s calls dracut" % program, None, program, SETTINGS[DRACUT])


def _setting(texts, key: str) -> Optional[str]:
    """Return what kernel-install is told by ``key``, None where it is told nothing."""
    files = [path for path in _INSTALL_CONF if path in texts][:1] + sorted(path for path in texts if path.startswith("/etc/kernel/install.conf.d/"))
    found = [match.group(1) for path in files for match in re.finditer(r"^\s*%s=\s*[\"']?([\w-]+)" % key, texts[path], re.MULTILINE)]
    return found[-1] if found else None


def _release(texts, key: str) -> Optional[str]:
    text = next((texts[path] for path in _OS_RELEASE if path in texts), "")
    match = re.search(r"^%s=[\"']?([^\"'\n]+)" % key, text, re.MULTILINE)
    return match and match.group(1)


def remedy(image: str) -> str:
    """Return what an administrator does about ``image`` (path), which the builder does not build."""
    return _REMEDIES["uki" if image.endswith(".efi") else NONE]
