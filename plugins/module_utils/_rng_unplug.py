# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have guests give their running devices back, all of them until one deadline."""

import time

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_apply, _rng_confirm, _rng_device, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import RefusedError
from ansible_collections.kvm.entropy.plugins.module_utils._rng_plan import DONE, PENDING, RESTART, held, sentence

# Seconds between two looks at whether to stop, and, where the daemon sends no events, at the domains.
_LOOK_EVERY = 0.5


class Waiting:
    """One domain whose guest is asked: the domain, its live Part, and what a person does when the guest refuses.

    ``ways`` (list of str, see ``_rng_confirm``) are those to see that it uses its new devices; empty where nobody has to.
    """

    def __init__(self, domain, live, way_back, ways=()):
        self.domain = domain
        self.live = live
        self._way_back = way_back
        self._ways = ways

    @property
    def is_to_be_seen(self):
        """Whether the guest is asked for its old devices only after it is seen to use the new ones."""
        return bool(self._ways)

    def why_unseen(self):
        """Look, and return why the guest is not seen to use its new devices (str), None where it is."""
        try:
            running = _virt_xml.rng_elements(self.domain.running())
            return _rng_confirm.why_not_in_use(self.domain, self.live.watched, len(running), self._ways)
        except RefusedError as refusal:
            return _rng_apply.reason(refusal)

    def hold(self, why):
        """Leave the old devices beside the new ones, as nobody has seen the guest use these."""
        self.live.is_held = True
        self.live.reason = held(self._way_back, f"{why}. Run again when it does")

    def ask(self):
        """Ask the guest."""
        _rng_apply.request_unplugs(self.domain, self.live, self._way_back)

    def has_ended(self, refused):
        """Look at the running domain and return whether nothing is to be waited for any more; ``refused`` are aliases (set of str)."""
        live = self.live
        try:
            there = {_rng_device.read(element).alias for element in _virt_xml.rng_elements(self.domain.running())}
        except RefusedError as refusal:
            live.leave(_rng_apply.result(refusal), _rng_apply.reason(refusal))
            return True
        live.staying = {index for index in live.going if live.present[index].alias in there}
        if not live.staying:
            live.result, live.reason = DONE, live.about
            return True
        if refused.intersection(live.present[index].alias for index in live.staying):
            live.result = RESTART
            live.reason = f"the guest refuses to give the device back. {sentence(self._way_back)}"
            return True
        return False


def unplug(waiting, settle, timeout, news, is_stopped, clock=time.monotonic):
    """Have the guests of ``waiting`` (list of Waiting) give their devices back, and wait for them, at most ``timeout`` seconds for all together.

    Those that have new devices get ``settle`` seconds before, to take them into use: one that is not seen to, where somebody looks, keeps its old ones.
    ``news(seconds)`` waits so long at most and returns what
    happened: a dict of domain UUID to the aliases (set) that its guest refuses to give back, or None where the daemon tells nothing by itself.
    ``is_stopped()`` ends it early. Guests that have not answered by then stay as they are, ``pending_unplug``.
    """
    waiting = [one for one in waiting if not one.live.is_held]
    early = _settle(waiting, settle, news, is_stopped, clock)
    if is_stopped():
        return
    waiting = [one for one in waiting if not one.live.is_held]
    for one in waiting:
        one.ask()
    left = {one.domain.uuid: one for one in waiting if one.live.result == PENDING}
    for uuid in early.intersection(left):  # It has answered what an earlier run asked.
        if left[uuid].has_ended(set()):
            del left[uuid]
    _wait(left, clock() + timeout, news, is_stopped, clock)


def _settle(waiting, seconds, news, is_stopped, clock):
    """Wait until the guests use their new devices, at most ``seconds``; return the UUIDs (set of str) of which something was told meanwhile."""
    unseen = [one for one in waiting if one.is_to_be_seen]
    is_pausing = any(one.live.add for one in waiting if not one.is_to_be_seen)
    end, early, why = clock() + seconds, set(), {}
    while not is_stopped():
        why = {one: words for one, words in ((one, one.why_unseen()) for one in unseen) if words}
        unseen = list(why)
        if clock() >= end or not (unseen or is_pausing):
            break
        early.update(news(min(_LOOK_EVERY, end - clock())) or ())
    for one, words in why.items():
        one.hold(words)
    return early


def _wait(left, deadline, news, is_stopped, clock):
    while not all(one.live.is_deaf for one in left.values()) and clock() < deadline and not is_stopped():
        told = news(max(0, min(_LOOK_EVERY, deadline - clock())))
        for uuid in list(left) if told is None else [uuid for uuid in told if uuid in left]:
            if left[uuid].has_ended(told[uuid] if told else set()):
                del left[uuid]
    for one in left.values():  # An event may be lost, a look is not.
        one.has_ended(set())
