# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's time limits grow with the machine's load, what it keeps outlives it, and what a newcomer types has defaults."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from lab import LabError, place, shell  # noqa: E402
from lab.guest import Guest  # noqa: E402
from lab.patience import Patience  # noqa: E402


class Machine:
    """A machine whose time passes when told to, ``slow`` times as slow as an idle one."""

    def __init__(self, slow=1.0):
        self.now, self.slow = 100.0, slow

    def patience(self, seconds):
        return Patience(seconds, lambda: self.now, lambda: self.slow)


def test_on_an_idle_machine_a_limit_is_what_it_says():
    machine = Machine()
    patience = machine.patience(60)
    machine.now += 59
    assert patience.left == pytest.approx(1)
    machine.now += 2
    assert (patience.left, patience.waited) == (0, 61)


def test_on_a_busy_machine_it_lasts_as_many_times_as_long_and_only_while_the_load_lasts():
    machine = Machine(slow=5)
    patience = machine.patience(60)
    assert patience.left == pytest.approx(300)
    machine.now += 250
    assert patience.left == pytest.approx(50)
    machine.slow = 1
    assert patience.left == pytest.approx(10)
    machine.now += 10
    assert patience.left == 0


@pytest.fixture
def private(tmp_path, monkeypatch):
    """A cache of the test's own."""
    tmp_path.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(place, "reachable", lambda _path: True)
    return tmp_path / "cache"


def test_a_kept_console_is_in_the_cache_and_only_the_newest_stay(private, tmp_path):
    (tmp_path / "console.log").write_text("the end")
    kept = [place.keep(tmp_path / "console.log", "web") for _time in range(place.CONSOLES_KEPT + 3)]
    assert kept[-1].read_text() == "the end" and private in kept[-1].parents
    assert len(list((private / "kvm-entropy/consoles").iterdir())) == place.CONSOLES_KEPT


class FailingDaemon:
    """A daemon whose guests start and are off at once."""

    def __init__(self, state):
        self.state = state

    def virsh(self, command, *_words):
        return "shut off" if command == "domstate" else ""


def test_a_boot_that_fails_names_a_copy_of_its_console_and_the_option(private, tmp_path):
    folder = tmp_path / "state/guests/web"
    folder.mkdir(parents=True)
    (folder / "console.log").write_text("Kernel panic - not syncing\n")
    (folder / "guest.json").write_text('{"suite": "trixie", "image": "i", "is_host": false, "port": 1}')
    (tmp_path / "state/kvm").write_text("no")
    with pytest.raises(LabError, match=r"web: no SSH after 3 boots of at most 7 s each.*--boot-timeout") as caught:
        Guest(FailingDaemon(tmp_path / "state"), "web", boot_timeout=7).start()
    (kept,) = (private / "kvm-entropy/consoles").glob("*/web.log")
    assert str(kept) in str(caught.value) and kept.read_text() == "Kernel panic - not syncing\n"


def test_a_step_that_takes_long_says_that_it_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(shell, "_SILENT", 0.2)
    shell.run("sleep", "0.7")
    assert "lab: sleep still runs after 0 s" in capsys.readouterr().err


def lab(*words, cache):
    return subprocess.run(["/usr/bin/python3", TESTS / "lab", *words], text=True, capture_output=True, check=False,
                          env={"XDG_CACHE_HOME": str(cache), "PATH": "/usr/bin:/bin", "HOME": str(cache)})


def test_clean_removes_the_cache_and_refuses_while_something_in_it_is_in_use(open_folder):
    folder = open_folder / "kvm-entropy/images"
    folder.mkdir(parents=True)
    program = folder / "python3"
    program.symlink_to(sys.executable)
    with subprocess.Popen([program, "-c", "print('runs', flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        user.stdout.readline()
        refused = lab("clean", cache=open_folder)
        user.communicate(b"\n")
    assert (refused.returncode, folder.exists()) == (1, True) and "processes %d use" % user.pid in refused.stderr
    assert lab("clean", cache=open_folder).returncode == 0 and not folder.exists()


def test_where_an_ordinary_user_has_no_user_namespaces_the_lab_says_what_to_do(private, tmp_path):
    # The refusal is mmdebstrap's own, as Debian 13 has it in a chroot, where the kernel allows nobody a user namespace.
    program = tmp_path / "mmdebstrap"
    program.write_text("#!/bin/sh\necho 'E: unable to pick chroot mode automatically (use --mode for manual selection)' >&2\nexit 25\n")
    program.chmod(0o755)
    done = subprocess.run([sys.executable, str(TESTS / "lab"), "images", "bullseye"], capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": "%s:%s" % (tmp_path, os.environ["PATH"])})
    assert done.returncode == 1
    assert "unable to pick chroot mode" in done.stderr
    assert "run the command as\n    root, or allow them" in done.stderr
