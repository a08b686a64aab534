# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role host on a machine of its own: Debian with libvirt under systemd, over SSH, from bare to done. The tests build on each other."""

from pathlib import Path

import pytest
from controller import Controller
from lab.fleet import Lab
from virt_host import DESCRIBED, domain_xml, row, run_module

KVM = "kvm1"
UNITS = "libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service"
DOCUMENTED = Path(__file__).resolve().parents[2] / "docs/rights.md"
USER = ("-e", "ansible_user=user", "-e", "ansible_become=false", "-e", "entropy_host_install=false")
RESTART = ("-e", "entropy_host_restart=waiting", "-e", "entropy_host_restart_force=true", "-e", "entropy_host_restart_shutdown_timeout=0")

# Debian has no modular daemons. This has their sockets and units, which is all that a client sees of them, around the same program.
MODULAR = """
systemctl disable --now -q UNITS
for kind in '' -ro; do
    printf '%s\\n' '[Socket]' "ListenStream=/run/libvirt/virtqemud-sock$kind" "FileDescriptorName=libvirtd$kind.socket" Service=virtqemud.service \
        SocketMode=0666 RemoveOnStop=yes '[Install]' WantedBy=sockets.target >/etc/systemd/system/virtqemud$kind.socket
done
printf '%s\\n' '[Unit]' Requires=virtqemud.socket 'Wants=virtqemud-ro.socket' 'After=virtqemud.socket virtqemud-ro.socket' \
    '[Service]' Type=notify 'ExecStart=/usr/sbin/libvirtd --timeout 120' KillMode=process >/etc/systemd/system/virtqemud.service
echo 'remote_mode = "direct"' >>/etc/libvirt/libvirt.conf
systemctl daemon-reload
systemctl enable -q virtqemud.socket virtqemud-ro.socket
""".replace("UNITS", UNITS)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A KVM host with two domains, one of which runs, and without libvirt's Python bindings."""
    with Lab(tmp_path_factory.mktemp("lab"), [f"{KVM}=trixie,rng,host"]) as lab:
        machine = lab.guests[KVM]
        for name in ("web", "off"):
            machine.ssh(f"virsh -q define /dev/stdin <<'X'\n{domain_xml(name)}\nX")
        machine.ssh("virsh -q start web")
        yield lab


@pytest.fixture(scope="module")
def machine(lab):
    return lab.guests[KVM]


@pytest.fixture(scope="module")
def controller(lab):
    return Controller(lab.inventory, lab.folder, pipelining=True)


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
    return machine.ssh(f"virsh -c qemu:///system dumpxml {' '.join(words)} {name}").count("<rng ")


def test_check_mode_says_what_a_run_would_install_first(machine, play):
    run = play("kvm.entropy.host", "--check")
    assert counts(run)["failed"] == 0, run.output
    assert "A run would install it first; its domains are not predicted" in run.output
    assert machine.ssh("dpkg-query -W -f '${db:Status-Status}' python3-libvirt 2>/dev/null || echo absent") == "absent\n"


def test_from_bare_with_a_libvirt_that_was_stopped_to_every_domain_with_its_device(machine, play):
    machine.ssh(f"systemctl stop -q {UNITS}")
    run = play("kvm.entropy.host")
    assert counts(run) == {"changed": 3, "failed": 0, "unreachable": 0}, run.output
    assert [rngs(machine, "web"), rngs(machine, "web", "--inactive"), rngs(machine, "off", "--inactive")] == [1, 1, 1]
    host = run.facts(KVM)["entropy_domains"]
    found = {name: (group["config"], group["live"]) for group in host["groups"] for name in group["domains"].values()}
    assert found == {"off": ([DESCRIBED], None), "web": ([DESCRIBED], [DESCRIBED])}
    assert host["host"]["libvirt_version"].startswith("11.") and host["host"]["qemu_version"].startswith("10.")


def test_an_auditor_without_root_sees_it_all_and_changes_nothing(machine, controller):
    before = machine.ssh("virsh dumpxml web; virsh dumpxml --inactive web; virsh dumpxml off")
    run = controller.play("kvm.entropy.audit", "--limit", f"{KVM},localhost", *USER)
    assert run.status == 0 and counts(run) == {"changed": 0, "failed": 0, "unreachable": 0}, run.output
    assert "domain web on kvm1: UNKNOWN  [ host ok  config ok  live ok  current unknown" in run.output, "nobody looked into its guest"
    assert "guest-not-seen" in run.output and "1 ok, 0 degraded, 0 broken" in run.output, "the domain that is off can be judged from here"
    assert machine.ssh("virsh dumpxml web; virsh dumpxml --inactive web; virsh dumpxml off") == before


def test_from_another_machine_over_ssh_what_files_say_is_unchecked(machine, tmp_path):
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nexec ssh {' '.join(machine.ssh_options())} -i {machine.key} \"$@\"\n", encoding="utf-8")
    ssh.chmod(0o755)
    uri = f"qemu+ssh://root@127.0.0.1:{machine.port}/system?command={ssh}"
    predicted, result = (run_module("virt_rng", uri=uri, domains=["*"], path="/dev/not-here", _ansible_check_mode=check) for check in (True, False))
    assert not result.get("failed"), result["msg"]
    assert result["unchecked"] == [f"backend path /dev/not-here: {uri} is another machine"]
    assert predicted["domains"] == result["domains"] and row(result, "off")["config"]["after"] == [dict(DESCRIBED, path="/dev/not-here")]
    assert row(result, "web")["live"]["result"] == "restart_required"
    info = run_module("virt_rng_info", uri=uri)
    assert info["host"]["entropy"] is None and "is another machine" in info["host"]["entropy_reason"]
    assert not run_module("virt_rng", uri=uri, domains=["*"], replace_live=True)["summary"]["restart_required"]


def rules(*headings):
    """Return the polkit rules (str) that docs/rights.md gives under ``headings``."""
    text = DOCUMENTED.read_text(encoding="utf-8")
    return "".join(text[text.index(heading):].split("```js\n")[1].split("```")[0].replace("operator", "user") for heading in headings)


def test_an_operator_without_root_does_what_the_documented_rights_allow_and_no_more(machine, play):
    machine.ssh(f"cat >/etc/polkit-1/rules.d/50-kvm-entropy.rules <<'X'\n{rules('Change devices')}X\n"
                "echo 'access_drivers = [ \"polkit\" ]' >>/etc/libvirt/libvirtd.conf; systemctl restart libvirtd")
    run = play("kvm.entropy.host", *USER, "-e", "entropy_host_rate_bytes=512", *RESTART)
    assert run.status != 0 and "libvirt refuses to ask the guest to power off: access denied" in run.output, run.output
    assert "<rate bytes='512'" in machine.ssh("virsh dumpxml --inactive web") and "<rate bytes='1024'" in machine.ssh("virsh dumpxml web")
    machine.ssh(f"cat >>/etc/polkit-1/rules.d/50-kvm-entropy.rules <<'X'\n{rules('Restart what waits')}X")
    run = play("kvm.entropy.host", *USER, "-e", "entropy_host_rate_bytes=512", *RESTART)
    assert run.status == 0 and counts(run)["changed"] == 1, run.output
    assert "<rate bytes='512'" in machine.ssh("virsh dumpxml web")


def test_check_mode_says_that_it_would_start_libvirt_and_starts_nothing(machine, play):
    machine.ssh(f"systemctl stop -q {UNITS}")
    run = play("kvm.entropy.host", "--check")
    assert counts(run) == {"changed": 1, "failed": 0, "unreachable": 0}, run.output
    assert "A run would start it first; its domains are not predicted" in run.output
    assert machine.ssh("systemctl is-active libvirtd.socket || true") == "inactive\n"


def test_a_libvirt_that_is_not_to_be_started_is_not(machine, play):
    run = play("kvm.entropy.host", "-e", "entropy_host_start=false")
    assert run.status != 0 and "cannot reach libvirt at qemu:///system" in run.output and counts(run)["changed"] == 0, run.output
    assert machine.ssh("systemctl is-active libvirtd.socket || true") == "inactive\n"


def test_a_libvirt_that_somebody_disabled_is_left_alone_and_named(machine, play):
    machine.ssh("systemctl disable -q libvirtd.socket libvirtd.service")
    run = play("kvm.entropy.host")
    assert run.status != 0 and "Nothing was started: libvirtd.socket is inactive and disabled" in run.output, run.output
    assert machine.ssh("systemctl is-active libvirtd.socket || true") == "inactive\n"


def test_modular_daemons_are_found_and_started_as_well(machine, play):
    machine.ssh(MODULAR)
    run = play("kvm.entropy.host", "-e", "entropy_host_rate_bytes=512")
    assert counts(run) == {"changed": 1, "failed": 0, "unreachable": 0}, run.output
    assert "/run/libvirt/virtqemud-sock" in machine.ssh("ls /run/libvirt/*-sock") and rngs(machine, "web", "--inactive") == 1
    assert not any(group["drift"] for group in run.facts(KVM)["entropy_domains"]["groups"])
