# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of any kind and value: a module ends with a result, or with a failure in words; never with a traceback.

The modules run in this process as Ansible would run them, on a libvirt and a kernel without anything in them.
"""

import json
import math

import pytest
from ansible.module_utils import basic
from ansible_collections.kvm.entropy.plugins.module_utils import _libvirt, _virt_bindings
from ansible_collections.kvm.entropy.plugins.modules import entropy_facts, hwrng, virt_restart, virt_rng, virt_rng_info
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from virt_fakes import RANDOM, FakeConnection, FakeDomain

NUMBERS = st.sampled_from((
    0, 1, -1, 5, 2 ** 31, 2 ** 63, 10 ** 400, -10 ** 400, 0.5, math.inf, -math.inf, math.nan, True, False, "1", "-1", "inf", "nan", "1e999999999",
    "1" + "0" * 400, "0x10", "", "1_0", "\u0661", "1.0"))
TEXTS = st.one_of(st.sampled_from((
    "", "*", "odd", "[z-a]", "[!", "\0", "a\0b", "\ud800", "\udc80\udcff", "\u202e", "/", "/dev/urandom", "/dev/kmsg", "/dev/ur\0andom", "/dev/\udc80", "//",
    "~", "$HOME", "/" + "x" * 5000, "x" * 300, "none", "qemu:///system", "qemu://[::1", "qemu+ssh://h/system", "te\0st:///", "test:///\ud800", "http://\u2100/",
    "{{ 1 }}", "present", "random", "unix", "tcp", "connect", "\n", "'", "<rng/>", "127.0.0.1", "localhost")), st.text(max_size=20))
# Not deeper, as json itself gives up there on either side.
DEEP = st.integers(1, 200).map(lambda depth: json.loads("[" * depth + "]" * depth))
ANY = st.recursive(st.none() | NUMBERS | TEXTS | DEEP, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6)


def fitting(option):
    """Return a strategy of values for an ``option`` (dict of the argument spec): of its type, more often than not."""
    kind = option.get("type", "str")
    own = {"int": NUMBERS, "float": NUMBERS, "bool": st.booleans() | TEXTS}.get(kind, TEXTS)
    if "choices" in option:
        own = st.sampled_from(option["choices"])
    if kind in ("dict", "list") and "options" in option:
        own = of_spec(option["options"])
    if kind == "list":
        own = st.lists(own, max_size=3)
    return st.one_of(own, own, own, ANY)


def of_spec(spec):
    """Return a strategy of options (dict) for an argument ``spec`` (dict)."""
    needed = {name: fitting(option) for name, option in spec.items() if option.get("required")}
    return st.fixed_dictionaries(needed, optional={name: fitting(option) for name, option in spec.items() if name not in needed})


def spec_of(module):
    """Return the argument spec (dict) of a module, as it gives it to Ansible."""
    class AskedError(Exception):
        pass

    def ask(argument_spec, **_unused):
        raise AskedError(argument_spec)
    real, module.OptionsModule = module.OptionsModule, ask
    try:
        module.main()
    except AskedError as asked:
        return asked.args[0]
    finally:
        module.OptionsModule = real
    raise AssertionError("it made no module")


MODULES = (virt_rng, virt_rng_info, virt_restart, hwrng, entropy_facts)
SPECS = {module: spec_of(module) for module in MODULES}


class NoSources:
    """A kernel without hardware sources."""

    def state(self):
        return {"available": ["none"], "current": "none", "quality": None, "has_quality": False, "cmdline": {}}


def connect(uri, **_unused):
    """Return a daemon with one domain, as ``_libvirt.connect`` does."""
    _libvirt.is_local(uri)
    found = FakeConnection([FakeDomain([RANDOM], name="odd")], (None, "not told"))
    found.versions = lambda: (None, None, None)
    return found


@pytest.fixture
def ended(monkeypatch, tmp_path):
    """Return a function that runs a module with ``options`` and returns its result (dict)."""
    for name in ("connect", "connect_read_only"):
        monkeypatch.setattr(_libvirt, name, connect)
    monkeypatch.setattr(_virt_bindings, "require", lambda: None)
    monkeypatch.setattr(hwrng, "Sources", NoSources)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)

    def run(module, options):
        asked = dict(options, _ansible_check_mode=True, _ansible_diff=True, _ansible_remote_tmp=str(tmp_path))
        results = []

        def take(_module, result):
            results.append(json.loads(json.dumps(result)))
        # Not by JSON on both sides: where a test has loaded a controller, its coders refuse what a target's take.
        monkeypatch.setattr(basic, "_load_params", lambda: json.loads(json.dumps(asked)))
        monkeypatch.setattr(basic.AnsibleModule, "_return_formatted", take)
        with pytest.raises(SystemExit):
            module.main()
        return results[0]
    return run


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_module_ends_in_words_whatever_it_is_asked(ended, module):
    @examples(100)
    @given(of_spec(SPECS[module]))
    def check(options):
        result = ended(module, options)
        assert result.get("failed", False) is ("msg" in result)
        if result.get("failed"):
            assert 0 < len(result["msg"]) < 30000 and "Traceback" not in result["msg"]
    check()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_number_that_is_none_is_named_with_its_option(ended, module):
    @examples(40)
    @given(st.data())
    def check(data):
        spec = SPECS[module]
        name = data.draw(st.sampled_from([name for name, option in spec.items() if option.get("type") in ("int", "float")]))
        value = data.draw(st.sampled_from((math.inf, -math.inf, math.nan, 10 ** 400, -10 ** 400, "1e999999999", "1" + "0" * 400, True)))
        needed = {"domains": ["*"], "source": "none"}
        result = ended(module, dict({key: needed[key] for key in spec if key in needed and spec[key].get("required")}, **{name: value}))
        assert result["failed"] and result["msg"].startswith(f"{name}: found ") and "expected" in result["msg"] and len(result["msg"]) < 400
    check()
