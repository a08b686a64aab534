# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever the feeder's configuration, command line, environment and status hold: options within their bounds or one clear error, and no traceback."""

import json
import os

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_main import main
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_manager import Manager
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import DEFAULTS, OPTIONS
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_report import Report, status_of
from examples import examples
from feeder_fakes import Stand
from hypothesis import given
from hypothesis import strategies as some

# What a kernel passes as an argument or in the environment: no NUL, and bytes that are no text as lone surrogates.
TEXTS = some.one_of(
    some.text(some.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30),
    some.binary(max_size=30).map(lambda data: os.fsdecode(data.replace(b"\0", b"")))).filter(lambda text: len(text.splitlines()) < 10)
PATHS = some.sampled_from([
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/tty", "/dev/ptmx", "/dev/stdin", "/dev/fd/9", "/dev/kmsg", "/proc/self/mem", "/proc/self/fd",
    "/proc/kmsg", "/", "//", "/..", "/.", ".", "/srv", "/srv/x", "/srv/../dev/null", "/nowhere/x", "/" + 300 * "x",
    "/" + 3000 * "x/", "/etc/passwd", "/dev/hwrng", "~", "$HOME", "%h", "/a b", "/a\tb", "/\u202e", "/\x1b[2J", "/é"])
NUMBERS = some.one_of(some.integers(-2, 2 ** 70).map(str), some.floats().map(str), some.sampled_from(["1e400", "9" * 5000, "٣", "²", "1_0", "0x10", "", " 1"]))
VALUES = some.one_of(PATHS, NUMBERS, TEXTS)
NAMES = some.one_of(some.sampled_from([*DEFAULTS]), TEXTS)
LINES = some.one_of(
    some.tuples(NAMES, some.sampled_from(["=", ":", " = "]), VALUES).map("".join), TEXTS, some.sampled_from(["[feeder]", "[x]", "[", "# x", " x"]))
NEARLY_RIGHT = some.lists(LINES, max_size=5).map(lambda lines: "\n".join(["[feeder]", *lines]).encode("utf-8", "surrogateescape"))
LONG_OPTIONS = ["--" + option.name.replace("_", "-") for option in OPTIONS] + ["--config", "--within", "--json", "--test", "--status", "--once", "--check"]
ARGUMENTS = some.lists(some.one_of(
    some.tuples(some.sampled_from(LONG_OPTIONS), VALUES).map("=".join), some.tuples(some.sampled_from(LONG_OPTIONS), VALUES), VALUES), max_size=4)


def outcome(capfd, words):
    """Run the program; return its exit status (int), its output and its errors (str)."""
    capfd.readouterr()
    try:
        status = main(words)
    except SystemExit as end:
        status = end.code
    told = capfd.readouterr()
    return status, told.out, told.err


def assert_clear(status, out, errors):
    """It is right and says so, or one line says what is wrong."""
    assert status in (0, 2)
    if status:
        assert out == ""
        assert errors.endswith("\n")
        assert len(errors) < 2000
    else:
        assert errors == ""


def assert_one_line(errors):
    assert errors.startswith("entropy-feeder: ")
    assert errors.count("\n") == 1
    assert errors[:-1].isprintable()


@examples(250)
@given(data=some.one_of(some.binary(max_size=300), NEARLY_RIGHT))
def test_any_bytes_are_a_configuration_or_one_clear_error(tmp_path, capfd, data):
    path = tmp_path / "feeder.conf"
    path.write_bytes(data)
    status, out, errors = outcome(capfd, ["--check", "--config", str(path)])
    assert_clear(status, out, errors)
    if status:
        assert_one_line(errors)
    else:
        assert out.startswith("%s is right: source /" % path)


@examples(250)
@given(arguments=ARGUMENTS)
def test_any_command_line_is_right_or_one_clear_error(tmp_path, capfd, arguments):
    (tmp_path / "feeder.conf").write_text("[feeder]\n")
    # --check excludes what would feed this machine.
    words = ["--check", "--config", str(tmp_path / "feeder.conf")]
    for argument in arguments:
        words += [argument] if isinstance(argument, str) else argument
    status, out, errors = outcome(capfd, words)
    if errors.startswith("usage: "):
        assert (status, "entropy-feeder: error: " in errors) == (2, True)
        return
    assert_clear(status, out, errors)
    if status:
        assert_one_line(errors)


@examples(150)
@given(environment=some.fixed_dictionaries({}, optional={
    "NOTIFY_SOCKET": some.one_of(TEXTS, PATHS, TEXTS.map("@".__add__), TEXTS.map("/nowhere/".__add__)),
    "WATCHDOG_USEC": some.one_of(NUMBERS, TEXTS), "WATCHDOG_PID": some.one_of(NUMBERS, TEXTS, some.just(str(os.getpid())))}))
def test_any_environment_gives_a_watchdogs_time_within_bounds_and_a_word_for_each_variable_at_most(capfd, environment):
    capfd.readouterr()
    manager = Manager(environment)
    assert 0.1 <= manager.watchdog() <= 60
    for text in ("READY=1", "STATUS=x", "WATCHDOG=1"):
        manager.notify(text)
    said = capfd.readouterr().err.splitlines()
    assert all(line.startswith("entropy-feeder: ") for line in said)
    variables = [line.split(":")[1].strip() for line in said]
    assert len(variables) == len(set(variables))
    assert set(variables) <= set(environment)


@pytest.fixture(scope="module")
def stand():
    """A feeder that has fed once."""
    made = Stand()
    made.turn()
    return made


@examples(100)
@given(metrics=some.one_of(PATHS.filter(lambda path: not path.startswith(("/etc", "/a", "/é", "/x"))), TEXTS.map("/nowhere/".__add__), TEXTS), folder=TEXTS)
def test_whatever_paths_it_is_to_write_it_goes_on_and_says_what_is_wrong(stand, tmp_path, monkeypatch, capfd, metrics, folder):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / folder.replace("/", "_")) if folder else "relative")
    null = os.stat("/dev/null")
    capfd.readouterr()
    report = Report(metrics)
    report.tell(stand.feeder, stand.kernel)
    report.tell(stand.feeder, stand.kernel)
    said = capfd.readouterr().err.splitlines()
    assert len(said) <= 3
    assert os.path.samestat(null, os.stat("/dev/null"))


@examples(150)
@given(data=some.one_of(some.binary(max_size=100), some.sampled_from([b"[" * 50000, b'{"pid":' * 5000, b"1e999", b"NaN"]), some.recursive(
    some.one_of(some.none(), some.booleans(), some.integers(), some.floats(), some.text(max_size=5)),
    lambda inner: some.one_of(some.lists(inner, max_size=3), some.dictionaries(some.sampled_from(["pid", "began", "path", "failures", "program", "x"]), inner)),
    max_leaves=8).map(lambda value: json.dumps(value).encode())), key=some.sampled_from([None, "pid", "began", "failures", "program", "state", "read_bytes"]))
def test_any_status_is_told_or_refused(stand, tmp_path, monkeypatch, capfd, data, key):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    if key:
        # A right status, but for one value.
        try:
            value = json.loads(data.decode())
        except (ValueError, RecursionError):
            value = None
        data = json.dumps({**status_of(stand.feeder, stand.kernel), "began": 1, "configuration": None, "program": None, key: value}).encode()
    (tmp_path / "status.json").write_bytes(data)
    status, _out, errors = outcome(capfd, ["--status"])
    assert status in (0, 1)
    if errors:
        assert_one_line(errors)
