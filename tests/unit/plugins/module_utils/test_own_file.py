# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of our own are written, read and removed; whatever else is at the path, or can be put there by others, is left as it is."""

import os
import stat

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _own_file
from ansible_collections.kvm.entropy.plugins.module_utils._own_file import NotOwnError, check_own, read_own, remove_own, replace_own
from foreign_files import NOBODY, make_file_of_another_user, make_hard_link, make_socket

IS_ROOT = os.geteuid() == 0


def _make_device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no device node can be made here")


# How each is made, and what it is called.
NOT_OURS = {
    "a character device": _make_device,
    "a FIFO": os.mkfifo,
    "a socket": make_socket,
    "a folder": os.mkdir,
    "a symbolic link": lambda path: path.symlink_to("/etc/hostname"),
    "a file with 2 names (hard links)": make_hard_link,
    "a file of the user 65534": make_file_of_another_user,
}


def state(path):
    """Return what tells whether the file at ``path`` was exchanged, written or removed."""
    found = os.lstat(path)
    return found.st_ino, found.st_mode, found.st_mtime_ns, found.st_size, found.st_nlink


def test_a_file_is_replaced_as_a_whole_and_can_be_read_by_others(tmp_path):
    path = tmp_path / "feeder.prom"
    path.write_text("old\n")
    with open(path, encoding="utf-8") as before:
        mask = os.umask(0o077)
        try:
            replace_own(str(path), "new\n")
        finally:
            os.umask(mask)
        assert before.read() == "old\n"
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["feeder.prom"]


@pytest.mark.parametrize("is_lasting", [False, True])
def test_a_file_that_was_not_there_is_made(tmp_path, is_lasting):
    replace_own(str(tmp_path / "new"), "text\n", is_lasting=is_lasting)
    assert read_own(str(tmp_path / "new")) == "text\n"


@pytest.mark.parametrize("found", NOT_OURS)
@pytest.mark.parametrize("act", [
    lambda path: replace_own(path, "new\n"), lambda path: replace_own(path, "new\n", may_be_others=True), check_own, read_own, remove_own])
def test_what_is_not_a_regular_file_of_our_own_is_left_as_it_is(tmp_path, found, act):
    path = tmp_path / "name"
    NOT_OURS[found](path)
    before = state(path)
    with pytest.raises(NotOwnError) as refused:
        act(str(path))
    assert refused.value.strerror == "found %s, expected a regular file of its own or none. Name another file." % found
    assert state(path) == before
    assert not (tmp_path / "name.new").exists()


def test_a_file_of_another_program_is_left_as_it_is_and_an_empty_one_is_nobodys(tmp_path):
    path = tmp_path / "name"
    path.write_text("root:x:0:0\n")
    with pytest.raises(NotOwnError, match="found a file of another program"):
        replace_own(str(path), "# HELP x\n", start="# HELP")
    assert path.read_text() == "root:x:0:0\n"
    path.write_text("")
    replace_own(str(path), "# HELP x\n", start="# HELP")
    replace_own(str(path), "# HELP y\n", start="# HELP")
    assert path.read_text() == "# HELP y\n"


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o757])
@pytest.mark.parametrize("may_be_others", [False, True])
def test_a_folder_that_others_can_write_is_refused(tmp_path, mode, may_be_others):
    tmp_path.chmod(mode)
    with pytest.raises(NotOwnError) as refused:
        replace_own(str(tmp_path / "name"), "new\n", may_be_others)
    assert "found the folder %s, which others can write (mode %04o), expected one that root alone can write" % (tmp_path, mode) in refused.value.strerror
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("mode", "is_accepted"), [(0o777, False), (0o1777, True)])
def test_a_folder_on_the_way_that_others_can_write_is_refused_where_they_can_exchange_the_next(tmp_path, mode, is_accepted):
    (tmp_path / "way/folder").mkdir(parents=True)
    (tmp_path / "way").chmod(mode)
    path = tmp_path / "way/folder/name"
    if is_accepted:
        replace_own(str(path), "new\n")
    else:
        with pytest.raises(NotOwnError, match="which others can write"):
            replace_own(str(path), "new\n")
    assert path.exists() == is_accepted


@pytest.mark.skipif(not IS_ROOT, reason="it takes root")
def test_a_folder_of_another_user_is_refused_where_the_file_is_nobodys_business(tmp_path):
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", NOBODY, NOBODY)
    with pytest.raises(NotOwnError, match="which belongs to the user 65534"):
        replace_own(str(tmp_path / "theirs/name"), "new\n")
    replace_own(str(tmp_path / "theirs/name"), "new\n", may_be_others=True)
    assert (tmp_path / "theirs/name").read_text() == "new\n"


@pytest.mark.skipif(not IS_ROOT, reason="it takes root")
def test_a_link_in_a_folder_of_another_user_leads_nowhere(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs/folder").symlink_to(tmp_path / "ours")
    os.chown(tmp_path / "theirs", NOBODY, NOBODY)
    with pytest.raises(NotOwnError, match="found the symbolic link .*theirs/folder, which another user can change"):
        replace_own(str(tmp_path / "theirs/folder/name"), "new\n", may_be_others=True)
    assert os.listdir(tmp_path / "ours") == []


@pytest.mark.parametrize("target", ["ours", "./ours/../ours"])
def test_a_link_that_root_made_is_followed_on_the_way(tmp_path, target):
    (tmp_path / "ours").mkdir()
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "absolute").symlink_to(tmp_path / "link")
    replace_own(str(tmp_path / "absolute/name"), "new\n")
    assert (tmp_path / "ours/name").read_text() == "new\n"


def test_links_without_end_are_an_error_and_no_loop(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        replace_own(str(tmp_path / "loop/name"), "new\n")


def test_a_folder_that_becomes_a_link_between_two_steps_is_not_entered(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere").mkdir()
    looked = _own_file._looked

    def exchanged(name, folder):
        found = looked(name, folder)
        if name == "folder":
            (tmp_path / "folder").rmdir()
            (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")
        return found

    monkeypatch.setattr(_own_file, "_looked", exchanged)
    with pytest.raises(NotADirectoryError):
        replace_own(str(tmp_path / "folder/name"), "new\n")
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("path", ["", "/", "relative", "/srv/", "/srv/.", "/srv/..", "/srv/a\0b"])
def test_a_path_that_names_no_file_is_refused(path):
    for act in (check_own, read_own, remove_own, lambda path: replace_own(path, "new\n")):
        with pytest.raises(NotOwnError, match="expected an absolute path|expected a path without"):
            act(path)


def test_what_a_write_that_was_killed_left_is_gone_after_the_next(tmp_path):
    (tmp_path / "feeder.prom.new").write_text("ha")
    replace_own(str(tmp_path / "feeder.prom"), "new\n")
    assert ((tmp_path / "feeder.prom").read_text(), os.listdir(tmp_path)) == ("new\n", ["feeder.prom"])


def test_a_link_where_it_is_written_first_is_not_followed(tmp_path):
    victim, path = tmp_path / "shadow", tmp_path / "feeder.prom"
    victim.write_text("secret\n")
    victim.chmod(0o600)
    (tmp_path / "feeder.prom.new").symlink_to(victim)
    replace_own(str(path), "new\n")
    assert (victim.read_text(), stat.S_IMODE(victim.stat().st_mode)) == ("secret\n", 0o600)
    assert (path.read_text(), path.is_symlink()) == ("new\n", False)


def test_a_link_that_is_put_there_again_at_once_is_not_followed_either(tmp_path, monkeypatch):
    victim, path = tmp_path / "shadow", tmp_path / "feeder.prom"
    victim.write_text("secret\n")
    (tmp_path / "feeder.prom.new").symlink_to(victim)
    monkeypatch.setattr(_own_file, "_remove_beside", lambda _folder, _name: None)
    with pytest.raises(FileExistsError):
        replace_own(str(path), "new\n")
    assert (victim.read_text(), path.exists(), (tmp_path / "feeder.prom.new").is_symlink()) == ("secret\n", False, True)


def test_another_thing_where_it_is_written_first_is_left_as_it_is(tmp_path):
    os.mkfifo(tmp_path / "name.new")
    with pytest.raises(NotOwnError, match=r"found a FIFO at name\.new, where it is written first, expected nothing there\. Remove it\."):
        replace_own(str(tmp_path / "name"), "new\n")
    assert os.listdir(tmp_path) == ["name.new"]


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "feeder.prom"
    path.write_text("old\n")

    def on_a_full_disk(file, mode, **how):
        os.close(file)
        return open("/dev/full", mode, **how)

    # A full disk says so where the file is flushed: that of this device always is.
    monkeypatch.setattr(_own_file.os, "fdopen", on_a_full_disk)
    with pytest.raises(OSError, match="No space left on device"):
        replace_own(str(path), "new\n")
    assert path.read_text() == "old\n"
    assert os.listdir(tmp_path) == ["feeder.prom"]


def test_a_file_is_removed_and_one_that_is_not_there_is_no_error(tmp_path):
    (tmp_path / "name").write_text("ours\n")
    remove_own(str(tmp_path / "name"))
    remove_own(str(tmp_path / "name"))
    assert (os.listdir(tmp_path), read_own(str(tmp_path / "name")), read_own(str(tmp_path / "no/name"))) == ([], None, None)


def test_bytes_that_are_no_text_are_read_all_the_same(tmp_path):
    (tmp_path / "name").write_bytes(b"\xff\0rule")
    assert read_own(str(tmp_path / "name")) == "�\0rule"


def test_nothing_is_left_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    (tmp_path / "name").mkdir()
    for path in ("name", "other", "name/inner", "none/other"):
        try:
            replace_own(str(tmp_path / path), "new\n", is_lasting=True)
            remove_own(str(tmp_path / path))
        except OSError:
            pass
    assert os.listdir("/proc/self/fd") == before
