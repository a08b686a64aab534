# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the source's bytes come to, and what that means. Pure: from observations."""

import errno

from ansible_collections.kvm.entropy.plugins.module_utils import _health_cutoffs, _health_fips, _kernel_health, _kernel_reader
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._rights import ROOT

UNKNOWN = "unknown"

# One block of FIPS 140-2 is the least that says anything; at this size a source that delivers 10 KiB/s is read for 100 s.
LEAST_BYTES, MOST_BYTES = _health_fips.BLOCK, 2 ** 20
SHORTEST, LONGEST = 0.1, 300

# How many blocks of a sound source fail FIPS 140-2: 1,573 of 2 million of the kernel's own generator did. A little more is assumed.
_FALSE_ALARM = 0.0009
# So many failed blocks are a fault that chance brings about in fewer than one of a million runs; so many ask for another look: one in a thousand.
_FAULT, _DOUBT = 2.0 ** -20, 2.0 ** -10
# FIPS 140-2 expects what looks like full entropy. A source that claims less than virtio-rng of old (quality 1000 of 1024) need not.
_FULL = _kernel_health.claimed(1000)

_TAIL = "stuck, repeating or biased sources are found, entropy is not proved; this is no validated source under SP 800-90B and nothing to cite for FIPS 140"
_MEANING = {
    True: "No fault was found in these bytes: " + _TAIL + ".",
    False: "No sound source delivers these bytes: " + _TAIL + ".",
    UNKNOWN: "These bytes, if any, do not decide: " + _TAIL + ".",
}

_HINDRANCES = {
    _kernel_health.NOT_LIVE: ("not tested: only a running kernel has a source", "a run on that machine itself"),
    _kernel_health.NOT_READY: ("not tested: the CRNG is not ready, and needs these bytes first", "a look once it is ready"),
    _kernel_health.NO_SOURCE: ("not tested: the kernel has no current source", "a current source"),
    _kernel_health.UNSEEN_SOURCE: ("not tested: the kernel's current source was not seen (/sys/class/misc/hw_random/rng_current)", "a system with /sys"),
    _kernel_health.NOT_HWRNG: ("not tested: %s is %%s, and the kernel's source is character device 10:183" % _kernel_health.HWRNG,
                               "the kernel's own node: mknod -m 600 %s c 10 183, in place of that" % _kernel_health.HWRNG),
}


def check(health_bytes, health_timeout):
    """Raise EntropyError unless both options are within their bounds."""
    if health_bytes != 0 and not LEAST_BYTES <= health_bytes <= MOST_BYTES:
        raise EntropyError("health_bytes: found %s, expected 0 (no test) or %d to %d" % (health_bytes, LEAST_BYTES, MOST_BYTES))
    if not SHORTEST <= health_timeout <= LONGEST:
        raise EntropyError("health_timeout: found %s, expected %g to %g (s)" % (health_timeout, SHORTEST, LONGEST))


def health_facts(seen):
    """Return the ``health`` facts (dict) of ``seen`` (``_kernel.observe``), None where no test was asked for."""
    found = seen.get("health")
    if not found:
        return None
    tests = found["tests"] if found["read"] else None
    fips = tests and dict(tests["fips"], cutoff=_fips_cutoff(tests["fips"]["blocks"], _FAULT))
    passed, doubt = _judged(tests, fips)
    return {
        "source": found["source"],
        "bytes_asked": found["asked"],
        "bytes_read": found["read"],
        "seconds": found["seconds"],
        "reason": "; ".join(filter(None, (_shortfall(found), doubt))) or None,
        "fips": fips,
        "sp800_90b": tests and {
            "min_entropy": tests["min_entropy"],
            "alpha": tests["alpha"],
            "repetition_count": tests["repetition"],
            "adaptive_proportion": tests["proportion"],
        },
        "period": tests and tests["period"],
        "passed": passed,
        "meaning": _MEANING[passed],
    }


def unseen(seen):
    """Return (why, what it would take) where nothing could be read that was to be tested, else None."""
    found = seen.get("health")
    if not found or found["read"]:
        return None
    return _shortfall(found), _needs(found)


def evidence(health):
    """Return what is wrong (str) with the bytes of ``health`` (dict of ``health_facts``) that did not pass."""
    tests, fips = health["sp800_90b"], health["fips"]
    repetition, proportion = tests["repetition_count"], tests["adaptive_proportion"]
    said = ["%s, %d bytes read" % (health["source"], health["bytes_read"])]
    if repetition["failures"]:
        said.append("%d times %d equal bytes in a row" % (repetition["failures"], repetition["cutoff"]))
    if proportion["failures"]:
        said.append("%d times a value %d times among %d" % (proportion["failures"], proportion["cutoff"], _health_cutoffs.WINDOW))
    if health["period"]:
        said.append("the same again after %d" % health["period"])
    if fips["passed"] < fips["blocks"]:
        by_test = ", ".join("%s %d" % (test, fips["failures"][test]) for test in _health_fips.TESTS if fips["failures"][test])
        said.append("%d of %d blocks fail FIPS 140-2 (%s)" % (fips["blocks"] - fips["passed"], fips["blocks"], by_test))
    return "; ".join(said)


def _fips_cutoff(blocks, chance):
    """Return how many of so many ``blocks`` (int) of a sound source fail with at most this ``chance``; more than there are where none do."""
    return 1 + _health_cutoffs.critbinom(blocks, _FALSE_ALARM, chance)


def _judged(tests, fips):
    """Return (passed, why that is not known or None)."""
    if not tests:
        return UNKNOWN, None
    if tests["repetition"]["failures"] or tests["proportion"]["failures"] or tests["period"]:
        return False, None
    if not fips["blocks"]:
        return UNKNOWN, "too few for a judgement, which takes %d" % LEAST_BYTES
    return _judged_by_blocks(fips, tests["min_entropy"])


def _judged_by_blocks(fips, min_entropy):
    """Return the same, of a source that failed nothing else."""
    failed = fips["blocks"] - fips["passed"]
    found = "%d of %d blocks fail FIPS 140-2" % (failed, fips["blocks"])
    if failed >= fips["cutoff"]:
        may = min_entropy < _FULL
        return (UNKNOWN, "%s, as those of a source of %g bits per byte may" % (found, min_entropy)) if may else (False, None)
    if failed >= _fips_cutoff(fips["blocks"], _DOUBT):
        return UNKNOWN, "%s, which is no proof: test again, with more bytes" % found
    return True, None


def _shortfall(found):
    """Return why not all was read that was asked for (str), None where it was."""
    if found["hindrance"]:
        why = _HINDRANCES[found["hindrance"]][0]
        return why % found["node"] if found.get("node") else why
    if found["read"] == found["asked"]:
        return None
    why = "time was over" if found["error"] is None else "%s: %s" % (_kernel_health.HWRNG, _kernel_reader.in_words(found["error"]))
    return "%d of %d bytes came in %.1f s: %s" % (found["read"], found["asked"], found["seconds"], why) if found["read"] or found["error"] is None else why


def _needs(found):
    if found["hindrance"]:
        return _HINDRANCES[found["hindrance"]][1]
    if found["error"] in (errno.EACCES, errno.EPERM):
        return ROOT
    return "a source that delivers" if found["error"] is None else "a source that can be read"
