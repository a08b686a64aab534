# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domain XML of any shape: a domain whose XML is not understood fails alone and in words, and its neighbour is treated as ever."""

import random
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).absolute().parents[1] / "integration"))

from ansible_collections.kvm.entropy.plugins.module_utils import (  # noqa: E402
    _libvirt,
    _restart_act,
    _restart_decide,
    _rng_access,
    _virt_restart,
    _virt_rng,
    _virt_rng_info,
)
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError  # noqa: E402
from ansible_collections.kvm.entropy.plugins.module_utils._refusals import RefusedError  # noqa: E402
from ansible_collections.kvm.entropy.plugins.modules import virt_rng  # noqa: E402
from definitions import definitions  # noqa: E402
from virt_fakes import RANDOM, FakeConnection, FakeDomain  # noqa: E402

# What the daemon adds to a definition, to what runs and to devices, which definitions that people write lack.
_ADDED = (
    "<controller type='pci' index='0' model='pcie-root'/><controller type='pci' index='1' model='pcie-root-port'><target chassis='1' hotplug='off'/>"
    "<address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/></controller>"
    "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>"
    "<rng model='virtio'><rate bytes='64' period='500'/><backend model='random'>/dev/random</backend><alias name='rng7'/>"
    "<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></rng>")
BASES = [xml.replace("</devices>", f"{_ADDED}</devices>", 1) for xml in definitions().values()] + [FakeDomain([RANDOM]).definition()]
_VALUES = ("", "0", "-1", "0x", "0xffffffffffffffffff", "9" * 5000, "none", "\u0661", "yes", "1e9", " 7 ", "a\nb", "<rng>", "&", "]]>", "\u202e", "x" * 9999)
_NAMES = ("rng", "backend", "rate", "driver", "address", "alias", "model", "source", "os", "type", "devices", "controller", "target", "metadata", "x")

SIZES = {"domains": ["*"], "exclude": [], "uri": "qemu:///system", "max_results": 500, "max_changes": 0, "managed_elsewhere": "refuse"}
RESTART = dict(SIZES, wait_for="auto", shutdown_timeout=0, force=True, up_timeout=0, at_once=2)
RNG = dict({name: option.get("default") for name, option in virt_rng.argument_spec().items()}, **SIZES, settle=0, unplug_timeout=0)


def mutated(xml, chance, edits):
    """Return ``xml`` (str) after ``edits`` changes of its tree: attributes, texts and elements that are changed, taken away, doubled or moved."""
    root = ElementTree.fromstring(xml)
    near = list(root.iter("rng"))
    for _edit in range(edits):
        elements = list(root.iter())
        element = chance.choice([inner for rng in near for inner in rng.iter()] if near and chance.random() < 0.6 else elements)
        what = chance.randrange(6)
        if what == 0 and element.attrib:
            element.set(chance.choice(sorted(element.attrib)), chance.choice(_VALUES))
        elif what == 1 and element.attrib:
            del element.attrib[chance.choice(sorted(element.attrib))]
        elif what == 2:
            element.text = chance.choice(_VALUES)
        elif what == 3 and len(element):
            element.remove(chance.choice(list(element)))
        elif what == 4 and len(element):
            element.append(chance.choice(list(element)))
        else:
            element.tag = chance.choice(_NAMES)
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>").replace('"', "'")


@st.composite
def xmls(draw):
    """Return the XML (str) of a domain as no libvirt would write it: mutated in its tree, and sometimes in its text."""
    chance = random.Random(draw(st.integers(0, 2 ** 32)))  # noqa: S311
    xml = mutated(chance.choice(BASES), chance, chance.choice((0, 1, 1, 2, 5, 20)))
    if chance.random() < 0.2:
        start = chance.randrange(len(xml))
        xml = xml[:start] + chance.choice((*_VALUES, "\0", "\ud800", "")) + xml[start + chance.randrange(50):]
    return xml


class Odd(FakeDomain):
    """A domain that has ``xml`` (str) as its definition, and ``live`` as what runs, or as its managed save."""

    def __init__(self, xml, live, is_saved):
        super().__init__([RANDOM], live=None if live is None or is_saved else [RANDOM], name="odd")
        self._definition, self._live, self.has_managed_save = xml, live, is_saved and live is not None

    def definition(self):
        return self._definition

    def running(self):
        return self._live

    saved = running

    def detach(self, element):
        raise RefusedError("missing", "another device is there")


class Still(FakeDomain):
    """A domain that never powers off."""

    def run_id(self):
        return 1

    def shut_down(self):
        pass

    destroy = start = shut_down

    def is_saved(self):
        return False

    def signs_seen(self):
        return {"agent", "disk", "interface"}


class OddRun(Odd, Still):
    """Both."""


def results(work):
    """Return the result (dict) of ``work()``, also of its failure."""
    try:
        return work()
    except EntropyError as error:
        assert str(error) and len(str(error)) < 30000
        return error.results


def words(result, name):
    (found,) = [row for row in result["domains"] if row["name"] == name]
    return found


odd = st.builds(OddRun, xmls(), st.none() | xmls(), st.booleans())


@pytest.fixture
def connect(monkeypatch):
    """Return a function that makes ``domains`` those of the next connection."""
    def to(*domains):
        for name in ("connect", "connect_read_only"):
            monkeypatch.setattr(_libvirt, name, lambda *_unused, **_named: FakeConnection(domains, (None, "not told")))
    return to


@examples(200)
@given(odd)
def test_virt_rng_treats_the_neighbour_of_an_odd_domain_as_ever(connect, domain):
    neighbour = FakeDomain([], name="plain")
    connect(domain, neighbour)
    result = results(lambda: _virt_rng.run(RNG, False, True, lambda _text: None))
    assert words(result, "plain")["config"]["result"] == "done" and len(neighbour.config) == 1
    assert result["summary"]["matched"] == 2


@examples(200)
@given(odd)
def test_virt_rng_info_reads_the_neighbour_of_an_odd_domain_as_ever(domain):
    access = _rng_access.Access(SimpleNamespace(uri="qemu:///system", capabilities=lambda: "<capabilities/>"))
    rows, failures = _virt_rng_info._read([domain, FakeDomain([RANDOM], name="plain")], "qemu:///system", access)
    assert [row["drift"] for row in rows if row["name"] == "plain"] == [False]
    assert len(rows) + len(failures) == 2 and all(why for _name, why in failures)
    assert [name for name, _why in failures if name == "plain"] == []


@examples(200)
@given(odd)
def test_virt_restart_restarts_the_neighbour_of_an_odd_domain_as_ever(domain):
    neighbour = Still([RANDOM], live=[], name="plain")
    cases = [_restart_decide.decide(one, True, "auto") for one in (domain, neighbour)]
    chosen = [case for case in cases if case.is_to_restart]
    assert cases[1] in chosen
    terms = _restart_act.Terms(0, 0, 2, False)
    record = type("Record", (), {"note": lambda *_unused: None, "forget": lambda *_unused: None})()
    _restart_act.restart(chosen, terms, record, lambda _seconds: None, lambda: False)
    _virt_restart._report(cases, 500, True, 10 ** 6)
    assert all(case.reason for case in cases if case.is_failed)
