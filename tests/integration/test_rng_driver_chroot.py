# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module rng_driver with a distribution's own program that builds the initramfs, in a chroot on a guest's disk: nothing of this machine is changed.

initramfs-tools of Debian 13 on the lab's disk. dracut of Debian 14, which brings its own update-initramfs, takes a root of its own (a minute, once).
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
from lab import debian
from lab.images import Image

COLLECTION = Path(os.environ.get("KVM_ENTROPY_COLLECTIONS", "/nowhere"), "ansible_collections/kvm/entropy/plugins/module_utils")
DRACUT_PACKAGES = ("dracut", "kmod", "linux-image-cloud-amd64", "python3", "systemd-sysv", "udev")
RECIPE = " ".join(DRACUT_PACKAGES).encode()

# Everything is mounted in a namespace that ends with the last program in it.
MOUNT = """set -eu
work=$1 source=$2
cd "$work"
mkdir lower upper work root
if [ -d "$source" ]; then mount --bind "$source" lower; else mount -o loop,ro,noload,offset=1048576 "$source" lower; fi
mount -t tmpfs none upper && mkdir upper/data upper/work
mount -t overlay -o lowerdir=lower,upperdir=upper/data,workdir=upper/work none root
mount -t proc none root/proc
mount --rbind /dev root/dev
mkdir -p root/test
cp -r collections root/test/
cp inside.py root/test/
exec chroot root /usr/bin/python3 /test/inside.py
"""
INSIDE = """
import glob, json, os, shutil, signal, sys, time
sys.path.insert(0, "/test/collections")
from ansible_collections.kvm.entropy.plugins.module_utils import _initramfs, _rng_driver
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

(image,) = glob.glob("/boot/initrd.img-*")
settings = {"list": "/etc/initramfs-tools/modules", "dracut": "/etc/dracut.conf.d/kvm-entropy.conf"}

def say(name, value):
    print(json.dumps([name, value]), flush=True)

def play(name, check_mode=False):
    try:
        result = _rng_driver.make_so(_rng_driver.System(), {"early": True, "initramfs": "auto"}, check_mode)
    except EntropyError as error:
        result = {"failed": str(error)}
    result["texts"] = {key: os.path.exists(path) and open(path).read() for key, path in settings.items()}
    say(name, result)

shutil.copy2(image, "/root/first")
if os.path.exists("/usr/bin/dracut"):
    # In a chroot dracut takes all drivers: this is the image of a guest without the device.
    with open("/etc/dracut.conf.d/test.conf", "w") as file:
        file.write('omit_drivers+=" virtio_rng "')
    os.system("update-initramfs -u -k all >/dev/null 2>&1")
    os.unlink("/etc/dracut.conf.d/test.conf")
    shutil.copy2(image, "/root/first")
say("image", image)
say("first", _initramfs.examine())
play("check", check_mode=True)
os.makedirs("/etc/initramfs-tools", exist_ok=True)
with open("/etc/initramfs-tools/update-initramfs.conf", "w") as file:
    file.write("update_initramfs=no\\n")
play("disabled")
say("image as before", open(image, "rb").read() == open("/root/first", "rb").read())
os.unlink("/etc/initramfs-tools/update-initramfs.conf")

# Killed with its run, while it gathers files.
child = os.fork()
if not child:
    play("killed")
while not glob.glob("/var/lib/kvm-entropy/initramfs/build/*/*") and os.waitpid(child, os.WNOHANG) == (0, 0):
    time.sleep(0.05)
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
builder = int(open("/run/kvm-entropy-rng_driver.lock").read().split()[0])
say("goes on", os.path.exists("/proc/%d" % builder))
os.killpg(builder, signal.SIGKILL)
open(image + ".new", "w").close()
say("left", glob.glob("/boot/*.new") + glob.glob("/var/tmp/*"))
play("run")
say("left after", glob.glob("/boot/*.new") + glob.glob("/boot/*.tmp") + glob.glob("/boot/*.dpkg-bak") + glob.glob("/var/tmp/*") + glob.glob("/var/lib/kvm*"))
play("again")
shutil.copy2("/root/first", image)
play("stale", check_mode=True)
say("facts", _initramfs.examine())
"""


@pytest.fixture(scope="module", params=["trixie", "forky"])
def said(request, tmp_path_factory):
    """What the runs in the chroot of a suite said (dict), and the suite."""
    if os.geteuid() != 0:
        pytest.skip("it takes root: chroot and mount")
    source = Image("trixie").disk if request.param == "trixie" else debian.built_once("dracut", "forky", debian.RECIPE + RECIPE, _unpack_dracut) / "root"
    work = tmp_path_factory.mktemp(request.param)
    inside = work / "collections" / COLLECTION.relative_to(COLLECTION.parents[4])
    inside.mkdir(parents=True)
    for path in COLLECTION.glob("*.py"):
        (inside / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (work / "inside.py").write_text(INSIDE, encoding="utf-8")
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNT, "sh", work, source],
                          capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return dict(map(json.loads, done.stdout.splitlines())), request.param


def _unpack_dracut(folder):
    tarball = folder / "root.tar"
    with open(tarball, "wb") as file:
        debian.fetch("forky", file, "minbase", DRACUT_PACKAGES)
    (folder / "root").mkdir()
    subprocess.run(["tar", "-xf", tarball, "-C", folder / "root", "--exclude=./dev/*"], check=True)
    tarball.unlink()


def images(result):
    """Return of each image whether it has the driver, loads it, by what, and whether it is stale."""
    return [(image["driver"], image["early"], image["by"], image["stale"]) for image in result["images"]]


NAMES = {"trixie": ("initramfs-tools", "list", "conf/modules"), "forky": ("dracut", "dracut", "etc/cmdline.d/20-force_drivers.conf")}


def test_the_image_of_a_guest_without_the_device_has_no_driver(said):
    results, suite = said
    assert results["first"]["builder"] == NAMES[suite][0]
    assert images(results["first"]) == [(False, False, None, False)]


def test_the_image_is_built_with_the_driver_and_only_once(said):
    results, suite = said
    _name, settings, by = NAMES[suite]
    assert "virtio_rng" in results["run"]["texts"][settings]
    assert "virtio_rng" not in (results["run"]["texts"]["list" if settings == "dracut" else "dracut"] or "")
    assert images(results["run"]["initramfs"]) == [(True, True, by, False)]
    assert results["run"]["done"][-1] == "built " + results["image"]
    assert (results["again"]["changed"], results["again"]["done"]) == (False, [])
    assert results["check"]["after"] == results["run"]["after"]
    assert not results["check"]["texts"]["dracut"] and "virtio_rng" not in (results["check"]["texts"]["list"] or "")


def test_a_build_without_effect_fails_and_all_is_as_before(said):
    results, suite = said
    message = results["disabled"]["failed"]
    assert "does not load virtio_rng: it has no module virtio_rng for kernel" in message
    assert "The settings and images of the initramfs are as they were before." in message
    assert results["disabled"]["texts"] == results["check"]["texts"]
    assert results["image as before"] is True


def test_a_build_that_was_killed_with_its_run_goes_on_and_leaves_nothing_behind(said):
    results, _suite = said
    assert results["goes on"] is True
    assert results["left"] == [results["image"] + ".new"]
    assert "removed %s.new, which a killed build had left" % results["image"] in results["run"]["done"]
    assert results["left after"] == []


def test_a_stale_image_is_noticed(said):
    results, _suite = said
    assert images(results["facts"]) == [(False, False, None, True)]
    assert results["stale"]["done"] == ["built " + results["image"]]
