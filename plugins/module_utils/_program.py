# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program whose time and output are bounded by who starts it: AnsibleModule.run_command waits for it without a limit, and keeps all that it prints."""

import contextlib
import errno
import fcntl
import os
import signal
import time
from typing import Dict, Iterator, List, Optional

_INTERVAL = 0.02
# What Python ignores and a program does not expect to be ignored (subprocess.Popen's restore_signals).
_RESTORED = ("SIGPIPE", "SIGXFSZ")


class Program:
    """A program that runs with this ``pid`` (int); it leads a process group of its own where it is ``apart`` (bool)."""

    def __init__(self, pid: int, apart: bool):
        self.pid = pid
        self._apart = apart
        self._status: Optional[int] = None

    def wait(self, seconds: float) -> Optional[int]:
        """Return its exit status, negative for a signal, once it has ended; None where it has not within ``seconds``."""
        until = time.monotonic() + seconds
        while self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            elif time.monotonic() >= until:
                break
            else:
                time.sleep(_INTERVAL)
        return self._status

    def end(self) -> None:
        """Kill it, with all of its group where it is apart, unless it has ended."""
        if self._status is not None:
            return
        try:
            (os.killpg if self._apart else os.kill)(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # It has no group of its own yet.
            os.kill(self.pid, signal.SIGKILL)
        self.wait(float("inf"))


@contextlib.contextmanager
def started(words: List[str], files: List[int], environment: Dict[str, str], apart: bool = False) -> Iterator[Program]:
    """Run ``words`` in / meanwhile, and end it afterwards. Raise OSError where it cannot be started.

    ``files`` are its standard input, output and error (descriptors). It is looked for in the ``environment``'s PATH, and is in a session of its own where it
    is ``apart``.
    """
    said, saying = os.pipe()  # closed by the program that starts: what is in it is the reason why none did
    with open(said, "rb") as pipe:
        try:
            pid = os.fork()
            if not pid:
                _become(words, files, environment, apart, saying)
        finally:
            os.close(saying)
        program = Program(pid, apart)
        try:
            number = pipe.read()
            if number:
                raise OSError(int(number), os.strerror(int(number)), words[0])
            yield program
        finally:
            program.end()


@contextlib.contextmanager
def printing(words: List[str], source: Optional[int], environment: Dict[str, str]) -> Iterator[int]:
    """Run ``words`` as ``started`` does, and give the pipe (descriptor) with what it prints. Its input is the file ``source`` (descriptor; None: nothing)."""
    output, printed = os.pipe()
    with open(output, "rb", buffering=0) as pipe, contextlib.ExitStack() as ours:
        ours.callback(os.close, printed)
        with open(os.devnull, "r+b") as nothing, started(
                words, [nothing.fileno() if source is None else source, printed, nothing.fileno()], environment):
            # It is at its end once no program has it open.
            ours.close()
            yield pipe.fileno()


def _become(words: List[str], files: List[int], environment: Dict[str, str], apart: bool, saying: int) -> None:
    """Become the program, in the process that was forked for it."""
    try:
        if apart:
            os.setsid()
        # First out of the way of 0 to 2, which may be among them.
        for wanted, file in enumerate([fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3) for file in files]):
            os.dup2(file, wanted)
        # Python's own files are closed by what starts; those that it was given itself are not (Popen's close_fds).
        for file in map(int, os.listdir("/proc/self/fd")):
            with contextlib.suppress(OSError):  # one that is listed is that of the list
                os.set_inheritable(file, file < len(files))
        for name in _RESTORED:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.chdir("/")
        os.execvpe(words[0], words, environment)  # noqa: S606 (no shell is meant)
    except (OSError, ValueError) as error:
        os.write(saying, b"%d" % (getattr(error, "errno", None) or errno.EINVAL))
    finally:
        os._exit(127)
