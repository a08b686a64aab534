# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Act on what was decided: the definition first, the running device second, each with its own result.

A domain (``_libvirt.Domain``) is any object with definition, running, attach, detach, detach_port, plug, request_unplug and redefine, which raise
``_libvirt.RefusedError``. Parts (``_rng_plan.Part``) come with the prediction and leave with what happened.
"""

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device, _rng_place, _virt_plug, _virt_xml
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
    "no-source": "QEMU cannot use the source: start the daemon that listens there, or let QEMU's user read the path, and run again",
    "busy": "another job (a migration, backup or snapshot) holds the domain: run again when it has ended",
}


# QEMU does not make the device itself, so a start with it would fail. Of a refusal of another kind that is not known, and the definition stays.
_UNFIT = ("no-source", "unfit")


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
    places = [_place(device, rng) for device, rng in zip(part.add, part.places)]
    final = [_rng_device.to_xml(device, None if place.alias else _alias(part, index, named), place)
             for index, (device, place) in enumerate(zip(part.add, places))]
    first = [_rng_device.to_xml(device, _alias(part, index, named, True), None) if _is_taken(place, part) else element
             for index, (device, place, element) in enumerate(zip(part.add, places, final))]
    old = [rng.xml for rng in part.removed]
    try:
        _attach(domain, first, part)
        _detach(domain, old, part)
        for device, interim, element, place in zip(part.add, first, final, places):
            if interim != element:
                _take_place(domain, part, interim, element, place, _rng_place.is_asked_for(device))
    except RefusedError as refusal:
        if refusal.kind == "unsupported":
            domain.redefine(old, "".join(_rng_device.to_xml(device, None, place) for device, place in zip(part.add, places)))
            return
        if refusal.kind == "twin" and named and not part.attached:
            raise OvertakenError from refusal
        _restore(domain, part)
        if refusal.kind != "no-slot" or not old:
            raise
        _detach_then_attach(domain, final, old, part)


def _place(device, rng):
    """Return the Place that ``device`` takes in a definition, of ``rng`` (Rng or None) or as asked for."""
    return _rng_place.for_device(device, rng and _rng_device.place_of(rng))


def _is_taken(place, part):
    """Return whether a device that is to go still has the name or the address of this ``place``."""
    return any(_rng_place.meet(place, _rng_device.place_of(rng)) for rng in part.removed)


def _alias(part, index, named, is_interim=False):
    """Return the alias (str or None) by which other runs know what the device number ``index`` took the place of."""
    return _rng_device.new_alias(part.present, part.removed, index, is_interim) if named else None


def _take_place(domain, part, interim, element, place, is_asked_for):
    """Put ``element`` where its predecessor was, or as ``is_asked_for``, and take the ``interim`` one away again, with the port that libvirt made for it."""
    try:
        domain.attach(element)
    except RefusedError as refusal:
        if is_asked_for:
            raise
        part.note(f"not kept of the replaced device: {_rng_place.shown_place(place)} ({refusal})")
        return
    part.attached.append(element)
    xml = domain.definition()
    for written in _as_written(xml, [interim], part.present):
        if _take_away(domain, written):
            _take_ports(domain, xml, written, part)
    part.attached.remove(interim)


def _take_ports(domain, xml, element, part):
    """Take away the ports that libvirt has added for the ``element`` of the definition ``xml``, which has left. One that stays does no harm."""
    try:
        for controller in _virt_plug.added_ports(xml, element, part.ports) if part.ports is not None else []:
            domain.detach_port(controller)
    except RefusedError:
        pass


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
        xml = domain.definition() if attached else ""
        for element in _as_written(xml, attached, part.present) if attached else []:
            if _take_away(domain, element):
                _take_ports(domain, xml, element, part)
        for element in detached:
            domain.attach(element)
    except RefusedError as refusal:
        if refusal.kind != "gone":
            was = " ".join(rng.xml for rng in part.present) or "without <rng>"
            raise RefusedError(refusal.kind, f"the definition could not be put back as it was: {refusal}. It was: {was}") from refusal


def _as_written(xml, attached, present):
    """Return, of the elements of the definition ``xml`` (list of str, with their addresses), those that came of the ``attached`` ones."""
    before = [rng.xml for rng in present]
    candidates = [_rng_device.read(element) for element in _virt_xml.rng_elements(xml) if element not in before]
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
        for index, device in enumerate(live.add):
            domain.plug(_running_element(live, index, named))
            plugged.append(device)
        if live.going and plugged:
            came = _came(domain, live)
            if len(came) < len(plugged):
                live.stop(RESTART, f"libvirt plugged the new device and does not show it, so the old one stays. {sentence(way_back)}", [])
                return
            live.came |= came
    except RefusedError as refusal:
        if refusal.kind == "twin" and named and not plugged:
            raise OvertakenError from refusal
        _tell_refused_plug(refusal, live, way_back, plugged)
        if config and config.is_changed:
            _mind_definition(domain, config, refusal, live)
        return
    if live.going:
        live.staying = set(live.going)
        if not live.is_deaf:
            live.result, live.reason = PENDING, pending(way_back, "the guest has not been asked to give the device back")


def _running_element(live, index, named):
    """Return the element (str) to plug. What a running device has, a name or an address, no other one gets before the next start."""
    device = live.add[index]
    place = _rng_place.for_device(device, None)
    taken = [_rng_device.place_of(rng) for rng in live.present]
    place = _rng_place.without_taken(place, taken)
    return _rng_device.to_xml(device, None if place.alias else _alias(live, index, named), place)


def _came(domain, live):
    """Return the names (set of str) of the devices that run and were not there before."""
    return {_rng_device.read(element).alias for element in _virt_xml.rng_elements(domain.running())} - {rng.alias for rng in live.present}


def _tell_refused_plug(refusal, live, way_back, plugged):
    end, why = result(refusal), reason(refusal)
    if refusal.kind == "no-source" and _rng_device.waits_for_its_source(live.add):
        end, why = RESTART, cannot_plug(f"{_WORDS['no-source']} ({refusal})", way_back, bool(live.going))
    elif refusal.kind == "other":
        why = f"{why}. {sentence(way_back)}"
    elif refusal.kind in _NOT_WHILE_RUNNING:
        end, why = RESTART, cannot_plug(f"{_NOT_WHILE_RUNNING[refusal.kind]} ({refusal})", way_back, bool(live.going))
    if plugged:
        live.stop(end, why, plugged)
    else:
        live.leave(end, why)


def _mind_definition(domain, config, refusal, live):
    """Undo the definition where a domain would not start with it; else say that it stays."""
    if refusal.kind not in _UNFIT or _rng_device.waits_for_its_source(config.add):
        if live.result == REFUSED:
            config.note("the definition has the device, which the running domain does not take")
        return
    try:
        _restore(domain, config)
    except RefusedError as undone:
        config.reason = f"a domain with this device may not start, and {undone}"
        return
    config.leave(REFUSED, "taken back, because the domain might not start with it")


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
