# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder tells: metrics that Prometheus can read, files that are whole or left as they were, systemd, and a log without repetitions."""

import json
import os
import re
import socket
import stat

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _own_file
from ansible_collections.kvm.entropy.plugins.module_utils._feeder import STATES
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_report import Report, metrics, status_of, status_words
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


def _on_a_full_disk(file, mode, **how):
    """Return what stands for a file on a full disk, which says so where it is flushed, as that of this device always does."""
    os.close(file)
    return open("/dev/full", mode, **how)


def test_a_full_disk_keeps_nobody_from_being_fed_and_is_said_once(fed, folder, tmp_path, monkeypatch, capfd):
    report = Report(str(tmp_path / "feeder.prom"))
    monkeypatch.setattr(_own_file.os, "fdopen", _on_a_full_disk)
    for _again in range(3):
        report.tell(fed.feeder, fed.kernel)
    complaint = "entropy-feeder: cannot write %s: No space left on device"
    said = capfd.readouterr().err.splitlines()
    assert said[1:] == [complaint % (folder / "status.json"), complaint % (tmp_path / "feeder.prom")]
    monkeypatch.undo()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    report.tell(fed.feeder, fed.kernel)
    assert json.loads((folder / "status.json").read_text())["state"] == "failed"
    assert samples((tmp_path / "feeder.prom").read_text())
    # Space, and then none again, is news.
    monkeypatch.setattr(_own_file.os, "fdopen", _on_a_full_disk)
    report.tell(fed.feeder, fed.kernel)
    assert len(capfd.readouterr().err.splitlines()) == 2


def test_a_change_is_told_once_to_the_log_and_to_systemd(fed, folder, systemd, capfd):
    report = Report()
    report.tell(fed.feeder, fed.kernel)
    report.tell(fed.feeder, fed.kernel)
    fed.source.data = sound(4096, 1)
    fed.clock.now += 3600
    fed.turn()
    report.tell(fed.feeder, fed.kernel)
    said = ["failed: /nowhere/source failed: repetition count (cutoff 9), its bytes came again after 1", "feeding: reads /nowhere/source"]
    assert capfd.readouterr().err.splitlines() == ["entropy-feeder: " + each for each in said]
    assert [systemd.recv(4096).decode() for _each in said] == ["STATUS=" + each for each in said]
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(1)
    assert json.loads((folder / "status.json").read_text())["state"] == "feeding"


def test_without_a_folder_of_the_service_and_without_metrics_nothing_is_written(fed, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "nothing"))
    Report().tell(fed.feeder, fed.kernel)
    assert os.listdir(tmp_path) == []
    assert "cannot write" not in capfd.readouterr().err


def test_what_is_no_file_of_metrics_is_left_as_it_is_and_said_once(fed, folder, tmp_path, capfd):
    del folder
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("of another\n")
    os.link(tmp_path / "text", tmp_path / "other-name")
    (tmp_path / "link").symlink_to(tmp_path / "text")
    (tmp_path / "foreign").write_text("root:x:0\n")
    for name, found in {"pipe": "a FIFO", "text": "a file with 2 names", "link": "a symbolic link", "foreign": "a file of another program"}.items():
        before = os.lstat(tmp_path / name)
        report = Report(str(tmp_path / name))
        report.tell(fed.feeder, fed.kernel)
        report.tell(fed.feeder, fed.kernel)
        complaints = [line for line in capfd.readouterr().err.splitlines() if "cannot write" in line]
        assert len(complaints) == 1
        assert complaints[0].startswith("entropy-feeder: cannot write %s: found %s" % (tmp_path / name, found))
        after = os.lstat(tmp_path / name)
        assert (after.st_ino, after.st_mode, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mode, before.st_mtime_ns, before.st_size)
    assert (tmp_path / "text").read_text() == "of another\n"


def test_a_device_is_never_replaced_by_metrics(fed, folder, tmp_path, capfd):
    del folder
    before = os.stat("/dev/null")
    node = tmp_path / "node"
    try:
        os.mknod(node, stat.S_IFCHR | 0o600, before.st_rdev)
    except PermissionError:
        pytest.skip("no device node can be made here")
    Report(str(node)).tell(fed.feeder, fed.kernel)
    assert stat.S_ISCHR(node.stat().st_mode)
    assert "cannot write %s: found a character device, expected a regular file" % node in capfd.readouterr().err


def test_metrics_of_before_are_replaced_in_a_folder_of_another_user_too(fed, folder, tmp_path, capfd):
    del folder
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(theirs, 65534, 65534)
    for _again in range(2):
        Report(str(theirs / "feeder.prom")).tell(fed.feeder, fed.kernel)
    assert samples((theirs / "feeder.prom").read_text())
    assert "cannot write" not in capfd.readouterr().err
