# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest agent in memory, with the files that a real one has shown, for what a real one cannot be made to answer.

agents/*.json: what the agents of the lab's Debian 12 (kernel 6.1, agent 7.2) and Debian 11 (kernel 5.10, agent 5.2) guests with a device showed.
"""

import base64
import itertools
import json
from pathlib import Path

from ansible_collections.kvm.entropy.plugins.module_utils._libvirt import RefusedError

AGENTS = Path(__file__).parent / "agents"
RANDOM = "/proc/sys/kernel/random/"
HW_RANDOM = "/sys/class/misc/hw_random/"
UNITS = "/sys/fs/cgroup/system.slice/"
NOT_THERE = "internal error: unable to execute QEMU agent command 'guest-file-open': failed to open file '%s' (mode: 'r'): No such file or directory"


class FakeAgent:
    """An agent with ``files`` (dict: path to text, None for a folder), or with those of a real one (``recorded``).

    ``answers`` maps a command to the whole text that it is answered with, or to the RefusedError that libvirt makes of it.
    """

    def __init__(self, files, answers=None):
        self.files = dict(files)
        self.answers = answers or {}
        self.asked = []
        self.open = {}
        self._handles = itertools.count(1000)

    def ask(self, command, seconds):
        assert isinstance(seconds, int) and seconds >= 1
        command = json.loads(command)
        name, arguments = command["execute"], command.get("arguments", {})
        self.asked.append((name, arguments.get("path")))
        answer = self.answers.get(name)
        if isinstance(answer, RefusedError):
            raise answer
        if answer is not None:
            return answer
        return json.dumps({"return": getattr(self, name.replace("-", "_"))(**arguments)})

    def guest_file_open(self, path, mode):
        assert mode == "r" and (not self.open or self.answers), "one at a time, and nothing is written"
        if path not in self.files:
            raise RefusedError("other", NOT_THERE % path)
        handle = next(self._handles)
        self.open[handle] = path
        return handle

    def guest_file_read(self, handle, count):
        if handle not in self.open:
            raise RefusedError("other", "handle '%s' has not been found" % handle)
        text = self.files[self.open[handle]]
        if text is None:
            raise RefusedError("other", "unable to execute QEMU agent command 'guest-file-read': failed to read file: Is a directory")
        content = (text if isinstance(text, bytes) else text.encode())[:count]
        return {"count": len(content), "buf-b64": base64.b64encode(content).decode(), "eof": len(content) < count}

    def guest_file_close(self, handle):
        self.open.pop(handle, None)
        return {}

    def guest_get_osinfo(self):
        return {"id": "debian"}


def recorded(name, changed=None, without=(), answers=None):
    """Return the FakeAgent of a real guest, with the files ``changed`` (dict) and those below ``without`` (paths) taken away."""
    files = json.loads((AGENTS / (name + ".json")).read_text(encoding="utf-8"))
    # The same in each kernel but for its start and its last CPU.
    files["/proc/2/stat"] = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 24" + " 0" * 30
    files = {path: text for path, text in files.items() if not path.startswith(tuple(without))}
    return FakeAgent(dict(files, **changed or {}), answers)


def refusal(kind, text="no"):
    return RefusedError(kind, text)
