# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private libvirt daemon for the tests here; nothing of the machine's own is touched."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).absolute().parents[1]
sys.path.insert(0, str(TESTS))  # for the package lab

from fast_host import FastHost, test_driver  # noqa: E402
from lab.daemon import Daemon  # noqa: E402
from virt_host import USERLAND, Host  # noqa: E402


@pytest.fixture(scope="session")
def daemon(tmp_path_factory):
    """A private daemon (lab.daemon.Daemon) without any domain, removed at the end with all that runs in it."""
    with Daemon(tmp_path_factory.mktemp("lab"), USERLAND.suite) as private:
        yield private


@pytest.fixture
def host(daemon, tmp_path):
    """The private daemon's domains (virt_host.Host), none before a test and none after it; a daemon that the test ended is started again."""
    host = Host(daemon, tmp_path)
    yield host
    daemon.start()
    host.clear()


@pytest.fixture(scope="module", params=["a real libvirt", "libvirt's test driver"])
def fast_host(request, tmp_path_factory):
    """A host (fast_host.FastHost) for thousands of calls, of the private daemon and of libvirt's test driver."""
    is_real = request.param == "a real libvirt"
    uri = request.getfixturevalue("daemon").uri if is_real else test_driver(tmp_path_factory.mktemp("node"))
    with FastHost(uri) as fast:
        yield fast
