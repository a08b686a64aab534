# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles guest and feeder in whole Debian guests over SSH: the main way in Debian 13, and with ``./run feeders`` all of it in Debian 11 to 14."""

import json
import os
import re

import pytest
from controller import Controller, one_guest
from feeder_quick import thorough
from lab.fleet import Lab

# Debian 13 has rngd 5, Debian 14 rngd 6.
SUITES = os.environ.get("KVM_ENTROPY_SUITES", "trixie").split()
RNGD = {"forky": 6}
FILES = "ls -d /usr/local/sbin/* /etc/entropy-feeder* /etc/systemd/system/*feeder* /etc/systemd/system/*.wants/*feeder* /run/entropy-feeder 2>/dev/null || true"
PROGRAM, SETTINGS, UNIT = "/usr/local/sbin/entropy-feeder", "/etc/entropy-feeder.conf", "/etc/systemd/system/entropy-feeder.service"
KEPT = f"for file in {PROGRAM} {SETTINGS} {UNIT}; do stat -c '%A %U %G' $file; cat $file; done"
# Its start fails where a command does.
TRAP = """mkdir -p /etc/systemd/system/entropy-feeder.service.d
printf '[Service]\\nExecStartPre=%%s\\n' %s >/etc/systemd/system/entropy-feeder.service.d/trap.conf
systemctl daemon-reload"""
NO_TRAP = "rm -r /etc/systemd/system/entropy-feeder.service.d; systemctl daemon-reload"
WITH_METRICS = """'/bin/sh -c "! grep -q ^metrics.=./ /etc/entropy-feeder.conf"'"""
CONTAINED = '#!/bin/sh\nexec unshare --pid --fork /usr/bin/python3 "$@"'
STATES = "systemctl is-active entropy-feeder; systemctl is-enabled entropy-feeder; true"
# It looks at its source when it is due, once a minute.
UNTIL = "for again in $(seq 200); do if %s; then break; fi; sleep 1; done"
FAKE = "/etc/systemd/system/rngd.service.d/mistake.conf"
# As published: rngd reads what the kernel's own generator gives.
MISTAKE = f"mkdir -p $(dirname {FAKE}); printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/rngd -f -r /dev/urandom\\n' >{FAKE}"


@pytest.fixture(scope="module", params=SUITES)
def suite(request):
    return request.param


@pytest.fixture(scope="module")
def guest(suite, tmp_path_factory):
    """A running guest with the device, whose driver is in its initramfs."""
    with Lab(tmp_path_factory.mktemp(suite), [f"{suite}={suite},early,rng,genid"]) as lab:
        yield lab.guests[suite]


@pytest.fixture(scope="module")
def play(guest, tmp_path_factory):
    """A function that plays a role of the collection on the guest with variables (dict) and more words, and returns the Run."""
    return controller(guest, tmp_path_factory).play_role


@pytest.fixture(scope="module")
def verify(guest, tmp_path_factory):
    """A function that plays kvm.entropy.verify for the guest alone and returns its row of the judgement (str)."""
    played = controller(guest, tmp_path_factory)

    def row():
        run = played.play("kvm.entropy.verify", "-e", "entropy_verify_expect=guest-only", "-v")
        assert f"{guest.name}: " in run.output, run.output
        return run.output[run.output.index("TASK [kvm.entropy.verify : "):]
    return row


def controller(guest, tmp_path_factory):
    return Controller(one_guest(guest, tmp_path_factory.mktemp("inventory")), tmp_path_factory.mktemp("controller"), pipelining=True)


def left(guest):
    """Return what there is of the feeder in the guest (list of str), a drop-in of the tests' own left out."""
    return guest.ssh(FILES).split()


def hardening(guest):
    """Return how exposed systemd calls the service (float, of 10)."""
    level = guest.ssh("systemd-analyze security entropy-feeder --no-pager | tail -1").rpartition(": ")[2].split()[0]
    print(f"{guest.name}: systemd-analyze security entropy-feeder {level}")
    return float(level)


@thorough
def test_where_the_kernel_feeds_itself_nothing_is_installed_and_the_reason_is_told(guest, play):
    run = play("guest")
    assert run.status == 0, run.output
    assert f"{guest.name}: feeder none: the kernel feeds itself: virtio_rng.0" in run.output
    assert left(guest) == []
    assert "OK  [ host n/a  config n/a  live ok  current ok  fed ok" in run.output


@thorough
def test_check_mode_says_what_would_be_installed_and_writes_nothing(guest, play):
    run = play("feeder", "--check", "--diff")
    assert run.status == 0, run.output
    assert run.counts[guest.name]["changed"] > 0
    assert left(guest) == []


@thorough
@pytest.mark.parametrize(("role", "variables"), [("guest", {}), ("guest", {"entropy_guest_feeder": "none"}), ("feeder", {})])
def test_a_container_is_refused_before_anything_is_changed(guest, play, role, variables):
    # Another namespace, and what podman puts there.
    guest.ssh(f"touch /run/.containerenv; echo '{CONTAINED}' >/root/contained; chmod 755 /root/contained")
    run = play(role, "-e", "ansible_python_interpreter=/root/contained", **variables)
    guest.ssh("rm /run/.containerenv /root/contained")
    assert run.status != 0 and run.counts[guest.name]["changed"] == 0
    assert "container (podman)" in run.output and "Nothing was changed" in run.output and "to the host" in run.output


def test_where_the_kernel_credits_nothing_a_feeder_is_chosen_by_what_the_distribution_has(guest, play, verify, suite):
    # Before 5.18 a quality is the core's parameter, which hwrng leaves alone.
    guest.ssh("echo 0 >" + ("/sys/module/rng_core/parameters/current_quality" if suite == "bullseye" else "/sys/class/misc/hw_random/rng_quality"))
    before = verify()
    assert "fed broken  ready ok" in before and "quality-zero: " in before
    run = play("guest", **({} if suite == "bullseye" else {"entropy_guest_quality": 0}))
    assert run.status == 0, run.output
    if RNGD.get(suite, 5) < 6:
        assert f"{guest.name}: feeder python: the kernel does not feed itself: virtio_rng.0 has quality 0" in run.output
        assert "rngd 5 gives this kernel its bytes once" in run.output
        assert "entropy-feeder is feeding: reads virtio_rng.0" in run.output
    else:
        assert f"{guest.name}: feeder rngd: the kernel does not feed itself: virtio_rng.0 has quality 0" in run.output
        assert guest.ssh("systemctl is-active rngd").strip() == "active"
    assert "fed ok  ready ok" in run.output and "quality-zero" not in run.output
    entropy = run.facts(guest.name)["entropy"]
    choice = run.facts(guest.name)["choice"]
    assert choice == {"feeder": "rngd" if RNGD.get(suite, 5) >= 6 else "python", "reason": choice["reason"], "applicable": True, "remove": [], "refused": None}
    assert "virtio_rng.0 has quality 0" in choice["reason"]
    assert "fed ok  ready ok" in verify()
    assert (entropy["feeder"]["needed"], entropy["feeder"]["useful"], entropy["feeder"]["reads"], entropy["verdict"]) == (True, True, ["hwrng"], "ok")


@thorough
def test_the_python_feeder_again_changes_nothing(play, guest):
    first, again = play("feeder"), play("feeder")
    assert (first.status, again.status) == (0, 0), first.output + again.output
    assert again.counts[guest.name]["changed"] == 0


def test_the_service_is_hardened(guest):
    assert hardening(guest) <= 2.0
    # CAP_SYS_ADMIN is bit 21 (include/uapi/linux/capability.h).
    assert set(guest.ssh("grep ^Cap /proc/$(systemctl show -P MainPID entropy-feeder)/status | cut -f 2").split()) == {f"{0:016x}", f"{1 << 21:016x}"}
    # Each by itself, as the sum forgives one that is missing: no new rights, a filter of system calls, no network, a system that can't be written to.
    seen = guest.ssh("cd /proc/$(systemctl show -P MainPID entropy-feeder); grep -E '^(NoNewPrivs|Seccomp):' status; "
                     "[ $(readlink ns/net) = $(readlink /proc/1/ns/net) ]; echo $?; "
                     "awk '$5 == \"/\" {print $6}' mountinfo; systemctl show -P DevicePolicy entropy-feeder").split()
    assert seen[:5] == ["NoNewPrivs:", "1", "Seccomp:", "2", "1"]
    assert "ro" in seen[5].split(",") and seen[6] == "closed"


@thorough
def test_it_follows_the_kernels_source_through_a_plug_and_an_unplug(guest, tmp_path):
    before, pid = json.loads(guest.ssh("entropy-feeder --status --json")), guest.ssh("systemctl show -P MainPID entropy-feeder")
    (tmp_path / "rng.xml").write_text("<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>", encoding="utf-8")
    guest.daemon.virsh("attach-device", guest.name, tmp_path / "rng.xml", "--live")
    guest.ssh(f"{UNTIL % 'grep -q virtio_rng.1 /sys/class/misc/hw_random/rng_available'}; echo virtio_rng.1 >/sys/class/misc/hw_random/rng_current")
    guest.ssh(UNTIL % "entropy-feeder --status | grep -q '^feeding: reads virtio_rng.1'")
    other = json.loads(guest.ssh("entropy-feeder --status --json"))
    # What came of another source before is no reason to trust this one.
    assert other["discarded_bytes"] >= before["discarded_bytes"] + 1024
    guest.daemon.virsh("detach-device-alias", guest.name, "rng1", "--live")
    guest.ssh(UNTIL % "entropy-feeder --status | grep -q '^feeding: reads virtio_rng.0'")
    assert guest.ssh("systemctl show -P MainPID entropy-feeder") == pid


@thorough
def test_one_that_is_killed_is_started_again(guest):
    pid = guest.ssh("systemctl show -P MainPID entropy-feeder").strip()
    guest.ssh("systemctl kill -s KILL entropy-feeder; for again in $(seq 60); do sleep 1; "
              f"[ $(systemctl show -P MainPID entropy-feeder) = {pid} ] || [ $(systemctl is-active entropy-feeder) != active ] || exit 0; done; exit 1")
    assert guest.ssh("systemctl show -P NRestarts entropy-feeder").strip() == "1"
    assert json.loads(guest.ssh("entropy-feeder --status --json"))["running"] is True


@thorough
def test_after_a_reboot_it_is_ready_before_other_services_start_and_credits(guest, play):
    guest.reboot()
    log = guest.ssh("journalctl -b -o short-monotonic --no-pager -u entropy-feeder -u sysinit.target")
    assert log.index(": Started ") < log.index("System Initialization"), log
    # Its initramfs has made this kernel ready before, so that nothing waits for the feeder's first credit.
    guest.ssh("for again in $(seq 60); do ! entropy-feeder --status | grep -q ^feeding: || exit 0; sleep 1; done")
    status = json.loads(guest.ssh("entropy-feeder --status --json"))
    assert (status["running"], status["state"]) == (True, "feeding") and status["credited_bits"] >= 256
    assert "uninitialized" not in guest.ssh("journalctl -b -k --no-pager | grep entropy-feeder || true")


@thorough
def test_a_configuration_that_is_wrong_is_refused_and_what_runs_runs_on(guest, play):
    # Also where a newer program was put in place before.
    guest.ssh(f"echo '# an older one' >>{PROGRAM}; systemctl restart entropy-feeder")
    seen = f"{KEPT}; systemctl show -P MainPID entropy-feeder"
    before = guest.ssh(seen)
    run = play("feeder", entropy_feeder_source="/dev/urandom")
    assert run.status != 0
    assert re.search("all of it is as it was[.] Have its configuration: failed to validate: [^\n]*found the kernel's own output", run.output)
    assert guest.ssh(seen) == before
    assert guest.ssh(STATES).split() == ["active", "enabled"]
    guest.ssh(f"sed -i '$d' {PROGRAM}; systemctl restart entropy-feeder")


@thorough
def test_an_interpreter_that_cannot_run_it_is_refused(guest, play):
    before = guest.ssh(KEPT)
    run = play("feeder", entropy_feeder_python="/bin/false")
    assert run.status != 0 and "entropy_feeder_python: found /bin/false, expected Python 3.6 or newer" in run.output
    assert guest.ssh(KEPT) == before


@thorough
def test_a_change_is_taken_up_without_a_restart(guest, play):
    pid = guest.ssh("systemctl show -P MainPID entropy-feeder")
    run = play("feeder", entropy_feeder_interval=30)
    assert run.status == 0, run.output
    assert guest.ssh("systemctl show -P MainPID entropy-feeder") == pid
    assert "the configuration was read again" in guest.ssh("journalctl -u entropy-feeder --no-pager")


@thorough
def test_what_a_run_wrote_that_ended_before_it_restarted_anything_is_taken_up_by_the_next(guest, play):
    # The service still runs what was there before.
    guest.ssh(f"for file in {PROGRAM} {SETTINGS}; do cp -p $file $file.new; echo '# an older one' >>$file; done; systemctl restart entropy-feeder")
    guest.ssh(f"for file in {PROGRAM} {SETTINGS}; do mv $file.new $file; done")
    assert set(json.loads(guest.ssh("entropy-feeder --status --json"))["stale"]) == {"program", "configuration"}
    run = play("feeder")
    assert run.status == 0, run.output
    assert json.loads(guest.ssh("entropy-feeder --status --json"))["stale"] == []
    assert play("feeder").counts[guest.name]["changed"] == 0


@thorough
@pytest.mark.parametrize("states", [["active", "enabled"], ["inactive", "disabled"]])
def test_an_upgrade_that_does_not_come_up_is_taken_back(guest, play, states):
    if states[0] == "inactive":
        guest.ssh("systemctl disable --now entropy-feeder")
    guest.ssh(TRAP % WITH_METRICS)
    before = guest.ssh(KEPT)
    run = play("feeder", entropy_feeder_metrics="/var/lib/feeder.prom")
    guest.ssh(NO_TRAP)
    assert run.status != 0 and "all of it is as it was" in run.output
    assert guest.ssh(KEPT) == before
    assert guest.ssh(STATES).split() == states
    assert guest.ssh("ls /var/lib/feeder.prom 2>/dev/null || true") == ""


@thorough
def test_metrics_are_written_into_another_users_folder_and_gone_when_nobody_wants_them_any_more(guest, play):
    guest.ssh("install -d -o daemon -g daemon -m 755 /var/lib/metrics")
    run = play("feeder", entropy_feeder_metrics="/var/lib/metrics/feeder.prom")
    assert run.status == 0, run.output
    assert "entropy_feeder_source_state{state=\"feeding\"} 1" in guest.ssh("cat /var/lib/metrics/feeder.prom")
    assert hardening(guest) <= 2.0
    # The unit does not wait for the file system of the folder: what is mounted later is written to as well.
    guest.ssh("cd /var/lib; mount -t tmpfs -o uid=1,mode=755 metrics metrics; systemctl reload entropy-feeder; "
              "for _ in $(seq 30); do [ ! -e metrics/feeder.prom ] || break; sleep 1; done; ls metrics/feeder.prom; umount -l metrics")
    assert play("feeder").status == 0
    assert guest.ssh("ls -A /var/lib/metrics") == ""


def test_absent_leaves_nothing_behind(guest, play):
    run = play("feeder", entropy_feeder_state="absent")
    assert run.status == 0, run.output
    assert left(guest) == []
    assert "not-found" in guest.ssh("systemctl show -P LoadState entropy-feeder")


@thorough
def test_absent_again_changes_nothing_and_a_service_that_is_masked_is_left_so(guest, play):
    assert play("feeder", entropy_feeder_state="absent").counts[guest.name]["changed"] == 0
    guest.ssh("systemctl mask entropy-feeder")
    run = play("feeder")
    assert run.status != 0 and "systemctl unmask entropy-feeder" in run.output
    assert left(guest) == [UNIT]
    guest.ssh("systemctl unmask entropy-feeder")


@thorough
def test_a_first_installation_that_does_not_come_up_leaves_nothing_behind(guest, play):
    # But what was there before it.
    guest.ssh(f"{TRAP % '/bin/false'}; echo '[feeder]' >{SETTINGS}")
    run = play("feeder")
    guest.ssh(NO_TRAP)
    assert run.status != 0 and "all of it is as it was" in run.output
    assert (left(guest), guest.ssh(f"cat {SETTINGS}; rm {SETTINGS}")) == ([SETTINGS], "[feeder]\n")
    assert guest.ssh(STATES).split()[0] == "inactive" and "not-found" in guest.ssh("systemctl show -P LoadState entropy-feeder")


@thorough
def test_rngd_that_was_told_to_read_the_kernels_own_output_is_repaired(guest, play):
    guest.ssh(MISTAKE)
    run = play("guest", entropy_guest_feeder="rngd")
    assert run.status == 0, run.output
    assert "fake-source" not in run.output
    arguments = guest.ssh("tr '\\0' ' ' </proc/$(pidof rngd)/cmdline").split()
    assert arguments[arguments.index("-r") + 1] == "/dev/hwrng" and "/dev/urandom" not in arguments
    assert run.facts(guest.name)["entropy"]["feeder"]["reads"] == ["hwrng"]
    again = play("guest", entropy_guest_feeder="rngd")
    assert again.counts[guest.name]["changed"] == 0, again.output
    exposure = guest.ssh("systemd-analyze security rngd --no-pager | tail -1").rpartition(": ")[2].split()[0]
    print(f"{guest.name}: systemd-analyze security rngd {exposure}")
    assert float(exposure) > 2.0


@thorough
def test_an_rngd_that_would_read_the_kernels_own_output_is_refused(guest, play):
    fed = {"package": "rng-tools5", "unit": "rngd", "generation": 5, "program": "/usr/sbin/rngd", "options": "-f -r /dev/urandom"}
    before = guest.ssh("systemctl show -P MainPID rngd")
    run = play("guest", entropy_guest_feeder="rngd", entropy_guest_rngd=fed)
    assert run.status != 0 and "found /dev/urandom as a source, which is the kernel's own output" in run.output
    assert guest.ssh("systemctl show -P MainPID rngd") == before


@thorough
def test_rngd_is_started_only_where_there_is_a_source(guest, play, suite):
    if suite == "bullseye":
        pytest.skip("Linux 5.10 always has a source where it has a device")
    guest.ssh("echo none >/sys/class/misc/hw_random/rng_current")
    run = play("guest", entropy_guest_feeder="rngd", entropy_guest_source="tpm-rng")
    states = guest.ssh("systemctl is-active rngd; systemctl is-enabled rngd; systemctl start rngd; sleep 1; systemctl is-active rngd; true").split()
    guest.ssh("echo virtio_rng.0 >/sys/class/misc/hw_random/rng_current")
    assert run.status == 0, run.output
    assert "so rngd is enabled and not started" in run.output
    # Nor by whoever else starts it.
    assert states == ["inactive", "enabled", "inactive"]


@thorough
def test_debians_rngd_2_is_told_its_source_in_its_configuration(guest, play, suite):
    if suite == "forky":
        pytest.skip("Debian 14 has no rng-tools-debian")
    guest.ssh("apt-get -q update; apt-get -q -y install rng-tools-debian; echo HRNGDEVICE=/dev/urandom >>/etc/default/rng-tools-debian; "
              "systemctl restart rng-tools-debian")
    run = play("guest", entropy_guest_feeder="always")
    assert run.status == 0, run.output
    assert "feeder rngd: a policy asks for rngd" in run.output
    assert guest.ssh("grep ^HRNGDEVICE /etc/default/rng-tools-debian").split() == ['HRNGDEVICE="/dev/hwrng"']
    assert guest.ssh("tr '\\0' ' ' </proc/$(pidof rngd)/cmdline").count("/dev/urandom") == 0


@thorough
def test_what_adds_nothing_is_told_and_removed_on_demand(guest, play, suite):
    # What virtio-rng declares itself, or less; more takes force.
    assert suite == "bullseye" or play("guest", entropy_guest_quality=1000).status == 0
    guest.ssh("apt-get -q update; apt-get -q -y install haveged")
    told = play("guest")
    assert "feeder none: the kernel feeds itself" in told.output and "feeder-useless" in told.output
    removed = play("guest", entropy_guest_remove_useless=True)
    assert removed.status == 0, removed.output
    assert "(item=haveged)" in removed.output.partition("Stop the services of haveged")[2].partition("Remove the package of")[0]
    assert "to be removed: " in removed.output and "feeder-useless" not in removed.output.rpartition("Tell the guest's own verdict")[2]
    assert guest.ssh("pidof rngd haveged || true").strip() == ""
    states = guest.ssh("dpkg-query -W -f '${db:Status-Status} ' haveged rng-tools5 rng-tools rng-tools-debian 2>/dev/null || true")
    assert "installed" not in states.split()


@thorough
def test_in_fips_mode_rngd_is_not_applicable(guest, play):
    if not guest.ssh("ls /proc/sys/crypto/fips_enabled 2>/dev/null; true"):
        pytest.skip("Debian 14 builds its kernel without FIPS mode")
    # As a kernel that was booted with fips=1 tells it.
    guest.ssh("echo 1 >/run/fips; mount --bind /run/fips /proc/sys/crypto/fips_enabled")
    run = play("guest", entropy_guest_feeder="always")
    assert run.status == 0, run.output
    assert "feeder none: not applicable: in FIPS mode" in run.output
    assert guest.ssh("pidof rngd || true").strip() == ""
