# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The definition first, the running device second; what is refused leaves things as they were."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _rng_apply, _rng_device, _rng_place, _rng_plan
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import ConnectionLostError
from ansible_collections.kvm.entropy.plugins.module_utils._virt_plug import Plug
from virt_fakes import BUILTIN, RANDOM, FakeDomain, refusal, running, without_alias

WANTED = _rng_device.read(RANDOM).device
BACK = "power it off"
# What comes where nothing is, and what takes the place of BUILTIN.
FIRST = _rng_device.to_xml(WANTED, _rng_device.new_alias([], [], 0))
NEW = _rng_device.to_xml(WANTED, _rng_device.new_alias([], [_rng_device.read(BUILTIN)], 0))


def yes(_devices):
    return Plug(True, "")


def applied(domain, wanted=WANTED, replace=False):
    """Do what the plan has for the fake ``domain``; return its Parts."""
    wanted = _rng_plan.Wanted([wanted], False, False)
    config = _rng_plan.decide_definition([_rng_device.read(element) for element in domain.config], wanted)
    live = None
    if domain.is_active:
        rngs = [_rng_device.read(element) for element in domain.live]
        live = _rng_plan.decide_running(rngs, wanted, replace, _rng_plan.Guest(BACK, None, yes, yes))
    _rng_apply.apply(domain, config, live, BACK)
    if live and live.result == "pending_unplug":
        _rng_apply.request_unplugs(domain, live, BACK)
    return config, live


def test_the_new_device_comes_before_the_old_one_leaves():
    domain = FakeDomain([BUILTIN])
    config, _live = applied(domain)
    assert without_alias(domain.config) == [RANDOM] and domain.calls == ["attach", "detach"]
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
    attempts = []

    def attach(element):
        attempts.extend(without_alias([element]))
        if attempts[-1] == RANDOM:
            raise refusal("no-slot", "No more available PCI slots")
        domain.config.append(element)

    domain.attach = attach
    config, _live = applied(domain)
    assert attempts == [RANDOM, RANDOM, BUILTIN]
    assert domain.config == [BUILTIN] and config.result == "refused"


def test_a_definition_that_cannot_be_put_back_is_told_with_what_it_was():
    domain = FakeDomain([BUILTIN])
    domain.refuse["detach", BUILTIN] = refusal("other", "first")
    domain.refuse["detach", NEW] = refusal("other", "second")
    config, _live = applied(domain)
    assert "could not be put back as it was: second" in config.reason and BUILTIN in config.reason


FOREIGN = RANDOM.replace("/dev/urandom", "/dev/random")


def test_what_somebody_else_added_meanwhile_stays_when_this_run_is_undone():
    domain = FakeDomain([BUILTIN])
    domain.refuse["detach", BUILTIN] = refusal("other", "no")
    attach = domain.attach
    domain.attach = lambda element: (attach(element), domain.config.append(FOREIGN))
    config, _live = applied(domain)
    assert domain.config == [BUILTIN, FOREIGN] and config.result == "refused"


def test_what_somebody_else_took_away_meanwhile_does_not_come_back():
    domain = FakeDomain([BUILTIN])

    def attach(_element):
        domain.config.remove(BUILTIN)
        raise refusal("other", "no")

    domain.attach = attach
    assert applied(domain)[0].result == "refused" and domain.config == []


def test_a_driver_without_attach_gets_the_definition_again():
    domain = FakeDomain([BUILTIN])
    domain.refuse["attach", NEW] = refusal("unsupported")
    config, _live = applied(domain)
    assert domain.config == [RANDOM] and config.result == "done"


@pytest.mark.parametrize("kind, result, words", [
    ("gone", "refused", "undefined while this ran"), ("busy", "busy", "run again when it has ended"), ("other", "refused", "libvirt refuses: no")])
def test_a_refused_definition_leaves_the_running_device_alone(kind, result, words):
    domain = FakeDomain([], live=[])
    domain.refuse["attach", FIRST] = refusal(kind)
    config, live = applied(domain)
    assert config.result == result and words in config.reason
    assert live.result == "refused" and "not touched" in live.reason
    assert domain.live == [] and "plug" not in domain.calls


@pytest.mark.parametrize("kind, result", [("no-slot", "restart_required"), ("no-hotplug", "restart_required"), ("unsupported", "restart_required"),
                                          ("busy", "busy"), ("stopped", "refused")])
def test_a_refused_plug_leaves_the_definition_done(kind, result):
    domain = FakeDomain([], live=[])
    domain.refuse["plug", FIRST] = refusal(kind, "libvirt's words")
    config, live = applied(domain)
    assert config.result == "done" and without_alias(domain.config) == [RANDOM]
    assert live.result == result and live.after == [] and "libvirt's words" in live.reason
    assert live.reason.endswith("Power it off") is (result == "restart_required")


@pytest.mark.parametrize("kind", ["no-source", "unfit"])
def test_a_device_that_qemu_does_not_take_is_taken_out_of_the_definition_again(kind):
    domain = FakeDomain([BUILTIN], live=[])
    domain.refuse["plug", FIRST] = refusal(kind, "Could not open")
    config, live = applied(domain)
    assert domain.config == [BUILTIN]
    assert config.result == live.result == "refused" and config.after == config.before
    assert "taken back" in config.reason


def test_a_refusal_that_is_not_known_leaves_a_definition_that_the_domain_starts_with():
    domain = FakeDomain([BUILTIN], live=[])
    domain.refuse["plug", FIRST] = refusal("other", "something new")
    config, live = applied(domain)
    assert without_alias(domain.config) == [RANDOM] and config.result == "done" and live.result == "refused"
    assert config.reason == "the definition has the device, which the running domain does not take"
    assert live.reason == "libvirt refuses: something new. Power it off"


def test_a_source_that_a_start_waits_for_leaves_the_definition_too():
    egd = "<rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' host='127.0.0.1' service='7'>{}</source></backend></rng>"
    for reconnect, kept in (("<reconnect enabled='yes' timeout='5'/>", 1), ("", 0)):
        device = _rng_device.read(egd.format(reconnect)).device
        domain = FakeDomain([], live=[])
        domain.refuse["plug", _rng_device.to_xml(device, _rng_device.new_alias([], [], 0))] = refusal("no-source", "'chardev-add': refused")
        config, live = applied(domain, device)
        assert len(domain.config) == kept and config.result == ("done" if kept else "refused")
        assert live.result == ("restart_required" if kept else "refused")
        assert (config.reason or "").count("chardev-add") == 0 and live.reason.count("chardev-add") == 1 and "start the daemon" in live.reason


def test_an_old_device_that_somebody_else_took_away_is_no_trouble():
    domain = FakeDomain([BUILTIN])
    domain.refuse["detach", BUILTIN] = refusal("missing")
    assert applied(domain)[0].result == "done"


@pytest.mark.parametrize("call", ["attach", "plug"])
def test_a_device_that_another_run_has_just_added_is_not_added_twice(call):
    domain = FakeDomain([], live=[])
    domain.refuse[call, FIRST] = refusal("twin", "non unique alias")
    with pytest.raises(_rng_apply.OvertakenError):
        applied(domain)
    assert domain.live == [] and domain.calls[-1] == call


def test_a_lost_connection_is_not_taken_for_a_refusal():
    domain = FakeDomain([])
    domain.refuse["attach", FIRST] = ConnectionLostError("gone")
    with pytest.raises(ConnectionLostError):
        applied(domain)


def replaced(domain):
    """Replace the running BUILTIN; return the live Part and the aliases that still run."""
    live = applied(domain, replace=True)[1]
    return live, [_rng_device.read(element).alias for element in domain.live]


def running_builtin():
    return FakeDomain([RANDOM], live=[running(BUILTIN, "rng0")])


def test_a_running_device_is_asked_for_only_after_its_successor_is_seen():
    domain = running_builtin()
    live, aliases = replaced(domain)
    assert domain.calls == ["plug", "running", "unplug"]
    assert live.result == "pending_unplug" and len(live.after) == 2
    assert aliases[0] == "rng0" and aliases[1].startswith("ua-kvm-entropy-instead-of-")


def test_a_successor_that_does_not_show_leaves_the_old_device_where_it_is():
    domain = running_builtin()
    domain.plug = lambda _element: None
    live, aliases = replaced(domain)
    assert live.result == "restart_required" and "does not show it" in live.reason and live.after == live.before
    assert aliases == ["rng0"] and "unplug" not in domain.calls and not live.is_changed


def test_an_old_device_that_leaves_by_itself_meanwhile_does_not_hide_its_successor():
    domain = running_builtin()
    plug = domain.plug
    domain.plug = lambda element: (plug(element), domain.leave("rng0"))
    live, aliases = replaced(domain)
    assert live.result == "pending_unplug" and len(aliases) == 1


def test_of_several_devices_those_that_were_asked_for_are_told_when_another_one_stays():
    domain = FakeDomain([], live=[running(BUILTIN, "rng0"), running(RANDOM, "rng1")])
    live = _rng_plan.decide_running([_rng_device.read(element) for element in domain.live], _rng_plan.Wanted([], True, True), True,
                                    _rng_plan.Guest(BACK, None, yes, yes))
    _rng_apply.apply(domain, None, live, BACK)
    domain.refuse["unplug", "rng1"] = refusal("other", "no")
    _rng_apply.request_unplugs(domain, live, BACK)
    assert live.result == "pending_unplug" and not live.is_changed and live.staying == {0}
    assert live.reason == "the guest was asked for 1 of its devices, and another one stays: libvirt refuses: no. If it doesn't: power it off"


def test_where_there_is_no_place_for_two_the_old_device_stays():
    domain = running_builtin()
    successor = _rng_device.to_xml(WANTED, _rng_device.new_alias([], [_rng_device.read(domain.live[0])], 0))
    domain.refuse["plug", successor] = refusal("no-slot", "No more available PCI slots")
    live, aliases = replaced(domain)
    assert live.result == "restart_required" and "The old device stays. Power it off" in live.reason
    assert aliases == ["rng0"] and "unplug" not in domain.calls and live.after == live.before


def test_an_old_device_that_cannot_be_asked_for_stays_beside_its_successor():
    domain = running_builtin()
    domain.refuse["unplug", "rng0"] = refusal("other", "no")
    live, _aliases = replaced(domain)
    assert live.result == "restart_required" and live.is_changed and len(live.after) == 2
    assert live.reason == "the new device is there, and the old one stays: libvirt refuses: no. Power it off"


@pytest.mark.parametrize("half", ["config", "live"])
def test_what_an_interrupted_run_left_behind_goes_with_the_next(half):
    old, new = BUILTIN, NEW
    if half == "live":
        old, new = running(BUILTIN, "rng0"), NEW
        domain = FakeDomain([RANDOM], live=[old, new])
        live = applied(domain, replace=True)[1]
        assert domain.calls == ["unplug"] and live.staying == {0}
        live = applied(domain)[1]
        assert live.result == "restart_required", "not without being allowed to"
    else:
        domain = FakeDomain([old, new])
        config, _live = applied(domain)
        assert domain.config == [new] and "earlier run left" in config.reason
    later = FakeDomain([NEW, BUILTIN])
    assert applied(later)[0].result == "unchanged", "what was added after it is somebody's wish"


def test_an_address_that_is_asked_for_and_refused_is_no_success():
    old = BUILTIN.replace("</rng>", "<alias name='ua-old'/><address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></rng>")
    wanted = dict(WANTED, address={"domain": 0, "bus": 2, "slot": 0, "function": 0})
    domain = FakeDomain([old])
    place = _rng_place.for_device(wanted, _rng_device.place_of(_rng_device.read(old)))
    domain.refuse["attach", _rng_device.to_xml(wanted, None, place)] = refusal("other", "not there")
    config, _live = applied(domain, wanted)
    assert domain.config == [old] and (config.result, config.reason) == ("refused", "libvirt refuses: not there")
