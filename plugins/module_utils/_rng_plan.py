# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide what becomes of the <rng> of one domain, in its definition and in its running device. Nothing here acts."""

import collections

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device, _rng_place

UNCHANGED, DONE, REFUSED, BUSY = "unchanged", "done", "refused", "busy"
PENDING, RESTART = "pending_unplug", "restart_required"

# devices: what is asked for (list of dict). only: nothing besides them. whole: a device fits when it means the same in all that it has, else
# when it is as described, which leaves driver options that are not given alone. alias: the name (str) of the one device that is meant, or None.
Wanted = collections.namedtuple("Wanted", "devices only whole alias")
Wanted.__new__.__defaults__ = (None,)

# What a running guest allows. way_back: how it gets what cannot be done while it runs (str). deaf: why it cannot answer (str or None).
# plug(devices) and unplug(rngs) return the Plug, and are asked only when something is to be plugged or unplugged. unseen: why nobody will see
# whether it uses a new device (str), None where somebody looks, or need not.
Guest = collections.namedtuple("Guest", "way_back deaf plug unplug unseen")
Guest.__new__.__defaults__ = (None,)

# What becomes of the devices of one half. going: indices (set) of those present that are to go. add: devices (list of dict) to come. places: for each
# of ``add`` the Rng whose place it takes, or None. kept: indices (set) of those present that are what is asked for.
Change = collections.namedtuple("Change", "going add places kept")


_NOTHING = Change(frozenset(), [], [], frozenset())


class Part:
    """One half of a domain, its definition or its running device: what is there, what is to go and to come, how it ended.

    What it is made of is shared with other domains: it is replaced, and never changed in place.

    ``present`` is a list of Rng, ``going`` the indices of those to remove, ``add`` a list of devices. ``result`` is the prediction; acting
    corrects it, and notes the elements that it has ``attached`` and ``detached``, and that it ``is_done`` with. ``staying`` are the indices of
    those that were to go and that the guest has not given back. ``is_deaf`` says that the guest cannot answer, so that there is nothing to wait for,
    ``is_held`` that it is not asked, as nobody would see it use what remains: the devices of ``kept``, and those added. ``places`` is as in Change.
    """

    def __init__(self, present, change=None, result=UNCHANGED, reason=None, is_held=False):
        self.present = present
        self.going, self.add, self.places, self.kept = change or _NOTHING
        self.staying = self.going if result == PENDING else frozenset()
        self.is_deaf = result == PENDING
        self.is_held = is_held
        # Indices (set of str) of the PCI controllers that a definition had, None where that is not known.
        self.ports = None
        # Names (set of str) of the running devices that have come.
        self.came = set()
        self.attached = []
        self.detached = []
        self.is_done = False
        self.result = result
        self.reason = reason
        # What is to be known (str or None) where all is done.
        self.about = reason if result == DONE else None

    @property
    def watched(self):
        """Names (set of str) of the running devices that the guest is to be seen to use before others go."""
        return {self.present[index].alias for index in self.kept}.union(self.came)

    @property
    def removed(self):
        """The Rng to remove."""
        return [rng for index, rng in enumerate(self.present) if index in self.going]

    @property
    def before(self):
        return [rng.device for rng in self.present]

    @property
    def after(self):
        return [rng.device for index, rng in enumerate(self.present) if index not in self.going - self.staying] + [
            _rng_device.without_place(device) for device in self.add]

    @property
    def is_to_act(self):
        """Whether something is to be done, or was."""
        return bool(self.going or self.add)

    @property
    def is_changed(self):
        """Whether a device came or left. A guest that was asked for one, in this run or an earlier one, still has it."""
        return bool(self.add or (self.going and self.going - self.staying))

    def leave(self, result, reason):
        """Leave this half as it is, and say why."""
        self.going, self.staying, self.add, self.result, self.reason = set(), set(), [], result, reason

    def note(self, words):
        """Say ``words`` (str) as well."""
        self.reason = f"{self.reason}; {words}" if self.reason else words

    def stop(self, result, reason, added):
        """Keep the old devices beside those of ``added`` that have come, and say why."""
        self.staying, self.add, self.result, self.reason = set(self.going), added, result, reason


def decide_definition(rngs, wanted):
    """Return the Part for the definition with ``rngs``; ``wanted`` is a Wanted."""
    return Part(*definition_part(rngs, wanted))


def definition_part(rngs, wanted):
    """Return what the Part for the definition with ``rngs`` is made of (tuple), which is the same for each definition with the same."""
    change = _change(rngs, wanted, _rng_device.sits)
    return rngs, change, DONE if change.going or change.add else UNCHANGED, _about(rngs, change, _rng_device.own_log)


def decide_running(rngs, wanted, replace, guest):
    """Return the Part for the running device of ``guest`` (Guest); ``replace`` allows to replace what runs.

    A running device keeps its name and its place on the bus until the next start.
    """
    way_back = guest.way_back
    change = _change(rngs, wanted, lambda _rng, _device: True)
    going, add = change.going, change.add
    if not going and not add:
        return Part(rngs)
    if going and wanted.devices and not replace:
        what = "the running device differs" if add else "another device runs beside the described one"
        return Part(rngs, result=RESTART, reason=f"{what}, and a running device is not replaced without replace_live. {sentence(way_back)}")
    if add:
        plug = guest.plug(add)
        why = _why_unfinished(rngs, wanted, going) or (plug.reason if plug.possible is False else None)
        if why:
            return Part(rngs, result=RESTART, reason=cannot_plug(why, way_back, bool(going)))
    if going:
        unplug = guest.unplug([rngs[index] for index in sorted(going)])
        if unplug.possible is False:
            return Part(rngs, result=RESTART, reason=cannot_unplug(unplug.reason, way_back))
        unseen = wanted.devices and (guest.deaf or guest.unseen)
        if unseen or guest.deaf:
            return Part(rngs, change, PENDING, (held if unseen else pending)(way_back, unseen or guest.deaf), is_held=bool(unseen))
    return Part(rngs, change, DONE, _about(rngs, change, _rng_device.own_names))


def _why_unfinished(rngs, wanted, going):
    """Return why no device is plugged beside ``rngs`` (str), None where one may be: each further wish would leave one more in the guest."""
    replaced = _rng_device.left_over(rngs)
    # Of several devices that are given back an interrupted run has plugged a part, and the rest finishes it.
    if not replaced or (wanted.whole and going <= replaced):
        return None
    return "a device that an earlier run replaced is still there, and no further one is plugged until it is gone"


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


def held(way_back, why):
    """Return the words for an old device that stays beside its successor, which nobody has seen in use."""
    return f"{why}. Until then the old device stays beside the new one. Otherwise: {way_back}"


def sentence(words):
    """Return ``words`` with a capital."""
    return words[0].upper() + words[1:]


def _change(rngs, wanted, sits):
    """Return the Change that makes of ``rngs`` (list of Rng) what is ``wanted``; ``sits(rng, device)`` is whether one is named and placed as asked for.

    What an interrupted run has left behind goes in any case. egd is preserved unless egd is asked for: it may feed the guest from a source
    of its owner's choice. The described device is added beside it.
    """
    left_over = _rng_device.left_over(rngs)
    free = [index for index in range(len(rngs)) if index not in left_over]
    if wanted.alias and not wanted.devices:
        return Change(left_over.union(index for index in free if rngs[index].alias == wanted.alias), [], [], set())
    means = _rng_device.means if wanted.whole else _rng_device.is_as
    free = _named_first(rngs, free, wanted.alias)
    missing, kept = [], set()
    for device in wanted.devices:
        found = next((index for index in free if means(device, rngs[index].device) and sits(rngs[index], device)), None)
        if found is None:
            missing.append(device)
        else:
            free.remove(found)
            kept.add(found)
    if not missing:
        return Change(left_over.union(free if wanted.only else ()), [], [], kept)
    if wanted.whole:
        return Change(left_over.union(free), missing, [rngs[index] for index in free[:len(missing)]] + [None] * (len(missing) - len(free)), kept)
    device = missing[0]  # Of described devices there is one.
    replaceable = _replaceable(rngs, free, device, wanted.alias, means)
    if replaceable:
        device = _rng_device.instead_of(rngs[replaceable[0]].device, device)
    return Change(left_over.union(free if wanted.only else replaceable), [device], [rngs[index] for index in replaceable] or [None], kept)


def _named_first(rngs, free, alias):
    """Return the indices ``free`` with that of the device of this ``alias`` (str or None) first."""
    return sorted(free, key=lambda index: alias is not None and rngs[index].alias != alias)


def _replaceable(rngs, free, device, alias, means):
    """Return the index (list of one int, or empty) of which of ``free`` makes way for ``device``: with an ``alias`` the one of that name, or its like."""
    if alias:
        return [index for index in free if rngs[index].alias == alias or means(device, rngs[index].device)][:1]
    return [index for index in free if device["backend"] == "egd" or rngs[index].device["backend"] != "egd"][:1]


def _about(rngs, change, names):
    """Return what else is to be known (str), or None; ``names(rng)`` (list of str) are what a device loses with its successor."""
    said = [words for words in map(_rng_place.words, change.add) if words]
    lost = [what for index in sorted(change.going) for what in names(rngs[index])] if change.add else []
    if lost:
        said.append(f"not kept of the replaced device: {', '.join(lost)}")
    if _rng_device.left_over(rngs):
        said.append("a device that an earlier run left beside its successor is taken away")
    if change.add and any(rng.device["backend"] == "egd" and index not in change.going for index, rng in enumerate(rngs)):
        said.append("a device with backend egd is preserved; the described one is added beside it")
    return "; ".join(said) or None
