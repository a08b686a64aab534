# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After a run, the remedy names what is left."""

from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import LINKS
from ansible_collections.kvm.entropy.plugins.plugin_utils._remaining import is_pending, remaining


def row(*codes, **links):
    return {"guest": "web-1", "host": "kvm1", "domain": "web", "verdict": "broken", "links": {**dict.fromkeys(LINKS, "ok"), **links},
            "problems": [problem(code, "seen") for code in codes], "text": ["before"]}


def left(row, hosts=("kvm1",), guests=("web-1",)):
    (found,) = remaining([row], set(hosts), set(guests))
    return found


def test_early_reads_need_a_reboot_once_the_rest_is_done():
    found = left(row("early-reads"))
    assert found["problems"][0]["remedy"] == (
        "This run has done the rest. Reboot the guest, then replace the keys that were generated during this boot's start")
    assert found["text"][1].endswith(found["problems"][0]["remedy"]) and is_pending(found)


def test_a_device_that_is_only_defined_needs_the_domain_off_and_on():
    found = left(row("config-only", "early-reads", live="broken"))
    assert [one["remedy"].split(". ", 1)[1].split(" (", 1)[0] for one in found["problems"]] == [
        "Power the domain off and start it", "Power the domain off and start it, then replace the keys that were generated during this boot's start"]
    assert is_pending(found)


def test_what_this_run_has_not_done_keeps_its_remedy():
    for found in (left(row("early-reads"), guests=()), left(row("early-reads", config="broken")), left(row("not-ready")),
                  left(row("early-reads", "initramfs-without-driver"))):
        assert not found["problems"][0]["remedy"].startswith("This run") and found["text"] == ["before"]
        assert not is_pending(found)
