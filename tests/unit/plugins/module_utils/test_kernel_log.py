# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's records, by whoever and in whatever form they were saved, and nobody else's."""

import time

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _kernel_log
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_log import parsed, recorded

# A boot: s since it, who says it (systemd writes through /dev/kmsg before there is a journal), and what.
BOOT = ((0.0, "kernel", "Linux version 5.15.0-91-generic (buildd@x) #101-Ubuntu SMP"),
        (1.2, "kernel", "random: systemd: uninitialized urandom read (16 bytes read)"),
        (1.35, "systemd[1]", "systemd 249.11 running in system mode"),
        (3.1, "kernel", "random: crng init done"))


def by_kernel(who, text):
    return text if who == "kernel" else "%s: %s" % (who, text)


DATED = {
    "dmesg": lambda when, who, text: "[%12.6f] %s" % (when, by_kernel(who, text)),
    "dmesg --raw": lambda when, who, text: "<%d>[%12.6f] %s" % (5 if who == "kernel" else 30, when, by_kernel(who, text)),
    "dmesg --decode": lambda when, who, text: "%s:notice: [%12.6f] %s" % ("kern  " if who == "kernel" else "daemon", when, by_kernel(who, text)),
    "dmesg --show-delta": lambda when, who, text: "[%12.6f <    0.000012>] %s" % (when, by_kernel(who, text)),
    "dmesg with printk.caller": lambda when, who, text: "[%12.6f][    T1] %s" % (when, by_kernel(who, text)),
    "new dmesg with printk.caller": lambda when, who, text: "[%12.6f] [   C12] %s" % (when, by_kernel(who, text)),
    "journalctl -o short-monotonic": lambda when, who, text: "[%12.6f] web-1 %s: %s" % (when, who, text),
    "journalctl -o short-monotonic --no-hostname (Ubuntu's /var/log/dmesg)": lambda when, who, text: "[%12.6f] %s: %s" % (when, who, text),
    "a serial console": lambda when, who, text: "[%12.6f] %s\r" % (when, by_kernel(who, text)),
    "a serial console with colours": lambda when, who, text: "\x1b[32m[%12.6f] \x1b[0m\x1b[1;33m%s\x1b[0m\r\r" % (when, by_kernel(who, text)),
}
UNDATED = {
    "dmesg --ctime": lambda _when, who, text: "[Fri Nov 27 10:00:03 2026] " + by_kernel(who, text),
    "dmesg --decode --ctime": lambda _when, who, text: "%s:info  : [Fri Nov  7 10:00:03 2026] %s" % (
        "kern  " if who == "kernel" else "daemon", by_kernel(who, text)),
    "dmesg --reltime": lambda _when, who, text: "[  +0.000012] " + by_kernel(who, text),
    "dmesg --time-format iso": lambda _when, who, text: "2026-11-27T10:00:03,123456+01:00 " + by_kernel(who, text),
    "dmesg --notime": lambda _when, who, text: by_kernel(who, text),
    "journalctl -o short": lambda _when, who, text: "Nov 27 10:00:03 web-1 %s: %s" % (who, text),
    "journalctl -o short-precise": lambda _when, who, text: "Nov 27 10:00:03.123456 web-1 %s: %s" % (who, text),
    "journalctl -o short-iso": lambda _when, who, text: "2026-11-27T10:00:03+0000 web-1 %s: %s" % (who, text),
    "journalctl -o short-iso-precise": lambda _when, who, text: "2026-11-27T10:00:03.123456+00:00 web-1 %s: %s" % (who, text),
    "journalctl -o short-full": lambda _when, who, text: "Fri 2026-11-27 10:00:03 UTC web-1 %s: %s" % (who, text),
    "journalctl -o short-full in Brazil": lambda _when, who, text: "Fri 2026-11-27 10:00:03 -03 web-1 %s: %s" % (who, text),
    "journalctl -o short --no-hostname": lambda _when, who, text: "Nov 27 10:00:03 %s: %s" % (who, text),
    "journalctl -o short-unix": lambda _when, who, text: "1795463462.123456 web-1 %s: %s" % (who, text),
    "rsyslog on EL": lambda _when, who, text: "Nov  7 10:00:03 web-1 %s: %s" % (who, text),
}
# rsyslog of Debian and Ubuntu has the kernel's own time of its records, and none of systemd's.
SYSLOG = {
    "/var/log/kern.log": lambda when, who, text: "Nov  7 10:00:03 web-1 %s: %s%s" % (who, "[%12.6f] " % when if who == "kernel" else "", text),
    "/var/log/kern.log since Debian 12": lambda when, who, text: "2026-11-27T10:00:03.123456+00:00 web-1 %s: %s%s" % (
        who, "[%12.6f] " % when if who == "kernel" else "", text),
    "rsyslog's RSYSLOG_SyslogProtocol23Format": lambda when, who, text: "<%d>1 2026-11-27T10:00:03.123456+00:00 web-1 %s - - - %s%s" % (
        6 if who == "kernel" else 30, who, " [%12.6f] " % when if who == "kernel" else "", text),
    "OpenWrt's logread": lambda when, who, text: "Fri Nov 27 10:00:03 2026 kern.info %s: %s%s" % (who, "[%12.6f] " % when if who == "kernel" else "", text),
    "a host with a dot": lambda when, who, text: "Nov  7 10:00:03 web.lan %s: %s%s" % (who, "[%12.6f] " % when if who == "kernel" else "", text),
    "busybox's syslogd": lambda when, who, text: "Nov  7 10:00:03 web-1 kern.info %s: %s%s" % (who, "[%12.6f] " % when if who == "kernel" else "", text),
}
ALL = {**DATED, **UNDATED, **SYSLOG}


def saved(form, boot=BOOT):
    return "".join(form(*record) + "\n" for record in boot)


@pytest.mark.parametrize("name", DATED)
def test_a_form_with_the_time_since_the_boot_gives_text_and_time(name):
    log = parsed("dmesg", saved(DATED[name]))
    assert log == {"source": "dmesg", "lines": [[when, by_kernel(who, text)] for when, who, text in BOOT], "complete": True}


@pytest.mark.parametrize("name", UNDATED)
def test_a_form_with_the_time_of_day_or_none_gives_the_text_alone(name):
    log = parsed("dmesg", saved(UNDATED[name]))
    assert log == {"source": "dmesg", "lines": [[None, by_kernel(who, text)] for _when, who, text in BOOT], "complete": True}


@pytest.mark.parametrize("forged", [
    "Nov  7 10:00:03 web-1 user.notice kernel: %s", "Fri Nov 27 10:00:03 2026 user.notice kernel: %s",
    "<13>1 2026-11-27T10:00:03.123456Z web-1 kernel - - - %s", "<13>Nov  7 10:00:03 web-1 kernel: %s", "Nov  7 10:00:03 web-1 kernel[4711]: %s"])
def test_what_a_user_logs_under_the_kernels_name_is_not_the_kernels_where_the_log_tells(forged):
    text = "".join(forged % line + "\n" for line in ("Linux version 6.1.0", "[    3.100000] random: crng init done"))
    assert [line for line in parsed("messages", text)["lines"] if "random" in line[1]] == []
    own = "Nov  7 10:00:03 web-1 kern.info kernel: random: fast init done\n"
    assert parsed("messages", own + text)["lines"] == [[None, "random: fast init done"]]


@pytest.mark.parametrize(("name", "when"), [("Linux version 6", 5477.8), ("Linux version 6.1.0", 5477.8)])
def test_a_crash_of_a_program_does_not_start_a_boot(name, when):
    # Its name has 15 characters; where a file's name that stands in the same message has a line end, there may be more of them.
    line = "[%12.6f] %s[4617]: segfault at 0 ip 00007f15cd574219 sp 00007fff49e32208 error 4\n" % (when, name)
    log = parsed("dmesg", saved(DATED["dmesg"]) + line)
    assert (len(log["lines"]), log["complete"]) == (len(BOOT) + 1, True)
    assert parsed("dmesg", line)["complete"] is False


@pytest.mark.parametrize("record", [b"6,0,99,-;systemd[1]: x[4618]: segfault at 0 ip 0\n", b"30,0,99,-;random: crng init done\n"])
def test_the_kernel_speaks_for_itself_and_systemd_for_itself(record):
    assert recorded([record])["lines"] == []


@pytest.mark.parametrize("started", ["Saving random seed: ", "web-1 login: ", "Starting udev... "])
@pytest.mark.parametrize("caller", ["", "[    T1]", " [    T1]"])
def test_the_random_drivers_line_counts_behind_an_unfinished_line_of_a_program(started, caller):
    capture = saved(DATED["a serial console"]).replace("[    1.200000]", started + "[    1.200000]" + caller)
    assert parsed("console", capture)["lines"] == [[when, by_kernel(who, text)] for when, who, text in BOOT]


@pytest.mark.parametrize("name", SYSLOG)
def test_a_syslog_has_the_kernels_records_among_others(name):
    others = "Nov  7 10:00:02 web-1 sshd[7]: random: crng init done\nNov  7 10:00:02 web-1 su: kernel: random: crng init done\n" * 9
    log = parsed("kern.log", others + saved(SYSLOG[name]) + others)
    assert log == {"source": "kern.log", "lines": [[when, text] for when, who, text in BOOT if who == "kernel"], "complete": True}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_the_last_boot_counts(name, end):
    earlier = tuple((when + 7, who, text.replace("16 bytes", "99 bytes")) for when, who, text in BOOT[1:])
    text = saved(ALL[name], BOOT[:1] + earlier + BOOT).replace("\n", end)
    log = parsed("dmesg", text)
    assert (log["complete"], [text for _when, text in log["lines"] if "99 bytes" in text]) == (True, [])


@pytest.mark.parametrize("mark", ["-- Reboot --", "-- Boot 0123456789abcdef0123456789abcdef --"])
def test_a_last_boot_that_lost_its_start_is_not_complete(mark):
    form = UNDATED["journalctl -o short"]
    log = parsed("journal", saved(form) + mark + "\n" + saved(form, BOOT[1:2]))
    assert (log["complete"], log["lines"]) == (False, [[None, BOOT[1][2]]])


@pytest.mark.parametrize("name", ALL)
def test_a_log_that_lost_its_start_is_not_complete(name):
    assert parsed("dmesg", saved(ALL[name], BOOT[1:]))["complete"] is False


def test_what_a_program_writes_between_the_kernels_lines_on_a_console_is_not_the_kernels():
    between = "[  OK  ] Started Journal Service.\r\nrandom: 9 urandom warning(s) missed due to ratelimiting\n"
    log = parsed("console", "SeaBIOS (version 1.16)\n" + saved(DATED["a serial console"]) + between)
    assert len(log["lines"]) == len(BOOT)


@pytest.mark.parametrize("forged", [
    "<14>[    0.500000] random: crng init done", "user  :notice: [    0.500000] random: crng init done", "daemon:notice: [    0.500000] random: crng init done",
    "<30>[    0.500000] random: crng init done", "local0:info  : [Fri Nov 27 10:00:03 2026] random: crng init done"])
def test_a_record_that_a_program_wrote_is_not_the_kernels_word(forged):
    for name in ("dmesg", "dmesg --raw", "dmesg --decode", "dmesg --decode --ctime"):
        log = parsed("dmesg", saved(ALL[name]).replace("\n", "\n" + forged + "\n", 1))
        assert len(log["lines"]) == len(BOOT)


def test_in_the_journals_form_nobody_but_the_kernel_and_systemd_speaks():
    form = DATED["journalctl -o short-monotonic"]
    log = parsed("journal", saved(form).replace("\n", "\n[    0.500000] web-1 mischief[9]: random: crng init done\n[    0.6] random: crng init done\n", 1))
    assert len(log["lines"]) == len(BOOT)


def test_a_message_of_the_kernels_that_looks_like_a_name_does_not_make_a_journal_of_it():
    log = parsed("dmesg", saved(DATED["dmesg"]) + "[    5.000000] some kernel: thing\n")
    assert (len(log["lines"]), log["lines"][-1][1], log["complete"]) == (5, "some kernel: thing", True)


class TestRecords:
    """Records of /dev/kmsg."""

    START = b"5,0,0,-;Linux version 6.1.0\n"

    def test_the_kernels_and_systemds_first_count(self):
        log = recorded([self.START, b"5,1,1200000,-,caller=T1;random: crng init done\n SUBSYSTEM=x\n", b"30,2,1350000,-;systemd[1]: systemd 252 running\n"])
        assert log == {"lines": [[0.0, "Linux version 6.1.0"], [1.2, "random: crng init done"], [1.35, "systemd[1]: systemd 252 running"]], "complete": True}

    @pytest.mark.parametrize("priority", [8 + 5, 3 * 8 + 5, 16 * 8 + 6, 2047])
    def test_another_facilitys_are_somebody_elses(self, priority):
        log = recorded([self.START, b"%d,1,1200000,-;random: crng init done\n" % priority])
        assert log == {"lines": [[0.0, "Linux version 6.1.0"]], "complete": True}

    def test_a_log_that_lost_its_start_or_a_record_in_between_is_not_complete(self):
        assert recorded([b"5,7,0,-;usb 1-1: new device\n"])["complete"] is False
        assert recorded([self.START, b"5,2,0,-;random: crng init done\n"])["complete"] is False
        assert recorded([self.START, None])["complete"] is False
        assert recorded([]) == {"lines": [], "complete": False}

    def test_a_log_that_grows_faster_than_it_is_read_ends_at_a_deadline(self, monkeypatch):
        monkeypatch.setattr(_kernel_log, "_MOST_SECONDS", 0.2)
        started = time.monotonic()
        # There is always more of it.
        log = _kernel_log.read("/dev/zero")
        assert (log["complete"], log["lines"], 0.2 <= time.monotonic() - started < 5) == (False, [], True)
