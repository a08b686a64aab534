# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes at a path (Path) what is no regular file of root's own, as a write must find and refuse it."""

import os
import socket

import pytest

NOBODY = 65534


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def make_hard_link(path):
    path.with_name("other").write_text("theirs\n")
    os.link(path.with_name("other"), path)


def make_file_of_another_user(path):
    if os.geteuid() != 0:
        pytest.skip("it takes root")
    path.write_text("theirs\n")
    os.chown(path, NOBODY, NOBODY)
