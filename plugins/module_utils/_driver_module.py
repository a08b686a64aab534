# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a kernel has the virtio-rng driver: built in, as a module with what that needs, or not at all. By the kernel's own lists, without modinfo."""

import os
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

DRIVER = "virtio_rng"
REGISTERED = "/sys/bus/virtio/drivers/" + DRIVER
# Only a module that is loaded has this (kernel/module/main.c, module_initstate); what is built in has at most a folder with parameters.
_INITSTATE = "/sys/module/%s/initstate" % DRIVER
# How a virtio device is reached; each is a module or built in. virtio-mmio and virtio-pci are on most boards, virtio_ccw is on s390x.
TRANSPORTS = ("virtio_pci", "virtio_mmio", "virtio_ccw")

MODULE, BUILTIN, ABSENT, UNKNOWN = "module", "builtin", "absent", "unknown"

# modules.dep of a distribution's kernel has some 800 KiB.
_MOST_LIST = 4 << 20
_MOST_CONFIG = 1 << 20


class Driver(NamedTuple):
    """How a kernel has the driver: ``kind`` (MODULE, BUILTIN, ABSENT or UNKNOWN), the module's ``path`` below the kernel's folder, the modules that it
    ``needs``, those ``transports`` that are modules, each with what it needs, and the ``evidence``."""

    kind: str
    path: Optional[str]
    needs: Tuple[str, ...]
    transports: Dict[str, Tuple[str, ...]]
    evidence: str


def module_name(path: str) -> str:
    """Return the module's name in the file ``path``: kernel/drivers/char/hw_random/virtio-rng.ko.xz is virtio_rng."""
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


def observe(tree, release: str, is_running: bool) -> Dict[str, object]:
    """Return what ``tree`` (``_kernel_tree.Tree``) has about the kernel ``release``, for ``driver_of``."""
    folder = "/lib/modules/%s/" % release
    texts = {name: tree.text(folder + name, _MOST_LIST) for name in ("modules.dep", "modules.builtin", "modules.builtin.modinfo")}
    texts["config"] = None
    if not texts["modules.dep"]:
        texts["config"] = tree.text("/boot/config-%s" % release, _MOST_CONFIG) or tree.text(folder + "config", _MOST_CONFIG)
    return {
        "release": release,
        "texts": {name: text for name, text in texts.items() if text is not None},
        "is_registered": is_running and tree.has(REGISTERED),
        "is_loaded_module": is_running and tree.has(_INITSTATE),
        "has_bus": is_running and tree.has("/sys/bus"),
        "has_modules": not is_running or tree.has("/proc/modules"),
        "is_running": is_running,
    }


def driver_of(seen) -> Driver:
    """Return how the kernel that ``observe`` has ``seen`` has the driver. Pure."""
    texts, release = seen["texts"], seen["release"]
    modules = _dependencies(texts.get("modules.dep", ""))
    builtin = _builtin(texts)
    transports = {name: tuple(map(module_name, modules[name][1])) for name in TRANSPORTS if name in modules and name not in builtin}
    if DRIVER in builtin:
        return Driver(BUILTIN, None, (), transports, "/lib/modules/%s/modules.builtin" % release)
    if DRIVER in modules:
        path, needs = modules[DRIVER]
        return Driver(MODULE, path, tuple(map(module_name, needs)), transports, "/lib/modules/%s/modules.dep" % release)
    if seen["is_loaded_module"]:
        return Driver(MODULE, None, (), transports, "it is loaded (%s)" % _INITSTATE)
    if seen["is_registered"]:
        return Driver(BUILTIN, None, (), transports, "it is registered, and is no module (%s)" % REGISTERED)
    return _not_listed(seen, transports)


def _not_listed(seen, transports) -> Driver:
    """Return the Driver of a kernel whose lists do not name it and that does not run it."""
    texts, release = seen["texts"], seen["release"]
    if seen["is_running"] and seen["has_bus"] and not seen["has_modules"]:
        return Driver(ABSENT, None, (), transports, "kernel %s was built without support for modules, and without this driver" % release)
    if texts.get("modules.dep"):
        return Driver(ABSENT, None, (), transports, "neither modules.dep nor modules.builtin in /lib/modules/%s names it" % release)
    option = re.search(r"^(?:CONFIG_HW_RANDOM_VIRTIO=([ym])|# CONFIG_HW_RANDOM_VIRTIO is not set)", texts.get("config", ""), re.MULTILINE)
    if option and option.group(1) == "y":
        return Driver(BUILTIN, None, (), transports, "CONFIG_HW_RANDOM_VIRTIO=y in the kernel's configuration")
    if option and not option.group(1):
        return Driver(ABSENT, None, (), transports, "CONFIG_HW_RANDOM_VIRTIO is not set in the kernel's configuration")
    if option or seen["has_bus"]:
        return Driver(ABSENT, None, (), transports, "the modules of kernel %s are not installed: /lib/modules/%s/modules.dep is not there" % (release, release))
    return Driver(UNKNOWN, None, (), transports, "there is no /lib/modules/%s/modules.dep" % release)


def _dependencies(text: str) -> Dict[str, Tuple[str, List[str]]]:
    """Return each module's path and the paths that it needs, by its name (modules.dep(5))."""
    found = {}
    for line in text.splitlines():
        path, colon, needs = line.partition(":")
        if colon and ("virtio" in path or "rng" in path):
            found[module_name(path)] = (path.strip(), needs.split())
    return found


def _builtin(texts) -> frozenset:
    """Return the names of what is built in, by modules.builtin or the newer modules.builtin.modinfo (NAME.KEY=VALUE, each with a NUL)."""
    listed = {module_name(line) for line in texts.get("modules.builtin", "").splitlines() if "virtio" in line or "rng" in line}
    return frozenset(listed | set(re.findall(r"(?:^|\0)([a-z0-9_]*virtio[a-z0-9_]*)\.", texts.get("modules.builtin.modinfo", ""))))
