# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What README promises is what was tested."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# Debian, libvirt and QEMU of a row of the matrix, then bindings, Python, how many tests passed, that none failed, and how many were skipped.
PROVEN = r"^\| (\d+) \(\w+\) \| (\d+\.\d+)\S* \| (\d+\.\d+)\S* \| \S+ \| \S+ \| [1-9]\d* \| 0 \| \d+ \|"


def test_readme_names_exactly_the_versions_of_libvirt_and_qemu_that_the_matrix_was_run_against():
    proven = re.findall(PROVEN, (ROOT / "docs/matrix.md").read_text(), re.MULTILINE)
    (row,) = re.findall(r"^\| KVM hosts \|.*", (ROOT / "README.md").read_text(), re.MULTILINE)
    named = re.findall(r"libvirt (\d+\.\d+) and QEMU (\d+\.\d+) \(Debian (\d+)\)", row)
    assert [(debian, libvirt, qemu) for libvirt, qemu, debian in named] == proven
    assert proven and len(re.findall(r"\d+\.\d+", row)) == 2 * len(proven), "each version that it names is one of these"


# Each file of vars/rngd, and Galaxy's names of the platforms that it stands for.
RNGD = {"Alpine": {"Alpine"}, "Archlinux": {"ArchLinux"}, "Debian": {"Debian", "Ubuntu"}, "Debian_forky": {"Debian"}, "RedHat": {"EL", "Fedora"},
        "Suse": {"SLES", "opensuse"}}


def test_the_roles_name_to_galaxy_every_platform_that_their_variables_support():
    assert {path.stem for path in (ROOT / "roles/guest/vars/rngd").iterdir()} == set(RNGD)
    for role in ("feeder", "guest", "host", "verify"):
        galaxy = yaml.safe_load((ROOT / "roles" / role / "meta/main.yml").read_text())["galaxy_info"]
        assert {platform["name"] for platform in galaxy["platforms"]} == set.union(*RNGD.values()), role
