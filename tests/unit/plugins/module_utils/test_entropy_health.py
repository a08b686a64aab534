# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test of the source comes to: a fault breaks the machine, a single failed block does not, and what decides nothing says so."""

import errno
import json
import os
import stat

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _kernel_health
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of, gather
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_health import check
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_health import Examination, claimed, examine
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain_host import host_links
from entropy_machines import codes, machine
from health_bytes import BLOCK, biased, sound


def failing(seed):
    """Return a block that fails FIPS 140-2 and no test of SP 800-90B: one bit of every second byte is never set."""
    return bytes(each if number % 2 else each & 0xfe for number, each in enumerate(sound(BLOCK, 1000 + seed)))


def looked(data, asked=None, quality=1024, name="forky-fed", **changes):
    """Return the facts of a machine whose source delivered ``data``."""
    tests = Examination(claimed(quality))
    tests.update(data)
    health = {"asked": len(data) if asked is None else asked, "source": "virtio_rng.0", "quality": quality, "hindrance": None, "read": len(data),
              "seconds": 0.4, "error": None, "tests": tests.outcome()}
    return facts_of(json.loads(json.dumps(machine(name, health=dict(health, **changes)))))


def hindered(hindrance, **changes):
    health = {"asked": 20000, "source": None, "quality": None, "hindrance": hindrance, "read": 0, "seconds": 0.0, "error": None, "tests": None}
    return facts_of(machine("forky-fed", health=dict(health, **changes)))


def test_nothing_is_told_where_nothing_was_asked():
    facts = facts_of(machine("forky-fed"))
    assert facts["health"] is None
    assert facts_of(machine("forky-fed", health=None)) == facts


def test_a_sound_source_passes_with_all_its_counts():
    facts = looked(sound(20000))
    assert (codes(facts), facts["links"]["fed"], facts["verdict"]) == ([], "ok", "ok")
    meaning = facts["health"].pop("meaning")
    assert facts["health"] == {
        "source": "virtio_rng.0", "bytes_asked": 20000, "bytes_read": 20000, "seconds": 0.4, "reason": None, "period": None, "passed": True,
        "fips": {"blocks": 8, "passed": 8, "cutoff": 3, "failures": {"monobit": 0, "poker": 0, "runs": 0, "long_run": 0, "continuous_run": 0}},
        "sp800_90b": {"min_entropy": 8.0, "alpha": 2.0 ** -40, "repetition_count": {"failures": 0, "cutoff": 6},
                      "adaptive_proportion": {"failures": 0, "cutoff": 19}},
    }
    assert "entropy is not proved" in meaning and "no validated source" in meaning and "nothing to cite for FIPS 140" in meaning
    assert meaning.count(".") == meaning.endswith(".") == 1


@pytest.mark.parametrize(("data", "evidence"), [
    (bytes(20000), "3333 times 6 equal bytes in a row; 40 times a value 19 times among 512; the same again after 1; 8 of 8 blocks fail FIPS 140-2 ("),
    (b"\xa5" * 20000, "the same again after 1"),
    ((sound(600) * 34)[:20000], "virtio_rng.0, 20000 bytes read; the same again after 600"),
    ((sound(9000) * 3)[:20000], "virtio_rng.0, 20000 bytes read; the same again after 9000"),
    (sound(19994) + b"xxxxxx", "virtio_rng.0, 20000 bytes read; 1 times 6 equal bytes in a row"),
    (biased(20000), "8 of 8 blocks fail FIPS 140-2 (monobit 8, "),
], ids=["zeros", "constant", "repeated-block", "long-period", "repetition", "bias"])
def test_each_fault_of_a_source_is_stuck_and_breaks(data, evidence):
    facts = looked(data)
    assert facts["health"]["passed"] is False
    assert facts["health"]["meaning"].startswith("No sound source delivers these bytes")
    assert codes(facts) == ["source-stuck"]
    assert evidence in facts["problems"][0]["evidence"]
    assert (facts["hwrng"]["filling"], facts["links"]["fed"], facts["verdict"]) == (True, "broken", "broken")


def test_a_host_whose_source_is_stuck_is_no_host_to_rely_on():
    facts = looked(bytes(20000))
    assert host_links({"entropy": facts}, {"state": "running", "config": [], "live": []})["host"] == "broken"


@pytest.mark.parametrize(("sequence", "passed", "reason"), [
    ("x", "unknown", "1 of 1 blocks fail FIPS 140-2, which is no proof: test again, with more bytes"),
    (".x", True, None),
    ("xx", False, None),
    ("x......x", "unknown", "2 of 8 blocks fail FIPS 140-2, which is no proof: test again, with more bytes"),
    ("x..x..x.", False, None),
    ("x" + "." * 79 + "x", True, None),
])
def test_failed_blocks_count_as_far_as_chance_does_not_explain_them(sequence, passed, reason):
    facts = looked(b"".join(failing(number) if mark == "x" else sound(BLOCK, number) for number, mark in enumerate(sequence)))
    assert facts["health"]["fips"]["blocks"] - facts["health"]["fips"]["passed"] == sequence.count("x")
    assert (facts["health"]["passed"], facts["health"]["reason"]) == (passed, reason)
    assert codes(facts) == (["source-stuck"] if passed is False else [])


@pytest.mark.parametrize("quality", [900, 0, None])
def test_a_source_that_claims_less_than_full_entropy_is_not_judged_by_fips(quality):
    facts = looked(biased(20000), quality=quality)
    assert (facts["health"]["passed"], codes(facts)) == ("unknown", [])
    assert "8 of 8 blocks fail FIPS 140-2, as those of a source of" in facts["health"]["reason"]
    assert looked(sound(20000), quality=quality)["health"]["passed"] is True
    assert codes(looked(bytes(20000), quality=quality)) == ["source-stuck"]


@pytest.mark.parametrize(("quality", "bits"), [(1024, 8.0), (1000, 7.8125), (512, 4.0), (0, 1.0), (None, 1.0)])
def test_the_claim_is_what_the_kernel_credits_and_one_bit_where_that_is_nothing(quality, bits):
    assert claimed(quality) == bits


def test_a_test_that_was_cut_short_says_so_and_decides_what_it_can():
    facts = looked(sound(5100), asked=20000, seconds=10.0)
    assert (facts["health"]["passed"], facts["health"]["reason"]) == (True, "5100 of 20000 bytes came in 10.0 s: time was over")
    facts = looked(sound(15), asked=20000, seconds=10.0)
    assert facts["health"]["passed"] == "unknown"
    assert facts["health"]["reason"] == "15 of 20000 bytes came in 10.0 s: time was over; too few for a judgement, which takes 2500"
    assert looked(bytes(15), asked=20000)["health"]["passed"] is False


def test_a_source_that_goes_away_in_the_middle_says_so():
    facts = looked(sound(5100), asked=20000, seconds=0.2, error=errno.ENODEV)
    assert facts["health"]["reason"] == "5100 of 20000 bytes came in 0.2 s: /dev/hwrng: No such device"


@pytest.mark.parametrize(("seen", "reason", "needs"), [
    ({"hindrance": _kernel_health.NOT_READY}, "not tested: the CRNG is not ready, and needs these bytes first", "a look once it is ready"),
    ({"hindrance": _kernel_health.NOT_LIVE}, "not tested: only a running kernel has a source", "a run on that machine itself"),
    ({"hindrance": _kernel_health.NO_SOURCE}, "not tested: the kernel has no current source", "a current source"),
    ({"hindrance": _kernel_health.UNSEEN_SOURCE},
     "not tested: the kernel's current source was not seen (/sys/class/misc/hw_random/rng_current)", "a system with /sys"),
    ({"hindrance": _kernel_health.NOT_HWRNG, "node": "character device 1:9"},
     "not tested: /dev/hwrng is character device 1:9, and the kernel's source is character device 10:183",
     "the kernel's own node: mknod -m 600 /dev/hwrng c 10 183, in place of that"),
    ({"hindrance": None, "error": errno.EACCES}, "/dev/hwrng: Permission denied: it takes root", "root"),
    ({"hindrance": None, "seconds": 10.0}, "0 of 20000 bytes came in 10.0 s: time was over", "a source that delivers"),
])
def test_what_was_not_tested_is_unknown_with_what_it_would_take_and_a_problem_only_for_want_of_rights(seen, reason, needs):
    facts = hindered(**seen)
    assert (facts["health"]["passed"], facts["health"]["reason"], facts["health"]["bytes_read"]) == ("unknown", reason, 0)
    assert (facts["health"]["fips"], facts["health"]["sp800_90b"], facts["health"]["period"]) == (None, None, None)
    assert [(each["why"], each["needs"]) for each in facts["unseen"] if each["what"] == "health"] == [(reason, needs)]
    assert (codes(facts), facts["verdict"]) == ((["needs-root"], "unknown") if needs == "root" else ([], "ok"))


@pytest.mark.parametrize(("changes", "hindrance"), [
    ({"live": False}, _kernel_health.NOT_LIVE),
    ({"getrandom": "waiting"}, _kernel_health.NOT_READY),
    ({"getrandom": None}, _kernel_health.NOT_READY),
    ({"texts": {"/sys/class/misc/hw_random/rng_current": "none"}}, _kernel_health.NO_SOURCE),
    ({"without": ["/sys/class/misc/hw_random/rng_current"]}, _kernel_health.UNSEEN_SOURCE),
])
def test_nothing_is_opened_where_nothing_may_be_read(changes, hindrance, monkeypatch):
    monkeypatch.setattr(_kernel_health, "HWRNG", "/nothing-is-to-open-this")
    found = examine(machine("forky-fed", **changes), 20000, 1)
    assert (found["hindrance"], found["error"], found["read"]) == (hindrance, None, 0)


def test_what_is_kept_of_the_bytes_is_counts(tmp_path, monkeypatch):
    data = sound(6000)
    (tmp_path / "source").write_bytes(data)
    # A file stands for the kernel's source, which this machine may not have.
    monkeypatch.setattr(_kernel_health, "opened", lambda _path: (os.open(str(tmp_path / "source"), os.O_RDONLY), None))
    found = examine(machine("forky-fed"), 5000, 20)
    assert (found["read"], found["error"], found["tests"]["fips"]["blocks"]) == (5000, None, 2)
    values = []

    def collect(value):
        for each in value.values():
            collect(each) if isinstance(each, dict) else values.append(each)

    collect(found)
    assert [value for value in values if isinstance(value, (str, bytes))] == ["virtio_rng.0"]
    assert examine(machine("forky-fed"), 20000, 20)["error"] == 0


@pytest.mark.parametrize(("make", "words"), [
    (lambda path: path.write_bytes(sound(20000)), "a regular file"),
    (os.mkfifo, "a FIFO"),
    (lambda path: os.symlink("/dev/urandom", path), "character device 1:9"),
    (lambda path: os.symlink("/dev/zero", path), "character device 1:5"),
    (os.mkdir, "a folder"),
])
def test_what_is_not_the_kernels_own_node_is_not_tested_whatever_its_name(make, words, tmp_path, monkeypatch):
    make(tmp_path / "hwrng")
    monkeypatch.setattr(_kernel_health, "HWRNG", str(tmp_path / "hwrng"))
    found = examine(machine("forky-fed"), 20000, 5)
    assert (found["hindrance"], found["node"], found["read"], found["error"]) == (_kernel_health.NOT_HWRNG, words, 0, None)


def test_a_node_that_is_missing_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(_kernel_health, "HWRNG", str(tmp_path / "hwrng"))
    assert examine(machine("forky-fed"), 20000, 5)["error"] == errno.ENOENT


@pytest.mark.skipif(os.geteuid() != 0, reason="to make a device node takes root")
def test_the_kernels_node_is_taken_by_its_number_whatever_its_name(tmp_path):
    os.mknod(tmp_path / "other-name", stat.S_IFCHR | 0o600, os.makedev(10, 183))
    try:
        source, words = _kernel_health.opened(str(tmp_path / "other-name"))
    except OSError as error:
        # This machine's kernel has no hardware source, or its folder for temporary files no devices.
        assert error.errno in (errno.ENODEV, errno.ENXIO, errno.EACCES, errno.EPERM)  # noqa: PT017 (either is right)
    else:
        assert (os.fstat(source).st_rdev, words) == (os.makedev(10, 183), None)
        os.close(source)


def test_another_tree_is_not_tested(tmp_path):
    facts = gather(str(tmp_path), health_bytes=20000)
    assert (facts["health"]["passed"], facts["health"]["reason"]) == ("unknown", "not tested: only a running kernel has a source")


@pytest.mark.parametrize(("options", "message"), [
    ((1, 10), "health_bytes: found 1, expected 0 (no test) or 2500 to 1048576"),
    ((-1, 10), "health_bytes: found -1, expected 0 (no test) or 2500 to 1048576"),
    ((2 ** 20 + 1, 10), "health_bytes: found 1048577, expected 0 (no test) or 2500 to 1048576"),
    ((20000, 0), "health_timeout: found 0, expected 0.1 to 300 (s)"),
    ((0, 301), "health_timeout: found 301, expected 0.1 to 300 (s)"),
    ((20000, float("nan")), "health_timeout: found nan, expected 0.1 to 300 (s)"),
])
def test_options_out_of_bounds_are_errors_that_say_what_is_expected(options, message):
    with pytest.raises(EntropyError) as raised:
        gather("/", *options)
    assert str(raised.value) == message


@pytest.mark.parametrize("options", [(0, 10), (2500, 0.1), (2 ** 20, 300)])
def test_the_bounds_are_inclusive(options):
    assert check(*options) is None
