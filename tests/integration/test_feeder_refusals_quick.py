# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder refuses: a wrong configuration, and a source that is the kernel's own output whatever its name."""

import os

import feeder_quick
import pytest

# A configuration, and what the feeder says of it.
WRONG = {
    "an unknown option": ("[feeder]\nsorce = /dev/hwrng\n", "found the option sorce, expected one of: source, min_entropy,"),
    "a number out of bounds": ("[feeder]\ninterval = 0\n", "interval: found 0, expected a number (s, 1 to 86400)"),
    "no number": ("[feeder]\nmin_entropy = much\n", "min_entropy: found much, expected a number (bits per byte, 0.1 to 8.0)"),
    "not a number": ("[feeder]\nmin_entropy = nan\n", "min_entropy: found nan, expected a number (bits per byte, 0.1 to 8.0)"),
    "another section": ("[rngd]\nsource = /dev/hwrng\n", "found the sections rngd, expected [feeder] alone"),
    "no section": ("source = /dev/hwrng\n", "no section headers"),
    "an option twice": ("[feeder]\nlimit = 64\nlimit = 128\n", "'limit' in section 'feeder' already exists"),
    "a relative path": ("[feeder]\nsource = hwrng\n", "source: found hwrng, expected an absolute path"),
    "an empty source": ("[feeder]\nsource =\n", "source: found nothing, expected an absolute path"),
    "no text at all": (b"\xff\xfe\x00\n", "'utf-8' codec can't decode"),
}
OUTPUT = "found the kernel's own output: to credit that is no entropy"
REFUSED = {
    "/dev/urandom": OUTPUT, "/dev/random": OUTPUT, "/lab/copy": OUTPUT, "/lab/link": OUTPUT, "/lab/link-to-copy": OUTPUT,
    "/dev/zero": "found a device that delivers zeros or nothing", "/dev/null": "found a device that delivers zeros or nothing",
    "/lab/sound": "found neither a character device nor a FIFO", "/lab": "found neither a character device nor a FIFO",
}
FILES = {"/lab/sound": os.urandom(65536), **{"/lab/wrong/%d" % number: text for number, (text, _said) in enumerate(WRONG.values())}}

_SCRIPT = """
os.mknod("/lab/copy", stat.S_IFCHR | 0o600, os.makedev(1, 9))
os.symlink("/dev/urandom", "/lab/link")
os.symlink("/lab/copy", "/lab/link-to-copy")
tell("WRONG", said=[said("--config", path) for path in sorted(glob.glob("/lab/wrong/*"), key=lambda path: int(os.path.basename(path)))])
tell("MISSING", said=said("--config", "/lab/missing.conf"))
tell("REFUSED", said={path: said("--source", path) for path in REFUSED}, once=said("--once", "--source", "/lab/copy"))

feeder = Feeder("early", "--source", "/lab/later")
absent = feeder.reaches(state="absent")
os.symlink("/lab/copy", "/lab/later")
until(lambda: "the kernel's own output" in feeder.status()["why"])
tell("LATER", absent=absent, status=feeder.status(), ready=is_ready(), ended=feeder.ends())
"""


@pytest.fixture(scope="module")
def seen():
    """The Result (quick.Result) of a guest without a device."""
    return feeder_quick.run("trixie", "REFUSED = %r\n" % (list(REFUSED),) + _SCRIPT, files=FILES, timeout=240)


def _is_one_line(said):
    return said["error"].startswith("entropy-feeder: ") and said["error"].count("\n") == 1 and said["error"].endswith("\n") and said["out"] == ""


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_configuration_ends_it_at_the_start_with_one_line_that_says_what_is_wrong_where(seen, kind):
    said = seen.json("WRONG ")["said"][list(WRONG).index(kind)]
    assert (said["status"], _is_one_line(said)) == (2, True), said
    assert "/lab/wrong/%d" % list(WRONG).index(kind) in said["error"]
    assert WRONG[kind][1] in said["error"]


def test_so_does_a_configuration_that_is_missing_though_it_was_named(seen):
    said = seen.json("MISSING ")["said"]
    assert (said["status"], _is_one_line(said)) == (2, True), said
    assert "/lab/missing.conf: no such file; expected one with a section [feeder]" in said["error"]


@pytest.mark.parametrize("path", REFUSED)
def test_what_can_never_be_a_source_is_refused_by_what_it_is_and_not_by_its_name(seen, path):
    said = seen.json("REFUSED ")["said"][path]
    assert (said["status"], _is_one_line(said)) == (2, True), said
    assert "source %s: %s" % (path, REFUSED[path]) in said["error"]


def test_once_refuses_it_as_well(seen):
    said = seen.json("REFUSED ")["once"]
    assert (said["status"], _is_one_line(said)) == (1, True), said
    assert OUTPUT in said["error"]


def test_a_source_that_comes_later_is_looked_at_then(seen):
    later = seen.json("LATER ")
    assert later["absent"]["why"] == "/lab/later: No such file or directory"
    assert OUTPUT in later["status"]["why"] and later["status"]["state"] == "absent"
    assert (later["status"]["read_bytes"], later["status"]["credited_bits"], later["ready"]) == (0, 0, False)
    assert later["ended"][0] == 0
