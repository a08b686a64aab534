# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the recorded machines' observations come to, and what small differences in them change."""

import json

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from entropy_machines import MACHINES, codes, logged, machine
from faults.cases import record_of

HW_RANDOM = "/sys/class/misc/hw_random/"
SUITES = ("bullseye", "bookworm", "trixie", "forky")


@pytest.mark.parametrize("path", sorted(MACHINES.glob("*.json")), ids=lambda path: path.stem)
def test_every_recorded_machine_says_where_it_is_from(path):
    recorded = json.loads(path.read_text(encoding="utf-8"))
    assert recorded["seen"]["texts"]["/proc/sys/kernel/osrelease"] in recorded["from"]


@pytest.mark.parametrize(("kind", "problems", "verdict"), [
    ("fed", [], "ok"),
    # The kernel's log, and so whether user space read before the CRNG was ready, is root's.
    ("fed-user", ["needs-root"], "unknown"),
    ("undriven", ["driver-missing", "not-ready"], "broken"),
    ("bare", ["no-device", "not-ready"], "broken"),
])
@pytest.mark.parametrize("suite", SUITES)
def test_each_kernel_is_judged_alike(suite, kind, problems, verdict):
    facts = facts_of(machine("%s-%s" % (suite, kind)))
    assert (codes(facts), facts["verdict"]) == (problems, verdict)


def test_facts_can_be_kept_as_json():
    facts = facts_of(machine("forky-fed"))
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize("suite", SUITES)
def test_the_quality_is_seen_on_every_kernel(suite):
    assert facts_of(machine(suite + "-fed"))["hwrng"]["quality"] == {"bullseye": 1000, "bookworm": 1000}.get(suite, 1024)


class TestInTime:
    """Whether the CRNG was ready before user space's first read."""

    # As in a full Debian 11 guest with the driver in its initramfs (ready at 5.8 s, systemd starts at 7.8 s) or without.
    SYSTEMD = "systemd[1]: systemd 247.3-7 running in system mode."

    def test_ready_before_systemd_started(self):
        facts = facts_of(machine("bullseye-fed", log=[(77.8, self.SYSTEMD)]))
        assert (facts["crng"]["in_time"], facts["crng"]["init_started_at"], facts["hwrng"]["early"]) == (True, 77.8, True)
        assert (facts["links"]["in_time"], facts["verdict"]) == ("ok", "ok")

    def test_ready_after_systemd_started_blames_the_driver_where_the_device_was_there_in_time(self):
        between = logged("bullseye-fed", "Run /init") + 0.001
        facts = facts_of(machine("bullseye-fed", log=[(between, self.SYSTEMD)]))
        assert (facts["crng"]["in_time"], facts["hwrng"]["early"]) == (False, False)
        assert codes(facts) == ["seeded-late", "driver-late"]
        assert facts["verdict"] == "degraded"

    def test_a_device_that_was_plugged_later_does_not_make_its_driver_late(self):
        facts = facts_of(machine("bullseye-fed", log=[(logged("bullseye-fed", "pci ") - 0.001, self.SYSTEMD)]))
        assert codes(facts) == ["seeded-late"]

    def test_reads_that_were_kept_back_by_the_rate_limit_count(self):
        facts = facts_of(machine("bullseye-early-reads", log=[(1.0, "random: 7 urandom warning(s) missed due to ratelimiting")]))
        assert facts["crng"]["uninitialized_reads"] == 2 + 7
        assert (codes(facts), facts["verdict"]) == (["early-reads"], "broken")

    def test_ready_before_the_first_process_needs_no_known_consumer(self):
        seen = machine("trixie-bare", getrandom="ready", log=[(logged("trixie-bare", "Run /init") - 0.001, "random: crng init done")])
        assert facts_of(seen)["crng"]["in_time"] is True

    @pytest.mark.parametrize(("program", "command_line", "in_time"), [
        ("/sbin/init", "console=ttyS0", False),
        ("/usr/lib/my-init", "console=ttyS0 init=/usr/lib/my-init", False),
        ("/init", "console=ttyS0", "unknown"),
    ])
    def test_the_kernels_own_init_is_a_consumer_and_an_initramfs_is_not_known_to_be_one(self, program, command_line, in_time):
        seen = machine("bookworm-fed", texts={"/proc/cmdline": command_line})
        for line in seen["log"]["lines"]:
            line[1] = line[1].replace("Run /init as", "Run %s as" % program)
        assert facts_of(seen)["crng"]["in_time"] == in_time

    def test_a_log_that_lost_its_start_proves_no_absence_of_reads_and_degrades_nothing(self):
        seen = machine("trixie-fed")
        seen["log"].update(complete=False, lines=[[9000.0, "usb 1-1: new device"]])
        facts = facts_of(seen)
        assert (facts["crng"]["uninitialized_reads"], facts["crng"]["in_time"], facts["verdict"]) == (None, "unknown", "ok")
        assert "does not go back to the boot" in [each["why"] for each in facts["unseen"] if "in_time" in each["what"]][0]


class TestSeededBy:
    """Who made the CRNG ready; unknown rather than a guess."""

    def test_the_source_that_began_to_feed_at_that_moment(self):
        assert facts_of(machine("forky-fed"))["crng"]["seeded_by"] == "hwrng"

    def test_not_a_source_that_came_later(self):
        seen = machine("forky-fed")
        seen["processes"]["fill"] += 60
        assert facts_of(seen)["crng"]["seeded_by"] == "unknown"  # its driver may have been loaded again
        seen["log"]["lines"] = [line for line in seen["log"]["lines"] if "[1af4:1005]" not in line[1]]
        crng = facts_of(seen)["crng"]
        assert crng["seeded_by"] == "jitter"
        assert "virtio_rng.0 began to feed at 69." in crng["seeded_by_evidence"]

    @pytest.mark.parametrize("seen_feeders", [{"processes": {"kernel": False}}, {"wanted": {"rngd.service": None}},
                                              {"processes": {"feeders": [{"pid": 7, "name": "haveged", "arguments": []}]}}])
    def test_not_the_kernels_own_timing_where_a_feeder_may_have_been_it(self, seen_feeders):
        seen = record_of("jitter-6.12")["guests"]["guest"]["seen"]
        assert facts_of(seen)["crng"]["seeded_by"] == "jitter"
        seen["processes"].update(seen_feeders.get("processes", {}))
        seen["wanted"] = seen_feeders.get("wanted", {})
        assert facts_of(seen)["crng"]["seeded_by"] == "unknown"

    @pytest.mark.parametrize("change", [
        lambda seen: seen["log"].update(complete=False),
        lambda seen: seen.update(seeders=["/var/lib/seedrng"]),
        lambda seen: seen["log"]["lines"].append([5.0, "systemd[1]: Successfully credited entropy passed from boot loader."]),
    ])
    def test_not_the_kernels_own_timing_where_a_kept_seed_or_what_the_log_has_lost_may_have_been_it(self, change):
        seen = record_of("jitter-6.12")["guests"]["guest"]["seen"]
        change(seen)
        assert facts_of(seen)["crng"]["seeded_by"] == "unknown"

    def test_not_the_bootloader_where_the_log_has_lost_its_start(self):
        seen = machine("trixie-bare", getrandom="ready")
        seen["log"].update(complete=False, lines=[[2.0, "random: crng init done"], [3.0, "usb 1-1: new device"]])
        assert facts_of(seen)["crng"]["seeded_by"] == "unknown"

    def test_the_cpu_where_the_old_generator_says_so(self):
        seen = machine("bullseye-bare", getrandom="ready", log=[(0.03, "random: crng done (trusting CPU's manufacturer)")])
        assert facts_of(seen)["crng"]["seeded_by"] == "cpu"

    @pytest.mark.parametrize(("flags", "command_line", "who"), [
        ("flags\t: fpu rdrand hypervisor", "quiet", "cpu"),
        ("flags\t: fpu rdrand hypervisor", "random.trust_cpu=off", "unknown"),
        ("flags\t: fpu hypervisor", "quiet", "unknown"),
    ])
    def test_the_cpu_before_any_driver_only_if_it_can_and_may(self, flags, command_line, who):
        seen = machine("trixie-bare", getrandom="ready", log=[(0.06, "random: crng init done")],
                       texts={"/proc/cpuinfo": flags, "/proc/cmdline": command_line})
        assert facts_of(seen)["crng"]["seeded_by"] == who

    def test_the_bootloader_before_the_kernel_asks_its_cpu(self):
        seen = machine("trixie-bare", getrandom="ready", log=[(0.0, "random: crng init done")])
        assert facts_of(seen)["crng"]["seeded_by"] == "bootloader"


class TestFilling:
    """Whether the kernel is fed."""

    def test_counters_of_every_shape_are_the_devices_own(self):
        for line, delivered in ((" 34:  40  14 PCI-MSIX-0000:00:05.0   1-edge      virtio0-input", 54),
                                (" 21:   3   IO-APIC  21-fasteoi   virtio0", 3),
                                (" 25:   3   PCI-MSI 65537-edge      virtio0-virtqueues", 3),
                                (" 34:   4   PCI-MSIX   1-edge      virtio0-input.0", None),
                                (" 21:   3   IO-APIC  21-fasteoi   virtio0, i801_smbus", None),
                                (" 21:   3   IO-APIC  21-fasteoi   virtio10", None)):
            assert facts_of(machine("trixie-fed", texts={"/proc/interrupts": line}))["hwrng"]["delivered"] == delivered, line

    def test_a_counter_shared_with_another_device_proves_nothing(self):
        seen = machine("trixie-fed", texts={"/proc/interrupts": " 21:   3   IO-APIC  21-fasteoi   virtio0, i801_smbus"})
        assert facts_of(seen)["hwrng"]["filling"] == "unknown"

    @pytest.mark.parametrize(("served", "filling", "problems"), [(9.9, "unknown", []), (10.1, False, ["not-filling"])])
    def test_a_device_that_delivers_nothing_is_given_ten_seconds(self, served, filling, problems):
        seen = machine("trixie-fed", texts={"/proc/interrupts": " 21:   0   IO-APIC  21-fasteoi   virtio0"})
        seen["texts"]["/proc/uptime"] = "%.2f 0.00" % (seen["processes"]["fill"] + served)
        facts = facts_of(seen)
        assert (facts["hwrng"]["filling"], codes(facts)) == (filling, problems)

    @pytest.mark.parametrize(("state", "ago", "filling"), [("D", 71, False), ("D", 59, True), ("S", 90, True)])
    def test_a_thread_that_waits_in_its_driver_for_longer_than_a_buffer_a_minute_takes_gets_nothing_any_more(self, state, ago, filling):
        # As Linux 6.12 shows it, whose backend went silent a minute after the boot: D, and no run of the thread meanwhile.
        seen = machine("trixie-fed", texts={"/proc/uptime": "107.12 89.77"})
        seen["processes"].update(fill_state=state, fill_slept=ago)
        facts = facts_of(seen)
        assert facts["hwrng"]["filling"] is filling
        assert codes(facts) == ([] if filling else ["not-filling"])

    def test_without_the_kernels_thread_nothing_is_fed(self):
        seen = machine("trixie-fed")
        seen["processes"]["fill"] = None
        assert facts_of(seen)["hwrng"]["filling"] is False

    def test_hidden_kernel_threads_make_it_unknown_and_are_told(self):
        seen = machine("trixie-fed-user")
        seen["processes"].update(fill=None, kernel=False)
        facts = facts_of(seen)
        assert (facts["hwrng"]["filling"], facts["verdict"]) == ("unknown", "unknown")
        assert [each["needs"] for each in facts["unseen"] if "hidepid" in each["why"]] == ["root"]

    def test_a_look_inside_a_container_asks_for_one_outside(self):
        seen = dict(machine("trixie-fed"), container="docker")
        seen["processes"].update(fill=None, kernel=False)
        facts = facts_of(seen)
        assert (facts["hwrng"]["filling"], facts["verdict"]) == ("unknown", "unknown")
        assert {"what": "hwrng.filling, hwrng.driver_at, feeder", "why": "/proc shows the processes of a container (docker) alone",
                "needs": "root outside the container"} in facts["unseen"]
        assert codes(facts) == ["needs-root"]
        assert facts["problems"][0]["remedy"].startswith("Root inside it is not enough.")

    def test_a_look_as_root_is_not_told_to_become_root(self):
        seen = dict(machine("trixie-fed-user"), is_root=True)
        seen["processes"].update(fill=None, kernel=False)
        facts = facts_of(seen)
        needs = {each["needs"] for each in facts["unseen"] if each["needs"].startswith("root")}
        assert needs == {"root with all capabilities, or sysctl kernel.dmesg_restrict=0", "root with all capabilities"}
        assert codes(facts) == ["needs-root"] and facts["problems"][0]["remedy"].startswith("The look was made as root already")

    @pytest.mark.parametrize("error", ["ENOENT", "EPERM", "EACCES"])
    def test_a_container_without_the_kernels_log_does_not_say_that_the_kernel_has_none(self, error):
        facts = facts_of(dict(machine("trixie-fed"), container="docker", is_root=True, log={"source": "/dev/kmsg", "refused": error}))
        assert [each["needs"] for each in facts["unseen"] if each["why"] == "/dev/kmsg: " + error] == ["root outside the container"]

    @pytest.mark.parametrize(("state", "asleep", "filling", "verdict"), [
        ("S", 30, True, "ok"), ("S", 11, True, "ok"), ("S", 10.1, "unknown", "unknown"), ("S", None, "unknown", "unknown"), ("D", 5, "unknown", "unknown")])
    def test_another_of_the_kernels_drivers_feeds_it_where_its_thread_rests_longer_than_after_a_failure(self, state, asleep, filling, verdict):
        seen = machine("trixie-fed", texts={HW_RANDOM + "rng_current": "tpm-rng-0", HW_RANDOM + "rng_available": "virtio_rng.0 tpm-rng-0 none"})
        seen["processes"].update(fill_state=state, fill_slept=asleep)
        facts = facts_of(seen)
        assert (facts["hwrng"]["filling"], facts["hwrng"]["other_sources"], facts["hwrng"]["driver_at"]) == (filling, ["tpm-rng-0"], None)
        assert (codes(facts), facts["verdict"]) == (["other-source"], verdict)
        assert facts["links"]["current"] == facts["links"]["fed"] == ("ok" if filling is True else "unknown")
        assert "rng_current is tpm-rng-0" in facts["problems"][0]["evidence"]

    @pytest.mark.parametrize(("current", "quality"), [("other-source", "1024"), ("tpm-rng-0", "0"), ("none", "0")])
    def test_a_source_of_an_unknown_name_or_without_a_quality_is_a_fault(self, current, quality):
        seen = machine("trixie-fed", texts={HW_RANDOM + "rng_current": current, HW_RANDOM + "rng_quality": quality})
        seen["processes"].update(fill_state="S", fill_slept=30)
        facts = facts_of(seen)
        assert (codes(facts), facts["links"]["current"], facts["verdict"]) == (["not-current"], "broken", "degraded")

    def test_a_source_that_stopped_delivering_is_a_fault_whatever_its_name(self):
        seen = machine("trixie-fed", texts={HW_RANDOM + "rng_current": "tpm-rng-0"})
        seen["processes"].update(fill_state="D", fill_slept=30)
        facts = facts_of(seen)
        assert (codes(facts), facts["links"]["fed"], facts["verdict"]) == (["not-current"], "broken", "degraded")

    def test_a_guest_without_a_device_that_another_source_feeds_is_ok(self):
        seen = machine("trixie-bare", getrandom="ready", texts={
            HW_RANDOM + "rng_current": "smccc_trng", HW_RANDOM + "rng_available": "smccc_trng none", HW_RANDOM + "rng_quality": "1024"})
        seen["processes"].update(fill=1.0, fill_state="S", fill_slept=30)
        facts = facts_of(seen)
        assert (codes(facts), facts["links"]["live"], facts["links"]["fed"], facts["verdict"]) == (["other-source"], "n/a", "ok", "ok")

    @pytest.mark.parametrize(("state", "filling", "verdict"), [
        ("S", True, "ok"), ("D", "unknown", "unknown"), ("R", "unknown", "unknown"), (None, "unknown", "unknown")])
    def test_without_a_counter_of_its_own_the_pause_after_a_buffer_tells_that_the_device_delivers(self, state, filling, verdict):
        # As on s390x, where adapter interrupts have no line of their own.
        seen = machine("trixie-fed", without=["/proc/interrupts"])
        seen["processes"].update(fill_state=state, fill_slept=3)
        facts = facts_of(seen)
        assert (facts["hwrng"]["delivered"], facts["hwrng"]["filling"], facts["verdict"]) == (None, filling, verdict)

    def test_without_a_counter_of_its_own_a_long_wait_tells_that_it_does_not(self):
        seen = machine("trixie-fed", without=["/proc/interrupts"])
        seen["processes"].update(fill_state="D", fill_slept=12)
        facts = facts_of(seen)
        assert (facts["hwrng"]["filling"], codes(facts)) == (False, ["not-filling"])

    def test_quality_zero_is_one_problem_and_not_two(self):
        facts = facts_of(machine("forky-quality-zero"))
        assert (codes(facts), facts["hwrng"]["quality"]) == (["quality-zero", "not-ready"], 0)


class TestFakeDevices:
    """The nodes from which programs take random numbers."""

    @pytest.mark.parametrize(("nodes", "evidence"), [
        ({"/dev/urandom": ["constant", "character device 1:5"]}, "/dev/urandom is character device 1:5"),
        ({"/dev/random": ["file", "a regular file"], "/dev/urandom": ["urandom", "character device 1:9"]}, "/dev/random is a regular file"),
        ({"/dev/random": ["hwrng", "character device 10:183"], "/dev/urandom": ["file", "a FIFO"]},
         "/dev/random is character device 10:183; /dev/urandom is a FIFO"),
    ])
    def test_one_that_is_none_of_the_kernels_generator_breaks_the_machine(self, nodes, evidence):
        facts = facts_of(machine("trixie-fed", random_nodes=nodes))
        assert (codes(facts), facts["verdict"]) == (["fake-device"], "broken")
        assert facts["problems"][0]["evidence"] == evidence

    @pytest.mark.parametrize("nodes", [
        {}, {"/dev/random": ["random", "character device 1:8"], "/dev/urandom": ["urandom", "character device 1:9"]},
        {"/dev/random": ["urandom", "character device 1:9"]}, {"/dev/urandom": ["random", "character device 1:8"]}])
    def test_a_missing_one_and_one_that_is_linked_to_the_other_are_none(self, nodes):
        facts = facts_of(machine("trixie-fed", random_nodes=nodes))
        assert (facts["crng"]["fake_devices"], facts["verdict"]) == ([], "ok")


class TestNoSys:
    """Where there is no /sys, nothing is known of devices."""

    def test_a_device_that_cannot_be_seen_is_not_missing(self):
        seen = machine("trixie-fed", has_sys=False, folders={}, virtio=[], pci_rng=[], without=["/proc/interrupts"])
        seen["texts"] = {path: text for path, text in seen["texts"].items() if not path.startswith("/sys/")}
        facts = facts_of(seen)
        hwrng = facts["hwrng"]
        assert (hwrng["device"], hwrng["driver_loaded"], hwrng["current"], facts["vmgenid"]) == ("unknown", "unknown", None, "unknown")
        assert (codes(facts), facts["verdict"]) == ([], "unknown")

    def test_a_folder_that_may_not_be_read_is_not_an_empty_one(self):
        seen = machine("trixie-bare", getrandom="ready", refused={"/sys/bus/virtio/devices": "EACCES"})
        seen["folders"].pop("/sys/bus/virtio/devices", None)
        assert facts_of(seen)["hwrng"]["device"] == "unknown"


class TestDevice:
    """The device, whatever the driver."""

    def test_one_on_pci_that_the_virtio_bus_does_not_show(self):
        facts = facts_of(machine("bookworm-undriven"))
        assert (facts["hwrng"]["device"], facts["hwrng"]["device_at"]) == (True, "0000:00:01.0")

    def test_none_is_no_problem_of_a_machine_that_is_no_guest(self):
        seen = machine("trixie-bare", texts={"/sys/class/dmi/id/sys_vendor": "Example Inc.", "/sys/class/dmi/id/product_name": "Server",
                                             "/proc/cpuinfo": "flags\t: fpu"})
        seen["folders"]["/sys/bus/acpi/devices"] = []
        facts = facts_of(seen)
        assert (facts["kvm_guest"], codes(facts), facts["domain_uuid"]) == (False, ["not-ready"], None)
        assert facts["links"]["live"] == "n/a"

    def test_a_kernel_without_the_hwrng_core_has_no_current_source(self):
        assert facts_of(machine("bullseye-bare"))["hwrng"]["current"] == "none"


class TestFeeder:
    """Programs that feed the kernel."""

    @pytest.mark.parametrize("arguments", [["/usr/sbin/rngd", "-f", "-r", "/dev/urandom"], ["rngd", "-r/dev/urandom"], ["rngd", "--rng-device=/dev/urandom"],
                                           ["rngd", "--rng-device", "/dev/urandom"], ["rngd", "-fr/dev/urandom"], ["rngd", "-fr", "/dev/urandom"]])
    def test_rngd_on_the_kernels_own_output_is_fake(self, arguments):
        seen = machine("trixie-bare", getrandom="ready")
        seen["processes"]["feeders"] = [{"pid": 7, "name": "rngd", "arguments": arguments}]
        facts = facts_of(seen)
        assert facts["feeder"].items() >= {"which": "rngd", "running": True, "useful": False, "fake": "/dev/urandom", "wanted": [], "idle_reason": None}.items()
        assert ("fake-source" in codes(facts), facts["verdict"]) == (True, "broken")

    @pytest.mark.parametrize(("reads", "fake"), [(["urandom"], "/dev/urandom"), (["hwrng", "random"], "/dev/random"), (["hwrng"], None), (None, None)])
    def test_rngd_that_has_the_kernels_own_output_open_is_fake_whatever_its_arguments_say(self, reads, fake):
        seen = machine("trixie-bare", getrandom="ready")
        seen["processes"]["feeders"] = [{"pid": 7, "name": "rngd", "arguments": ["rngd", "-f"], "open": reads}]
        assert facts_of(seen)["feeder"]["fake"] == fake

    @pytest.mark.parametrize("arguments", [["rngd", "-f", "-o", "/dev/random", "-r", "/dev/hwrng"], ["rngd", "-fo/dev/random"]])
    def test_what_rngd_writes_to_is_not_its_source(self, arguments):
        seen = machine("trixie-bare", getrandom="ready")
        seen["processes"]["feeders"] = [{"pid": 7, "name": "rngd", "arguments": arguments, "own": ["/dev/random"]}]
        assert facts_of(seen)["feeder"]["fake"] is None

    def test_beside_a_kernel_that_is_fed_a_feeder_is_useless_and_the_verdict_stays(self):
        seen = machine("trixie-fed")
        seen["processes"]["feeders"] = [{"pid": 7, "name": "rngd", "arguments": ["/usr/sbin/rngd", "-f"]}]
        facts = facts_of(seen)
        assert (codes(facts), facts["verdict"]) == (["feeder-useless"], "ok")

    def test_where_nothing_else_feeds_the_kernel_it_is_not_called_useless(self):
        seen = machine("trixie-bare", getrandom="ready")
        seen["processes"]["feeders"] = [{"pid": 7, "name": "jitterentropy-r", "arguments": ["jitterentropy-rngd"]}]
        feeder = facts_of(seen)["feeder"]
        assert (feeder["which"], feeder["running"], feeder["useful"], feeder["fake"]) == ("jitterentropy-rngd", True, "unknown", None)

    @staticmethod
    def unfed(reads, status=None, name="entropy-feeder"):
        """Return the facts of a guest whose source has quality 0, and in which a feeder has devices of the kinds ``reads`` (list of str) open."""
        seen = machine("trixie-fed", getrandom="ready")
        seen["texts"]["/sys/class/misc/hw_random/rng_quality"] = "0"
        seen["processes"]["feeders"] = [{"pid": 7, "name": name, "arguments": [name], "open": reads}]
        if status:
            seen["texts"]["/run/entropy-feeder/status.json"] = json.dumps(status)
        return facts_of(seen)

    @pytest.mark.parametrize("name", ["entropy-feeder", "rngd"])
    def test_one_that_reads_the_source_of_a_kernel_that_credits_it_nothing_is_useful_and_feeds_it(self, name):
        facts = self.unfed(["hwrng"], name=name)
        assert (facts["feeder"]["needed"], facts["feeder"]["useful"], facts["links"]["fed"], codes(facts), facts["verdict"]) == (True, True, "ok", [], "ok")
        assert "quality 0" in facts["feeder"]["needed_evidence"]

    @pytest.mark.parametrize("reads", [[], ["urandom"], None])
    def test_one_that_was_not_seen_to_read_a_source_is_not_called_useful(self, reads):
        facts = self.unfed(reads)
        assert (facts["feeder"]["useful"], facts["links"]["fed"], codes(facts)) == ("unknown", "broken", ["quality-zero"])

    def test_one_that_says_that_it_feeds_is_useful_though_its_source_is_a_fifo(self):
        facts = self.unfed([], {"pid": 7, "state": "feeding", "why": "reads /run/source", "credited_bits": 256})
        assert (facts["feeder"]["useful"], facts["links"]["fed"], codes(facts)) == (True, "ok", [])

    def test_one_that_says_that_its_source_is_stuck_is_believed(self):
        facts = self.unfed(["hwrng"], {"pid": 7, "state": "failed", "why": "virtio_rng.0 failed: repetition count (cutoff 9)"})
        assert (facts["links"]["fed"], codes(facts), facts["verdict"]) == ("broken", ["quality-zero", "source-stuck"], "broken")
        assert "repetition count" in facts["problems"][1]["evidence"]

    @pytest.mark.parametrize("status", [
        {"state": "feeding", "recent_failures": 2}, {"state": "starting", "recent_failures": 2}, {"state": "silent", "recent_failures": 3},
        {"state": "absent", "recent_failures": 5, "latched": True}, {"state": "starting", "recent_failures": 1}, {"state": "failed", "recent_failures": 1}])
    def test_a_source_is_judged_by_its_failures_not_by_what_it_does_at_the_moment(self, status):
        facts = self.unfed(["hwrng"], dict(status, pid=7, why="virtio_rng.0", credited_bits=256))
        assert (facts["links"]["fed"], facts["verdict"]) == ("broken", "broken")
        assert "source-stuck" in codes(facts)

    @pytest.mark.parametrize("recent", [0, 1, None, "many", [3]])
    def test_one_failure_of_a_source_that_feeds_again_may_be_chance(self, recent):
        facts = self.unfed(["hwrng"], {"pid": 7, "state": "feeding", "why": "reads it", "credited_bits": 256, "recent_failures": recent,
                                       "source_failures": 9, "latched": False})
        assert (facts["links"]["fed"], codes(facts), facts["verdict"]) == ("ok", [], "ok")

    @pytest.mark.parametrize("status", [{"pid": 8, "state": "failed", "why": "an earlier one"}, ["no status"],
                                        {"pid": 7, "state": "feeding", "why": "fine", "credited_bits": 256},
                                        {"pid": 7, "state": "starting", "why": "reads it anew", "credited_bits": 256}])
    def test_what_another_process_said_or_what_is_no_failure_is_no_fault(self, status):
        assert self.unfed(["hwrng"], status)["verdict"] == "ok"

    @pytest.mark.parametrize(("status", "evidence"), [
        ({"state": "silent", "why": "virtio_rng.0 gives nothing", "credited_bits": 256}, "and credits nothing: silent: virtio_rng.0 gives nothing"),
        ({"state": "absent", "why": "/dev/hwrng: No such device", "credited_bits": 256}, "and credits nothing: absent: /dev/hwrng: No such device"),
        ({"state": "starting", "why": "reads virtio_rng.0", "credited_bits": 0}, "quality 0; entropy-feeder runs and credits nothing: starting: ")])
    def test_one_that_has_the_source_open_and_gets_nothing_from_it_feeds_nobody(self, status, evidence):
        facts = self.unfed(["hwrng"], dict(status, pid=7))
        assert (facts["feeder"]["useful"], facts["links"]["fed"], codes(facts)) == ("unknown", "broken", ["quality-zero"])
        assert evidence in facts["problems"][0]["evidence"]

    def test_one_that_gets_nothing_does_not_hide_another_that_feeds(self):
        seen = machine("trixie-fed", getrandom="ready")
        seen["texts"]["/sys/class/misc/hw_random/rng_quality"] = "0"
        seen["texts"]["/run/entropy-feeder/status.json"] = json.dumps({"pid": 7, "state": "absent", "why": "/run/source: No such file or directory"})
        seen["processes"]["feeders"] = [{"pid": 7, "name": "entropy-feeder", "arguments": [], "open": []},
                                        {"pid": 8, "name": "rngd", "arguments": ["rngd"], "open": ["hwrng"]}]
        assert facts_of(seen)["feeder"]["useful"] is True

    def test_every_one_is_named(self):
        seen = machine("trixie-fed", wanted={"haveged.service": None})
        seen["processes"]["feeders"] = [{"pid": 7, "name": "rngd", "arguments": ["rngd"]}]
        assert facts_of(seen)["feeder"]["all"] == ["rngd", "haveged"]

    @pytest.mark.parametrize(("name", "needed", "why"), [
        ("trixie-fed", False, "the kernel feeds itself"), ("trixie-bare", False, "no source"), ("trixie-fed-user", "unknown", "hidden")])
    def test_whether_one_is_needed_is_told_with_the_reason(self, name, needed, why):
        seen = machine(name)
        if name.endswith("user"):
            seen["processes"].update(fill=None, kernel=False)
        feeder = facts_of(seen)["feeder"]
        assert feeder["needed"] == needed and why in feeder["needed_evidence"]

    def test_one_is_needed_where_the_kernel_has_no_thread_that_reads_its_source(self):
        # As Linux before 3.17, which has none at all.
        seen = machine("trixie-fed", getrandom="ready")
        seen["processes"]["fill"] = None
        feeder = facts_of(seen)["feeder"]
        assert feeder["needed"] is True and "thread hwrng does not run" in feeder["needed_evidence"]

    def test_none_is_needed_where_the_source_delivers_nothing(self):
        seen = record_of("withheld")["guests"]["guest"]["seen"]
        feeder = facts_of(seen)["feeder"]
        assert feeder["needed"] is False and "would read the same source" in feeder["needed_evidence"]

    def test_one_that_is_enabled_and_does_not_run_is_dead_and_the_verdict_stays(self):
        seen = machine("trixie-fed", wanted={"rngd.service": None})
        facts = facts_of(seen)
        assert (codes(facts), facts["verdict"], facts["feeder"]["which"]) == (["feeder-dead"], "ok", "rngd")

    def test_whether_it_runs_is_not_known_where_processes_are_hidden(self):
        seen = machine("trixie-fed-user", wanted={"rngd.service": None})
        seen["processes"].update(fill=None, kernel=False)
        assert codes(facts_of(seen)) == ["needs-root"]

    def test_one_that_systemd_leaves_out_on_this_kernel_is_useless_and_not_dead(self):
        facts = facts_of(machine("trixie-fed", wanted={"haveged.service": "<5.6"}))
        assert codes(facts) == ["feeder-useless"]
        assert facts["problems"][0]["evidence"] == "haveged.service is for kernels <5.6, and does not run"

    def test_one_of_two_that_is_not_left_out_is_dead(self):
        facts = facts_of(machine("trixie-fed", wanted={"haveged.service": "<5.6", "rngd.service": None}))
        assert (codes(facts), facts["feeder"]["dead"]) == (["feeder-dead"], ["rngd"])

    def test_one_is_dead_though_another_runs_and_what_is_fake_is_called_by_its_name(self):
        seen = machine("trixie-bare", getrandom="ready", wanted={"entropy-feeder.service": None, "rng-tools.service": None})
        seen["processes"]["feeders"] = [{"pid": 5, "name": "haveged", "arguments": ["haveged"]},
                                        {"pid": 7, "name": "rngd", "arguments": ["rngd", "-r", "/dev/urandom"]}]
        told = {problem["code"]: problem["evidence"] for problem in facts_of(seen)["problems"]}
        assert told["fake-source"] == "rngd (pid 7) runs with /dev/urandom as its source"
        assert told["feeder-dead"].endswith("not running: entropy-feeder")
