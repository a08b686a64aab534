# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a source within a budget, on files that this machine has. Real slow devices are read in tests/integration."""

import contextlib
import os
import signal
import threading
import time

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
    assert list(kinds.values()) == ["random", "unsuitable", "constant", "urandom", "file", "missing"]


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
    """Return a function that has a process read ``most`` bytes in so many seconds; it returns the ids of its reader, idle if that is 0, and itself."""
    ids = []
    is_read, tell = os.pipe()

    def start(seconds, most=200):
        module = os.fork()
        if module == 0:
            with contextlib.suppress(BaseException):
                kept = _kernel_reader.Reader()
                list(kept.read(fifo[0], most, seconds))
                os.write(tell, b".")
                signal.pause()
            os._exit(0)
        ids.append(module)
        ids.insert(0, when(lambda: _children(module))[0])
        if not most:
            os.read(is_read, 1)
        return tuple(ids)

    yield start
    os.close(is_read)
    os.close(tell)
    for pid in ids:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def test_a_source_that_gives_nothing_is_asked_less_and_less_often(reading):
    reader, _module = reading(60)
    time.sleep(3)
    # Each time it waits counts. At the shortest pause it would be 60,000 times, and at one of 5 ms 600 times.
    waits = int(_text(f"/proc/{reader}/status").split("\nvoluntary_ctxt_switches:")[1].split()[0])
    assert 10 < waits < 200


def test_a_reader_that_is_done_in_time_stays(fifo):
    with _kernel_reader.Reader() as reader:
        children = []
        for _again in range(5):
            assert list(reader.read(fifo[0], 64, 0.3)) == []
            children.append(reader._child)
    # On a busy machine one may be late, but not each.
    assert len(set(children)) < 5


def test_the_source_is_read_without_waiting_in_it_as_that_would_hold_up_every_guest(fifo, reading):
    reader, _module = reading(60)
    assert when(lambda: [bool(each & os.O_NONBLOCK) for each in _flags(reader, fifo[0])] == [True])


@pytest.fixture
def reader():
    """A Reader that reads nothing yet."""
    with _kernel_reader.Reader() as made:
        yield made


def test_bytes_come_back_as_they_came(fifo, reader):
    path, handle = fifo
    os.write(handle, bytes(range(256)))
    pieces = [piece for _at, piece in reader.read(path, 200, 20)]
    assert (b"".join(pieces), reader.error, reader.seconds < 20) == (bytes(range(200)), None, True)


def test_a_reader_with_patience_waits_in_the_source_once_nothing_came_for_so_long(fifo, reader):
    # A driver that never answers a read that does not wait is one of a kernel that is not to be had here.
    path, handle = fifo
    pieces = []

    def read():
        pieces.extend(piece for _at, piece in reader.read(path, 100, 20, patience=0.2))

    alone = threading.Thread(target=read)
    alone.start()
    child = when(lambda: _children(alone.native_id))[0]
    assert when(lambda: [bool(each & os.O_NONBLOCK) for each in _flags(child, path)] == [False])
    os.write(handle, bytes(100))
    alone.join()
    assert b"".join(pieces) == bytes(100)


def test_the_connection_of_ansible_is_not_kept_open(reading):
    reader, _module = reading(60)
    assert when(lambda: {os.readlink(f"/proc/{reader}/fd/{standard}") for standard in range(3)} == {os.devnull})


@pytest.mark.parametrize("most", [200, 0], ids=["reading", "idle"])
def test_a_reader_ends_where_its_parent_was_killed_whatever_it_does(reading, most):
    child, module = reading(1 if most else 60, most)
    os.kill(module, signal.SIGKILL)
    os.waitpid(module, 0)
    assert when(lambda: _is_over(child))


def _read(reader, fifo, data):
    """Have ``data`` (bytes) read from the FIFO; return the ids of the processes that this one has then."""
    os.write(fifo[1], data)
    assert b"".join(piece for _at, piece in reader.read(fifo[0], len(data), 20)) == data
    return _children(os.getpid())


def test_the_process_that_reads_stays_for_the_next_read(fifo, reader):
    first = _read(reader, fifo, b"one")
    assert (len(first), _read(reader, fifo, b"another")) == (1, first)


def test_one_that_stayed_does_not_wait_in_the_source_because_it_did_before(fifo, reader):
    later = threading.Timer(0.4, os.write, (fifo[1], b"x"))
    later.start()
    assert list(reader.read(fifo[0], 1, 20, patience=0.1))
    later.join()
    (child,) = _read(reader, fifo, b"another")
    assert [bool(each & os.O_NONBLOCK) for each in _flags(child, fifo[0])] == [True]


def test_it_is_replaced_where_time_was_over_while_it_waited_in_the_source(fifo, reader):
    first = _read(reader, fifo, b"one")
    assert (list(reader.read(fifo[0], 1, 0.4, patience=0.1)), _children(os.getpid())) == ([], [])
    second = _read(reader, fifo, b"another")
    assert (len(second), second != first, _is_over(first[0])) == (1, True, True)


def test_it_is_replaced_where_somebody_killed_it(fifo, reader):
    (first,) = _read(reader, fifo, b"one")
    os.kill(first, signal.SIGKILL)
    when(lambda: _is_over(first))
    (second,) = _read(reader, fifo, b"another")
    assert second != first


def test_it_is_replaced_where_the_source_is_another(fifo, reader, tmp_path):
    (tmp_path / "file").write_bytes(b"other")
    first = _read(reader, fifo, b"one")
    assert b"".join(piece for _at, piece in reader.read(str(tmp_path / "file"), 5, 20)) == b"other"
    assert len(_children(os.getpid())) == 1
    assert _children(os.getpid()) != first


def test_it_has_nothing_open_but_the_source_and_its_two_pipes(fifo, reader):
    with _kernel_reader.Reader() as other:
        _read(other, fifo, b"one")
        (first,) = _children(os.getpid())
        (second,) = set(_read(reader, fifo, b"another")) - {first}
        opened = [os.readlink(f"/proc/{second}/fd/{name}") for name in os.listdir(f"/proc/{second}/fd")]
        assert sorted(each.partition(":")[0] for each in opened) == sorted([os.devnull] * 3 + [fifo[0]] + ["pipe"] * 2)


def test_closing_leaves_neither_a_process_nor_a_zombie_nor_a_file(fifo):
    before = os.listdir("/proc/self/fd")
    reader = _kernel_reader.Reader()
    (child,) = _read(reader, fifo, b"one")
    reader.close()
    assert (os.path.exists(f"/proc/{child}"), os.listdir("/proc/self/fd")) == (False, before)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    reader.close()


def _children(pid):
    """Return the ids (list of int) of the processes of a process's first thread, or of a thread of this one."""
    owner = pid if os.path.exists(f"/proc/{pid}/task/{pid}") else os.getpid()
    return [int(word) for word in _text(f"/proc/{owner}/task/{pid}/children").split()]


def _is_over(pid):
    return "State:\tZ" in _text(f"/proc/{pid}/status") or not os.path.exists(f"/proc/{pid}")


def _flags(pid, path):
    """Return the flags (list of int) of the handles of ``path`` that a process has."""
    handles = [name for name in os.listdir(f"/proc/{pid}/fd") if _target(f"/proc/{pid}/fd/{name}") == path]
    return [int(_text(f"/proc/{pid}/fdinfo/{name}").split("flags:")[1].split()[0], 8) for name in handles]


def _target(link):
    # A reader closes what it was born with.
    with contextlib.suppress(FileNotFoundError):
        return os.readlink(link)
    return None


def _text(path):
    with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
        return file.read()
    return ""
