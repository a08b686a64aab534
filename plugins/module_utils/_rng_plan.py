# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide what becomes of the <rng> of one domain, in its definition and in its running device. Nothing here acts."""

import collections

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device

UNCHANGED, DONE, REFUSED, BUSY = "unchanged", "done", "refused", "busy"
PENDING, RESTART = "pending_unplug", "restart_required"

# devices: what is asked for (list of dict). only: nothing besides them. whole: a device fits when it means the same in all that it has, else
# when it is as described, which leaves driver options that are not given alone.
Wanted = collections.namedtuple("Wanted", "devices only whole")

# What a running guest allows. way_back: how it gets what cannot be done while it runs (str). deaf: why it cannot answer (str or None).
# plug(devices) and unplug(rngs) return the Plug, and are asked only when something is to be plugged or unplugged.
Guest = collections.namedtuple("Guest", "way_back deaf plug unplug")


class Part:
    """One half of a domain, its definition or its running device: what is there, what is to go and to come, how it ended.

    ``present`` is a list of Rng, ``going`` the indices of those to remove, ``add`` a list of devices. ``result`` is the prediction; acting
    corrects it, and notes the elements that it has ``attached`` and ``detached``, and that it ``is_done`` with. ``staying`` are the indices of
    those that were to go and that the guest has not given back. ``is_deaf`` says that the guest cannot answer, so that there is nothing to wait for.
    """

    def __init__(self, present, going=(), add=(), result=UNCHANGED, reason=None):
        self.present = present
        self.going = set(going)
        self.staying = set(going) if result == PENDING else set()
        self.add = list(add)
        self.is_deaf = result == PENDING
        self.attached = []
        self.detached = []
        self.is_done = False
        self.result = result
        self.reason = reason

    @property
    def removed(self):
        """The Rng to remove."""
        return [rng for index, rng in enumerate(self.present) if index in self.going]

    @property
    def before(self):
        return [rng.device for rng in self.present]

    @property
    def after(self):
        return [rng.device for index, rng in enumerate(self.present) if index not in self.going - self.staying] + self.add

    @property
    def is_to_act(self):
        """Whether something is to be done, or was."""
        return bool(self.going or self.add)

    @property
    def is_changed(self):
        return bool(self.add or self.going - self.staying) or self.result == PENDING

    def leave(self, result, reason):
        """Leave this half as it is, and say why."""
        self.going, self.staying, self.add, self.result, self.reason = set(), set(), [], result, reason

    def stop(self, result, reason, added):
        """Keep the old devices beside those of ``added`` that have come, and say why."""
        self.staying, self.add, self.result, self.reason = set(self.going), added, result, reason


def decide_definition(rngs, wanted):
    """Return the Part for the definition with ``rngs``; ``wanted`` is a Wanted."""
    going, add = _change(rngs, wanted)
    return Part(rngs, going, add, DONE if going or add else UNCHANGED, _about(rngs, going, add))


def decide_running(rngs, wanted, replace, guest):
    """Return the Part for the running device of ``guest`` (Guest); ``replace`` allows to replace what runs."""
    way_back = guest.way_back
    going, add = _change(rngs, wanted)
    if not going and not add:
        return Part(rngs)
    if going and wanted.devices and not replace:
        what = "the running device differs" if add else "another device runs beside the described one"
        return Part(rngs, result=RESTART, reason=f"{what}, and a running device is not replaced without replace_live. {sentence(way_back)}")
    if add:
        plug = guest.plug(add)
        if plug.possible is False:
            return Part(rngs, result=RESTART, reason=cannot_plug(plug.reason, way_back, bool(going)))
    if going:
        unplug = guest.unplug([rngs[index] for index in sorted(going)])
        if unplug.possible is False:
            return Part(rngs, result=RESTART, reason=cannot_unplug(unplug.reason, way_back))
        if guest.deaf:
            return Part(rngs, going, add, PENDING, pending(way_back, guest.deaf))
    return Part(rngs, going, add, DONE, _about(rngs, going, add))


def cannot_plug(reason, way_back, is_replacing=False):
    """Return the words for a running domain that takes no device now."""
    stays = " The old device stays." if is_replacing else ""
    return f"cannot plug <rng> while running: {reason}.{stays} {sentence(way_back)}"


def cannot_unplug(reason, way_back):
    """Return the words for a running domain that keeps its device."""
    return f"cannot unplug <rng> while running: {reason}. {sentence(way_back)}"


def pending(way_back, why=None):
    """Return the words for a guest that was asked to give a device back."""
    return f"{why or 'the guest has not given the device back yet'}. If it doesn't: {way_back}"


def sentence(words):
    """Return ``words`` with a capital."""
    return words[0].upper() + words[1:]


def _change(rngs, wanted):
    """Return (indices of ``rngs`` to remove, devices to add).

    What an interrupted run has left behind goes in any case. egd is preserved unless egd is asked for: it may feed the guest from a source
    of its owner's choice. The described device is added beside it.
    """
    left_over = _rng_device.left_over(rngs)
    free = [index for index in range(len(rngs)) if index not in left_over]
    fits = _rng_device.means if wanted.whole else _rng_device.is_as
    missing = []
    for device in wanted.devices:
        found = next((index for index in free if fits(device, rngs[index].device)), None)
        if found is None:
            missing.append(device)
        else:
            free.remove(found)
    if not missing or wanted.whole:
        return left_over.union(free if wanted.only else ()), missing
    device = missing[0]  # Of described devices there is one.
    replaceable = [index for index in free if device["backend"] == "egd" or rngs[index].device["backend"] != "egd"][:1]
    if replaceable:
        device = _rng_device.instead_of(rngs[replaceable[0]].device, device)
    return left_over.union(free if wanted.only else replaceable), [device]


def _about(rngs, going, add):
    """Return what else is to be known (str), or None."""
    said = []
    lost = [what for index in sorted(going) for what in _rng_device.own_names(rngs[index])] if add else []
    if lost:
        said.append(f"not kept of the replaced device: {', '.join(lost)}")
    if _rng_device.left_over(rngs):
        said.append("a device that an interrupted run left beside its successor is taken away")
    if add and any(rng.device["backend"] == "egd" and index not in going for index, rng in enumerate(rngs)):
        said.append("a device with backend egd is preserved; the described one is added beside it")
    return "; ".join(said) or None
