# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder in quick guests: what its scripts have in common, inside the guest and outside."""

import os

import pytest
from entropy_quick import COLLECTION
from lab import quick

# ``./run feeders`` takes the time for everything.
IS_THOROUGH = "KVM_ENTROPY_SUITES" in os.environ
thorough = pytest.mark.skipif(not IS_THOROUGH, reason="it takes minutes: ./run feeders")

# As role feeder installs it.
PROGRAM = b"#!/usr/bin/python3\n" + (COLLECTION / "roles/feeder/files/entropy-feeder").read_bytes()
INSIDE = "/lab/entropy-feeder"

# What a script begins with. Nothing here draws random numbers, and nothing waits for them.
HEAD = """#!/usr/bin/python3
import collections, errno, glob, json, os, signal, socket, stat, subprocess, sys, time

HWRNG = "/dev/hwrng"
HW_RANDOM = "/sys/class/misc/hw_random/"

def load(*modules):
    subprocess.run(["/lab/load"] + list(modules), check=True)

def is_ready():
    try:
        return bool(os.getrandom(1, os.GRND_NONBLOCK))
    except BlockingIOError:
        return False

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
        'Return the ids (list) of its processes that read its source for it.'
        return [int(word) for word in read("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)).split()]

    def is_reading(self):
        return bool(self.readers())

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

# What it ends with.
TAIL = """
tell("DRAWS", modules=sorted({"random", "secrets", "tempfile", "uuid"} & set(sys.modules)))
"""


def run(suite, script, *, files=None, **knobs):
    """Boot ``suite``'s kernel, run ``script`` (str, Python) after HEAD, and return the Result (quick.Result); ``knobs`` are quick.run's."""
    result = quick.run(suite, HEAD + script + TAIL, files={INSIDE: PROGRAM, **(files or {})}, **knobs)
    assert result.status == 0, result.output
    assert result.json("DRAWS") == {"modules": []}, "modules were imported that draw random numbers by themselves"
    return result
