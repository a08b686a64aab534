# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which kernels a system runs and boots next, and which images of an initramfs they have: by boot entries, GRUB's configuration, or links."""

import fnmatch
import posixpath
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

_MODULES = "/lib/modules"
# UTS_RELEASE, include/linux/utsname.h, as in _kernel.
_RELEASE = re.compile(r"[A-Za-z0-9._+~:-]{1,64}\Z")
_ENTRIES = ("/boot/loader", "/efi/loader", "/boot/efi/loader")
_GRUB = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/efi/EFI/fedora/grub.cfg", "/boot/efi/EFI/redhat/grub.cfg", "/boot/efi/EFI/centos/grub.cfg")
_GRUBENV = ("/boot/grub2/grubenv", "/boot/grub/grubenv")
_LINKS = ("/boot/vmlinuz", "/vmlinuz", "/boot/vmlinuz.img", "/boot/image")
_UKI_FOLDERS = ("/boot/efi/EFI/Linux", "/efi/EFI/Linux", "/boot/EFI/Linux")
# Where images are: Debian; Fedora and RHEL; SUSE, and SUSE with all of a kernel in one folder; Arch by its package, with booster too; Alpine, by its flavor.
_IMAGES = ("/boot/initrd.img-{release}", "/boot/initramfs-{release}.img", "/boot/initrd-{release}", "/boot/initramfs-{release}",
           "/boot/{machine}/{release}/initrd", "/usr/lib/modules/{release}/initrd", "/usr/lib/modules/{release}/initramfs.img",
           "/boot/initramfs-{package}.img", "/boot/booster-{package}.img", "/boot/initramfs-{flavor}")
_KERNEL = re.compile(r"(?:vmlinuz|vmlinux|kernel|linux|bzImage|Image|image)-(.+)$")
_EFI_VARIABLES = "/sys/firmware/efi/efivars"
_LOADER = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_MOST_CFG = 1 << 20
_MOST = 64
_MOST_LINKS = 4

RUNNING, NEXT, INSTALLED = "running", "next", "installed"


class Target(NamedTuple):
    """A kernel (its ``release``), when it counts (``when``: RUNNING, NEXT, INSTALLED) and the ``image`` of its initramfs, None where it has none."""

    release: str
    when: Tuple[str, ...]
    image: Optional[str]


class Entry(NamedTuple):
    """What a boot loader starts: the ``name`` of the entry, the ``release`` and the ``image``, each None where that was not seen."""

    name: str
    release: Optional[str]
    image: Optional[str]


class Kernels(NamedTuple):
    """The ``targets`` that count, whether the kernel that boots next is known (``is_next_known``), and by what (``evidence``)."""

    targets: List[Target]
    is_next_known: bool
    evidence: str


def find(tree) -> Kernels:
    """Return the Kernels of ``tree`` (``_kernel_tree.Tree``): the running one and the next one, or all where the next one cannot be known."""
    running = tree.text("/proc/sys/kernel/osrelease") or ""
    installed = [name for name in (tree.names(_MODULES) or ()) if _RELEASE.match(name) and tree.has("%s/%s/modules.dep" % (_MODULES, name))][:_MOST]
    entry, evidence = _next(tree)
    return targets(running if _RELEASE.match(running) else None, installed, entry, evidence,
                   {release: _images(tree, release) for release in {*installed, running, entry.release if entry else ""} if _RELEASE.match(release or "")})


def targets(running: Optional[str], installed: List[str], entry: Optional[Entry], evidence: str, images: Dict[str, List[str]]) -> Kernels:
    """Return the Kernels that count: ``images`` are the paths of those that each release has. Pure."""
    when = {}
    # A kernel that is booted from outside (QEMU's -kernel) has nothing here.
    if running and (images.get(running) or running in installed):
        when[running] = [RUNNING]
    following = entry.release if entry else None
    if following is None and len(installed) == 1:
        following, evidence = installed[0], "it is the only kernel"
    if following is not None:
        when.setdefault(following, []).append(NEXT)
    else:
        for release in sorted(installed, key=version, reverse=True):
            when.setdefault(release, [INSTALLED])
    found = []
    for release, reasons in when.items():
        paths = images.get(release) or []
        if release == following and entry and entry.image:
            paths = [entry.image]
        found += [Target(release, tuple(reasons), path) for path in paths] or [Target(release, tuple(reasons), None)]
    return Kernels(found, following is not None, evidence)


def version(release: str) -> List[Tuple[int, int, str]]:
    """Return a key by which releases are sorted as people do: 6.10 after 6.9."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.findall(r"\d+|[A-Za-z]+", release)]


def _images(tree, release: str) -> List[str]:
    """Return the paths of the images that the kernel ``release`` has."""
    names = {"release": release, "machine": tree.text("/etc/kernel/entry-token") or tree.text("/etc/machine-id") or "-",
             "package": tree.text("%s/%s/pkgbase" % (_MODULES, release)) or "-", "flavor": release.rpartition("-")[2]}
    paths = [pattern.format(**names) for pattern in _IMAGES]
    found = [path for path in paths if "/-" not in path and tree.has(path)]
    for folder in _UKI_FOLDERS:
        found += ["%s/%s" % (folder, name) for name in (tree.names(folder) or ())[:_MOST] if name.endswith(".efi") and release in name]
    # One file may have two names, by links.
    real = {}
    for path in found:
        real.setdefault(_real(tree, path), path)
    return list(real)


def _real(tree, path: str) -> str:
    """Return ``path`` without the symbolic links at its end."""
    for _unused in range(_MOST_LINKS):
        target = tree.target(path)
        if target is None:
            break
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return path


def _next(tree) -> Tuple[Optional[Entry], str]:
    """Return the Entry that boots next, None where that cannot be known, and how it is known."""
    config = next(((path, text) for path, text in ((path, tree.text(path, _MOST_CFG)) for path in _GRUB) if text), None)
    if config and "blscfg" not in config[1]:
        return _by_grub(tree, *config)
    entries = _boot_entries(tree)
    if entries:
        return _by_entries(tree, entries, config is not None)
    for link in _LINKS:
        if tree.target(link) is not None:
            release = _release_in(tree, link)
            if release:
                return Entry(link, release, None), "the link %s" % link
    return None, "neither boot entries nor GRUB's configuration nor a link to a kernel say so"


def _by_grub(tree, path: str, text: str) -> Tuple[Optional[Entry], str]:
    """Return the entry that GRUB's own configuration starts; grub-mkconfig's sets default to a number, a title, or what grubenv has saved."""
    chosen = [value for value in re.findall(r"^\s*set default=[\"']?([^\"'\n]*)", text, re.MULTILINE) if "next_entry" not in value]
    value = chosen[-1] if chosen else "0"
    # grub-mkconfig's file asks for an entry that grub-reboot(8) has set for one boot, whatever the default is.
    once = _saved(tree, "next_entry")
    if once or "saved_entry" in value:
        value = once or _saved(tree, "saved_entry") or "0"
    entries = list(_grub_entries(tree, text))
    if value == "0" and entries:
        return entries[0], "the first entry of %s" % path
    found = next((entry for entry in entries if entry.name and value in (entry.name, *entry.name.split("\n"))), None)
    return found, "the entry %s of %s" % (value[:60], path) if found else "GRUB's default entry %s was not found in %s" % (value[:60], path)


def _grub_entries(tree, text: str):
    """Yield an Entry for each pair of the commands linux and initrd in GRUB's configuration; its name has the title and the id."""
    title, kernel = "", None
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "menuentry":
            names = re.findall(r"'([^']*)'|\"([^\"]*)\"", line)
            title, kernel = "\n".join(first or second for first, second in names), None
        elif re.match(r"linux(?:16|efi)?$", words[0]) and len(words) > 1:
            kernel = words[1]
        elif re.match(r"initrd(?:16|efi)?$", words[0]) and kernel:
            images = [path for path in (_located(tree, word, "/boot") for word in words[1:]) if path]
            yield Entry(title, _release_in(tree, _located(tree, kernel, "/boot") or kernel), _real(tree, images[-1]) if images else None)
            kernel = None


def _boot_entries(tree) -> List[Entry]:
    """Return the entries of the Boot Loader Specification."""
    found = []
    for loader in _ENTRIES:
        for name in (tree.names(loader + "/entries") or ())[:_MOST]:
            if name.endswith(".conf"):
                text = tree.text("%s/entries/%s" % (loader, name)) or ""
                fields = {words[0]: words[1] for words in (line.split(None, 1) for line in text.splitlines()) if len(words) == 2}
                base = posixpath.dirname(loader)
                kernel = _located(tree, fields.get("linux", "").strip(), base)
                release = fields.get("version", "").strip() or (kernel and _release_in(tree, kernel)) or ""
                images = [path for path in (_located(tree, word, base) for word in fields.get("initrd", "").split() if "$" not in word) if path]
                found.append(Entry(name[:-len(".conf")], release if _RELEASE.match(release) else None, images[-1] if images else None))
        if found:
            break
    return found


def _by_entries(tree, entries: List[Entry], is_grub: bool) -> Tuple[Optional[Entry], str]:
    entries = [entry for entry in entries if entry.release and "rescue" not in entry.name]
    if is_grub:
        pattern = _saved(tree, "next_entry", "saved_entry")
    else:
        text = next(filter(None, (tree.text(loader + "/loader.conf") for loader in _ENTRIES)), "")
        chosen = re.findall(r"^default\s+(\S+)", text, re.MULTILINE)
        pattern = _chosen_in_firmware(tree) or (chosen[-1] if chosen and not chosen[-1].startswith("@") else None)
    newest = sorted(entries, key=lambda each: version(each.release), reverse=True)
    if pattern and pattern.isdigit() and int(pattern) < len(newest):
        entry = newest[int(pattern)]
        return entry, "the boot entry %s, number %s" % (entry.name, pattern)
    if pattern:
        found = [entry for entry in entries if fnmatch.fnmatchcase(entry.name, pattern) or fnmatch.fnmatchcase(entry.name + ".conf", pattern)]
        if found:
            entry = max(found, key=lambda each: version(each.release))
            return entry, "the boot entry %s" % entry.name
    if not entries:
        return None, "no boot entry names its kernel"
    entry = newest[0]
    return entry, "the newest boot entry, %s" % entry.name


def _saved(tree, *keys: str) -> Optional[str]:
    """Return the entry that grubenv has saved by the first of ``keys``, None where it has none."""
    for path in _GRUBENV:
        text = tree.text(path) or ""
        for key in keys:
            match = re.search(r"^%s=(.+)$" % key, text, re.MULTILINE)
            if match:
                # A path of titles leads to a submenu: the last counts.
                return match.group(1).strip().rpartition(">")[2]
    return None


def _chosen_in_firmware(tree) -> Optional[str]:
    """Return the entry that bootctl(1) has set as the default, or for one boot, in EFI's variables, None where there is none."""
    for name in ("LoaderEntryOneShot", "LoaderEntryDefault"):
        # 4 bytes of attributes, then UTF-16 (Documentation/filesystems/efivarfs.rst of Linux, BOOT_LOADER_INTERFACE of systemd).
        content = tree.data("%s/%s-%s" % (_EFI_VARIABLES, name, _LOADER))
        if content and len(content) > 4:
            return content[4:].decode("utf-16-le", "replace").rstrip("\0")
    return None


def _located(tree, path: str, base: str) -> Optional[str]:
    """Return where a boot loader's ``path`` is in the tree: below ``base``, where its partition is mounted, or below /. None where it is not."""
    path = re.sub(r"^\([^)]*\)", "", path)
    if not path.startswith("/") or "$" in path:
        return None
    return next((each for each in (base.rstrip("/") + path, path) if tree.has(each)), None)


def _release_in(tree, path: str) -> Optional[str]:
    """Return the release in the name of the kernel at ``path``, or of what that links to; None where it has none."""
    for each in (_real(tree, path), path):
        match = _KERNEL.match(posixpath.basename(each))
        release = match.group(1) if match else posixpath.basename(posixpath.dirname(each))
        if _RELEASE.match(release) and (match or tree.has("%s/%s" % (_MODULES, release))):
            return release
    return None
