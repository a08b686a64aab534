# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide what becomes of the <rng> of one domain, in its definition and in its running device. Nothing here acts."""

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device

UNCHANGED, DONE, REFUSED, BUSY = "unchanged", "done", "refused", "busy"
PENDING, RESTART = "pending_unplug", "restart_required"


class Part:
    """One half of a domain, its definition or its running device: what is there, what is to go and to come, how it ended.

    ``present`` and ``remove`` are lists of Rng, ``add`` is a device or None. ``result`` is the prediction; acting corrects it.
    ``staying`` are those to remove that the guest has not given back.
    """

    def __init__(self, present, remove=(), add=None, result=UNCHANGED, reason=None):
        self.present = present
        self.remove = list(remove)
        self.staying = []
        self.add = add
        self.result = result
        self.reason = reason

    @property
    def before(self):
        return [rng.device for rng in self.present]

    @property
    def after(self):
        kept = [rng.device for rng in self.present if rng not in self.remove or rng in self.staying]
        return kept + ([self.add] if self.add else [])

    @property
    def is_changed(self):
        return self.result in (DONE, PENDING)

    def leave(self, result, reason):
        """Leave this half as it is, and say why."""
        self.remove, self.add, self.result, self.reason = [], None, result, reason


def decide_definition(rngs, wanted, exclusive):
    """Return the Part for the definition with ``rngs``; ``wanted`` is a device, or None for none at all."""
    remove, add = _change(rngs, wanted, exclusive)
    return Part(rngs, remove, add, DONE if remove or add else UNCHANGED, _about_egd(rngs, remove, add))


def decide_running(rngs, wanted, exclusive, find_plug, way_back):
    """Return the Part for the running device.

    ``find_plug()`` returns the Plug of the running domain, asked only when something is to be plugged; ``way_back`` (str)
    tells a person how the guest gets what cannot be done while it runs.
    """
    remove, add = _change(rngs, wanted, exclusive)
    if not remove and not add:
        return Part(rngs)
    if wanted is None:
        return Part(rngs, remove, None, DONE)
    if remove:
        what = "the running device differs" if add else "another device runs beside the described one"
        return Part(rngs, result=RESTART, reason=f"{what}, and a running device is not replaced. {_sentence(way_back)}")
    plug = find_plug()
    if plug.possible is False:
        return Part(rngs, result=RESTART, reason=cannot_plug(plug.reason, way_back))
    return Part(rngs, (), add, DONE, _about_egd(rngs, remove, add))


def cannot_plug(reason, way_back):
    """Return the words for a running domain that takes no device now."""
    return f"cannot plug <rng> while running: {reason}. {_sentence(way_back)}"


def _change(rngs, wanted, exclusive):
    """Return (list of Rng to remove, device to add or None).

    egd is preserved: it may feed the guest from a source of its owner's choice. The described device is added beside it.
    """
    if wanted is None:
        return rngs, None
    fitting = [rng for rng in rngs if _rng_device.is_as(wanted, rng.device)]
    if fitting:
        return ([rng for rng in rngs if rng is not fitting[0]] if exclusive else []), None
    replaceable = [rng for rng in rngs if rng.device["backend"] != "egd"][:1]
    add = _rng_device.instead_of(replaceable[0].device, wanted) if replaceable else wanted
    return (rngs if exclusive else replaceable), add


def _about_egd(rngs, remove, add):
    kept = [rng for rng in rngs if rng.device["backend"] == "egd" and rng not in remove]
    if add and kept:
        return "a device with backend egd is preserved; the described one is added beside it"
    return None


def _sentence(words):
    return words[0].upper() + words[1:]
