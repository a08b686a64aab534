# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's log as a door: saved files of any form and content, and records of /dev/kmsg."""

import json

from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_log import events
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_log import parsed, recorded
from entropy_machines import machine
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

WORDS = ("Linux version 6.1", "random: crng init done", "random: fast init done", "random: nonblocking pool is initialized",
         "random: x: uninitialized urandom read (16 bytes read)", "random: 7 urandom warning(s) missed due to ratelimiting", "random: ", "random: x",
         "random: crng done (trusting CPU's manufacturer)", "Run /init as init process", "Run /sbin/init as init process", "systemd[1]: hello", "kernel: ",
         "Kernel command line: x", "devtmpfs: initialized", "Hypervisor detected: KVM",
         "Memory Encryption Features active: AMD SEV", "pci 0000:00:01.0: [1af4:1005]")
STAMPS = ("", "[    1.500000] ", "[1.5]", "[99999999999999.9] ", "<6>", "<30>", "<99999>", "kern  :info  : ", "user  :info  : ", "[    T1] ", "[1.0][ C3] ",
          "Nov 27 10:00:00 h kernel: ", "Nov 27 10:00:00 h kernel: [    2.0] ", "2026-11-27T10:00:00+00:00 h kernel: ", "h kernel: ", "kernel: ", "[  +0.1] ",
          "[Fri Nov 27 10:00:00 2026] ", "\x1b[32m", "-- Reboot --", "-- Boot 0123456789abcdef0123456789abcdef --")
PIECES = st.one_of(st.sampled_from(WORDS), st.sampled_from(STAMPS), st.text(max_size=20), st.sampled_from(("\r", "\n", "\x00", "\x85", "\u2028", " ")))
LINES = st.lists(PIECES, max_size=6).map("".join)
TEXTS = st.lists(LINES, max_size=20).map("\n".join)
RECORDS = st.lists(st.one_of(
    st.none(), st.binary(max_size=60),
    st.builds(lambda number, at, when, text: b"%d,%d,%d,-;%s\n" % (number, at, when, text.encode("utf-8", "replace")),
              st.integers(0, 300), st.integers(0, 20), st.integers(0, 10**9), LINES)), max_size=20)
NAMES = ("trixie-fed", "bullseye-early-reads", "bookworm-bare")


def checked(log, name, live):
    """Judge the recorded machine ``name`` with this ``log`` (dict), and return the log's events and the facts."""
    told = events(log, "init=/x")
    seen = machine(name, **({} if live else {"live": False, "getrandom": None, "processes": None}))
    seen["log"] = dict(log, source="fuzz")
    facts = facts_of(seen)
    assert json.loads(json.dumps(facts)) == facts
    assert all(len(str(facts["crng"][key])) < 500 for key in facts["crng"])
    return told, facts


@examples(100)
@given(TEXTS, st.sampled_from(NAMES), st.booleans())
def test_any_saved_log_gives_facts_and_no_claim_that_it_does_not_support(text, name, live):
    log = parsed("fuzz", text)
    told, facts = checked(log, name, live)
    if facts["crng"]["uninitialized_reads"] == 0:
        assert log["complete"] and not told["strange"]
    if told["reads"]:
        assert (facts["crng"]["in_time"], facts["verdict"]) == (False, "broken")
    if log["complete"]:
        assert "Linux version " in text


@examples(100)
@given(RECORDS, st.sampled_from(NAMES))
def test_any_records_give_facts_and_only_the_kernels_own_count(records, name):
    log = recorded(records)
    checked(dict(log, source="fuzz"), name, live=True)
    foreign = recorded([record and (b"9" + record[record.find(b","):] if b"," in record else record) for record in records])
    assert foreign["lines"] == []


@examples(100)
@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 1e6)), st.one_of(st.sampled_from(WORDS), LINES)), max_size=20), st.booleans(),
       st.sampled_from(NAMES), st.booleans())
def test_any_lines_with_times_or_without_give_facts(lines, complete, name, live):
    checked({"source": "fuzz", "lines": [list(line) for line in lines], "complete": complete}, name, live)


@examples(50)
@given(st.text(max_size=15))
def test_a_process_of_any_name_forges_no_readiness(name):
    line = "random: %s: uninitialized urandom read (16 bytes read)" % name.replace("\n", "?")
    told = events({"source": "fuzz", "lines": [[1.0, line]], "complete": True}, "")
    assert (told["ready"], told["reads"]) == (False, 1)
