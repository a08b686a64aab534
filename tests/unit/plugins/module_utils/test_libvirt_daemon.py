# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The daemon behind a URI is the process that listens on its socket."""

import contextlib
import os
import socket
import subprocess
import sys

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._libvirt_daemon import NOBODY_KNOWN, daemon


@contextlib.contextmanager
def listening(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield


def test_it_is_the_one_that_listens(tmp_path):
    path = tmp_path / "libvirt-sock"
    with listening(path):
        found = daemon(f"qemu+unix:///session?socket={path}")
    assert found.user == (os.geteuid(), os.getegid(), frozenset(os.getgroups())) and found[1:] == (True, True)


def test_a_session_daemon_is_found_in_its_users_folder_and_the_one_for_qemu_alone_first(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "libvirt").mkdir()
    assert daemon("qemu:///session") == NOBODY_KNOWN
    with listening(tmp_path / "libvirt/libvirt-sock"):
        assert daemon("qemu:///session").same_files
        (tmp_path / "libvirt/virtqemud-sock").touch()
        assert daemon("qemu:///session").same_files, "that is no socket"


def test_where_nobody_listens_nobody_is_known(tmp_path):
    path = tmp_path / "stale"
    with listening(path):
        pass
    for uri in (f"qemu:///system?socket={path}", f"qemu:///system?socket={tmp_path}/none", "test:///default", "qemu:///embed?root=/tmp/x"):
        assert daemon(uri) == NOBODY_KNOWN


LISTEN = "import socket, sys; server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1]); server.listen(); print('ready', flush=True); server.accept()"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make namespaces here")
@pytest.mark.parametrize(("mount", "same"), [("true", True), ("mount -t tmpfs none /mnt", True), ("mount -t tmpfs none /dev", False)])
def test_a_daemon_with_a_mount_namespace_of_its_own_has_the_same_files_where_it_has_the_same_root_and_devices(tmp_path, mount, same):
    path = tmp_path / "libvirt-sock"
    words = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh", sys.executable, "-c", LISTEN, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout.readline() == "ready\n"
            assert daemon(f"qemu+unix:///session?socket={path}").same_files is same
        finally:
            server.kill()
