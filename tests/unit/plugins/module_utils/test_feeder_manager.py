# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd is told, and that nothing in its environment variables ends the feeder, holds it up or fills its log."""

import contextlib
import os
import socket
import time

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_manager import Manager


@pytest.fixture
def systemd(tmp_path):
    """What systemd would be told, at a socket whose address is a path, and that address (str)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        yield listener, str(tmp_path / "notify")


def test_systemd_is_told_at_a_path(systemd):
    listener, address = systemd
    Manager({"NOTIFY_SOCKET": address}).notify("READY=1")
    assert listener.recv(4096) == b"READY=1"


def test_the_address_is_that_of_the_processs_environment(systemd, monkeypatch):
    listener, address = systemd
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    Manager().notify("READY=1")
    assert listener.recv(4096) == b"READY=1"


def test_systemd_is_told_at_an_abstract_address():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0kvm-entropy-test-%d" % os.getpid())
        listener.settimeout(60)
        Manager({"NOTIFY_SOCKET": "@kvm-entropy-test-%d" % os.getpid()}).notify("WATCHDOG=1")
        assert listener.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}])
def test_without_systemd_nobody_is_told(environment, capfd):
    Manager(environment).notify("READY=1")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("address", ["/nowhere/notify", "@nobody-listens-here", "relative", "vsock:2:1234", "/" + 200 * "long", "@", "/", "/dev/null",
                                     "\udcff/x", "/nowhere/\udcff", "/nowhere/\x1b[2J"])
def test_a_socket_that_nobody_listens_at_is_said_once(address, capfd):
    manager = Manager({"NOTIFY_SOCKET": address})
    for text in ("STATUS=starting", "WATCHDOG=1", "READY=1"):
        manager.notify(text)
    said = capfd.readouterr().err
    assert said.startswith("entropy-feeder: NOTIFY_SOCKET: systemd does not listen at ")
    assert (len(said.splitlines()), said[:-1].isprintable(), len(said) < 1000) == (1, True, True)


def test_a_systemd_that_is_too_busy_to_listen_keeps_nobody_waiting_and_is_said_once(tmp_path, capfd):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        listener.bind(str(tmp_path / "busy"))
        other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                other.sendto(b"much", str(tmp_path / "busy"))
        manager = Manager({"NOTIFY_SOCKET": str(tmp_path / "busy")})
        begun = time.monotonic()
        manager.notify("WATCHDOG=1")
        manager.notify("WATCHDOG=1")
        assert time.monotonic() - begun < 30
    assert capfd.readouterr().err == "entropy-feeder: NOTIFY_SOCKET: systemd does not listen at %s: timed out\n" % (tmp_path / "busy")


@pytest.mark.parametrize(("microseconds", "seconds"), [
    ("3000000", 1.0), ("180000000", 60.0), ("600000000", 60.0), ("1", 0.1), ("18446744073709551615", 60.0)])
def test_a_watchdog_hears_of_it_three_times_in_its_time_but_neither_all_the_time_nor_never(microseconds, seconds, capfd):
    assert Manager({"WATCHDOG_USEC": microseconds}).watchdog() == seconds
    assert Manager({"WATCHDOG_USEC": microseconds, "WATCHDOG_PID": str(os.getpid())}).watchdog() == seconds
    assert capfd.readouterr().err == ""


def test_without_a_watchdog_the_status_is_told_once_a_minute(capfd):
    assert (Manager({}).watchdog(), Manager({"WATCHDOG_PID": "1"}).watchdog(), capfd.readouterr().err) == (60.0, 60.0, "")


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "nan", "1e6", " 1", "1_000", "²", "٣", "x", 5000 * "9", "18446744073709551616000", "\udcff", "3 s"])
def test_a_watchdogs_time_that_is_none_is_ignored_with_a_word(text, capfd):
    assert Manager({"WATCHDOG_USEC": text}).watchdog() == 60.0
    said = capfd.readouterr().err
    assert said.startswith("entropy-feeder: WATCHDOG_USEC: found '")
    assert (len(said.splitlines()), "expected a number of microseconds from 1 on. It is ignored" in said, len(said) < 1000) == (1, True, True)


@pytest.mark.parametrize("owner", ["1", "", "x", "-1", "99999999999999999999"])
def test_a_watchdog_of_another_process_is_ignored_with_a_word(owner, capfd):
    assert Manager({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": owner}).watchdog() == 60.0
    assert capfd.readouterr().err == "entropy-feeder: WATCHDOG_PID: found %r, expected %d, this process. WATCHDOG_USEC is ignored\n" % (owner, os.getpid())
