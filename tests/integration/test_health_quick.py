# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A test of the source on real kernels: what a host delivers to /dev/hwrng, sound or not, slowly or not at all."""

import os

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from entropy_quick import observations
from lab import quick

DRIVER = "load virtio_pci virtio_rng"
# The CPU makes the CRNG ready whatever the device delivers.
READY = {"cpu": quick.CPU.replace("-rdrand", "+rdrand"), "append": "random.trust_cpu=on"}
QUALITIES = {"bullseye": 1000, "trixie": 1024}


def codes(facts):
    """Return the codes of the problems without what merely informs."""
    return [problem["code"] for problem in facts["problems"] if problem["code"] != "no-vmgenid"]


def with_source(suite, backend, path="/dev/urandom"):
    """Return the facts of a guest whose source was tested with 7,500 bytes."""
    return facts_of(observations(suite, [DRIVER, "observe it-fed 7500 20"], device=quick.virtio_rng(backend, path))["it-fed"])


@pytest.mark.parametrize("suite", QUALITIES)
def test_a_healthy_source_passes_and_an_ordinary_user_is_told_what_it_takes(suite):
    seen = observations(suite, [DRIVER, "observe fed 20000 30", "user", "observe user 20000 30"], device=quick.virtio_rng())
    fed, user = facts_of(seen["fed"]), facts_of(seen["user"])
    health = fed["health"]
    assert (health["source"], health["bytes_read"], health["reason"], health["passed"]) == ("virtio_rng.0", 20000, None, True)
    assert (health["fips"]["blocks"], health["period"]) == (8, None)
    assert health["sp800_90b"]["min_entropy"] == QUALITIES[suite] * 8 / 1024
    assert (codes(fed), fed["verdict"]) == ([], "ok")
    assert (user["health"]["passed"], user["health"]["bytes_read"]) == ("unknown", 0)
    assert user["health"]["reason"] == "/dev/hwrng: Permission denied: it takes root"
    assert "health" in [each["what"] for each in user["unseen"] if each["needs"] == "root"]
    assert (codes(user), user["verdict"]) == (["needs-root"], "unknown")


def test_zeros_are_stuck_although_the_kernel_takes_them_for_entropy():
    facts = with_source("bullseye", "random", "/dev/zero")
    assert (facts["crng"]["ready"], facts["crng"]["seeded_by"], facts["hwrng"]["filling"]) == (True, "hwrng", True)
    assert (codes(facts), facts["links"]["fed"], facts["verdict"]) == (["source-stuck"], "broken", "broken")
    assert "virtio_rng.0, 7500 bytes read; 1071 times 7 equal bytes in a row; " in facts["problems"][0]["evidence"]
    assert (facts["health"]["period"], facts["health"]["fips"]["passed"]) == (1, 0)


def test_a_constant_is_stuck():
    with quick.fifo() as (path, give):
        give(b"\xa5" * 16384)
        facts = with_source("trixie", "random", path)
    assert (facts["health"]["period"], codes(facts), facts["verdict"]) == (1, ["source-stuck"], "broken")


def test_a_block_of_good_bytes_over_and_over_is_stuck():
    with quick.fifo() as (path, give):
        give((os.urandom(601) * 27)[:16384])
        facts = with_source("bookworm", "random", path)
    assert (codes(facts), facts["verdict"]) == (["source-stuck"], "broken")
    # A multiple of its length, more or less: driver and device may exchange the halves of a buffer, and the block's first bytes with them.
    assert min(facts["health"]["period"] % 601, -facts["health"]["period"] % 601) <= 64


@pytest.mark.parametrize("suite", QUALITIES)
def test_a_source_that_starves_or_is_withheld_is_left_when_time_is_over(suite):
    # The fill thread waits for a whole buffer and holds the core's mutex meanwhile, so a read waits even if it shall not.
    with quick.fifo() as (path, _give):
        sources = {"rationed": quick.virtio_rng(rate_bytes=5, rate_period=1000), "withheld": quick.virtio_rng("random", path)}
        for source, device in sources.items():
            seen = observations(suite, ["observe none 20000 1", DRIVER, "observe it 20000 1"], device=device, **READY)
            facts, health = facts_of(seen["it"]), facts_of(seen["it"])["health"]
            assert (facts["crng"]["ready"], health["source"], health["passed"]) == (True, "virtio_rng.0", "unknown"), source
            assert 1 <= health["seconds"] < 2, source
            assert health["bytes_read"] < 64, source
            assert "of 20000 bytes came in 1." in health["reason"], source
            assert codes(facts) == [], source
            before = facts_of(seen["none"])["health"]
            assert (before["source"], before["reason"]) == ("none", "not tested: the kernel has no current source"), source


def test_a_guest_that_is_not_ready_keeps_its_bytes():
    with quick.fifo() as (path, _give):
        facts = facts_of(observations("bookworm", [DRIVER, "observe it 20000 20"], device=quick.virtio_rng("random", path))["it"])
    assert facts["crng"]["ready"] is False
    assert (facts["health"]["passed"], facts["health"]["bytes_read"], facts["health"]["seconds"]) == ("unknown", 0, 0.0)
    assert facts["health"]["reason"] == "not tested: the CRNG is not ready, and needs these bytes first"
    assert codes(facts) == ["not-ready"]
