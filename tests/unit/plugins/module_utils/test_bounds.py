# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever libvirt has and says, a result is no longer than what ansible-runner keeps of an event."""

import json

import pytest
from agent_fakes import recorded
from ansible_collections.kvm.entropy.plugins.module_utils import _bounds, _libvirt, _virt_restart, _virt_rng, _virt_rng_info
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from test_restart import Restarted
from test_virt_rng import OPTIONS, SUPPORT
from virt_fakes import RANDOM, FakeConnection, FakeDomain, refusal

RESTART = {
    "uri": "qemu:///system", "domains": ["*"], "exclude": [], "shutdown_timeout": 0, "force": False, "wait_for": "nothing", "up_timeout": 0, "at_once": 1,
    "max_changes": 0, "managed_elsewhere": "refuse", "max_results": 100000}
INFO = {
    "uri": "qemu+ssh://kvm1/system", "domains": ["*"], "exclude": [], "only": "all", "max_results": 100000, "group": False, "capacity_bytes": 0,
    "capacity_timeout": 2, "guest_agent": False, "guest_agent_timeout": 10, "guest_agent_deadline": 60}
EGD = "<rng model='virtio'><backend model='egd' type='unix'><source mode='connect' path='/{}'/></backend></rng>"


@pytest.fixture
def result(monkeypatch):
    """Return a function that has virt_rng, virt_rng_info or virt_restart work on fake domains and returns the result with the invocation, as Ansible has it."""
    def run(work, options, domains, *words):
        connection = FakeConnection(domains, SUPPORT)
        connection.versions = lambda: (None, None, None)
        monkeypatch.setattr(_libvirt, "connect", lambda uri, write: connection)
        monkeypatch.setattr(_libvirt, "connect_read_only", lambda uri: connection)
        try:
            found = work(options, *words)
        except EntropyError as error:
            found = dict(error.results, msg=str(error), exception=f"Traceback\n{error}", failed=True)
        return dict(found, invocation={"module_args": options})
    return run


def virt_rng(result, there, **options):
    return result(_virt_rng.run, dict(OPTIONS, max_results=100000, **options), there, False, True, lambda _text: None)


def is_kept(found):
    """Return whether ansible-runner keeps it, and a log that counts bytes of JSON takes it."""
    return len(str(found)) <= _bounds.EVENT and len(json.dumps(found)) <= _bounds.EVENT


@pytest.mark.parametrize("domains", [
    [FakeDomain([], name=f"d{number}") for number in range(3000)],
    [FakeDomain([EGD.format(f"{number}-" + 90 * "s")] * 20, name=f"d{number}") for number in range(300)],
    [FakeDomain([], name=f"d{number}-" + 2000 * "ü") for number in range(300)],
], ids=["many", "many devices", "long names"])
def test_what_changes_fits_with_its_diffs_and_the_rest_is_counted(result, domains):
    found = virt_rng(result, domains)
    assert is_kept(found) and found["changed"] and found["summary"]["changed"] == len(domains)
    assert len(found["domains"]) + found["truncated"] == len(domains) and len(found["domains"]) > 10
    assert len(found["diff"]) == len(found["domains"]), "a row is there with its diff or not at all"


def test_failures_fit_each_with_a_long_reason_of_its_own(result):
    domains = [FakeDomain([], name=f"d{number:04}-" + 300 * "n") for number in range(2000)]
    for number, domain in enumerate(domains):
        domain.attach = lambda _element, number=number: (nothing for nothing in ()).throw(refusal("other", f"{number} " + 5000 * "'\"ü"))
    found = virt_rng(result, domains)
    assert is_kept(found) and found["failed"] and found["summary"]["failed"] == 2000
    assert found["domains"][0]["failed"] and len(found["domains"]) + found["truncated"] == 2000
    assert found["msg"].startswith("2000 of 2000 domains failed. domain d0000-nnn") and found["msg"].endswith(" more reasons")
    assert len(found["msg"]) < 21000 and len(found["domains"][0]["reason"]) == 2000


def test_long_options_leave_less_room_for_rows(result):
    domains, others = ([FakeDomain([], name=f"d{number}") for number in range(3000)] for _twice in "ab")
    few = virt_rng(result, domains, domains=[domain.uuid for domain in domains], exclude=["e" * 300000])
    assert is_kept(few) and few["truncated"] + len(few["domains"]) == 3000
    assert 0 < len(few["domains"]) < len(virt_rng(result, others)["domains"])


def test_what_could_not_be_checked_fits(result, monkeypatch):
    domains = [FakeDomain([], name=f"d{number}") for number in range(1000)]
    reasons = iter(range(1000))
    monkeypatch.setattr(FakeConnection, "supported", lambda *_unused: (None, f"{next(reasons)} {2000 * 'w'}"))
    found = virt_rng(result, domains)
    assert is_kept(found) and found["summary"]["changed"] == 1000 and 5 < len(found["unchecked"]) < 20


def test_rows_that_are_read_fit_unless_there_is_no_limit(result):
    domains = [FakeDomain([], name=f"d{number}") for number in range(3000)]
    found = result(_virt_rng_info.run, INFO, domains)
    assert is_kept(found) and len(found["domains"]) + found["truncated"] == 3000 and found["truncated"]
    everything = result(_virt_rng_info.run, dict(INFO, max_results=0), domains)
    assert not is_kept(everything) and len(everything["domains"]) == 3000


CHANNEL = "<channel><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"


@pytest.mark.parametrize("group", [False, True])
def test_what_guests_tell_of_which_no_two_are_the_same_fits_as_well(result, group):
    domains = [FakeDomain([], [CHANNEL], name=f"d{number}-" + 200 * "ü") for number in range(1000)]
    for number, domain in enumerate(domains):
        # Each of them is another kernel's, and what it says is long.
        release = f"{number}." + 60 * "x"
        domain.ask_agent = recorded("bookworm", {"/proc/sys/kernel/osrelease": release, "/sys/class/misc/hw_random/rng_current": 64 * "~"}).ask
    options = dict(INFO, guest_agent=True, group=group)
    found = result(_virt_rng_info.run, options, domains)
    told = found["guests" if group else "domains"]
    assert is_kept(found) and found["truncated"] and len(told) + found["truncated"] == 1000 and len(told) > 100
    assert all(one["guest"]["release"][0].isdigit() and one["guest_reason"] is None for one in told)
    assert found["summary"]["guests_seen"] == 1000


def test_backends_of_which_no_two_are_the_same_leave_room_for_the_rows(result):
    domains = [FakeDomain([RANDOM.replace("/dev/urandom", f"/not/there/{number}")], name=f"d{number}") for number in range(3000)]
    found = result(_virt_rng_info.run, dict(INFO, uri="qemu:///system"), domains)
    host = found["host"]
    assert is_kept(found) and len(host["capacity"]) + host["capacity_truncated"] == 3000 and host["capacity_truncated"] and found["domains"]


def test_domains_that_cannot_be_read_are_named_ten_of_a_kind(result):
    domains = [FakeDomain([], name=f"d{number:04}") for number in range(3000)]
    for domain in domains:
        domain.refuse["definition", None] = refusal("other", "corrupt")
    found = result(_virt_rng_info.run, INFO, domains)
    assert found["msg"] == f"3000 of 3000 domains could not be read. domains {', '.join(f'd{number:04}' for number in range(10))} and 2990 more: corrupt"


def test_restarts_fit(result):
    domains = [Restarted(name=f"d{number:04}", devices=[EGD.format(90 * "s")] * 5) for number in range(1000)]
    for domain in domains:
        domain.has_managed_save = False
        domain.has_job = lambda: True
    found = result(_virt_restart.run, RESTART, domains, False, True, lambda _text: None)
    assert is_kept(found) and found["summary"]["failed"] == 1000 and len(found["domains"]) + found["truncated"] == 1000 and found["truncated"]


def test_no_more_is_taken_than_the_first_that_does_not_fit():
    values = iter(["1234567890"] * 5)
    assert len(_bounds.fitting(values, 30)) == 2 and len(list(values)) == 2
    assert _bounds.fitting(["too long", "x"], 6) == []


def test_a_value_is_as_long_as_the_longer_of_its_two_texts():
    assert _bounds.size("ü") == 8 and _bounds.size("''''\"") == 11 and _bounds.size(None) == 4
