# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The start of the kernel's log comes from the journal where the ring buffer has lost it; its records have the fields that systemd 252 and 257 print."""

import json
import time

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _kernel_journal
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_journal import SOURCE, completed, joined, recorded

BOOT = [
    [0.0, "Linux version 5.10.0-32-cloud-amd64 (debian-kernel@lists.debian.org)"], [0.7, "random: dd: uninitialized urandom read (512 bytes read)"],
    [1.2, "systemd[1]: systemd 247.3 running in system mode"], [9.5, "random: crng init done"], [20.0, "a line of later"], [21.0, "the last line"]]
KMSG = {"source": "/dev/kmsg", "lines": BOOT[4:], "complete": False}


def entry(when, text, **more):
    found = {"_TRANSPORT": "kernel", "SYSLOG_FACILITY": "0", "SYSLOG_IDENTIFIER": "kernel", "_SOURCE_MONOTONIC_TIMESTAMP": "%d" % round(when * 1e6),
             "MESSAGE": text, "_BOOT_ID": "1bc8bdcfcadc455197a126b779d233bf"}
    if text.startswith("systemd[1]: "):
        found.update(SYSLOG_FACILITY="3", SYSLOG_IDENTIFIER="systemd", SYSLOG_PID="1", MESSAGE=text[len("systemd[1]: "):])
    return json.dumps({**found, **more}).encode()


def journal(*entries):
    return b"\n".join(entries or [entry(*line) for line in BOOT]) + b"\n"


@pytest.fixture
def journalctl(tmp_path):
    """Return a function that makes a program which prints this (bytes), or has these commands (str); it returns its path (str)."""
    def make(printed=b"", then=""):
        (tmp_path / "printed").write_bytes(printed)
        program = tmp_path / "journalctl"
        program.write_text("#!/bin/sh\ncat %s\n%s\n" % (tmp_path / "printed", then))
        program.chmod(0o755)
        return str(program)
    return make


def test_a_log_that_lost_its_start_gets_it_from_the_journal(journalctl):
    assert completed(KMSG, journalctl(journal())) == {"lines": BOOT, "complete": True, "source": SOURCE + " and /dev/kmsg"}


def test_what_the_ring_buffer_has_is_its_own_word(journalctl):
    log = dict(KMSG, lines=[*BOOT[4:], [30.0, "after the journal ended"]])
    assert completed(log, journalctl(journal()))["lines"] == [*BOOT, [30.0, "after the journal ended"]]


def test_a_log_that_goes_back_to_the_boot_asks_no_journal():
    log = dict(KMSG, lines=BOOT, complete=True)
    assert completed(log, "/nonexistent/journalctl") == log


def test_a_log_that_may_not_be_read_is_the_journals_where_that_may(journalctl):
    refused = {"source": "/dev/kmsg", "refused": "EPERM"}
    found = completed(refused, journalctl(journal()))
    assert (found["lines"], found["complete"], found["source"], "refused" in found) == (BOOT, True, SOURCE, False)
    assert completed(refused, journalctl())["refused"] == "EPERM"


@pytest.mark.parametrize(("entries", "why"), [
    ([], "no line of the kernel's"),
    ([entry(*line) for line in BOOT[1:]], "does not go back to it"),
    ([entry(0.1, "Missed 7 kernel messages", _TRANSPORT="driver", MESSAGE_ID="e9bf28e6e834481bb6f48f548ad13606"), *[entry(*line) for line in BOOT]],
     "missed records"),
    ([*[entry(*line) for line in BOOT[:3]], entry(5, "Missed", _TRANSPORT="driver", MESSAGE_ID="e9bf28e6e834481bb6f48f548ad13606"), entry(*BOOT[4])],
     "missed records"),
    ([entry(*line) for line in BOOT[:3]], "ends before the kernel's ring buffer begins"),
])
def test_a_journal_without_the_start_changes_nothing_and_that_is_told(journalctl, entries, why):
    found = completed(KMSG, journalctl(journal(*entries) if entries else b""))
    assert found["lines"] == KMSG["lines"] and not found["complete"] and why in found["journal"]


@pytest.mark.parametrize("forged", [
    {"_TRANSPORT": "syslog"}, {"_TRANSPORT": "journal"}, {"_TRANSPORT": "stdout"}, {"SYSLOG_FACILITY": "1"}, {"SYSLOG_FACILITY": 0}, {"MESSAGE": [7, 7]},
    {"_SOURCE_MONOTONIC_TIMESTAMP": None}, {"_SOURCE_MONOTONIC_TIMESTAMP": "9" * 30}, {"SYSLOG_FACILITY": "3"}])
def test_what_the_kernel_did_not_say_is_left_out(forged):
    line = "random: nobody: uninitialized urandom read (512 bytes read)"
    assert recorded(journal(*[entry(*BOOT[0]), entry(0.5, line, **forged)]))["lines"] == BOOT[:1]
    # Nor does it stand for a boot's first line.
    assert not recorded(journal(entry(*BOOT[0], **forged), entry(*BOOT[1])))["complete"]


def test_a_users_word_that_records_were_missed_counts_for_nothing():
    claim = entry(3.0, "Missed 9 kernel messages", _TRANSPORT="syslog", MESSAGE_ID="e9bf28e6e834481bb6f48f548ad13606")
    assert recorded(journal(entry(*BOOT[0]), claim))["complete"]


@pytest.mark.parametrize("line", [b"{", b"[]", b"7", b"null", b"\xff\xfe", b'{"_TRANSPORT": "kernel"}', b"x" * 100000, b'{"MESSAGE": ' + b"[" * 30000])
def test_lines_that_are_no_records_are_left_out(line):
    assert recorded(journal(entry(*BOOT[0]), line, entry(*BOOT[1])))["lines"] == BOOT[:2]


def test_text_is_as_the_kernel_escapes_it():
    assert recorded(journal(entry(0.0, "a\ttab \\ and \u00fc")))["lines"] == [[0.0, "a\\x09tab \\x5c and \\xc3\\xbc"]]


def test_lines_of_one_moment_are_told_from_each_other():
    lines = [[0.0, "Linux version 6.1.0"], [0.0, "one"], [0.0, "two"], [0.0, "three"]]
    found = joined(dict(KMSG, lines=lines[2:]), recorded(journal(*[entry(*line) for line in lines])))
    assert found["lines"] == lines and found["complete"]


@pytest.mark.parametrize("then", ["exec sleep 60", "exec cat /dev/zero"])
def test_a_journal_without_an_end_is_left_at_a_deadline_and_the_program_ended(journalctl, monkeypatch, then):
    monkeypatch.setattr(_kernel_journal, "_MOST_SECONDS", 0.5)
    started = time.monotonic()
    found = completed(KMSG, journalctl(journal(), then))
    assert time.monotonic() - started < 10
    assert found["lines"] == BOOT and found["complete"]


def test_a_program_that_is_not_there_or_cannot_be_started_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(_kernel_journal, "PROGRAMS", (str(tmp_path / "none"),))
    assert completed(KMSG)["journal"] == "there is no journalctl"
    (tmp_path / "none").write_text("no program")
    (tmp_path / "none").chmod(0o777)
    assert completed(KMSG)["journal"] == "there is no journalctl"
    assert "journalctl: " in completed(KMSG, str(tmp_path / "none"))["journal"]
