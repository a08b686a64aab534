# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""entropy_facts on the real kernels 5.10, 6.1, 6.12 and 7.2: each expectation is a measured one, none is computed.

A device that is there and has no driver yet, the same device in use, a guest without one, guests that starve, as root and as
an ordinary user.
"""

import copy
import functools

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from entropy_quick import MICROVM, UUID, observations
from faults import other_source, quick_guests
from lab import quick

SUITES = ("bullseye", "bookworm", "trixie", "forky")
RELEASES = {"bullseye": "5.10.", "bookworm": "6.1.", "trixie": "6.12.", "forky": "7.2."}
# virtio-rng declares 1000 until 6.2; 5.10 has no rng_quality and tells by a module parameter.
QUALITIES = {"bullseye": 1000, "bookworm": 1000, "trixie": 1024, "forky": 1024}
DRIVER = "load virtio_pci virtio_rng"


def codes(facts):
    """Return the codes of the problems without what merely informs."""
    return [problem["code"] for problem in facts["problems"] if problem["code"] != "no-vmgenid"]


def unseen(facts):
    return {each["needs"]: each["what"] for each in facts["unseen"]}


@functools.cache
def seen_with_device(suite):
    """Return what is observed (dict) in one boot with the device: before the driver, after it, and after it as an ordinary user."""
    return observations(suite, ["observe undriven", DRIVER, "observe fed", "user", "observe user-fed"], device=quick.virtio_rng())


@functools.cache
def seen_dry(suite):
    """Return what is observed (dict) in one boot whose host delivers nothing: soon, and after the time that a first delivery may take."""
    with quick.fifo() as (path, _give):
        return observations(suite, [DRIVER, "wait 1", "observe soon", "wait 11", "observe late"], device=quick.virtio_rng("random", path))


@pytest.fixture(scope="module", params=SUITES)
def with_device(request):
    """The facts of one boot with the device: before the driver, after it, and after it as an ordinary user."""
    return request.param, {name: facts_of(each) for name, each in seen_with_device(request.param).items()}


@pytest.fixture(scope="module", params=SUITES)
def without_device(request):
    """The facts of one boot without the device, as root and as an ordinary user, with the driver loaded in vain."""
    seen = observations(request.param, ["observe bare", DRIVER, "observe driver", "user", "observe user"])
    return request.param, {name: facts_of(each) for name, each in seen.items()}


def test_a_guest_that_is_fed_says_so(with_device):
    suite, facts = with_device
    fed = facts["fed"]
    assert fed["kernel"]["release"].startswith(RELEASES[suite])
    assert (fed["kernel"]["pool_bits"], fed["kernel"]["available_bits"], fed["kernel"]["generation"]) == (256, 256, "rewritten")
    assert fed["crng"]["ready"] is True
    assert fed["crng"]["seeded_by"] == "hwrng"
    assert fed["crng"]["uninitialized_reads"] == 0
    assert abs(fed["crng"]["ready_at"] - fed["hwrng"]["driver_at"]) < 0.5
    hwrng = fed["hwrng"]
    assert (hwrng["available"], hwrng["current"], hwrng["quality"]) == (["virtio_rng.0"], "virtio_rng.0", QUALITIES[suite])
    assert (hwrng["device"], hwrng["driver_bound"], hwrng["filling"], hwrng["other_sources"]) == (True, ["virtio0"], True, [])
    assert hwrng["delivered"] > 0
    assert codes(fed) == []
    assert fed["links"] == {"host": "n/a", "config": "n/a", "live": "ok", "current": "ok", "fed": "ok", "ready": "ok", "in_time": "unknown"}
    assert fed["verdict"] == "ok"


def test_a_device_without_its_driver_is_seen(with_device):
    _suite, facts = with_device
    undriven = facts["undriven"]
    assert (undriven["hwrng"]["device"], undriven["hwrng"]["driver_loaded"], undriven["hwrng"]["driver_bound"]) == (True, False, [])
    assert (undriven["hwrng"]["current"], undriven["hwrng"]["filling"], undriven["hwrng"]["quality"]) == ("none", False, None)
    assert (undriven["crng"]["ready"], undriven["crng"]["in_time"], undriven["crng"]["seeded_by"]) == (False, False, "unknown")
    assert undriven["kernel"]["available_bits"] < 128
    assert codes(undriven) == ["driver-missing", "not-ready"]
    assert undriven["verdict"] == "broken"


def test_the_boot_id_is_left_alone_until_its_number_is_good(with_device):
    _suite, facts = with_device
    assert facts["undriven"]["boot_id"] is None
    assert len(facts["fed"]["boot_id"]) == 36
    assert facts["user-fed"]["boot_id"] == facts["fed"]["boot_id"]


def test_an_ordinary_user_sees_all_but_the_log_and_the_uuid(with_device):
    _suite, facts = with_device
    root, user = facts["fed"], facts["user-fed"]
    for same in ("kernel", "cpu", "vmgenid", "fips", "kvm_guest", "feeder", "links"):
        assert user[same] == root[same]
    # The same guest, and a log that root alone may read: what it tells decides.
    assert (root["verdict"], user["verdict"], codes(user)) == ("ok", "unknown", ["needs-root"])
    assert {key: user["hwrng"][key] for key in ("current", "quality", "filling", "device", "driver_at")} == {
        key: root["hwrng"][key] for key in ("current", "quality", "filling", "device", "driver_at")}
    assert (user["crng"]["ready"], user["crng"]["ready_at"], user["crng"]["seeded_by"], user["crng"]["in_time"]) == (True, None, "unknown", "unknown")
    assert user["crng"]["uninitialized_reads"] is None
    assert (root["domain_uuid"], root["domain_uuid_from"]) == (UUID, "dmi")
    assert (user["domain_uuid"], user["domain_uuid_from"]) == (None, None)
    assert unseen(user)["root"] == "domain_uuid"
    assert "crng.in_time" in unseen(user)["root, or sysctl kernel.dmesg_restrict=0"]


def test_a_guest_without_the_device_is_broken_at_its_start(without_device):
    suite, facts = without_device
    for name in ("bare", "driver", "user"):
        bare = facts[name]
        assert bare["kernel"]["release"].startswith(RELEASES[suite])
        hwrng = bare["hwrng"]
        assert (hwrng["available"], hwrng["current"], hwrng["quality"], hwrng["device"], hwrng["filling"]) == ([], "none", None, False, False)
        assert (bare["crng"]["ready"], bare["kvm_guest"]) == (False, True)
        assert codes(bare) == ["no-device", "not-ready"]
        assert bare["links"] == {"host": "n/a", "config": "n/a", "live": "broken", "current": "broken", "fed": "broken", "ready": "broken",
                                 "in_time": "broken"}
        assert bare["verdict"] == "broken"
    assert facts["bare"]["hwrng"]["driver_loaded"] is False
    assert facts["driver"]["hwrng"]["driver_loaded"] is True


def test_quality_zero_starves_a_guest_that_has_everything_else():
    # Below 6.2 no switch acts before the first read credits, so this is seen on 7.2.
    seen = observations("forky", [DRIVER, "wait 2", "observe it"], device=quick.virtio_rng(), append="rng_core.default_quality=0")
    facts = facts_of(seen["it"])
    assert (facts["hwrng"]["current"], facts["hwrng"]["quality"], facts["hwrng"]["filling"]) == ("virtio_rng.0", 0, False)
    assert facts["hwrng"]["delivered"] > 0
    assert facts["crng"]["ready"] is False
    assert codes(facts) == ["quality-zero", "not-ready"]


def test_a_host_that_delivers_nothing_is_told_once_patience_ends():
    seen = seen_dry("bookworm")
    soon, late = facts_of(seen["soon"]), facts_of(seen["late"])
    assert (soon["hwrng"]["filling"], soon["hwrng"]["delivered"], codes(soon)) == ("unknown", 0, ["not-ready"])
    assert (late["hwrng"]["filling"], late["hwrng"]["delivered"], codes(late)) == (False, 0, ["not-filling", "not-ready"])


def test_a_trickle_is_watched_by_any_user_while_the_kernels_thread_waits_for_a_full_buffer():
    with quick_guests.trickle(2) as device:
        seen = observations("bookworm", [DRIVER, "wait 5", "user", "observe it"], device=device, cpu=quick_guests.RDRAND)
    watch, facts = seen["it"]["processes"]["fill_watch"], facts_of(seen["it"])
    assert watch["state"] == "D" and 3 <= len(watch["woke"]) <= 7, watch
    assert (facts["crng"]["ready"], facts["hwrng"]["filling"], facts["verdict"]) == (True, "unknown", "unknown")
    assert facts["hwrng"]["delivered"] > 0 and "come in pieces" in facts["hwrng"]["filling_evidence"]


def test_early_reads_of_user_space_are_counted_and_break_the_boot():
    seen = observations("bullseye", ["read", "read", DRIVER, "observe fed"], device=quick.virtio_rng())
    facts = facts_of(seen["fed"])
    assert (facts["crng"]["ready"], facts["crng"]["uninitialized_reads"], facts["crng"]["in_time"]) == (True, 2, False)
    assert codes(facts) == ["early-reads"]
    assert facts["verdict"] == "broken"


def test_a_cpu_with_rdrand_seeds_before_any_driver():
    seen = observations("trixie", ["observe it"], cpu=quick.CPU.replace("-rdrand", "+rdrand"))
    facts = facts_of(seen["it"])
    assert facts["cpu"]["rdrand"] is True
    assert (facts["crng"]["ready"], facts["crng"]["seeded_by"], facts["crng"]["in_time"]) == (True, "cpu", True)
    assert codes(facts) == ["no-device"]
    assert facts["verdict"] == "degraded"


def test_a_machine_without_dmi_has_facts_and_says_that_its_uuid_is_not_to_be_had():
    seen = observations("bookworm", [DRIVER, "observe fed"], device=quick.virtio_rng(), **MICROVM)
    assert not [path for path in seen["fed"]["texts"] if "/dmi/" in path]
    facts = facts_of(seen["fed"])
    assert (facts["kvm_guest"], facts["hwrng"]["filling"], facts["verdict"]) == (True, True, "ok")
    assert (facts["domain_uuid"], facts["domain_uuid_from"]) == (None, None)
    assert unseen(facts)["entropy_domain_uuid in the inventory"] == "domain_uuid"


def test_where_the_log_is_open_an_ordinary_user_reads_it_too():
    seen = observations("trixie", [DRIVER, "observe root-fed", "user", "observe user-fed"], device=quick.virtio_rng(),
                        append="sysctl.kernel.dmesg_restrict=0")
    root, user = facts_of(seen["root-fed"]), facts_of(seen["user-fed"])
    assert user["crng"] == root["crng"]
    assert user["crng"]["seeded_by"] == "hwrng"


@pytest.mark.parametrize(("named", "qemu"), [
    ("Bochs", ("-smbios", "type=1,manufacturer=Bochs,product=Bochs")),
    ("VMware, Inc.", ("-smbios", "type=1,manufacturer=VMware,, Inc.,product=VMware7,,1")),
    ("Amazon EC2", ("-smbios", "type=1,manufacturer=Amazon EC2,product=m5.metal")),
])
def test_a_guest_is_judged_as_one_whatever_vendor_its_firmware_names(named, qemu):
    seen = observations("bookworm", ["observe bare", "user", "observe user"], qemu=qemu)
    for each in seen.values():
        assert each["texts"]["/sys/class/dmi/id/sys_vendor"] == named
        facts = facts_of(each)
        assert (facts["kvm_guest"], codes(facts)) == (True, ["no-device", "not-ready"])
    assert facts_of(seen["bare"])["domain_uuid"] == UUID
    # As a hypervisor would show that is none of QEMU's: what is left is unknown, and never right.
    left = seen["bare"]
    left.update(pci=[], getrandom="ready")
    left["folders"]["/sys/bus/acpi/devices"] = []
    if named not in ("Bochs", "QEMU"):
        assert (facts_of(left)["kvm_guest"], facts_of(left)["verdict"]) == ("unknown", "degraded")


@pytest.mark.parametrize("suite", SUITES)
def test_without_an_interrupt_of_its_own_the_fill_threads_rest_tells_whether_the_device_delivers(suite):
    # As on s390x, where adapter interrupts have no line of their own.
    seen = copy.deepcopy({**seen_with_device(suite), **seen_dry(suite)})
    del seen["undriven"]
    told = {}
    for name, each in seen.items():
        del each["texts"]["/proc/interrupts"]
        told[name] = facts_of(each)
    assert {name: facts["hwrng"]["delivered"] for name, facts in told.items()} == dict.fromkeys(told)
    assert {name: facts["hwrng"]["filling"] for name, facts in told.items()} == {"fed": True, "user-fed": True, "soon": "unknown", "late": False}
    assert (told["fed"]["verdict"], told["user-fed"]["verdict"], codes(told["late"])) == ("ok", "unknown", ["not-filling", "not-ready"])


@pytest.mark.parametrize(("fails", "filling", "link"), [(0, True, "ok"), (1, "unknown", "unknown")])
def test_another_of_the_kernels_drivers_is_seen_to_feed_a_guest_that_has_no_device(fails, filling, link):
    # It has the name of arm64's paravirtual source. After 26 s the kernel rests for longer than after a read that failed.
    module = "insmod /lab/other_source.ko name=smccc_trng quality=1024 fails=%d" % fails
    seen = observations("trixie", ["load virtio_rng", module, "wait 40", "observe it", "user", "observe user"], timeout=120,
                        files={"/lab/other_source.ko": other_source.module("trixie")})
    for who, each in seen.items():
        facts = facts_of(each)
        assert (facts["hwrng"]["current"], facts["hwrng"]["quality"], facts["hwrng"]["filling"]) == ("smccc_trng", 1024, filling)
        assert (facts["links"]["live"], facts["links"]["current"], facts["links"]["fed"]) == ("n/a" if fails == 0 else "unknown", link, link)
        rights = [] if who == "it" or not facts["crng"]["ready"] else ["needs-root"]
        assert codes(facts) == [*rights, "other-source"] + ([] if facts["crng"]["ready"] else ["not-ready"])
    if not fails:
        assert facts_of(seen["it"])["verdict"] == "ok"


def test_a_record_that_a_program_wrote_is_not_the_kernels_word():
    seen = observations("bookworm", ["write /dev/kmsg <5>random: crng init done", "write /dev/kmsg random: x: uninitialized urandom read (16 bytes read)",
                                     "write /dev/kmsg <30>systemd[1]: systemd 252 running in system mode", "observe bare"])
    facts = facts_of(seen["bare"])
    assert (facts["crng"]["ready"], facts["crng"]["ready_at"], facts["crng"]["uninitialized_reads"]) == (False, None, 0)
    assert facts["crng"]["init_started_at"] is not None
