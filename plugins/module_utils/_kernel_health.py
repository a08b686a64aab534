# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the kernel's current source and test what comes. The bytes are thrown away here; only counts leave."""

import os

from ansible_collections.kvm.entropy.plugins.module_utils import _device_kind, _entropy_hwrng, _health, _health_fips, _kernel_reader

HWRNG = "/dev/hwrng"

# SP 800-90B asks for at least 2**-50 (4.3). With this and _entropy_health's limit for FIPS 140-2, a sound source of quality 1024 fails one of 22 million
# tests of 20,000 bytes, and one of 700,000 of whatever size is allowed (docs/health.md).
ALPHA = 2.0 ** -40

# What a source is tested for (bits per byte) whose claim is not known, or which the kernel credits with nothing: hardly any source gives less.
UNCLAIMED = 1.0

NOT_LIVE, NOT_READY, NO_SOURCE, UNSEEN_SOURCE, NOT_HWRNG = "not-live", "not-ready", "no-source", "unseen-source", "not-hwrng"


def claimed(quality):
    """Return how many bits per byte (float) a source of this ``quality`` (int, of 1024, or None) is credited with, and tested for."""
    return 8.0 * quality / 1024 if quality else UNCLAIMED


def examine(seen, most, seconds):
    """Return what came (dict) of reading at most ``most`` bytes in at most ``seconds`` (s) of the source of ``seen`` (``_kernel.observe``):

    ``asked`` (bytes), ``source`` (str or None), ``quality`` (int or None), ``hindrance`` (why nothing was read: NOT_LIVE, NOT_READY, NO_SOURCE,
    UNSEEN_SOURCE, NOT_HWRNG, or None), ``node`` (str or None: what HWRNG is, where that hinders), ``read`` (bytes), ``seconds`` (s that it took),
    ``error`` (errno, 0 where the source ended, or None), ``tests`` (dict of ``outcome``, or None).
    """
    current, quality = _entropy_hwrng.source(seen)
    result = {"asked": most, "source": current, "quality": quality, "hindrance": _hindrance(seen, current), "node": None, "read": 0, "seconds": 0.0,
              "error": None, "tests": None}
    if result["hindrance"]:
        return result
    try:
        source, result["node"] = opened(HWRNG)
    except OSError as error:
        result["error"] = error.errno
        return result
    if source is None:
        return dict(result, hindrance=NOT_HWRNG)
    try:
        return _examined(result, source, most, seconds)
    finally:
        os.close(source)


def opened(path):
    """Return (file (int), None) of the kernel's current source at ``path`` (str), or (None, what is there instead (str)); raise OSError.

    It is looked at before it is opened for reading, by its number: any other file may be called so, and to open one may act on it.
    """
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        found = os.fstat(place)
        if _device_kind.device_kind(found) != _device_kind.HWRNG:
            return None, _device_kind.number_in_words(found)
        # The same file, whatever has its name by now.
        return os.open("/proc/self/fd/%d" % place, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), None
    finally:
        os.close(place)


def _examined(result, source, most, seconds):
    """Return ``result`` (dict) with what came of reading ``source`` (int)."""
    tests = Examination(claimed(result["quality"]))
    with _kernel_reader.Reader() as reader:
        for _at, piece in reader.read(source, most, seconds, _kernel_reader.PATIENCE):
            tests.update(piece)
            result["read"] += len(piece)
    result.update(seconds=round(reader.seconds, 3), error=reader.error, tests=tests.outcome())
    return result


def _hindrance(seen, current):
    if not seen["live"]:
        return NOT_LIVE
    # Until it is ready the kernel needs each byte itself. One that does not tell (before 3.17) may.
    if seen["getrandom"] != "ready":
        return NOT_READY
    return {None: UNSEEN_SOURCE, "none": NO_SOURCE}.get(current)


class Examination:
    """All tests of a stream of bytes that claims ``min_entropy`` (float, bits per byte)."""

    def __init__(self, min_entropy):
        self._min_entropy = min_entropy
        self._continuous = _health.Continuous(min_entropy, ALPHA)
        self._fips = _health_fips.Fips140()

    def update(self, data):
        """Take ``data`` (bytes)."""
        self._continuous.update(data)
        self._fips.update(data)

    def outcome(self):
        """Return the counts (dict): ``min_entropy``, ``alpha``, ``repetition`` and ``proportion`` (dict: failures, cutoff), ``period`` (bytes or None),
        ``fips`` (dict: blocks, passed, failures by test)."""
        tests = self._continuous
        return {
            "min_entropy": self._min_entropy,
            "alpha": ALPHA,
            "repetition": {"failures": tests.repetition.failures, "cutoff": tests.repetition.cutoff},
            "proportion": {"failures": tests.proportion.failures, "cutoff": tests.proportion.cutoff},
            "period": tests.period.period,
            "fips": {"blocks": self._fips.blocks, "passed": self._fips.passed, "failures": dict(self._fips.failures)},
        }
