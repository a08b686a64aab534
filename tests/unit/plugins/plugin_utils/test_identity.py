# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nobody becomes a domain by saying so, and nobody makes a domain's evidence vanish by it."""

import pytest
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain
from ansible_collections.kvm.entropy.plugins.plugin_utils._join import byte_swapped
from chain_halves import DEVICE, NOW, UUID, domain, guest, host

DAY = 86400
OTHER = "11111111-84af-424b-91cf-7470bde43aa8"
SWAPPED = byte_swapped(UUID)


def rows_of(hosts, guests):
    """Return {guest or (domain): (domain, verdict, codes)}."""
    return {row["guest"] or "(%s)" % row["domain"]: (row["domain"], row["verdict"], [one["code"] for one in row["problems"]])
            for row in chain(hosts, guests, NOW, DAY)}


@pytest.mark.parametrize("claim", [UUID, UUID.upper(), SWAPPED])
def test_the_inventorys_uuid_wins_over_another_guests_claim(claim):
    rows = rows_of({"kvm1": host(domain())}, {"victim": guest(explicit_uuid=UUID), "evil": guest(uuid=claim)})
    assert rows == {"victim": ("web", "ok", []), "evil": (None, "unknown", ["ambiguous"])}


def test_a_victim_that_does_not_answer_keeps_its_domain_by_the_inventory():
    rows = rows_of({"kvm1": host(domain())}, {"victim": {"uuid": UUID, "error": "timed out"}, "evil": guest()})
    assert rows == {"victim": ("web", "unknown", ["unreachable"]), "evil": (None, "unknown", ["ambiguous"])}


@pytest.mark.parametrize("claim", [UUID, SWAPPED])
def test_a_disputed_domain_keeps_a_row_with_what_its_host_proves(claim):
    stuck = domain(live=[dict(DEVICE, path="/dev/zero")])
    rows = rows_of({"kvm1": host(stuck)}, {"victim": guest(), "evil": guest(uuid=claim)})
    assert rows["(web)"] == ("web", "broken", ["source-stuck", "ambiguous"])
    assert rows["victim"] == rows["evil"] == (None, "unknown", ["ambiguous"])


def test_a_guest_that_is_broken_by_its_own_word_stays_broken_where_its_uuid_is_disputed():
    rows = rows_of({"kvm1": host(domain())}, {"victim": guest(ready=False, problems=["not-ready"]), "evil": guest()})
    assert rows["victim"][1] == "broken"


def test_a_claim_on_a_domain_that_runs_takes_it_from_nobody_where_the_inventory_says_who_the_claimant_is():
    rows = rows_of({"kvm1": host(domain(), domain(name="evil", uuid=OTHER))}, {"victim": guest(), "evil": guest(explicit_uuid=OTHER)})
    assert rows["victim"] == ("web", "ok", [])
    assert rows["evil"] == (None, "unknown", ["ambiguous"])
    assert rows["(evil)"] == ("evil", "unknown", ["ambiguous"])


def test_two_guests_to_whom_the_inventory_gives_one_uuid_are_disputed_both():
    rows = rows_of({"kvm1": host(domain())}, {"a": guest(explicit_uuid=UUID), "b": {"uuid": UUID}})
    assert rows["a"][2] == rows["(web)"][2] == ["ambiguous"] and "ambiguous" in rows["b"][2]


STUCK = [dict(DEVICE, path="/dev/zero")]


@pytest.mark.parametrize("copy", [{"kvm2": host(domain(name="copy"))}, {"kvm2": host(domain(name="copy", uuid=UUID.upper()))}])
def test_a_copy_of_a_domain_on_another_host_does_not_hide_what_the_first_ones_host_proves(copy):
    rows = rows_of({"kvm1": host(domain(live=STUCK)), **copy}, {"victim": guest()})
    assert rows["(web)"] == ("web", "broken", ["source-stuck", "ambiguous"])
    assert rows["victim"] == (None, "unknown", ["ambiguous"])
    assert "(copy)" not in rows


def test_a_guest_whose_host_nobody_is_to_see_hides_nothing_of_a_domain_by_claiming_it():
    rows = rows_of({"kvm1": host(domain(live=STUCK))}, {"evil": guest(expect="guest-only")})
    assert rows["(web)"] == ("web", "broken", ["source-stuck", "ambiguous"])
    assert rows_of({"kvm1": host(domain())}, {"fine": guest(expect="guest-only")}) == {"fine": ("web", "ok", [])}


@pytest.mark.parametrize("gone", [host(domain(live=STUCK), error="timed out"), host(domain(live=STUCK), age=DAY + 1)])
def test_a_host_that_does_not_count_disputes_no_domain_that_runs_on_another(gone):
    rows = chain({"kvm1": gone, "kvm2": host(domain())}, {"web-1": guest()}, NOW, DAY)
    assert [(row["guest"], row["host"], row["verdict"]) for row in rows] == [(None, "kvm1", "unknown"), ("web-1", "kvm2", "ok")]


def test_guests_whose_uuid_cannot_be_read_are_not_said_to_have_one():
    rows = chain({"kvm1": host(domain())}, {name: dict(guest(), uuid="web") for name in "ab"}, NOW, DAY)
    assert all("have one UUID" not in one["evidence"] for row in rows for one in row["problems"])


def test_a_dispute_names_the_guests():
    (row,) = [row for row in chain({"kvm1": host(domain())}, {"victim": guest(explicit_uuid=UUID), "evil": guest()}, NOW, DAY) if row["guest"] == "evil"]
    assert row["problems"][0]["evidence"] == (
        "evil reports the UUID %s, and the inventory gives that to victim (entropy_domain_uuid), which counts" % UUID)
