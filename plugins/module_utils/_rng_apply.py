# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Act on what was decided: the definition first, the running device second, each with its own result.

A domain (``_libvirt.Domain``) is any object with definition, running, attach, detach, plug, request_unplug and redefine, which raise
``_libvirt.RefusedError``. Parts (``_rng_plan.Part``) come with the prediction and leave with what happened.
"""

import time

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import RefusedError
from ansible_collections.kvm.entropy.plugins.module_utils._rng_plan import BUSY, DONE, PENDING, REFUSED, RESTART, UNCHANGED, cannot_plug

# Seconds between two looks at the domains whose guests were asked to give a device back: each look is one call of 0.1 ms.
_LOOK_EVERY = 0.25

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


def apply(domain, config, live, way_back):
    """Do what the Parts ``config`` and ``live`` (either may be None) say. Unplugs are only asked for: see ``await_unplugs``."""
    if config and config.result == DONE:
        try:
            _change_definition(domain, config)
        except RefusedError as refusal:
            config.leave(_result(refusal), _reason(refusal))
            if live and live.result != UNCHANGED:
                live.leave(REFUSED, "not touched, because its definition could not be changed")
    if live and live.result == DONE:
        _change_running(domain, config, live, way_back)


def await_unplugs(waiting, timeout, clock=time.monotonic, sleep=time.sleep):
    """Wait until the guests of ``waiting``, a list of (domain, its live Part), have given their devices back.

    All share one deadline, ``timeout`` in seconds. Those that have not answered by then are left ``pending_unplug``.
    """
    deadline = clock() + timeout
    while waiting:
        waiting = [(domain, live) for domain, live in waiting if not _has_left(domain, live)]
        if not waiting or clock() >= deadline:
            return
        sleep(min(_LOOK_EVERY, max(0, deadline - clock())))


def _change_definition(domain, part):
    """Put the new device into the definition before the old one leaves it; on a refusal leave it as it was."""
    elements = [rng.xml for rng in part.remove]
    new = _rng_device.to_xml(part.add) if part.add else None
    try:
        _attach_then_detach(domain, new, elements)
    except RefusedError as refusal:
        if refusal.kind == "unsupported":
            domain.redefine(elements, new)
            return
        _restore(domain, part)
        if refusal.kind != "no-slot" or not elements:
            raise
        _detach_then_attach(domain, new, elements, part)


def _attach_then_detach(domain, new, elements):
    if new:
        domain.attach(new)
    for element in elements:
        domain.detach(element)


def _detach_then_attach(domain, new, elements, part):
    """For a definition without a place for both."""
    try:
        for element in elements:
            domain.detach(element)
        domain.attach(new)
    except RefusedError:
        _restore(domain, part)
        raise


def _restore(domain, part):
    """Bring the definition's <rng> back to what they were before, each at its old address."""
    before = [rng.xml for rng in part.present]
    try:
        now = _virt_xml.rng_elements(domain.definition())
        for element in now:
            if element not in before:
                domain.detach(element)
        for element in before:
            if element not in now:
                domain.attach(element)
    except RefusedError as refusal:
        if refusal.kind != "gone":
            was = " ".join(before) or "without <rng>"
            raise RefusedError(refusal.kind, f"the definition could not be put back as it was: {refusal}. It was: {was}") from refusal


def _change_running(domain, config, live, way_back):
    try:
        if live.add:
            domain.plug(_rng_device.to_xml(live.add))
        for rng in live.remove:
            _request_unplug(domain, rng)
        if live.remove:
            live.staying = live.remove
            live.result, live.reason = PENDING, f"the guest has not given the device back yet. If it doesn't: {way_back}"
    except RefusedError as refusal:
        if refusal.kind in _NOT_WHILE_RUNNING:
            live.leave(RESTART, cannot_plug(f"{_NOT_WHILE_RUNNING[refusal.kind]} ({refusal})", way_back))
            return
        live.leave(_result(refusal), _reason(refusal))
        if refusal.kind == "no-source" and config and config.result == DONE:
            _take_back(domain, config, live)


def _take_back(domain, config, live):
    """Undo the definition: with a source that QEMU cannot open the domain would not start again."""
    try:
        _restore(domain, config)
    except RefusedError as refusal:
        config.reason = f"a domain with this source does not start, and {refusal}"
        return
    config.leave(REFUSED, f"taken back, because the domain could not start with it: {live.reason}")


def _request_unplug(domain, rng):
    try:
        domain.request_unplug(rng.alias)
    except RefusedError as refusal:
        if refusal.kind != "leaving":
            raise


def _has_left(domain, live):
    """Return whether nothing is to be waited for any more."""
    try:
        there = {_rng_device.read(element).alias for element in _virt_xml.rng_elements(domain.running())}
    except RefusedError as refusal:
        live.leave(_result(refusal), _reason(refusal))
        return True
    live.staying = [rng for rng in live.remove if rng.alias in there]
    if not live.staying:
        live.result, live.reason = DONE, None
    return not live.staying


def _result(refusal):
    return BUSY if refusal.kind == "busy" else REFUSED


def _reason(refusal):
    words = _WORDS.get(refusal.kind)
    return f"{words} ({refusal})" if words else f"libvirt refuses: {refusal}"
