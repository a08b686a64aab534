# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A device is read, written and compared by meaning."""

import pytest
import yaml
from ansible_collections.kvm.entropy.plugins.module_utils import _rng_device

OPTIONS = {"backend": "random", "path": "/dev/urandom", "rate_bytes": 1024, "rate_period": 1000, "model": "virtio", "driver": None}


def rng(inner, model="virtio"):
    return f"<rng model='{model}'>{inner}</rng>"


def described(**options):
    return _rng_device.described(dict(OPTIONS, **options))


def device(inner, **attributes):
    return _rng_device.read(rng(inner, **attributes)).device


RANDOM = "<backend model='random'>/dev/urandom</backend>"


@pytest.mark.parametrize("options", [
    {}, {"rate_bytes": 0}, {"rate_bytes": 0, "rate_period": 5}, {"rate_period": 60000, "rate_bytes": 4294967295}, {"backend": "builtin"},
    {"path": "/dev/<odd> & 'quoted\"", "model": "virtio-non-transitional"},
    {"driver": {"iommu": True, "ats": False, "packed": None, "page_per_vq": True}}])
def test_what_is_written_is_read_again(options):
    wanted = described(**options)
    assert _rng_device.read(_rng_device.to_xml(wanted)).device == wanted


@pytest.mark.parametrize("device, options", [
    (rng(f"<rate bytes='1024'/>{RANDOM}"), {}),
    (rng(f"<rate bytes='1024' period='1000'/>{RANDOM}<alias name='rng0'/><address type='pci' bus='0x03'/>"), {}),
    (rng("<backend model='random'/>"), {"path": "/dev/random", "rate_bytes": 0}),
    (rng(RANDOM), {"rate_bytes": 0, "rate_period": 17}),
    (rng(f"<driver iommu='on' packed='on'/><rate bytes='1024'/>{RANDOM}"), {"driver": {"iommu": True}}),
    (rng(f"<rate bytes='1024'/>{RANDOM}"), {"driver": {"iommu": False}}),
])
def test_same_meaning(device, options):
    assert _rng_device.is_as(described(**options), _rng_device.read(device).device)


@pytest.mark.parametrize("device, options", [
    (rng(RANDOM), {}),
    (rng(f"<rate bytes='1024' period='999'/>{RANDOM}"), {}),
    (rng("<backend model='random'>/dev/random</backend>"), {"rate_bytes": 0}),
    (rng("<backend model='random'>/dev/urandom </backend>"), {"rate_bytes": 0}),
    (rng("<backend model='builtin'/>"), {"rate_bytes": 0}),
    (rng(f"<rate bytes='1024'/>{RANDOM}", model="virtio-transitional"), {}),
    (rng(f"<rate bytes='1024'/>{RANDOM}"), {"driver": {"iommu": True}}),
    (rng(f"<driver iommu='on'/><rate bytes='1024'/>{RANDOM}"), {"driver": {"iommu": False}}),
])
def test_another_meaning(device, options):
    assert not _rng_device.is_as(described(**options), _rng_device.read(device).device)


def test_lists_of_devices_mean_the_same_in_whatever_order():
    one, other = device("<backend model='builtin'/>"), device("<driver ats='off'/>" + RANDOM)
    assert _rng_device.same([one, other], [device(RANDOM), one])
    assert not _rng_device.same([one], [one, one])
    assert not _rng_device.same([device("<driver ats='on'/>" + RANDOM)], [device(RANDOM)])


def test_egd_is_read_with_how_it_is_connected():
    udp = device("<backend model='egd' type='udp'><source mode='bind' service='1234'/>"
                 "<source mode='connect' host='192.0.2.1' service='1234'/></backend>")
    assert udp["egd"] == {"type": "udp", "sources": [
        {"mode": "bind", "service": "1234"}, {"mode": "connect", "host": "192.0.2.1", "service": "1234"}]}
    assert not _rng_device.same([udp], [device("<backend model='egd' type='udp'><source mode='bind' service='1'/></backend>")])


def test_a_replaced_device_keeps_the_driver_options_that_are_not_given():
    old = device("<driver ats='on' packed='on'/>" + RANDOM)
    assert _rng_device.instead_of(old, described(driver={"packed": False, "iommu": True}))["driver"] == {"ats": True, "packed": False, "iommu": True}


def test_a_diff_shows_options_that_can_be_given():
    assert _rng_device.to_text([described(driver={"iommu": True}), described(backend="builtin", rate_bytes=0)]) == (
        "- backend: random\n  path: /dev/urandom\n  rate_bytes: 1024\n  rate_period: 1000\n  model: virtio\n  driver:\n    iommu: true\n"
        "- backend: builtin\n  rate_bytes: 0\n  rate_period: 1000\n  model: virtio\n")


@pytest.mark.parametrize("text", [
    "/dev/<odd> & 'quoted\"", "/dev/a: b", "/dev/a #b", " /dev/padded ", "/dev/\u4e16\u754c", "/dev/a\nb", "urandom", "null", "Off", "~", "{a}", "[", "-",
    "0700", "1e3", ""])
def test_a_diff_says_every_path_and_address_as_yaml_reads_it(text):
    odd = [dict(described(), path=text),
           dict(described(backend="builtin"), backend="egd", egd={"type": "unix", "sources": [{"mode": "connect", "path": text, "reconnect": 5, "tls": True}]})]
    assert yaml.safe_load(_rng_device.to_text(odd)) == [{name: value for name, value in one.items() if name != "driver"} for one in odd]


def test_what_its_owner_gave_a_device_and_no_other_one_gets_is_named():
    egd = "<backend model='egd' type='unix'><source mode='bind' path='/run/egd.sock'/><log file='/var/log/a &amp; b' append='on'/></backend>"
    rng_with_all = _rng_device.read(rng(f"{egd}<alias name='ua-seed'/><acpi index='5'/>"))
    assert _rng_device.own_names(rng_with_all) == ["alias ua-seed, ACPI index 5", "log /var/log/a & b"]
    assert _rng_device.own_names(_rng_device.read(rng(RANDOM + "<alias name='rng0'/>"))) == []
