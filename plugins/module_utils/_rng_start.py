# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a domain could not start with the <rng> of its definition, as far as this machine tells. What is not known is no reason."""

import errno
import os
import stat

from ansible_collections.kvm.entropy.plugins.module_utils import _options, _rng_checks, _rng_egd, _virt_plug
from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import HWRNG
from ansible_collections.kvm.entropy.plugins.module_utils._rng_source import backend_kind, lacks_source

# Nobody can open what is there, whatever the rights.
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


def why_not(devices, xml, running, access):
    """Return the reason (str) that one of ``devices`` (list of dict) of the definition ``xml`` (str) keeps it from starting, or None.

    ``running`` (list of dict) are the devices that run, whose ports are free at the next start; ``access`` is an Access.
    """
    own = [device["egd"] for device in running if "egd" in device]
    return next(filter(None, (_of_one(device, xml, own, access) for device in devices)), None)


def _of_one(device, xml, own, access):
    why_no_iommu = _virt_plug.why_no_iommu(xml, device)
    daemon = access.daemon
    if why_no_iommu or daemon is None:
        return why_no_iommu
    if device["backend"] == "random" and daemon.same_files is not False:
        return access.once(_of_file, device["path"]) or access.why_not(device, xml)
    if device["backend"] == "egd":
        return _of_egd(device["egd"], own, access) or access.why_not(device, xml)
    return None


def _of_file(path):
    shown = _options.shown(path)
    try:
        found = os.stat(os.path.join("/", path))  # libvirt starts QEMU in the root folder.
    except ValueError:
        return None
    except OSError as error:
        return f"backend path {shown}: {error.strerror}" if error.errno in _NO_FILE else None
    if stat.S_ISSOCK(found.st_mode):
        return f"backend path {shown} is a socket, which QEMU cannot open as a file"
    kind = backend_kind(found)
    if kind == HWRNG and lacks_source(kind, _rng_checks.current_source()):
        return f"backend path {shown}: this host has no hardware source behind it (rng_current is none), and QEMU aborts a guest when it cannot read its source"
    return None


def _of_egd(egd, own, access):
    why = next(filter(None, (access.once(_rng_egd.why_unfit, egd["type"], tuple(source.items()), access.daemon) for source in egd["sources"])), None)
    if why:
        return why
    # Of a unix socket QEMU takes the place of who listens there (unix_listen_saddr in util/qemu-sockets.c), and starts.
    taken = None if access.daemon.same_network is False else _rng_egd.taken(egd, own, ("tcp", "udp"), access.once)
    return taken and f"egd: {taken} is in use by another process"
