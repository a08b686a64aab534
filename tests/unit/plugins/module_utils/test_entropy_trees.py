# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole trees of machines that are not at hand: their kernels' files, and the log as their distribution saved it."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import gather
from entropy_machines import codes

UUID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
HW_RANDOM = "/sys/class/misc/hw_random/"
GUEST = {
    "/proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor\n",
    "/proc/cmdline": "root=/dev/vda1 ro", "/proc/uptime": "500.00 900.00", "/proc/sys/kernel/osrelease": "5.15.0-91-generic",
    "/proc/sys/kernel/random/poolsize": "256", "/proc/sys/kernel/random/entropy_avail": "256",
    "/sys/class/dmi/id/sys_vendor": "QEMU", "/sys/class/dmi/id/product_name": "Standard PC (Q35 + ICH9, 2009)", "/sys/class/dmi/id/product_uuid": UUID,
    HW_RANDOM + "rng_current": "virtio_rng.0", HW_RANDOM + "rng_available": "virtio_rng.0",
    "/sys/bus/virtio/devices/virtio0/device": "0x0004",
}
START = ("[    0.000000] Linux version 5.15.0\n[    0.000000] Hypervisor detected: KVM\n"
         "[    0.010000] Kernel command line: ro\n[    0.400000] devtmpfs: initialized\n")
READY = "[    0.500000] random: crng init done\n"
NO_DEVICE = {"/sys/bus/virtio/devices/virtio0/device": "0x0002"}
METAL = {"/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu vmx rdrand\n", "/sys/bus/virtio/devices/virtio0/device": None,
         HW_RANDOM + "rng_current": "none", HW_RANDOM + "rng_available": "", "/var/log/dmesg": START.replace("Hypervisor detected: KVM", "x") + READY}


@pytest.fixture
def told(tmp_path):
    """Return a function that gives the facts of a guest's tree, changed."""
    def facts(changes):
        for path, text in {**GUEST, **changes}.items():
            if text is not None:
                file = tmp_path / path.lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
        return gather(str(tmp_path))
    return facts


def dmi(vendor, product):
    return {"/sys/class/dmi/id/sys_vendor": vendor, "/sys/class/dmi/id/product_name": product}


@pytest.mark.parametrize("changes", [
    dmi("Amazon EC2", "m5.metal"), dmi("Google", "Google Compute Engine"), dmi("Nutanix", "NX-3060-G5"), dmi("Alibaba Cloud", "Alibaba Cloud ECS"),
    {**dmi("Amazon EC2", "m6g.metal"), "/proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n"},
])
def test_bare_metal_of_a_cloud_needs_no_device(told, changes):
    facts = told({**METAL, **changes})
    assert (facts["kvm_guest"], codes(facts), facts["verdict"], facts["links"]["live"]) == (False, [], "ok", "n/a")


def test_a_guest_of_an_old_machine_type_is_one_and_has_its_uuid(told):
    facts = told({**dmi("Bochs", "Bochs"), "/var/log/dmesg": START + "[    1.000000] random: crng init done\n"})
    assert (facts["kvm_guest"], facts["domain_uuid"], facts["links"]["live"]) == (True, UUID, "ok")


def test_ubuntus_saved_log_tells_what_dmesg_does(told):
    rest = ("[    1.200000] random: systemd: uninitialized urandom read (16 bytes read)\n" * 2
            + "[    1.350000] systemd[1]: systemd 249 running\n[    3.100000] random: crng init done\n")
    plain = told({"/var/log/dmesg": START + rest})
    ubuntu = told({"/var/log/dmesg": (START + rest).replace("] ", "] kernel: ").replace("kernel: systemd[1]", "systemd[1]")})
    assert (plain["verdict"], plain["crng"]["uninitialized_reads"], plain["crng"]["ready_at"]) == ("broken", 2, 3.1)
    assert (ubuntu["crng"], ubuntu["problems"], ubuntu["verdict"]) == (plain["crng"], plain["problems"], plain["verdict"])


@pytest.mark.parametrize("path", ["/sos_commands/kernel/dmesg", "/var/log/dmesg", "/var/log/kern.log", "/var/log/messages"])
def test_the_first_file_with_a_log_is_read(told, path):
    assert told({"/var/log/dmesg": "\n", path: START + "[    3.100000] random: crng init done\n"})["crng"]["ready_at"] == 3.1


def test_a_log_that_goes_back_to_the_boot_is_preferred_to_one_that_does_not(told):
    facts = told({"/sos_commands/kernel/dmesg": "[ 9000.000000] usb 1-1: new device\n",
                  "/sos_commands/logs/journalctl_--no-pager_--boot": "Nov 27 10:00:03 web-1 kernel: Linux version 5.15.0\n"
                                                                     "Nov 27 10:00:03 web-1 kernel: random: x: uninitialized urandom read (4 bytes read)\n"})
    assert (facts["crng"]["uninitialized_reads"], facts["verdict"]) == (1, "broken")


def test_the_source_of_kernels_before_3_17_is_the_device(told):
    facts = told({HW_RANDOM + "rng_current": "virtio", HW_RANDOM + "rng_available": "virtio", "/proc/sys/kernel/random/poolsize": "4096",
                  "/var/log/dmesg": START + "[    1.500000] random: init urandom read with 3 bits of entropy available\n"
                                            "[    9.200000] random: nonblocking pool is initialized\n"})
    assert (facts["links"]["current"], codes(facts), facts["crng"]["ready_at"], facts["hwrng"]["other_sources"]) == ("ok", ["early-reads"], 9.2, [])


@pytest.mark.parametrize("changes", [
    {HW_RANDOM + "rng_current": "smccc_trng", HW_RANDOM + "rng_available": "smccc_trng"},
    {HW_RANDOM + "rng_current": "trng", HW_RANDOM + "rng_available": "trng", "/proc/sysinfo": "VM00 Control Program: KVM/Linux\nVM00 UUID: %s\n" % UUID}])
def test_a_source_of_the_platforms_own_is_named_and_no_lack_of_a_device(told, changes):
    facts = told({**NO_DEVICE, HW_RANDOM + "rng_quality": "1024", "/var/log/dmesg": START + "[    0.500000] random: crng init done\n", **changes})
    assert (codes(facts), facts["links"]["live"], facts["verdict"]) == (["other-source"], "unknown", "unknown")
    assert changes[HW_RANDOM + "rng_current"] in facts["problems"][0]["evidence"]
    assert "nothing comes from its host" not in str(facts)


def test_such_a_source_with_quality_0_or_of_an_unknown_name_is_no_substitute(told):
    sourceless = {**NO_DEVICE, HW_RANDOM + "rng_current": "smccc_trng", HW_RANDOM + "rng_quality": "0"}
    assert codes(told(sourceless)) == ["no-device"]
    assert codes(told({**sourceless, HW_RANDOM + "rng_quality": "1024", HW_RANDOM + "rng_current": "my-source"})) == ["no-device"]


@pytest.mark.parametrize("text", ["", "x", "9" * 400, "-1", "1e9", "\u0663", "256 256", "\x00"])
@pytest.mark.parametrize("path", ["/proc/uptime", "/proc/sys/kernel/random/poolsize", "/proc/sys/kernel/random/entropy_avail", HW_RANDOM + "rng_quality",
                                  "/sys/bus/virtio/devices/virtio0/device"])
def test_a_number_that_is_none_is_no_error(told, path, text):
    assert told({path: text})["verdict"] in ("unknown", "degraded")
