# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run has noted is left to the next one only when it was killed, and is written nowhere but in this user's own folder."""

import json
import os
import signal

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _restart_record
from ansible_collections.kvm.entropy.plugins.module_utils._restart_record import Record

URI = "qemu:///system"
ONE, TWO = "2c12a822-84af-424b-91cf-7470bde43aa8", "43dc0cf8-809b-4adb-9bea-a9abb5f3d90e"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "restart"


def record(folder, uri=URI, is_local=True):
    return Record(uri, is_local, str(folder))


def killed(work):
    """Do ``work()`` in a process that is killed then."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def killed_run(folder, *uuids, **how):
    def work():
        run = record(folder, **how)
        for uuid in uuids:
            run.note(uuid, f"web-{uuid[0]}", "agent")
    killed(work)


def test_what_a_killed_run_noted_is_left_off_and_what_it_forgot_is_not(folder):
    def work():
        run = record(folder)
        run.note(ONE, "web-1", "agent")
        run.note(TWO, "web-2", "disk")
        run.forget(ONE)
    killed(work)
    found = record(folder).left_off()
    assert list(found) == [TWO]
    left = found[TWO]
    assert (left.name, left.up_by, left.why_not) == ("web-2", "disk", None) and left.asked_at > 1700000000
    assert record(folder).left_off(), "a look takes nothing away"
    record(folder).forget(TWO)
    assert record(folder).left_off() == {} and os.listdir(folder) == []


def test_what_a_run_is_working_on_is_not_left_off(folder):
    working = record(folder)
    working.note(ONE, "web-1", "agent")
    beside = record(folder)
    assert beside.left_off() == {}
    beside.forget(ONE)
    assert os.listdir(folder), "another run's note stays"
    working.forget(ONE)
    assert os.listdir(folder) == [] and working.troubles == beside.troubles == []


def test_a_run_takes_over_what_another_left_and_its_note_outlives_the_others_end(folder):
    first, second = record(folder), record(folder)
    first.note(ONE, "web-1", "agent")
    second.note(ONE, "web-1", "agent", asked_at=5)
    first.forget(ONE)
    (name,) = os.listdir(folder)
    assert json.loads((folder / name).read_text())["asked_at"] == 5
    second.note(ONE, "web-1", "agent")
    second.forget(ONE)
    assert os.listdir(folder) == []


def test_each_uri_has_its_own(folder):
    killed_run(folder, ONE)
    killed_run(folder, ONE, TWO, uri="qemu+ssh://kvm1/system", is_local=False)
    assert set(record(folder).left_off()) == {ONE} and set(record(folder, "qemu+ssh://kvm1/system", False).left_off()) == {ONE, TWO}
    assert record(folder, "qemu:///session").left_off() == {}


def test_before_the_first_run_there_is_nothing_and_a_look_makes_no_folder(folder):
    run = record(folder)
    assert run.left_off() == {} and run.troubles == [] and not folder.exists()
    run.forget(ONE)
    assert run.troubles == [] and not folder.exists()


@pytest.mark.parametrize("content", [
    b"", b"{}", b"[]", b"null", b"\xff", b"\0" * 100, b"[" * 60000, b'{"uri": 1}',
    b'{"uri": "qemu:///system", "name": 1, "asked_at": "x", "up_by": 1, "boot_id": 1}',
    b'{"uri": "qemu:///system", "name": 1, "asked_at": 1e999, "up_by": 1, "boot_id": null}', b"x" * 10 ** 6])
def test_a_file_that_is_no_record_is_passed_over_and_named(folder, content):
    killed_run(folder, ONE, TWO)
    name = next(name for name in os.listdir(folder) if ONE in name)
    (folder / name).write_bytes(content)
    run = record(folder)
    assert set(run.left_off()) == {TWO}
    (trouble,) = run.troubles
    assert name in trouble and "may be off" in trouble and TWO not in trouble


def odd_link(path):
    path.symlink_to("/dev/urandom")


def odd_fifo(path):
    os.mkfifo(path)


def odd_folder(path):
    path.mkdir()


@pytest.mark.parametrize("make", [odd_link, odd_fifo, odd_folder])
def test_what_is_no_regular_file_is_neither_opened_for_long_nor_replaced(folder, make):
    killed_run(folder, ONE, TWO)
    name = next(name for name in os.listdir(folder) if ONE in name)
    (folder / name).unlink()
    make(folder / name)
    before = os.lstat(folder / name)
    run = record(folder)
    assert set(run.left_off()) == {TWO}
    run.note(ONE, "web-1", "agent")
    assert os.path.samestat(before, os.lstat(folder / name)) and "is no regular file" in run.troubles[0]
    assert len(os.listdir(folder)) == 2, "nothing half-written is left"


def test_a_folder_that_others_can_write_or_that_is_a_link_is_not_used(folder):
    folder.mkdir(parents=True)
    for mode in (0o777, 0o770, 0o702):
        folder.chmod(mode)
        run = record(folder)
        run.note(ONE, "web-1", "agent")
        assert os.listdir(folder) == [] and "others can write it" in run.troubles[0] and run.left_off() == {}
    folder.chmod(0o700)
    link = folder.parent / "link"
    link.symlink_to(folder)
    run = record(link)
    run.note(ONE, "web-1", "agent")
    assert os.listdir(folder) == [] and run.troubles


@pytest.mark.parametrize("change, words", [
    ({"boot_id": "x"}, "this host was started anew since"), ({"asked_at": 1}, "within the last 24 hours"), ({"asked_at": 2 ** 40}, "within the last 24 hours")])
def test_what_may_be_off_for_another_reason_is_told_with_it(folder, change, words):
    killed_run(folder, ONE)
    (name,) = os.listdir(folder)
    (folder / name).write_text(json.dumps(dict(json.loads((folder / name).read_text()), **change)))
    assert words in record(folder).left_off()[ONE].why_not


def test_why_a_domain_is_off_tells_whether_somebody_has_taken_it_over():
    # virDomainShutoffReason: unknown, shutdown, destroyed, crashed, migrated, saved, failed, from-snapshot, daemon
    assert [number for number in range(9) if _restart_record.taken_over(number)] == [4, 5, 7]


def test_each_user_has_a_folder_of_their_own(monkeypatch):
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert _restart_record._state_folder() == "/var/lib/kvm-entropy/restart"
    monkeypatch.setattr(os, "geteuid", lambda: 4294967)
    assert _restart_record._state_folder() == os.path.expanduser("~/.local/state/kvm-entropy/restart")
    for state, expected in (("/run/x", "/run/x/kvm-entropy/restart"), ("relative", os.path.expanduser("~/.local/state/kvm-entropy/restart"))):
        monkeypatch.setenv("XDG_STATE_HOME", state)
        assert _restart_record._state_folder() == expected
