# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest over SSH whose Python was replaced, beside an honest one, through audit, site and verify. test_hostile_answers tries many more answers.

Both are logins to one machine, each with an interpreter of its own, as a second whole guest would cost minutes. On the host each has a running domain.
"""

import json
import re
import shlex
import subprocess
import uuid
from typing import NamedTuple

import pytest
import yaml
from controller import LAB, Controller, Run, running_lab
from hostile import answers
from lab.daemon import Daemon
from virt_host import RNG, domain_xml

LINE = re.compile(r"^ *\"?((?:honest|evil)\b[^:]*): ([A-Z]+)  (\[.*\])", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A lab with a running guest of Debian 12 that has its device, and a domain for the one that is hostile."""
    with running_lab(tmp_path_factory.mktemp("hostile"), "honest=bookworm,rng,early") as folder:
        (folder / "evil.xml").write_text(domain_xml("evil", RNG), encoding="utf-8")
        daemon = Daemon(folder)
        daemon.virsh("define", folder / "evil.xml")
        daemon.virsh("start", "evil")
        yield folder


@pytest.fixture(scope="module")
def controller(folder):
    """A controller whose inventory has guest evil besides: the same login, and the interpreter that become_hostile makes."""
    inventory = yaml.safe_load((folder / "inventory.yml").read_text(encoding="utf-8"))
    guests = inventory["kvm_guests"]["hosts"]
    guests["evil"] = dict(guests["honest"], ansible_python_interpreter="/evil")
    (folder / "both.yml").write_text(json.dumps(inventory), encoding="utf-8")
    return Controller(folder / "both.yml", folder, pipelining=True)


class Before(NamedTuple):
    """The ``run`` of an audit before anything hostile is said, and the fact entropy of each (dict) that an honest one would have."""

    run: Run
    honest: dict
    evil: dict


@pytest.fixture(scope="module")
def before(folder, controller):
    run = controller.play("kvm.entropy.audit", "-v", "--limit", "labhost,honest,localhost")
    honest = run.facts("honest")["entropy"]
    # Of another domain, and of a boot of its own.
    return Before(run, honest, dict(honest, domain_uuid=Daemon(folder).virsh("domuuid", "evil").strip(), boot_id=str(uuid.uuid4())))


def become_hostile(folder, answer):
    """Make /evil a program that prints ``answer`` (str), whatever it is to run."""
    program = shlex.quote("#!/bin/sh\ncat >/dev/null & cat /answer\n")
    take = f"cat > /answer; printf %s {program} > /evil; chmod 755 /evil"
    subprocess.run(["/usr/bin/python3", LAB, "ssh", "--dir", folder, "honest", "--", take], input=answer.encode("utf-8", "surrogateescape"), check=True)


def rows(run):
    """Return {guest: (verdict, links)} (dict) of what a ``run`` says of the two."""
    return {name.split()[0]: (verdict, links) for name, verdict, links in LINE.findall(run.output)}


def test_the_honest_guest_is_ok_by_itself(before):
    assert before.run.status == 0, before.run.output
    assert rows(before.run)["honest"][0] == "OK"


def test_a_claim_to_the_honest_guests_uuid_is_a_dispute_that_names_both_and_the_inventory_settles_it(folder, controller, before):
    honest = before.honest
    claim = dict(before.evil, domain_uuid=honest["domain_uuid"])
    become_hostile(folder, json.dumps({"changed": False, "ansible_facts": {"entropy": claim}}))
    run = controller.play("kvm.entropy.audit", "-v")
    assert "guests evil, honest have one UUID" in run.output, run.output
    assert "domain honest on labhost: UNKNOWN  [ host ok  config ok  live ok" in run.output
    named = folder / "named.yml"
    named.write_text(f"kvm_guests:\n  hosts:\n    honest:\n      entropy_domain_uuid: {honest['domain_uuid']}\n", encoding="utf-8")
    run = controller.play("kvm.entropy.audit", "-v", "-i", named)
    assert rows(run)["honest"] == rows(before.run)["honest"]
    assert rows(run)["evil"][0] == "UNKNOWN"
    assert "and the inventory gives that to honest (entropy_domain_uuid), which counts" in run.output


def test_verify_says_the_same_of_the_honest_guest_and_what_is_wrong_of_the_hostile_one(folder, controller, before):
    become_hostile(folder, answers(folder, before.evil)["a hundred thousand problems"])
    run = controller.play("kvm.entropy.verify", "-v")
    assert rows(run)["honest"] == rows(before.run)["honest"], run.output
    assert set(run.counts) == {"labhost", "honest", "evil", "localhost"}
    assert "entropy: found 'a value of" in run.output, run.output


def test_site_finishes_the_honest_guest_and_obeys_nothing_of_the_hostile_one(folder, controller, before):
    become_hostile(folder, answers(folder, before.evil)["templates everywhere"])
    run = controller.play("kvm.entropy.site", "-v", "-e", "entropy_guest_early=false")
    assert not (folder / "obeyed").exists()
    assert rows(run)["honest"] == rows(before.run)["honest"], run.output
    assert run.counts["honest"]["failed"] == 0
    assert set(run.counts) == {"labhost", "honest", "evil", "localhost"}
    assert Daemon(folder).virsh("domstate", "honest").strip() == "running"
