# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""./run on a machine that lacks everything: what it says before it starts, what the build needs, and what is left after clean --all."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[2] / "run"
SHIPPED_OF_TESTS = ["tests", "tests/config.yml"]  # the second tells ansible-test which Python the modules run on


@pytest.fixture
def run(open_folder):
    """Return a function that calls ./run where no Debian package is installed and none can be; home and cache are the test's own."""
    programs = open_folder / "bin"
    programs.mkdir()
    for name in ("dpkg-query", "apt-get", "sudo"):
        (programs / name).write_text(f"#!/bin/sh\necho {name} \"$@\" >>{open_folder}/called\nexit 1\n")
        (programs / name).chmod(0o755)

    def call(*words, path=(), folder=open_folder):
        environment = {"HOME": str(open_folder / "home"), "XDG_CACHE_HOME": str(open_folder / "cache"),
                       "PATH": os.pathsep.join([*map(str, path), str(programs), "/usr/sbin:/usr/bin:/sbin:/bin"])}
        return subprocess.run([RUN, *words], env=environment, cwd=folder, text=True, capture_output=True, check=False)
    return call


def test_a_newcomers_command_says_what_it_takes_and_what_stays_before_anything_is_fetched(run, open_folder):
    for words in (["demo"], ["lab", "up"], ["test"]):
        done = run(*words)
        assert done.returncode == 1 and "could not install" in done.stderr + done.stdout or "administrator" in done.stderr
        said = done.stdout
        assert "MB the first time" in said and f"{open_folder}/cache/kvm-entropy" in said and "./run clean --all removes it" in said
        assert said.index("MB the first time") < said.index("Installing what this machine lacks")
        assert "the guests' machine" in said


def test_the_artifact_is_built_without_any_package_where_there_is_an_ansible(run, open_folder):
    ansible = Path(sys.executable).parent
    done = run("build", path=[ansible])
    assert done.returncode == 0, done.stdout + done.stderr
    (artifact,) = open_folder.glob("kvm-entropy-*.tar.gz")
    with tarfile.open(artifact) as archive:
        assert [name for name in archive.getnames() if name.startswith("tests")] == SHIPPED_OF_TESTS
    assert not (open_folder / "called").exists() and done.stdout == ""


def test_without_an_ansible_the_build_asks_for_an_environment_and_nothing_of_the_lab(run, open_folder):
    if shutil.which("ansible-galaxy", path="/usr/sbin:/usr/bin:/sbin:/bin"):
        pytest.skip("this machine has an ansible-galaxy of its own")
    done = run("build")
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["python3-venv"]


def test_clean_all_leaves_nothing_of_ours_and_what_is_not(run, open_folder):
    (open_folder / "home/.ansible/tmp").mkdir(parents=True)
    (open_folder / "cache/kvm-entropy/images/trixie-1").mkdir(parents=True)
    (open_folder / "cache/kvm-entropy/ansible-test/.ansible/test/venv").mkdir(parents=True)
    (open_folder / "cache/kvm-entropy/installed-packages").write_text("qemu-utils\nuidmap\nqemu-utils\n")
    done = run("clean", "--all")
    assert done.returncode == 0, done.stderr
    assert "apt-get purge --autoremove qemu-utils uidmap" in done.stdout
    assert (list((open_folder / "home").iterdir()), list((open_folder / "cache").iterdir())) == ([], [])
    theirs = open_folder / "home/.ansible/roles"
    theirs.mkdir(parents=True)
    assert run("clean", "--all").returncode == 0
    assert theirs.exists()


def test_clean_knows_one_option_only(run):
    done = run("clean", "--al")
    assert done.returncode == 1 and "clean: found --al, expected nothing or --all" in done.stderr
