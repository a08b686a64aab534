# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts and guests a limit leaves to be judged, and what a row says whose other half the limit leaves out."""

from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import scope_of, within
from chain_halves import NOW, domain, guest, host

DAY = 86400
HOSTS, GUESTS = ["kvm1", "kvm2"], ["web-1", "web-2", "web-3"]


def rows(hosts, guests, limit):
    """Return the rows (list of dict) of ``hosts`` and ``guests`` (dicts: name to half) that the ``limit`` (list of str) leaves."""
    scope = scope_of(list(hosts), list(guests), ",".join(limit), set(limit))
    return within(chain(hosts, guests, NOW, DAY), scope, {name for name, half in {**hosts, **guests}.items() if half})


def codes(row):
    return [one["code"] for one in row["problems"]]


def test_without_a_limit_all_are_judged():
    scope = scope_of(HOSTS, GUESTS, None, None)
    assert (scope.size, scope.words()) == (5, "judged 2 hosts and 3 guests")


def test_a_limit_leaves_out_the_others_and_says_how_many():
    scope = scope_of(HOSTS, GUESTS, "web-1,kvm1", {"web-1", "kvm1"})
    assert (scope.hosts, scope.guests) == (("kvm1",), ("web-1",))
    assert scope.words() == "judged 1 host and 1 guest; limit 'web-1,kvm1' leaves out 1 host and 2 guests"
    assert scope_of(HOSTS, GUESTS, "x" * 1000, {"web-1"}).words().count("x") == 99


def test_the_controller_alone_judges_all_by_what_is_cached():
    assert scope_of(HOSTS, GUESTS, "localhost", {"localhost"}).size == 5
    assert scope_of(HOSTS, GUESTS, "localhost,web-1", {"localhost", "web-1"}).guests == ("web-1",)


def test_another_machine_alone_judges_nobody():
    assert scope_of(HOSTS, GUESTS, "backup1", {"backup1"}).size == 0


def test_a_guest_alone_has_a_row_and_the_limit_is_the_reason_for_what_is_missing():
    (row,) = rows({"kvm1": {}}, {"web-1": guest(), "web-2": {}}, ["web-1"])
    assert (row["guest"], row["verdict"], codes(row)) == ("web-1", "unknown", ["left-out"])
    assert "limit 'web-1' leaves out 1 host of which no facts are cached" in row["text"][1]
    assert "Name the guest and its host in the limit" in row["text"][1]


def test_a_guest_alone_is_joined_with_the_cached_facts_of_its_host():
    (row,) = rows({"kvm1": host(domain())}, {"web-1": guest()}, ["web-1"])
    assert (row["verdict"], row["host"]) == ("ok", "kvm1")


def test_a_host_alone_has_the_rows_of_its_domains():
    other = "11111111-84af-424b-91cf-7470bde43aa8"
    found = rows({"kvm1": host(domain(), domain(name="db", uuid=other)), "kvm2": {}}, {"web-1": guest(), "web-2": {}}, ["kvm1"])
    assert {(row["guest"], row["domain"], row["verdict"]) for row in found} == {("web-1", "web", "ok"), (None, "db", "unknown")}
    (row,) = [row for row in found if row["domain"] == "db"]
    assert codes(row) == ["left-out"] and "leaves out 2 guests" in row["text"][1]


def test_a_guest_without_a_uuid_is_not_told_to_widen_the_limit():
    (row,) = rows({"kvm1": {}}, {"web-1": guest(uuid=None), "web-2": {}}, ["web-1"])
    assert codes(row) == ["host-not-seen"]


def test_a_guest_that_was_not_seen_itself_keeps_its_reason():
    (row,) = rows({"kvm1": {}}, {"web-1": {}, "web-2": {}}, ["web-1"])
    assert codes(row) == ["host-not-seen", "guest-not-seen"]
