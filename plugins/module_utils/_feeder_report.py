# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder tells: to systemd, to Prometheus, to whoever asks for its status, and to its log."""

import json
import os
import socket
import sys
import time

from ansible_collections.kvm.entropy.plugins.module_utils._feeder import STATES
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import version_of

_STATUS = "status.json"
_PREFIX = "entropy_feeder_"
# How long (s) systemd has to take what it is told.
_TOLD_WITHIN = 0.2
# What becomes stale when its file is replaced, and what is to be done then.
STALE = {"program": "an older program is running: restart it", "configuration": "an older configuration is in use: reload it"}


def status_path():
    """Return where the status (str) of the service is: in the folder that systemd or OpenRC made for it."""
    return os.path.join(os.environ.get("RUNTIME_DIRECTORY") or "/run/entropy-feeder", _STATUS)


def began(pid):
    """Return when the process ``pid`` (int) began (int, clock ticks since the boot), None where there is none."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            # proc_pid_stat(5): field 22, the first after the name is field 3.
            return int(file.read().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def stale_of(status):
    """Return what (list of str, keys of STALE) is another file now than the one that the service of ``status`` (dict) uses."""
    return [what for what in STALE if version_of(status[what]["path"]) != status[what]]


def status_of(feeder, kernel):
    """Return what there is to tell of ``feeder`` (Feeder) and ``kernel`` (Kernel) as a dict of plain values."""
    return {
        "pid": os.getpid(), "at": round(time.time()), "state": feeder.state, "why": feeder.why, "source": feeder.source_name, "kernel_ready": kernel.is_ready(),
        "read_bytes": feeder.read, "discarded_bytes": feeder.discarded, "credited_bits": feeder.credited, "reseeds": feeder.reseeds,
        "last_credit": feeder.last_credit and round(feeder.last_credit), "failures": dict(feeder.failures),
        "source_failures": feeder.source_failures, "recent_failures": feeder.recent_failures, "latched": feeder.is_latched,
    }


def status_words(status):
    """Return the lines (list of str) that tell a person about ``status`` (dict)."""
    failed = ["%s %d" % (test, count) for test, count in status["failures"].items() if count]
    lines = [
        "%s: %s" % (status["state"], status["why"]),
        "the kernel is %s" % ("ready" if status["kernel_ready"] else "not ready"),
        "read %d bytes, discarded %d bytes, credited %d bits, reseeds %d" % (
            status["read_bytes"], status["discarded_bytes"], status["credited_bits"], status["reseeds"]),
        "failed tests: %s" % (", ".join(failed) or "none"),
    ]
    if status["source_failures"]:
        lines.append("source failures: %d, of which %d still count%s" % (
            status["source_failures"], status["recent_failures"], "; the source is not tried again" if status["latched"] else ""))
    return lines


def metrics(status):
    """Return ``status`` (dict) in Prometheus's text format (str)."""
    lines = []

    def tell(name, kind, about, *samples):
        lines.extend(("# HELP %s%s %s" % (_PREFIX, name, about), "# TYPE %s%s %s" % (_PREFIX, name, kind)))
        lines.extend("%s%s%s %d" % (_PREFIX, name, labels, value) for labels, value in samples)

    tell("read_bytes_total", "counter", "Bytes that the source gave, each of them mixed into the kernel's pool.", ("", status["read_bytes"]))
    tell("discarded_bytes_total", "counter", "Bytes that were not credited: of start-up tests and of failed ones.", ("", status["discarded_bytes"]))
    tell("credited_bits_total", "counter", "Bits that the kernel was told to credit.", ("", status["credited_bits"]))
    tell("reseeds_total", "counter", "How often the kernel reseeded when it was asked to.", ("", status["reseeds"]))
    tell("health_failures_total", "counter", "Failures by health test; of those of FIPS 140-2 only blocks in a row (fips) end the credit.",
         *[('{test="%s"}' % test, count) for test, count in sorted(status["failures"].items())])
    tell("source_state", "gauge", "1 for the state that the source is in.",
         *[('{state="%s"}' % state, state == status["state"]) for state in STATES])
    tell("source_failures_total", "counter", "How often the source failed a health test and was left alone.", ("", status["source_failures"]))
    tell("source_latched", "gauge", "Whether the source failed so often that it is not tried again.", ("", status["latched"]))
    tell("source_info", "gauge", "What delivers.", ('{source="%s"}' % status["source"].replace("\\", r"\\").replace('"', r"\""), 1))
    tell("kernel_ready", "gauge", "Whether the kernel's CRNG is ready.", ("", status["kernel_ready"]))
    tell("last_credit_timestamp_seconds", "gauge", "When bits were credited last; 0 for never.", ("", status["last_credit"] or 0))
    return "\n".join(lines) + "\n"


def replace(path, text):
    """Have ``text`` (str) in the file ``path`` (str), all of it or what was there before. Raise OSError."""
    # One name for ever: what a write that was killed left there is taken away by the next.
    beside = path + ".new"
    try:
        _remove(beside)
        # What another may have put there since, who owns the folder, is neither followed nor written to.
        with open(beside, "x", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        os.rename(beside, path)
    except OSError:
        _remove(beside)
        raise


def _remove(path):
    if os.path.lexists(path):
        os.unlink(path)


def notify(text):
    """Tell systemd ``text`` (str, sd_notify(3)); nothing where it does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        # A manager that is busy has room for some ten of these (net.unix.max_dgram_qlen); it must not keep the service from ending.
        channel.settimeout(_TOLD_WITHIN)
        try:
            channel.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            log("systemd does not listen at %s: %s" % (address, error))


def tell(text):
    """Write ``text`` (str) for whoever called the program."""
    sys.stdout.write(text + "\n")


def log(text):
    """Write ``text`` (str) to the log."""
    sys.stderr.write("entropy-feeder: %s\n" % text)
    sys.stderr.flush()


class Report:
    """Tells each change once, and the numbers after each turn."""

    def __init__(self, path="", configuration=None):
        """``path`` (str): the file for Prometheus's textfile collector, empty for none; ``configuration`` (``version_of``): what is in use."""
        self.path, self.configuration = path, configuration
        self._process = {"began": began(os.getpid()), "program": version_of(__file__)}
        self._said = None
        self._complaints = {}

    def tell(self, feeder, kernel):
        """Tell how ``feeder`` (Feeder) and ``kernel`` (Kernel) are now."""
        status = status_of(feeder, kernel)
        said = "%s: %s" % (status["state"], status["why"])
        if said != self._said:
            log(said)
            notify("STATUS=%s" % said)
            self._said = said
        path = status_path()
        if os.path.isdir(os.path.dirname(path)):
            self._write(path, json.dumps(dict(status, configuration=self.configuration, **self._process)) + "\n")
        if self.path:
            self._write(self.path, metrics(status))

    def _write(self, path, text):
        """Write a file; a disk that is full keeps nobody from being fed."""
        try:
            replace(path, text)
            complaint = None
        except OSError as error:
            complaint = "cannot write %s: %s" % (path, error.strerror)
        if complaint and complaint != self._complaints.get(path):
            log(complaint)
        self._complaints[path] = complaint
