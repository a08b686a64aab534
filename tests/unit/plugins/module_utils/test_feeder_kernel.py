# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder really asks of the kernel: of the real /dev/random, by system calls that are written down and not made."""

import errno
import os
import struct

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _feeder_kernel
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_kernel import Kernel


@pytest.fixture
def asked(monkeypatch):
    """What is asked of the kernel by ioctl() (list of request, bytes or None) and by write() (list of bytes); ``fails`` (errno) is what it answers."""

    class Asked:
        """What was asked for, and what is answered."""

        def __init__(self):
            self.requests, self.written, self.fails = [], [], None

        def ioctl(self, _file, request, argument=None):
            self.requests.append((request, argument and bytes(argument)))
            if self.fails:
                raise OSError(self.fails, os.strerror(self.fails))

    asked = Asked()
    monkeypatch.setattr(_feeder_kernel.fcntl, "ioctl", asked.ioctl)
    monkeypatch.setattr(_feeder_kernel.os, "write", lambda _file, data: asked.written.append(data))
    return asked


@pytest.fixture
def kernel():
    kernel = Kernel()
    yield kernel
    os.close(kernel.file)


def test_what_is_mixed_in_is_written_and_nothing_is_credited(asked, kernel):
    kernel.mix(b"some bytes")
    assert (asked.written, asked.requests) == ([b"some bytes"], [])


@pytest.mark.parametrize("size", [64, 4096])
def test_a_credit_is_of_the_bits_that_are_told_and_not_of_the_bytes(asked, kernel, size):
    data = bytes(range(256)) * (size // 256) or bytes(size)
    kernel.credit(data, 100)
    # RNDADDENTROPY, _IOW('R', 3, int[2]), and struct rand_pool_info: bits, bytes, data.
    assert asked.requests == [(0x40085203, struct.pack("=ii", 100, size) + data)]
    assert asked.written == []


@pytest.mark.parametrize(("machine", "credit", "reseed"), [
    ("x86_64", 0x40085203, 0x5207), ("aarch64", 0x40085203, 0x5207), ("ppc64le", 0x80085203, 0x20005207), ("mips64", 0x80085203, 0x20005207)])
def test_the_requests_have_the_numbers_of_their_architecture(asked, monkeypatch, machine, credit, reseed):
    monkeypatch.setattr(_feeder_kernel.os, "uname", lambda: os.uname_result(("Linux", "guest", "6.1", "#1", machine)))
    kernel = Kernel()
    kernel.credit(b"1", 1)
    assert kernel.reseed() is True
    assert [request for request, _argument in asked.requests] == [credit, reseed]
    os.close(kernel.file)


@pytest.mark.parametrize("answer", ["ENODATA", "EINVAL", "ENOTTY", "EPERM"])
def test_a_kernel_that_does_not_reseed_on_demand_is_no_error(asked, kernel, answer):
    asked.fails = getattr(errno, answer)
    assert kernel.reseed() is False


def test_another_answer_to_a_reseed_is_an_error(asked, kernel):
    asked.fails = errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        kernel.reseed()


def test_a_kernel_that_is_ready_says_so_by_getrandom(kernel, monkeypatch):
    assert kernel.is_ready() is True
    drawn = []

    def waits(count, flags):
        drawn.append((count, flags))
        raise BlockingIOError

    monkeypatch.setattr(_feeder_kernel.os, "getrandom", waits)
    assert kernel.is_ready() is False
    assert drawn == [(1, os.GRND_NONBLOCK)]


@pytest.mark.parametrize("is_readable", [True, False])
def test_before_getrandom_the_device_tells_by_poll(kernel, monkeypatch, is_readable):
    def is_missing(_count, _flags):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(_feeder_kernel.os, "getrandom", is_missing)
    monkeypatch.setattr(_feeder_kernel.select, "select", lambda reads, _writes, _others, seconds: (reads if is_readable else [], [], []))
    assert kernel.is_ready() is is_readable


@pytest.mark.parametrize("is_writable", [True, False])
def test_it_is_thirsty_where_its_device_can_be_written_to(kernel, monkeypatch, is_writable):
    monkeypatch.setattr(_feeder_kernel.select, "select", lambda _reads, writes, _others, seconds: ([], writes if is_writable else [], []))
    assert kernel.is_thirsty() is is_writable


@pytest.mark.parametrize(("bits", "is_rewritten"), [("256\n", True), ("4096\n", False), (None, False)])
def test_which_generator_it_has_the_pools_size_tells(monkeypatch, tmp_path, bits, is_rewritten):
    if bits:
        (tmp_path / "poolsize").write_text(bits)
    monkeypatch.setattr(_feeder_kernel, "_POOL_SIZE", str(tmp_path / "poolsize"))
    kernel = Kernel()
    assert kernel.is_rewritten is is_rewritten
    os.close(kernel.file)


def test_another_file_is_no_kernel():
    with pytest.raises(ValueError, match="found another file than the kernel's random device"):
        Kernel(os.devnull)
