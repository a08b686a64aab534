# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private libvirt daemon for the tests here; nothing of the machine's own is touched."""

import contextlib
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).absolute().parents[1]
sys.path.insert(0, str(TESTS))  # for the package lab

from fast_host import FastHost, test_driver  # noqa: E402
from held import when  # noqa: E402
from lab.daemon import Daemon  # noqa: E402
from virt_host import USERLAND, Host, module_process  # noqa: E402

# Tells whom the module has asked to power off, and when.
ASKED = """
import libvirt
plain = libvirt.virDomain.shutdownFlags
def shutdownFlags(domain, *arguments):
    plain(domain, *arguments)
    with open({mark!r}, "a") as mark:
        mark.write(domain.name() + " ")
libvirt.virDomain.shutdownFlags = shutdownFlags
"""


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


@pytest.fixture
def asked(host, tmp_path):
    """Return a context manager: virt_restart (a process) at the moment when its guest ``whom`` (or its first one) has been asked to power off."""
    @contextlib.contextmanager
    def run(whom="", **options):
        mark = tmp_path / "asked"
        (tmp_path / "sitecustomize.py").write_text(ASKED.format(mark=str(mark)), encoding="utf-8")
        with module_process("virt_restart", dict(host.state, PYTHONPATH=str(tmp_path)), uri=host.uri, **options) as process:
            when(lambda: mark.exists() and f"{whom} " in mark.read_text())
            yield process
    return run
