# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock that one service per kernel holds: who else wants it is told who has it, and what is no lock of ours is left as it is."""

import errno
import os
import stat

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _feeder_lock, _feeder_main, _feeder_service
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_lock import LOCK, BusyError, LockError, locked
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError


def test_it_is_in_the_folder_that_service_managers_make():
    assert LOCK == "/run/entropy-feeder/lock"


def test_it_can_be_had_by_one_at_a_time_and_nobody_else_can_open_it(tmp_path):
    path = tmp_path / "folder/lock"
    with locked(str(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) & 0o022 == 0
        with pytest.raises(BusyError, match="process %d, which holds %s" % (os.getpid(), path)), locked(str(path)):
            pass
    with locked(str(path)):
        assert path.read_text() == "%d\n" % os.getpid()


@pytest.mark.parametrize("text", ["", "x", "\0" * 100, "1; rm -rf /", "\x1b[2J"])
def test_a_lock_that_does_not_say_whose_it_is_is_held_all_the_same(tmp_path, text):
    with locked(str(tmp_path / "lock")):
        (tmp_path / "lock").write_text(text)
        with pytest.raises(BusyError, match="process unknown"), locked(str(tmp_path / "lock")):
            pass


def _make_hard_link(path):
    path.with_name("other").write_text("theirs\n")
    os.link(path.with_name("other"), path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("other"), _make_hard_link], ids=["FIFO", "folder", "link", "hard link"])
def test_what_is_no_file_of_our_own_is_no_lock_and_is_left_as_it_is(tmp_path, make):
    make(tmp_path / "lock")
    before = os.lstat(tmp_path / "lock")
    with pytest.raises(FeederError, match="the lock %s: " % (tmp_path / "lock")), locked(str(tmp_path / "lock")):
        pass
    after = os.lstat(tmp_path / "lock")
    assert (after.st_ino, after.st_mode, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_size, before.st_mtime_ns)


def test_a_folder_that_others_can_write_has_no_lock(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(FeederError, match="which others can write"), locked(str(tmp_path / "lock")):
        pass
    assert os.listdir(tmp_path) == []


def test_nothing_is_left_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    for _again in range(2):
        with locked(str(tmp_path / "lock")), pytest.raises(BusyError), locked(str(tmp_path / "lock")):
            pass
    (tmp_path / "lock").unlink()
    (tmp_path / "lock").mkdir()
    with pytest.raises(FeederError), locked(str(tmp_path / "lock")):
        pass
    assert os.listdir("/proc/self/fd") == before


def test_a_full_disk_keeps_nobody_from_being_locked_out(tmp_path, monkeypatch):
    def full(_file, _data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_feeder_lock.os, "write", full)
    with locked(str(tmp_path / "lock")), pytest.raises(BusyError, match="process unknown"), locked(str(tmp_path / "lock")):
        pass


def test_a_lock_that_cannot_be_had_now_is_no_wrong_configuration_after_which_systemd_does_not_try_again(tmp_path, monkeypatch):
    (tmp_path / "folder").touch()
    with pytest.raises(LockError, match="Not a directory"), locked(str(tmp_path / "folder/lock")):
        pass
    monkeypatch.setattr(_feeder_service, "_LOCK", str(tmp_path / "folder/lock"))
    (tmp_path / "conf").write_text("[feeder]\n")
    assert _feeder_main.main(["--config", str(tmp_path / "conf")]) == _feeder_main.EXIT_FAILED
