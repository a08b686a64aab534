# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run over many domains: what is checked, said and counted. Real domains are tried in tests/integration."""

import re
import socket

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import (
    _file_rights,
    _libvirt,
    _libvirt_daemon,
    _rng_checks,
    _rng_device,
    _rng_egd,
    _virt_plug,
    _virt_rng,
)
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from virt_fakes import BUILTIN, RANDOM, FakeConnection, FakeDomain, refusal, running, without_alias

OPTIONS = {
    "uri": "qemu:///system", "domains": ["*"], "exclude": [], "state": "present", "backend": "random", "path": "/dev/urandom", "rate_bytes": 1024,
    "rate_period": 1000, "model": "virtio", "driver": None, "scope": "both", "exclusive": False, "unplug_timeout": 0, "settle": 0, "max_results": 500,
    "egd": None, "allow_unknown_backend": False, "devices": None, "replace_live": False, "max_changes": 0, "managed_elsewhere": "refuse", "alias": None,
    "address": None, "confirm_by": [], "confirmed": []}
FIRST = _rng_device.to_xml(_rng_device.read(RANDOM).device, _rng_device.new_alias([], [], 0))
SUPPORT = {"model": ["virtio"], "backendModel": ["random", "egd"]}, None


@pytest.fixture
def run(monkeypatch):
    """Return a function that runs the module's work on fake domains: (result, warnings)."""
    def run_on(domains, support=SUPPORT, check=False, **options):
        monkeypatch.setattr(_libvirt, "connect", lambda uri, write: FakeConnection(domains, support))
        warnings = []
        return _virt_rng.run(dict(OPTIONS, **options), check, False, warnings.append), warnings
    return run_on


def test_another_machines_files_are_not_this_ones(run, monkeypatch):
    monkeypatch.setattr(_rng_checks, "check_path", None)
    for uri in ("qemu+ssh://root@kvm1/system", "qemu+tls://kvm1.example.org/system", "qemu://[2001:db8::1]/system"):
        result, _warnings = run([], uri=uri, path="/dev/only-there")
        assert result["unchecked"] == [f"backend path /dev/only-there: {uri} is another machine"]
        assert run([], uri=uri, backend="builtin")[0]["unchecked"] == run([], uri=uri, state="absent")[0]["unchecked"] == []


@pytest.mark.parametrize("uri", ["qemu:///system", "qemu:///session?socket=/run/x", "qemu+unix:///session?socket=/a/b@c:d", "test:///default"])
def test_a_uri_without_a_host_is_this_machine(run, uri):
    with pytest.raises(EntropyError, match="no character device"):
        run([], uri=uri, path="/etc/passwd")


def test_an_alias_of_a_uri_tells_no_machine_and_is_refused(run):
    with pytest.raises(EntropyError, match="found production, expected a libvirt URI"):
        run([], uri="production")


def test_a_definition_that_was_done_before_the_daemon_went_away_stays_told(run):
    first, second = FakeDomain([], live=[], name="a"), FakeDomain([], name="b")
    first.refuse["plug", FIRST] = _libvirt.ConnectionLostError("gone")
    with pytest.raises(EntropyError, match="went away: gone") as failure:
        run([first, second])
    rows = {row["name"]: row for row in failure.value.results["domains"]}
    assert (rows["a"]["config"]["result"], rows["a"]["live"]["result"], rows["b"]["config"]["result"]) == ("done", "refused", "refused")
    assert failure.value.results["changed"] and without_alias(first.config) == [RANDOM] and second.config == []


def test_a_warning_names_a_domain_once_though_another_run_was_faster_there(run):
    domain = FakeDomain([])
    slow = dict(_rng_device.read(RANDOM).device, rate_bytes=5)
    domain.refuse["attach", _rng_device.to_xml(slow, _rng_device.new_alias([], [], 0))] = refusal("twin", "non unique alias")
    _result, warnings = run([domain], rate_bytes=5)
    assert len(warnings) == 1 and "(web-1)" in warnings[0]


def test_what_this_hosts_qemu_lacks_is_refused_before_anything_is_written(run):
    domain = FakeDomain([], live=[])
    for options, words in (({"backend": "builtin"}, "no backend builtin: it has random, egd"), ({"model": "virtio-transitional"}, "no model virtio-tr")):
        for check in (True, False):
            with pytest.raises(EntropyError, match=words) as failure:
                run([domain], check=check, **options)
            row = failure.value.results["domains"][0]
            assert row["config"]["result"] == row["live"]["result"] == "refused"
    assert set(domain.calls) == {"definition", "running", "has_job"}


def test_a_domain_that_has_it_already_is_not_asked_what_its_qemu_has(run):
    result, _warnings = run([FakeDomain([BUILTIN])], backend="builtin", rate_bytes=0)
    assert not result["changed"] and result["unchecked"] == []


def test_support_that_is_not_known_is_said_and_not_refused(run):
    domains = [FakeDomain([], name="a"), FakeDomain([], name="b")]
    result, _warnings = run(domains, support=(None, "nobody tells"))
    assert result["unchecked"] == ["whether this host's QEMU has the backend and model: nobody tells"]
    assert [without_alias(domain.config) for domain in domains] == [[RANDOM], [RANDOM]]


def test_a_confidential_guest_gets_iommu_unless_it_is_given_and_its_owner_is_told(run):
    for driver, expected in ((None, {"iommu": True}), ({"iommu": False}, {"iommu": False}), ({"ats": True}, {"iommu": True, "ats": True})):
        domains = [FakeDomain([], name="sev", extra="<launchSecurity type='sev'/>"), FakeDomain([], name="plain")]
        result, warnings = run(domains, driver=driver)
        after = {row["name"]: row["config"]["after"][0]["driver"] for row in result["domains"]}
        assert after == {"sev": expected, "plain": driver or {}}
        assert len(warnings) == 1 and "(sev)" in warnings[0] and "do not trust this host" in warnings[0]
        assert not run(domains, driver=driver)[0]["changed"]


@pytest.mark.parametrize("present, extra, driver, remedy", [
    ([], "", {"iommu": True}, "would not start. Give model: virtio-non-transitional"),
    ([RANDOM.replace("<rate bytes='1024'", "<driver iommu='on'/><rate bytes='64'")], "", None,
     "keeps this option of the replaced one. Give driver: {iommu: false}, or model: virtio-non-transitional"),
    ([], "<launchSecurity type='sev'/>", None, "A confidential guest gets this option unless you set it. Give model: virtio-non-transitional"),
])
def test_the_remedy_for_a_device_that_cannot_have_iommu_is_that_of_who_asked_for_it(run, present, extra, driver, remedy):
    domain = FakeDomain(present, extra=extra)
    with pytest.raises(EntropyError, match=re.escape(remedy)):
        run([domain], model="virtio-transitional", driver=driver, support=(None, "not told"))
    assert domain.config == present


def test_a_confidential_guest_gets_back_the_device_that_it_had(run):
    domain = FakeDomain([RANDOM.replace("1024", "64")], name="sev", extra="<launchSecurity type='sev'/>")
    before = run([domain])[0]["domains"][0]["config"]["before"]
    assert before[0]["driver"] == {"iommu": False}
    back, _warnings = run([domain], devices=before)
    assert back["domains"][0]["config"]["after"] == before and "iommu='on'" not in domain.config[0]


def test_a_rate_that_starves_is_warned_of_once_for_all(run):
    domains = [FakeDomain([], name=f"d{number:02}") for number in range(12)]
    _result, warnings = run(domains, rate_bytes=5)
    assert len(warnings) == 1 and "d09 and 2 more" in warnings[0]


def test_domains_that_would_listen_on_one_socket_are_named(run):
    egd = {"type": "unix", "sources": [{"mode": "bind", "path": "/egd.sock"}]}
    _result, warnings = run([FakeDomain([], name="a"), FakeDomain([], name="b")], backend="egd", egd=egd)
    assert len(warnings) == 1 and "same socket /egd.sock" in warnings[0] and "(a, b)" in warnings[0]
    assert run([FakeDomain([])], backend="egd", egd=egd)[1] == []


@pytest.fixture
def listener(monkeypatch, tmp_path):
    """Return the option egd that binds a socket on which somebody listens; libvirt's daemon sees the same files."""
    monkeypatch.setattr(_libvirt_daemon, "daemon", lambda _uri: _libvirt_daemon.Daemon(_file_rights.User(0, 0, frozenset()), True, True))
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
        one.listen()
        yield {"type": "unix", "sources": [{"mode": "bind", "path": path}]}


def bound(egd, rate=1024):
    device = dict(_rng_device.read(RANDOM).device, backend="egd", egd=_rng_egd.described(egd), rate_bytes=rate)
    del device["path"]
    return _rng_device.to_xml(device)


def test_a_socket_on_which_another_process_listens_is_refused_before_anything_is_written(run, listener):
    for domain in (FakeDomain([]), FakeDomain([], live=[])):
        with pytest.raises(EntropyError, match="is in use by another process. Give another one, or end"):
            run([domain], backend="egd", egd=listener)
        assert domain.config == [] and "plug" not in domain.calls
    given_back = _rng_device.read(bound(listener)).device
    result, _warnings = run([FakeDomain([])], devices=[dict(given_back, path="/dev/urandom", alias=None, address=None)])
    assert "given back all the same: egd: socket" in result["domains"][0]["reason"]


def test_the_socket_of_the_domain_itself_is_free_at_its_next_start_and_not_before(run, listener):
    old = bound(listener, rate=64)
    domain = FakeDomain([old], live=[running(old, "rng0")])
    row = run([domain], backend="egd", egd=listener, replace_live=True)[0]["domains"][0]
    assert (row["config"]["result"], row["live"]["result"]) == ("done", "restart_required")
    assert "the running device listens on socket" in row["live"]["reason"] and "plug" not in domain.calls
    domain = FakeDomain([old], live=[running(old, "rng0")])
    row = run([domain], backend="egd", egd=listener, scope="config")[0]["domains"][0]
    assert row["config"]["result"] == "done" and "in use, maybe by this domain itself" in row["reason"]


def test_check_mode_only_reads(run):
    domain = FakeDomain([BUILTIN], live=[])
    predicted, _warnings = run([domain], check=True)
    assert set(domain.calls) == {"definition", "running", "has_job"}
    assert run([domain])[0] == predicted


def test_one_bad_domain_does_not_stop_the_others_and_each_is_named(run):
    domains = [FakeDomain([], name=name) for name in ("a", "b", "c", "d")]
    domains[0].refuse["definition", None] = refusal("gone")
    domains[1].refuse["attach", FIRST] = refusal("other", "b's reason")
    domains[2].refuse["attach", FIRST] = refusal("busy", "c's reason")
    with pytest.raises(EntropyError) as failure:
        run(domains)
    assert str(failure.value).startswith("3 of 4 domains failed. domain a: it was undefined while this ran. domain b: libvirt refuses: b's reason. domain c:")
    results = failure.value.results
    assert results["changed"] and without_alias(domains[3].config) == [RANDOM]
    assert results["summary"] == {"matched": 4, "unchanged": 0, "changed": 1, "restart_required": 0, "skipped": 0, "failed": 3}
    assert [row["name"] for row in results["domains"]] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("asked", [{}, {"alias": "ua-x"}, {"exclusive": True}])
def test_wishes_that_nobody_confirms_plug_no_more_than_one_device(run, asked):
    domain = FakeDomain([RANDOM], live=[running(RANDOM, "rng0")])
    # With a name the device comes beside the one without it, and its successor beside both.
    most = 3 if "alias" in asked else 2
    for rate in (64, 65, 64, 1024, 66, 67, 64, 68):
        check = run([domain], check=True, rate_bytes=rate, replace_live=True, **asked)[0]
        row = run([domain], rate_bytes=rate, replace_live=True, **asked)[0]["domains"][0]
        assert check["domains"][0]["live"]["result"] == row["live"]["result"] and len(domain.live) <= most
        assert row["config"]["after"][-1]["rate_bytes"] == rate
    assert row["live"]["result"] == "restart_required"
    assert "a device that an earlier run replaced is still there" in row["live"]["reason"] and "power the domain off" in row["live"]["reason"]


def test_devices_of_which_an_interrupted_run_has_plugged_one_are_finished(run, monkeypatch):
    monkeypatch.setattr(_virt_plug, "plug", lambda _xml, _devices: _virt_plug.Plug(True, ""))
    domain = FakeDomain([RANDOM], live=[running(RANDOM, "rng0")])
    devices = [dict(_rng_device.read(RANDOM).device, rate_bytes=rate, egd=None, alias=None, address=None) for rate in (64, 65)]
    plug = domain.plug

    def plug_one(element):
        if len(domain.live) > 1:
            raise _libvirt.ConnectionLostError("gone")
        plug(element)

    domain.plug = plug_one
    with pytest.raises(EntropyError, match="went away"):
        run([domain], devices=devices, replace_live=True)
    domain.plug = plug
    run([domain], devices=devices, replace_live=True)
    assert len(domain.live) == 3


def test_a_daemon_that_goes_away_ends_the_run_with_what_was_done(run):
    domains = [FakeDomain([], name=name) for name in ("a", "b", "c")]
    domains[1].refuse["attach", FIRST] = _libvirt.ConnectionLostError("End of file")
    with pytest.raises(EntropyError, match="went away: End of file. Running again finishes") as failure:
        run(domains)
    assert [(row["name"], row["config"]["result"]) for row in failure.value.results["domains"]] == [("b", "refused"), ("c", "refused"), ("a", "done")]
    assert "attach" not in domains[2].calls


def test_rows_come_in_the_order_of_what_a_person_has_to_see(run):
    domains = [
        FakeDomain([RANDOM], name="1-unchanged"), FakeDomain([], name="2-changed"), FakeDomain([RANDOM], live=[running(BUILTIN, "rng0")], name="3-waiting"),
        FakeDomain([], name="4-failed"), FakeDomain([BUILTIN], live=[running(BUILTIN, "rng0")], name="5-changed-and-waiting")]
    domains[3].refuse["attach", FIRST] = refusal("other")
    with pytest.raises(EntropyError) as failure:
        run(domains)
    assert [row["name"][2:] for row in failure.value.results["domains"]] == ["failed", "waiting", "changed-and-waiting", "changed", "unchanged"]
    assert failure.value.results["summary"] == {"matched": 5, "unchanged": 2, "changed": 2, "restart_required": 2, "skipped": 0, "failed": 1}


def test_rows_of_unchanged_domains_are_left_out_where_there_are_many(run):
    unchanged, changed = ([FakeDomain(config, name=f"{name}{number:03}") for number in range(60)] for name, config in (("u", [RANDOM]), ("c", [])))
    result, _warnings = run(unchanged)
    assert len(result["domains"]) == 50 and result["truncated"] == 10 and result["summary"]["unchanged"] == 60
    result, _warnings = run(unchanged + changed)
    assert [row["name"][0] for row in result["domains"]] == ["c"] * 60 and result["truncated"] == 60
    result, _warnings = run(unchanged, max_results=3)
    assert len(result["domains"]) == 3 and result["truncated"] == 57


def test_scope_live_says_what_a_power_off_alone_does_not_bring(run):
    result, _warnings = run([FakeDomain([], live=[running(BUILTIN, "rng0")])], scope="live")
    assert result["domains"][0]["live"]["reason"].endswith(
        "Scope live leaves the definition alone: use scope both, then power the domain off and start it (a reboot inside the guest is not enough)")


def test_where_another_run_was_faster_the_domain_is_looked_at_again(run):
    domain = FakeDomain([])

    def overtaken(element):
        domain.calls.append("attach")
        domain.config.append(element)
        raise refusal("twin", "non unique alias")

    domain.attach = overtaken
    result, _warnings = run([domain])
    assert not result["changed"] and without_alias(domain.config) == [RANDOM] and domain.calls.count("attach") == 1
    other = FakeDomain([], name="web-2")
    other.refuse["attach", FIRST] = refusal("twin", "an alias that somebody gave to another device")
    assert run([other])[0]["changed"] and other.config == [RANDOM]


@pytest.mark.parametrize("name", ["max_changes", "max_results"])
def test_a_number_below_zero_is_refused_before_anything_is_read(run, name):
    domain = FakeDomain([])
    with pytest.raises(EntropyError, match=f"{name}: found -1, expected 0 to 2147483647: nothing was changed"):
        run([domain], **{name: -1})
    assert domain.calls == []
