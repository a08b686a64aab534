# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would hurt a guest, found before anything is written."""

import os

from ansible_collections.kvm.entropy.plugins.module_utils import _libvirt_daemon, _options, _rng_device, _rng_egd, _rng_place
from ansible_collections.kvm.entropy.plugins.module_utils._device_kind import CONSTANT, DEVICE, FILE
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError, UnfitError
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import is_local
from ansible_collections.kvm.entropy.plugins.module_utils._own_file import NotOwnError, opened_folder
from ansible_collections.kvm.entropy.plugins.module_utils._rng_plan import Wanted
from ansible_collections.kvm.entropy.plugins.module_utils._rng_source import UNSUITABLE, backend_kind, fill_buffer, kind_by_name, lacks_source

_RNG_CURRENT = "/sys/class/misc/hw_random/rng_current"

# Longer than this the guest has begun to need random numbers by itself: a waiting reader starts the kernel's jitter loop,
# which is done within 1 to 2 s (Linux's drivers/char/random.c, try_to_generate_entropy).
_PATIENCE = 1000

# A reboot inside the guest finds what the boot before has left of the period's bytes, as the quota is QEMU's (hw/virtio/virtio-rng.c): a whole period more
# in the worst case. A guest whose source gives nothing for so long (ms) finds that it is not fed (_entropy_hwrng.PATIENCE).
_PATIENCE_AFTER_REBOOT = 10000

# virDomainRNGDefParseXML reads both parts of a rate as unsigned 32-bit numbers.
_RATES = {"rate_bytes": (0, 2 ** 32 - 1), "rate_period": (1, 2 ** 32 - 1)}


def check(options, warn=lambda text: None):
    """Return (Wanted, what could not be checked (list of str)) for the module's ``options``; raise EntropyError for what would hurt.

    What is given as devices may be what a domain had: what would hurt goes to ``warn`` (takes one text) then, as there must be a way back to it.
    """
    wanted = _wanted(options)
    unchecked = []
    daemon = _libvirt_daemon.daemon(options["uri"]) if is_local(options["uri"]) else None
    for device in wanted.devices:
        unchecked += _unchecked(device, options["uri"], daemon)
        try:
            _check_source(device, daemon, options["allow_unknown_backend"])
        except UnfitError as error:
            if not wanted.whole:
                raise
            warn(f"devices: {error.in_words} It is given back all the same, as a domain may have had it before")
    return wanted, sorted(set(unchecked))


def _wanted(options):
    """Return the Wanted that the ``options`` mean."""
    if options.get("alias") == "":
        raise EntropyError("alias: found nothing, expected the name of a device: nothing was changed. Leave the option out where none "
                           "is meant by its name")
    if options["devices"] is not None and (options.get("alias") or options.get("address")):
        raise EntropyError("devices: each has its own alias and address, found these beside them as well: give one of the two")
    if options["state"] == "absent":
        if options["devices"]:
            raise EntropyError(f"state absent has no devices, found {len(options['devices'])} of them: give one of the two")
        return Wanted([], True, True)
    if options["devices"] is not None:
        devices = [_device(each, is_back=True) for each in options["devices"]]
        for name in _rng_place.NAMES:
            said = [device[name] for device in devices if name in device]
            twice = next((value for index, value in enumerate(said) if value in said[:index]), None)
            if twice:
                shown = twice if name == "alias" else _rng_place.shown(twice)
                raise EntropyError(f"devices: found {name} {shown} twice, expected one for each device: nothing was changed")
        return Wanted(devices, True, True)
    return Wanted([_device(options)], options["exclusive"], False)


def _device(options, is_back=False):
    """Return the device of ``options``; raise EntropyError for what no libvirt takes, or takes without a look and hands to QEMU at the next start.

    On the way back (``is_back``) it is only refused where libvirt cannot have written it.
    """
    _options.check_numbers(options, _RATES)
    _options.check_text("path", options["path"], is_xml=is_back)
    if options["backend"] == "random" and not os.path.isabs(options["path"]) and not is_back:
        raise EntropyError(f"path: found {options['path']!r}, expected the absolute path of a character device such as /dev/urandom")
    if options["backend"] == "egd" and not options["egd"]:
        raise EntropyError("backend egd: found no option egd, expected how it is connected")
    return _rng_device.described(options, is_back)


def _check_source(device, daemon, allow_unknown):
    """Raise UnfitError for a source that would hurt. ``daemon`` (Daemon) is None on another machine."""
    if device["backend"] == "egd":
        _rng_egd.check_plain_text(device["egd"])
        for source in device["egd"]["sources"] if daemon is not None else ():
            _rng_egd.check_source(device["egd"]["type"], source, daemon)
    elif device["backend"] == "random" and (daemon is None or daemon.same_files is False):
        _check_name(device["path"])
    elif device["backend"] == "random":
        check_path(device["path"], allow_unknown)


def _unchecked(device, uri, daemon):
    """Return what cannot be checked (list of str) of a device."""
    if device["backend"] == "random" and daemon is None:
        return [f"backend path {device['path']}: {uri} is another machine"]
    if device["backend"] == "random" and daemon.same_files is False:
        return [f"backend path {device['path']}: {uri} sees other file systems than this process (a container)"]
    if device["backend"] == "egd":
        return _rng_egd.unchecked(device["egd"], uri, daemon)
    return []


def check_path(path, allow_unknown=False, rng_current=_RNG_CURRENT):
    """Raise EntropyError when ``path`` of this machine cannot be a guest's source; ``allow_unknown`` (bool) allows a device that may be one."""
    try:
        found = os.stat(path if os.path.isabs(path) else os.path.join("/", path))  # libvirt starts QEMU in the root folder.
    except OSError as error:
        raise UnfitError(
            f"backend path {_options.shown(path)}: {error.strerror}",
            "A domain with it could not start. Give a character device of this host, such as /dev/urandom.") from error
    kind, name = backend_kind(found), _options.shown(path)
    if kind == FILE:
        raise UnfitError(
            f"backend path {name} is no character device", "A guest would be fed what anybody wrote there. "
            "Give a character device of this host, such as /dev/urandom.")
    if kind == CONSTANT:
        raise UnfitError(
            f"backend path {name} delivers zeros or nothing", "A guest's kernel would credit them as entropy. "
            "Give a character device of this host that is random, such as /dev/urandom.")
    _check_way(path)
    number = f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
    if kind == UNSUITABLE:
        raise UnfitError(
            f"backend path {name} is character device {number}, which is no source of random numbers", "A guest's kernel would credit "
            "what it delivers as entropy. Give a character device of this host that is random, such as /dev/urandom.")
    if kind == DEVICE and not allow_unknown:
        raise UnfitError(
            f"backend path {name} is character device {number}, expected random (1:8), urandom (1:9) or hwrng (10:183)", "Where you know "
            "that it is a random source, such as a vendor's hardware generator, give allow_unknown_backend: true. Otherwise give /dev/urandom.")
    if lacks_source(kind, current_source(rng_current)):
        raise UnfitError(
            f"backend path {name}: this host has no hardware source behind it (rng_current is none)",
            "QEMU aborts a guest when it cannot read its source. Load the source's driver first, or give /dev/urandom.")


def _check_name(path):
    """Raise EntropyError where the name of ``path`` (str), on a machine where nobody can look, is that of a device that is no source."""
    if kind_by_name(os.path.normpath(path).replace("//", "/")) == CONSTANT:
        raise UnfitError(
            f"backend path {_options.shown(path)} delivers zeros or nothing", "A guest's kernel would credit them as entropy. "
            "Give a character device of that host that is random, such as /dev/urandom.")


def _check_way(path):
    """Raise EntropyError where others can put something else at the ``path`` (str) that was looked at: QEMU opens it again at each start."""
    try:
        with opened_folder(path, is_read=True):
            pass
    except NotOwnError as error:
        raise UnfitError(
            f"backend path {_options.shown(path)}: {error.strerror.rstrip('.')}", "Whoever can put another file there can choose a guest's random "
            "numbers at its next start. /dev/urandom will do.") from error
    except OSError:
        # It was there a moment ago; libvirt and QEMU say so, where it is gone.
        pass


def delay(device, arch):
    """Return in words (str) how long the rate of ``device`` delays the first credit of a guest of architecture ``arch``; None where not too long."""
    if not device["rate_bytes"]:
        return None
    after_reboot = -(-fill_buffer(arch) // device["rate_bytes"]) * device["rate_period"]
    after_start = after_reboot - device["rate_period"]
    if after_start > _PATIENCE:
        return " by %g s" % (after_start / 1000)
    if after_reboot > _PATIENCE_AFTER_REBOOT:
        return " after a reboot inside the guest by up to %g s" % (after_reboot / 1000)
    return None


def may_starve(device):
    """Return whether it is too long on any architecture."""
    return delay(device, None) is not None


def current_source(rng_current=_RNG_CURRENT):
    """Return the kernel's current source; "none" as well where it has no hwrng core at all."""
    try:
        with open(rng_current) as file:
            return file.read().strip() or "none"
    except FileNotFoundError:
        return "none"
    except OSError:
        return "unknown"
