# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job on a real guest that runs without a random source, from the artifact, in the order in which a user does it."""

import pytest
from controller import Controller, lab, running_lab
from lab.daemon import Daemon

GUEST = "web"
# Everything that a playbook could have written, with its time: a file that is written anew with the same text shows, too.
ETC = "find /etc /lib/modules /boot -xdev -printf '%p %s %T@ %m\\n' | sort"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A lab with one running guest of Debian 12 without a random source."""
    with running_lab(tmp_path_factory.mktemp("site"), f"{GUEST}=bookworm") as folder:
        yield folder


@pytest.fixture(scope="module")
def controller(folder):
    return Controller(folder / "inventory.yml", folder, pipelining=True)


def whole_state(folder):
    """Return all that must stay as it is: the definitions and running devices on the host, the files of the guest."""
    daemon = Daemon(folder)
    domains = [daemon.virsh("dumpxml", "--security-info", *half, GUEST) for half in ([], ["--inactive"])]
    return domains, lab("ssh", "--dir", folder, GUEST, "--", ETC)


def test_audit_names_the_missing_device_and_changes_nothing(folder, controller):
    before = whole_state(folder)
    run = controller.play("kvm.entropy.audit")
    assert run.status == 0, run.output
    assert whole_state(folder) == before
    entropy = run.facts(GUEST)["entropy"]
    assert (entropy["hwrng"]["device"], entropy["hwrng"]["filling"], entropy["crng"]["ready"]) == (False, False, True)
    assert entropy["crng"]["in_time"] is False
    assert "config broken  live broken  current broken  fed broken  ready ok  in time broken" in run.output
    assert "no-device" in run.output


def test_check_mode_of_site_says_what_it_would_do_and_changes_nothing(folder, controller):
    before = whole_state(folder)
    run = controller.play("kvm.entropy.site", "--check", "--diff")
    assert run.status == 0, run.output
    assert whole_state(folder) == before
    assert "+- backend: random" in run.output
    assert run.counts["labhost"]["changed"] == 1


def test_site_has_the_running_guest_fed_by_its_host(folder, controller):
    run = controller.play("kvm.entropy.site")
    assert run.status == 0, run.output
    entropy = run.facts(GUEST)["entropy"]
    assert entropy["hwrng"]["current"].startswith("virtio_rng")
    assert entropy["hwrng"]["filling"] is True
    (domain,) = run.facts("labhost")["entropy_domains"]["groups"]
    assert domain["config"] == domain["live"]
    assert domain["config"][0]["path"] == "/dev/urandom"
    assert "config ok  live ok  current ok  fed ok  ready ok  in time broken" in run.output


def test_site_again_changes_nothing(folder, controller):
    before = whole_state(folder)
    run = controller.play("kvm.entropy.site")
    assert run.status == 0, run.output
    assert {host: counts["changed"] for host, counts in run.counts.items()} == {"labhost": 0, GUEST: 0, "localhost": 0}
    assert whole_state(folder) == before


def test_after_the_next_boot_the_crng_is_ready_before_user_space_first_reads(folder, controller):
    # Power off and on rather than a reboot from the inside, which takes QEMU's TCG twice as long; both use the initramfs that the guest has made.
    lab("restart", "--dir", folder, GUEST)
    run = controller.play("kvm.entropy.verify", "-v")
    assert run.status == 0, run.output
    crng = run.facts(GUEST)["entropy"]["crng"]
    assert (crng["in_time"], crng["uninitialized_reads"]) == (True, 0)
    assert crng["ready_at"] < crng["init_started_at"]
    assert f"{GUEST} (domain {GUEST} on labhost)" in run.output or f"{GUEST}: OK" in run.output
    assert "1 ok, 0 degraded, 0 broken, 0 unknown" in run.output


def test_a_guest_that_is_down_is_unknown_and_not_a_failure(folder, controller):
    Daemon(folder).virsh("destroy", GUEST)
    run = controller.play("kvm.entropy.verify")
    assert run.status == 0, run.output
    assert "its domain is shutoff" in run.output
    assert "0 ok, 0 degraded, 0 broken, 1 unknown" in run.output


def test_a_host_whose_daemon_is_down_is_named_with_what_to_do(folder, controller):
    daemon = Daemon(folder)
    daemon.stop()
    try:
        audit, site = controller.play("kvm.entropy.audit"), controller.play("kvm.entropy.site")
    finally:
        daemon.start()
    assert audit.status == 0, audit.output
    assert "look-failed" in audit.output and daemon.uri in audit.output
    assert site.status != 0
    assert daemon.uri in site.output
