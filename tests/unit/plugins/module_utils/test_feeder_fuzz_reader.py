# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever the system calls of the process that reads come to, in any order: the feeder survives it, and no byte is credited that did not come."""

import errno
import os
import tempfile

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _kernel_reader
from ansible_collections.kvm.entropy.plugins.module_utils._feeder import STATES, Feeder
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_source import Source
from feeder_fakes import STARTUP, FakeClock, FakeKernel, options
from health_bytes import sound
from hypothesis import given, settings
from hypothesis import strategies as some

ERRORS = [errno.EIO, errno.ENODEV, errno.EINTR, errno.EAGAIN, errno.EPERM, errno.ENXIO, 0]
# One system call: so many bytes, an error, or the reader's end in the middle of it.
GIVE = some.tuples(some.just("give"), some.sampled_from([1, 7, 63, 64]))
PLENTY = some.just([("give", 64)] * 20)
OTHER = some.one_of(some.tuples(some.just("error"), some.sampled_from(ERRORS)), some.just(("killed", 9)))
PARTS = some.lists(some.one_of(PLENTY, some.lists(some.one_of(GIVE, OTHER), max_size=8)), max_size=3)
CALLS = PARTS.map(lambda parts: [call for part in parts for call in part])
TURNS = some.lists(CALLS, min_size=1, max_size=6)


def obeys(calls, data):
    """Return what stands for ``_kernel_reader._obey``: it tells of ``data`` (bytes) what ``calls`` (list) say."""
    def obey(_source, most, _deadline, _patience, tell):
        left = data
        for what, number in calls:
            if what == "killed":
                os._exit(number)
            if what == "error":
                raise OSError(number, os.strerror(number))
            piece, left = left[:min(number, most)], left[min(number, most):]
            if not piece:
                return
            tell(len(piece), piece)
            most -= len(piece)
    return obey


def no_more():
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


@given(turns=TURNS, without_fork=some.sets(some.integers(0, 5), max_size=2))
@settings(max_examples=50, deadline=None)
def test_no_error_of_a_reader_ends_the_feeder_or_is_credited(turns, without_fork):
    clock, kernel = FakeClock(), FakeKernel()
    with tempfile.TemporaryDirectory() as folder:
        os.mkfifo(folder + "/source")
        source = Source(folder + "/source")
        feeder = Feeder(options(limit=1048576, interval=1)._replace(source=source.path), kernel, source, clock)
        for number, calls in enumerate(turns):
            # Another process each time, so that it does what this turn's script says.
            source._reader.close()
            with pytest.MonkeyPatch.context() as meanwhile:
                meanwhile.setattr(_kernel_reader, "_obey", obeys(calls, sound(4096, number)))
                if number in without_fork:
                    meanwhile.setattr(_kernel_reader.os, "fork", no_more)
                wait, _is_thirsty = feeder.turn(20)
            assert feeder.state in STATES
            clock.now += wait + 1
        source.close()
    assert feeder.read == sum(map(len, kernel.mixed))
    assert feeder.credited == 4 * sum(len(data) for data, _bits in kernel.given) == sum(bits for _data, bits in kernel.given)
    assert not kernel.given or sum(len(data) for data, _bits in kernel.given) + STARTUP <= feeder.read
