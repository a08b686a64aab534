# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log and standard output, in a process of their own whose standard files are closed, full or gone."""

import os
import subprocess
import sys

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_output import log

SCRIPT = """
import os, sys
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_output import log, secure_standard_files, tell
for number in map(int, sys.argv[1].split()):
    os.close(number)
secure_standard_files()
other = os.open("/dev/zero", os.O_RDWR)
for number in range(200):
    log("line %d" % number)
os.write(int(sys.argv[2]), b"%d" % other)
"""


@pytest.mark.parametrize("closed", ["", "0", "2", "0 1 2", "1 2"])
def test_no_other_file_gets_the_number_of_a_standard_file_that_is_closed(closed):
    ours, theirs = os.pipe()
    subprocess.run([sys.executable, "-c", SCRIPT, closed, str(theirs)], pass_fds=[theirs], stderr=subprocess.DEVNULL, check=True, timeout=60)
    os.close(theirs)
    assert int(os.read(ours, 100)) > 2
    os.close(ours)


def test_a_pipe_that_is_full_keeps_nobody_waiting_and_says_more_once_it_is_read():
    ours, theirs = os.pipe()
    told, tell = os.pipe()
    # More than a pipe takes: 200 lines of 4096 bytes.
    script = SCRIPT.replace("line %d", "line %04000d")
    subprocess.run([sys.executable, "-c", script, "", str(tell)], pass_fds=[tell], stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    with open(ours, "rb") as pipe:
        lines = pipe.read()
    os.close(told)
    os.close(tell)
    assert lines.startswith(b"entropy-feeder: line 0000")
    assert 1 < len(lines.splitlines()) < 200


@pytest.mark.parametrize("text", ["two\nlines", "no text: \udcff", "é", 10000 * "long"])
def test_a_message_is_one_line_whatever_is_in_it(text, capfd):
    log(text)
    said = capfd.readouterr().err
    assert said.startswith("entropy-feeder: ")
    assert (said.count("\n"), said[-1]) == (1, "\n")
    assert len(said.encode()) <= 4096
