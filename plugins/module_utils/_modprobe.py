# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether modprobe or the kernel is told not to load the virtio-rng driver (modprobe.d(5), modprobe(8), kernel-parameters.txt of Linux). Pure.

Read as kmod reads it (kmod_config_parse() in libkmod-config.c, getline_wrapped() in shared/util.c): a backslash at the end of a line continues it, only
spaces and tabs separate words, and only a line that begins with # is a comment. ``install`` and ``alias`` take wildcards, ``blacklist`` takes a name.
``options`` and ``softdep`` keep nothing from being loaded.
"""

import fnmatch
import re
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional

# Whether not even its name loads it; only not its alias (udev) and modules-load.d, which systemd-modules-load(8) leaves out then; or only not its alias.
ALWAYS, BY_ALIAS, BY_DEVICE = "always", "by alias", "by device"
_WORST_FIRST = (ALWAYS, BY_ALIAS, BY_DEVICE)

FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
_DRIVER = "virtio_rng"
# The alias by which udev asks for the driver of a device on PCI: VIRTIO_ID_RNG, and the vendor of its PCI subsystem.
_DEVICE = "virtio:d00000004v00001AF4"
# An install command with one of these may load the module itself.
_LOADER = re.compile(r"\b(?:modprobe|insmod|kmod)\b")
# Python before 3.9 takes long to find that a pattern with many of them does not fit.
_MOST_STARS = 4
_MOST_WORDS = 80
_MOST_FILES = 64


class Refusal(NamedTuple):
    """What keeps the driver from being loaded: ``how`` (ALWAYS, BY_ALIAS or BY_DEVICE), and the ``evidence``."""

    how: str
    evidence: str


class _Line(NamedTuple):
    """A line (``words``) of the file ``path``: its ``command``, the ``name`` or pattern that it is for, and the ``rest``."""

    path: str
    words: str
    command: str
    name: str
    rest: str


def refusal_in(texts: Dict[str, str], command_line: str = "", needs: Iterable[str] = ()) -> Optional[Refusal]:
    """Return what in the files of modprobe.d (``texts``, by their paths) or on the kernel's command line keeps the driver, or a module that it ``needs``, from
    being loaded; None where nothing does."""
    lines = list(_lines(texts))
    found = [_in_words(line, ALWAYS) for line in (_install(lines, name) for name in (_DRIVER, *needs)) if line]
    found += [_in_words(line, how) for line, how in ((_alias(lines, _DRIVER), ALWAYS), (_alias(lines, _DEVICE), BY_DEVICE)) if line]
    found += [_in_words(line, BY_ALIAS) for line in lines if line.command == "blacklist" and line.name == _DRIVER]
    found += _on_command_line(command_line, frozenset((_DRIVER, *needs)))
    return min(found, key=lambda refusal: _WORST_FIRST.index(refusal.how)) if found else None


def _install(lines: List[_Line], name: str) -> Optional[_Line]:
    """Return the line that has a command run in the place of loading the module ``name``: the first that fits. None where that may load it."""
    first = next((line for line in lines if line.command == "install" and line.rest and _fits(line, name)), None)
    return None if first is None or _LOADER.search(first.rest) else first


def _alias(lines: List[_Line], name: str) -> Optional[_Line]:
    """Return a line that has other modules loaded in the place of the driver for ``name``: aliases in these files count before the kernel's own lists."""
    fitting = [line for line in lines if line.command == "alias" and line.rest and _fits(line, name)]
    return fitting[0] if fitting and all(_underscored(line.rest.split()[0]) != _DRIVER for line in fitting) else None


def _fits(line: _Line, name: str) -> bool:
    return line.name.count("*") <= _MOST_STARS and fnmatch.fnmatchcase(name, line.name)


def _in_words(line: _Line, how: str) -> Refusal:
    return Refusal(how, "%s has %r" % (line.path, line.words[:_MOST_WORDS]))


def _on_command_line(command_line: str, names: frozenset) -> Iterator[Refusal]:
    """Yield what the kernel's command line keeps from being loaded among ``names``; the kernel and kmod take a name as it is, and dracut writes a file."""
    words = [word.strip('"').partition("=") for word in command_line.split()]
    # The kernel takes the last one of its own (core_param() in kernel/module/main.c).
    for key, how, wanted in (("module_blacklist", ALWAYS, names), ("modprobe.blacklist", BY_ALIAS, {_DRIVER}), ("rd.driver.blacklist", BY_ALIAS, {_DRIVER})):
        values = [value.strip('"') for word, _equals, value in words if (word.replace("-", "_") if how == ALWAYS else word) == key]
        for value in values[-1:] if how == ALWAYS else values:
            if wanted.intersection((_underscored(value) if key.startswith("rd.") else value).split(",")):
                yield Refusal(how, "the kernel's command line has %s" % ("%s=%s" % (key, value))[:_MOST_WORDS])


def _lines(texts: Dict[str, str]) -> Iterator[_Line]:
    """Yield the lines of ``texts`` that have a command and a name, in kmod's order: by the files' names."""
    for path, text in sorted(_in_force(texts).items(), key=lambda item: item[0].rpartition("/")[2]):
        for line in re.sub(r"\\(.)", lambda match: match.group(1).strip("\n"), text, flags=re.DOTALL).split("\n"):
            words = re.split(r"[ \t]+", line.strip(" \t"), maxsplit=2)
            # kmod leaves out a line whose bracket is not closed (underscores() in libkmod); fnmatch takes long over many of them.
            if len(words) > 1 and not line.startswith("#") and words[1].rfind("[") <= words[1].rfind("]"):
                yield _Line(path, " ".join(line.split()), words[0], _underscored(words[1]), "".join(words[2:]))


def _underscored(name: str) -> str:
    """Return ``name`` as kmod compares it: with underscores, but between brackets (underscores() in libkmod)."""
    return re.sub(r"\[[^]]*\]|-", lambda match: "_" if match.group() == "-" else match.group(), name)


def _in_force(texts: Dict[str, str]) -> Dict[str, str]:
    """Return those of ``texts`` that modprobe reads: of several files of one name, that of the first folder (modprobe.d(5))."""
    chosen = {}
    for path in sorted(texts, key=lambda path: _rank("/" + path.lstrip("/").rpartition("/")[0])):
        chosen.setdefault(path.rpartition("/")[2], path)
    return {path: texts[path] for path in chosen.values()}


def _rank(folder: str) -> int:
    return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


def refusal_of(tree, needs: Iterable[str] = ()) -> Optional[Refusal]:
    """Return what keeps the driver, or a module that it ``needs``, from being loaded in ``tree`` (``_kernel_tree.Tree``), None where nothing does."""
    texts = {}
    for folder in FOLDERS:
        for name in (tree.names(folder) or ())[:_MOST_FILES]:
            if name.endswith(".conf") and not name.startswith("."):
                # Not stripped: a carriage return at its end is part of a name.
                texts["%s/%s" % (folder, name)] = (tree.data("%s/%s" % (folder, name)) or b"").decode("utf-8", "replace")
    return refusal_in(texts, tree.text("/proc/cmdline") or "", needs)
