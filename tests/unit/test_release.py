# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is released says the same version everywhere."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_the_changelog_has_the_version_of_the_artifact():
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert version in yaml.safe_load((ROOT / "changelogs/changelog.yaml").read_text())["releases"]
    assert f'<a id="v{version.replace(".", "-")}"></a>' in (ROOT / "CHANGELOG.md").read_text()


def test_every_module_that_talks_to_libvirt_is_in_the_action_group():
    group = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]["virt"]
    documented = [path.stem for path in sorted((ROOT / "plugins/modules").glob("*.py")) if "_attributes.actiongroup_virt" in path.read_text()]
    assert group == documented
