# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rngd's sources and sink, in every spelling that its versions take."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._rngd_options import read, sources


@pytest.mark.parametrize("words", [
    ["-r", "/dev/urandom"], ["-r/dev/urandom"], ["-fr/dev/urandom"], ["-fr", "/dev/urandom"], ["-qfir/dev/urandom"],
    ["--rng-device=/dev/urandom"], ["--rng-device", "/dev/urandom"], ["--rng-d", "/dev/urandom"], ["--rng=/dev/urandom"], ["--rn", "/dev/urandom"],
    ["-f", "-o", "/dev/random", "-r", "/dev/urandom"], ["-W", "200", "-r", "/dev/urandom", "--"], ["-x", "tpm", "-r/dev/urandom", "-R30"],
    ["-d0", "-n", "1", "-r/dev/urandom"], ["-d", "-r/dev/urandom"], ["-Dnobody:nogroup", "--rng-dev", "/dev/urandom"], ["-uqlr", "/dev/urandom"],
    ["--option", "namedpipe:path:/dev/urandom"], ["-Onamedpipe:path:/dev/urandom"], ["-H", "0.5", "-T0", "-r", "/dev/urandom"],
    ["--hrng=virtio", "--fill-w=90%", "--feed-interval=1", "--rng-de=/dev/urandom"], ["-r", "/dev/hwrng", "-r", "/dev/urandom"],
    ["--of-a-version-to-come", "-r", "/dev/urandom"], ["--of-a-version-to-come=1", "--rng-device=/dev/urandom"]])
def test_a_source_is_found_in_every_spelling(words):
    assert "/dev/urandom" in sources(["/usr/sbin/rngd", *words])


@pytest.mark.parametrize("words", [
    ["-f"], ["-p", "/dev/urandom"], ["-p/dev/urandom"], ["--pid-file", "/dev/urandom", "-r/dev/hwrng"], ["-o", "/dev/urandom"], ["-fo/dev/urandom"],
    ["--random-device=/dev/urandom"], ["--rand", "/dev/urandom"], ["-r", "/dev/hwrng", "-p", "-r/dev/urandom"], ["-O", "jitter:timeout:/dev/urandom"],
    ["-Dr:/dev/urandom"], [], ["-O", "pkcs11"]])
def test_what_is_no_source_is_none(words):
    assert "/dev/urandom" not in sources(["rngd", *words])


@pytest.mark.parametrize(("words", "sinks"), [
    (["-o", "/srv/x"], {"/srv/x"}), (["-fo/srv/x"], {"/srv/x"}), (["--random-d", "/srv/x"], {"/srv/x"}), (["-f"], set())])
def test_the_sink_is_found(words, sinks):
    assert {sink for options in read(words) for sink in options.sinks} == sinks


def test_a_program_without_any_argument_has_no_source():
    assert sources([]) == sources([""]) == []
