# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would hurt a guest is found before anything is written."""

import os
import socket
import stat
from types import SimpleNamespace

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _rng_checks
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError


def device(rate_bytes, rate_period=1000):
    return {"rate_bytes": rate_bytes, "rate_period": rate_period}


@pytest.mark.parametrize("rate, arch, delay", [
    (device(0), "x86_64", None), (device(64, 10000), "x86_64", None), (device(63, 500), "aarch64", None), (device(5), "x86_64", " by 12 s"),
    (device(128), "ppc64le", None), (device(64), "ppc64le", None), (device(64, 1001), "ppc64le", " by 1.001 s"), (device(100), "s390x", " by 2 s"),
    (device(100), None, " by 2 s"), (device(0, 60000), None, None)])
def test_a_rate_delays_the_first_credit_by_whole_periods(rate, arch, delay):
    assert _rng_checks.delay(rate, arch) == delay


@pytest.mark.parametrize("rate, arch", [(device(64, 10001), "x86_64"), (device(1024, 10001), "x86_64"), (device(256, 10001), None)])
def test_after_a_reboot_it_may_be_a_period_more(rate, arch):
    assert _rng_checks.delay(rate, arch) == " after a reboot inside the guest by up to 10.001 s"


def test_a_rate_may_starve_some_architecture_only():
    assert _rng_checks.may_starve(device(64)) and _rng_checks.delay(device(64), "x86_64") is None
    assert not _rng_checks.may_starve(device(1024))


def test_a_character_device_is_a_source():
    _rng_checks.check_path("/dev/urandom")


def test_a_path_that_is_missing_or_no_character_device_is_refused(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    for name, found in (("nothing", "No such file"), ("file", "no character device"), ("fifo", "no character device"), ("", "no character device")):
        with pytest.raises(EntropyError, match=found):
            _rng_checks.check_path(str(tmp_path / name))


@pytest.fixture
def pose(monkeypatch):
    """Return what has ``path`` (str) be ``found`` for os.stat, whole or by its last name. All else is as it is, as pytest looks at files too."""
    real = os.stat

    def posed(path, found):
        names = (path, os.path.basename(path))
        monkeypatch.setattr(_rng_checks.os, "stat", lambda asked, **how: found if asked in names else real(asked, **how))
    return posed


class HwrngNode:
    """What stat says of /dev/hwrng."""

    st_mode = stat.S_IFCHR
    st_rdev = os.makedev(10, 183)


def test_hwrng_is_refused_where_nothing_is_behind_it(tmp_path, pose):
    (tmp_path / "none").write_text("none\n")
    (tmp_path / "tpm").write_text("tpm-rng-0\n")
    pose("/dev/hwrng", HwrngNode)
    _rng_checks.check_path("/dev/hwrng", rng_current=str(tmp_path / "tpm"))
    pose("/dev/alias-of-hwrng", HwrngNode)
    for current in ("none", "no-such-file"):
        with pytest.raises(EntropyError, match="QEMU aborts a guest"):
            _rng_checks.check_path("/dev/alias-of-hwrng", rng_current=str(tmp_path / current))


OPTIONS = {
    "uri": "qemu:///system", "state": "present", "devices": None, "exclusive": False, "backend": "random", "path": "/dev/urandom", "egd": None,
    "allow_unknown_backend": False,
    "rate_bytes": 0, "rate_period": 1, "model": "virtio", "driver": None}


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/full"])
def test_a_device_that_delivers_zeros_or_nothing_is_no_source_by_whatever_name(path, tmp_path):
    (tmp_path / "source").symlink_to(path)
    for name in (path, str(tmp_path / "source")):
        with pytest.raises(EntropyError, match=f"backend path {name} delivers zeros or nothing: nothing was changed"):
            _rng_checks.check(dict(OPTIONS, path=name))


def node(major, minor):
    """Return what stat says of a character device of this number."""
    return SimpleNamespace(st_mode=stat.S_IFCHR, st_rdev=os.makedev(major, minor))


# /dev/mem, kmsg, tty0, ttyS0, tty, console, ptmx, vcs, tun, fuse, kvm, input, sg0, fb0, ptmx of BSD, pts/0, rawctl, msr, cpuid, dri/card0.
NO_SOURCES = [(1, 1), (1, 11), (4, 0), (4, 64), (5, 0), (5, 1), (5, 2), (7, 0), (10, 200), (10, 229), (10, 232), (13, 64), (21, 0), (29, 0), (128, 0),
              (136, 0), (143, 255), (162, 0), (202, 0), (203, 0), (226, 0)]


@pytest.mark.parametrize("number", NO_SOURCES)
def test_a_device_that_is_no_random_source_is_refused_whatever_is_allowed(number, pose):
    pose("/dev/x", node(*number))
    for allowed in (False, True):
        with pytest.raises(EntropyError, match=r"is character device %d:%d, which is no source of random numbers: nothing was changed" % number):
            _rng_checks.check(dict(OPTIONS, path="/dev/x", allow_unknown_backend=allowed))


# A misc device whose minor is given out at run time (s390x's /dev/trng), one for local use, ttyACM0, an experimental major.
@pytest.mark.parametrize("number", [(10, 59), (10, 240), (10, 300), (166, 0), (240, 0)])
def test_an_unknown_device_is_a_source_only_where_somebody_vouches_for_it(number, pose):
    pose("/dev/x", node(*number))
    with pytest.raises(EntropyError, match="expected random .1:8., .* give allow_unknown_backend: true"):
        _rng_checks.check(dict(OPTIONS, path="/dev/x"))
    assert _rng_checks.check(dict(OPTIONS, path="/dev/x", allow_unknown_backend=True))[0].devices[0]["path"] == "/dev/x"


def test_a_path_that_others_can_make_lead_elsewhere_is_refused(tmp_path):
    way = tmp_path / "way"
    way.mkdir()
    (way / "link").symlink_to("/dev/urandom")
    _rng_checks.check_path(str(way / "link"))
    for mode in (0o777, 0o770, 0o702):
        way.chmod(mode)
        with pytest.raises(EntropyError, match="way, which others can write .mode 0%o.*nothing was changed" % mode):
            _rng_checks.check_path(str(way / "link"))
    # In a sticky folder, as /tmp, nobody but its owner can exchange the link.
    way.chmod(0o1777)
    _rng_checks.check_path(str(way / "link"))
    if os.geteuid() == 0:
        os.chown(way / "link", 65534, 65534, follow_symlinks=False)
        with pytest.raises(EntropyError, match="link, which another user can change"):
            _rng_checks.check_path(str(way / "link"))
        os.chown(way, 65534, 65534)
        with pytest.raises(EntropyError, match="which belongs to the user 65534"):
            _rng_checks.check_path(str(way / "link"))


def test_what_is_no_character_device_is_refused_whatever_is_allowed(tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").touch()
    for path in (*tmp_path.iterdir(), tmp_path):
        with pytest.raises(EntropyError, match="is no character device"):
            _rng_checks.check(dict(OPTIONS, path=str(path), allow_unknown_backend=True))


def test_nothing_is_asked_of_a_backend_where_devices_are_removed(tmp_path):
    assert _rng_checks.check(dict(OPTIONS, state="absent", path=str(tmp_path)))[0].devices == []


@pytest.mark.parametrize("option, value", [("rate_bytes", -1), ("rate_bytes", 2 ** 32), ("rate_period", 0), ("path", "dev/urandom"), ("path", "")])
def test_an_option_out_of_range_is_named_with_what_was_expected(option, value):
    _rng_checks.check(OPTIONS)
    wrong = dict(OPTIONS, **{option: value})
    with pytest.raises(EntropyError, match=f"^{option}: found .*expected"):
        _rng_checks.check(wrong)


def test_what_may_have_been_there_before_is_given_back_with_a_warning(tmp_path, pose):
    pose("/dev/x", node(10, 59))
    (tmp_path / "file").touch()
    paths = ["/dev/zero", str(tmp_path / "nothing"), str(tmp_path / "file"), "/dev/x", "urandom", " /dev/padded ", "a\r\n\tb", ""]
    egd = [("tcp", {"host": "egd.example.org", "service": "7000"}), ("tcp", {"host": "127.0.0.1", "service": "1"}), ("unix", {"path": "run/x"}),
           ("udp", {"service": "1"}), ("pty", {}), ("nmdm", {"master": "a", "slave": "b"}), ("file", {"path": "/x", "append": "on"})]
    devices = [dict(OPTIONS, path=path) for path in paths] + [
        dict(OPTIONS, backend="egd", egd={"type": kind, "sources": [source] if source else [], "protocol": None}) for kind, source in egd]
    warnings = []
    wanted, _unchecked = _rng_checks.check(dict(OPTIONS, devices=devices), warnings.append)
    assert [device.get("path") for device in wanted.devices[:8]] == paths
    assert [device["egd"]["type"] for device in wanted.devices[8:]] == [kind for kind, _source in egd]
    assert len(warnings) == 11 and all(text.startswith("devices: ") and "given back all the same" in text for text in warnings)
    assert not any("nothing was changed" in text for text in warnings)


def test_what_libvirt_cannot_have_written_is_not_given_back():
    for wrong in (dict(OPTIONS, rate_bytes=-1), dict(OPTIONS, rate_period=0), dict(OPTIONS, path="/dev/\x01"), dict(OPTIONS, backend="egd")):
        with pytest.raises(EntropyError, match="expected"):
            _rng_checks.check(dict(OPTIONS, devices=[wrong]))


def test_no_devices_and_some_cannot_both_be_meant():
    assert _rng_checks.check(dict(OPTIONS, state="absent", devices=[]))[0].devices == []
    with pytest.raises(EntropyError, match="state absent has no devices, found 1"):
        _rng_checks.check(dict(OPTIONS, state="absent", devices=[OPTIONS]))


@pytest.mark.parametrize("wrong, found", [
    ({"state": "absent", "alias": ""}, "alias: found nothing"),
    ({"devices": [], "alias": "ua-one"}, "each has its own alias and address"),
    ({"devices": [], "address": {"bus": 3}}, "each has its own alias and address"),
    ({"devices": [dict(OPTIONS, alias="ua-one"), dict(OPTIONS, alias="ua-one")]}, "found alias ua-one twice"),
    ({"devices": [dict(OPTIONS, address={"bus": 5}), dict(OPTIONS, address={"bus": "0x5"})]}, "found address PCI 0000:05:00.0 twice"),
])
def test_one_name_and_place_for_each_device(wrong, found):
    with pytest.raises(EntropyError, match=found):
        _rng_checks.check(dict(OPTIONS, **wrong))


def test_backend_egd_needs_to_know_how():
    with pytest.raises(EntropyError, match="backend egd: found no option egd"):
        _rng_checks.check(dict(OPTIONS, backend="egd"))


@pytest.mark.parametrize("path", ["/dev/zero", "//dev/./null", "/dev/../dev/full"])
def test_a_device_that_delivers_zeros_is_refused_by_its_name_on_another_machine(path):
    for uri in ("qemu+ssh://kvm1/system", "qemu+ext:///system?command=/usr/local/bin/to-kvm1"):
        with pytest.raises(EntropyError, match="delivers zeros or nothing: nothing was changed"):
            _rng_checks.check(dict(OPTIONS, path=path, uri=uri))


def test_what_an_external_program_leads_to_is_not_looked_for_here():
    uri = "qemu+ext:///system?command=/usr/local/bin/to-kvm1"
    _wanted, unchecked = _rng_checks.check(dict(OPTIONS, path="/dev/only-there", uri=uri))
    assert unchecked == [f"backend path /dev/only-there: {uri} is another machine"]


def test_a_socket_of_another_machine_is_not_looked_for_here():
    egd = {"type": "unix", "sources": [{"mode": "connect", "path": "/run/only-there.sock"}], "protocol": None}
    _wanted, unchecked = _rng_checks.check(dict(OPTIONS, backend="egd", egd=egd, uri="qemu+ssh://kvm1/system"))
    assert unchecked == ["egd socket /run/only-there.sock: qemu+ssh://kvm1/system is another machine"]
