# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host like virt_host's, for thousands of calls of virt_rng: they all go through one process, and none of them starts another."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from virt_host import SYSTEM_PYTHON, python_path


class FastHost:
    """The domains behind a libvirt ``uri``, and virt_rng on them. ``with FastHost(uri) as host`` ends its process at the end."""

    def __init__(self, uri):
        self.uri = uri

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(Path(__file__).with_name("fast_worker.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, PYTHONPATH=python_path(self._folder.name), PYTHONDONTWRITEBYTECODE="1"))
        return self

    def __exit__(self, *_unused):
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._folder.cleanup()

    def make(self, xml, state="shutoff", then=None):
        """Make a domain (see fast_worker); return libvirt's reason (str) where it refuses, or None."""
        return self._ask("make", uri=self.uri, xml=xml, state=state, then=then)

    def look(self):
        """Return {name: {"definition", "running"}}: what each domain has of both (str or None), secrets included."""
        return self._ask("look", uri=self.uri)

    def clear(self):
        """Remove every domain."""
        self._ask("clear", uri=self.uri)

    def predict(self, **options):
        """Return what check mode predicts."""
        return self._ask("rng", options=dict(options, uri=self.uri), check=True)[0]

    def rng(self, **options):
        """Do it; return the result."""
        return self.do(**options)[0]

    def do(self, **options):
        """Do it; return (result, writes): the writes that libvirt took, in order, as [domain's name, attach | detach | plug | request_unplug | redefine]."""
        return self._ask("rng", options=dict(options, uri=self.uri))

    def _ask(self, do, **what):
        self._process.stdin.write(json.dumps(dict(what, do=do)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the worker ended; its last words are on stderr"
        return json.loads(answer)
