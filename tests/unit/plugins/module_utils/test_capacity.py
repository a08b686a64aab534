# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What backends must deliver beside what they deliver: who is counted, what is measured, and when it is not enough."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _virt_rng_info
from ansible_collections.kvm.entropy.plugins.module_utils._capacity import capacity, rate, starves

SLOW = {"backend": "random", "path": "/dev/hwrng", "rate_bytes": 1024, "rate_period": 1000}
URANDOM = dict(SLOW, path="/dev/urandom")
KINDS = {"/dev/hwrng": "hwrng", "/dev/urandom": "urandom", "/dev/random": "random", "/dev/ttyACM0": "device", "/dev/alias": "hwrng", "/a/file": "file"}


def row(*live, config=None, arch="x86_64"):
    """Return a row of virt_rng_info; without a running device it is shut off."""
    return {"arch": arch, "live": list(live) or None, "config": list(live) if config is None else config}


def facts(ready=True, current="tpm-rng-0"):
    return {"crng": {"ready": ready}, "hwrng": {"current": current}}


def delivering(bytes_per_second):
    """Return a measurement of a source that gives this many, evenly."""
    steps = [(number / 20, bytes_per_second // 20) for number in range(1, 41)] if bytes_per_second else []
    return lambda _path: (steps, 2.0, None)


def never(path):
    raise AssertionError(f"{path} was read")


def judged(rows, measure=never, kind=None, **host):
    (entry,) = capacity(rows, facts(**host), lambda path: kind or KINDS.get(path, "missing"), measure)
    return entry


def test_guests_of_one_backend_are_added_up_and_those_that_are_off_draw_nothing():
    entry = judged([row(SLOW), row(dict(SLOW, rate_bytes=100, rate_period=500)), row(dict(SLOW, rate_bytes=0)), row(config=[SLOW])], delivering(1000))
    assert (entry["domains"], entry["running"], entry["limit"], entry["unlimited"]) == (4, 3, 1224, 1)
    assert (entry["seed_bytes"], entry["idle"], entry["delivered"], entry["seed_seconds"]) == (192, 3.2, 1000, 0.2)
    assert entry["reason"] == ("/dev/hwrng delivers 1000 bytes/s. Domains with it: 4, running: 3, drawing 3 bytes/s when idle, at most 1.2 KiB/s and 1 "
                               "without a limit. Started together, the last is seeded 0.2 s after the first")


def test_a_domain_counts_for_what_runs_and_for_what_is_defined():
    entries = capacity([row(SLOW, config=[URANDOM])], facts(), KINDS.get, delivering(1000))
    assert [(entry["path"], entry["domains"], entry["running"]) for entry in entries] == [("/dev/hwrng", 1, 1), ("/dev/urandom", 1, 0)]


def test_a_domain_with_two_devices_of_one_backend_is_one_guest_that_may_draw_twice():
    entry = judged([row(SLOW, SLOW)], delivering(1000))
    assert (entry["domains"], entry["running"], entry["seed_bytes"], entry["limit"]) == (1, 1, 64, 2048)


def test_guests_fill_the_buffer_of_their_architecture():
    assert judged([row(SLOW, arch="s390x"), row(SLOW, arch="ppc64le")], delivering(1000))["seed_bytes"] == 256 + 128


@pytest.mark.parametrize("device", [URANDOM, dict(URANDOM, path="/dev/random"), {"backend": "builtin", "rate_bytes": 0, "rate_period": 1000}])
def test_the_kernels_own_generator_is_never_short_and_never_read(device):
    entry = judged([row(device)] * 10000, never)
    assert (entry["enough"], entry["delivered"], entry["delivered_reason"]) == (True, None, "not limited by the host")


@pytest.mark.parametrize("guests, delivered, enough, starving", [
    (2, 1024, True, False), (160, 1024, True, False), (161, 1024, False, False), (960, 1024, False, False), (961, 1024, False, True), (1, 0, False, True)])
def test_seeding_within_ten_seconds_is_enough_and_less_than_the_idle_need_starves(guests, delivered, enough, starving):
    entry = judged([row(SLOW)] * guests, lambda _path: ([(1.0, delivered)] if delivered else [], 2.0, None))
    assert (entry["delivered"], entry["enough"], starves(entry)) == (delivered, enough, starving)
    assert ("Give them /dev/urandom" in entry["reason"]) is not enough


def test_limits_above_what_is_delivered_are_no_fault():
    entry = judged([row(SLOW)] * 100, delivering(1000))
    assert entry["limit"] > 100 * entry["delivered"] and entry["enough"] is True


def test_a_source_that_delivers_nothing_is_said_to():
    assert judged([row(SLOW)], delivering(0))["reason"].startswith("/dev/hwrng delivers nothing. Domains with it: 1, running: 1, drawing 1 bytes/s")


@pytest.mark.parametrize("path", ["/dev/hwrng", "/dev/alias"])
def test_hwrng_without_a_source_is_unsafe_under_any_name_and_not_read(path):
    entry = judged([row(dict(SLOW, path=path)), row(config=[dict(SLOW, path=path)])], never, current="none")
    assert (entry["unsafe"], entry["enough"], entry["delivered"]) == (True, False, None)
    assert entry["reason"] == (f"{path} has no hardware source behind it (rng_current is none; is its driver loaded?): QEMU aborts a guest that reads it. "
                               "Domains with it: 2, running: 1. Give them /dev/urandom (kvm.entropy.virt_rng)")


@pytest.mark.parametrize("more, why", [
    ({"measure": None}, "capacity_bytes is 0"), ({"ready": False}, "CRNG is not ready"), ({"ready": "unknown"}, "CRNG is not ready"),
    ({"measure": lambda _path: ([], 0.0, "Permission denied: it takes root")}, "cannot be read: Permission denied: it takes root")])
def test_what_is_not_measured_is_not_known_and_says_why(more, why):
    entry = judged([row(SLOW)], **more)
    assert (entry["enough"], entry["delivered"], entry["seed_seconds"], entry["unsafe"]) == (None, None, None, False)
    assert why in entry["delivered_reason"] and why in entry["reason"]


def test_another_device_is_read_only_where_a_domain_runs_with_it():
    serial = dict(SLOW, path="/dev/ttyACM0")
    assert "no domain runs with it" in judged([row(config=[serial])], never)["delivered_reason"]
    assert judged([row(serial)], delivering(1000))["delivered"] == 1000


@pytest.mark.parametrize("path, words", [("/a/file", "no character device"), ("/not/there", "no domain with it can start")])
def test_a_path_that_is_no_device_is_never_enough_and_never_read(path, words):
    entry = judged([row(dict(SLOW, path=path))], never)
    assert entry["enough"] is False and words in entry["reason"]


def test_a_source_of_zeros_is_never_enough_and_never_read():
    entry = judged([row(dict(SLOW, path="/dev/zero"))], never, kind="constant")
    assert entry["enough"] is False and "credit them as entropy" in entry["reason"]


def test_a_pool_that_is_waited_for_and_a_daemon_are_not_known():
    assert judged([row(dict(SLOW, path="/dev/random"))], never, kind="blocking")["enough"] is None
    assert judged([row(egd(mode="connect"))], never, kind="file")["enough"] is None


def egd(**source):
    """Return a device that talks to a daemon over a unix socket."""
    return {"backend": "egd", "egd": {"type": "unix", "sources": [dict({"path": "/run/egd.sock"}, **source)]}, "rate_bytes": 0, "rate_period": 1000}


def test_a_daemon_whose_socket_is_not_there_starts_no_domain():
    entry = judged([row(egd(mode="connect"))], never, kind="missing")
    assert (entry["backend"], entry["path"], entry["kind"], entry["enough"]) == ("egd", "/run/egd.sock", "missing", False)
    assert "/run/egd.sock is not there" in entry["reason"]


@pytest.mark.parametrize("source", [{"mode": "bind"}, {"mode": "connect", "reconnect": 5}])
def test_a_socket_that_qemu_makes_itself_or_tries_again_need_not_be_there(source):
    entry = judged([row(egd(**source))], never, kind="missing")
    assert (entry["path"], entry["kind"], entry["enough"]) == (None, "egd", None)


def quota(count, period, phase, until):
    """Return the steps and time of a source that gives ``count`` bytes at once each ``period`` (s), in reads of 64 bytes."""
    steps, number = [], 0
    while phase + number * period < until:
        steps += [(phase + number * period + piece / 10000, 64) for piece in range(count // 64)]
        number += 1
    return steps, until


@pytest.mark.parametrize("phase", [0.001, 0.3, 0.999])
def test_a_quota_that_comes_at_once_is_not_taken_for_speed(phase):
    steps, seconds = quota(1024, 1.0, phase, 3.0)
    assert sum(count for _at, count in steps) == 3072
    assert 900 <= rate(steps, seconds) <= 1500


def test_an_even_source_is_all_that_it_gave():
    assert rate([(number / 100, 64) for number in range(1, 201)], 2.0) == 6400


def test_a_source_that_gave_out_is_not_quick_because_of_what_it_gave_before():
    assert rate([(0.001, 64), (0.1, 64), (0.101, 64)], 5.0) == 26


def test_what_was_ready_and_nothing_after_it_is_spread_over_the_time():
    assert rate([(0.001, 64), (0.002, 64)], 2.0) == 64
    assert rate([], 2.0) == 0


def test_another_machines_devices_are_not_this_ones():
    found, why = _virt_rng_info._host_capacity("qemu+ssh://kvm1/system", [row(SLOW)], None, {"capacity_bytes": 64, "capacity_timeout": 1})
    assert found is None and why == "qemu+ssh://kvm1/system is another machine: run virt_rng_info there"
