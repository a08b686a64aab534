# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tells that a guest is up, and what is done where libvirt refuses: cases that the private daemon's guests do not get into."""

import types

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _libvirt, _restart_act, _restart_decide, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import ConnectionLostError, RefusedError
from ansible_collections.kvm.entropy.plugins.module_utils._restart_record import LeftOff
from virt_fakes import BUILTIN, RANDOM, FakeDomain

AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='{state}'/></channel>"
DISK = "<disk type='file' device='{device}'><target dev='vda'/>{more}</disk>"
TAP = "<interface type='bridge'><target dev='vnet0'/></interface>"


class Restarted(FakeDomain):
    """A domain that waits, of which a test says what libvirt answers: ``runs`` are the numbers of its run, one per look, ``signs`` what is seen then."""

    def __init__(self, name="web-1", runs=(1, None, 2), signs=("agent",), devices=()):
        super().__init__([RANDOM, *devices], live=[BUILTIN, *devices], name=name)
        self.runs, self.signs = list(runs), set(signs)

    def run_id(self):
        self._note("run_id", None)
        run = self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]
        if isinstance(run, Exception):
            raise run
        return run

    def shut_down(self):
        self._note("shut_down", None)

    def destroy(self):
        self._note("destroy", None)

    def start(self):
        self._note("start", None)

    def is_saved(self):
        self._note("is_saved", None)
        return False

    def signs_seen(self):
        self._note("signs_seen", None)
        return self.signs


class Noted:
    """A record in memory: the UUIDs that are noted ``now``."""

    def __init__(self):
        self.now = set()

    def note(self, uuid, *_unused):
        self.now.add(uuid)

    def forget(self, uuid):
        self.now.discard(uuid)


class Left(Restarted):
    """A domain that an earlier run has left off."""

    def __init__(self, name="web-1", runs=(2,), signs=("agent",), devices=()):
        super().__init__(name, runs, signs, devices)
        self.live, self.is_active = None, False

    def off_reason(self):
        return 1


LEFT_OFF = LeftOff("web-1", 1795583008, "nothing")


def restarted(*domains, stopped=False, **terms):
    """Restart ``domains`` by a clock that goes on by a second with each look; return (their Cases, why it ended early)."""
    cases = [_restart_decide.decide(domain, True, "auto") for domain in domains]
    return cases, act(cases, stopped, **terms)


def act(cases, stopped=False, clock=None, record=None, **terms):
    """Restart the domains of ``cases``; return why it ended early."""
    seconds = iter(range(10000))
    terms = dict({"shutdown_timeout": 10, "up_timeout": 20, "at_once": 1, "force": False}, **terms)
    return _restart_act.restart(cases, _restart_act.Terms(**terms), record or Noted(), lambda _seconds: None, lambda: stopped, clock or (lambda: next(seconds)))


def lost(*domains, **terms):
    """Restart ``domains`` until the connection is lost; return their Cases."""
    cases = [_restart_decide.decide(domain, True, "auto") for domain in domains]
    with pytest.raises(ConnectionLostError):
        act(cases, **terms)
    return cases


@pytest.mark.parametrize("devices, signs", [
    ([], set()),
    ([AGENT.format(state="connected")], {"agent"}),
    ([AGENT.format(state="disconnected")], set()),
    ([DISK.format(device="disk", more="")], {"disk"}),
    ([DISK.format(device="disk", more="<readonly/>"), DISK.format(device="cdrom", more="")], set()),
    ([TAP, "<interface type='user'/>"], {"interface"}),
])
def test_what_tells_that_a_guest_is_up(devices, signs):
    assert _virt_xml.signs_of_life(f"<domain><devices>{''.join(devices)}</devices></domain>") == signs


def test_the_agent_is_asked_for_before_the_disk_and_the_disk_before_the_network():
    disk, agent = DISK.format(device="disk", more=""), AGENT.format(state="connected")
    assert [_restart_decide.decide(Restarted(devices=devices), True, "auto").up_by for devices in (
        [TAP, disk, agent], [TAP, disk], [TAP], [])] == ["agent", "disk", "interface", "nothing"]
    silent = AGENT.format(state="disconnected")
    assert _restart_decide.decide(Restarted(devices=[disk, silent]), True, "agent").up_by == "agent"
    assert _restart_decide.decide(Restarted(devices=[disk]), True, "nothing").up_by == "nothing"


def test_an_agent_that_has_no_channel_after_the_start_is_not_waited_for():
    disk, agent = DISK.format(device="disk", more=""), AGENT.format(state="connected")
    domain = Restarted(devices=[disk, agent])
    domain.config.remove(agent)
    assert _restart_decide.decide(domain, True, "auto").up_by == "disk"
    case = _restart_decide.decide(domain, True, "agent")
    assert (case.result, case.is_changed) == ("refused", False) and "no channel org.qemu.guest_agent.0" in case.reason


def test_it_is_asked_once_started_once_and_waited_for():
    domain = Restarted(runs=(1, 1, 1, None, 2))
    (case,), why = restarted(domain)
    assert (case.result, case.is_changed, why) == ("done", True, None)
    assert [call for call in domain.calls if call in ("shut_down", "destroy", "start")] == ["shut_down", "start"]


def test_a_guest_that_refuses_to_be_asked_is_left_and_the_next_one_asked():
    first, second = Restarted("a"), Restarted("b")
    first.refuse["shut_down", None] = RefusedError("other", "no agent and no ACPI")
    cases, why = restarted(first, second)
    assert [(case.result, case.is_changed) for case in cases] == [("refused", False), ("done", True)] and why is None
    assert "no agent and no ACPI" in cases[0].reason


def test_one_that_was_powered_off_before_its_turn_stays_off():
    domain = Restarted(runs=(None,))
    (case,), _why = restarted(domain)
    assert (case.result, case.is_changed) == ("unchanged", False) and "shut_down" not in domain.calls


def test_a_guest_that_is_not_seen_up_ends_the_run_after_those_on_their_way():
    disk = DISK.format(device="disk", more="")
    cases, why = restarted(*(Restarted(name, devices=[disk], signs=()) for name in "abc"), at_once=2)
    assert [case.result for case in cases] == ["not_up", "not_up", "not_reached"]
    assert why == "a did not come up again" and [case.is_changed for case in cases] == [True, True, False]


def test_a_run_that_is_stopped_asks_nobody_and_waits_for_nobody_to_come_up():
    disk = DISK.format(device="disk", more="")
    cases, why = restarted(Restarted("a", devices=[disk], signs=()), Restarted("b"), stopped=True)
    assert [case.result for case in cases] == ["done", "not_reached"] and why == "it was asked to stop"
    assert "not waited for" in cases[0].reason


def test_a_run_that_is_stopped_while_it_asks_asks_nobody_else():
    cases, why = restarted(Restarted("a"), Restarted("b"), stopped=True, at_once=2)
    assert [case.result for case in cases] == ["done", "not_reached"] and why == "it was asked to stop"


def test_a_guest_with_force_is_destroyed_only_after_its_time():
    domain = Restarted(runs=(1,))
    restarted(domain, force=True, shutdown_timeout=5)
    assert domain.calls.index("destroy") > domain.calls.index("shut_down")
    other = Restarted(runs=(1,))
    (case,), _why = restarted(other)
    assert case.result == "not_off" and "destroy" not in other.calls and not case.is_changed


@pytest.mark.parametrize("method, result, changed, words", [
    ("refresh", "not_reached", False, "it was not asked to power off"),
    ("run_id", "not_reached", False, "it was not asked to power off"),
    ("shut_down", "not_started", True, "it may have been asked to power off"),
    ("is_saved", "not_started", True, "it was off, and about to be started"),
    ("start", "not_started", True, "it was off, and about to be started"),
    ("signs_seen", "not_up", True, "it was started when libvirt went away"),
])
def test_a_connection_lost_in_any_call_tells_how_the_domain_was_left_and_that_the_next_was_not_reached(method, result, changed, words):
    first, second = Restarted("a", devices=[AGENT.format(state="connected")]), Restarted("b")
    first.refuse[method, None] = ConnectionLostError("end of file")
    cases = lost(first, second)
    assert [(case.result, case.is_changed) for case in cases] == [(result, changed), ("not_reached", False)] and words in cases[0].reason
    assert (result == "not_started") is (f"virsh start {first.uuid}" in cases[0].reason) and second.calls.count("shut_down") == 0


def test_what_ended_in_the_very_round_in_which_the_connection_is_lost_is_told_as_it_ended():
    first, second, third = Restarted("a"), Restarted("b", runs=(1,)), Restarted("c", runs=(1,))
    first.runs = [1, 1, None, 2]
    third.runs = [1, 1, ConnectionLostError("end of file")]
    cases = lost(first, second, third, at_once=3)
    assert [case.result for case in cases] == ["done", "not_started", "not_started"]
    assert "it was asked to power off" in cases[1].reason


def test_a_guest_that_powers_off_after_its_time_is_started_while_the_run_goes_on():
    first, second = Restarted("a", runs=(1,)), Restarted("b", runs=(1, 1, 1, None, 2))
    real = second.shut_down
    second.shut_down = lambda: (real(), first.runs.__setitem__(slice(None), [None, None, 2]))
    cases, why = restarted(first, second)
    assert [(case.result, case.is_changed) for case in cases] == [("done", True), ("done", True)] and why is None
    assert first.calls.count("start") == 1 and "powered off later than within 10 s" in cases[0].reason


def test_a_guest_that_powers_off_after_its_time_and_does_not_start_again_ends_the_run():
    first, second, third = Restarted("a", runs=(1,)), Restarted("b", runs=(1, 1, 1, 1, None, 2)), Restarted("c")
    first.refuse["start", None] = RefusedError("other", "no such disk")
    real = second.shut_down
    second.shut_down = lambda: (real(), first.runs.__setitem__(slice(None), [None]))
    cases, why = restarted(first, second, third)
    assert [case.result for case in cases] == ["not_started", "done", "not_reached"] and why == "a did not come up again"


def test_a_guest_that_powers_off_just_before_it_is_destroyed_is_started():
    domain = Restarted(runs=(1, 1, 1, 2))
    domain.refuse["destroy", None] = RefusedError("stopped", "domain is not running")
    (case,), _why = restarted(domain, force=True, shutdown_timeout=0)
    assert (case.result, case.is_changed) == ("done", True) and domain.calls.count("start") == 1


def test_a_guest_that_cannot_be_destroyed_is_told_to_run_on():
    domain = Restarted(runs=(1,))
    domain.refuse["destroy", None] = RefusedError("busy", "cannot acquire state change lock")
    cases, _why = restarted(domain, force=True, shutdown_timeout=0)
    assert (cases[0].result, cases[0].is_changed) == ("not_off", False) and "start" not in domain.calls


def test_a_guest_that_is_off_again_is_told_at_once():
    domain = Restarted(runs=(1, None, 2, None), signs=(), devices=[DISK.format(device="disk", more="")])
    (case,), why = restarted(domain)
    assert (case.result, case.is_changed) == ("not_up", True) and why == "web-1 did not come up again"
    assert "it was started and is OFF again" in case.reason and f"virsh start {domain.uuid}" in case.reason


def test_a_domain_of_which_libvirt_counts_nothing_shows_no_sign(monkeypatch):
    monkeypatch.setattr(_libvirt, "libvirt", types.SimpleNamespace(VIR_DOMAIN_STATS_BLOCK=32, VIR_DOMAIN_STATS_INTERFACE=16))
    handle = types.SimpleNamespace(name=lambda: "web-1", UUIDString=lambda: "u", ID=lambda: 1, XMLDesc=lambda _flags: "<domain/>")
    connection = types.SimpleNamespace(call=lambda function, *words: function(*words), counted=lambda _handle, _kinds: [])
    assert _libvirt.Domain(connection, handle, set(), set(), set()).signs_seen() == set()


@pytest.mark.parametrize("change, result, words", [
    ({"live": [RANDOM]}, "unchanged", "somebody restarted it"),
    ({"config": [BUILTIN]}, "unchanged", "or changed one of them"),
    ({"is_active": False}, "unchanged", "it was powered off"),
    ({"is_active": False, "has_managed_save": True, "saved": lambda: Restarted().running()}, "refused", "virsh managedsave-remove"),
    ({"is_persistent": False}, "unchanged", "its definition was taken away"),
    ({"state": lambda: "paused"}, "refused", "virsh resume"),
    ({"has_job": lambda: True}, "busy", "a job"),
    ({"extra": "<on_poweroff>preserve</on_poweroff>"}, "refused", "its on_poweroff is preserve"),
])
def test_what_has_become_of_a_domain_before_its_turn_is_seen_and_it_is_not_asked(change, result, words):
    domain, second = Restarted("a"), Restarted("b")
    domain.refresh = lambda: vars(domain).update(change)
    cases, why = restarted(domain, second)
    assert (cases[0].result, cases[0].is_changed) == (result, False) and words in cases[0].reason and "shut_down" not in domain.calls
    assert cases[1].result == "done" and why is None


@pytest.mark.parametrize("kind, result, words", [
    ("gone", "refused", "undefined while this ran"), ("stopped", "unchanged", "it was powered off"), ("busy", "busy", "state change lock")])
def test_what_happens_just_before_it_is_asked_is_told(kind, result, words):
    domain = Restarted(runs=(1,))
    domain.refuse["shut_down", None] = RefusedError(kind, "state change lock")
    (case,), _why = restarted(domain)
    assert (case.result, case.is_changed) == (result, False) and words in case.reason


def test_the_time_to_power_off_counts_from_before_the_guest_is_asked():
    now = [0]
    domain = Restarted(runs=(1,))
    domain.shut_down = lambda: now.__setitem__(0, 60)  # As libvirt may, with an agent.
    case = _restart_decide.decide(domain, True, "auto")

    def clock():
        assert now[0] < 100, "it is not waited any longer"
        now[0] += 1
        return now[0]
    act([case], clock=clock, shutdown_timeout=60)
    assert case.result == "not_off" and now[0] < 65


@pytest.mark.parametrize("method, result, is_off", [("is_saved", "not_started", True), ("signs_seen", "not_up", False)])
def test_what_libvirt_refuses_after_the_guest_powered_off_tells_whether_it_was_started(method, result, is_off):
    domain = Restarted(devices=[DISK.format(device="disk", more="")])
    domain.refuse[method, None] = RefusedError("other", "no rights")
    cases, why = restarted(domain)
    assert (cases[0].result, cases[0].is_changed, why) == (result, True, "web-1 did not come up again")
    assert (f"virsh start {domain.uuid}" in cases[0].reason) is is_off and "no rights" in cases[0].reason


@pytest.mark.parametrize("runs, refused, result, stays", [
    ((1, None, 2), {}, "done", False),
    ((1,), {}, "not_off", True),
    ((1, None, None), {"start": "no such disk"}, "not_started", True),
    ((1, None, 2, None), {}, "not_up", False),
    ((1,), {"shut_down": "no rights"}, "refused", False),
    ((None,), {}, "unchanged", False),
])
def test_a_guest_is_noted_from_before_it_is_asked_until_it_cannot_be_off_because_of_this(runs, refused, result, stays):
    record, domain = Noted(), Restarted(runs=runs, signs=(), devices=[DISK.format(device="disk", more="")] if result == "not_up" else [])
    plain = domain.shut_down
    seen = []
    domain.shut_down = lambda: (seen.append(domain.uuid in record.now), plain())
    for method, why in refused.items():
        domain.refuse[method, None] = RefusedError("other", why)
    case = _restart_decide.decide(domain, True, "auto")
    act([case], record=record)
    assert (case.result, domain.uuid in record.now) == (result, stays) and all(seen)


def test_a_guest_that_was_left_off_is_started_and_not_asked():
    record, domain = Noted(), Left()
    case = _restart_decide.decide(domain, True, "auto", LEFT_OFF)
    assert (case.result, case.is_changed, case.before, case.up_by) == ("done", True, None, "nothing") and "an earlier run asked it" in case.reason
    assert act([case], record=record) is None
    assert (case.result, case.is_changed) == ("done", True) and record.now == set()
    assert [call for call in domain.calls if call in ("shut_down", "destroy", "start")] == ["start"]


@pytest.mark.parametrize("change, words", [
    ({"off_reason": lambda: 4}, "migrated to another host"), ({"off_reason": lambda: 7}, "reverted to a snapshot"),
    ({"extra": "<metadata><x xmlns='http://ovirt.org/vm/1.0'/></metadata>"}, "belongs to oVirt")])
def test_a_guest_that_was_left_off_and_taken_over_is_not_started(change, words):
    domain = Left()
    vars(domain).update(change)
    case = _restart_decide.decide(domain, True, "auto", LEFT_OFF)
    assert (case.result, case.is_changed) == ("unchanged", False) and words in case.reason
    old = _restart_decide.decide(Left(), True, "auto", LEFT_OFF._replace(why_not="that is too long ago"))
    assert (old.result, old.is_changed) == ("unchanged", False) and "that is too long ago" in old.reason


def test_a_guest_that_was_left_off_and_started_by_somebody_before_its_turn_is_an_ordinary_one():
    domain = Left()
    case = _restart_decide.decide(domain, True, "auto", LEFT_OFF)
    domain.refresh = lambda: vars(domain).update(live=[RANDOM], is_active=True)
    act([case])
    assert (case.result, case.is_changed) == ("unchanged", False) and "start" not in domain.calls and "shut_down" not in domain.calls


def test_a_guest_that_was_left_off_and_does_not_start_is_named_as_off_and_unchanged_and_stays_noted():
    record, first, second = Noted(), Left("a", runs=(None,)), Restarted("b")
    first.refuse["start", None] = RefusedError("other", "no such disk")
    cases = [_restart_decide.decide(first, True, "auto", LEFT_OFF._replace(name="a")), _restart_decide.decide(second, True, "auto")]
    assert act(cases, record=record) == "a did not come up again"
    assert [(case.result, case.is_changed) for case in cases] == [("not_started", False), ("not_reached", False)]
    assert record.now == {first.uuid} and "it is OFF, and libvirt refuses to start it" in cases[0].reason


def test_a_guest_that_was_left_off_and_is_not_reached_is_told_to_be_off():
    case = _restart_decide.decide(Left("b"), True, "auto", LEFT_OFF._replace(name="b"))
    bad = Restarted("a", runs=(1, None, None))
    bad.refuse["start", None] = RefusedError("other", "no such disk")
    act([_restart_decide.decide(bad, True, "auto"), case])
    assert case.result == "not_reached" and "it is still off" in case.reason


def test_a_guest_that_was_left_off_is_waited_for_by_what_told_that_it_was_up_before():
    channel = AGENT.format(state="disconnected")
    for up_by, devices, up, expected in (("agent", [channel], "auto", "agent"), ("agent", [], "auto", "nothing"), ("disk", [], "auto", "disk"),
                                         ("disk", [channel], "agent", "agent"), ("agent", [channel], "nothing", "nothing"), ("odd", [], "auto", "nothing")):
        assert _restart_decide.decide(Left(devices=devices), True, up, LEFT_OFF._replace(up_by=up_by)).up_by == expected
