# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The definition first, the running device second; what is refused leaves things as they were."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _rng_apply, _rng_device, _rng_plan
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import ConnectionLostError
from ansible_collections.kvm.entropy.plugins.module_utils._virt_plug import Plug
from virt_fakes import BUILTIN, RANDOM, FakeDomain, refusal, running

WANTED = _rng_device.read(RANDOM).device
BACK = "power it off"


def parts(domain, wanted=WANTED, exclusive=False):
    """Return the Parts that the plan has for the fake ``domain``."""
    config = _rng_plan.decide_definition([_rng_device.read(element) for element in domain.config], wanted, exclusive)
    if not domain.is_active:
        return config, None
    rngs = [_rng_device.read(element) for element in domain.live]
    return config, _rng_plan.decide_running(rngs, wanted, exclusive, lambda: Plug(True, ""), BACK)


def applied(domain, **options):
    config, live = parts(domain, **options)
    _rng_apply.apply(domain, config, live, BACK)
    return config, live


def test_the_new_device_comes_before_the_old_one_leaves():
    domain = FakeDomain([BUILTIN])
    config, _live = applied(domain)
    assert domain.config == [RANDOM] and domain.calls == ["attach", "detach"]
    assert config.result == "done"


def test_when_the_old_one_cannot_leave_the_new_one_is_taken_away_again():
    domain = FakeDomain([BUILTIN])
    domain.refuse["detach", BUILTIN] = refusal("other", "device not found")
    config, _live = applied(domain)
    assert domain.config == [BUILTIN]
    assert (config.result, config.reason) == ("refused", "libvirt refuses: device not found")
    assert config.after == config.before == [_rng_device.read(BUILTIN).device]


def test_without_room_for_both_the_old_one_makes_way_and_comes_back_when_that_fails():
    domain = FakeDomain([BUILTIN])
    domain.refuse["attach", RANDOM] = refusal("no-slot", "No more available PCI slots")
    attempts = []

    def attach(element):
        attempts.append(element)
        if element == RANDOM:
            raise refusal("no-slot", "No more available PCI slots")
        domain.config.append(element)

    domain.attach = attach
    config, _live = applied(domain)
    assert attempts == [RANDOM, RANDOM, BUILTIN]
    assert domain.config == [BUILTIN] and config.result == "refused"


def test_a_definition_that_cannot_be_put_back_is_told_with_what_it_was():
    domain = FakeDomain([BUILTIN])
    domain.refuse["detach", BUILTIN] = refusal("other", "first")
    domain.refuse["detach", RANDOM] = refusal("other", "second")
    config, _live = applied(domain)
    assert "could not be put back as it was: second" in config.reason and BUILTIN in config.reason


def test_a_driver_without_attach_gets_the_definition_again():
    domain = FakeDomain([BUILTIN])
    domain.refuse["attach", RANDOM] = refusal("unsupported")
    config, _live = applied(domain)
    assert domain.config == [RANDOM] and config.result == "done"


@pytest.mark.parametrize("kind, result, words", [
    ("gone", "refused", "undefined while this ran"), ("busy", "busy", "run again when it has ended"), ("other", "refused", "libvirt refuses: no")])
def test_a_refused_definition_leaves_the_running_device_alone(kind, result, words):
    domain = FakeDomain([], live=[])
    domain.refuse["attach", RANDOM] = refusal(kind)
    config, live = applied(domain)
    assert config.result == result and words in config.reason
    assert live.result == "refused" and "not touched" in live.reason
    assert domain.live == [] and "plug" not in domain.calls


@pytest.mark.parametrize("kind, result", [("no-slot", "restart_required"), ("no-hotplug", "restart_required"), ("unsupported", "restart_required"),
                                          ("busy", "busy"), ("stopped", "refused"), ("other", "refused")])
def test_a_refused_plug_leaves_the_definition_done(kind, result):
    domain = FakeDomain([], live=[])
    domain.refuse["plug", RANDOM] = refusal(kind, "libvirt's words")
    config, live = applied(domain)
    assert config.result == "done" and domain.config == [RANDOM]
    assert live.result == result and live.after == [] and "libvirt's words" in live.reason
    assert live.reason.endswith("Power it off") is (result == "restart_required")


def test_a_source_that_qemu_cannot_open_is_taken_out_of_the_definition_again():
    domain = FakeDomain([BUILTIN], live=[])
    domain.refuse["plug", RANDOM] = refusal("no-source", "Could not open")
    config, live = applied(domain)
    assert domain.config == [BUILTIN]
    assert config.result == live.result == "refused" and config.after == config.before
    assert "taken back" in config.reason


def test_a_lost_connection_is_not_taken_for_a_refusal():
    domain = FakeDomain([])
    domain.refuse["attach", RANDOM] = ConnectionLostError("gone")
    with pytest.raises(ConnectionLostError):
        applied(domain)


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


def unplugged(domains, timeout, *events):
    """Ask all ``domains`` for their devices back; return (their live Parts, how long it was waited)."""
    waiting = [(domain, applied(domain, wanted=None)[1]) for domain in domains]
    clock = Clock(*events)
    _rng_apply.await_unplugs(waiting, timeout, clock, clock.sleep)
    return [live for _domain, live in waiting], clock.now


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
    assert live.result == "done" and waited == 1
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
