# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test a stream block by block, as rngtest does, and by the health tests as well. Nothing of it reaches the kernel."""

import os
import stat

from ansible_collections.kvm.entropy.plugins.module_utils._feeder_gate import Gate
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import FeederError
from ansible_collections.kvm.entropy.plugins.module_utils._health_fips import BLOCK, WORD
from ansible_collections.kvm.entropy.plugins.module_utils._health_period import LONGEST_PERIOD
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_reader import PATIENCE, Reader, in_words

STANDARD_INPUT = "-"
# How many bytes to take at once of what cannot hang.
_PIECE = 64 * BLOCK


def tested(path, blocks, options):
    """Return the counts (dict: blocks, passed, failures by test) of at most ``blocks`` (int) of the source ``path`` (str); raise FeederError.

    The first word, 4 bytes, is only what the first block is compared with, as with rngtest.
    """
    # Where it takes less than a second, a period is looked for at each byte.
    gate = Gate(is_bulk=blocks * BLOCK > LONGEST_PERIOD)
    gate.claim(options.min_entropy, 2.0 ** -options.alpha)
    word, came = b"", 0
    for piece in _pieces(path, WORD + blocks * BLOCK, options.timeout):
        came += len(piece)
        missing = WORD - len(word)
        if missing:
            word += piece[:missing]
            gate.fips.begin(word)
        gate.update(piece[missing:])
    if not gate.fips.blocks:
        raise FeederError("source %s: found %d bytes, expected %d for the first block" % (path, came, WORD + BLOCK))
    return {"blocks": gate.fips.blocks, "passed": gate.fips.passed, "failures": gate.failures}


def counts_words(counts):
    """Return the line (str) that tells a person about ``counts`` (dict)."""
    return "blocks %d, passed %d; failures: %s" % (
        counts["blocks"], counts["passed"], ", ".join("%s %d" % one for one in counts["failures"].items()))


def _pieces(path, most, seconds):
    """Yield ``most`` bytes (int) of ``path``, or fewer where it ends, or gives nothing more within ``seconds`` (s)."""
    try:
        can_hang = path != STANDARD_INPUT and not stat.S_ISREG(os.stat(path).st_mode)
        file = None if can_hang else os.dup(0) if path == STANDARD_INPUT else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise FeederError("source %s: %s" % (path, in_words(error.errno))) from error
    if can_hang:
        yield from _in_time(path, most, seconds)
        return
    with os.fdopen(file, "rb", buffering=0) as stream:
        while most:
            try:
                piece = stream.read(min(most, _PIECE))
            except OSError as error:
                raise FeederError("source %s: %s" % (path, in_words(error.errno))) from error
            if not piece:
                return
            most -= len(piece)
            yield piece


def _in_time(path, most, seconds):
    """Yield the same of what can hang: each read has its time, and one that gives nothing in it is the end."""
    count = most
    with Reader() as reader:
        while most and count:
            count = 0
            for _at, piece in reader.read(path, most, seconds, PATIENCE):
                count += len(piece)
                yield piece
            most -= count
            if reader.error:
                raise FeederError("source %s: %s" % (path, in_words(reader.error)))
            if reader.error is not None:
                return
