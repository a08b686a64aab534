# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pytest plugin: prints each failure as it happens, the state of a long run once a minute, and at the end what each file cost.

With pytest-xdist in quiet mode nothing is printed for minutes otherwise, and a reason at the very end. The cost is CPU time, the test's own and that of
the programs that it started and waited for, as elapsed time says little on a busy machine. A guest that libvirt starts is nobody's child and is not counted.
"""

import os
import resource
import threading
import time
from collections import defaultdict

import pytest

_SECONDS = int(os.environ.get("KVM_ENTROPY_PROGRESS", "60"))  # between two lines on the state
_LISTED = 25  # files whose cost is printed
_COST = "cpu_seconds"


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(_Progress(config), "kvm-entropy-progress")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    return (yield from _measured(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    return (yield from _measured(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    return (yield from _measured(item))


def _measured(item):
    """Add the CPU time (s) of one phase of ``item`` to what its report takes along; a phase's report has the sum so far."""
    before = _cpu_seconds()
    try:
        return (yield)
    finally:
        spent = _cpu_seconds() - before + sum(value for name, value in item.user_properties if name == _COST)
        item.user_properties[:] = [each for each in item.user_properties if each[0] != _COST] + [(_COST, round(spent, 3))]


def _cpu_seconds():
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


class _Progress:
    """What the process that prints knows of a run."""

    def __init__(self, config):
        self._config = config
        self._started = self._told = time.monotonic()
        self._running = {}
        self._costs = defaultdict(float)
        self._elapsed = defaultdict(float)
        self._finished = self._failed = 0
        self._over = threading.Event()

    def pytest_sessionstart(self):
        # The end lists them in a line each: their reasons were printed when they failed.
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter:
            reporter.summary_failures = reporter.summary_errors = lambda: None
        # Without processes of their own for the tests, what is written while one runs counts as that test's output: then it is told between two tests.
        if self._config.pluginmanager.has_plugin("dsession"):
            threading.Thread(target=self._tell_regularly, daemon=True).start()

    def pytest_runtest_logstart(self, nodeid):
        if time.monotonic() > self._told + 2 * _SECONDS:
            self._tell()
        self._running[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid):
        self._running.pop(nodeid, None)
        self._finished += 1

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self):
        """Print no letter for each test of a quiet run: the lines on the state count them."""
        category, letter, word = yield
        if self._config.get_verbosity() < 0:
            return category, "", word if category in ("failed", "error") else ""
        return category, letter, word

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report):
        file = report.nodeid.partition("::")[0]
        self._elapsed[file] += report.duration
        if report.when == "teardown":
            self._costs[file] += dict(report.user_properties).get(_COST, 0)
        if report.failed:
            self._failed += 1
            self._print("", "FAILED %s (%s after %.0f s)" % (report.nodeid, report.when, report.duration), report.longreprtext, "")

    def pytest_collectreport(self, report):
        if report.failed:
            self._failed += 1
            self._print("", "FAILED %s (its tests could not be read)" % report.nodeid, report.longreprtext, "")

    def pytest_sessionfinish(self):
        self._over.set()

    def pytest_terminal_summary(self, terminalreporter):
        if len(self._costs) < 2:  # noqa: PLR2004 (one file's cost is told by --durations)
            return
        terminalreporter.write_sep("=", "CPU and elapsed seconds by file, %.0f and %.0f in all" % (sum(self._costs.values()), sum(self._elapsed.values())))
        for file in sorted(self._costs, key=self._costs.get, reverse=True)[:_LISTED]:
            terminalreporter.write_line("%8.1f %8.1f  %s" % (self._costs[file], self._elapsed[file], file))

    def _tell_regularly(self):
        while not self._over.wait(_SECONDS):
            self._tell()

    def _tell(self):
        now = self._told = time.monotonic()
        running = sorted(dict(self._running).items(), key=lambda each: each[1])
        self._print("%d min: %d tests have ended, %d failed; running: %s" % (
            (now - self._started) // 60, self._finished, self._failed,
            ", ".join("%s (%.0f s)" % (nodeid.partition("[")[0].rpartition("/")[2], now - since) for nodeid, since in running[:6]) or "none"))

    def _print(self, *lines):
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter:
            reporter.ensure_newline()
            for line in lines:
                reporter.write_line(line)
            reporter.flush()
