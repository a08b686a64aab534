# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program as it is installed, from its command line. Nothing here is fed: --once and the service have a fake kernel in test_feeder_service."""

import json
import os
import subprocess
import sys
import threading

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import OPTIONS, version_of
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_report import began, status_of
from ansible_collections.kvm.entropy.plugins.module_utils._health_fips import TESTS
from feeder.bundle import PROGRAM
from feeder_fakes import FakeKernel, Stand
from health_bytes import BLOCK, sound

BLOCKS = 8
DATA = sound(4 + BLOCKS * BLOCK)
PASSED = "blocks 8, passed 8; failures: repetition 0, proportion 0, period 0, fips 0, monobit 0, poker 0, runs 0, long_run 0, continuous_run 0\n"


def run(*words, **how):
    """Run the program; return what became of it (CompletedProcess of str)."""
    how.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([sys.executable, PROGRAM, *map(str, words)], capture_output=True, text=True, check=False, timeout=120, **how)


def outcome(*words, **how):
    """Return its exit status (int), its output and its errors (str)."""
    done = run(*words, **how)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def file(tmp_path):
    """A file of eight sound blocks."""
    path = tmp_path / "data"
    path.write_bytes(DATA)
    return path


def test_the_help_tells_each_option_its_bounds_its_default_and_the_exit_statuses():
    status, told, _errors = outcome("--help")
    told = " ".join(told.split())
    assert status == 0
    for option in OPTIONS:
        assert "--%s X %s (%s; default %s)" % (option.name.replace("_", "-"), option.about, option.bounds, option.default or "none") in told
    assert "exit status: 0 done" in told
    assert "They don't prove that it is random." in told


def test_a_files_blocks_are_tested(file):
    assert outcome("--test", 8, "--source", file) == (0, PASSED, "")


def test_no_more_blocks_than_asked_for_are_tested(file):
    assert outcome("--test", 3, "--source", file)[1].startswith("blocks 3, passed 3; ")


def test_standard_input_is_tested(file):
    with open(file, "rb") as stream:
        assert outcome("--test", 8, "--source", "-", stdin=stream) == (0, PASSED, "")


def test_standard_input_that_comes_in_small_pieces_is_tested():
    process = subprocess.Popen([sys.executable, PROGRAM, "--test", "8", "--source", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for at in range(0, len(DATA), 777):
        process.stdin.write(DATA[at:at + 777])
        process.stdin.flush()
    assert (process.communicate(timeout=120)[0].decode(), process.returncode) == (PASSED, 0)


def test_a_fifo_is_tested(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    hand = os.open(path, os.O_RDWR)
    writer = threading.Thread(target=os.write, args=(hand, DATA))
    writer.start()
    done = outcome("--test", 8, "--source", path)
    writer.join()
    os.close(hand)
    assert done == (0, PASSED, "")


def test_a_source_that_gives_nothing_more_in_time_is_tested_as_far_as_it_goes(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    hand = os.open(path, os.O_RDWR)
    os.write(hand, DATA[:4 + 2 * BLOCK])
    status, told, errors = outcome("--test", 8, "--source", path, "--timeout", 1)
    os.close(hand)
    assert (status, told[:20]) == (1, "blocks 2, passed 2; ")
    assert errors == "entropy-feeder: source %s: ended after 2 blocks, expected 8\n" % path


def test_a_file_that_is_shorter_than_asked_for_fails(file):
    status, told, errors = outcome("--test", 9, "--source", file)
    assert (status, told) == (1, PASSED)
    assert errors == "entropy-feeder: source %s: ended after 8 blocks, expected 9\n" % file


@pytest.mark.parametrize("length", [0, 3, 4, 3 + BLOCK])
def test_less_than_a_block_is_no_test(tmp_path, length):
    path = tmp_path / "short"
    path.write_bytes(DATA[:length])
    assert outcome("--test", 1, "--source", path) == (2, "", "entropy-feeder: source %s: found %d bytes, expected 2504 for the first block\n" % (path, length))


def test_a_block_that_fails_is_counted_by_test_and_told_to_programs_too(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(DATA + bytes(BLOCK))
    status, told, _errors = outcome("--test", 9, "--source", path, "--json")
    counts = json.loads(told)
    assert (status, counts["blocks"], counts["passed"]) == (1, 9, 8)
    assert [counts["failures"][test] for test in TESTS] == [1] * 5
    assert list(counts["failures"]) == ["repetition", "proportion", "period", "fips", *TESTS]
    # 2,500 zeros: 277 times nine in a row.
    assert counts["failures"]["repetition"] == 277


def test_a_health_test_that_fails_in_blocks_that_pass_fails(tmp_path):
    path = tmp_path / "again"
    path.write_bytes(DATA[:4 + 4 * BLOCK] * 2)
    status, told, _errors = outcome("--test", 8, "--source", path)
    assert status == 1
    assert told.startswith("blocks 8, passed 8; failures: repetition 0, proportion 0, period 1, ")


def test_the_claim_that_is_tested_is_the_one_on_the_command_line(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(DATA[:2000] + b"x" * 6 + DATA[2006:])
    assert outcome("--test", 8, "--source", path)[0] == 0
    assert outcome("--test", 8, "--source", path, "--min-entropy", "8")[0] == 1


def test_the_first_word_is_only_what_the_next_one_is_compared_with(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(DATA[4:8] + DATA[4:])
    assert "continuous_run 1" in outcome("--test", 8, "--source", path)[1]


@pytest.mark.parametrize(("words", "why"), [
    (["--test", "1", "--source", "/nowhere"], "source /nowhere: No such file or directory"),
    (["--test", "1", "--source", "/proc"], "source /proc: Is a directory"),
])
def test_what_cannot_be_tested_is_said(words, why):
    assert outcome(*words) == (2, "", "entropy-feeder: %s\n" % why)


def test_a_file_that_cannot_be_read_is_said_on_standard_input_too():
    assert outcome("--test", 1, "--source", "/proc/self/mem") == (2, "", "entropy-feeder: source /proc/self/mem: Input/output error\n")
    with open("/proc/self/mem", "rb") as unreadable:
        assert outcome("--test", 1, "--source", "-", stdin=unreadable) == (2, "", "entropy-feeder: source -: Input/output error\n")


@pytest.mark.parametrize("words", [
    ["--test"], ["--test", "0"], ["--test", "-1"], ["--test", "1.5"], ["--test", "²"], ["--test", "1", "--once"], ["--once", "--within", "0"],
    ["--check", "--status"], ["--nonsense"], ["word"],
])
def test_a_wrong_command_line_is_2(words):
    status, told, errors = outcome(*words)
    assert (status, told) == (2, "")
    assert errors.startswith("usage: entropy-feeder ")


@pytest.mark.parametrize("what", [["--test", "1"], ["--check"], ["--once"], []])
@pytest.mark.parametrize(("words", "why"), [
    (["--limit", "63"], "limit: found 63, expected a number (bytes per minute, 64 to 1048576)"),
    (["--min-entropy", "nan"], "min_entropy: found nan, expected a number (bits per byte, 0.1 to 8.0)"),
    (["--metrics", "here"], "metrics: found here, expected an absolute path"),
])
def test_a_wrong_option_is_2_whatever_is_to_be_done(tmp_path, what, words, why):
    # A source that gives nothing, so that not even a program that overlooks the fault feeds this machine.
    os.mkfifo(tmp_path / "source")
    (tmp_path / "feeder.conf").write_text("[feeder]\n")
    words = [*what, *words, "--source", tmp_path / "source", "--config", tmp_path / "feeder.conf"]
    assert outcome(*words) == (2, "", "entropy-feeder: %s\n" % why)


def test_a_right_configuration_is_right(tmp_path):
    os.mkfifo(tmp_path / "source")
    (tmp_path / "feeder.conf").write_text("[feeder]\nsource = %s\nretry = 5\n" % (tmp_path / "source"))
    status, told, errors = outcome("--check", "--config", tmp_path / "feeder.conf", "--limit", 64)
    assert (status, errors) == (0, "")
    assert told == "%s is right: source %s, min_entropy 4.0, alpha 30, interval 60, limit 64, timeout 30, retry 5\n" % (
        tmp_path / "feeder.conf", tmp_path / "source")


def test_a_source_that_is_not_there_yet_is_right(tmp_path):
    (tmp_path / "feeder.conf").write_text("[feeder]\nsource = %s\n" % (tmp_path / "later"))
    assert outcome("--check", "--config", tmp_path / "feeder.conf")[0] == 0


@pytest.mark.parametrize("source", ["/dev/urandom", "/dev/zero", "/etc/passwd"])
def test_a_source_that_can_never_be_one_makes_the_configuration_wrong(tmp_path, source):
    (tmp_path / "feeder.conf").write_text("[feeder]\nsource = %s\n" % source)
    status, told, errors = outcome("--check", "--config", tmp_path / "feeder.conf")
    assert (status, told) == (2, "")
    assert errors.startswith("entropy-feeder: source %s: found " % source)


def test_bytes_that_are_no_text_are_said_and_no_traceback(tmp_path):
    (tmp_path / "feeder.conf").write_text("[feeder]\n")
    status, _told, errors = outcome("--check", "--config", tmp_path / "feeder.conf", "--metrics", os.fsdecode(b"/tmp/\xff"))
    assert status == 2
    assert "expected a path of printable characters" in errors


@pytest.fixture
def status_of_a_service(tmp_path):
    """Return a function that returns what --status says where the service left such a status; it is this process that it is of."""
    def ask(text, *words):
        if text is not None:
            (tmp_path / "status.json").write_bytes(text)
        return outcome("--status", *words, env=dict(os.environ, RUNTIME_DIRECTORY=str(tmp_path)))

    return ask


@pytest.fixture
def status(tmp_path):
    """The status of a feeder in this process that has fed once, with the installed program and a configuration."""
    stand = Stand(kernel=FakeKernel(is_ready=False))
    stand.turn()
    (tmp_path / "feeder.conf").write_text("[feeder]\n")
    return dict(status_of(stand.feeder, stand.kernel), began=began(os.getpid()), program=version_of(str(PROGRAM)),
                configuration=version_of(str(tmp_path / "feeder.conf")))


def test_the_status_of_a_service_that_runs(status_of_a_service, status):
    assert status_of_a_service(json.dumps(status).encode()) == (
        0, "the feeder runs\nfeeding: reads /nowhere/source\nthe kernel is ready\nread 1088 bytes, discarded 1024 bytes, credited 256 bits, reseeds 1\n"
           "failed tests: none\n", "")
    code, told, _errors = status_of_a_service(json.dumps(status).encode(), "--json")
    assert (code, json.loads(told)) == (0, dict(status, running=True, stale=[]))


def test_another_process_with_the_same_pid_is_not_taken_for_the_service(status_of_a_service, status):
    code, told, _errors = status_of_a_service(json.dumps(dict(status, began=status["began"] - 1)).encode())
    assert (code, told.splitlines()[0]) == (1, "the feeder does not run")


def test_a_service_whose_beginning_is_not_known_is_not_said_to_run_where_nobody_has_its_pid(status_of_a_service, status):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert status_of_a_service(json.dumps(dict(status, pid=done.pid, began=None)).encode())[0] == 1


@pytest.mark.parametrize(("what", "words"), [
    ("program", "an older program is running: restart it"), ("configuration", "an older configuration is in use: reload it")])
@pytest.mark.parametrize("before", ["another", "none"])
def test_what_was_replaced_since_is_stale(status_of_a_service, status, what, words, before, tmp_path):
    file = tmp_path / "replaced"
    if before == "another":
        file.write_text("before")
    status[what] = version_of(str(file))
    file.write_text("after")
    code, told, _errors = status_of_a_service(json.dumps(status).encode())
    assert (code, told.splitlines()[-1]) == (0, words)
    assert json.loads(status_of_a_service(json.dumps(status).encode(), "--json")[1])["stale"] == [what]
    # Of one that does not run nothing is stale: what it starts with next is what is there then.
    assert json.loads(status_of_a_service(json.dumps(dict(status, began=1)).encode(), "--json")[1])["stale"] == []


def test_what_was_put_back_as_it_was_is_not_stale(status_of_a_service, status, tmp_path):
    (tmp_path / "same").write_text("[feeder]\n")
    (tmp_path / "same").rename(tmp_path / "feeder.conf")
    assert json.loads(status_of_a_service(json.dumps(status).encode(), "--json")[1])["stale"] == []


def test_a_configuration_that_was_removed_is_stale_and_one_that_never_was_is_not(status_of_a_service, status, tmp_path):
    missing = version_of(str(tmp_path / "missing"))
    assert json.loads(status_of_a_service(json.dumps(dict(status, configuration=missing)).encode(), "--json")[1])["stale"] == []
    (tmp_path / "feeder.conf").unlink()
    assert json.loads(status_of_a_service(json.dumps(status).encode(), "--json")[1])["stale"] == ["configuration"]


def test_the_status_of_a_service_that_ended(status_of_a_service, status):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    code, told, _errors = status_of_a_service(json.dumps(dict(status, pid=done.pid)).encode())
    assert (code, told.splitlines()[0]) == (1, "the feeder does not run")


def test_the_status_where_there_never_was_a_service(status_of_a_service):
    assert status_of_a_service(None) == (1, "the feeder does not run\n", "")
    code, told, _errors = status_of_a_service(None, "--json")
    assert (code, json.loads(told)) == (1, {"running": False, "stale": []})


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"{}", b'{"pid": 1}', b'"x"', b"1", b"\xff"])
def test_a_status_that_is_none_of_this_version_is_said(status_of_a_service, text, tmp_path):
    code, told, errors = status_of_a_service(text)
    assert (code, told) == (1, "")
    assert errors.startswith("entropy-feeder: %s: found no status of this version: " % (tmp_path / "status.json"))
