# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role host and audit on a host whose backends are not right for its guests: refused before, told after, never twice, in check mode too."""

import json
import os
import subprocess
import textwrap
from pathlib import Path

import pytest
from controller import Controller
from virt_host import RNG, SYSTEM_PYTHON, row

CURRENT = Path("/sys/class/misc/hw_random/rng_current")
UNSHARE = ["unshare", "--mount"] + ([] if os.getuid() == 0 else ["--map-root-user"])
needs_hwrng = pytest.mark.skipif(
    not (CURRENT.exists() and os.path.exists("/dev/hwrng")) or subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0,
    reason="this machine has no /dev/hwrng, or no mount namespace for this user")

# Makes the host's kernel say that its CRNG is not ready, which no machine that has booted can be brought back to.
NOT_READY = """
import os
def waiting(size, flags=0):
    raise BlockingIOError
os.getrandom = waiting
"""

# Every terminal has the major of a device for local and experimental use.
VENDORS = """
import os
plain = os.major
os.major = lambda device: 240 if plain(device) == 136 else plain(device)
"""


def with_path(path):
    return RNG.replace("/dev/urandom", path)


class Kvm:
    """A KVM host for Ansible: this machine's private libvirt, and the interpreter that its modules run under."""

    def __init__(self, host, folder):
        self.host = host
        self._folder = folder
        self._python = SYSTEM_PYTHON

    def source(self, name):
        """Make the kernel's rng_current say ``name`` to the modules, and to them alone, and its device one that QEMU's user may read."""
        (self._folder / "rng_current").write_text(f"{name}\n")
        node = self._folder / "hwrng"
        if not node.exists():
            os.mknod(node, 0o020644, os.makedev(10, 183))
            node.chmod(0o644)
        binds = f"mount --bind {self._folder}/rng_current {CURRENT} && mount --bind {node} /dev/hwrng"
        self._script(f"exec {' '.join(UNSHARE)} sh -c '{binds} && exec {SYSTEM_PYTHON} \"$@\"' python3 \"$@\"")

    def not_ready(self):
        """Make the kernel say to the modules that its CRNG is not ready."""
        (self._folder / "sitecustomize.py").write_text(NOT_READY)
        self._script(f"PYTHONPATH={self._folder} exec {SYSTEM_PYTHON} \"$@\"")

    def vendors_device(self):
        """Make the terminals of the fixture ``silent`` a vendor's devices to the modules."""
        (self._folder / "sitecustomize.py").write_text(VENDORS)
        self._script(f"PYTHONPATH={self._folder} exec {SYSTEM_PYTHON} \"$@\"")

    def play(self, playbook, *words, **variables):
        """Run a playbook on the host; return the Run."""
        known = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": str(self._python),
                 "entropy_host_uri": self.host.uri, "entropy_host_install": False, "entropy_verify_expect": "host-only"}
        (self._folder / "inventory.json").write_text(json.dumps({"kvm_hosts": {"hosts": {"kvm1": {**known, **variables}}}}))
        return Controller(self._folder / "inventory.json", self._folder).play(playbook, *words)

    def _script(self, text):
        self._python = self._folder / "python3"
        self._python.write_text(textwrap.dedent(f"#!/bin/sh\n{text}\n"))
        self._python.chmod(0o755)


@pytest.fixture
def kvm(host, tmp_path):
    return Kvm(host, tmp_path)


@pytest.fixture
def silent():
    """A character device that every user may read and that never delivers anything."""
    ours, theirs = os.openpty()
    path = os.ttyname(theirs)
    os.chmod(path, 0o666)  # noqa: S103  QEMU runs as nobody
    yield path
    os.close(ours)
    os.close(theirs)


def backend(found, path):
    """Return the one entry of ``path`` among those of host.capacity."""
    (entry,) = [one for one in found if one["path"] == path]
    return entry


def test_every_backend_is_told_with_the_domains_that_have_it(host):
    for name, devices in (("a", RNG), ("b", RNG.replace("1024", "64")), ("c", "<rng model='virtio'><backend model='builtin'/></rng>"),
                          ("d", with_path("/not/there"))):
        host.define(name, devices, start=name in ("a", "c"))
    result = host.info()
    found = result["host"]["capacity"]
    assert [(one["backend"], one["path"], one["kind"], one["domains"], one["running"], one["limit"], one["unlimited"], one["enough"]) for one in found] == [
        ("builtin", None, "builtin", 1, 1, 0, 1, True), ("random", "/dev/urandom", "urandom", 2, 1, 1024, 0, True),
        ("random", "/not/there", "missing", 1, 0, 0, 0, False)]
    assert row(result, "a")["live"]
    assert host.info(domains=["c"])["host"]["capacity"] == found[:1]


def test_a_device_is_read_only_when_asked_and_only_while_a_domain_runs_with_it(host, silent, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(VENDORS)
    vendors = {"PYTHONPATH": str(tmp_path)}
    host.define("web", with_path(silent))
    assert "no domain runs with it" in backend(host.info(vendors, capacity_bytes=64, capacity_timeout=1)["host"]["capacity"], silent)["reason"]
    host.virsh("start", "web")
    assert "capacity_bytes is 0" in backend(host.info(vendors)["host"]["capacity"], silent)["reason"]
    measured = backend(host.info(vendors, capacity_bytes=64, capacity_timeout=1)["host"]["capacity"], silent)
    assert (measured["delivered"], measured["enough"]) == (0, False)


@pytest.mark.parametrize("option, value", [("capacity_bytes", -1), ("capacity_bytes", 2 ** 21), ("capacity_timeout", 0), ("capacity_timeout", 61)])
def test_a_budget_out_of_range_is_refused(host, option, value):
    result = host.info(**{option: value})
    assert result["failed"] and f"{option}: found {value}, expected" in result["msg"]


@pytest.mark.skipif(not CURRENT.exists() or CURRENT.read_text().strip() in ("none", "") or os.getuid() != 0, reason="no hardware source here, or no root")
def test_the_hardware_source_of_this_machine_is_measured(host):
    host.define("web", with_path("/dev/hwrng"))
    entry = backend(host.info(capacity_bytes=256, capacity_timeout=10)["host"]["capacity"], "/dev/hwrng")
    assert (entry["kind"], entry["unsafe"], entry["running"]) == ("hwrng", False, 0)
    assert entry["delivered"] > 0


@needs_hwrng
@pytest.mark.parametrize("words", [["--check"], []])
def test_hwrng_is_refused_on_a_host_without_a_source(kvm, words):
    kvm.source("none")
    kvm.host.define("web", RNG)
    run = kvm.play("kvm.entropy.host", *words, entropy_host_path="/dev/hwrng")
    assert run.status == 2, run.output
    assert "this host has no hardware source behind it (rng_current is none): nothing was changed" in run.output
    assert kvm.host.config("web") == [RNG]


@needs_hwrng
def test_a_source_that_vanished_is_named_with_its_domains_until_they_have_another(kvm):
    kvm.source("tpm-rng-0")
    kvm.host.define("web")
    run = kvm.play("kvm.entropy.host", entropy_host_path="/dev/hwrng", entropy_host_capacity_bytes=0)
    assert run.status == 0 and kvm.host.config("web") == [with_path("/dev/hwrng")], run.output
    assert "kvm1: /dev/hwrng" not in run.output
    kvm.source("none")
    audit = kvm.play("kvm.entropy.audit")
    assert audit.status == 0, audit.output
    assert "kvm1: /dev/hwrng has no hardware source behind it" in audit.output
    assert "domain web on kvm1: DEGRADED" in audit.output and "unsafe-backend" in audit.output
    assert backend(audit.facts("kvm1")["entropy_domains"]["host"]["capacity"], "/dev/hwrng")["unsafe"] is True
    for words in (["--check"], []):
        again = kvm.play("kvm.entropy.host", *words, entropy_host_path="/dev/hwrng")
        assert again.status == 2 and "kvm1: /dev/hwrng has no hardware source behind it" in again.output, again.output
    mended = kvm.play("kvm.entropy.site")
    assert mended.status == 0 and "kvm1: /dev/hwrng" not in mended.output, mended.output
    assert "1 ok, 0 degraded, 0 broken, 0 unknown" in mended.output


def test_a_backend_that_delivers_nothing_is_told_once_and_degrades_its_guests(kvm, silent):
    kvm.vendors_device()
    kvm.host.define("web", with_path(silent), start=True)
    for playbook, words in (("kvm.entropy.audit", []), ("kvm.entropy.site", ["--check"]), ("kvm.entropy.site", [])):
        run = kvm.play(playbook, *words, entropy_host_capacity_bytes="64", entropy_host_capacity_timeout="1")
        assert run.status == 0, run.output
        assert run.output.count(f"kvm1: {silent} delivers nothing. Domains with it: 1, running: 1") == 1
        assert "domain web on kvm1: DEGRADED" in run.output and "backend-starves" in run.output


def test_nothing_is_told_where_all_is_well_unless_asked(kvm):
    kvm.host.define("web", RNG)
    quiet, loud = kvm.play("kvm.entropy.host"), kvm.play("kvm.entropy.host", "-v")
    assert (quiet.status, loud.status) == (0, 0), loud.output
    assert "kvm1: /dev/urandom" not in quiet.output
    assert "kvm1: /dev/urandom: the kernel's own generator, which is never short" in loud.output


@pytest.mark.parametrize("words", [["--check"], []])
def test_a_host_that_is_not_ready_itself_gives_nothing_to_its_guests(kvm, words):
    kvm.not_ready()
    kvm.host.define("web")
    run = kvm.play("kvm.entropy.host", *words)
    assert run.status == 2, run.output
    assert "kvm1: the host's own generator is not sound, and its guests would inherit that. not-ready" in run.output
    assert kvm.host.config("web") == []


@pytest.mark.parametrize("words", [["--check"], []])
def test_a_backend_that_is_no_random_source_is_refused_and_told_until_it_is_replaced(kvm, silent, words):
    kvm.host.define("web", RNG)
    refused = kvm.play("kvm.entropy.host", *words, entropy_host_path=silent, entropy_host_allow_unknown_backend=True)
    assert refused.status == 2 and "which is no source of random numbers: nothing was changed" in refused.output and kvm.host.config("web") == [RNG]
    kvm.host.define("old", with_path(silent))
    audit = kvm.play("kvm.entropy.audit")
    assert "domain old on kvm1: BROKEN" in audit.output and "source-stuck" in audit.output and "no source of random numbers" in audit.output
    mended = kvm.play("kvm.entropy.host", *words)
    assert mended.status == 0 and mended.counts["kvm1"]["changed"] == 1, mended.output
    removed = kvm.play("kvm.entropy.host", *words, entropy_host_state="absent")
    assert removed.status == 0, removed.output


def test_a_vendors_device_is_a_backend_only_where_somebody_vouches_for_it(kvm, silent):
    kvm.vendors_device()
    kvm.host.define("web", RNG)
    refused = kvm.play("kvm.entropy.host", entropy_host_path=silent)
    assert refused.status == 2 and "give allow_unknown_backend: true" in refused.output and kvm.host.config("web") == [RNG]
    allowed = kvm.play("kvm.entropy.host", entropy_host_path=silent, entropy_host_allow_unknown_backend=True)
    assert allowed.status == 0 and kvm.host.config("web") == [with_path(silent)], allowed.output
    assert backend(allowed.facts("kvm1")["entropy_domains"]["host"]["capacity"], silent)["kind"] == "device"
