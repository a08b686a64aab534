# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Act on what was decided: the definition first, the running device second, each with its own result.

A domain (``_libvirt.Domain``) is any object with definition, running, attach, detach, plug, request_unplug and redefine, which raise
``_libvirt.RefusedError``. Parts (``_rng_plan.Part``) come with the prediction and leave with what happened.
"""

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import RefusedError
from ansible_collections.kvm.entropy.plugins.module_utils._rng_plan import (
    BUSY,
    PENDING,
    REFUSED,
    RESTART,
    UNCHANGED,
    cannot_plug,
    cannot_unplug,
    pending,
    sentence,
)

_NOT_WHILE_RUNNING = {
    "no-slot": "no free PCI slot or PCIe root port",
    "no-hotplug": "its bus does not support hotplug",
    "unsupported": "its hypervisor driver plugs no devices",
}

_WORDS = {
    "gone": "the domain was undefined while this ran: nothing is left to do, or define it again",
    "stopped": "the domain was powered off while this ran: run again",
    "busy": "another job (a migration, backup or snapshot) holds the domain: run again when it has ended",
}


# The running QEMU did not take the device itself, so a new one might not either.
_UNFIT = ("no-source", "other")


class OvertakenError(Exception):
    """Somebody else has just added the same device to this half; nothing was done to it."""


def apply(domain, config, live, way_back):
    """Do what the Parts ``config`` and ``live`` (either may be None) say, but for the running devices that are to go: see ``_rng_unplug``."""
    apply_definition(domain, config, live)
    apply_live(domain, config, live, way_back)


def apply_definition(domain, config, live, named=True):
    """Do what the Part ``config`` (or None) says; where libvirt refuses, leave ``live`` (or None) alone as well.

    Raise OvertakenError when the device that is to be added is there under its name already; without a name (``named``) it is added anyway.
    """
    if config and config.is_to_act:
        try:
            _change_definition(domain, config, named)
            config.is_done = True
        except RefusedError as refusal:
            config.leave(result(refusal), reason(refusal))
            if live and live.result != UNCHANGED:
                live.leave(REFUSED, "not touched, because its definition could not be changed")


def apply_live(domain, config, live, way_back, named=True):
    """Do what the Part ``live`` (or None) says; ``config`` has been done. Raise OvertakenError as ``apply_definition`` does."""
    if live and live.is_to_act:
        _change_running(domain, config, live, way_back, named)


def result(refusal):
    """Return the result of a half that libvirt refused to change."""
    return BUSY if refusal.kind == "busy" else REFUSED


def reason(refusal):
    """Return the words for a refusal."""
    words = _WORDS.get(refusal.kind)
    return f"{words} ({refusal})" if words else f"libvirt refuses: {refusal}"


def _change_definition(domain, part, named):
    """Put the new devices into the definition before the old ones leave it; on a refusal leave it as it was."""
    new, old = _elements(part, named), [rng.xml for rng in part.removed]
    try:
        _attach(domain, new, part)
        _detach(domain, old, part)
    except RefusedError as refusal:
        if refusal.kind == "unsupported":
            domain.redefine(old, "".join(map(_rng_device.to_xml, part.add)))
            return
        if refusal.kind == "twin":
            raise OvertakenError from refusal
        _restore(domain, part)
        if refusal.kind != "no-slot" or not old:
            raise
        _detach_then_attach(domain, new, old, part)


def _elements(part, named):
    """Return the elements (list of str) to add."""
    return [_rng_device.to_xml(device, _rng_device.new_alias(part.present, part.removed, index) if named else None)
            for index, device in enumerate(part.add)]


def _attach(domain, elements, part):
    for element in elements:
        domain.attach(element)
        part.attached.append(element)


def _detach(domain, elements, part):
    for element in elements:
        if _take_away(domain, element):
            part.detached.append(element)


def _take_away(domain, element):
    """Return whether the element was there to be detached: somebody else may have done it."""
    try:
        domain.detach(element)
    except RefusedError as refusal:
        if refusal.kind != "missing":
            raise
        return False
    return True


def _detach_then_attach(domain, new, old, part):
    """For a definition without a place for both."""
    try:
        _detach(domain, old, part)
        _attach(domain, new, part)
    except RefusedError:
        _restore(domain, part)
        raise


def _restore(domain, part):
    """Undo in the definition what this run has done there, and nothing that somebody else has: each old device comes back to its address."""
    attached, detached = part.attached, part.detached
    part.attached, part.detached = [], []
    try:
        for element in _as_written(domain, attached, part.present) if attached else []:
            _take_away(domain, element)
        for element in detached:
            domain.attach(element)
    except RefusedError as refusal:
        if refusal.kind != "gone":
            was = " ".join(rng.xml for rng in part.present) or "without <rng>"
            raise RefusedError(refusal.kind, f"the definition could not be put back as it was: {refusal}. It was: {was}") from refusal


def _as_written(domain, attached, present):
    """Return, of the definition's elements (list of str, with their addresses), those that came of the ``attached`` ones."""
    before = [rng.xml for rng in present]
    candidates = [_rng_device.read(element) for element in _virt_xml.rng_elements(domain.definition()) if element not in before]
    found = []
    for element in attached:
        ours = _rng_device.read(element)
        match = next((rng for rng in candidates if rng.alias == ours.alias and _rng_device.means(rng.device, ours.device)), None)
        if match:
            candidates.remove(match)
            found.append(match.xml)
    return found


def _change_running(domain, config, live, way_back, named):
    """Plug the new devices, and make sure that they are there."""
    plugged = []
    try:
        for device, element in zip(live.add, _elements(live, named)):
            domain.plug(element)
            plugged.append(device)
        if live.going and plugged and not _shows(domain, live, len(plugged)):
            live.stop(RESTART, f"libvirt plugged the new device and does not show it, so the old one stays. {sentence(way_back)}", [])
            return
    except RefusedError as refusal:
        if refusal.kind == "twin" and not plugged:
            raise OvertakenError from refusal
        _tell_refused_plug(refusal, live, way_back, plugged)
        if refusal.kind in _UNFIT and config and config.is_changed:
            _take_back(domain, config, live)
        return
    if live.going:
        live.staying = set(live.going)
        if not live.is_deaf:
            live.result, live.reason = PENDING, pending(way_back, "the guest has not been asked to give the device back")


def _shows(domain, live, count):
    """Return whether ``count`` devices run that were not there before."""
    there = {_rng_device.read(element).alias for element in _virt_xml.rng_elements(domain.running())}
    return len(there - {rng.alias for rng in live.present}) >= count


def _tell_refused_plug(refusal, live, way_back, plugged):
    end, why = result(refusal), reason(refusal)
    if refusal.kind in _NOT_WHILE_RUNNING:
        end, why = RESTART, cannot_plug(f"{_NOT_WHILE_RUNNING[refusal.kind]} ({refusal})", way_back, bool(live.going))
    if plugged:
        live.stop(end, why, plugged)
    else:
        live.leave(end, why)


def _take_back(domain, config, live):
    """Undo the definition: with a device that QEMU does not take the domain would not start again."""
    try:
        _restore(domain, config)
    except RefusedError as refusal:
        config.reason = f"a domain with this device may not start, and {refusal}"
        return
    config.leave(REFUSED, f"taken back, because the domain might not start with it: {live.reason}")


def request_unplugs(domain, live, way_back):
    """Ask the guest for the devices that are to go from what runs."""
    asked = set()
    try:
        for index in sorted(live.going):
            _request_unplug(domain, live.present[index])
            asked.add(index)
    except RefusedError as refusal:
        _tell_refused_unplug(refusal, live, way_back, asked)
        return
    if not live.is_deaf:
        live.reason = pending(way_back)


def _tell_refused_unplug(refusal, live, way_back, asked):
    kept = _NOT_WHILE_RUNNING.get(refusal.kind)
    if asked:
        live.going, live.staying = asked, set(asked)
        live.reason = pending(way_back, f"the guest was asked for {len(asked)} of its devices, and another one stays: {kept or reason(refusal)}")
    elif live.add:
        live.stop(RESTART, f"the new device is there, and the old one stays: {kept or reason(refusal)}. {sentence(way_back)}", live.add)
    elif kept:
        live.leave(RESTART, cannot_unplug(f"{kept} ({refusal})", way_back))
    else:
        live.leave(result(refusal), reason(refusal))


def _request_unplug(domain, rng):
    try:
        domain.request_unplug(rng.alias)
    except RefusedError as refusal:
        if refusal.kind not in ("leaving", "missing"):
            raise
