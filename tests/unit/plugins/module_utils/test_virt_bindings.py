# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where libvirt's Python bindings are missing, the message says what to install."""

import sys

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _libvirt, _virt_bindings
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError


def test_no_interpreter_with_the_bindings_is_one_clear_failure(monkeypatch, tmp_path):
    monkeypatch.setattr(_libvirt, "HAS_BINDINGS", False)
    useless = tmp_path / "python3"
    useless.write_text("#!/bin/sh\nexit 1\n")
    useless.chmod(0o755)
    with pytest.raises(EntropyError) as failure:
        _virt_bindings.require([str(useless), str(tmp_path / "not-there")])
    assert f"none of {sys.executable}, {useless} has the module libvirt" in str(failure.value)
    assert "python3-libvirt on Debian" in str(failure.value) and "python3-libvirt-python on SUSE" in str(failure.value)


def test_the_bindings_of_this_interpreter_are_enough(monkeypatch):
    monkeypatch.setattr(_libvirt, "HAS_BINDINGS", True)
    monkeypatch.setattr(_virt_bindings, "probe_interpreters_for_module", None)
    assert _virt_bindings.require() is None
