# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judgement where things do not answer, on the oldest and the current ansible-core: said, never a crash, never ok."""

import json
import os
import re
import textwrap
from pathlib import Path

import pytest
from controller import Controller
from virt_host import RNG, Host

UNREACHABLE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
LOCAL = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3"}


@pytest.fixture(scope="module")
def host(daemon, tmp_path_factory):
    """A real libvirt with one running domain that has its device."""
    host = Host(daemon, tmp_path_factory.mktemp("verify"))
    host.define("web", RNG, start=True)
    yield host
    host.clear()


@pytest.fixture(params=["oldest", "current"])
def ansible(request, monkeypatch):
    """Put the oldest ansible-core first on PATH, or leave the current one there."""
    if request.param == "oldest":
        if "KVM_ENTROPY_OLDEST" not in os.environ:
            pytest.skip("no environment with the oldest ansible-core: use ./run")
        monkeypatch.setenv("PATH", f"{Path(os.environ['KVM_ENTROPY_OLDEST'])}/bin:{os.environ['PATH']}")
    return request.param


def write(folder, hosts, guests):
    """Write an inventory of ``hosts`` and ``guests`` (dict: name to variables); return its controller."""
    groups = {"kvm_hosts": {"hosts": hosts}, "kvm_guests": {"hosts": guests}}
    (folder / "inventory.json").write_text(json.dumps(groups))
    return Controller(folder / "inventory.json", folder)


def uri(host):
    return {"entropy_host_uri": host.uri, "entropy_host_install": False}


def test_a_host_is_judged_by_what_it_sees_where_nobody_can_log_in(ansible, host, tmp_path):
    controller = write(tmp_path, {"kvm1": LOCAL | uri(host) | {"entropy_verify_expect": "host-only"}}, {})
    run = controller.play("kvm.entropy.audit", "-v")
    assert run.status == 0, run.output
    assert "domain web on kvm1: OK  [ host ok  config ok  live ok  current n/a" in run.output
    assert '"ok": 1' in run.output  # a number for the job, not a text


def test_a_host_that_stops_answering_is_unknown_although_its_facts_are_cached(ansible, host, tmp_path):
    good = LOCAL | uri(host) | {"entropy_verify_expect": "host-only"}
    assert "1 ok, 0 degraded, 0 broken, 0 unknown" in write(tmp_path, {"kvm1": good}, {}).play("kvm.entropy.audit").output
    for playbook, status in (("kvm.entropy.audit", 0), ("kvm.entropy.site", 2)):
        run = write(tmp_path, {"kvm1": good | UNREACHABLE}, {}).play(playbook)
        assert run.status == status, run.output
        assert "0 ok, 0 degraded, 0 broken, 1 unknown (1 host unknown)" in run.output
        assert "Failed to connect to the host via ssh" in run.output


def test_facts_in_the_cache_are_judged_by_a_later_job_that_looks_at_nothing(ansible, host, tmp_path):
    controller = write(tmp_path, {"kvm1": LOCAL | uri(host) | {"entropy_verify_expect": "host-only"}}, {})
    assert controller.play("kvm.entropy.audit").status == 0
    (tmp_path / "judge.yml").write_text("- hosts: localhost\n  gather_facts: false\n  roles: [kvm.entropy.verify]\n")
    assert "1 ok, 0 degraded, 0 broken, 0 unknown" in controller.play(tmp_path / "judge.yml").output


@pytest.mark.parametrize("fail_on, status", [("broken,degraded", 0), ("unknown", 2), ('{"entropy_verify_fail_on": ["unknown"]}', 2)])
def test_what_fails_the_play_may_be_a_list_or_a_surveys_text(fail_on, status, tmp_path):
    words = fail_on if fail_on.startswith("{") else f"entropy_verify_fail_on={fail_on}"
    run = write(tmp_path, {}, {"web-1": UNREACHABLE}).play("kvm.entropy.verify", "-e", words, "-e", "entropy_verify_max_unknown=-1")
    assert run.status == status, run.output


def test_too_many_unknown_guests_fail_the_play(tmp_path):
    controller = write(tmp_path, {}, {"web-1": UNREACHABLE})
    assert controller.play("kvm.entropy.verify").status == 2
    assert controller.play("kvm.entropy.verify", "-e", "entropy_verify_max_unknown=1").status == 0
    assert controller.play("kvm.entropy.verify", "-e", "entropy_verify_max_unknown=0").status == 2
    assert controller.play("kvm.entropy.verify", "-e", "entropy_verify_max_unknown=0", "--check").status == 0


def test_one_bad_host_and_one_bad_guest_do_not_keep_site_from_judging_the_rest(host, tmp_path):
    hosts = {"kvm1": LOCAL | uri(host) | {"entropy_verify_expect": "host-only"}, "kvm2": LOCAL | {"entropy_host_uri": "qemu+unix:///session?socket=/nowhere"}}
    hosts["kvm2"]["entropy_host_install"] = False
    run = write(tmp_path, hosts, {"web-1": UNREACHABLE}).play("kvm.entropy.site")
    assert run.output.count("kvm.entropy.verify : Check the variables, the groups and the limit]") == 1, run.output
    assert run.status == 2, run.output
    assert "host kvm2: UNKNOWN" in run.output
    assert "web-1: UNKNOWN" in run.output
    assert "1 ok, 0 degraded, 0 broken, 1 unknown (1 host unknown)\njudged 2 hosts, 1 guest and 1 other domain\n" in run.output
    assert {name: counts["failed"] for name, counts in run.counts.items()} == {"kvm1": 0, "kvm2": 1, "web-1": 1, "localhost": 1}
    assert {counts["rescued"] for counts in run.counts.values()} == {0}
    assert "A step of this run failed on kvm2, web-1: see its error above. 2 hosts and guests are unknown" in run.output
    assert len(re.findall(r"^fatal: \[kvm2\]", run.output, re.MULTILINE)) == 1, run.output


def test_check_mode_works_on_a_host_without_bindings(ansible, tmp_path):
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "libvirt.py").write_text("raise ImportError('hidden by the test')\n")
    (tmp_path / "python3").write_text(textwrap.dedent(f"""\
        #!/bin/sh
        PYTHONPATH={tmp_path}/python exec /usr/bin/python3 "$@"
        """))
    (tmp_path / "python3").chmod(0o755)
    bare = LOCAL | {"ansible_python_interpreter": str(tmp_path / "python3"), "entropy_host_install": "false"}
    controller = write(tmp_path, {"kvm1": bare}, {})
    for playbook, words in (("kvm.entropy.audit", []), ("kvm.entropy.site", ["--check", "--diff"])):
        run = controller.play(playbook, *words)
        assert run.status == 0, run.output
        assert "python3-libvirt on Debian" in run.output
        assert "host kvm1: UNKNOWN" in run.output
    assert controller.play("kvm.entropy.host").status == 2


def test_sources_of_hosts_and_guests_are_tested_where_that_is_asked_for(ansible, host, tmp_path):
    controller = write(tmp_path, {"kvm1": LOCAL | uri(host)}, {"web-1": LOCAL})
    run = controller.play("kvm.entropy.audit", "-e", "entropy_verify_health_bytes=2500", "-e", "entropy_verify_health_timeout=0.5")
    assert run.status == 0, run.output
    assert [run.facts(name)["entropy"]["health"]["bytes_asked"] for name in ("kvm1", "web-1")] == [2500, 2500]
    run = controller.play("kvm.entropy.audit", "-e", "entropy_verify_health_bytes=7")
    assert run.output.count("entropy_verify_health_bytes (--extra-vars) is '7', must be 0 (no test) or 2500 to 1048576.") >= 1, run.output


CACHE = """
- hosts: kvm_guests
  gather_facts: false
  tasks:
    - kvm.entropy.entropy_facts:
    - ansible.builtin.set_fact:
        entropy_verify_expect: host-only
        entropy_domain_uuid: 11111111-84af-424b-91cf-7470bde43aa8
        cacheable: true
      when: inventory_hostname == 'liar'
"""


def test_no_fact_takes_the_place_of_what_the_inventory_says_and_a_wrong_variable_is_its_own_rows_fault(ansible, tmp_path, monkeypatch):
    monkeypatch.setenv("KVM_ENTROPY_INJECT", "True")
    guests = {"liar": LOCAL, "good": LOCAL, "typo": LOCAL | {"entropy_verify_expect": "foo"}, "hole": LOCAL | {"entropy_domain_uuid": "{{ nowhere.uuid }}"}}
    controller = write(tmp_path, {}, guests)
    inventory = json.loads((tmp_path / "inventory.json").read_text())
    (tmp_path / "inventory.json").write_text(json.dumps(dict(inventory, ungrouped={"hosts": {"localhost": LOCAL}})))
    (tmp_path / "cache.yml").write_text(CACHE)
    assert controller.play(tmp_path / "cache.yml").status == 0
    run = controller.play("kvm.entropy.verify", "-v", "--limit", "localhost", "-e", "entropy_verify_max_unknown=-1")
    assert run.status == 0, run.output
    lines = {line.strip(' "').split(":")[0]: line for line in run.output.splitlines() if "[ host" in line}
    assert set(lines) == set(guests)
    assert lines["liar"].split("[")[1] == lines["good"].split("[")[1]
    assert "11111111-84af" not in run.output
    assert "entropy_verify_expect is 'foo', must be one of auto, host-only, guest-only" in run.output
    assert "entropy_domain_uuid is '{{ nowhere.uuid }}', which cannot be made of its variables" in run.output


INJECTED = """
- hosts: kvm_guests
  gather_facts: false
  tasks:
    - kvm.entropy.entropy_facts:
    - ansible.builtin.set_fact:
        vm: {uuid: 11111111-84af-424b-91cf-7470bde43aa8}
        cacheable: true
"""


def test_no_fact_takes_the_place_of_a_variable_that_the_inventory_makes_the_uuid_of(ansible, tmp_path, monkeypatch):
    monkeypatch.setenv("KVM_ENTROPY_INJECT", "True")
    guest = LOCAL | {"vm": {"uuid": "22222222-84af-424b-91cf-7470bde43aa8"}, "entropy_domain_uuid": "{{ vm.uuid if ansible_facts['entropy'] else '' }}"}
    controller = write(tmp_path, {}, {"liar": guest})
    inventory = json.loads((tmp_path / "inventory.json").read_text())
    (tmp_path / "inventory.json").write_text(json.dumps(dict(inventory, ungrouped={"hosts": {"localhost": LOCAL}})))
    (tmp_path / "cache.yml").write_text(INJECTED)
    assert controller.play(tmp_path / "cache.yml").status == 0
    run = controller.play("kvm.entropy.verify", "-v", "--limit", "localhost", "-e", "entropy_verify_max_unknown=-1")
    assert "has a domain with UUID 22222222-84af" in run.output and "11111111-84af" not in run.output, run.output


VAULTED = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"


def test_a_variable_that_cannot_be_read_ends_its_own_guests_look_alone(ansible, tmp_path):
    guests = {"good": LOCAL | {"entropy_verify_expect": "guest-only"}, "typo": LOCAL | {"entropy_verify_expect": "{{ a b"},
              "vaulted": LOCAL | {"entropy_verify_expect": {"__ansible_vault": VAULTED}, "entropy_domain_uuid": {"__ansible_vault": VAULTED}}}
    controller = write(tmp_path, {}, guests)
    run = controller.play("kvm.entropy.audit", "-v")
    assert run.status == 0, run.output
    assert re.search(r"good: [A-Z]+  \[ host n/a .* ready ok", run.output)
    assert "entropy_verify_expect is '{{ a b', which cannot be made of its variables" in run.output
    assert "typo: UNKNOWN" in run.output and "vaulted: UNKNOWN" in run.output
    assert run.counts["good"]["failed"] == run.counts["typo"]["failed"] == run.counts["vaulted"]["failed"] == 0


def test_a_damaged_fact_cache_is_the_fault_of_its_own_row(ansible, tmp_path):
    controller = write(tmp_path, {}, {"good": LOCAL, "damaged": LOCAL})
    inventory = json.loads((tmp_path / "inventory.json").read_text())
    (tmp_path / "inventory.json").write_text(json.dumps(dict(inventory, ungrouped={"hosts": {"localhost": LOCAL}})))
    (tmp_path / "cache.yml").write_text(CACHE)
    assert controller.play(tmp_path / "cache.yml").status == 0
    (file,) = (tmp_path / "cache").glob("*damaged*")
    # A file that is cut off, and JSON that is no dictionary.
    for content in ('{"entropy": {"schema": 1', "[]", "7"):
        file.write_text(content)
        run = controller.play("kvm.entropy.audit", "-v", "--limit", "localhost")
        assert run.status == 0, run.output
        assert "damaged: UNKNOWN" in run.output and "bad-facts: " in run.output
        assert re.search(r"good: [A-Z]+  \[ host unknown.* ready ok", run.output)


def test_with_a_limit_no_variable_and_no_fact_of_the_first_machine_decides_how_the_others_are_judged(ansible, tmp_path, monkeypatch):
    monkeypatch.setenv("KVM_ENTROPY_INJECT", "True")
    first = LOCAL | {"entropy_verify_expect": "guest-only", "entropy_verify_max_unknown": 100}
    controller = write(tmp_path, {}, {"web-1": first, "web-2": UNREACHABLE, "web-3": UNREACHABLE})
    (tmp_path / "cache.yml").write_text(CACHE.replace("'liar'", "'web-1'").replace("kvm_guests", "web-1").replace(
        "entropy_verify_expect: host-only", "entropy_verify_max_unknown: 100").replace("entropy_domain_uuid:", "entropy_verify_guests:"))
    assert controller.play(tmp_path / "cache.yml").status == 0
    run = controller.play("kvm.entropy.verify", "-v", "--limit", "web-1,web-2")
    assert run.status == 2, run.output
    assert "1 host or guest is unknown, entropy_verify_max_unknown allows 0: web-2." in run.output
    assert "web-1: OK" in run.output and "web-2: UNKNOWN  [ host unknown" in run.output
    assert "judged 0 hosts and 2 guests; limit 'web-1,web-2' leaves out 0 hosts and 1 guest" in run.output
    assert run.counts["web-1"]["failed"] == 1 and set(run.counts) == {"web-1", "web-2"}


def test_the_groups_may_have_other_names(ansible, host, tmp_path):
    good = LOCAL | uri(host) | {"entropy_verify_expect": "host-only"}
    names = {"entropy_hosts_group": "hypervisors", "entropy_guests_group": "vms"}
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"vars": names}, "hypervisors": {"hosts": {"kvm1": good}}, "vms": {}}))
    controller = Controller(tmp_path / "inventory.json", tmp_path)
    assert "1 ok, 0 degraded, 0 broken, 0 unknown\njudged 1 host, 0 guests and 1 other domain" in controller.play("kvm.entropy.audit").output
    assert controller.play("kvm.entropy.host", "--check").counts["kvm1"]["ok"] > 5
    (tmp_path / "inventory.json").write_text(json.dumps({"ungrouped": {"hosts": {"kvm1": good}}}))
    assert "judged 1 host, 0 guests and 1 other domain" in controller.play("kvm.entropy.audit", "-e", "entropy_hosts_group=all").output


def test_verbosity_prints_the_guests_that_are_ok_and_no_facts(ansible, host, tmp_path):
    expect = {"entropy_verify_expect": "guest-only"}
    controller = write(tmp_path, {"kvm1": LOCAL | uri(host) | {"entropy_verify_expect": "host-only"}}, {"web-1": LOCAL | expect, "web-2": LOCAL | expect})
    quiet, loud = controller.play("kvm.entropy.audit").output, controller.play("kvm.entropy.audit", "-v").output
    assert "web-1: OK" not in quiet and len(re.findall(r"^web-\d: OK  \[ host n/a ", loud, re.MULTILINE)) == 2, loud
    assert "gathered_at" not in loud and "libvirt_version" not in loud
    assert len(loud) - len(quiet) < 5000, loud
    # Nothing is quoted: what a person reads are lines.
    assert re.search(r"^\d ok, \d degraded, \d broken, \d unknown$", quiet, re.MULTILINE)


def test_the_next_step_of_a_job_is_given_a_limit(host, tmp_path):
    host.define("bare", "", start=True)
    try:
        bare = LOCAL | {"entropy_domain_uuid": host.virsh("domuuid", "bare").strip(), "entropy_verify_expect": "host-only"}
        run = write(tmp_path, {"kvm1": LOCAL | uri(host) | {"entropy_verify_expect": "host-only"}}, {"web-1": bare}).play("kvm.entropy.audit", "-v")
    finally:
        host.virsh("destroy", "bare")
        host.virsh("undefine", "bare")
    assert '"entropy_limit": "web-1,kvm1"' in run.output, run.output
