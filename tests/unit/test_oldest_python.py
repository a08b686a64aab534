# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs on targets compiles and imports on a real Python 3.6, with the module_utils of the oldest ansible-core."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

COLLECTION = Path(importlib.util.find_spec("ansible_collections.kvm.entropy").submodule_search_locations[0])
# The controller's: filters and what they import are never sent to a target.
ON_TARGETS = sorted([*(COLLECTION / "plugins/modules").glob("*.py"), *(COLLECTION / "plugins/module_utils").glob("*.py")])

IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module("ansible_collections.kvm.entropy.plugins." + name)
    print(name)
"""


def oldest_python():
    """Return a Python 3.6 (str) that really starts, or None."""
    found = [shutil.which("python3.6")] + sorted(Path(os.environ.get("PYENV_ROOT", "/nowhere"), "versions").glob("3.6.*/bin/python3.6"))
    for path in filter(None, found):
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(path)
    return None


@pytest.mark.skipif(oldest_python() is None, reason="no Python 3.6 on this machine")
@pytest.mark.skipif("KVM_ENTROPY_OLDEST" not in os.environ, reason="no environment with the oldest ansible-core: use ./run")
def test_every_module_and_utility_imports(tmp_path):
    (site,) = Path(os.environ["KVM_ENTROPY_OLDEST"]).glob("lib/python3*/site-packages")
    (tmp_path / "ansible").symlink_to(site / "ansible")
    names = [f"{path.parent.name}.{path.stem}" for path in ON_TARGETS]
    done = subprocess.run(
        [oldest_python(), "-c", IMPORT_ALL, *names], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": f"{tmp_path}:{COLLECTION.parents[2]}", "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.stderr == ""
    assert done.stdout.split() == names
    assert {"modules.virt_rng", "modules.entropy_facts", "modules.hwrng", "module_utils._libvirt"} <= set(names)
