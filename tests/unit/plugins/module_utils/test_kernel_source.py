# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a source within a budget, on files that this machine has. Real slow devices are read in tests/integration."""

import contextlib
import os
import threading

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _kernel_reader, _kernel_source
from waiting import when


@pytest.fixture
def fifo(tmp_path):
    """A path that delivers what is written to the handle beside it, and waits else."""
    path = str(tmp_path / "source")
    os.mkfifo(path)
    handle = os.open(path, os.O_RDWR)
    yield path, handle
    os.close(handle)


def test_a_path_is_what_its_device_number_says_under_any_name(tmp_path):
    (tmp_path / "alias").symlink_to("/dev/urandom")
    (tmp_path / "file").touch()
    paths = ["/dev/random", "/dev/tty", "/dev/zero"] + [str(tmp_path / name) for name in ("alias", "file", "nothing")]
    kinds = {path: _kernel_source.kind(path) for path in paths}
    assert list(kinds.values()) == ["random", "device", "constant", "urandom", "file", "missing"]


def test_a_random_that_waits_for_its_pool_is_told_apart(tmp_path, monkeypatch):
    (tmp_path / "read_wakeup_threshold").touch()
    monkeypatch.setattr(_kernel_source, "_OF_A_POOL", str(tmp_path / "read_wakeup_threshold"))
    assert (_kernel_source.kind("/dev/random"), _kernel_source.kind("/dev/urandom")) == ("blocking", "urandom")


def test_no_byte_more_than_allowed_is_read(fifo):
    path, handle = fifo
    os.write(handle, bytes(1000))
    steps, _seconds, error = _kernel_source.measure(path, 200, 20)
    assert (sum(count for _at, count in steps), error) == (200, None)
    assert len(os.read(handle, 1000)) == 800


def test_a_source_that_gives_nothing_is_left_when_time_is_over(fifo):
    path, _handle = fifo
    steps, seconds, error = _kernel_source.measure(path, 200, 1)
    assert (steps, error) == ([], None)
    assert seconds >= 1


def test_when_each_piece_came_is_told(fifo):
    path, handle = fifo
    os.write(handle, bytes(10))
    later = threading.Timer(0.3, os.write, (handle, bytes(70)))
    later.start()
    steps, _seconds, _error = _kernel_source.measure(path, 80, 20)
    later.join()
    assert [count for _at, count in steps] == [10, 64, 6]
    assert steps[1][0] - steps[0][0] > 0.1


def test_a_source_that_ends_or_cannot_be_opened_says_so(tmp_path):
    (tmp_path / "file").write_bytes(bytes(70))
    _steps, seconds, error = _kernel_source.measure(str(tmp_path / "file"), 200, 20)
    assert (error, seconds < 20) == ("it ended", True)
    assert _kernel_source.measure(str(tmp_path / "nothing"), 200, 20)[2] == "No such file or directory"


def test_the_reader_is_gone_afterwards_and_nothing_of_it_is_left_open(fifo):
    before = os.listdir("/proc/self/fd")
    _kernel_source.measure(fifo[0], 200, 1)
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.fixture
def reading(fifo):
    """Return a function that has a process measure for so many seconds; it returns the process ids of its reader and of itself."""
    ids = []

    def start(seconds):
        module = os.fork()
        if module == 0:
            with contextlib.suppress(BaseException):
                _kernel_source.measure(fifo[0], 200, seconds)
            os._exit(0)
        ids.append(module)
        ids.insert(0, int(when(lambda: _text(f"/proc/{module}/task/{module}/children").split())[0]))
        return tuple(ids)

    yield start
    for pid in ids:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def test_the_source_is_read_without_waiting_in_it_as_that_would_hold_up_every_guest(fifo, reading):
    reader, _module = reading(60)
    # The test's own handle, which waits, is the reader's too.
    flags = when(lambda: _flags(reader, fifo[0])[1:] and _flags(reader, fifo[0]))
    assert sorted(bool(each & os.O_NONBLOCK) for each in flags) == [False, True]


def test_bytes_come_back_as_they_came(fifo):
    path, handle = fifo
    os.write(handle, bytes(range(256)))
    reader = _kernel_reader.Reader()
    pieces = [piece for _at, piece in reader.read(path, 200, 20)]
    assert (b"".join(pieces), reader.error, reader.seconds < 20) == (bytes(range(200)), None, True)


def test_a_reader_with_patience_waits_in_the_source_once_nothing_came_for_so_long(fifo):
    # A driver that never answers a read that does not wait is one of a kernel that is not to be had here.
    path, handle = fifo
    reader = _kernel_reader.Reader()
    pieces = []

    def read():
        pieces.extend(piece for _at, piece in reader.read(path, 100, 20, patience=0.2))

    alone = threading.Thread(target=read)
    alone.start()
    child = int(when(lambda: _text(f"/proc/self/task/{alone.native_id}/children").split())[0])
    assert when(lambda: [bool(each & os.O_NONBLOCK) for each in _flags(child, path)] == [False, False])
    os.write(handle, bytes(100))
    alone.join()
    assert b"".join(pieces) == bytes(100)


def test_the_connection_of_ansible_is_not_kept_open(reading):
    reader, _module = reading(60)
    assert when(lambda: {os.readlink(f"/proc/{reader}/fd/{standard}") for standard in range(3)} == {os.devnull})


def test_a_reader_whose_module_was_killed_ends_by_itself(reading):
    reader, module = reading(1)
    os.kill(module, 9)
    os.waitpid(module, 0)
    assert when(lambda: "State:\tZ" in _text(f"/proc/{reader}/status") or not os.path.exists(f"/proc/{reader}"))


def _flags(pid, path):
    """Return the flags (list of int) of the handles of ``path`` that a process has."""
    handles = [name for name in os.listdir(f"/proc/{pid}/fd") if os.readlink(f"/proc/{pid}/fd/{name}") == path]
    return [int(_text(f"/proc/{pid}/fdinfo/{name}").split("flags:")[1].split()[0], 8) for name in handles]


def _text(path):
    with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
        return file.read()
    return ""
