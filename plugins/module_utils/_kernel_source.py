# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A path of this machine as a guest's source: what kind of file it is, and what it delivers within a budget of bytes and time."""

import os

from ansible_collections.kvm.entropy.plugins.module_utils import _device_kind, _kernel_reader, _rng_source
from ansible_collections.kvm.entropy.plugins.module_utils._kernel import RANDOM

# Gone since Linux 5.6, and with it the pool that /dev/random waited for.
_OF_A_POOL = RANDOM + "read_wakeup_threshold"


def kind(path):
    """Return what ``path`` (str) is, as ``_rng_source.backend_kind`` says, or ``missing``; ``blocking`` is a /dev/random that waits for its pool."""
    try:
        found = _rng_source.backend_kind(os.stat(path))
    except (OSError, ValueError):  # No path has a NUL.
        return _rng_source.MISSING
    return _rng_source.BLOCKING if found == _device_kind.RANDOM and os.path.exists(_OF_A_POOL) else found


def measure(path, most, seconds):
    """Read at most ``most`` bytes of ``path`` in at most ``seconds`` (s). Return (steps, s that it took, the error in words or None).

    A step is (s since the start, bytes), one per read.
    """
    with _kernel_reader.Reader() as reader:
        steps = [(at, len(piece)) for at, piece in reader.read(path, most, seconds)]
    return steps, reader.seconds, None if reader.error is None else _kernel_reader.in_words(reader.error)
