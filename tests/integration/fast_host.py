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


def test_driver(folder):
    """Return the URI of libvirt's test driver, for a host that has no domains yet; ``folder`` (Path) is for its file.

    It takes definitions for which this machine lacks the hardware, such as confidential guests, and attaches nothing: there whole definitions are written.
    """
    (folder / "node.xml").write_text("<node/>", encoding="utf-8")
    return f"test://{folder}/node.xml"


class FastHost:
    """The domains behind a libvirt ``uri``, and virt_rng on them. ``with FastHost(uri) as host`` removes them and ends its process at the end.

    ``begin`` gives the next ones a ``prefix`` of their own, and only those are seen, while those before go by the way.
    """

    def __init__(self, uri):
        self.uri = uri
        self.prefix = "0-"
        self.is_test_driver = uri.startswith("test:")

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(Path(__file__).with_name("fast_worker.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, PYTHONPATH=python_path(self._folder.name), PYTHONDONTWRITEBYTECODE="1"))
        return self

    def __exit__(self, *_unused):
        if self._process.poll() is None:
            self.begin()
            self._ask("settle")
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._folder.cleanup()

    def begin(self):
        """Leave all domains behind."""
        self._ask("clear", uri=self.uri, prefix=self.prefix)
        self.prefix = f"{int(self.prefix[:-1]) + 1}-"

    def make(self, *domains):
        """Make domains, each of (xml, state, its next definition while it runs or None), see fast_worker; return libvirt's reasons for refusals (list)."""
        if self.is_test_driver:
            domains = [(xml.replace("<domain type='qemu'", "<domain type='test'", 1), *how) for xml, *how in domains]
        return [reason for reason in self._ask("make", uri=self.uri, domains=domains) if reason]

    def look(self):
        """Return {name: {"definition", "running"}}: what each domain has of both (str or None), secrets included."""
        return self._ask("look", uri=self.uri, prefix=self.prefix)

    def predict(self, **options):
        """Return what check mode predicts."""
        return self._ask("rng", options=self._options(options), check=True)[0]

    def rng(self, **options):
        """Do it; return the result."""
        return self.do(**options)[0]

    def do(self, **options):
        """Do it; return (result, writes): the writes that libvirt took, in order, as [domain's name, attach | detach | plug | request_unplug | redefine]."""
        return self._ask("rng", options=self._options(options))

    def kill(self, after, **options):
        """Do it, and end it as if it were killed after so many writes; return the writes."""
        return self._ask("rng", options=self._options(options), killed_after=after)[1]

    def _options(self, options):
        return dict({"domains": [f"{self.prefix}*"]}, **options, uri=self.uri)

    def _ask(self, do, **what):
        self._process.stdin.write(json.dumps(dict(what, do=do)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the worker ended; its last words are on stderr"
        return json.loads(answer)
