# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder tells: metrics that Prometheus can read, files that are whole or left as they were, systemd, and a log without repetitions."""

import contextlib
import json
import os
import re
import socket
import stat
import time

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _feeder_report
from ansible_collections.kvm.entropy.plugins.module_utils._feeder import STATES
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_report import Report, metrics, notify, replace, status_of, status_words
from feeder_fakes import STARTUP, FakeKernel, Stand
from health_bytes import sound

# Prometheus's text format, exposition_formats.md: a sample's name, its labels, and its value.
NAME, LABEL = "[a-zA-Z_:][a-zA-Z0-9_:]*", r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? (\d+)" % (NAME, LABEL, LABEL))


def samples(text):
    """Return ``text`` in Prometheus's format as a dict of (name, labels) to int; it must be valid."""
    assert text.endswith("\n")
    assert "\n\n" not in text
    kinds, found, family = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in kinds, "a family in two places"
            assert len(line.split(" ", 3)[3]) > 5
            kinds[family] = None
        elif line.startswith("# TYPE "):
            _hash, _type, name, kind = line.split(" ")
            assert (name, kinds[name]) == (family, None)
            assert kind == ("counter" if name.endswith("_total") else "gauge")
            kinds[name] = kind
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            assert (name, (name, labels) in found) == (family, False)
            found[name, labels] = int(value)
    assert all(kinds.values())
    return found


@pytest.fixture
def fed():
    """A Stand whose kernel was seeded, and whose source then failed."""
    stand = Stand(sound(STARTUP + 64) + bytes(64), FakeKernel(is_ready=False))
    stand.turn()
    stand.clock.now += 3600
    stand.turn()
    return stand


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """What systemd would be told, at a socket whose address is a path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that systemd makes for the service."""
    path = tmp_path / "runtime"
    path.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(path))
    return path


def test_the_metrics_tell_what_was_done_and_found(fed):
    found = samples(metrics(status_of(fed.feeder, fed.kernel)))
    told = {name[len("entropy_feeder_"):]: value for (name, labels), value in found.items() if labels is None}
    assert told.pop("last_credit_timestamp_seconds") == round(fed.feeder.last_credit) > 1700000000
    assert told == {"read_bytes_total": STARTUP + 128, "discarded_bytes_total": STARTUP + 64, "credited_bits_total": 256, "reseeds_total": 1, "kernel_ready": 1,
                    "source_failures_total": 1, "source_latched": 0}
    assert {labels: value for (name, labels), value in found.items() if name == "entropy_feeder_source_state"} == {
        'state="%s"' % state: int(state == "failed") for state in STATES}
    assert found["entropy_feeder_health_failures_total", 'test="repetition"'] == 7
    assert found["entropy_feeder_health_failures_total", 'test="monobit"'] == 0
    assert found["entropy_feeder_source_info", 'source="/nowhere/source"'] == 1


def test_a_source_that_is_not_tried_again_is_told_with_its_failures():
    stand = Stand(bytes(200_000))
    stand.run(3600)
    status = status_of(stand.feeder, stand.kernel)
    assert (status["source_failures"], status["recent_failures"], status["latched"]) == (5, 5, True)
    assert status_words(status)[-1] == "source failures: 5, of which 5 still count; the source is not tried again"
    found = samples(metrics(status))
    assert (found["entropy_feeder_source_latched", None], found["entropy_feeder_source_failures_total", None]) == (1, 5)


def test_a_sources_name_cannot_break_the_metrics():
    stand = Stand()
    stand.source.name = 'a "b" \\ c {x="y"} \\n'
    found = samples(metrics(status_of(stand.feeder, stand.kernel)))
    assert found["entropy_feeder_source_info", r'source="a \"b\" \\ c {x=\"y\"} \\n"'] == 1


def test_before_the_first_credit_its_time_is_0():
    stand = Stand(b"", FakeKernel(is_ready=False))
    found = samples(metrics(status_of(stand.feeder, stand.kernel)))
    assert (found["entropy_feeder_last_credit_timestamp_seconds", None], found["entropy_feeder_kernel_ready", None]) == (0, 0)


def test_the_status_is_what_a_program_and_a_person_can_read(fed):
    status = json.loads(json.dumps(status_of(fed.feeder, fed.kernel)))
    assert (status["pid"], status["state"], status["kernel_ready"], status["source"]) == (os.getpid(), "failed", True, "/nowhere/source")
    assert status_words(status) == [
        "failed: /nowhere/source failed: repetition count (cutoff 9), its bytes came again after 1", "the kernel is ready",
        "read 1152 bytes, discarded 1088 bytes, credited 256 bits, reseeds 1", "failed tests: repetition 7, period 1",
        "source failures: 1, of which 1 still count"]


def test_a_file_is_replaced_as_a_whole_and_can_be_read_by_others(tmp_path):
    path = tmp_path / "feeder.prom"
    path.write_text("old\n")
    with open(path, encoding="utf-8") as before:
        mask = os.umask(0o077)
        try:
            replace(str(path), "new\n")
        finally:
            os.umask(mask)
        assert before.read() == "old\n"
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["feeder.prom"]


def test_what_a_write_that_was_killed_left_is_gone_after_the_next(tmp_path):
    (tmp_path / "feeder.prom.new").write_text("ha")
    replace(str(tmp_path / "feeder.prom"), "new\n")
    assert ((tmp_path / "feeder.prom").read_text(), os.listdir(tmp_path)) == ("new\n", ["feeder.prom"])


def test_a_link_where_it_is_written_first_is_not_followed(tmp_path):
    victim, path = tmp_path / "shadow", tmp_path / "feeder.prom"
    victim.write_text("secret\n")
    victim.chmod(0o600)
    (tmp_path / "feeder.prom.new").symlink_to(victim)
    replace(str(path), "new\n")
    assert (victim.read_text(), stat.S_IMODE(victim.stat().st_mode)) == ("secret\n", 0o600)
    assert (path.read_text(), path.is_symlink()) == ("new\n", False)


def test_a_link_that_is_put_there_again_at_once_is_not_followed_either(tmp_path, monkeypatch):
    victim, path = tmp_path / "shadow", tmp_path / "feeder.prom"
    victim.write_text("secret\n")
    (tmp_path / "feeder.prom.new").symlink_to(victim)
    monkeypatch.setattr(_feeder_report, "_remove", lambda _path: None)
    with pytest.raises(FileExistsError):
        replace(str(path), "new\n")
    assert (victim.read_text(), path.exists()) == ("secret\n", False)


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "feeder.prom"
    path.write_text("old\n")
    # A full disk says so where the file is flushed: that of this device always is.
    monkeypatch.setattr(_feeder_report, "open", _on_a_full_disk, raising=False)
    with pytest.raises(OSError, match="No space left on device"):
        replace(str(path), "new\n")
    assert path.read_text() == "old\n"
    assert os.listdir(tmp_path) == ["feeder.prom"]


def _on_a_full_disk(path, mode, **how):
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    return open("/dev/full", mode.replace("x", "w"), **how)


def test_a_full_disk_keeps_nobody_from_being_fed_and_is_said_once(fed, folder, tmp_path, monkeypatch, capsys):
    report = Report(str(tmp_path / "feeder.prom"))
    monkeypatch.setattr(_feeder_report, "open", _on_a_full_disk, raising=False)
    for _again in range(3):
        report.tell(fed.feeder, fed.kernel)
    complaint = "entropy-feeder: cannot write %s: No space left on device"
    said = capsys.readouterr().err.splitlines()
    assert said[1:] == [complaint % (folder / "status.json"), complaint % (tmp_path / "feeder.prom")]
    monkeypatch.undo()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    report.tell(fed.feeder, fed.kernel)
    assert json.loads((folder / "status.json").read_text())["state"] == "failed"
    assert samples((tmp_path / "feeder.prom").read_text())
    # Space, and then none again, is news.
    monkeypatch.setattr(_feeder_report, "open", _on_a_full_disk, raising=False)
    report.tell(fed.feeder, fed.kernel)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_change_is_told_once_to_the_log_and_to_systemd(fed, folder, systemd, capsys):
    report = Report()
    report.tell(fed.feeder, fed.kernel)
    report.tell(fed.feeder, fed.kernel)
    fed.source.data = sound(4096, 1)
    fed.clock.now += 3600
    fed.turn()
    report.tell(fed.feeder, fed.kernel)
    said = ["failed: /nowhere/source failed: repetition count (cutoff 9), its bytes came again after 1", "feeding: reads /nowhere/source"]
    assert capsys.readouterr().err.splitlines() == ["entropy-feeder: " + each for each in said]
    assert [systemd.recv(4096).decode() for _each in said] == ["STATUS=" + each for each in said]
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(1)
    assert json.loads((folder / "status.json").read_text())["state"] == "feeding"


def test_without_a_folder_of_the_service_and_without_metrics_nothing_is_written(fed, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "nothing"))
    Report().tell(fed.feeder, fed.kernel)
    assert os.listdir(tmp_path) == []
    assert "cannot write" not in capsys.readouterr().err


def test_systemd_is_told_at_a_path(systemd):
    notify("READY=1")
    assert systemd.recv(4096) == b"READY=1"


def test_systemd_is_told_at_an_abstract_address(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0kvm-entropy-test-%d" % os.getpid())
        listener.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", "@kvm-entropy-test-%d" % os.getpid())
        notify("WATCHDOG=1")
        assert listener.recv(4096) == b"WATCHDOG=1"


def test_without_systemd_nobody_is_told(monkeypatch, capsys):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    assert capsys.readouterr().err == ""


def test_a_systemd_that_does_not_listen_is_no_failure(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")
    assert "systemd does not listen at %s: [Errno 2]" % (tmp_path / "nobody") in capsys.readouterr().err


def test_a_systemd_that_is_too_busy_to_listen_keeps_nobody_waiting(tmp_path, monkeypatch, capsys):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        listener.bind(str(tmp_path / "busy"))
        other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                other.sendto(b"much", str(tmp_path / "busy"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "busy"))
        begun = time.monotonic()
        notify("WATCHDOG=1")
        assert time.monotonic() - begun < 30
    assert "systemd does not listen at %s: timed out" % (tmp_path / "busy") in capsys.readouterr().err
