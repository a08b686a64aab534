# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many guests are asked side by side, and the end comes when it was said, whatever an agent does."""

import threading
import time

import pytest
from agent_fakes import recorded
from ansible_collections.kvm.entropy.plugins.module_utils._agent_fleet import ask_all
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import ConnectionLostError


@pytest.fixture
def held():
    """An agent that never answers, until the test is over."""
    end = threading.Event()
    yield lambda _command, _seconds: str(end.wait(60))
    end.set()


def test_every_guest_is_asked_and_all_of_a_host_at_one_time():
    found = ask_all({"g%d" % number: recorded("bookworm").ask for number in range(30)}, 10, 60)
    assert len(found) == 30 and all(why is None for _half, why in found.values())
    assert len({half["gathered_at"] for half, _why in found.values()}) == 1
    assert ask_all({}, 10, 60) == {}


def test_one_that_hangs_holds_up_no_other(held):
    begun = time.monotonic()
    found = ask_all(dict({"hung": held}, **{"g%d" % number: recorded("bookworm").ask for number in range(10)}), 10, 2)
    assert time.monotonic() - begun < 3
    assert [name for name, (half, _why) in found.items() if half is None] == ["hung"]
    assert found["hung"][1] == "its agent did not answer before the 2 s for all guests of this host (guest_agent_deadline) were over"


def test_what_was_not_reached_is_said(held):
    found = ask_all({"g%d" % number: held for number in range(6)}, 10, 1)
    whys = [why.split(":")[0] for _half, why in found.values()]
    assert whys[:4] == ["its agent did not answer before the 1 s for all guests of this host (guest_agent_deadline) were over"] * 4
    assert whys[4:] == ["not asked"] * 2


def test_a_daemon_that_dies_meanwhile_is_a_reason():
    def lost(_command, _seconds):
        raise ConnectionLostError("gone")
    assert ask_all({"g": lost}, 10, 60) == {"g": (None, "libvirt went away: gone")}


def test_guests_that_find_a_mistake_of_ours_cost_no_other_its_look():
    def wicked(_command, _seconds):
        raise IndexError("list index out of range")
    guests = dict({"w%d" % number: wicked for number in range(5)}, good=recorded("bookworm").ask)
    found = ask_all(guests, 10, 60)
    assert found["good"][1] is None
    assert {found["w%d" % number] for number in range(5)} == {
        (None, "what its agent answers is more than this collection can take (IndexError): please report it")}
