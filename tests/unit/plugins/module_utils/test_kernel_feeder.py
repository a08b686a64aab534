# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real processes with the name of a feeder: only one that can credit counts, whoever looks."""

import contextlib
import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _kernel_feeder
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_process import sorted_out
from ansible_collections.kvm.entropy.plugins.module_utils._kernel import observe
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_tree import Tree
from waiting import when

NOBODY = 65534
# A program that takes any arguments, and waits until its input ends.
WAITS = ["-c", "read -r line"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not os.path.isdir("/proc/self/ns"), reason="takes root and a kernel's /proc")


@pytest.fixture
def program(tmp_path):
    """The path of a program rngd that root owns, in folders that everybody may enter."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o055)
    path = tmp_path / "rngd"
    shutil.copy(os.path.realpath("/bin/sh"), path)
    path.chmod(0o755)
    return path


@contextlib.contextmanager
def running(*command, **options):
    """Run ``command`` with an input that stays open; yield the process."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def named(pid, looks=observe):
    """Return what a look shows of the process ``pid`` (int), once it has the name of a feeder."""
    return when(lambda: [each for each in looks()["processes"]["feeders"] if each["pid"] == pid])[0]


def as_nobody():
    """Return the observations that a user without any right gets."""
    reads, writes = os.pipe()
    # Not a program of its own, as nobody may not be allowed to start this one's Python.
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            with open(writes, "w", encoding="utf-8") as answer:
                json.dump(observe(), answer)
        finally:
            os._exit(0)
    os.close(writes)
    with open(reads, encoding="utf-8") as answer:
        seen = json.load(answer)
    os.waitpid(child, 0)
    return seen


def standing(feeder):
    """Return ``counts``, or the words that say why the process does not."""
    found = sorted_out([feeder])
    return "counts" if found.feeders else (found.unproven + found.ignored)[0][1]


def test_a_program_that_root_runs_counts_and_is_described(program):
    with running(program, *WAITS) as process:
        feeder = named(process.pid)
    assert standing(feeder) == "counts"
    assert (feeder["uid"], feeder["capable"], feeder["namespace"], feeder["program"], feeder["program_fault"]) == (0, True, "first", str(program), None)


def test_another_users_program_of_that_name_does_not(program):
    with running(program, *WAITS, user=NOBODY, group=NOBODY) as process:
        feeder = named(process.pid)
    assert (standing(feeder), feeder["uid"]) == ("it has no CAP_SYS_ADMIN", NOBODY)


def test_what_another_user_has_open_is_not_looked_at(program):
    # Thousands of open files would make each look long.
    with running(program, *WAITS, user=NOBODY, group=NOBODY) as process:
        feeder = named(process.pid)
    assert (feeder["arguments"], feeder["own"], feeder["open"]) == ([], [], None)


def test_a_process_that_renames_itself_does_not():
    rename = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b'rngd'); sys.stdin.read()"
    with running("/usr/bin/python3", "-c", rename, user=NOBODY, group=NOBODY) as process:
        assert standing(named(process.pid)) == "it has no CAP_SYS_ADMIN"


@pytest.mark.parametrize("user", [NOBODY, 0])
def test_root_of_another_user_namespace_does_not(program, user):
    with running("unshare", "--user", "--map-root-user", program, *WAITS, user=user, group=user) as process:
        feeder = named(process.pid)
    assert feeder["capable"] is True
    assert standing(feeder) == "its CAP_SYS_ADMIN is one of another user namespace"


def test_root_without_the_capability_does_not(program):
    with running("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", program, *WAITS) as process:
        assert standing(named(process.pid)) == "it has no CAP_SYS_ADMIN"


def test_one_that_has_ended_and_was_not_waited_for_does_not(program):
    with running(program, "-c", "exit") as process:
        path = Path("/proc/%d/status" % process.pid)
        when(lambda: "State:\tZ" in path.read_text(encoding="ascii"))
        assert [each for each in observe()["processes"]["feeders"] if each["pid"] == process.pid and standing(each) != "it has ended"] == []


@pytest.mark.parametrize(("change", "why"), [
    (lambda path: path.chmod(0o757), "others than root may write it"), (lambda path: path.chmod(0o775), "others than root may write it"),
    (lambda path: os.chown(path, NOBODY, 0), "it belongs to uid 65534"),
    (lambda path: path.parent.chmod(0o777), "anyone may write its folder ")])
def test_a_program_that_others_may_change_does_not(program, change, why):
    change(program)
    with running(program, *WAITS) as process:
        assert standing(named(process.pid)).startswith(why)


def test_a_set_user_id_program_under_a_borrowed_name_does_not(program):
    # As a link to su or sudo by an ordinary user: it runs with all of root's rights while it waits for a password.
    other = program.with_name("other")
    program.rename(other)
    other.chmod(0o4755)
    program.symlink_to(other)
    with running(program, "-p", *WAITS, user=NOBODY, group=NOBODY) as process:
        feeder = named(process.pid)
    assert (feeder["uid"], feeder["capable"], feeder["program"]) == (0, True, str(other))
    assert standing(feeder) == "anyone may start it with root's rights and by any name"


# include/uapi/linux/capability.h.
CAP_NET_BIND_SERVICE, CAP_SYS_ADMIN = 10, 21


def give_capability(path, number):
    """Give the file at ``path`` the capability ``number`` (int), for whoever starts it."""
    try:
        # struct vfs_cap_data of revision 2 in include/uapi/linux/capability.h: all that is permitted is effective.
        os.setxattr(path, "security.capability", struct.pack("<5I", 0x02000001, 1 << number, 0, 0, 0))
    except OSError as error:
        pytest.skip("no file may have capabilities here: %s" % error)


def test_a_program_with_capabilities_under_a_borrowed_name_does_not(program):
    other = program.with_name("other")
    program.rename(other)
    give_capability(other, CAP_SYS_ADMIN)
    program.symlink_to(other)
    with running(program, *WAITS, user=NOBODY, group=NOBODY) as process:
        feeder = named(process.pid)
    assert (feeder["uid"], feeder["capable"]) == (NOBODY, True)
    assert standing(feeder) == "anyone may start it with root's rights and by any name"


def test_a_set_user_id_program_with_a_second_name_does_not(program):
    # Where fs.protected_hardlinks is 0, as the kernel has it, any user may give su another name.
    other = program.with_name("other")
    program.rename(other)
    other.chmod(0o4755)
    os.link(other, program)
    with running(program, "-p", *WAITS, user=NOBODY, group=NOBODY) as process:
        feeder = named(process.pid)
    assert (feeder["capable"], feeder["program"]) == (True, str(program))
    assert standing(feeder) == "anyone may start it with root's rights and by any name"


def test_a_program_of_another_name_with_capabilities_that_credit_nothing_counts(program):
    # As entropy-feeder does, which is Python, where that may bind low ports.
    other = program.with_name("other")
    program.rename(other)
    give_capability(other, CAP_NET_BIND_SERVICE)
    program.symlink_to(other)
    with running(program, *WAITS) as process:
        assert standing(named(process.pid)) == "counts"


def test_the_file_of_a_process_that_cannot_credit_is_not_asked_for(program, monkeypatch):
    # It may lie on its user's own file system (FUSE), which need not answer.
    with running(program, *WAITS, user=NOBODY, group=NOBODY) as process:
        named(process.pid)
        link, asked, stat = "/proc/%d/exe" % process.pid, [], os.stat
        monkeypatch.setattr(os, "stat", lambda path, **options: asked.append(path) or stat(path, **options))
        feeder = named(process.pid)
    assert feeder["program"] == str(program)
    assert "/proc/%d/status" % process.pid in asked
    assert link not in asked


def test_a_process_that_becomes_another_program_meanwhile_is_none(program):
    class Changing(Tree):
        """A tree in which the process becomes sleep once its rights were seen."""

        def text(self, path, *limits):
            said = super().text(path, *limits)
            if path.endswith("/status"):
                process.stdin.write(b"\n")
                process.stdin.flush()
                when(lambda: Path(path).with_name("comm").read_text(encoding="ascii") == "sleep\n")
            return said
    with running(program, "-c", "read -r line; exec sleep 60") as process:
        named(process.pid)
        assert _kernel_feeder.observe(Changing(), str(process.pid), "rngd") is None


def test_a_program_that_was_replaced_while_it_runs_counts(program):
    with running(program, *WAITS) as process:
        named(process.pid)
        program.unlink()
        feeder = named(process.pid)
    assert (standing(feeder), feeder["program"]) == ("counts", "%s (deleted)" % program)


def test_without_root_a_program_of_root_is_not_known_and_a_users_is_known_to_be_none(program):
    with running(program, *WAITS) as roots, running(program, *WAITS, user=NOBODY, group=NOBODY) as users:
        named(roots.pid), named(users.pid)
        seen = as_nobody()
    assert standing(named(roots.pid, lambda: seen)) == "its user namespace and executable cannot be seen"
    assert standing(named(users.pid, lambda: seen)) == "it has no CAP_SYS_ADMIN"


@pytest.mark.parametrize(("words", "folder", "found"), [
    (["-r", "urandom"], "/dev", ["urandom"]), (["--rng-d", "../dev/./urandom"], "/proc", ["../dev/./urandom"]), (["-r", "urandom"], "/", []),
    (["-fr/dev//urandom"], "/", ["/dev//urandom"]), (["-r", "/dev/hwrng", "-p", "/dev/urandom"], "/", []), (["-r", "a\x00b"], "/", [])])
def test_the_kernels_own_output_is_found_by_its_number_from_where_the_process_is(program, words, folder, found):
    with running(program, *WAITS, cwd=folder) as process:
        named(process.pid)
        assert _kernel_feeder._own_output(str(process.pid), ["rngd", *words]) == found


def test_another_node_of_the_same_number_is_the_kernels_own_output(program):
    node = program.with_name("hwrng")
    try:
        os.mknod(node, 0o20600, os.makedev(1, 9))
    except OSError as error:
        pytest.skip("no device nodes may be made here: %s" % error)
    with running(program, *WAITS, cwd=program.parent) as process:
        named(process.pid)
        assert _kernel_feeder._own_output(str(process.pid), ["rngd", "-rhwrng"]) == ["hwrng"]


@pytest.mark.parametrize("text", [None, "", "State:\nUid:\nCapEff:", "Uid:\t0\t" + "9" * 5000 + "\t0\t0\nCapEff:\tzz\n", "CapEff:\t" + "f" * 17 + "\n"])
def test_a_status_that_says_nothing_leaves_it_unknown(text):
    assert _kernel_feeder.status(text) == {"state": None, "uid": None, "capable": None}
