# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What libvirt and those who test it try with <rng>, as a table: each case passes with virt_rng, or fails for the reason that stands there.

The cases are those of its documentation and of its own and others' tests (plug, unplug by alias, each form of egd, limits, driver options, several
devices, addresses, models, saved states), the definitions are ours. With -s the table is printed.
"""

import re
import socket
from collections import Counter
from typing import NamedTuple

import fast_host
import pytest
from fast_host import FastHost
from virt_host import BARE, domain_xml

PORTS = BARE + "<controller type='pci' index='0' model='pcie-root'/>" + "".join(
    f"<controller type='pci' index='{index}' model='pcie-root-port'/>" for index in range(1, 7))
RANDOM = "<rng model='virtio'><backend model='random'>/dev/random</backend></rng>"
SEED = "<rng model='virtio'><backend model='builtin'/><alias name='ua-seed'/></rng>"
OTHER = "<rng model='virtio'><rate bytes='99'/><backend model='random'>/dev/urandom</backend><alias name='ua-other'/></rng>"
LOCAL = {"host": "127.0.0.1"}
DONE, NO, PENDING, RESTART = "done", "unchanged", "pending_unplug", "restart_required"


class Case(NamedTuple):
    """A domain that ``have`` (str) gives its devices, in a ``state``, and what is ``asked``. Then the results of both halves (None: it has none), how many
    devices each has, and what stands in the definition (``says``, patterns). ``refused`` (pattern): why it cannot be, and nothing is changed."""

    have: str = ""
    state: str = "shutoff"
    asked: dict = {}
    config: str | None = DONE
    live: str | None = None
    count: int = 1
    running: int = 0
    says: tuple = ()
    machine: str = "q35"
    refused: str | None = None


def egd(kind, *sources, **more):
    return {"backend": "egd", "rate_bytes": 0, "egd": dict(more, type=kind, sources=list(sources))}


def connect(**said):
    return dict(said, mode="connect")


def bind(**said):
    return dict(said, mode="bind")


def hot(asked, **more):
    return Case(state="running", asked=asked, **{"live": DONE, "running": 1, **more})


UNLIMITED = {"backend": "builtin", "rate_bytes": 0}

CASES = {
    # Backends, cold: what each definition becomes.
    "random with its default path": Case(asked={"path": "/dev/random", "rate_bytes": 0}, says=(">/dev/random<",)),
    "random from /dev/urandom": Case(asked={"rate_bytes": 0}, says=(">/dev/urandom<",)),
    "builtin": Case(asked=UNLIMITED, says=("model='builtin'",)),
    "egd tcp connect": Case(asked=egd("tcp", connect(**LOCAL, service="7000", reconnect=5)), says=("mode='connect'", "reconnect enabled='yes'", "type='raw'")),
    "egd tcp bind": Case(asked=egd("tcp", bind(**LOCAL, service="7001")), says=("type='tcp'", "mode='bind'")),
    "egd tcp bind, telnet": Case(asked=egd("tcp", bind(**LOCAL, service="7001"), protocol="telnet"), says=("protocol type='telnet'",)),
    "egd tcp connect, tls": Case(asked=egd("tcp", connect(host="egd.example.org", service="7000", tls=True)), says=("tls='yes'",)),
    "egd udp connect": Case(asked=egd("udp", connect(**LOCAL, service="7002")), says=("type='udp'", "mode='connect'")),
    "egd udp both": Case(asked=egd("udp", bind(**LOCAL, service="7003"), connect(**LOCAL, service="7004")), says=("mode='bind'", "mode='connect'")),
    "egd unix connect": Case(asked=egd("unix", connect(path="/run/egd.sock", reconnect=1)), says=("type='unix'", "timeout='1'")),
    "egd unix bind": Case(asked=egd("unix", bind(path="BOUND")), says=("mode='bind'", "/bound.sock")),
    "egd udp bind alone": Case(asked=egd("udp", bind(**LOCAL, service="7005")), refused="expected one to connect to"),
    "egd tcp connect and bind": Case(asked=egd("tcp", bind(**LOCAL, service="1"), connect(**LOCAL, service="2")), refused="expected one for type tcp"),
    "egd tcp without a port": Case(asked=egd("tcp", connect(**LOCAL)), refused="service is missing"),
    "egd without sources": Case(asked=egd("unix"), refused="found sources of mode none"),
    "egd in plain text from another machine": Case(asked=egd("tcp", connect(host="192.0.2.1", service="7000")), refused="in plain text"),
    "egd through a pty": Case(asked={"backend": "egd", "egd": {"type": "pty", "sources": []}}, refused="value of type must be one of: tcp, udp, unix"),
    "egd through spicevmc": Case(asked={"backend": "egd", "egd": {"type": "spicevmc", "sources": []}}, refused="value of type must be one of"),
    "a backend that libvirt does not know": Case(asked={"backend": "none"}, refused="value of backend must be one of"),
    # Limits.
    "rate": Case(asked={"rate_bytes": 1234, "rate_period": 2000}, says=("rate bytes='1234' period='2000'",)),
    "rate without a period": Case(asked={"rate_bytes": 123}, says=("rate bytes='123' period='1000'",)),
    "rate of 32 bits": Case(asked={"rate_bytes": 4294967295}, says=("bytes='4294967295'",)),
    "rate over 32 bits": Case(asked={"rate_bytes": 4294967296}, refused="expected 0 to 4294967295"),
    "rate below zero": Case(asked={"rate_bytes": -1}, refused="rate_bytes: found -1"),
    "rate taken away": Case(have=OTHER, asked={"rate_bytes": 0, "path": "/dev/urandom"}, says=(r"^(?!.*<rate).*$",)),
    # Driver options and models.
    **{f"driver {name}": Case(asked=dict(UNLIMITED, driver={name: True}), says=(f"{name}='on'",)) for name in ("iommu", "ats", "packed", "page_per_vq")},
    "all driver options": Case(asked=dict(UNLIMITED, driver=dict.fromkeys(("iommu", "ats", "packed", "page_per_vq"), True)), says=("packed='on'",)),
    "driver packed off": Case(asked=dict(UNLIMITED, driver={"packed": False}), says=("packed='off'",)),
    "model virtio-transitional": Case(asked=dict(UNLIMITED, model="virtio-transitional"), says=("model='virtio-transitional'",)),
    "model virtio-non-transitional": Case(asked=dict(UNLIMITED, model="virtio-non-transitional"), says=("model='virtio-non-transitional'",)),
    "model virtio-transitional on pc": Case(asked=dict(UNLIMITED, model="virtio-transitional"), machine="pc", says=("model='virtio-transitional'",)),
    "iommu on a transitional device": Case(asked=dict(UNLIMITED, model="virtio-transitional", driver={"iommu": True}), refused="needs a device without"),
    # Addresses and names.
    "PCI address": Case(have=PORTS, asked=dict(UNLIMITED, address={"bus": 3}), says=("bus='0x03' slot='0x00'",)),
    "PCI address on pc": Case(asked=dict(UNLIMITED, address={"slot": "0x0a"}), machine="pc", says=("bus='0x00' slot='0x0a'",)),
    "PCI address of another device": Case(have=PORTS + RANDOM.replace("</rng>", "<address type='pci' bus='2' slot='0'/></rng>"), asked={
        "backend": "egd", "egd": {"type": "unix", "sources": [bind(path="BOUND")]}, "address": {"bus": 4}}, says=("bus='0x04'",)),
    "PCI address that is taken": Case(have=PORTS + "<controller type='virtio-serial'><address type='pci' bus='2' slot='0'/></controller>",
                                      asked=dict(UNLIMITED, address={"bus": 2}), refused="address PCI 0000:02:00.0: another device of the domain is there"),
    "PCI address that libvirt takes for none": Case(asked=dict(UNLIMITED, address={"function": 1}), refused="expected another bus or slot"),
    "PCI slot that a port does not have": Case(have=PORTS, asked=dict(UNLIMITED, address={"bus": 3, "slot": 1}), refused="has slot 0 alone"),
    "function alone in its slot": Case(asked=dict(UNLIMITED, address={"slot": 10, "function": 2}), machine="pc", refused="give function 0"),
    "address of a channel device on a PCI machine": Case(have=SEED, asked=dict(UNLIMITED, rate_period=5, address={"devno": 1}), refused="no channel devices"),
    "PCI slot that does not exist": Case(asked=dict(UNLIMITED, address={"slot": 32}), refused="found slot 32"),
    "moved to another address": Case(have=PORTS + SEED, asked=dict(UNLIMITED, address={"bus": 5}), says=("bus='0x05'", "ua-seed")),
    "alias": Case(asked=dict(UNLIMITED, alias="ua-entropy"), says=("alias name='ua-entropy'",)),
    "alias that libvirt does not keep": Case(asked=dict(UNLIMITED, alias="rng0"), refused="expected ua-"),
    "alias of another device": Case(have="<controller type='virtio-serial'><alias name='ua-x'/></controller>", asked=dict(UNLIMITED, alias="ua-x"),
                                    refused="another device of the domain has the alias ua-x"),
    "alias and address kept by a replacement": Case(have=PORTS + OTHER.replace("</rng>", "<address type='pci' bus='6' slot='0'/></rng>"), asked=UNLIMITED,
                                                    says=("ua-other", "bus='0x06'", "model='builtin'")),
    "ACPI index kept by a replacement": Case(have=SEED.replace("</rng>", "<acpi index='7'/></rng>"), asked={"rate_bytes": 5}, says=("acpi index='7'",)),
    # Several devices.
    "three devices": Case(asked={"devices": [{}, UNLIMITED, egd("udp", connect(**LOCAL, service="9"))]}, count=3, says=("random", "builtin", "egd")),
    "three devices become one": Case(have=RANDOM + SEED + OTHER, asked=dict(UNLIMITED, exclusive=True), says=("ua-seed",)),
    "two devices at addresses of their own": Case(have=PORTS, asked={"devices": [dict(UNLIMITED, address={"bus": 4}), {"address": {"bus": 2}}]}, count=2,
                                                  says=("bus='0x04'", "bus='0x02'")),
    "one of several replaced by its alias": Case(have=SEED + OTHER, asked={"rate_bytes": 77, "alias": "ua-other"}, count=2, says=("bytes='77'", "builtin")),
    # Coldplug and unplug.
    "cold unplug": Case(have=RANDOM, asked={"state": "absent"}, count=0),
    "cold unplug by alias": Case(have=SEED + OTHER, asked={"state": "absent", "alias": "ua-other"}, says=("ua-seed",)),
    "cold unplug of what is not there": Case(asked={"state": "absent"}, config=NO, count=0),
    "cold unplug by an alias that nothing has": Case(have=SEED, asked={"state": "absent", "alias": "ua-none"}, config=NO),
    "coldplug while it runs": Case(state="running", asked=dict(UNLIMITED, scope="config"), says=("builtin",)),
    # Hotplug and unplug. These guests stay in their firmware and give nothing back; test_virt_rng_confirm and test_virt_guest have some that do.
    "hotplug random": hot({}),
    "hotplug builtin": hot(UNLIMITED),
    "hotplug on pc": hot(UNLIMITED, machine="pc"),
    "hotplug into what runs alone": hot(dict(UNLIMITED, scope="live"), config=None, count=0),
    "hotplug of a transient domain": Case(state="transient", asked=UNLIMITED, config=None, live=DONE, running=1, count=0),
    "hotplug while paused": Case(state="paused", asked=UNLIMITED, live=DONE, running=1),
    "hotplug rate": hot({"rate_bytes": 2048, "rate_period": 500}, says=("bytes='2048' period='500'",)),
    "hotplug packed": hot(dict(UNLIMITED, driver={"packed": True}), says=("packed='on'",)),
    "hotplug iommu and ats": hot(dict(UNLIMITED, driver={"iommu": True, "ats": True}), says=("iommu='on'", "ats='on'")),
    "hotplug page_per_vq": hot(dict(UNLIMITED, driver={"page_per_vq": True}), live=RESTART, running=0, says=("page_per_vq='on'",)),
    "hotplug page_per_vq on pc": hot(dict(UNLIMITED, driver={"page_per_vq": True}), machine="pc", says=("page_per_vq='on'",)),
    "hotplug virtio-non-transitional": hot(dict(UNLIMITED, model="virtio-non-transitional"), says=("non-transitional",)),
    "hotplug virtio-transitional on pc": hot(dict(UNLIMITED, model="virtio-transitional"), machine="pc"),
    "hotplug virtio-transitional on PCIe": hot(dict(UNLIMITED, model="virtio-transitional"), live=RESTART, running=0),
    "hotplug with alias": hot(dict(UNLIMITED, alias="ua-hot"), says=("ua-hot",)),
    "hotplug at an address": hot(dict(UNLIMITED, address={"bus": 4}), have=PORTS, says=("bus='0x04'",)),
    "hotplug egd tcp bind": hot(egd("tcp", bind(**LOCAL, service="0")), says=("mode='bind'",)),
    "hotplug egd udp both": hot(egd("udp", bind(**LOCAL, service="0"), connect(**LOCAL, service="9"))),
    "hotplug egd udp connect": hot(egd("udp", connect(**LOCAL, service="9"))),
    "hotplug egd tcp connect": hot(egd("tcp", connect(**LOCAL, service="PORT")), says=("mode='connect'",)),
    "hotplug egd unix bind": hot(egd("unix", bind(path="BOUND")), says=("mode='bind'",)),
    "hotplug egd unix connect": hot(egd("unix", connect(path="SOCKET"))),
    "hotplug egd unix connect, nobody there": hot(egd("unix", connect(path="/nowhere/egd.sock", reconnect=1)), live=RESTART, running=0),
    "hotplug three devices": hot({"devices": [{}, dict(UNLIMITED), {"rate_bytes": 5}]}, have=PORTS, running=3, count=3),
    "hotplug where no port is free": Case(have=BARE + "<controller type='pci' index='0' model='pcie-root'/>", state="running", asked=UNLIMITED, live=RESTART),
    "hot unplug": Case(have=RANDOM, state="running", asked={"state": "absent"}, live=PENDING, running=1, count=0),
    "hot unplug by alias": Case(have=PORTS + SEED + OTHER, state="running", asked={"state": "absent", "alias": "ua-seed"}, live=PENDING, running=2,
                                says=("ua-other",)),
    "hot unplug by the name of what runs": Case(have=RANDOM, state="running", asked={"state": "absent", "alias": "rng0", "scope": "live"}, config=None,
                                                live=PENDING, running=1),
    "changed while it runs": Case(have=OTHER, state="running", asked=UNLIMITED, live=RESTART, running=1, says=("builtin", "ua-other")),
    "replaced while it runs, nobody looks": Case(have=PORTS + OTHER, state="running", asked=dict(UNLIMITED, replace_live=True), live=PENDING, running=2),
    "replaced while it runs": Case(have=PORTS + OTHER, state="running", asked=dict(UNLIMITED, replace_live=True, confirmed=["*"]), live=PENDING, running=2),
    # Saved states: the definition changes, and what is saved comes back first (test_virt_rng_states reverts to snapshots).
    "managed save": Case(have=RANDOM, state="saved", asked=UNLIMITED, says=("builtin",)),
}
# What only another architecture has: libvirt's test driver takes its definitions, without QEMU.
CCW = ("<domain type='qemu'><name>{}ccw</name><memory>262144</memory>"
       "<os><type arch='s390x' machine='s390-ccw-virtio'>hvm</type></os><devices>{}</devices></domain>")


@pytest.fixture(scope="module")
def ends(daemon):
    """What stands for the ends (dict, str to str) of what is listened on, and of what is bound."""
    path = daemon.state / "run/cases.sock"
    with socket.socket(socket.AF_UNIX) as server, socket.create_server(("127.0.0.1", 0)) as port:
        server.bind(str(path))
        server.listen(8)
        path.chmod(0o777)
        yield {"SOCKET": str(path), "PORT": str(port.getsockname()[1]), "BOUND": str(daemon.state / "run/bound.sock")}
    path.unlink()


@pytest.fixture(scope="module")
def host(daemon):
    """All domains of the table, each named after its case's number."""
    with FastHost(daemon.uri) as host:
        refused = host.make(*[(domain_xml(name_of(host, name), case.have, case.machine), case.state, None) for name, case in CASES.items()])
        assert not refused, refused
        yield host


def name_of(host, name):
    return f"{host.prefix}{[*CASES].index(name)}"


def placed(asked, ends):
    """Return the options ``asked`` (dict) with real ``ends`` (dict) of what is connected."""
    if "egd" not in asked:
        return asked
    sources = [{name: ends.get(value, value) if isinstance(value, str) else value for name, value in one.items()} for one in asked["egd"]["sources"]]
    return dict(asked, egd=dict(asked["egd"], sources=sources))


def rngs(xml):
    return re.findall(r"<rng\b.*?</rng>", xml[xml.rindex("<devices>"):], re.DOTALL) if xml else []


def results_of(result):
    """Return the results (tuple of str or None) of both halves of the one domain of ``result``."""
    (row,) = result["domains"]
    return tuple(row[half] and row[half]["result"] for half in ("config", "live"))


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_libvirts(host, ends, name):
    case, domain = CASES[name], name_of(host, name)
    options = dict({"unplug_timeout": 0, "settle": 0}, **placed(case.asked, ends), domains=[domain])
    before = host.look()[domain]
    predicted = host.predict(**options)
    result = host.rng(**options)
    both = host.look()[domain]
    if case.refused:
        assert result["failed"] and re.search(case.refused, result["msg"]), result["msg"]
        assert both == before and predicted == result
        print(f"cannot be  {name}: {case.refused}")
        return
    found = results_of(result)
    assert found == (case.config, case.live), result
    definition, running = rngs(both["definition"]), rngs(both["running"])
    assert (len(definition), len(running)) == (case.count if case.config or case.state != "transient" else 0, case.running), result
    assert all(re.search(pattern, "\n".join(definition or running), re.DOTALL) for pattern in case.says), definition
    if case.live != PENDING or "nobody" in name:
        assert predicted == result
    again = host.rng(**options)
    assert not again["changed"] and host.look()[domain] == both, again
    print(f"passes     {name}")


def test_a_channel_device_is_given_the_address_that_is_asked_for(tmp_path):
    with FastHost(fast_host.test_driver(tmp_path)) as host:
        assert not host.make((CCW.format(host.prefix, ""), "shutoff", None))
        assert not host.rng(backend="builtin", rate_bytes=0, address={"devno": "0x2a"}).get("failed")
        assert "<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x002a'/>" in [*host.look().values()][0]["definition"]
        host.rng(backend="random", rate_bytes=0)
        assert "devno='0x002a'" in [*host.look().values()][0]["definition"]


# QEMU's word on what libvirt took: those that need nobody at another end.
STARTED = ("random from /dev/urandom", "rate", "driver iommu", "driver ats", "driver packed", "driver page_per_vq", "all driver options",
           "model virtio-transitional on pc", "model virtio-non-transitional", "PCI address", "PCI address on pc", "moved to another address", "three devices",
           "alias and address kept by a replacement", "ACPI index kept by a replacement")


def test_definitions_start(host, daemon):
    for case in STARTED:
        host.rng(**CASES[case].asked, domains=[name_of(host, case)])
    daemon.virsh("; ".join(f"start {name_of(host, case)}" for case in STARTED))
    running = host.look()
    assert {case: len(rngs(running[name_of(host, case)]["running"])) for case in STARTED} == {case: CASES[case].count for case in STARTED}


def test_the_table_says_how_many_pass():
    found = Counter("cannot be" if case.refused else "passes" for case in CASES.values())
    assert found == {"passes": 72, "cannot be": 19}
