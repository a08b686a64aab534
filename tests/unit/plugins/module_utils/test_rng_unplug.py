# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests are waited for until one deadline, each by its own answer."""

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_apply, _rng_device, _rng_plan, _rng_unplug
from ansible_collections.kvm.entropy.plugins.module_utils._virt_plug import Plug
from virt_fakes import BUILTIN, RANDOM, FakeDomain, refusal, running

ABSENT = _rng_plan.Wanted([], True, True)
BACK = "power it off"
DEAF = {"paused": "the guest is paused and cannot answer"}


class Clock:
    """A clock that only sleeping moves; ``events`` are (second, what happens then)."""

    def __init__(self, *events):
        self.now = 0
        self._events = list(events)

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        for event in [event for event in self._events if event[0] <= self.now]:
            self._events.remove(event)
            event[1]()


def yes(_devices):
    return Plug(True, "")


def unplugged(domains, timeout, *events, refusing=(), stop=lambda: False, wanted=ABSENT, settle=0, told=()):
    """Ask all ``domains`` for their devices back; return (their live Parts, how long it was waited, in s)."""
    waiting = []
    for domain in domains:
        rngs = [_rng_device.read(element) for element in domain.live]
        live = _rng_plan.decide_running(rngs, wanted, True, _rng_plan.Guest(BACK, DEAF.get(domain.state()), yes, yes))
        _rng_apply.apply(domain, None, live, BACK)
        waiting.append(_rng_unplug.Waiting(domain, live, BACK))
    clock = Clock(*events)

    def news(seconds):
        clock.sleep(seconds)
        if told:
            return {domain.uuid: set() for domain in domains if clock.now in told}
        return {domain.uuid: {alias for name, alias in refusing if name == domain.name} for domain in domains} if refusing else None

    _rng_unplug.unplug(waiting, settle, timeout, news, stop, clock)
    return [one.live for one in waiting], clock.now


def guests(*names):
    return [FakeDomain([], live=[running(RANDOM, "rng0"), running(BUILTIN, "rng1")], name=name) for name in names]


def test_guests_that_answer_are_done_and_all_share_one_deadline():
    quick, half, deaf = guests("quick", "half", "deaf")
    (first, second, third), waited = unplugged(
        [quick, half, deaf], 3, (1, lambda: quick.leave("rng0")), (1.5, lambda: quick.leave("rng1")), (2, lambda: half.leave("rng0")))
    assert waited == 3
    assert (first.result, first.reason, first.after) == ("done", None, [])
    assert second.result == "pending_unplug" and second.after == [_rng_device.read(BUILTIN).device]
    assert third.result == "pending_unplug" and third.after == third.before and third.reason.endswith(BACK)


def test_nobody_is_waited_for_longer_than_need_be():
    [guest] = guests("quick")
    (live,), waited = unplugged([guest], 60, (1, lambda: guest.leave("rng0")), (1, lambda: guest.leave("rng1")))
    assert live.result == "done" and waited <= 1.5
    assert unplugged([], 60) == ([], 0)


def test_an_unplug_that_was_asked_for_before_is_waited_for():
    [guest] = guests("again")
    guest.refuse["unplug", "rng0"] = refusal("leaving")
    (live,), _waited = unplugged([guest], 5, (1, lambda: guest.leave("rng0")), (1, lambda: guest.leave("rng1")))
    assert live.result == "done"


def test_a_domain_that_goes_while_it_is_waited_for_is_told():
    [guest] = guests("going")

    def go():
        guest.refuse["running", None] = refusal("gone")

    (live,), waited = unplugged([guest], 60, (2, go))
    assert live.result == "refused" and "undefined" in live.reason and waited < 3


def test_a_guest_that_refuses_is_not_waited_for_and_keeps_its_device():
    [guest] = guests("stubborn")
    (live,), waited = unplugged([guest], 60, refusing=[("stubborn", "rng1")])
    assert waited < 2 and live.result == "restart_required" and live.after == live.before
    assert live.reason == "the guest refuses to give the device back. Power it off"


def test_a_guest_that_cannot_answer_is_asked_and_not_waited_for():
    [guest] = guests("paused")
    guest.state = lambda: "paused"
    (live,), waited = unplugged([guest], 60)
    assert waited == 0 and guest.calls.count("unplug") == 2
    assert live.result == "pending_unplug" and live.reason == "the guest is paused and cannot answer. If it doesn't: power it off"


def test_guests_with_a_new_device_have_time_to_take_it_and_are_asked_then():
    slow, other = (FakeDomain([], live=[running(BUILTIN, "rng0")], name=name) for name in ("slow", "other"))
    wanted = _rng_plan.Wanted([_rng_device.read(RANDOM).device], False, False)
    asked = []
    (first, _second), waited = unplugged([slow, other], 10, (4.5, lambda: asked.append(slow.calls.count("unplug"))), (5.5, lambda: slow.leave("rng0")),
                                         (5.5, lambda: other.leave("rng0")), wanted=wanted, settle=5)
    assert asked == [0] and first.result == "done" and len(first.after) == 1 and waited < 7


def test_a_device_that_left_while_the_new_one_settled_is_not_waited_for():
    [guest] = [FakeDomain([], live=[running(BUILTIN, "rng0")])]
    wanted = _rng_plan.Wanted([_rng_device.read(RANDOM).device], False, False)
    (live,), waited = unplugged([guest], 60, (1, lambda: guest.leave("rng0")), wanted=wanted, settle=2, told=(1,))
    assert live.result == "done" and waited == 2


def test_who_asks_to_stop_is_obeyed():
    [guest] = guests("slow")
    (live,), waited = unplugged([guest], 60, stop=lambda: True)
    assert waited == 0 and live.result == "pending_unplug" and "unplug" not in guest.calls
    assert live.reason.startswith("the guest has not been asked")
