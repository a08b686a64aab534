# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real systemd-journald reads this machine's kernel log, in a mount namespace of its own; what it keeps is what the ring buffer had."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

JOURNALD = "/lib/systemd/systemd-journald"
# Prints two logs as JSON: /dev/kmsg's, and what is made of it without its first lines.
LOOK = """
import json, sys, time
from ansible_collections.kvm.entropy.plugins.module_utils import _kernel_journal, _kernel_log
whole = _kernel_log.read()
lost = dict(whole, lines=whole["lines"][len(whole["lines"]) // 2:], complete=False)
for attempt in range(100):
    found = _kernel_journal.completed(lost)
    if "journal" not in found:
        break
    time.sleep(0.1)
json.dump([whole, found, _kernel_journal.completed({"source": "/dev/kmsg", "refused": "EPERM"})], sys.stdout)
"""
APART = """
mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log/journal && mount -t tmpfs none /var/log || exit 77
[ -s /etc/machine-id ] || { echo 2c12a82284af424b91cf7470bde43aa8 >/run/id && mount --bind /run/id /etc/machine-id; } || exit 77
%s >/dev/null 2>&1 &
"$@"
status=$?
kill $!
exit $status
"""


@pytest.fixture(scope="module")
def seen():
    """(the whole log, what the journal makes of its second half, what it makes of one that may not be read), each a dict of ``_kernel_log``."""
    if not (shutil.which("unshare") and Path(JOURNALD).exists() and shutil.which("journalctl")):
        pytest.skip("needs unshare, systemd-journald and journalctl")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", APART % JOURNALD, "sh", sys.executable, "-c", LOOK], text=True, capture_output=True, timeout=60, check=False)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    logs = json.loads(done.stdout)
    if "refused" in logs[0] or not logs[0]["complete"]:
        pytest.skip("this machine's kernel log may not be read, or has lost its start")
    return logs


def test_half_a_log_and_the_journal_are_the_whole_log(seen):
    whole, found, _alone = seen
    assert found["lines"] == whole["lines"] and found["complete"]
    assert found["source"] == "the journal of this boot (journalctl) and /dev/kmsg"


def test_the_journal_alone_is_the_whole_log(seen):
    whole, _found, alone = seen
    assert alone["lines"] == whole["lines"] and alone["complete"]
