# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record machines for the unit tests: PYTHONPATH=... python tests/integration/record_machines.py

What real kernels showed goes to tests/unit/plugins/module_utils/machines/NAME.json, each with a word on where it is from. Of the log only the
lines stay that are read by anything.
"""

import json
import sys
from pathlib import Path

TESTS = Path(__file__).absolute().parents[1]
sys.path.insert(0, str(TESTS))

from entropy_quick import MICROVM, observations  # noqa: E402
from faults.recording import shorten  # noqa: E402
from lab import quick  # noqa: E402

MACHINES = TESTS / "unit/plugins/module_utils/machines"
DRIVER = "load virtio_pci virtio_rng"


def record(name, words, seen):
    """Write the observations ``seen`` (dict) as machine ``name``, described by ``words``."""
    shorten(seen)
    about = "Recorded from a real kernel, %s, in a quick guest (QEMU, TCG): %s." % (seen["texts"]["/proc/sys/kernel/osrelease"], words)
    text = json.dumps({"from": about, "seen": seen}, indent=1, sort_keys=True)
    (MACHINES / (name + ".json")).write_text(text + "\n", encoding="utf-8")


def main():
    """Record every machine."""
    MACHINES.mkdir(exist_ok=True)
    for suite in ("bullseye", "bookworm", "trixie", "forky"):
        seen = observations(suite, ["observe undriven", DRIVER, "observe fed", "user", "observe user-fed"], device=quick.virtio_rng())
        record(suite + "-undriven", "the device is there, its driver is not loaded", seen["undriven"])
        record(suite + "-fed", "device and driver, as root", seen["fed"])
        record(suite + "-fed-user", "device and driver, as an ordinary user", seen["user-fed"])
        record(suite + "-bare", "no device", observations(suite, ["observe bare"])["bare"])
    early = observations("bullseye", ["read", "read", DRIVER, "observe fed"], device=quick.virtio_rng())
    record("bullseye-early-reads", "two reads of /dev/urandom before the driver was loaded", early["fed"])
    zero = observations("forky", [DRIVER, "wait 2", "observe it"], device=quick.virtio_rng(), append="rng_core.default_quality=0")
    record("forky-quality-zero", "rng_core.default_quality=0 on the command line", zero["it"])
    microvm = observations("bookworm", [DRIVER, "observe fed"], device=quick.virtio_rng(), **MICROVM)
    record("bookworm-microvm", "QEMU's microvm, which has no DMI", microvm["fed"])


if __name__ == "__main__":
    main()
