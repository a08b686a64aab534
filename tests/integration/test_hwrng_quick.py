# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""hwrng on the real kernels 5.10, 6.1, 6.12 and 7.2, with two devices: what the kernel really does with what it is told."""

import json

import pytest
from entropy_quick import COLLECTION, INSIDE, UTILITIES
from lab import quick

SUITES = ("bullseye", "bookworm", "trixie", "forky")
HAS_QUALITY = {"bullseye": False, "bookworm": True, "trixie": True, "forky": True}
TWO_DEVICES = (*quick.virtio_rng(), "-device", "virtio-rng-pci,rng=source")

# Does each of its steps (dict of options, or text: a udev rule's shell to run) and prints what came of it and what the kernel has then.
_SCRIPT = """#!/usr/bin/python3
import json, os, subprocess, sys
sys.path.insert(0, "/collections")
subprocess.run(["/lab/load", "virtio_pci", "virtio_rng"], check=True)
os.makedirs("/tmp/etc/udev/rules.d")
from ansible_collections.kvm.entropy.plugins.module_utils import _hwrng, _hwrng_rule
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_hwrng import Sources
sources, rule = Sources(), _hwrng_rule.Rule("/tmp")
did = []
for step in json.loads(%r):
    options = dict({"quality": None, "persist": False, "force": False}, **step)
    try:
        if step.get("run_rule"):
            shell = rule.read().split("/bin/sh -c '")[1].split("'")[0].replace("$$", "$")
            done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True)
            result = {"status": done.returncode, "said": done.stdout + done.stderr}
        else:
            result = _hwrng.make_so(sources, rule, options, step.get("check", False))
    except EntropyError as error:
        result = {"error": str(error)}
    did.append([result, sources.state()])
print("DID " + json.dumps(did))
"""


def run(suite, *steps, device=TWO_DEVICES, **knobs):
    """Boot ``suite``'s kernel and return, for each of ``steps`` (dict), the result and the kernel's state after it."""
    files = {"%s/%s" % (INSIDE, path.name): path for path in (COLLECTION / UTILITIES).glob("_*.py")}
    result = quick.run(suite, _SCRIPT % json.dumps(steps), files=files, device=device, **knobs)
    assert result.status == 0, result.output
    return result.json("DID ")


@pytest.mark.parametrize("suite", SUITES)
def test_a_source_is_chosen_by_name_and_by_driver(suite):
    first, second, driver, again = run(suite, {"source": "virtio_rng.0"}, {"source": "virtio_rng.1"}, {"source": "virtio_rng"},
                                       {"source": "virtio_rng", "persist": True, "check": True})
    assert {first[1]["current"], second[1]["current"]} == {"virtio_rng.0", "virtio_rng.1"}
    assert second[0]["changed"] is True
    assert (driver[0]["changed"], driver[1]["current"]) == (False, "virtio_rng.1")
    assert (again[0]["changed"], again[0]["before"]["rule"]) == (True, None)


@pytest.mark.parametrize("suite", [suite for suite in SUITES if HAS_QUALITY[suite]])
def test_every_quality_is_what_the_kernel_has_afterwards_and_once_is_enough(suite):
    steps = [{"source": "virtio_rng.1", "quality": quality} for quality in (1, 500, 1000)]
    *set_once, again = run(suite, *steps, steps[-1])
    for (result, state), step in zip(set_once, steps, strict=True):
        assert result.get("changed") is True, result
        assert (state["current"], state["quality"]) == ("virtio_rng.1", step["quality"])
    assert again[0]["changed"] is False


@pytest.mark.parametrize("suite", [suite for suite in SUITES if HAS_QUALITY[suite]])
def test_quality_zero_is_possible_though_newer_kernels_take_it_for_undeclared(suite):
    zero, again = run(suite, *[{"source": "virtio_rng", "quality": 0}] * 2, device=quick.virtio_rng())
    assert (zero[0]["changed"], zero[1]["current"], zero[1]["quality"]) == (True, "virtio_rng.0", 0)
    assert again[0]["changed"] is False


def test_a_kernel_before_5_18_refuses_a_quality_and_keeps_its_source():
    ((result, state),) = run("bullseye", {"source": "virtio_rng", "quality": 500})
    assert "this kernel has no rng_quality (5.18 and newer have)" in result["error"]
    assert (state["current"].startswith("virtio_rng."), state["has_quality"]) == (True, False)


def test_more_than_the_driver_declares_takes_force():
    refused, forced = run("bookworm", {"source": "virtio_rng", "quality": 1024}, {"source": "virtio_rng", "quality": 1024, "force": True})
    assert "is more than the 1000 that its driver declares" in refused[0]["error"]
    assert refused[1]["quality"] == 1000
    assert (forced[0]["changed"], forced[1]["quality"]) == (True, 1024)


def test_none_stops_the_feed_where_the_kernel_offers_it():
    ((stopped, state), (back, state_back)) = run("trixie", {"source": "none"}, {"source": "virtio_rng"})
    assert (stopped["changed"], state["current"], state["quality"]) == (True, "none", None)
    assert (back["changed"], state_back["current"]) == (True, "virtio_rng.0")


def test_none_is_refused_where_the_kernel_does_not_know_it():
    ((result, state),) = run("bookworm", {"source": "none"})
    assert "source none: this kernel has none. Available: virtio_rng.0 virtio_rng.1" in result["error"]
    assert state["current"].startswith("virtio_rng.")


@pytest.mark.parametrize("suite", [suite for suite in SUITES if HAS_QUALITY[suite]])
def test_the_rules_own_shell_makes_the_same_choice(suite):
    wanted = {"source": "virtio_rng.1", "quality": 700, "persist": True}
    _asked, _other, (shell, state) = run(suite, wanted, dict(wanted, source="virtio_rng.0", quality=900, check=True), {"run_rule": True, "source": ""})
    assert shell == {"status": 0, "said": ""}
    assert (state["current"], state["quality"]) == ("virtio_rng.1", 700)


def test_a_command_line_of_quality_zero_is_cured():
    ((result, state),) = run("forky", {"source": "virtio_rng", "quality": 1000}, append="rng_core.default_quality=0")
    assert (result["changed"], result["before"]["quality"], state["quality"]) == (True, 0, 1000)
