# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may do with a file is what the kernel lets a process of that user do."""

import itertools
import os
import struct
import subprocess
import sys

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._file_rights import READ, SEARCH, WRITE, User, right

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others, and becomes others")
OWNER, FRIEND, GROUP, OTHER = 12001, 12002, 12100, 12101

# Tries all paths of its arguments as another user, so that the kernel itself judges.
TRY = """
import json, os, sys
uid, gid, groups, paths = json.loads(sys.argv[1])
os.setgroups(groups); os.setgid(gid); os.setuid(uid)
print(json.dumps([[os.access(path, os.R_OK), os.access(path, os.W_OK)] for path in paths]))
"""


def kernel_says(user, paths):
    import json  # noqa: PLC0415
    argument = json.dumps([user.uid, user.gid, sorted(user.groups), [str(path) for path in paths]])
    return json.loads(subprocess.run([sys.executable, "-c", TRY, argument], capture_output=True, check=True, text=True).stdout)


@pytest.fixture
def open_place(tmp_path_factory):
    """A folder below /var/tmp, which nobody closes as pytest does its own."""
    import shutil  # noqa: PLC0415
    import tempfile  # noqa: PLC0415
    folder = tempfile.mkdtemp(dir="/var/tmp")
    os.chmod(folder, 0o755)  # noqa: S103
    yield folder
    shutil.rmtree(folder)


def acl(*entries):
    """Return an ACL as the kernel keeps it, of (tag, permissions, id)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in sorted(entries))


NONE = 0xFFFFFFFF
ACLS = {
    "none": None,
    "the friend": acl((1, 6, NONE), (2, 4, FRIEND), (4, 0, NONE), (16, 7, NONE), (32, 0, NONE)),
    "the friend, masked": acl((1, 6, NONE), (2, 6, FRIEND), (4, 0, NONE), (16, 0, NONE), (32, 6, NONE)),
    "the group": acl((1, 0, NONE), (4, 0, NONE), (8, 6, GROUP), (16, 6, NONE), (32, 0, NONE)),
    "another group of the same": acl((1, 0, NONE), (4, 2, NONE), (8, 4, OTHER), (16, 6, NONE), (32, 0, NONE)),
}
USERS = [User(uid, gid, frozenset(groups)) for uid in (OWNER, FRIEND) for gid, groups in ((uid, ()), (GROUP, ()), (uid, (GROUP, OTHER)), (OTHER, (OTHER,)))]


@pytest.mark.parametrize("name", ACLS)
def test_it_agrees_with_the_kernel(open_place, name):
    paths = []
    for number, (mode, owner, group) in enumerate(itertools.product((0o600, 0o640, 0o604, 0o064, 0o060, 0o006), (0, OWNER), (0, GROUP))):
        folder = os.path.join(open_place, f"folder-{number}")
        os.mkdir(folder)
        path = os.path.join(folder, "file")
        with open(path, "w", encoding="utf-8"):
            pass
        os.chmod(path, mode)
        os.chown(path, owner, group)
        if ACLS[name]:
            try:
                os.setxattr(path, "system.posix_acl_access", ACLS[name])
            except OSError as error:
                pytest.skip(f"no ACLs here: {error}")
        os.chmod(folder, 0o711 if number % 5 else 0o710)  # noqa: S103
        os.symlink(path, os.path.join(open_place, f"link-{number}"))
        paths += [path, os.path.join(open_place, f"link-{number}"), os.path.join(folder, "..", os.path.basename(folder), ".", "file")]
    for user in USERS:
        said = [[right(user, path, wanted).granted for wanted in (READ, WRITE)] for path in paths]
        assert said == kernel_says(user, paths), user


def test_a_refusal_names_what_is_in_the_way(open_place):
    user = User(OWNER, OWNER, frozenset((GROUP,)))
    closed = os.path.join(open_place, "closed")
    os.mkdir(closed, 0o700)
    with open(os.path.join(closed, "file"), "w", encoding="utf-8"):
        pass
    found = right(user, os.path.join(closed, "file"), READ)
    assert found == (False, f"the user {OWNER} (groups {OWNER}, {GROUP}) may not search the folder {closed} (mode 0700, owner 0:0)")
    assert right(user, closed, WRITE | SEARCH) == (
        False, f"the user {OWNER} (groups {OWNER}, {GROUP}) may not write to the folder {closed} (mode 0700, owner 0:0)")
    assert right(User(0, 0, frozenset()), os.path.join(closed, "file"), READ).granted


def test_what_cannot_be_looked_at_is_not_known(open_place):
    user = User(OWNER, OWNER, frozenset())
    assert right(user, os.path.join(open_place, "nothing"), READ).granted is None
    os.symlink("loop", os.path.join(open_place, "loop"))
    assert right(user, os.path.join(open_place, "loop"), READ).granted is None
