# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last two lines of a judgement and what is handed on are true of whoever is in the inventory: each verdict counted is one that is judged, once."""

from typing import NamedTuple

import pytest
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain
from ansible_collections.kvm.entropy.plugins.plugin_utils._handover import handover
from ansible_collections.kvm.entropy.plugins.plugin_utils._judgement import checked, judgement
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import scope_of, within
from chain_halves import NOW, domain, guest, host

DAY = 86400
OTHER = "11111111-84af-424b-91cf-7470bde43aa8"
OPTIONS = {"hosts": [], "guests": [], "hosts_group": None, "guests_group": None, "expect": "auto", "max_age": DAY, "fail_on": ["broken"], "max_unknown": 0,
           "min_judged": 1, "max_results": 500, "max_names": 100}
OK = "1 ok, 0 degraded, 0 broken, 0 unknown"
UNKNOWN = "0 ok, 0 degraded, 0 broken, 1 unknown"
NONE = "0 ok, 0 degraded, 0 broken, 0 unknown"


def judged(hosts, guests, limit=None):
    """Return (the last two lines (list of str), why the job fails (str or None), the numbers handed on (dict)) for these halves and a ``limit`` (str)."""
    scope = scope_of(list(hosts), list(guests), limit, limit and set(limit.split(",")))
    scope = scope._replace(not_looked_at=tuple(name for name in scope.hosts if hosts[name].get("expect") == "guest-only"))
    rows = within(chain(hosts, guests, NOW, DAY), scope, {name for name, half in {**hosts, **guests}.items() if half.get("entropy")})
    said = judgement(rows, OPTIONS, scope, False)
    return said["told"][-2:], said["verdict_failure"], handover(rows, said["counts"], scope, 100)["entropy_judged"]


class Case(NamedTuple):
    """A fleet, its ``counts`` by verdict and in ``words`` whom they are of, and whether the job ``fails``."""

    hosts: dict
    guests: dict
    counts: str
    words: str
    fails: bool = False
    limit: str = None


CASES = {
    "a guest and its host": Case({"kvm1": host(domain())}, {"web-1": guest()}, OK, "judged 1 host and 1 guest"),
    "a host that is itself a guest": Case({"kvm1": host(domain())}, {"kvm1": guest(uuid=None, expect="guest-only")}, "1 ok, 0 degraded, 0 broken, 1 unknown",
                                          "judged 1 host, 1 guest and 1 other domain"),
    "a guest whose host is not in the inventory": Case({}, {"web-1": guest()}, UNKNOWN, "judged 0 hosts and 1 guest", fails=True),
    "a guest that nobody sees from outside": Case({}, {"web-1": guest(expect="guest-only")}, OK, "judged 0 hosts and 1 guest"),
    "a host without domains": Case({"kvm1": host()}, {}, NONE + " (1 host without a judged domain)", "judged 1 host and 0 guests"),
    "a host without domains whose own generator is not ready": Case({"kvm1": host(ready=False)}, {}, NONE + " (1 host broken)", "judged 1 host and 0 guests",
                                                                    fails=True),
    "a host whose own generator is fed no entropy, beside a sound one": Case(
        {"kvm1": host(problems=["fake-source"]), "kvm2": host(domain())}, {"web-1": guest()}, OK + " (1 host broken)", "judged 2 hosts and 1 guest",
        fails=True),
    "a host that is not sound, and at which nobody looks": Case({"kvm1": host(ready=False, expect="guest-only")}, {"web-1": guest(expect="guest-only")}, OK,
                                                                "judged 0 hosts and 1 guest"),
    "one host of two without domains": Case({"kvm1": host(), "kvm2": host(domain())}, {"web-1": guest()}, OK + " (1 host without a judged domain)",
                                            "judged 2 hosts and 1 guest"),
    "a host alone": Case({"kvm1": host(domain(), expect="host-only")}, {}, OK, "judged 1 host, 0 guests and 1 other domain"),
    "a domain of nobody": Case({"kvm1": host(domain(), domain(name="db", uuid=OTHER))}, {"web-1": guest()}, "1 ok, 0 degraded, 0 broken, 1 unknown",
                               "judged 1 host, 1 guest and 1 other domain"),
    "two guests that claim one domain": Case({"kvm1": host(domain())}, {"web-1": guest(), "web-2": guest()}, "0 ok, 0 degraded, 0 broken, 3 unknown",
                                             "judged 1 host, 2 guests and 1 other domain", fails=True),
    "one UUID that runs on two hosts": Case({"kvm1": host(domain()), "kvm2": host(domain())}, {"web-1": guest()},
                                            UNKNOWN + " (2 hosts without a judged domain)", "judged 2 hosts and 1 guest", fails=True),
    "a host that nobody looks at": Case({"kvm1": {"expect": "guest-only"}}, {"web-1": guest(expect="guest-only")}, OK, "judged 0 hosts and 1 guest"),
    "a host that does not answer": Case({"kvm1": {"error": "timed out"}}, {}, NONE + " (1 host unknown)", "judged 1 host and 0 guests", fails=True),
    "a host that does not answer, and had no domains before": Case({"kvm1": host(error="timed out")}, {}, NONE + " (1 host unknown)",
                                                                   "judged 1 host and 0 guests", fails=True),
    "a host that does not answer, and whose domain runs elsewhere": Case(
        {"kvm1": host(domain(), error="timed out"), "kvm2": host(domain())}, {"web-1": guest()}, OK + " (1 host unknown)", "judged 2 hosts and 1 guest",
        fails=True),
    "a host that does not answer, and whose guest does not need it": Case({"kvm1": host(domain(), error="timed out")}, {"web-1": guest(expect="guest-only")},
                                                                          OK + " (1 host unknown)", "judged 1 host and 1 guest", fails=True),
    "a limit of a host": Case({"kvm1": host(domain())}, {"web-1": guest(), "web-2": {}}, OK,
                              "judged 1 host, 0 guests and 1 other domain; limit 'kvm1' leaves out 0 hosts and 2 guests", limit="kvm1"),
    "a limit of a guest": Case({"kvm1": host(domain())}, {"web-1": guest(), "web-2": {}}, OK,
                               "judged 0 hosts and 1 guest; limit 'web-1' leaves out 1 host and 1 guest", limit="web-1"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_counts_are_those_of_whom_is_judged(case):
    told, failure, handed_on = judged(case.hosts, case.guests, case.limit)
    assert (told, bool(failure)) == ([case.counts, case.words], case.fails)
    assert f"judged {handed_on['hosts']} host" in case.words and f" {handed_on['guests']} guest" in case.words


def test_who_is_named_twice_is_one():
    assert checked({**OPTIONS, "hosts": ["kvm1", "kvm1"], "guests": "web-1,web-2,web-1"})["guests"] == ["web-1", "web-2"]
    assert checked({**OPTIONS, "hosts": ["kvm1", "kvm1"]})["hosts"] == ["kvm1"]
