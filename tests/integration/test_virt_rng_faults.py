# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""virt_rng and virt_rng_info when something is wrong: with the daemon, the rights, the names, the interpreter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from held import held_before
from virt_host import COLLECTION, RNG, SYSTEM_PYTHON, USERLAND, foreseeable, row

# Makes the daemon refuse write access, which an unprivileged daemon with one socket for both cannot.
READ_ONLY = """
import libvirt
def refuse(uri=None):
    error = libvirt.libvirtError("authentication unavailable: no polkit agent")
    error.err = (libvirt.VIR_ERR_AUTH_UNAVAILABLE, 0, "authentication unavailable: no polkit agent", 2, None, None, None, 0, 0)
    raise error
libvirt.open = refuse
"""


@pytest.fixture
def without_rights(tmp_path):
    """The environment of a user who may look and not touch."""
    (tmp_path / "sitecustomize.py").write_text(READ_ONLY, encoding="utf-8")
    return {"PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize("module", ["virt_rng", "virt_rng_info"])
def test_a_socket_that_is_not_there_is_one_clear_failure(host, module):
    uri = "qemu+unix:///session?socket=/nowhere/libvirt-sock"
    result = host.run(module, uri=uri, domains=["*"])
    assert result["failed"] and not result.get("changed")
    assert result["msg"].startswith(f"cannot reach libvirt at {uri}: Failed to connect socket to '/nowhere/libvirt-sock': No such file or directory")
    assert "systemctl status libvirtd" in result["msg"]


@pytest.mark.parametrize("module", ["virt_rng", "virt_rng_info"])
def test_a_daemon_that_is_stopped_is_one_clear_failure(host, module):
    host.daemon.stop()
    result = host.run(module, domains=["*"])
    assert result["failed"] and f"cannot reach libvirt at {host.uri}" in result["msg"]


def test_check_mode_needs_no_write_access(host, without_rights):
    host.define("web-1")
    host.define("web-2", start=True)
    predicted = host.run("virt_rng", domains=["*"], environment=without_rights, _ansible_check_mode=True)
    assert predicted.pop("unchecked") == [
        "whether this host's QEMU has the backend and model: a read-only connection may not ask for domain capabilities"]
    refused = host.run("virt_rng", domains=["*"], environment=without_rights)
    assert refused["failed"] and "no polkit agent" in refused["msg"] and host.config("web-1") == []
    result = host.run("virt_rng", domains=["*"])
    assert result.pop("unchecked") == []
    assert foreseeable(predicted) == foreseeable(result)


def test_an_auditor_without_write_access_reads_everything(host, without_rights):
    host.define("web-1", RNG, start=True)
    result = host.run("virt_rng_info", environment=without_rights)
    assert len(row(result, "web-1")["config"]) == len(row(result, "web-1")["live"]) == 1


@pytest.mark.parametrize("name", ["web-2", "web-3"])
def test_a_domain_undefined_in_the_middle_fails_alone(host, name):
    host.define_many(["web-1", "web-2", "web-3"])
    with held_before(host, 2, domains=["*"]) as run:
        host.virsh("undefine", name)
        result = run.result()
    assert result["failed"] and result["summary"]["changed"] == 2 and result["summary"]["failed"] == 1
    assert f"1 of 3 domains failed. domain {name}: the domain was undefined while this ran" in result["msg"]
    assert result["domains"][0]["name"] == name and result["domains"][0]["config"]["result"] == "refused"
    assert not host.run("virt_rng", domains=["*"])["changed"]


def test_a_daemon_that_dies_in_the_middle_is_one_failure_and_the_next_run_finishes(host):
    names = ["web-1", "web-2", "web-3"]
    host.define_many(names)
    with held_before(host, 2, domains=["*"]) as run:
        host.daemon.kill()
        result = run.result()
    assert result["failed"] and f"libvirt at {host.uri} went away" in result["msg"] and "Running again finishes the work" in result["msg"]
    assert result["summary"]["changed"] == 1 and result["summary"]["failed"] == 2
    host.daemon.start()
    assert [host.config(name) for name in names] == [[RNG], [], []]
    assert not host.run("virt_rng", domains=["*"]).get("failed")
    assert all(host.config(name) == [RNG] for name in names)


def test_names_that_nothing_has_are_an_error_before_anything_is_written(host):
    host.define("web-1")
    for module in ("virt_rng", "virt_rng_info"):
        result = host.run(module, domains=["web-1", "web-l", "11111111-2222-3333-4444-555555555555", "nothing-*"])
        assert result["failed"]
        assert "'web-l', '11111111-2222-3333-4444-555555555555'" in result["msg"] and "'web-1'" in result["msg"]
    assert host.config("web-1") == []
    assert host.rng(domains=["nothing-*"])["summary"]["matched"] == 0


def test_domains_are_meant_by_name_uuid_and_glob_less_the_excluded(host):
    for name in ("web-1", "web-2", "web-old-1", "db", "other"):
        host.define(name)
    result = host.rng(domains=["web-*", "db", host.virsh("domuuid", "db").strip().upper()], exclude=["web-old-*", "not-there"])
    assert sorted(one["name"] for one in result["domains"]) == ["db", "web-1", "web-2"]
    assert host.config("web-old-1") == host.config("other") == []


def test_names_are_taken_as_they_are(host):
    names = ["two words", "-dash", "naïve-\u4e16\u754c", "star*", "q[1]", "$(touch x); 'quote\"", "<rng>&amp;"]
    for name in names:
        host.define(name)
    host.define("stardust")
    for name in names:
        result = host.rng(domains=[name])
        assert row(result, name)["changed"]
    assert host.config("stardust") == [RNG], "star* is a glob as well"


def test_numbers_that_no_device_has_are_refused(host):
    host.define("web-1")
    for options in ({"rate_bytes": -1}, {"rate_bytes": 2 ** 32}, {"rate_period": 0}, {"path": "urandom"}):
        result = host.rng(expect_failure=True, domains=["web-1"], **options)
        assert next(iter(options)) in result["msg"] and "expected" in result["msg"]


def ansible(host, module, arguments, interpreter=SYSTEM_PYTHON, *words):
    """Run a module through Ansible itself; return its result, and what Ansible shows before it."""
    environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(COLLECTION.parents[2]), ANSIBLE_STDOUT_CALLBACK="ansible.builtin.minimal",
                       ANSIBLE_HOME=str(host._folder), ANSIBLE_LOCALHOST_WARNING="false", ANSIBLE_DEPRECATION_WARNINGS="false",
                       ANSIBLE_PYTHON_INTERPRETER=str(interpreter), LANG="C.UTF-8")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible"), "localhost", "-i", "localhost,", "-c", "local", "-m", f"kvm.entropy.{module}",
         "-a", json.dumps(dict(arguments, uri=host.uri)), *words], env=environment, capture_output=True, text=True, timeout=300, check=False)
    shown, brace, result = done.stdout.partition("{\n")
    assert brace, done.stdout + done.stderr
    return json.loads(brace + result), shown


def test_under_an_interpreter_without_the_bindings_the_module_finds_the_one_that_has_them(host, tmp_path):
    subprocess.run([SYSTEM_PYTHON, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    bare = tmp_path / "python3"
    bare.write_text("#!/bin/sh\nexec %s \"$@\"\n" % " ".join([*USERLAND.words, str(tmp_path / "bare/bin/python")]), encoding="utf-8")
    bare.chmod(0o755)
    assert subprocess.run([bare, "-c", "import libvirt"], stderr=subprocess.DEVNULL, check=False).returncode
    host.define("web-1")
    assert ansible(host, "virt_rng", {"domains": ["web-1"]}, bare)[0]["changed"]
    assert host.config("web-1") == [RNG]
    assert len(ansible(host, "virt_rng_info", {}, bare)[0]["domains"]) == 1


def test_through_ansible_check_mode_and_diff_are_the_same(host):
    host.define("web-1")
    predicted, shown = ansible(host, "virt_rng", {"domains": ["web-1"]}, SYSTEM_PYTHON, "--check", "--diff")
    assert predicted["changed"] and host.config("web-1") == []
    assert "+++ after: web-1 (definition)" in shown and "+  path: /dev/urandom" in shown
    result, done = ansible(host, "virt_rng", {"domains": ["web-1"]}, SYSTEM_PYTHON, "--diff")
    assert result["domains"] == predicted["domains"] and done == shown
