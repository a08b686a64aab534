# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rngd's options: no words end the search with an error, and no spelling hides a source."""

from ansible_collections.kvm.entropy.plugins.module_utils._rngd_options import read, sources
from ansible_collections.kvm.entropy.plugins.plugin_utils._rngd import refusal
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

FAKE = "/dev/urandom"
PIECES = ["-r", "-fr", "-o", "-O", "-p", "-d", "-", "--",
          "--rng-device", "--rng-d", "--r", "--rng-device=", "--random-device=", "--HANG", "--option", "=",
          "?", "a:path:b", FAKE, "/dev/hwrng", "", "-W90%"]

flags = st.sampled_from(["-f", "-b", "-q", "-i", "-fi", "--foreground", "--fore", "--quiet", "-p/x", "--pid-file=/x", "-e8", "-s", "-W"])
spelled = st.sampled_from([["-r", FAKE],
                           ["-r" + FAKE], ["-fr" + FAKE], ["-qfr", FAKE], ["-bqir" + FAKE], *(["--rng-device"[:end], FAKE] for end in range(4, 13)),
                           *(["--rng-device"[:end] + "=" + FAKE] for end in range(4, 13))])


def given_a_value(flag):
    return [flag, "64"] if flag in ("-s", "-W") else [flag]


@examples(500)
@given(st.lists(st.sampled_from(PIECES) | st.text(st.characters(codec=None), max_size=8), max_size=8))
def test_any_words_are_read(words):
    assert all(isinstance(source, str) for source in sources(words))
    for options in read(words):
        assert all(isinstance(word, str) for kind in options for word in kind)


@examples(300)
@given(st.lists(st.sampled_from([*PIECES, "'", '"', "$A", "${A}", "\\", "%i"]) | st.text(st.characters(codec=None), max_size=6), max_size=8).map(" ".join),
       st.none() | st.text(max_size=8))
def test_any_options_of_an_inventory_are_allowed_or_refused_in_one_line(options, value):
    why = refusal(options, {"name": "A", "value": value})
    assert why.isprintable()


@examples(500)
@given(st.lists(flags.map(given_a_value), max_size=4), spelled, st.lists(flags.map(given_a_value), max_size=4))
def test_a_source_is_found_among_other_options(before, source, after):
    words = [*sum(before, []), *source, *sum(after, [])]
    assert FAKE in sources(["rngd", *words])
    assert "kernel's own output" in refusal(" ".join(words))
