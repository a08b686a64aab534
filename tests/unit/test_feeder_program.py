# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder's one file is what its modules make, runs on the oldest Python with the standard library alone, and draws nothing from the kernel itself."""

import ast
import os
import signal
import subprocess
import sys

import pytest
from feeder import bundle
from health_bytes import BLOCK, sound
from test_oldest_python import oldest_python

# What seeds itself from the kernel, or makes names and keys by it, where it is imported or first used.
DRAWING = {"random", "secrets", "tempfile", "uuid", "ssl", "hashlib"}

CHECK = """
import runpy, sys
program, *sys.argv[1:] = sys.argv[1:]
try:
    runpy.run_path(program, run_name="__main__")
except SystemExit as end:
    print(end.code, *sys.modules)
"""


# Sends itself a signal where the first module but signal is imported, and once more where the last one is.
SIGNALLED = """
import os, runpy, sys
program, number, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = program
class Sender:
    def find_spec(self, name, path=None, target=None):
        if name in ("argparse", "configparser", "zlib"):
            os.kill(os.getpid(), int(number))
for name in ("argparse", "configparser"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Sender())
runpy.run_path(program, run_name="__main__")
"""


def tree():
    return ast.parse(bundle.PROGRAM.read_text(encoding="utf-8"), feature_version=(3, 6))


def checked(tmp_path, source):
    """Return what --check of a configuration with this source (a path) printed, and the names of all modules loaded in the end."""
    configuration = tmp_path / "feeder.conf"
    configuration.write_text("[feeder]\nsource = %s\n" % source)
    # Without site, whose own modules depend on the machine.
    done = subprocess.run([sys.executable, "-I", "-S", "-c", CHECK, bundle.PROGRAM, "--check", "--config", configuration],
                          capture_output=True, text=True, check=True)
    return done.stdout


def test_the_program_is_what_its_modules_make():
    assert bundle.PROGRAM.read_text(encoding="utf-8") == bundle.program(), "./run docs makes it anew"


def test_it_is_python_3_6_and_imports_the_standard_library_alone():
    imported = {alias.name for node in ast.walk(tree()) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree()) if isinstance(node, ast.ImportFrom)}
    assert imported
    assert imported <= sys.stdlib_module_names


def test_each_name_is_given_once():
    names = [node.name for node in tree().body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    names += [target.id for node in tree().body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)]
    assert len(names) > 50
    assert sorted(names) == sorted(set(names))


def test_to_check_it_loads_nothing_that_draws_from_the_generator_that_it_is_to_seed(tmp_path):
    os.mkfifo(tmp_path / "source")
    said, loaded = checked(tmp_path, tmp_path / "source").splitlines()
    status, *modules = loaded.split()
    assert (said[:len(str(tmp_path))], status) == (str(tmp_path), "0")
    # All that it imports is loaded by now: nothing is imported within a function.
    assert {"argparse", "configparser", "fcntl", "json", "socket"} <= set(modules)
    assert not DRAWING & set(modules)
    assert not [node for function in ast.walk(tree()) if isinstance(function, ast.FunctionDef)
                for node in ast.walk(function) if isinstance(node, (ast.Import, ast.ImportFrom))]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_while_python_still_loads_its_modules_does_not_end_it(tmp_path, number):
    # A configuration that is wrong, so that this machine is not fed: what says so has loaded all modules.
    (tmp_path / "feeder.conf").write_text("[feeder]\nalpha = 1\n")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", SIGNALLED, bundle.PROGRAM, str(int(number)), "--config", tmp_path / "feeder.conf"],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "entropy-feeder: %s: alpha: found 1, expected a number (2**-N, 20 to 40)\n" % (tmp_path / "feeder.conf"))


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_where_it_is_no_service_a_signal_ends_it_as_any_other_program(tmp_path, number):
    (tmp_path / "feeder.conf").write_text("[feeder]\n")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", SIGNALLED, bundle.PROGRAM, str(int(number)), "--check", "--config", tmp_path / "feeder.conf"],
                          # Who runs the tests may ignore it, as nohup does.
                          preexec_fn=lambda: signal.signal(number, signal.SIG_DFL), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-number, "")


@pytest.mark.skipif(oldest_python() is None, reason="no Python 3.6 on this machine")
def test_it_runs_on_a_real_python_3_6(tmp_path):
    (tmp_path / "data").write_bytes(sound(4 + 2 * BLOCK))
    done = subprocess.run([oldest_python(), bundle.PROGRAM, "--test", "2", "--source", tmp_path / "data"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[:20], done.stderr) == (0, "blocks 2, passed 2; ", "")


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Return a function that makes a program of modules, each a text (str)."""
    folder = tmp_path / "plugins/module_utils"
    folder.mkdir(parents=True)
    monkeypatch.setattr(bundle, "ROOT", tmp_path)

    def make(**texts):
        for name, text in texts.items():
            (folder / (name + ".py")).write_text('# 1\n# 2\n# 3\n\n"""About %s."""\n\n%s' % (name, text))
        return bundle.program()

    return make


MAIN = "from ansible_collections.kvm.entropy.plugins.module_utils._one import one\nfrom ansible_collections.kvm.entropy.plugins.module_utils._two import two\n"


def test_modules_become_one_file_those_first_that_others_need(modules):
    one, two = "import os\n\n\ndef one():\n    return os\n", "import os\nfrom time import sleep\n\ntwo = sleep\n"
    text = modules(_one=one, _two=two, _feeder_main=MAIN + "\nprint(one, two)\n")
    head, *parts = text.split("# --- ")
    assert head.startswith("# 1\n# 2\n# 3\n")
    assert head.count("import os") == head.count("from time import sleep") == 1
    assert [part.splitlines()[0] for part in parts] == ["_one: About _one.", "_two: About _two.", "_feeder_main: About _feeder_main."]
    assert "ansible_collections" not in text
    compile(text, "program", "exec")


@pytest.mark.parametrize("again", ["LIMIT = 2\n", "def LIMIT():\n    pass\n", "class LIMIT:\n    pass\n", "LEAST, LIMIT = 1, 2\n", "LEAST = LIMIT = 1\n"])
def test_two_modules_that_give_one_name_to_different_things_are_refused(modules, again):
    with pytest.raises(bundle.BundleError, match="both _one and _two define LIMIT"):
        modules(_one="LIMIT = 1\n", _two=again, _feeder_main=MAIN)


@pytest.mark.parametrize(("one", "two"), [("from time import sleep\n", "def sleep():\n    pass\n"), ("import time\n", "from os import times as time\n")])
def test_a_name_of_the_standard_library_that_is_given_to_something_else_is_refused(modules, one, two):
    with pytest.raises(bundle.BundleError, match="both (import|from) time.* and .* define (sleep|time)"):
        modules(_one=one, _two=two, _feeder_main=MAIN)


@pytest.mark.parametrize("line", ["from ansible_collections.kvm.entropy.plugins.module_utils import _one\n",
                                  "from ansible_collections.kvm.entropy.plugins.module_utils._one import one as first\n"])
def test_an_import_that_one_file_cannot_have_is_refused(modules, line):
    with pytest.raises(bundle.BundleError, match=r"_feeder_main line 7: expected from .*\.MODULE import NAME"):
        modules(_one="one = 1\n", _feeder_main=line)
