# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder in quick guests: what its scripts have in common, inside the guest and outside."""

import os

import pytest
from entropy_quick import COLLECTION, IS_READY
from lab import quick

# ``./run feeders`` takes the time for everything.
IS_THOROUGH = "KVM_ENTROPY_SUITES" in os.environ
thorough = pytest.mark.skipif(not IS_THOROUGH, reason="it takes minutes: ./run feeders")

# Of a processor (%). On real ones it is below 0.1, which tests/bench looks at; one that is emulated on a busy machine is far slower.
NO_LOAD = 0.5

# As role feeder installs it.
PROGRAM = b"#!/usr/bin/python3\n" + (COLLECTION / "roles/feeder/files/entropy-feeder").read_bytes()
INSIDE = "/lab/entropy-feeder"

# What a script begins with. Nothing here draws random numbers, and nothing waits for them.
HEAD = """#!/usr/bin/python3
import collections, errno, glob, json, os, signal, socket, stat, subprocess, sys, time

HWRNG = "/dev/hwrng"
HW_RANDOM = "/sys/class/misc/hw_random/"
""" + IS_READY + """
def load(*modules):
    subprocess.run(["/lab/load"] + list(modules), check=True)

def until(happened, seconds=60):
    'Return whether happened() came true within so long (s).'
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

def write(path, text):
    with open(path, "w") as file:
        file.write(text)

def read(path):
    with open(path) as file:
        return file.read()

def kernel_log():
    'Return the lines of the kernel, and of whoever writes there.'
    lines, file = [], os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            lines.append(os.read(file, 8192).decode(errors="replace").partition(";")[2])
    except BlockingIOError:
        return lines
    finally:
        os.close(file)

def tell(marker, **what):
    print(marker + " " + json.dumps(what), flush=True)

def pour(path, data, pause=0):
    'Have data (bytes) in the FIFO, 64 of them every pause (s), each byte once; return the process that does so, to be killed.'
    child = os.fork()
    if child == 0:
        file = os.open(path, os.O_RDWR)
        while data:
            data = data[os.write(file, data[:64]):]
            time.sleep(pause)
        while True:
            signal.pause()
    return child

def over(process):
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)

def said(*words):
    'Run the feeder to its end; return its exit status, what it wrote, and how long (s) it took.'
    started = time.monotonic()
    done = subprocess.run(["INSIDE"] + list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    return {"status": done.returncode, "out": done.stdout, "error": done.stderr, "seconds": round(time.monotonic() - started, 2)}

def children(process):
    return [int(word) for word in read("/proc/%d/task/%d/children" % (process, process)).split()]

def is_idle(process):
    'Return whether it waits in a pipe, as a reader without orders does: x86-64 numbers the system call read 0. A FIFO has a path.'
    try:
        number, *words = read("/proc/%d/syscall" % process).split()
        return number == "0" and os.readlink("/proc/%d/fd/%d" % (process, int(words[0], 16))).startswith("pipe:")
    except (FileNotFoundError, ProcessLookupError):
        return True

def used(process):
    'Return the CPU time (s) of a process and of those that it has or had.'
    alive = [process] + children(process)
    now = sum(int(read(path).split()[0]) for each in alive for path in glob.glob("/proc/%d/task/*/schedstat" % each)) / 1e9
    # proc_pid_stat(5): fields 16 and 17, the first after the name is field 3.
    ended = read("/proc/%d/stat" % process).rpartition(")")[2].split()[13:15]
    return now + sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")

def kib(process, file, word):
    'Return what a file of /proc says of its memory, in KiB.'
    return next(int(line.split()[1]) for line in read("/proc/%d/%s" % (process, file)).splitlines() if line.startswith(word + ":"))

def at_rest(process, wait):
    'Return what a process, with those that it has, costs while wait() waits: percent of a CPU, seconds of it, peak and memory (KiB).'
    started, before = time.monotonic(), used(process)
    wait()
    cpu, seconds = used(process) - before, time.monotonic() - started
    return {"percent": round(100 * cpu / seconds, 4), "cpu": round(cpu, 4), "seconds": round(seconds, 1), "peak": kib(process, "status", "VmHWM"),
            "memory": sum(kib(each, "smaps_rollup", "Pss") for each in [process] + children(process))}

class Feeder:
    'The feeder with a folder of its own, in which its status is and where it logs to.'

    def __init__(self, name, *words, **environment):
        self.folder = "/run/" + name
        os.makedirs(self.folder, exist_ok=True)
        self.started = time.monotonic()
        with open(self.folder + "/log", "a") as log:
            self.process = subprocess.Popen(["INSIDE"] + list(words), stdout=log, stderr=log,
                                            env=dict(os.environ, RUNTIME_DIRECTORY=self.folder, **environment))

    def age(self):
        return round(time.monotonic() - self.started, 2)

    def log(self):
        return read(self.folder + "/log").replace("entropy-feeder: ", "").splitlines()

    def status(self):
        try:
            return json.loads(read(self.folder + "/status.json"))
        except FileNotFoundError:
            return None

    def reaches(self, seconds=60, **wanted):
        'Return the status in which all of wanted is so, None where it is not within so long (s).'
        def is_so():
            status = self.status()
            return status and status["pid"] == self.process.pid and all(status[key] == value for key, value in wanted.items())
        return self.status() if until(is_so, seconds) else None

    def logs(self, text, times=1, seconds=60):
        'Return whether a line with text is in the log so often, within so long (s).'
        return until(lambda: sum(text in line for line in self.log()) >= times, seconds)

    def readers(self):
        'Return the ids (list) of its processes that read its source for it, or wait for orders to.'
        return children(self.process.pid)

    def is_reading(self):
        return not all(is_idle(reader) for reader in self.readers())

    def ends(self, number=signal.SIGTERM):
        'Send a signal; return (its exit status, how long (s) it took until it ended).'
        started = time.monotonic()
        self.process.send_signal(number)
        try:
            return self.process.wait(30), round(time.monotonic() - started, 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None, 30

""".replace("INSIDE", INSIDE)


def run(suite, script, *, files=None, **knobs):
    """Boot ``suite``'s kernel, run ``script`` (str, Python) after HEAD, and return the Result (quick.Result); ``knobs`` are quick.run's."""
    result = quick.run(suite, HEAD + script, files={INSIDE: PROGRAM, **(files or {})}, **knobs)
    assert result.status == 0, result.output
    return result
