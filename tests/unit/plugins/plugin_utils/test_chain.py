# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Halves of hosts and guests become one judged row per guest."""

import pytest
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain
from ansible_collections.kvm.entropy.plugins.plugin_utils._join import byte_swapped
from chain_halves import DEVICE, NOW, UUID, domain, guest, host

DAY = 86400


def judged(hosts, guests, **more):
    rows = chain(hosts, guests, NOW, more.get("max_age", DAY))
    assert len(rows) == 1
    return rows[0]


def codes(row):
    return [one["code"] for one in row["problems"]]


def test_a_whole_chain_is_ok_and_says_where_it_was_found():
    row = judged({"kvm1": host(domain())}, {"web-1": guest()})
    assert set(row["links"].values()) == {"ok"}
    assert (row["verdict"], row["domain"], row["host"], row["guest"], row["problems"]) == ("ok", "web", "kvm1", "web-1", [])


def test_defined_but_not_running_is_told_with_the_hosts_reason_instead_of_the_guests_guess():
    off = domain(live=(), plug={"possible": False, "reason": "no free PCIe root port"})
    row = judged({"kvm1": host(off)}, {"web-1": guest(device=False, current="none", filling=False, problems=["no-device"])})
    assert codes(row) == ["config-only"]
    assert row["problems"][0]["evidence"] == "no free PCIe root port"
    assert (row["links"]["config"], row["links"]["live"], row["verdict"]) == ("ok", "broken", "degraded")


def test_running_but_not_defined_is_lost_at_the_next_start():
    row = judged({"kvm1": host(domain(config=()))}, {"web-1": guest()})
    assert (codes(row), row["links"]["config"], row["verdict"]) == (["live-only"], "broken", "degraded")


def test_a_transient_domain_has_no_definition_to_be_broken():
    row = judged({"kvm1": host(domain(config=None))}, {"web-1": guest()})
    assert (row["links"]["config"], row["verdict"]) == ("n/a", "ok")


def test_a_device_that_the_guest_does_not_see_keeps_the_guests_problem():
    row = judged({"kvm1": host(domain())}, {"web-1": guest(device=False, current="none", filling=False, problems=["no-device"])})
    assert (row["links"]["live"], row["links"]["current"], codes(row)) == ("ok", "broken", ["no-device"])


def test_a_starving_rate_is_the_hosts_to_tell():
    slow = dict(DEVICE, rate_bytes=5)
    row = judged({"kvm1": host(domain(config=[slow], live=[slow]))}, {"web-1": guest()})
    assert (codes(row), row["verdict"]) == (["rate-starves"], "degraded")
    assert "12 s" in row["problems"][0]["evidence"]  # 64 bytes are 13 periods, the first one free


def test_a_rate_that_a_reboot_finds_used_up_is_told_as_that():
    long = dict(DEVICE, rate_bytes=64, rate_period=600000)
    (problem,) = judged({"kvm1": host(domain(config=[long], live=[long]))}, {"web-1": guest()})["problems"]
    assert problem["code"] == "rate-starves" and "after a reboot inside the guest by up to 600 s" in problem["evidence"]


def test_a_socket_of_a_daemon_that_is_not_there_is_named():
    egd = dict(DEVICE, backend="egd", egd={"type": "unix", "sources": [{"mode": "connect", "path": "/run/egd.sock"}]})
    del egd["path"]
    kvm1 = host(domain(config=[egd], state="shutoff", live=None))
    kvm1["domains"]["host"] = {"capacity": [{"backend": "egd", "path": "/run/egd.sock", "kind": "missing", "unsafe": False, "delivered": None}]}
    (problem,) = judged({"kvm1": kvm1}, {})["problems"]
    assert problem["code"] == "backend-starves" and "/run/egd.sock" in problem["evidence"]


def test_the_hosts_hwrng_without_a_source_is_unsafe():
    bad = dict(DEVICE, path="/dev/hwrng")
    row = judged({"kvm1": host(domain(config=[bad], live=[bad]), current="none")}, {"web-1": guest()})
    assert (codes(row), row["verdict"]) == (["unsafe-backend"], "degraded")


def test_an_unsafe_device_that_only_waits_in_the_definition_is_told_before_the_next_start():
    bad = dict(DEVICE, path="/dev/hwrng")
    row = judged({"kvm1": host(domain(config=[bad]), current="none")}, {"web-1": guest()})
    assert (codes(row), row["verdict"]) == (["unsafe-backend"], "degraded")


def test_a_problem_of_both_halves_is_told_once():
    slow, slower = dict(DEVICE, rate_bytes=5), dict(DEVICE, rate_bytes=4)
    assert codes(judged({"kvm1": host(domain(config=[slower], live=[slow]))}, {"web-1": guest()})) == ["rate-starves"]


def with_backend(**more):
    """Return a host with one domain whose backend is as told."""
    kvm1 = host(domain(config=[HWRNG], live=[HWRNG]))
    entry = {"backend": "random", "path": "/dev/hwrng", "unsafe": False, "enough": False, "delivered": 1024, "idle": 1, "reason": "in figures", **more}
    kvm1["domains"]["host"] = {"capacity": [dict(entry, path="/dev/urandom", unsafe=True), entry]}
    return {"kvm1": kvm1}


HWRNG = dict(DEVICE, path="/dev/hwrng")


@pytest.mark.parametrize("backend, expected", [
    ({"unsafe": True}, (["unsafe-backend"], "degraded")), ({"delivered": 0}, (["backend-starves"], "degraded")),
    ({"idle": 1025}, (["backend-starves"], "degraded")), ({}, (["backend-slow"], "ok")), ({"enough": True}, ([], "ok")),
    ({"delivered": None, "enough": None}, ([], "ok"))])
def test_what_the_host_found_of_a_backend_is_told_of_its_guests(backend, expected):
    row = judged(with_backend(**backend), {"web-1": guest()})
    assert (codes(row), row["verdict"]) == expected


def test_a_backend_that_starves_is_told_in_figures_and_a_slow_one_is_worth_knowing():
    assert "(in figures)" in judged(with_backend(delivered=0), {"web-1": guest()})["text"][1]
    assert judged(with_backend(), {"web-1": guest()})["text"][1:] == ["    worth knowing: backend-slow"]


def test_a_domain_that_could_not_start_again_is_degraded_and_the_reason_told():
    row = judged({"kvm1": host(domain(start_hindrance="backend path /dev/x: the user 64055 may not read it"))}, {"web-1": guest()})
    assert (codes(row), row["verdict"]) == (["cannot-start"], "degraded") and "the user 64055 may not read it" in row["text"][1]


def test_a_backend_that_is_unsafe_is_not_told_twice():
    bad = dict(DEVICE, path="/dev/hwrng")
    kvm1 = host(domain(config=[bad], live=[bad], start_hindrance="backend path /dev/hwrng: this host has no hardware source behind it"), current="none")
    assert codes(judged({"kvm1": kvm1}, {"web-1": guest()})) == ["unsafe-backend"]


@pytest.mark.parametrize("arch, code", [("x86_64", "no-vmgenid"), ("i686", "no-vmgenid"), (None, "no-vmgenid"), *((name, "vmgenid-unsupported") for name in (
    "aarch64", "armv7l", "ppc64", "ppc64le", "s390x", "riscv64", "loongarch64"))])
def test_no_genid_is_advised_where_no_guest_can_have_one(arch, code):
    row = judged({"kvm1": host(domain(genid=False, arch=arch))}, {"web-1": guest(problems=["no-vmgenid"])})
    (problem,) = row["problems"]
    assert (problem["code"], row["verdict"]) == (code, "ok")
    assert ("Put <genid/>" in problem["remedy"]) is (code == "no-vmgenid")


@pytest.mark.parametrize("unsound", [{"ready": False}, {"problems": ["fake-source"]}, {"problems": ["fake-device"]}])
def test_a_host_that_is_not_sound_breaks_its_guests(unsound):
    row = judged({"kvm1": host(domain(), **unsound)}, {"web-1": guest()})
    assert (row["links"]["host"], codes(row), row["verdict"]) == ("broken", ["host-unsound"], "broken")


def test_a_late_boot_of_the_host_is_no_fault_of_its_guests():
    row = judged({"kvm1": host(domain(), problems=["seeded-late", "early-reads"])}, {"web-1": guest()})
    assert (row["links"]["host"], row["verdict"]) == ("ok", "ok")


def test_a_guest_that_did_not_answer_is_unknown_although_its_old_facts_are_good():
    row = judged({"kvm1": host(domain())}, {"web-1": guest(error="No route to host")})
    assert (row["verdict"], codes(row), row["domain"]) == ("unknown", ["unreachable"], "web")
    assert row["problems"][0]["evidence"] == "No route to host"


def test_a_guest_that_is_down_says_so():
    row = judged({"kvm1": host(domain(state="shutoff"))}, {"web-1": guest(error="timed out")})
    assert (row["verdict"], row["links"]["config"]) == ("unknown", "ok")
    assert row["problems"][0]["evidence"] == "timed out; its domain is shutoff"


def test_a_guest_never_looked_at_is_unknown():
    row = judged({}, {"web-1": {}})
    assert (row["verdict"], codes(row)) == ("unknown", ["host-not-seen", "guest-not-seen"])


def test_facts_of_a_time_to_come_are_stale_beyond_what_clocks_differ_by():
    verdicts = {age: judged({"kvm1": host(domain(), age=age)}, {"web-1": guest(age=age)})["verdict"] for age in (-300, -301)}
    assert verdicts == {-300: "ok", -301: "unknown"}


@pytest.mark.parametrize("side", ["host", "guest"])
def test_old_facts_of_either_half_are_stale_and_never_ok(side):
    hosts = {"kvm1": host(domain(), age=DAY + 1 if side == "host" else 0)}
    row = judged(hosts, {"web-1": guest(age=DAY + 1 if side == "guest" else 0)})
    assert (row["verdict"], codes(row)) == ("unknown", ["stale"])
    assert row[side + "_age"] == DAY + 1


def test_facts_as_old_as_is_allowed_still_count():
    assert judged({"kvm1": host(domain(), age=DAY)}, {"web-1": guest(age=DAY)})["verdict"] == "ok"


def test_a_guest_whose_host_nobody_saw_is_unknown_unless_that_is_expected():
    assert judged({}, {"web-1": guest()})["verdict"] == "unknown"
    assert codes(judged({}, {"web-1": guest()})) == ["host-not-seen"]
    row = judged({}, {"web-1": guest(expect="guest-only")})
    assert (row["verdict"], row["links"]["host"], row["links"]["config"]) == ("ok", "n/a", "n/a")


def test_a_guest_nobody_can_log_in_to_is_judged_by_its_host_alone_where_that_is_expected():
    hosts = {"kvm1": host(domain(live=()))}
    appliance = {"uuid": domain()["uuid"], "expect": "host-only"}
    assert judged(hosts, {"appliance": appliance})["verdict"] == "degraded"
    assert judged({"kvm1": host(domain())}, {"appliance": appliance})["verdict"] == "ok"


def test_a_domain_that_no_guest_claims_has_a_row_of_its_own():
    row = judged({"kvm1": host(domain())}, {})
    assert (row["guest"], row["domain"], row["verdict"], codes(row)) == (None, "web", "unknown", ["guest-not-seen"])
    assert judged({"kvm1": host(domain(), expect="host-only")}, {})["verdict"] == "ok"


def test_a_domain_that_is_off_is_judged_by_its_definition():
    assert judged({"kvm1": host(domain(state="shutoff"))}, {})["verdict"] == "ok"
    row = judged({"kvm1": host(domain(state="shutoff", config=()))}, {})
    assert (row["verdict"], codes(row)) == ("degraded", ["no-device"])


def test_two_running_domains_with_one_uuid_are_ambiguous():
    row = judged({"kvm1": host(domain()), "kvm2": host(domain(name="copy"))}, {"web-1": guest()})
    assert (row["verdict"], codes(row), row["domain"]) == ("unknown", ["ambiguous"], None)
    assert row["problems"][0]["evidence"] == "web on kvm1 (running, seen 0 s ago), copy on kvm2 (running, seen 0 s ago)"


OTHER = "11111111-84af-424b-91cf-7470bde43aa8"


@pytest.mark.parametrize("own", [{"state": "shutoff", "live": None}, {"uuid": "22222222-84af-424b-91cf-7470bde43aa8"}])
def test_an_explicit_uuid_wins_over_the_platforms_where_nothing_runs_with_that(own):
    rows = chain({"kvm1": host(domain(**own), domain(name="db", uuid=OTHER))}, {"g": guest(explicit_uuid=OTHER)}, NOW, DAY)
    assert ("g", "db") in [(row["guest"], row["domain"]) for row in rows]


def test_an_explicit_uuid_of_another_domain_than_the_one_that_runs_with_the_guests_own_is_ambiguous():
    both = {"g": guest(explicit_uuid=OTHER), "db": guest(uuid=OTHER)}
    rows = chain({"kvm1": host(domain(), domain(name="db", uuid=OTHER))}, both, NOW, DAY)
    assert [(row["guest"], row["domain"], row["verdict"]) for row in rows] == [(None, "web", "unknown"), ("g", None, "unknown"), ("db", "db", "ok")]
    for row in rows[:2]:
        (problem,) = row["problems"]
        assert problem["code"] == "ambiguous" and OTHER in problem["evidence"] and "with which domain web runs" in problem["evidence"]


def test_an_explicit_uuid_in_the_order_of_old_smbios_is_the_guests_own():
    swapped = guest(uuid=byte_swapped(UUID), explicit_uuid=domain()["uuid"])
    assert judged({"kvm1": host(domain())}, {"web-1": swapped})["domain"] == "web"


def test_the_worst_comes_first():
    hosts = {"kvm1": host(domain(), domain(name="b", uuid=OTHER, config=()))}
    guests = {"fine": guest(), "bad": guest(uuid=OTHER, ready=False, problems=["not-ready"]), "gone": {}}
    assert [(row["guest"], row["verdict"]) for row in chain(hosts, guests, NOW, DAY)] == [
        ("bad", "broken"), ("gone", "unknown"), ("fine", "ok")]


def test_the_text_has_every_link_the_reason_and_the_remedy():
    lines = judged({"kvm1": host(domain(config=()))}, {"web-1": guest()})["text"]
    assert lines[0] == ("web-1 (domain web on kvm1): DEGRADED  "
                        "[ host ok  config broken  live ok  current ok  fed ok  ready ok  in time ok ]")
    assert lines[1].startswith("    live-only: ") and " -> " in lines[1]


def test_the_text_only_names_what_is_worth_knowing():
    lines = judged({"kvm1": host(domain(genid=False))}, {"web-1": guest()})["text"]
    assert lines[1:] == ["    worth knowing: no-vmgenid"]


def test_a_number_that_ansible_made_a_string_of_is_still_an_age():
    hosts = {"kvm1": host(domain())}
    hosts["kvm1"]["domains"]["gathered_at"] = str(NOW - 7)
    assert judged(hosts, {"web-1": guest()})["host_age"] == 7


def test_what_a_migration_left_behind_has_no_row_of_its_own():
    hosts = {"kvm1": host(domain()), "kvm2": host(domain(state="shutoff", config=()))}
    assert judged(hosts, {"web-1": guest()})["verdict"] == "ok"
    assert judged(hosts, {})["host"] == "kvm1"


def test_two_guests_with_one_uuid_are_ambiguous_both():
    rows = chain({"kvm1": host(domain())}, {"web-1": guest(), "clone": guest()}, NOW, DAY)
    assert [(row["guest"], row["domain"], row["verdict"], codes(row)) for row in rows] == [
        (None, "web", "unknown", ["ambiguous"]), ("clone", None, "unknown", ["ambiguous"]), ("web-1", None, "unknown", ["ambiguous"])]


def test_a_host_that_did_not_answer_has_a_row_and_is_named_to_its_guests():
    rows = chain({"kvm1": {"error": "No route to host"}}, {"web-1": guest()}, NOW, DAY)
    assert [(row["guest"], row["host"], row["verdict"], codes(row)) for row in rows] == [
        (None, "kvm1", "unknown", ["unreachable"]), ("web-1", None, "unknown", ["host-not-seen"])]
    assert rows[0]["text"][0].startswith("host kvm1: UNKNOWN")
    assert rows[1]["problems"][0]["evidence"].endswith("; kvm1: No route to host")


def test_a_host_that_nobody_looked_at_is_named_unless_that_is_expected():
    assert codes(judged({"kvm1": {}}, {})) == ["host-not-seen"]
    assert chain({"kvm1": {"expect": "guest-only"}}, {}, NOW, DAY) == []


def test_a_host_that_did_not_answer_never_judges_from_what_it_once_knew():
    row = judged({"kvm1": host(domain(), error="timed out")}, {"web-1": guest()})
    assert (row["verdict"], codes(row), row["domain"]) == ("unknown", ["unreachable"], "web")


def through_agent(kvm1, reason=None, *, ready="ok", problems=(), current="ok", of=UUID):
    """Return a host's half whose guest agents told this of the domain ``of``, or the ``reason`` why not."""
    half = {"links": {"live": "ok", "current": current, "fed": "ok", "ready": ready, "in_time": "unknown"},
            "problems": [{"code": code, "evidence": "so"} for code in problems]}
    kvm1["domains"]["guests"] = [{"guest": None if reason else half, "guest_reason": reason, "domains": {of: "web"}}]
    return {"kvm1": kvm1}


@pytest.mark.parametrize("hosts, guests", [
    ({}, {}), ({"expect": "host-only"}, {}), ({}, {"web-1": {"uuid": UUID, "expect": "host-only"}}), ({}, {"web-1": {"uuid": UUID}}),
    ({}, {"web-1": guest(expect="host-only", ready=False, problems=["not-ready"])})])
def test_a_guest_that_nobody_logs_in_to_is_judged_through_its_agent(hosts, guests):
    row = judged(through_agent(host(domain(), **hosts)), guests)
    assert (row["verdict"], row["problems"]) == ("ok", [])
    assert row["links"] == {"host": "ok", "config": "ok", "live": "ok", "current": "ok", "fed": "ok", "ready": "ok", "in_time": "unknown"}
    row = judged(through_agent(host(domain(), **hosts), current="broken", problems=["driver-missing"]), guests)
    assert (row["verdict"], codes(row), row["problems"][0]["evidence"]) == ("degraded", ["driver-missing"], "so; seen through the guest agent")
    assert judged(through_agent(host(domain(), **hosts), ready="broken", problems=["not-ready"]), guests)["verdict"] == "broken"


@pytest.mark.parametrize("half, code", [({"error": "No route to host"}, "unreachable"), ({"age": DAY + 1}, "stale")])
def test_a_guest_that_does_not_answer_by_itself_is_judged_through_its_agent_and_that_is_told(half, code):
    row = judged(through_agent(host(domain(), age=7)), {"web-1": guest(**half)})
    assert (row["verdict"], codes(row), row["guest_age"]) == ("ok", [code], 7)


def test_a_guests_own_fresh_facts_win_over_its_agent():
    row = judged(through_agent(host(domain()), ready="broken", problems=["not-ready"]), {"web-1": guest(age=3)})
    assert (row["verdict"], row["problems"], row["guest_age"]) == ("ok", [], 3)


def test_why_an_agent_tells_nothing_is_told():
    row = judged(through_agent(host(domain()), "no agent is connected"), {})
    assert (row["verdict"], codes(row)) == ("unknown", ["guest-not-seen"])
    assert row["problems"][0]["evidence"].endswith("has its UUID; through the guest agent: no agent is connected")
    row = judged(through_agent(host(domain()), "no agent is connected"), {"web-1": guest(error="timed out")})
    assert (codes(row), row["problems"][0]["evidence"]) == (["unreachable"], "timed out; through the guest agent: no agent is connected")
    assert judged(through_agent(host(domain(), expect="host-only"), "no agent is connected"), {})["verdict"] == "ok"


def test_what_an_agent_told_a_host_counts_as_long_as_the_hosts_own_facts():
    for old in (host(domain(), age=DAY + 1), host(domain(), error="timed out")):
        assert judged(through_agent(old), {"web-1": {"uuid": UUID}})["verdict"] == "unknown"
    assert codes(judged(through_agent(host(domain())), {"web-1": guest(expect="guest-only", error="timed out")})) == ["unreachable"]


def test_an_agent_speaks_for_its_own_domain_alone():
    assert judged(through_agent(host(domain()), of="11111111-84af-424b-91cf-7470bde43aa8"), {})["verdict"] == "unknown"


def test_clones_and_silent_hosts_are_named_up_to_a_number_to_each_guest():
    clones = chain({}, {"web-%02d" % number: guest() for number in range(15)}, NOW, DAY)
    assert all("web-09 and 5 more have one UUID" in row["problems"][0]["evidence"] for row in clones)
    silent = chain({"kvm%02d" % number: {"error": "x" * 900} for number in range(15)}, {"web-1": guest()}, NOW, DAY)
    (row,) = [row for row in silent if row["guest"]]
    (why,) = [one["evidence"] for one in row["problems"] if one["code"] == "host-not-seen"]
    assert "; kvm00: xxx" in why and why.endswith(" and 5 more") and len(why) < 3000


def test_one_machine_under_two_names_is_judged_under_both_and_two_of_one_uuid_are_not():
    def twin(boot):
        half = guest()
        half["entropy"]["boot_id"] = boot
        return half
    same = chain({"kvm1": host(domain())}, {"web-1": twin("a"), "alias": twin("a")}, NOW, DAY)
    assert [(row["guest"], row["verdict"]) for row in same] == [("alias", "ok"), ("web-1", "ok")]
    clones = chain({"kvm1": host(domain())}, {"web-1": twin("a"), "web-2": twin("b")}, NOW, DAY)
    assert {row["verdict"] for row in clones} == {"unknown"}


@pytest.mark.parametrize(("kind", "code", "verdict"), [("constant", "source-stuck", "broken"), ("file", "source-stuck", "broken"),
                                                       ("unsuitable", "source-stuck", "broken"), ("device", "unknown-backend", "ok"),
                                                       ("missing", "backend-starves", "degraded"), ("urandom", None, "ok")])
def test_a_backend_that_can_be_no_source_is_told_by_what_it_is_on_the_host(kind, code, verdict):
    half = host(domain(), expect="host-only")
    half["domains"]["host"] = {"capacity": [{"backend": "random", "path": "/dev/urandom", "kind": kind, "unsafe": False, "delivered": None}]}
    (row,) = chain({"kvm1": half}, {}, NOW, DAY)
    assert (row["verdict"], [one["code"] for one in row["problems"]]) == (verdict, [code] if code else [])


LOG_REFUSED = {"what": "crng.in_time", "why": "/dev/kmsg: EPERM", "needs": "root, or sysctl kernel.dmesg_restrict=0"}
UUID_REFUSED = {"what": "domain_uuid", "why": "only root may read product_uuid", "needs": "root"}


def without_rights(*unseen, **more):
    half = guest(in_time="unknown", **more)
    half["entropy"]["unseen"] = list(unseen)
    return half


def test_a_guest_that_answered_and_could_not_be_looked_at_says_why_and_nothing_that_follows_from_it():
    row = judged({}, {"web-1": {"look_failed": "Missing sudo password"}})
    assert (row["verdict"], codes(row), row["problems"][0]["evidence"]) == ("unknown", ["look-failed"], "Missing sudo password")
    assert "-K (--ask-become-pass)" in row["problems"][0]["remedy"] and "ansible_become: false" in row["problems"][0]["remedy"]


def test_a_host_that_answered_and_could_not_be_looked_at_says_why():
    row = judged({"kvm1": {"look_failed": "Incorrect sudo password"}}, {})
    assert (row["host"], row["verdict"], codes(row)) == ("kvm1", "unknown", ["look-failed"])


def test_facts_of_before_a_look_that_failed_do_not_count():
    row = judged({"kvm1": host(domain())}, {"web-1": dict(guest(), look_failed="no space")})
    assert (row["verdict"], codes(row), row["domain"]) == ("unknown", ["look-failed"], "web")


def test_what_decides_and_was_refused_is_unknown_also_in_facts_of_an_earlier_version():
    row = judged({"kvm1": host(domain())}, {"web-1": without_rights(LOG_REFUSED)})
    assert (row["verdict"], codes(row)) == ("unknown", ["needs-root"])
    assert "/dev/kmsg: EPERM" in row["problems"][0]["evidence"] and "-K" in row["problems"][0]["remedy"]


def test_a_guest_whose_uuid_takes_root_is_not_told_to_look_for_its_host():
    row = judged({"kvm1": host()}, {"web-1": without_rights(LOG_REFUSED, UUID_REFUSED, uuid=None)})
    assert (row["verdict"], codes(row)) == ("unknown", ["needs-root"])
    assert "/dev/kmsg" in row["problems"][0]["evidence"] and "product_uuid" in row["problems"][0]["evidence"]
    named = judged({"kvm1": host(domain())}, {"web-1": dict(without_rights(UUID_REFUSED, uuid=None), uuid=UUID)})
    assert codes(named) == [] and named["domain"] == "web"


@pytest.mark.parametrize(("takes", "remedy"), [
    ("root", "Look as root: become"),
    ("root, or sysctl kernel.dmesg_restrict=0", "Look as root: become"),
    ("root outside the container", "put that machine into the inventory in its place"),
    ("root with all capabilities, or sysctl kernel.dmesg_restrict=0", "takes a capability away"),
])
def test_the_remedy_for_rights_fits_who_has_looked_and_where(takes, remedy):
    by_facts, by_problem = without_rights(dict(LOG_REFUSED, needs=takes)), without_rights(problems=["needs-root"])
    by_problem["entropy"]["problems"][0]["evidence"] = "crng.in_time (/dev/kmsg: EPERM; it takes %s)" % takes
    by_uuid = without_rights(dict(LOG_REFUSED, needs=takes), dict(UUID_REFUSED, needs=takes), uuid=None)
    for hosts, half in (({"kvm1": host(domain())}, by_facts), ({"kvm1": host(domain())}, by_problem), ({"kvm1": host()}, by_uuid)):
        (one,) = judged(hosts, {"web-1": half})["problems"]
        assert one["code"] == "needs-root" and remedy in one["remedy"]


@pytest.mark.parametrize(("half", "advises_root"), [(guest(uuid=None), False), ({}, True)])
def test_a_guest_whose_platform_has_no_uuid_is_not_told_to_look_as_root(half, advises_root):
    (one,) = [one for one in judged({"kvm1": host()}, {"web-1": half})["problems"] if one["code"] == "host-not-seen"]
    assert ("as root" in one["remedy"]) == advises_root and "et entropy_domain_uuid for it" in one["remedy"]


def test_a_broken_guest_is_broken_whatever_rights_would_show_besides():
    row = judged({"kvm1": host(domain())}, {"web-1": without_rights(LOG_REFUSED, problems=["early-reads"])})
    assert (row["verdict"], codes(row)) == ("broken", ["early-reads"])


def test_a_feeder_that_root_would_see_whole_is_beside_the_point_where_it_names_no_output_of_the_kernels():
    unproven = {"what": "feeder.running, feeder.fake, feeder.useful", "why": "rngd (pid 7, uid 0)", "needs": "root"}
    assert judged({"kvm1": host(domain())}, {"web-1": without_rights(unproven)})["verdict"] == "ok"


def test_where_no_log_goes_back_to_the_boot_any_more_ok_is_said_to_be_not_proven_in_time():
    row = judged({"kvm1": host(domain())}, {"web-1": guest(in_time="unknown")})
    assert (row["verdict"], row["problems"]) == ("ok", [])
    assert row["text"][0].startswith("web-1 (domain web on kvm1): OK, not proven in time  [ ")


def test_the_remedy_of_a_guest_that_is_not_joined_fits_the_cause():
    (unjoined,) = [row for row in chain({"kvm1": host()}, {"web-1": guest(uuid=None)}, NOW, 86400) if row["guest"]]
    assert [one["remedy"].split(",")[0] for one in unjoined["problems"]] == [
        "Set entropy_domain_uuid for it ('virsh domuuid' on its host prints it)"]
    (alone,) = chain({}, {"web-1": guest(uuid=None)}, NOW, 86400)
    assert alone["problems"][0]["remedy"].startswith("Put its host into the group")


def test_a_cause_stands_before_what_follows_from_it():
    (row,) = chain({}, {"web-1": {"error": "no route", "uuid": UUID}}, NOW, 86400)
    assert [one["code"] for one in row["problems"]] == ["unreachable", "host-not-seen"]


def test_a_device_of_the_command_line_is_one_and_is_told():
    given = domain(config=(), live=(), unmanaged=["virtio-rng-pci rng9"])
    row = judged({"kvm1": host(given)}, {"web-1": guest()})
    assert (row["links"]["config"], row["links"]["live"], row["verdict"], codes(row)) == ("ok", "ok", "ok", ["unmanaged-device"])
    assert "virtio-rng-pci rng9" in row["problems"][0]["evidence"]


@pytest.mark.parametrize("config, live, link", [((), (), "broken"), ((DEVICE,), (), "ok")])
def test_a_guest_that_is_seen_to_be_fed_has_a_device_whatever_libvirt_shows(config, live, link):
    row = judged({"kvm1": host(domain(config=config, live=live), age=10)}, {"web-1": guest()})
    assert (row["links"]["live"], row["links"]["config"], codes(row)) == ("ok", link, ["unmanaged-device"])


@pytest.mark.parametrize("inside", [{"filling": False}, {"filling": "unknown"}, {"device": "unknown"}, {"age": 20}])
def test_a_guest_that_is_not_seen_to_be_fed_or_was_seen_before_its_host_does_not_overrule_it(inside):
    row = judged({"kvm1": host(domain(config=(), live=()), age=10)}, {"web-1": guest(**inside)})
    assert row["links"]["live"] == "broken" and "no-device" in codes(row) and "unmanaged-device" not in codes(row)


def test_a_row_that_is_unknown_without_a_problem_says_what_was_not_seen_and_why():
    half = guest(filling="unknown")
    half["entropy"]["unseen"] = [{"what": "hwrng", "why": "/sys: ENOENT\x1b[2J", "needs": "a mounted /sys"}]
    row = judged({"kvm1": host(domain())}, {"web-1": half})
    assert (row["verdict"], codes(row)) == ("unknown", [])
    assert row["text"][1].startswith("    not seen: ") and "fed" in row["text"][1] and row["text"][1].endswith("(hwrng: /sys: ENOENT\\x1b[2J)")
