# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of the kernel's random driver from 3.13 on, each line as its kernel prints it, and what is not known."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_log import events
from entropy_machines import machine

POOL = "/proc/sys/kernel/random/poolsize"


def found(*lines, complete=True):
    return events({"source": "dmesg", "lines": [[float(number), line] for number, line in enumerate(lines)], "complete": complete}, "")


@pytest.mark.parametrize(("line", "reads"), [
    # 3.13 to 4.7
    ("random: init urandom read with 3 bits of entropy available", 1),
    ("random: systemd-udevd urandom read with -1 bits of entropy available", 1),
    # 4.8 on, some vendors' with the bits
    ("random: systemd: uninitialized urandom read (16 bytes read)", 1),
    ("random: dd: uninitialized urandom read (512 bytes read, 34 bits of entropy available)", 1),
    ("random: (sd-mkdcreds): uninitialized urandom read (16 bytes read)", 1),
    ("random: : uninitialized urandom read (4 bytes read)", 1),
    ("random: sshd: CRNG uninitialized (32 bytes read)", 1),
    # 4.17 on
    ("random: 7 urandom warning(s) missed due to ratelimiting", 7),
    ("random: 3 getrandom warning(s) missed due to ratelimiting", 3),
    ("random: random: 7 urandom warning(s) missed due to ratelimiting", 7),  # the name by pr_fmt() as well as in the words
    ("urandom_read: 5 callbacks suppressed", 5),
    ("urandom_read_iter: 12 callbacks suppressed", 12),
    # A process chooses its name.
    ("random: crng init done: uninitialized urandom read (16 bytes read)", 1),
    ("random: fast init done: uninitialized urandom read (16 bytes read)", 1),
    ("random: 9 urandom warn: uninitialized urandom read (16 bytes read)", 1),
])
def test_a_read_before_the_crng_was_ready_is_counted(line, reads):
    log = found(line)
    assert (log["reads"], log["ready"], log["strange"]) == (reads, False, None)


@pytest.mark.parametrize(("line", "trusting_cpu"), [
    ("random: nonblocking pool is initialized", False),  # 3.13 to 4.7
    ("random: crng init done", False),  # 4.8 on
    ("random: crng done (trusting CPU's manufacturer)", True),  # 4.19 to 5.16, EL8
    ("random: crng init done (trusting CPU's manufacturer)", True),  # 5.17
])
def test_the_line_that_says_ready_is_dated(line, trusting_cpu):
    log = found("Linux version", line)
    assert (log["ready"], log["ready_at"], log["trusting_cpu"], log["reads"], log["understood"]) == (True, 1.0, trusting_cpu, 0, True)


@pytest.mark.parametrize("line", [
    "random: fast init done",  # 4.8 to 5.17: 64 bytes, and getrandom() waits on
    "random: get_random_bytes called from start_kernel+0x97/0x516 with crng_init=0",  # 4.13 on: a read of the kernel's own
    "random: get_random_u64 called from cache_random_seq_create+0x76/0x120 with crng_init=0",
    "random: foo_init+0x1b/0x1000 [foo] get_random_bytes called with crng_init = 0",  # 4.8 to 4.12
    "random: rt_genid_init+0x12/0x20 get_random_bytes called with 0 bits of entropy available",  # 3.13 to 4.7
    "random: 12 get_random_xx warning(s) missed due to ratelimiting",
    "random: negative entropy/overflow: pool input count -40000",
    "random: negative entropy count: pool nonblocking count -1",
])
def test_a_line_that_is_neither_a_read_of_user_space_nor_readiness_is_known(line):
    log = found(line)
    assert (log["reads"], log["ready"], log["understood"], log["strange"]) == (0, False, True, None)


@pytest.mark.parametrize("line", ["random: crng reseeded on system resumption", "random: crng reseeded due to virtual machine fork"])
def test_what_is_said_later_changes_nothing(line):
    assert found("random: crng init done", line)["ready_at"] == 0.0
    assert found(line)["ready"] is False


@pytest.mark.parametrize("line", ["random: seeding in progress, 3 early requests served", "random: crng init done, mostly", "random: ",
                                  "random: 7 urandom warning(s) missed", "random: systemd: uninitialized urandom read"])
def test_a_line_of_the_random_driver_that_is_not_known_is_kept_and_not_counted(line):
    log = found("random: crng init done", line, "random: another one")
    assert (log["understood"], log["strange"]) == (False, line)


CRASH = "%s[4615]: segfault at 0 ip 00007f15cd574219 sp 00007fff49e32208 error 4 in libc.so.6[156219,7f15cd444000+156000] likely on CPU 0 (core 0, socket 0)"


@pytest.mark.parametrize("form", [
    CRASH, "%s[4615]: unhandled exception: DABT (lower EL), ESR 0x0000000092000006, level 2 translation fault in sh[aaaac8f60000+20000]",
    "%s[4615] bad frame in rt_sigreturn frame: 0000000012ab", "%s invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    "%s: page allocation failure: order:5, mode:0x40dc0", "%s (4615): drop_caches: 3", "%s uses obsolete (PF_INET,SOCK_PACKET)"])
@pytest.mark.parametrize("name", ["random: x", "Intel TDX", "Intel TDX: x", "systemd[1]: x", "Run /sbin/init", "Linux version 6"])
def test_a_line_about_a_process_is_taken_for_nothing_else_whatever_its_name(name, form):
    # Every user may crash a process of any name. Recorded on 6.18 is the first form.
    before = found("Linux version 6.1.0", "random: systemd: uninitialized urandom read (16 bytes read)")
    after = found("Linux version 6.1.0", "random: systemd: uninitialized urandom read (16 bytes read)", form % name)
    assert {**after, "lines": before["lines"]} == before


def test_what_looks_like_the_random_drivers_line_long_after_the_crng_was_ready_tells_of_no_read():
    for line in ("random: x: some future form", "random: x: uninitialized urandom read (16 bytes read)",
                 "random: 9 urandom warning(s) missed due to ratelimiting"):
        log = events({"source": "dmesg", "lines": [[1.0, "random: crng init done"], [2.1, line]], "complete": True}, "")
        assert (log["reads"], log["strange"], log["understood"]) == (0, None, True)


def test_what_was_kept_back_until_the_crng_was_ready_counts():
    log = events({"source": "dmesg", "lines": [[1.0, "random: crng init done"], [1.2, "random: 9 urandom warning(s) missed due to ratelimiting"]],
                  "complete": True}, "")
    assert log["reads"] == 9


def test_a_line_that_is_not_known_is_shown_short_and_printable():
    strange = found("random: \x1b[2J\u202e" + "x" * 5000)["strange"]
    assert strange.isprintable() and strange.isascii() and len(strange) <= 120


class TestFacts:
    """What such lines do to the facts."""

    def test_no_line_that_is_not_understood_is_called_none(self):
        facts = facts_of(machine("bullseye-fed", log=[(0.5, "random: something new"), (77.8, "systemd[1]: systemd 247 running in system mode")]))
        assert (facts["crng"]["uninitialized_reads"], facts["crng"]["in_time"], facts["verdict"]) == (None, "unknown", "ok")
        assert [each["why"] for each in facts["unseen"] if "uninitialized_reads" in each["what"]] == [
            "the kernel's log has a line that is not understood: random: something new"]

    def test_reads_that_are_understood_count_beside_a_line_that_is_not(self):
        facts = facts_of(machine("bullseye-early-reads", log=[(0.5, "random: something new")]))
        assert (facts["crng"]["uninitialized_reads"], facts["verdict"]) == (2, "broken")

    def test_what_was_ready_before_any_program_started_is_in_time_whatever_else_is_said(self):
        seen = machine("trixie-bare", getrandom="ready", log=[(0.01, "random: crng init done"), (0.5, "random: something new")])
        assert facts_of(seen)["crng"]["in_time"] is True

    def test_a_kernel_that_says_nothing_at_all_may_be_one_that_tells_of_no_reads(self):
        seen = machine("bullseye-fed", texts={POOL: "4096"})
        seen["log"]["lines"] = [line for line in seen["log"]["lines"] if not line[1].startswith("random: ")]
        facts = facts_of(seen)
        assert (facts["crng"]["uninitialized_reads"], facts["crng"]["in_time"]) == (None, "unknown")
        assert "3.13" in [each["needs"] for each in facts["unseen"] if "uninitialized_reads" in each["what"]][0]

    def test_a_saved_log_that_ends_before_the_crng_was_ready_proves_no_absence_of_reads(self):
        seen = machine("bullseye-fed", live=False, getrandom=None, processes=None)
        seen["log"]["lines"] = [line for line in seen["log"]["lines"] if not line[1].startswith("random: ")]
        assert facts_of(seen)["crng"]["uninitialized_reads"] is None

    def test_a_log_without_times_tells_that_it_is_ready_and_of_reads_and_dates_nothing(self):
        seen = machine("bullseye-early-reads", live=False, getrandom=None, processes=None)
        seen["log"]["lines"] = [[None, text] for _when, text in seen["log"]["lines"]]
        facts = facts_of(seen)
        assert (facts["crng"]["ready"], facts["crng"]["ready_at"], facts["crng"]["uninitialized_reads"], facts["crng"]["in_time"]) == (True, None, 2, False)
