# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder as a service, in a process of its own with a fake kernel: signals, systemd, and what a wrong configuration changes."""

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _feeder_report, _feeder_service
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError, version_of
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_report import Report
from feeder_fakes import STARTUP, Stand, options
from health_bytes import sound
from lab.patience import slowness
from waiting import when

ALONE = Path(__file__).with_name("feeder_alone.py")
# For what does not come (s).
LONG = 60
# What systemd would wait for with SIGTERM (s), on a machine that has nothing else to do.
AT_ONCE = 1
# More than is asked for: what a reader has read when it is ended early is lost.
PLENTY = 4096


class Service:
    """The feeder as a process: its ``configuration`` (Path), its ``source`` (Path of a FIFO), what it ``said`` (list of str) to systemd so far."""

    def __init__(self, folder):
        self.configuration, self.source = folder / "feeder.conf", folder / "source"
        self.said = []
        os.mkfifo(self.source)
        self._hand = os.open(self.source, os.O_RDWR)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._listener.bind(str(folder / "notify"))
        self._listener.settimeout(LONG)
        self._folder, self.process = folder, None
        self._lines, self._log, self._threads = queue.Queue(), queue.Queue(), []

    def configure(self, text=""):
        self.configuration.write_text("[feeder]\nsource = %s\nlimit = 1048576\n%s" % (self.source, text))

    def start(self, *words, errors=subprocess.PIPE, before=None, **environment):
        environment = {**os.environ, "NOTIFY_SOCKET": str(self._folder / "notify"), "RUNTIME_DIRECTORY": str(self._folder), **environment}
        self.process = subprocess.Popen(
            [sys.executable, ALONE, self.configuration, *words], stdout=subprocess.PIPE, stderr=errors, text=True,
            preexec_fn=before, env=environment)  # noqa: PLW1509 (it calls the kernel alone)
        for stream, lines in ((self.process.stdout, self._lines), (self.process.stderr, self._log)):
            if stream is None:
                continue
            self._threads.append(threading.Thread(target=self._collect, args=(stream, lines), daemon=True))
            self._threads[-1].start()

    def give(self, data):
        os.write(self._hand, data)

    def until_said(self, text):
        """Wait until systemd is told something that begins with ``text`` (str); return all that it was told since the last time."""
        told, deadline = [], time.monotonic() + LONG
        while not told or not told[-1].startswith(text):
            assert time.monotonic() < deadline, "not told %s within a minute, but %s" % (text, set(told))
            told.append(self._listener.recv(4096).decode())
        self.said += told
        return told

    def until_credited(self, bits):
        """Wait until so many ``bits`` (int) were credited from now on; return how many bytes were mixed in until then."""
        mixed = 0
        while bits > 0:
            what, *numbers = self._lines.get(timeout=LONG).split()
            mixed += int(numbers[0]) if what == "mixed" else 0
            bits -= int(numbers[1]) if what == "credited" else 0
        assert bits == 0
        return mixed

    def is_quiet(self, seconds):
        """Return whether the kernel is given nothing for so long (s)."""
        try:
            self._lines.get(timeout=seconds)
        except queue.Empty:
            return True
        return False

    def stops(self, number):
        """Send a signal; return how long (s) it took until it ended, as it does when all is well."""
        begun = time.monotonic()
        self.process.send_signal(number)
        assert self.ended()[0] == 0
        return time.monotonic() - begun

    def until_logged(self, text):
        """Wait for a line of the log that has ``text`` (str) in it, and return it."""
        while True:
            line = self._log.get(timeout=LONG)
            if text in line:
                return line

    def ended(self):
        """Wait for its end; return its exit status (int) and what is new in its log (list of str)."""
        status = self.process.wait(LONG)
        for thread in self._threads:
            thread.join(LONG)
        return status, [self._log.get() for _line in range(self._log.qsize())]

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._listener.close()
        os.close(self._hand)

    def _collect(self, stream, lines):
        for line in stream:
            lines.put(line.rstrip("\n").replace("entropy-feeder: ", "", 1))


@pytest.fixture
def service(tmp_path):
    made = Service(tmp_path)
    made.configure()
    with contextlib.closing(made):
        yield made


def test_it_seeds_the_kernel_tells_systemd_and_ends_at_a_signal(service, tmp_path):
    service.start()
    assert "READY=1" not in service.until_said("WATCHDOG=1")
    service.give(sound(PLENTY))
    assert service.until_credited(256) == STARTUP + 64
    service.until_said("READY=1")
    assert '"kernel_ready": true' in (tmp_path / "status.json").read_text()
    service.process.send_signal(signal.SIGTERM)
    service.until_said("STOPPING=1")
    status, log = service.ended()
    assert status == 0
    assert "feeding: reads %s" % service.source in log


def test_a_signal_ends_a_read_that_waits_for_a_source(service):
    service.configure("timeout = 60\n")
    service.start()
    service.until_said("READY=1")
    assert service.stops(signal.SIGINT) < AT_ONCE * slowness()


@pytest.mark.parametrize(("moment", "source", "data"), [
    ("silent", "source", b""), ("absent", "missing", b""), ("failed", "source", bytes(PLENTY)), ("feeding", "source", sound(PLENTY))])
def test_sigterm_ends_it_within_a_second_whatever_it_waits_for(service, moment, source, data):
    service.source = service.source.with_name(source)
    service.configure("timeout = 60\n")
    service.start()
    service.give(data)
    service.until_logged("%s: " % moment)
    assert service.stops(signal.SIGTERM) < AT_ONCE * slowness()


def test_an_older_kernel_is_fed_as_soon_as_it_is_thirsty(service, tmp_path):
    pool = tmp_path / "pool"
    os.mkfifo(pool)
    file = os.open(pool, os.O_RDWR | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(file, bytes(4096))
    service.configure("interval = 3600\n")
    service.start("ready", str(pool))
    service.give(sound(PLENTY))
    service.until_credited(256)
    service.give(sound(PLENTY, 2))
    assert service.is_quiet(2)
    os.read(file, 65536)
    assert service.until_credited(256) == 64
    os.close(file)


def test_systemd_hears_of_a_service_that_waits_for_its_source_within_its_watchdogs_time(service):
    service.start(WATCHDOG_USEC="600000")
    told = service.until_said("WATCHDOG=1") + service.until_said("WATCHDOG=1")
    assert told.count("WATCHDOG=1") == 2
    assert "READY=1" not in told


def test_a_boot_does_not_wait_for_a_source_that_gives_nothing(service):
    service.configure("timeout = 60\n")
    service.start()
    begun = time.monotonic()
    service.until_said("READY=1")
    assert time.monotonic() - begun < 30
    assert "STATUS=silent: %s gives nothing" % service.source in service.said


def test_a_kernel_that_needs_no_seed_makes_the_service_ready_after_one_short_read(service):
    service.start("ready")
    told = service.until_said("READY=1")
    assert (told.count("WATCHDOG=1"), told[-1]) == (1, "READY=1")


def test_sighup_with_another_configuration_changes_it(service):
    service.start()
    service.give(sound(PLENTY))
    service.until_credited(256)
    service.configure("min_entropy = 8\n")
    service.process.send_signal(signal.SIGHUP)
    service.until_logged("the configuration was read again")
    service.give(sound(PLENTY, 1))
    assert service.until_credited(512) == STARTUP + 64


def test_the_status_tells_which_program_and_configuration_are_in_use_from_when_on(service, tmp_path):
    def told():
        status = json.loads((tmp_path / "status.json").read_text())
        return status["program"]["crc32"], status["configuration"]["crc32"], status["began"]

    def reload(text):
        """Put another configuration in the place of the one before, as the role does."""
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").rename(service.configuration)
        service.process.send_signal(signal.SIGHUP)

    service.configure("timeout = 1\n")
    first = version_of(str(service.configuration))["crc32"]
    service.start("ready")
    service.until_said("READY=1")
    assert told() == (version_of(_feeder_report.__file__)["crc32"], first, _feeder_report.began(service.process.pid))
    reload("[feeder]\nnonsense")
    service.until_logged("the configuration is left as it was")
    service.until_said("WATCHDOG=1")
    assert told()[1] == first
    reload("[feeder]\nsource = %s\n" % service.source)
    service.until_logged("the configuration was read again")
    when(lambda: told()[1] == version_of(str(service.configuration))["crc32"])


@pytest.mark.parametrize(("wrong", "why"), [
    ("min_entropy = 9\n", "min_entropy: found 9, expected a number"),
    ("source = /dev/urandom\n", "found the kernel's own output"),
    ("nonsense\n", "nonsense"),
])
def test_sighup_with_a_wrong_configuration_keeps_the_old_one(service, wrong, why):
    service.configure("interval = 1\n")
    service.start()
    service.give(sound(PLENTY))
    service.until_credited(256)
    service.configuration.write_text("[feeder]\n" + wrong)
    service.process.send_signal(signal.SIGHUP)
    assert why in service.until_logged("the configuration is left as it was: ")
    service.give(sound(PLENTY, 2))
    # What was tested is not tested again, and the claim is the old one.
    assert service.until_credited(512) == 128
    service.process.send_signal(signal.SIGTERM)
    assert service.ended()[0] == 0


def test_a_refused_source_in_another_configuration_leaves_all_options_as_they_were():
    stand, old = Stand(), options(timeout=30)
    changed = options(timeout=1)._replace(source="/dev/urandom", metrics="/nowhere/else")
    report = Report(old.metrics)
    assert _feeder_service._changed(lambda: (changed, None), old, stand.feeder, report) == old
    assert (report.path, stand.source.path) == ("", old.source)


def test_a_wrong_configuration_at_the_start_is_refused(service):
    service.configure("alpha = 1\n")
    service.start()
    status, log = service.ended()
    assert (status, log) == (2, ["%s: alpha: found 1, expected a number (2**-N, 20 to 40)" % service.configuration])


def test_a_kernel_that_takes_no_credit_ends_it_and_it_says_why(service):
    service.start("refuses")
    service.give(sound(PLENTY))
    status, log = service.ended()
    assert status == 2
    assert "takes no credit" in log[-1]
    assert "CAP_SYS_ADMIN" in log[-1]


def early_signal(number):
    """Return what a process does before it becomes the service, so that the signal ``number`` waits for it from its first moment on."""
    def send():
        signal.pthread_sigmask(signal.SIG_BLOCK, [number])
        os.kill(os.getpid(), number)
    return send


def test_sighup_before_the_service_listens_is_read_when_it_does(service):
    service.start(before=early_signal(signal.SIGHUP))
    service.until_logged("the configuration was read again")
    service.give(sound(PLENTY))
    service.until_credited(256)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_end_before_the_service_listens_ends_it_orderly(service, number):
    service.start(before=early_signal(number))
    service.until_said("STOPPING=1")
    assert service.ended()[0] == 0


def test_a_log_that_nobody_reads_does_not_hold_it_up(service, tmp_path):
    service.configure("interval = 1\n")
    reader, writer = os.pipe2(os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    service.start(errors=writer)
    service.give(sound(PLENTY))
    service.until_credited(256)
    service.configuration.write_text("[feeder]\nnonsense")
    # Each has something to say.
    for _again in range(3):
        service.process.send_signal(signal.SIGHUP)
        service.until_said("WATCHDOG=1")
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "feeding"
    assert service.stops(signal.SIGTERM) < LONG
    os.close(reader)
    os.close(writer)


def test_a_log_whose_reader_is_gone_does_not_end_it(service):
    reader, writer = os.pipe()
    os.close(reader)
    service.start(errors=writer)
    os.close(writer)
    service.give(sound(PLENTY))
    service.until_credited(256)
    service.configuration.write_text("[feeder]\nnonsense")
    service.process.send_signal(signal.SIGHUP)
    service.until_said("WATCHDOG=1")
    assert service.stops(signal.SIGTERM) < LONG


def test_standard_files_that_are_closed_at_the_start_are_given_to_no_other_file(service):
    def close():
        os.close(0)
        os.close(2)

    service.start(errors=subprocess.DEVNULL, before=close)
    service.give(sound(PLENTY))
    service.until_credited(256)
    files = {number: os.readlink("/proc/%d/fd/%d" % (service.process.pid, number)) for number in (0, 2)}
    assert files == {0: "/dev/null", 2: "/dev/null"}
    assert service.stops(signal.SIGTERM) < LONG


def test_a_second_service_is_refused_and_says_which_process_is_the_first(service, tmp_path):
    service.start()
    service.until_said("WATCHDOG=1")
    # Of another configuration, and with its status elsewhere.
    (tmp_path / "other").mkdir()
    (tmp_path / "other.conf").write_text("[feeder]\nsource = %s\n" % service.source)
    second = subprocess.run(
        [sys.executable, ALONE, tmp_path / "other.conf"], capture_output=True, text=True, check=False, timeout=LONG,
        env=dict(os.environ, RUNTIME_DIRECTORY=str(tmp_path / "other"), LOCK=str(tmp_path / "lock")))
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == (
        "entropy-feeder: another entropy-feeder feeds this kernel (process %d, which holds %s): found a second service, expected one. End the other first\n"
        % (service.process.pid, tmp_path / "lock"))
    assert not (tmp_path / "other/status.json").exists()
    service.give(sound(PLENTY))
    service.until_credited(256)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_is_gone_with_the_process_that_held_it_and_its_reader_does_not_keep_it(service, number):
    service.start()
    service.give(sound(PLENTY))
    service.until_credited(256)
    service.process.send_signal(number)
    service.process.wait(LONG)
    service.start()
    service.give(sound(PLENTY, 1))
    service.until_credited(256)
    assert service.stops(signal.SIGTERM) < LONG


@pytest.mark.parametrize("text", ["x", "0", "-3", "9" * 400, "18446744073709551616"])
def test_a_watchdogs_time_that_is_none_does_not_end_it(service, text):
    service.start(WATCHDOG_USEC=text)
    service.until_logged("WATCHDOG_USEC: found '%s" % text[:5])
    service.give(sound(PLENTY))
    service.until_credited(256)
    assert service.stops(signal.SIGTERM) < LONG


def test_a_socket_of_systemd_that_is_none_is_said_once(service):
    service.configure("interval = 1\n")
    service.start(NOTIFY_SOCKET="/nowhere/notify")
    service.give(sound(PLENTY))
    service.until_credited(256)
    service.give(sound(PLENTY, 1))
    service.until_credited(512)
    service.process.send_signal(signal.SIGTERM)
    status, log = service.ended()
    assert (status, sum("systemd does not listen" in line for line in log)) == (0, 1)


@pytest.mark.parametrize("metrics", ["/dev/null", "/proc/nothing", "/etc/hostname", "/usr/lib"])
def test_metrics_that_cannot_be_written_do_not_end_it(service, metrics):
    before = os.lstat(metrics) if os.path.lexists(metrics) else None
    service.configure("metrics = %s\n" % metrics)
    service.start()
    service.until_logged("cannot write %s: " % metrics)
    service.give(sound(PLENTY))
    service.until_credited(256)
    assert service.stops(signal.SIGTERM) < LONG
    assert before is None or os.path.samestat(before, os.lstat(metrics))


@pytest.fixture
def signals():
    """Signals, and afterwards the handlers of before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    made = _feeder_service.Signals()
    yield made
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def seeding(monkeypatch, tmp_path, signals):
    """Return a function that seeds a fake kernel once from a FIFO with such bytes, within so many seconds; it returns the kernel and what is said."""
    del signals
    source = tmp_path / "source"
    os.mkfifo(source)
    hand = os.open(source, os.O_RDWR)
    stand = Stand(b"")
    monkeypatch.setattr(_feeder_service, "opened_kernel", lambda: stand.kernel)

    def seed(data, seconds, is_ready):
        stand.kernel.ready = is_ready
        os.write(hand, data)
        return stand.kernel, _feeder_service.once(options()._replace(source=str(source)), seconds)

    yield seed
    os.close(hand)


@pytest.mark.parametrize("is_ready", [False, True])
def test_once_gives_one_seed_and_no_more(seeding, is_ready):
    kernel, said = seeding(sound(8000), LONG, is_ready)
    assert (kernel.credited, sum(map(len, kernel.mixed))) == (256, STARTUP + 64)
    assert said.startswith("credited 256 bits from ")
    assert said.endswith("; the kernel is ready and has reseeded")


@pytest.mark.parametrize(("data", "why"), [(b"", "silent: .* gives nothing"), (bytes(4096), "failed: .* repetition count")])
def test_once_says_why_it_could_not(seeding, data, why):
    with pytest.raises(FeederError, match="nothing was credited in 2 s: " + why):
        seeding(data, 2, False)
