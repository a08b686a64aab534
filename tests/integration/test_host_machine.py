# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role host on a machine of its own: Debian with libvirt under systemd, over SSH, from bare to done. The tests build on each other."""

import pytest
from controller import Controller
from lab.fleet import Lab
from virt_host import DESCRIBED, RNG, domain_xml

KVM = "kvm1"
UNITS = "libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A KVM host with two domains, one of which runs, and without libvirt's Python bindings."""
    with Lab(tmp_path_factory.mktemp("lab"), [f"{KVM}=trixie,rng,host"]) as lab:
        machine = lab.guests[KVM]
        machine.ssh("apt-get -q update")
        for name in ("web", "off"):
            machine.ssh(f"virsh -q define /dev/stdin <<'X'\n{domain_xml(name)}\nX")
        machine.ssh("virsh -q start web")
        yield lab


@pytest.fixture(scope="module")
def machine(lab):
    return lab.guests[KVM]


@pytest.fixture(scope="module")
def controller(lab):
    return Controller(lab.inventory, lab.folder)


@pytest.fixture
def play(controller):
    """Return a function that runs a playbook on the KVM host alone."""
    def run(playbook, *words):
        return controller.play(playbook, "--limit", KVM, *words)
    return run


def counts(run):
    return {name: run.counts[KVM][name] for name in ("changed", "failed", "unreachable")}


def rngs(machine, name, *words):
    """Return how many <rng> a domain has: in its definition (``--inactive``), or in what runs."""
    return machine.ssh(f"virsh dumpxml {' '.join(words)} {name}").count("<rng ")


def test_check_mode_says_what_a_run_would_install_first(machine, play):
    run = play("kvm.entropy.host", "--check")
    assert counts(run)["failed"] == 0, run.output
    assert "A run would install it first; its domains are not predicted" in run.output
    assert machine.ssh("dpkg-query -W -f '${db:Status-Status}' python3-libvirt 2>/dev/null || echo absent") == "absent\n"


def test_a_libvirt_that_was_stopped_is_started_and_every_domain_has_its_device(machine, play):
    machine.ssh(f"systemctl stop {UNITS}")
    run = play("kvm.entropy.host")
    assert counts(run) == {"changed": 3, "failed": 0, "unreachable": 0}, run.output
    assert [rngs(machine, "web"), rngs(machine, "web", "--inactive"), rngs(machine, "off", "--inactive")] == [1, 1, 1]
    host = run.facts(KVM)["entropy_domains"]
    assert [(row["name"], row["config"], row["live"]) for row in host["domains"]] == [("off", [DESCRIBED], None), ("web", [DESCRIBED], [DESCRIBED])]
    assert host["host"]["libvirt_version"].startswith("11.") and host["host"]["qemu_version"].startswith("10.")


def test_again_changes_nothing(machine, play):
    run = play("kvm.entropy.host")
    assert counts(run) == {"changed": 0, "failed": 0, "unreachable": 0}, run.output


def test_check_mode_says_that_it_would_start_libvirt_and_starts_nothing(machine, play):
    machine.ssh(f"systemctl stop {UNITS}")
    run = play("kvm.entropy.host", "--check")
    assert counts(run) == {"changed": 1, "failed": 0, "unreachable": 0}, run.output
    assert "A run would start it first; its domains are not predicted" in run.output
    assert machine.ssh("systemctl is-active libvirtd.socket || true") == "inactive\n"


def test_a_libvirt_that_somebody_disabled_is_left_alone_and_named(machine, play):
    machine.ssh("systemctl disable libvirtd.socket libvirtd.service")
    run = play("kvm.entropy.host")
    assert run.status != 0 and "Nothing was started: libvirtd.socket is inactive and disabled" in run.output, run.output
    assert machine.ssh("systemctl is-active libvirtd.socket || true") == "inactive\n"
    machine.ssh("systemctl enable libvirtd.socket libvirtd.service; systemctl start libvirtd.socket")
