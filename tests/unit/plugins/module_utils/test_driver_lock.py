# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One build at a time: with builders that are real processes, whatever becomes of the run that started them."""

import os
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _driver_lock
from ansible_collections.kvm.entropy.plugins.module_utils._driver_lock import LOCK, BusyError, locked
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._rng_driver import System
from waiting import when

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="it takes root: files of another user are refused")

# A run that has its builder run the words, and says when that has begun.
_RUN = """
import sys
from ansible_collections.kvm.entropy.plugins.module_utils._driver_lock import locked
from ansible_collections.kvm.entropy.plugins.module_utils._rng_driver import System
with locked(sys.argv[1]) as lock:
    System(sys.argv[1]).run(sys.argv[2:], 60, lock)
"""


@pytest.fixture
def root(tmp_path):
    """A root with /run (str)."""
    (tmp_path / "run").mkdir()
    return str(tmp_path)


def begun(root, *words):
    """Return a process (subprocess.Popen) that holds the lock and has started the builder ``words``, which make the file ``begun`` in ``root``."""
    process = subprocess.Popen([sys.executable, "-c", _RUN, root, *words], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    when(lambda: os.path.exists(root + "/begun"))
    return process


def test_a_builder_whose_run_was_killed_holds_the_lock_until_it_has_ended(root):
    script = "touch %s/begun; for second in $(seq 60); do test ! -e %s/end || exit; sleep 1; done" % (root, root)
    run = begun(root, "sh", "-c", script)
    run.kill()
    run.wait()
    with pytest.raises(BusyError) as error, locked(root, 0.1):
        pass
    assert "another run of this module builds the initramfs: found process " in str(error.value)
    assert "sh -c touch" in str(error.value) and "Nothing was changed." in str(error.value)
    pid = int(str(error.value).split("found process ")[1].split(",")[0])
    # It is the leader of the builder's session, by which all of it can be ended.
    assert os.getsid(pid) == pid
    with open(root + "/end", "wb"):
        pass
    with locked(root, 20):
        pass


def test_a_daemon_that_a_hook_starts_does_not_hold_the_lock(root):
    run = begun(root, "sh", "-c", "exec 3<&0; setsid sleep 30 <&3 & echo $! >%s/daemon; touch %s/begun" % (root, root))
    assert run.wait(20) == 0
    with locked(root, 0):
        pass
    with open(root + "/daemon", encoding="ascii") as file:
        os.kill(int(file.read()), signal.SIGKILL)


def test_a_run_that_is_interrupted_ends_its_builder(root):
    def interrupt(*_unused):
        raise KeyboardInterrupt
    old = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        with pytest.raises(KeyboardInterrupt), locked(root) as lock:
            System(root).run(["sh", "-c", "sleep 3; touch %s/built" % root], 60, lock)
    finally:
        signal.signal(signal.SIGALRM, old)
    with locked(root, 0):
        time.sleep(3)
    assert not os.path.exists(root + "/built")


def test_a_builder_has_its_status_and_words_and_a_folder_of_its_own_for_temporary_files(root):
    with locked(root) as lock:
        assert System(root).run(["sh", "-c", "cat; echo $TMPDIR; exit 7"], 60, lock) == (7, root + "/var/lib/kvm-entropy/initramfs/build")
        status, said = System(root).run(["/nothing"], 60, lock)
        assert (status, "/nothing" in said) == (127, True)


@pytest.mark.parametrize(("make", "words"), [
    (lambda path: os.symlink("/etc/hostname", path), "a symbolic link"), (os.mkfifo, "a FIFO"),
    (lambda path: (open(path, "w").close(), os.chown(path, 65534, 65534)), "a file of the user 65534")])
def test_what_is_no_lock_of_our_own_is_refused(root, make, words):
    make(root + LOCK)
    with pytest.raises(EntropyError) as error, locked(root, 0):
        pass
    assert str(error.value).startswith("%s: cannot be locked: found %s, expected a regular file of its own or none. " % (LOCK, words))
    assert str(error.value).endswith(" Nothing was changed.")


def test_a_system_without_a_folder_for_the_lock_says_so(tmp_path):
    with pytest.raises(EntropyError, match=r"^%s: cannot be locked: No such file or directory\. Nothing was changed\.$" % LOCK), locked(str(tmp_path)):
        pass


def test_another_build_is_waited_for(root, monkeypatch):
    monkeypatch.setattr(_driver_lock, "_INTERVAL", 0.05)
    run = begun(root, "sh", "-c", "touch %s/begun; sleep 1" % root)
    began = time.monotonic()
    with locked(root, 20):
        assert time.monotonic() - began > 0.3
    run.wait()
