# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""hwrng and entropy_facts in a whole Debian with systemd and udev: across boots, and across unplugging and plugging."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lab.fleet import Lab

# trixie: its kernel tells and keeps qualities, and offers "none".
SUITE = "trixie"
RULE = "/etc/udev/rules.d/60-kvm-entropy-hwrng.rules"
HW_RANDOM = "/sys/class/misc/hw_random"
RNG = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    """A running guest with the device, in a lab of its own."""
    with Lab(tmp_path_factory.mktemp("hwrng"), ["sources=%s,rng" % SUITE]) as lab:
        yield lab.guests["sources"]


@pytest.fixture
def module(guest, tmp_path):
    """A function that runs a module of the collection in the guest, as a user (str), and returns its result (dict)."""
    def run(name, *words, user="root", **options):
        inventory = tmp_path / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": {guest.name: {
            "ansible_host": "127.0.0.1", "ansible_port": guest.port, "ansible_user": user, "ansible_ssh_private_key_file": str(guest.key),
            "ansible_ssh_common_args": " ".join(guest.ssh_options()), "ansible_python_interpreter": "/usr/bin/python3"}}}}), encoding="utf-8")
        task = ["-m", "kvm.entropy." + name, "-a", json.dumps(options) if options else ""]
        done = subprocess.run([Path(sys.executable).with_name("ansible"), "-i", inventory, guest.name, *task, *words],
                              env=dict(os.environ, ANSIBLE_NOCOLOR="1"), capture_output=True, text=True, check=False)
        # Any difference, then "NAME | CHANGED => {...}".
        difference, _name, result = done.stdout.partition("%s | " % guest.name)
        assert " => " in result, done.stdout + done.stderr
        return dict(json.JSONDecoder().raw_decode(result.partition(" => ")[2])[0], difference=difference)
    return run


def kernel(guest):
    """Return (current, quality) as the guest's kernel has them."""
    return tuple(guest.ssh("cat %s/rng_current %s/rng_quality || true" % (HW_RANDOM, HW_RANDOM)).split())


def eventually(look, expected, seconds=30):
    """Return what ``look()`` returns once that is ``expected``, or after ``seconds``."""
    deadline = time.monotonic() + seconds
    while look() != expected and time.monotonic() < deadline:
        time.sleep(1)
    return look()


def test_check_mode_predicts_the_choice_and_leaves_the_guest_alone(guest, module):
    before = kernel(guest)
    predicted = module("hwrng", "--check", "--diff", source="virtio_rng", quality=700)
    assert (kernel(guest), guest.ssh("ls %s || true" % RULE)) == (before, "")
    done = module("hwrng", "--diff", source="virtio_rng", quality=700)
    assert done == predicted
    assert '+    "current": "virtio_rng.0"' not in done["difference"]
    assert '+    "quality": 700' in done["difference"]
    assert kernel(guest) == ("virtio_rng.0", "700")
    assert module("hwrng", source="virtio_rng", quality=700)["changed"] is False


def test_the_choice_survives_a_boot(guest, module):
    module("hwrng", source="virtio_rng", quality=700)
    guest.restart()
    assert eventually(lambda: kernel(guest), ("virtio_rng.0", "700")) == ("virtio_rng.0", "700")
    assert module("hwrng", source="virtio_rng", quality=700)["changed"] is False


def test_the_choice_survives_plugging_another_device_and_unplugging_the_first(guest, module, tmp_path):
    module("hwrng", source="virtio_rng", quality=600)
    device = tmp_path / "rng.xml"
    device.write_text(RNG, encoding="utf-8")
    guest.daemon.virsh("attach-device", guest.name, device, "--live")
    assert eventually(lambda: "virtio_rng.1" in guest.ssh("cat %s/rng_available" % HW_RANDOM), True)
    assert kernel(guest) == ("virtio_rng.0", "600")
    guest.daemon.virsh("detach-device-alias", guest.name, "rng0", "--live")
    # Now the source has a number that no rule could have named.
    assert eventually(lambda: kernel(guest), ("virtio_rng.1", "600")) == ("virtio_rng.1", "600")


def test_the_choice_is_made_for_a_device_that_comes_where_none_was(guest, module, tmp_path):
    guest.daemon.virsh("detach-device-alias", guest.name, "rng1", "--live")
    assert eventually(lambda: kernel(guest)[0], "none") == "none"
    assert [problem["code"] for problem in module("entropy_facts")["ansible_facts"]["entropy"]["problems"]][:1] == ["no-device"]
    device = tmp_path / "rng.xml"
    device.write_text(RNG, encoding="utf-8")
    guest.daemon.virsh("attach-device", guest.name, device, "--live")
    assert eventually(lambda: kernel(guest)[1:], ("600",)) == ("600",)


def test_an_ordinary_user_is_refused_and_told_what_it_takes(guest, module):
    before = kernel(guest)
    result = module("hwrng", user="user", source="virtio_rng", quality=5, persist=False)
    assert "It takes root." in result["msg"]
    assert kernel(guest) == before


def test_without_persist_the_rule_is_gone_and_the_choice_with_it_at_the_next_boot(guest, module):
    module("hwrng", source="virtio_rng", quality=500)
    result = module("hwrng", source="virtio_rng", quality=500, persist=False)
    assert (result["changed"], result["after"]["rule"]) == (True, None)
    assert guest.ssh("ls %s || true" % RULE) == ""
    guest.restart()
    assert kernel(guest) == ("virtio_rng.0", "1024")


def test_a_whole_guest_knows_whether_it_was_in_time(guest, module):
    facts = module("entropy_facts")["ansible_facts"]["entropy"]
    crng, log = facts["crng"], guest.ssh("dmesg")
    assert crng["ready"] is True
    # What the log says, read by other means.
    ready = float(next(line for line in log.splitlines() if "random: crng init done" in line).split("]")[0].strip("[ "))
    systemd = float(next(line for line in log.splitlines() if "systemd[1]: " in line).split("]")[0].strip("[ "))
    assert (crng["ready_at"], crng["init_started_at"]) == (ready, systemd)
    assert crng["in_time"] is (ready <= systemd)
    assert facts["cpu"]["trusted"] is True  # 6.12 has no build option for it any more, and trusts
    assert (facts["domain_uuid"], facts["domain_uuid_from"]) == (guest.daemon.virsh("domuuid", guest.name).strip(), "dmi")
    user = module("entropy_facts", user="user")["ansible_facts"]["entropy"]
    assert (user["domain_uuid"], user["crng"]["ready"], user["hwrng"]["filling"]) == (None, True, True)
