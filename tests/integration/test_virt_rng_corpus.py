# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several hundred definitions as they are met in the wild (package definitions) come through virt_rng, or are refused untouched."""

import itertools
import re
from collections import Counter

import pytest
from compared import is_same_outside_rng, meanings, meanings_of
from definitions import definitions
from foreseen import foreseen
from told import assert_it_adds_up

# What is asked of all of them, one after the other; somebody else's are left alone in the first and the last.
ASKED = {
    "the default": {},
    "another one alone": {"backend": "builtin", "rate_bytes": 0, "driver": {"packed": True}, "exclusive": True, "managed_elsewhere": "allow"},
    "none": {"state": "absent", "managed_elsewhere": "allow"},
    "three": {"devices": [{}, {"backend": "builtin", "model": "virtio-non-transitional", "driver": {"iommu": True}},
                          {"backend": "egd", "egd": {"type": "unix", "sources": [{"mode": "bind", "path": "/run/egd.sock"}]}}]},
}

# Why libvirt has no place for the device in a definition. All other refusals are the module's own, before anything is written.
NO_PLACE = re.compile(r"libvirt refuses: (internal error: No more available PCI slots|.* but index must be larger than bus|XML error: No PCI buses available)")
IOMMU = re.compile("the driver option iommu needs a device without the protocol from before virtio 1.0")


@pytest.fixture(scope="module")
def host(fast_host):
    """A host with all the definitions that its libvirt takes; ``host.refused`` are its reasons for the others (list)."""
    made = definitions()
    assert len(set(made.values())) == len(made)
    fast_host.refused = fast_host.make(*[(xml.replace("<name>", f"<name>{fast_host.prefix}", 1), "shutoff", None) for xml in made.values()])
    return fast_host


def seen(host):
    return {name: both["definition"] for name, both in host.look().items()}


def test_libvirt_takes_most_of_them_and_says_why_not_the_others(host):
    assert len(seen(host)) >= 570, Counter(host.refused)  # Some QEMUs come without spice.
    assert all(re.match("(unsupported configuration|XML error|internal error): ", reason) for reason in host.refused), Counter(host.refused)


def batches(host):
    """Return the UUIDs of all domains, in lists so short that a result has a row for each, however much is to be told of it."""
    uuids = re.findall("<uuid>([^<]+)</uuid>", "".join(seen(host).values()))
    return [uuids[begin:begin + 200] for begin in range(0, len(uuids), 200)]


@pytest.mark.parametrize("name", ASKED)
def test_every_definition_comes_through_with_nothing_outside_rng_changed_or_is_refused_untouched(host, name):
    summaries = [come_through(host, dict(ASKED[name], domains=uuids)) for uuids in batches(host)]
    assert sum(one["failed"] for one in summaries) < 20 and sum(one["changed"] + one["unchanged"] for one in summaries) > 550


def come_through(host, asked):
    """Run with what is ``asked`` (dict), twice, and go back; return the summary of the first run."""
    before = seen(host)
    predicted = host.predict(**asked)
    assert seen(host) == before
    result = host.rng(**asked)
    after = seen(host)

    assert foreseen(predicted, result) == result
    assert_it_adds_up(result)
    for row in result["domains"]:
        name = row["name"]
        if row["changed"]:
            assert is_same_outside_rng(before[name], after[name]), name
            assert meanings_of(row["config"]["after"]) == meanings(after[name]), name
        else:
            assert before[name] == after[name], name
        if row["failed"]:
            assert NO_PLACE.match(row["reason"]) or IOMMU.match(row["reason"]), row

    again = host.rng(**asked)
    assert not again["changed"] and seen(host) == after
    assert_the_way_back_restores(host, result, before)
    return result["summary"]


def assert_the_way_back_restores(host, result, before):
    changed = sorted((row for row in result["domains"] if row["changed"]), key=lambda row: str(row["config"]["before"]))
    for _text, same in itertools.groupby(changed, key=lambda row: str(row["config"]["before"])):
        rows = list(same)
        devices = rows[0]["config"]["before"]
        back = host.rng(domains=[row["uuid"] for row in rows], scope="config", managed_elsewhere="allow", devices=devices)
        assert not back.get("failed"), back["msg"]
    for name, after in seen(host).items():
        assert is_same_outside_rng(before[name], after), name
        assert meanings(before[name]) == meanings(after), name
