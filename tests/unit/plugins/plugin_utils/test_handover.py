# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a judgement hands on: bounded, and a limit that Ansible reads as it is meant."""

from ansible_collections.kvm.entropy.plugins.plugin_utils._handover import HANDED_ON, handover
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import Scope

SCOPE = Scope(("kvm1",), ("web-1",), 2, 3, "web-1,kvm1")
COUNTS = {"broken": 1, "degraded": 0, "unknown": 0, "ok": 0}


def row(guest, host="kvm1", verdict="broken", domain=None, codes=(), config="ok"):  # noqa: PLR0913
    return {"links": {"config": config},
            "guest": guest, "host": host, "domain": domain, "verdict": verdict, "problems": [{"code": code, "remedy": ""} for code in codes]}


def handed(*rows, most=100):
    return handover(list(rows), COUNTS, SCOPE, most)


def test_the_names_of_who_is_to_be_repaired_are_a_limit():
    found = handed(row("web-1"), row("web-2", verdict="degraded"), row("web-3", host="kvm2", verdict="ok"), row("web-4", host=None, verdict="unknown"))
    assert found["entropy_limit"] == "web-1,kvm1,web-2"
    assert found["entropy_broken"] == ["web-1"]
    assert found["entropy_judged"] == {"hosts": 1, "guests": 1, "hosts_left_out": 2, "guests_left_out": 3}
    assert found["entropy_verdicts"] == COUNTS


def test_nobody_to_repair_is_a_limit_that_has_nobody_and_not_an_empty_one():
    assert handed(row("web-1", verdict="ok"))["entropy_limit"] == "!all"


def test_a_domain_without_a_guest_is_repaired_by_its_host():
    found = handed(row(None, domain="db"))
    assert (found["entropy_limit"], found["entropy_broken"]) == ("kvm1", ["domain db on kvm1"])


def test_a_domain_without_a_device_is_to_be_repaired_although_nobody_looked_into_its_guest():
    assert handed(row(None, domain="db", verdict="unknown", config="broken"))["entropy_limit"] == "kvm1"


def test_no_domain_is_a_template_in_the_next_job():
    assert handed(row(None, domain="{{ lookup('pipe', 'id') }}{% x %}"))["entropy_broken"] == ["domain (( lookup('pipe', 'id') ))(% x %) on kvm1"]


def test_who_waits_for_a_restart_is_pending():
    found = handed(row("web-1", verdict="degraded", codes=["config-only"]), row("web-2"))
    assert (found["entropy_pending"], found["entropy_pending_count"]) == (["web-1"], 1)


def test_the_names_are_bounded_and_what_is_omitted_is_counted():
    found = handed(*(row("web-%d" % number, codes=["config-only"]) for number in range(1000)), most=10)
    assert len(found["entropy_limit"].split(",")) == 10 and found["entropy_limit_omitted"] == 991
    assert (len(found["entropy_broken"]), len(found["entropy_pending"]), found["entropy_pending_count"]) == (10, 10, 1000)
    assert handed(row("web-1"), most=0)["entropy_limit"] == "!all"


def test_a_name_that_ansible_would_read_as_a_pattern_is_omitted():
    found = handed(row("web-*"), row("fe80::1"), row("web-2"))
    assert (found["entropy_limit"], found["entropy_limit_omitted"]) == ("web-2,kvm1", 2)


def test_all_that_is_handed_on_is_named():
    assert tuple(handed(row("web-1"))) == HANDED_ON
