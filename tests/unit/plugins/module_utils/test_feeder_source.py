# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder's source on real files: what is refused whatever its name, what a FIFO's end means, and what ends a read."""

import errno
import os
import pty
import signal
import stat
import threading
import time
import tty
from pathlib import Path

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _feeder_source
from ansible_collections.kvm.entropy.plugins.module_utils._feeder import Feeder
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_source import GoneError, Source
from feeder_fakes import STARTUP, FakeClock, FakeKernel, options
from health_bytes import sound
from waiting import when

# Longer than any of these tests takes (s).
LONG = 60
REFUSED = {"/dev/random": "the kernel's own output", "/dev/urandom": "the kernel's own output",
           "/dev/zero": "delivers zeros or nothing", "/dev/null": "delivers zeros or nothing", "/dev/full": "delivers zeros or nothing"}


@pytest.fixture
def fifo(tmp_path):
    """The path of a FIFO."""
    path = str(tmp_path / "source")
    os.mkfifo(path)
    return path


@pytest.fixture
def opened(fifo):
    """A Source that has opened the FIFO."""
    source = Source(fifo)
    source.open()
    yield source
    source.close()


@pytest.fixture
def current(fifo, tmp_path, monkeypatch):
    """A Source that takes the FIFO for /dev/hwrng, and the file that says what the kernel listens to. A guest has the real ones: tests/integration."""
    path = tmp_path / "rng_current"
    monkeypatch.setattr(_feeder_source, "_CURRENT", str(path))
    monkeypatch.setattr(_feeder_source, "device_kind", lambda _found: _feeder_source.HWRNG)
    path.write_text("virtio_rng.0\n")
    return Source(fifo), path


def write(path, data):
    """Write as a process does that opens the FIFO, writes and goes."""
    with open(path, "wb") as file:
        file.write(data)


def refusal(path):
    """Return what opening ``path`` as a source is refused with (str)."""
    source = Source(str(path))
    with pytest.raises(FeederError) as refused:
        source.open()
    assert not source.is_open
    with pytest.raises(FeederError):
        source.check()
    return str(refused.value)


@pytest.mark.parametrize("device", REFUSED)
def test_what_the_kernel_makes_itself_is_refused_by_its_number(device, tmp_path):
    (tmp_path / "hwrng").symlink_to(device)
    for path in (device, tmp_path / "hwrng"):
        assert refusal(path).startswith("source %s: found " % path)
        assert REFUSED[device] in refusal(path)


@pytest.mark.parametrize("device", REFUSED)
def test_another_node_of_the_same_device_is_refused(device, tmp_path):
    node = tmp_path / "hwrng"
    try:
        os.mknod(node, stat.S_IFCHR | 0o600, os.stat(device).st_rdev)
        os.close(os.open(node, os.O_RDONLY))
    except PermissionError:
        pytest.skip("no device node can be made here")
    assert REFUSED[device] in refusal(node)


def test_a_terminal_is_refused_by_its_number_and_not_opened():
    ours, theirs = pty.openpty()
    try:
        assert refusal(os.ttyname(theirs)).startswith("source %s: found a terminal or a serial line, expected a hardware source" % os.ttyname(theirs))
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(("number", "is_terminal"), [
    ((4, 1), True), ((4, 64), True), ((4, 67), True), ((4, 68), False), ((5, 0), True), ((5, 2), True), ((5, 3), False), ((166, 7), True), ((10, 183), False)])
def test_the_kernels_list_of_drivers_says_which_numbers_are_terminals(tmp_path, monkeypatch, number, is_terminal):
    # The form is that of Linux 6.1 (show_tty_driver in fs/proc/proc_tty.c).
    (tmp_path / "drivers").write_text(
        "/dev/tty             /dev/tty        5       0 system:/dev/tty\n/dev/ptmx            /dev/ptmx       5       2 system\n"
        "serial               /dev/ttyS       4 64-67 serial\nunknown              /dev/tty        4 1-63 console\n"
        "acm                  /dev/ttyACM   166 0-255 serial\nno driver\n\n")
    monkeypatch.setattr(_feeder_source, "_TERMINALS", str(tmp_path / "drivers"))
    assert _feeder_source._is_terminal(os.makedev(*number)) == is_terminal


@pytest.mark.parametrize("device", ["/dev/kmsg", "/dev/mem"])
def test_memory_and_the_kernels_log_are_refused(device):
    if not os.path.exists(device):
        pytest.skip("no %s here" % device)
    assert "found memory or the kernel's log" in refusal(device)


@pytest.mark.parametrize("mode", [0o622, 0o620, 0o602, 0o666, 0o660])
def test_a_source_that_others_can_write_is_refused(fifo, mode):
    os.chmod(fifo, mode)
    assert refusal(fifo) == (
        "source %s: found a FIFO that others can write (user %d, mode %04o), expected one of root's that root alone can write. Whoever writes knows what "
        "would be credited" % (fifo, os.geteuid(), mode))


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400])
def test_a_source_that_others_can_only_read_is_none_the_worse(fifo, mode):
    os.chmod(fifo, mode)
    Source(fifo).check()


def test_a_source_of_another_user_is_refused(fifo):
    if os.geteuid():
        pytest.skip("it takes root")
    os.chown(fifo, 65534, 65534)
    assert "found a FIFO that others can write (user 65534, mode" in refusal(fifo)


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_source_in_a_folder_that_others_can_write_is_refused(fifo, tmp_path, mode):
    tmp_path.chmod(mode)
    assert "found the folder %s, which others can write (mode %04o)" % (tmp_path, mode) in refusal(fifo)


def test_a_source_in_a_sticky_folder_is_its_owners(fifo, tmp_path):
    tmp_path.chmod(0o1777)
    Source(fifo).check()
    if os.geteuid() == 0:
        os.chown(fifo, 65534, 65534)
        assert "found a FIFO that others can write" in refusal(fifo)


def test_a_node_that_others_can_write_is_refused(tmp_path):
    node = tmp_path / "node"
    try:
        # A number for local use, as a vendor's generator may have one.
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(240, 7))
    except PermissionError:
        pytest.skip("no device node can be made here")
    Source(str(node)).check()
    node.chmod(0o666)
    assert "found a character device that others can write" in refusal(node)


@pytest.mark.parametrize("mode", [0o660, 0o666])
def test_the_kernels_own_device_may_have_a_mode_that_lets_others_write_as_nobody_can(tmp_path, mode):
    node = tmp_path / "hwrng"
    try:
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(10, 183))
    except PermissionError:
        pytest.skip("no device node can be made here")
    node.chmod(mode)
    os.chown(node, 0, 65534)
    Source(str(node)).check()


@pytest.mark.parametrize("number", [(10, 229), (10, 232), (10, 200), (13, 63), (7, 1), (202, 0)])
def test_a_device_that_is_known_and_no_random_source_is_refused(tmp_path, number):
    node = tmp_path / "hwrng"
    try:
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(*number))
    except PermissionError:
        pytest.skip("no device node can be made here")
    source = Source(str(node))
    with pytest.raises(FeederError, match="found character device %d:%d, which is no source of random numbers" % number):
        source.check()


def test_a_link_to_a_source_is_followed_where_only_root_can_have_made_it(fifo, tmp_path):
    (tmp_path / "link").symlink_to("source")
    source = Source(str(tmp_path / "link"))
    source.open()
    assert source.is_open
    source.close()


def test_a_look_at_a_source_does_not_open_it(fifo):
    writer = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.write(writer, sound(4096))
    Source(fifo).check()
    os.close(writer)
    assert os.read(reader, 8192) == sound(4096)
    os.close(reader)
    # Nobody reads now: who opened it for reading would let a writer in that waits for a reader.
    opened = threading.Event()
    threading.Thread(target=lambda: (os.close(os.open(fifo, os.O_WRONLY)), opened.set()), daemon=True).start()
    Source(fifo).check()
    assert not opened.wait(0.3)
    os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
    assert opened.wait(LONG)


def test_a_fifo_that_its_writer_makes_anew_is_noticed(opened, fifo):
    write(fifo, b"before")
    assert b"".join(opened.read(6, LONG)) == b"before"
    os.unlink(fifo)
    with pytest.raises(GoneError, match="the FIFO was removed or made anew"):
        list(opened.read(6, LONG))
    with pytest.raises(GoneError, match="No such file or directory"):
        opened.open()
    os.mkfifo(fifo)
    opened.open()
    write(fifo, b"anew")
    assert b"".join(opened.read(4, LONG)) == b"anew"


def test_a_feeder_goes_on_with_the_fifo_that_was_made_anew_and_tests_it_first(fifo):
    clock, kernel, source = FakeClock(), FakeKernel(), Source(fifo)
    feeder = Feeder(options(limit=1048576, interval=1)._replace(source=fifo), kernel, source, clock)
    hand = os.open(fifo, os.O_RDWR)
    os.write(hand, sound(STARTUP + 64))
    clock.now += feeder.turn(LONG)[0]
    assert feeder.credited == 256
    os.unlink(fifo)
    os.mkfifo(fifo)
    os.close(hand)
    hand = os.open(fifo, os.O_RDWR)
    os.write(hand, sound(STARTUP + 64, 1))
    clock.now += 60
    wait, _is_thirsty = feeder.turn(1)
    assert (feeder.state, wait) == ("absent", 1.0)
    while feeder.credited == 256:
        clock.now += wait + 1
        wait, _is_thirsty = feeder.turn(LONG)
    os.close(hand)
    source.close()
    assert (feeder.state, feeder.credited, feeder.discarded) == ("feeding", 512, 2 * STARTUP)


def test_what_a_file_holds_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(sound(4096))
    for path in (tmp_path / "file", tmp_path):
        assert "found neither a character device nor a FIFO; what a file holds is known to whoever can read it" in refusal(path)


def test_a_source_that_is_not_there_is_absent_and_no_wrong_one(tmp_path):
    source = Source(str(tmp_path / "nothing"))
    with pytest.raises(GoneError, match="nothing: No such file or directory"):
        source.open()
    source.check()
    assert not source.is_open


def test_a_look_at_a_source_leaves_nothing_open(fifo):
    before = os.listdir("/proc/self/fd")
    source = Source(fifo)
    source.check()
    assert (source.is_open, os.listdir("/proc/self/fd")) == (False, before)


def test_bytes_come_in_pieces_of_at_most_64_and_no_more_than_are_wanted(opened, fifo):
    write(fifo, sound(300))
    assert list(opened.read(200, LONG)) == [sound(300)[at:min(at + 64, 200)] for at in (0, 64, 128, 192)]
    assert b"".join(opened.read(100, LONG)) == sound(300)[200:]


def test_a_fifo_survives_its_writer_and_the_next_one_goes_on(opened, fifo):
    write(fifo, b"one writer")
    assert b"".join(opened.read(10, LONG)) == b"one writer"
    assert list(opened.read(10, 0.2)) == []
    assert opened.is_open
    write(fifo, b"next")
    assert b"".join(opened.read(4, LONG)) == b"next"


def test_a_fifo_without_a_writer_is_no_end(opened):
    assert list(opened.read(64, 0.8)) == []
    assert opened.is_open


def test_a_device_that_ends_is_gone(monkeypatch):
    # The one device that a test can end is a terminal, which is refused.
    monkeypatch.setattr(Source, "_check", lambda _source, _found: None)
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    source = Source(os.ttyname(theirs))
    source.open()
    os.write(ours, b"some bytes")
    assert b"".join(source.read(10, LONG)) == b"some bytes"
    os.close(ours)
    os.close(theirs)
    with pytest.raises(GoneError, match="it ended|Input/output error"):
        list(source.read(64, LONG))
    assert not source.is_open
    source.close()


def test_a_serial_line_does_not_become_the_feeders_terminal(monkeypatch):
    monkeypatch.setattr(Source, "_check", lambda _source, _found: None)
    ours, theirs = pty.openpty()
    child = os.fork()
    if child == 0:
        outcome = 1
        try:
            os.setsid()
            Source(os.ttyname(theirs)).open()
            os.open("/dev/tty", os.O_RDWR)
        except OSError as error:
            outcome = 0 if error.errno == errno.ENXIO else 2
        finally:
            os._exit(outcome)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(ours)
    os.close(theirs)


def test_the_wake_file_ends_a_read_early(fifo):
    wake, other_end = os.pipe()
    source = Source(fifo, wake)
    source.open()
    begun = time.monotonic()
    threading.Timer(0.1, os.write, (other_end, b"x")).start()
    assert list(source.read(64, LONG)) == []
    assert time.monotonic() - begun < LONG / 2
    assert source.is_open
    source.close()
    os.close(wake)
    os.close(other_end)


def test_a_read_is_over_when_its_time_is_and_its_reader_is_gone(opened):
    begun = time.monotonic()
    assert list(opened.read(64, 0.7)) == []
    assert 0.7 <= time.monotonic() - begun < LONG
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_source_that_is_closed_is_closed_in_the_process_that_reads_it_too(opened, fifo):
    write(fifo, sound(64))
    list(opened.read(64, LONG))
    (reader,) = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    opened.close()
    assert not os.path.exists("/proc/" + reader)
    # Nobody has it open for reading any more.
    with pytest.raises(OSError, match="No such device or address"):
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_a_source_that_is_opened_again_under_the_same_number_is_not_read_by_the_process_of_before(opened, fifo, tmp_path):
    write(fifo, sound(64))
    list(opened.read(64, LONG))
    os.mkfifo(tmp_path / "other")
    opened.move(str(tmp_path / "other"))
    opened.open()
    write(tmp_path / "other", b"other")
    assert b"".join(opened.read(5, LONG)) == b"other"


def test_a_read_that_is_given_up_leaves_no_reader(opened, fifo):
    write(fifo, sound(128))
    reading = opened.read(1000, LONG)
    next(reading)
    reading.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize("given", [b"", sound(64)])
def test_a_reader_that_is_killed_in_the_middle_does_not_become_a_busy_loop(fifo, given):
    kernel, source = FakeKernel(is_ready=False), Source(fifo)
    feeder = Feeder(options()._replace(source=fifo), kernel, source)
    hand = os.open(fifo, os.O_RDWR)
    os.write(hand, given)
    me = threading.get_native_id()

    def kill():
        when(lambda: kernel.mixed or not given)
        os.kill(int(when(lambda: Path(f"/proc/self/task/{me}/children").read_text().split())[0]), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    begun = time.monotonic()
    wait, _is_thirsty = feeder.turn(LONG)
    killer.join()
    os.close(hand)
    source.close()
    assert time.monotonic() - begun < LONG / 2
    assert b"".join(kernel.mixed) == given
    # What came is worth another look at once; nothing is not.
    assert wait == (0.0 if given else 1.0)


def test_another_path_is_opened_anew_and_the_same_one_is_kept(opened, fifo):
    opened.move(fifo)
    assert opened.is_open
    opened.move("/nowhere")
    assert (opened.is_open, opened.name) == (False, "/nowhere")


def test_the_name_of_hwrng_is_what_the_kernel_listens_to_now(current, fifo):
    source, path = current
    source.open()
    assert source.name == "virtio_rng.0"
    path.write_text("tpm-rng-0\n")
    hand = os.open(fifo, os.O_RDWR)
    os.write(hand, b"abcd")
    assert (next(source.read(4, LONG)), source.name) == (b"abcd", "tpm-rng-0")
    os.close(hand)
    source.close()


@pytest.mark.parametrize("nothing", ["none\n", "\n"])
def test_hwrng_without_a_source_behind_it_is_gone(current, nothing):
    source, path = current
    source.open()
    path.write_text(nothing)
    with pytest.raises(GoneError, match="the kernel has no hardware source"):
        next(source.read(64, LONG))
    assert not source.is_open
    with pytest.raises(GoneError, match="the kernel has no hardware source"):
        source.open()
    assert not source.is_open
    path.write_text("virtio_rng.0\n")
    source.open()
    assert source.is_open
    source.close()


def test_a_look_in_the_middle_of_a_read_tells_what_the_kernel_listens_to_and_ends_the_read_where_that_is_nothing(current, fifo):
    source, path = current
    source.open()
    write(fifo, sound(128))
    reading = source.read(1000, LONG)
    next(reading)
    path.write_text("tpm-rng-0\n")
    source.look()
    assert source.name == "tpm-rng-0"
    path.write_text("none\n")
    with pytest.raises(GoneError, match="the kernel has no hardware source"):
        source.look()
    reading.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_kernel_that_does_not_say_what_it_listens_to_is_read_all_the_same(current):
    source, path = current
    path.unlink()
    source.open()
    assert (source.is_open, source.name) == (True, source.path)
    source.close()
