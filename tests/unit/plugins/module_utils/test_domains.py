# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains are meant by name, UUID and glob."""

import collections
import time

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._domains import matcher, select
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

Domain = collections.namedtuple("Domain", "name uuid")
NAMES = ["web-2", "web-1", "Web-3", "star*", "stardust", "q[1]", "q1", "11111111-2222-3333-4444-555555555555"]
DOMAINS = [Domain(name, f"00000000-0000-4000-8000-{number:012}") for number, name in enumerate(NAMES)]


def names(patterns, exclude=()):
    return [domain.name for domain in select(DOMAINS, patterns, exclude, "test:///x")]


@pytest.mark.parametrize("patterns, meant", [
    (["web-1"], ["web-1"]),
    (["web-*"], ["web-1", "web-2"]),
    (["[wW]eb-?"], ["Web-3", "web-1", "web-2"]),
    (["*"], sorted(NAMES)),
    (["star*"], ["star*", "stardust"]),
    (["star[*]"], ["star*"]),
    (["q[1]"], ["q1", "q[1]"]),
    (["00000000-0000-4000-8000-000000000001"], ["web-1"]),
    (["00000000000040008000000000000001"], ["web-1"]),
    (["11111111-2222-3333-4444-555555555555"], ["11111111-2222-3333-4444-555555555555"]),
    (["web-1", "web-1", "web-*"], ["web-1", "web-2"]),
    (["nothing-*"], []),
    ([], []),
])
def test_a_pattern_means(patterns, meant):
    assert names(patterns) == meant


@pytest.mark.parametrize("exclude, meant", [
    (["web-2"], ["web-1"]), (["*-2"], ["web-1"]), (["00000000-0000-4000-8000-000000000000"], ["web-1"]), (["unknown"], ["web-1", "web-2"])])
def test_the_excluded_are_not_meant(exclude, meant):
    assert names(["web-*"], exclude) == meant


def test_all_names_that_nothing_has_are_told_at_once():
    with pytest.raises(EntropyError) as failure:
        names(["web-1", "web-l", "db", "nothing-*"])
    assert "no domain on test:///x has the name or UUID 'web-l', 'db'" in str(failure.value)
    assert "nothing was changed" in str(failure.value)


def test_a_host_without_domains_says_so():
    with pytest.raises(EntropyError, match="It has no domains at all"):
        select([], ["db"], [], "test:///x")


def test_ten_thousand_names_and_uuids_of_ten_thousand_domains_take_no_time():
    domains = [Domain(f"d{number:05}", f"00000000-0000-4000-8000-{number:012}") for number in range(10000)]
    words = [domain.name for domain in domains[:5000]] + [domain.uuid for domain in domains[5000:]]
    begun = time.process_time()
    assert select(domains, words, [domains[0].uuid, domains[-1].name], "test:///x") == domains[1:-1]
    assert time.process_time() - begun < 2, "with a look at each domain for each of them it is more"


def test_of_many_names_that_nothing_has_ten_are_told():
    with pytest.raises(EntropyError, match="the name or UUID 'x0', .*, 'x9' and 9990 more: nothing was changed") as failure:
        names([f"x{number}" for number in range(10000)])
    assert len(str(failure.value)) < 1000


def test_a_matcher_tells_of_one_domain_what_select_finds_among_all():
    for patterns in (["web-*"], [DOMAINS[1].uuid], ["q[1]"], []):
        is_meant = matcher(patterns)
        assert [domain for domain in DOMAINS if is_meant(domain)] == [domain for domain in DOMAINS if domain in select(DOMAINS, patterns, (), "test:///x")]
    assert not any(map(matcher(["nobody"]), DOMAINS)), "confirmed may name what is not there"
