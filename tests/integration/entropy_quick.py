# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask a quick guest's kernel for its facts, from the first process of its initramfs on and again as an ordinary user."""

import importlib.util
import json
from pathlib import Path

from lab import quick

# QEMU's microvm has no DMI with this firmware, which is Debian 12's default for it; Debian 13's default, SeaBIOS, makes up a vendor. Its kernels sometimes
# measure their clock for ever under TCG, unless they are told (kHz) how fast it is.
MICROVM_CLOCK = "tsc_early_khz=2000000"
MICROVM_FIRMWARE = ("-bios", "qboot.rom")
MICROVM = {"qemu": ("-machine", "microvm,pcie=on", *MICROVM_FIRMWARE), "append": MICROVM_CLOCK}
UUID = "2c12a822-84af-424b-91cf-7470bde43aa8"
COLLECTION = Path(importlib.util.find_spec("ansible_collections.kvm.entropy").submodule_search_locations[0])
UTILITIES = "plugins/module_utils"
INSIDE = "/collections/ansible_collections/kvm/entropy/" + UTILITIES

# What the scripts of quick guests ask the kernel, without drawing on it where it is not ready.
IS_READY = """
def is_ready():
    try:
        return bool(os.getrandom(1, os.GRND_NONBLOCK))
    except BlockingIOError:
        return False
"""

# Its words: observe NAME [health_bytes health_timeout], load MODULE..., insmod FILE [NAME=VALUE...], wait SECONDS, read (32 bytes of /dev/urandom),
# wait-ready (as whoever reads /dev/random does), until-ready (without a reader), start PROGRAM..., until-says FILE TEXT, write FILE TEXT, hide (each user's
# processes from the others), user (is one from here on), node PATH MAJOR MINOR and link PATH TARGET (in place of what is there), zombie NAME.
_SCRIPT = """#!/usr/bin/python3
import json, os, subprocess, sys, time
sys.path.insert(0, "/collections")
from ansible_collections.kvm.entropy.plugins.module_utils import _entropy, _kernel
""" + IS_READY + """
def observe(name, most=0, seconds=10):
    seen = _kernel.observe()
    for _again in range(50):
        # The first bytes of a device take a moment.
        facts = _entropy.facts_of(seen)
        if not name.endswith("fed") or (facts["hwrng"]["filling"], facts["crng"]["ready"]) == (True, True):
            break
        time.sleep(0.1)
        seen = _kernel.observe()
    if most:
        seen = _kernel.observe(health_bytes=int(most), health_timeout=float(seconds))
    print("SEEN " + name + " " + json.dumps(seen), flush=True)

for step in %r:
    word, _space, rest = step.partition(" ")
    if word == "observe":
        observe(*rest.split())
    elif word == "load":
        subprocess.run(["/lab/load"] + rest.split(), check=True)
    elif word == "insmod":
        subprocess.run(["insmod"] + rest.split(), check=True)
    elif word == "wait-ready":
        os.getrandom(1)
    elif word == "until-ready":
        while not is_ready():
            time.sleep(0.2)
    elif word == "start":
        os.makedirs("/run/" + os.path.basename(rest.split()[0]), exist_ok=True)
        subprocess.Popen(rest.split(), stderr=subprocess.DEVNULL)
    elif word == "until-says":
        path, _space, text = rest.partition(" ")
        while not (os.path.exists(path) and text in open(path).read()):
            time.sleep(0.2)
    elif word == "write":
        path, _space, text = rest.partition(" ")
        with open(path, "w") as file:
            file.write(text + "\\n")
    elif word == "wait":
        time.sleep(float(rest))
    elif word == "read":
        with open("/dev/urandom", "rb", buffering=0) as source:
            source.read(32)
    elif word == "node":
        path, major, minor = rest.split()
        os.unlink(path)
        os.mknod(path, 0o20666, os.makedev(int(major), int(minor)))
    elif word == "link":
        path, target = rest.split()
        os.unlink(path)
        os.symlink(target, path)
    elif word == "zombie":
        os.symlink("/usr/bin/busybox", "/tmp/" + rest)
        pid = os.fork()
        if not pid:
            os.execv("/tmp/" + rest, ["true"])
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    elif word == "hide":
        subprocess.run(["mount", "-o", "remount,hidepid=2", "/proc"], check=True)
    elif word == "user":
        os.setgroups([])
        os.setgid(1000)
        os.setuid(1000)
print("DRAWS " + json.dumps(sorted({"random", "secrets", "tempfile", "uuid"} & set(sys.modules))))
"""


def observations(suite, steps, *, qemu=(), files=None, **knobs):
    """Boot ``suite``'s kernel and return what ``steps`` (list of str, see _SCRIPT) observed: a dict from name to ``_kernel.observe``'s dict.

    ``knobs`` are quick.run's. The machine's UUID is UUID.
    """
    utilities = {"%s/%s" % (INSIDE, path.name): path for path in (COLLECTION / UTILITIES).glob("_*.py")}
    result = quick.run(suite, _SCRIPT % (steps,), files={**utilities, **(files or {})}, qemu=("-uuid", UUID, *qemu), **knobs)
    assert result.status == 0, result.output
    assert result.json("DRAWS") == [], "modules were imported that draw random numbers by themselves"
    return dict(_named(line) for line in result.output.splitlines() if line.startswith("SEEN "))


def _named(line):
    _word, name, text = line.split(" ", 2)
    return name, json.loads(text)
