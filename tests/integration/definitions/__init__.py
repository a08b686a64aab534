# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several hundred definitions as they are met in the wild: every shape that libvirt's documentation of domains knows, alone and combined.

Shapes come in kinds, a file each. A shape is the text of its devices, or a dict of parts: top, vcpu, memory, tuning, os, features, cpu, devices, tail.
"""

import itertools
import random
import re
import string
from xml.sax.saxutils import escape

from definitions import consoles, controllers, disks, interfaces, papers, peripherals, platforms, rngs

KINDS = {
    "disk": disks.SHAPES, "controller": controllers.SHAPES, "interface": interfaces.SHAPES, "console": consoles.SHAPES,
    "peripheral": peripherals.SHAPES, "platform": platforms.SHAPES, "paper": papers.SHAPES, "rng": rngs.SHAPES}
MACHINES = ("q35", "pc")
OTHER_MACHINES = ("isapc", "microvm", "pc-q35-5.2", "pc-i440fx-2.12", "none")
NAMES = (
    "two words", "-dash", "naïve-\u4e16\u754c", "star*", "q[1]", "$(touch x); 'quote\"", "<rng>&amp;", "a" * 200, "%s %n", "#1", "new-\u200b-zero", "tab\tname")
# How many shapes are mixed how often; from one kind no two, as two machines or two metadata make no definition.
MIXED = {2: 60, 4: 60, 6: 40}

_ONCE = ("vcpu", "memory", "tuning", "features", "cpu", "tail")


def definitions():
    """Return {name: definition (str)}: the same in each run."""
    made = {}
    for (kind, shapes), machine in itertools.product(KINDS.items(), MACHINES):
        for name, shape in shapes.items():
            made[f"{machine}, {kind}: {name}"] = [shape], machine
    chance = random.Random(20170)  # noqa: S311  no secret
    for count, times in MIXED.items():
        for number in range(times):
            mixed = [chance.choice(list(KINDS[kind].values())) for kind in chance.sample(sorted(KINDS), count)]
            made[f"{count} mixed, {number}"] = mixed, chance.choice(MACHINES)
    made.update({name: ([], "q35") for name in NAMES})
    made.update({f"machine {machine}": ([], machine) for machine in OTHER_MACHINES})
    return {name: definition(name, shapes, machine) for name, (shapes, machine) in made.items()}


def definition(name, shapes, machine):
    """Return the definition (str) of a domain with these shapes; of what can be there once, the first shape's is."""
    parts = dict.fromkeys(("top", "os", "devices", *_ONCE), "")
    for shape in shapes:
        for part, text in (shape.items() if isinstance(shape, dict) else [("devices", shape)]):
            if part not in _ONCE or not parts[part]:
                parts[part] += text
    return (
        "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
        f"<name>{escape(name)}</name><memory unit='KiB'>65536</memory>{parts['top']}{parts['memory']}{parts['vcpu']}{parts['tuning']}"
        f"<os><type arch='x86_64' machine='{machine}'>hvm</type>{parts['os']}</os><features>{parts['features'] or '<acpi/>'}</features>{parts['cpu']}"
        f"<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{_targets(parts['devices'])}</devices>{parts['tail']}</domain>")


def _targets(devices):
    """Return the text with its @vd, @sd, @hd and @fd made vda, vdb and so on."""
    letters = {bus: iter(string.ascii_lowercase) for bus in ("vd", "sd", "hd", "fd")}
    return re.sub("@(vd|sd|hd|fd)", lambda found: found.group(1) + next(letters[found.group(1)]), devices)
