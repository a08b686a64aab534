# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether modprobe or the kernel is told not to load the virtio-rng driver (modprobe.d(5), modprobe(8), kernel-parameters.txt of Linux). Pure."""

import re
from typing import Dict, NamedTuple, Optional

# Whether not even its name loads it, or only not its alias (udev) and modules-load.d, which systemd-modules-load(8) leaves out then.
ALWAYS, BY_ALIAS = "always", "by alias"

FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
_NAMES = ("virtio_rng", "virtio-rng")
_MOST_WORDS = 80
_MOST_FILES = 64


class Refusal(NamedTuple):
    """What keeps the driver from being loaded: ``how`` (ALWAYS or BY_ALIAS), and the ``evidence``."""

    how: str
    evidence: str


def refusal_in(texts: Dict[str, str], command_line: str = "") -> Optional[Refusal]:
    """Return what in the files of modprobe.d (``texts``, by their paths) or on the kernel's command line keeps the driver out, None where nothing does."""
    found = []
    for path, text in sorted(_in_force(texts).items()):
        for words in map(str.split, text.splitlines()):
            if words[1:2] and words[1] in _NAMES and words[0] in ("install", "blacklist"):
                found.append(Refusal(ALWAYS if words[0] == "install" else BY_ALIAS, "%s has %r" % (path, " ".join(words)[:_MOST_WORDS])))
    for word in command_line.split():
        key, _equals, value = word.partition("=")
        if key in ("module_blacklist", "modprobe.blacklist", "rd.driver.blacklist") and set(re.split(r"[,:]", value)).intersection(_NAMES):
            found.append(Refusal(ALWAYS if key == "module_blacklist" else BY_ALIAS, "the kernel's command line has %s" % word[:_MOST_WORDS]))
    return min(found, key=lambda refusal: refusal.how != ALWAYS) if found else None


def _in_force(texts: Dict[str, str]) -> Dict[str, str]:
    """Return those of ``texts`` that modprobe reads: of several files of one name, that of the first folder (modprobe.d(5))."""
    chosen = {}
    for path in sorted(texts, key=lambda path: _rank("/" + path.lstrip("/").rpartition("/")[0])):
        chosen.setdefault(path.rpartition("/")[2], path)
    return {path: texts[path] for path in chosen.values()}


def _rank(folder: str) -> int:
    return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


def refusal_of(tree) -> Optional[Refusal]:
    """Return what keeps the driver from being loaded in ``tree`` (``_kernel_tree.Tree``), None where nothing does."""
    texts = {}
    for folder in FOLDERS:
        for name in (tree.names(folder) or ())[:_MOST_FILES]:
            if name.endswith(".conf"):
                texts["%s/%s" % (folder, name)] = tree.text("%s/%s" % (folder, name)) or ""
    return refusal_in(texts, tree.text("/proc/cmdline") or "")
