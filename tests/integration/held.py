# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng at a known moment of its work: held before one of its calls, so that a test decides what happens meanwhile, and not the scheduler."""

import contextlib
import json
import tempfile
import time
from pathlib import Path

from virt_host import module_process

# Ends the module, as nothing else can, when it is about to make a call.
KILLED_BEFORE = """
import os, signal, libvirt
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
libvirt.virDomain.{method} = die
"""
# Says that it is there and waits, for at most 2 minutes, when it is about to make a call for the n-th time.
HELD_BEFORE = """
import os, time, libvirt
real, made = libvirt.virDomain.{method}, []
def hold(*arguments):
    made.append(arguments)
    if len(made) == {number}:
        open({mark!r}, "w").close()
        deadline = time.monotonic() + 120
        while not os.path.exists({go!r}):
            if time.monotonic() > deadline:
                raise TimeoutError("the test has not let this module go on")
            time.sleep(0.01)
    return real(*arguments)
libvirt.virDomain.{method} = hold
"""


def when(condition, then=lambda: None):
    """Wait until ``condition()``, then do ``then()``."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    then()


class Held:
    """A module that waits before a call: its ``process`` (Popen)."""

    def __init__(self, process, go):
        self.process = process
        self._go = go

    def let_go(self):
        """Let it make the call, and go on."""
        self._go.touch()

    def result(self):
        """Let it go on; return its result (dict)."""
        self.let_go()
        output, errors = self.process.communicate(timeout=120)
        assert not errors, errors
        return json.loads(output)


@contextlib.contextmanager
def held_before(host, number, method="attachDeviceFlags", also="", **options):
    """Start virt_rng with ``options``; yield it (Held) when it is about to call virDomain's ``method`` for the ``number``-th time.

    ``also`` is Python that its process runs at its start.
    """
    with tempfile.TemporaryDirectory() as folder:
        mark, go = Path(folder, "mark"), Path(folder, "go")
        hold = HELD_BEFORE.format(method=method, number=number, mark=str(mark), go=str(go))
        Path(folder, "sitecustomize.py").write_text(hold + also, encoding="utf-8")
        with module_process("virt_rng", {"PYTHONPATH": folder}, uri=host.uri, **options) as process:
            when(lambda: mark.exists() or process.poll() is not None)
            assert mark.exists(), process.communicate()
            yield Held(process, go)
