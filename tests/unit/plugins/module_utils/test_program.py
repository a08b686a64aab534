# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that are started with bounds: what they get, what they leave, and that none outlives who started it."""

import os
import signal
import time
from pathlib import Path

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._program import printing, started

PATH = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


@pytest.fixture
def nothing():
    with open(os.devnull, "r+b") as file:
        yield [file.fileno()] * 3


def printed(words, source=None):
    """Return all that the program prints (bytes)."""
    with printing(words, source, PATH) as pipe, open(pipe, "rb", closefd=False) as file:
        return file.read()


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("command, status", [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", -signal.SIGTERM)])
def test_its_status_is_that_of_the_program(nothing, command, status):
    with started(["sh", "-c", command], nothing, PATH) as program:
        assert program.wait(60) == status
        assert program.wait(60) == status


def test_a_program_that_cannot_be_started_is_an_error_that_names_it(nothing, tmp_path):
    (tmp_path / "text").write_text("no program")
    for words, why in (["no-such-program"], FileNotFoundError), ([str(tmp_path / "text")], PermissionError), (["sh", "a\0b"], OSError):
        with pytest.raises(why) as error, started(words, nothing, PATH):
            pass
        assert error.value.filename == words[0]


def test_it_has_its_input_its_environment_and_the_root_folder(tmp_path):
    (tmp_path / "input").write_text("from the file")
    with open(tmp_path / "input", "rb") as file:
        assert printed(["sh", "-c", "cat; echo; env | sort; pwd"], file.fileno()).split(b"\n")[:2] == [b"from the file", b"LC_ALL=C"]
    assert printed(["sh", "-c", "cat; pwd"]) == b"/\n"


def test_it_has_no_file_of_ours(tmp_path):
    with open(tmp_path / "secret", "w", encoding="utf-8") as file:
        assert os.fstat(file.fileno())
        files = printed(["sh", "-c", "ls -l /proc/self/fd"]).decode()
    assert "secret" not in files and files.count("/dev/null") == 2


def test_one_whose_reader_has_gone_ends_as_programs_do(nothing):
    # Python ignores SIGPIPE; yes would complain for ever, or end with 1.
    with started(["sh", "-c", "trap 'exit 0' TERM; yes | head -n 1 >/dev/null; kill -l 13"], nothing, PATH) as program:
        assert program.wait(60) == 0
    # What the caller ignores besides, as a shell's background job ignores SIGINT, stays ignored.
    ignored = int(printed(["sh", "-c", "grep SigIgn /proc/self/status"]).split()[1], 16)
    assert not ignored & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(nothing, tmp_path):
    file = tmp_path / "pid"
    begin = time.monotonic()
    with started(["sh", "-c", f"sleep 600 & echo $! >{file}.new; mv {file}.new {file}; wait"], nothing, PATH, apart=True) as program:
        while not file.exists():
            assert program.wait(0.05) is None
    child = int(file.read_text())
    while is_there(child) and " Z " not in Path(f"/proc/{child}/stat").read_text():
        assert time.monotonic() < begin + 60
    assert program.wait(0) == -signal.SIGKILL


def test_one_that_is_not_read_to_its_end_does_not_stay():
    with printing(["sh", "-c", "echo $$; exec yes"], None, PATH) as pipe:
        pid = int(os.read(pipe, 100).split()[0])
        assert is_there(pid)
    assert not is_there(pid)


def test_an_exception_ends_it(nothing):
    with pytest.raises(KeyboardInterrupt), started(["sleep", "600"], nothing, PATH) as program:
        raise KeyboardInterrupt
    assert not is_there(program.pid)
