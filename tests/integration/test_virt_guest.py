# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng and virt_restart on a guest that answers: its kernel gives devices back, is never without a source meanwhile, and powers off when asked."""

import time

import pytest
from lab.fleet import Lab
from test_virt_rng_interrupted import KILLED_BEFORE
from virt_host import DESCRIBED, RNG, USERLAND, Host, module_process, row

# Without KVM, and beside other tests, a guest takes seconds for what is else done in a tenth of one.
SETTLE = 15
CURRENT = "/sys/class/misc/hw_random/rng_current"
# Notes each source that the kernel has until it is told to stop, some hundred times a second.
WATCH = f"""
import os
seen = []
while not os.path.exists("/run/stop"):
    with open("{CURRENT}") as file:
        current = file.read().strip()
    if current != (seen or [None])[-1]:
        seen.append(current)
        with open("/run/seen", "w") as file:
            file.write(" ".join(seen))
    os.close(os.open("/run/looked", os.O_CREAT))
os.close(os.open("/run/stopped", os.O_CREAT))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab"), ["web=bookworm,rng,agent"], USERLAND.suite) as lab:
        yield lab


@pytest.fixture
def guest(lab):
    return lab.guests["web"]


@pytest.fixture
def host(lab, tmp_path):
    return Host(lab.daemon, tmp_path)


def current(guest):
    return guest.ssh(f"cat {CURRENT}").strip()


def test_the_kernel_has_a_source_at_every_moment_of_a_replacement(host, guest):
    assert current(guest) == "virtio_rng.0"
    guest.ssh("rm -f /run/stop /run/stopped /run/looked; cat > /run/watch.py <<'X'\n" + WATCH + "X\n"
              "nohup python3 /run/watch.py >/run/watch.log 2>&1 </dev/null &")
    guest.ssh("until [ -e /run/looked ]; do sleep 0.1; done")
    # Twice, so that the new device is once before and once behind the old one on the bus: the kernel looks at them in that order.
    for rate, way in ((64, "agent"), (1024, "qemu")):
        result = host.run("virt_rng", domains=["web"], rate_bytes=rate, replace_live=True, confirm_by=[way], unplug_timeout=120, settle=SETTLE * 4)
        live = row(result, "web")["live"]
        assert live["result"] == "done" and live["after"] == [dict(DESCRIBED, rate_bytes=rate)], live
        assert host.live("web") == host.config("web") == [RNG.replace("1024", str(rate))]
    guest.ssh("touch /run/stop; until [ -e /run/stopped ]; do sleep 0.1; done")
    seen = guest.ssh("cat /run/seen /run/watch.log").split()
    assert len(seen) >= 3 and all(source.startswith("virtio_rng.") for source in seen), seen
    assert len(guest.ssh("head -c 16 /dev/hwrng | od -An -tx1").split()) == 16
    assert not host.run("virt_rng", domains=["web"], replace_live=True, confirmed=["*"])["changed"]


def test_what_a_killed_run_left_running_is_given_back_at_the_next(host, guest, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(KILLED_BEFORE.format(method="detachDeviceAlias"), encoding="utf-8")
    options = {"domains": ["web"], "replace_live": True, "confirmed": ["*"], "rate_bytes": 64, "unplug_timeout": 120}
    with module_process("virt_rng", {"PYTHONPATH": str(tmp_path)}, uri=host.uri, **options) as process:
        process.communicate(timeout=120)
    assert len(host.live("web")) == 2
    result = host.run("virt_rng", **options)
    assert row(result, "web")["live"]["result"] == "done" and len(host.live("web")) == 1
    assert not host.run("virt_rng", **options)["changed"]


def test_a_guest_that_gives_its_device_back_is_done_long_before_the_deadline(host, guest):
    begun = time.monotonic()
    result = host.run("virt_rng", domains=["web"], state="absent", unplug_timeout=300)
    assert time.monotonic() - begun < 200
    assert row(result, "web")["live"] == dict(row(result, "web")["live"], result="done", after=[], reason=None)
    assert host.live("web") == [] and current(guest) == "none"
    host.run("virt_rng", domains=["web"])
    guest.ssh(f"until grep -q virtio_rng {CURRENT}; do sleep 0.1; done")


@pytest.mark.parametrize(("rate", "sign"), [(512, "agent"), (256, "disk")])
def test_a_guest_powers_off_when_asked_and_comes_up_with_its_definition(host, guest, rate, sign):
    if sign == "disk":
        guest.ssh("systemctl disable --now qemu-guest-agent")
    assert host.run("virt_rng", domains=["web"], rate_bytes=rate)["summary"]["restart_required"] == 1
    boot, seen = guest.ssh("cat /proc/sys/kernel/random/boot_id"), len(guest.console)
    result = host.run("virt_restart", domains=["web"], shutdown_timeout=280, up_timeout=280)
    one = row(result, "web")
    assert (one["result"], one["up_by"], one["reason"]) == ("done", sign, None), result
    assert host.live("web") == host.config("web") == [RNG.replace("1024", str(rate))]
    assert not host.run("virt_restart", domains=["web"])["changed"]
    assert guest.answers(seen) and guest.ssh("cat /proc/sys/kernel/random/boot_id") != boot and "virtio_rng" in current(guest)
