# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests whose Python answers what it likes, beside an honest one, with fact injection and a fact cache, on the oldest and the current ansible-core.

Each hostile guest is this machine by another interpreter; test_hostile_guest does the same with a whole guest over SSH.
"""

import json
import os
import re
from pathlib import Path

import pytest
from controller import Controller
from hostile import answers, interpreter

LOCAL = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3"}
LINE = re.compile(r"^ *\"?(honest|evil-\d+)(?: \(domain [^)]*\))?: ([A-Z]+)  \[", re.MULTILINE)


@pytest.fixture(params=["oldest", "current"])
def ansible(request, monkeypatch):
    """Put the oldest ansible-core first on PATH, or leave the current one there; return for two runs whether they make variables of facts (list of str)."""
    if request.param == "oldest":
        if "KVM_ENTROPY_OLDEST" not in os.environ:
            pytest.skip("no environment with the oldest ansible-core: use ./run")
        monkeypatch.setenv("PATH", f"{Path(os.environ['KVM_ENTROPY_OLDEST'])}/bin:{os.environ['PATH']}")
    return ["True", "True"] if request.param == "oldest" else ["False", "True"]


def fleet(folder, texts):
    """Write an inventory of an honest guest and one hostile guest for each of ``texts`` (list of str); return its Controller."""
    guests = {"honest": LOCAL}
    for number, text in enumerate(texts):
        interpreter(folder / f"evil-{number}", text)
        guests[f"evil-{number}"] = LOCAL | {"ansible_python_interpreter": str(folder / f"evil-{number}")}
    everywhere = {"entropy_verify_expect": "guest-only"}
    (folder / "inventory.json").write_text(json.dumps({"kvm_guests": {"hosts": guests, "vars": everywhere}, "kvm_hosts": {"hosts": {}}}))
    # What include_vars would read if a guest could name it.
    (folder / "evil.yml").write_text("__entropy_guest_rngd_usual: \"{{ lookup('ansible.builtin.pipe', 'touch %s/obeyed') }}\"\n" % folder)
    return Controller(folder / "inventory.json", folder)


def verdicts(run):
    """Return {guest: verdict} (dict) of what a ``run`` says of each guest that has a line."""
    return {name: verdict.lower() for name, verdict in LINE.findall(run.output)}


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """The Run that looked at the honest guest alone, and what is cached of it, which another ansible-core cannot read."""
    run = fleet(tmp_path_factory.mktemp("alone"), []).play("kvm.entropy.audit", "-v")
    run.entropy = run.facts("honest")["entropy"]
    return run


def test_no_answer_of_a_guest_is_obeyed_or_changes_what_is_said_of_another(ansible, honest, tmp_path, monkeypatch):
    texts = answers(tmp_path, honest.entropy)
    controller = fleet(tmp_path, texts.values())
    for injected in ansible:  # the second time with what the first one left in the cache
        monkeypatch.setenv("KVM_ENTROPY_INJECT", injected)
        run = controller.play("kvm.entropy.audit", "-v")
        assert run.status == 0, run.output
        assert "\x1b" not in run.output and len(run.output) < 2 ** 22
        assert not (tmp_path / "obeyed").exists()
        assert verdicts(run)["honest"] == verdicts(honest)["honest"]
        assert set(run.counts) == {"honest", "localhost", *(f"evil-{number}" for number in range(len(texts)))}
        told = run.output[run.output.index("Judge the chain of every guest"):]
        (counts,) = re.findall(r"^(\d+ ok, .*unknown)$", told, re.MULTILINE)
        assert sum(map(int, re.findall(r"\d+", counts))) == len(texts) + 1
        assert "\x1b" not in told and "\u202e" not in told
        assert '"entropy_verdicts": {"ok": 1000}' not in told


def test_site_obeys_none_and_fails_for_the_hostile_guests_alone(honest, tmp_path):
    names = ("a host of its own choice", "templates everywhere", "a path as its distribution", "deep nesting", "a host of its own choice and no facts")
    controller = fleet(tmp_path, [answers(tmp_path, honest.entropy)[name] for name in names])
    hostile = {f"evil-{number}" for number in range(len(names))}
    run = controller.play("kvm.entropy.site", "--limit", ",".join([*hostile, "localhost"]), "-e", "entropy_guest_feeder=always",
                          "-e", "entropy_guest_early=false")
    assert not (tmp_path / "obeyed").exists(), run.output
    assert set(run.counts) - {"localhost"} == hostile == {name for name in hostile if run.counts[name]["failed"]}, run.output
    assert run.status == 2, run.output
