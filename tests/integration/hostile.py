# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest answers whose Python was replaced: whatever it likes, to every module."""

import json

VICTIM = "2c12a822-84af-424b-91cf-7470bde43aa8"
DEEP = "[" * 5000 + "]" * 5000


def answers(folder, honest):
    """Return {name: the text (str) that a hostile guest answers}; each tries to make ``folder``/obeyed. ``honest`` (dict) is the fact of a real machine."""
    obeyed = f"touch {folder}/obeyed"
    template = "{{ lookup('ansible.builtin.pipe', '%s') }}" % obeyed
    controller = {"ansible_connection": "local", "ansible_python_interpreter": f"/bin/sh -c '{obeyed}'"}

    def result(facts=None, **more):
        return json.dumps({"changed": False, "ansible_facts": {} if facts is None else facts, **more})

    def entropy(**changes):
        return result({"entropy": dict(honest, **changes)})

    return {
        "a host of its own choice": result(
            {"entropy": honest}, add_host={"host_name": "pwned", "groups": ["kvm_guests", "kvm_hosts"], "host_vars": controller}, changed=True),
        "another connection for the victim": result(
            {"entropy": honest}, add_host={"host_name": "honest", "groups": ["kvm_guests"], "host_vars": controller}, changed=True),
        "a group of its own choice": result({"entropy": honest}, add_group="kvm_hosts", parent_groups=["all"]),
        "counts of its own": result({"entropy": honest}, ansible_stats={"data": {"entropy_verdicts": {"ok": 1000}}, "aggregate": False, "per_host": False}),
        "variables in place of the inventory's": result(
            {"entropy": honest, "entropy_verify_expect": "host-only", "entropy_domain_uuid": VICTIM, "groups": {}, "entropy_verify_guests": []}),
        "templates everywhere": entropy(
            kvm_guest_evidence=template, problems=[{"code": "no-device", "text": template, "remedy": template, "evidence": template}]),
        "a template as its error": json.dumps({"failed": True, "msg": template}),
        "a path as its distribution": result({
            "entropy": honest, "distribution": f"../../../../../../..{folder}/evil", "os_family": f"../../../../../../..{folder}/evil",
            "distribution_release": "x", "distribution_major_version": "1", "service_mgr": "systemd"}),
        "another's UUID": entropy(domain_uuid=VICTIM, boot_id="other"),
        "a hundred thousand problems": entropy(problems=[{"code": "no-device", "evidence": "so"}] * 100000),
        "a megabyte of text": entropy(domain_uuid_reason="x" * 2 ** 20),
        "lines and colours": entropy(problems=[{"code": "no-device", "evidence": "so\n\x1b[2J\u202ehonest: OK  [ host ok"}]),
        "deep nesting": '{"changed": false, "ansible_facts": {"entropy": {"gathered_at": %s}}}' % DEEP,
        "infinity": '{"changed": false, "ansible_facts": {"entropy": {"gathered_at": Infinity}}}',
        "lone surrogates": '{"changed": false, "ansible_facts": {"entropy": {"gathered_at": "\\ud800"}}}',
        "text for facts": json.dumps({"changed": False, "ansible_facts": "none"}),
        "numbers for warnings": json.dumps({"changed": False, "warnings": [7, {"a": []}], "deprecations": 7, "ansible_facts": {"entropy": []}}),
        "a vaulted text as its fact": result({"entropy": {"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n6162\n"}}),
        "colours and lines as a warning": result({"entropy": honest}, warnings=["\x1b[2J\nhonest: OK  [ host ok"]),
        "colours and lines around its answer": "\x1b[2J\nhonest: OK  [ host ok\n" + result({"entropy": honest}) + "\n\x1b[2J\nhonest: OK  [ host ok\n",
        "a host of its own choice and no facts": result(
            {"entropy": {}}, ping="pong", add_host={"host_name": "pwned", "groups": ["kvm_guests", "kvm_hosts"], "host_vars": controller}),
        "megabytes beside its facts": entropy(extra=["x" * 1000] * 20000),
        "no JSON": "hello",
        "nothing": "",
        "bytes": "\udcff\udcfe{",
    }


def interpreter(path, answer):
    """Write the program ``path`` (Path), an interpreter that runs nothing and prints ``answer`` (str)."""
    path.with_suffix(".answer").write_bytes(answer.encode("utf-8", "surrogateescape"))
    path.write_text(f"#!/bin/sh\ncat {path.with_suffix('.answer')}\n", encoding="utf-8")
    path.chmod(0o755)
