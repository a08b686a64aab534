# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module tests against each Debian's libvirt, QEMU and bindings, and write into docs/matrix.md what passed: matrix.py [SUITE...]

Where a test fails, it is shown and nothing is written. Rows of suites that are not named stay as they are.
"""

import datetime
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from lab import LabError
from lab.daemon import Daemon
from lab.shell import say

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs/matrix.md"
SUITES = {"bookworm": 12, "trixie": 13, "forky": 14}
TESTS = sorted((ROOT / "tests/integration").glob("test_virt_*.py"))

HEAD = """# Tested versions

Written by `./run matrix`. It runs the tests of the modules `virt_rng`, `virt_rng_info` and `virt_restart` (`tests/integration/test_virt_*.py`), a guest that
boots among them, against the libvirt and QEMU of each of these Debians, under its own Python and libvirt bindings. The versions are what the daemon and
the interpreter told.

| Debian | libvirt | QEMU | bindings | Python | passed | failed | skipped | tested on |
|---|---|---|---|---|---|---|---|---|
"""


def main(suites):
    """Run the matrix for ``suites`` (all where none is named); return the exit status (int)."""
    unknown = [suite for suite in suites if suite not in SUITES]
    if unknown:
        return "matrix: no such suite: %s; there are %s" % (", ".join(unknown), ", ".join(SUITES))
    rows, failed = {}, []
    for suite in suites or SUITES:
        try:
            rows[suite] = tested(suite)
        except LabError as error:
            failed.append("%s: %s" % (suite, error))
    if failed:
        return "\n".join(["matrix: %s is as it was" % TABLE, *failed])
    rows = {**recorded(), **rows}
    TABLE.write_text(HEAD + "".join(rows[suite] for suite in SUITES if suite in rows), encoding="utf-8")
    print(TABLE.read_text(encoding="utf-8"))
    return 0


def recorded():
    """Return the rows that the file has (dict: suite to line)."""
    text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    return {found[1]: found[0] for found in re.finditer(r"^\| \d+ \((\w+)\) .*\n", text, re.MULTILINE)}


def tested(suite):
    """Return the row (str) of ``suite``; raise LabError where a test fails or none passes."""
    with TemporaryDirectory(prefix="kvm-entropy-matrix.") as folder:
        with Daemon(folder + "/lab", suite) as daemon:
            versions = daemon.versions()
        say("%s: the module tests with %s" % (suite, ", ".join("%s %s" % each for each in versions.items())))
        report = Path(folder, "report.xml")
        # As in ./run test: a file's tests share a daemon, and a guest under TCG takes one core.
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder",
             "--junitxml", report, *TESTS],
            env=dict(os.environ, KVM_ENTROPY_LIBVIRT=suite), cwd=ROOT, check=False)
        if done.returncode:
            raise LabError("tests failed with %s, see above" % versions)
        counts = ElementTree.parse(report).find("testsuite").attrib
    failed, skipped = int(counts["failures"]) + int(counts["errors"]), int(counts["skipped"])
    cells = [f"{SUITES[suite]} ({suite})", *versions.values(), int(counts["tests"]) - failed - skipped, failed, skipped, datetime.date.today()]
    return "| %s |\n" % " | ".join(map(str, cells))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
