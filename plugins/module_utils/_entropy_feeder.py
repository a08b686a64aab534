# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that feed the kernel, as its processes and its enabled units show them. Pure: from observations."""

import re

# The kernel's own output: what comes from there and is credited again is no new entropy.
FAKE_SOURCES = ("/dev/urandom", "/dev/random")
# rngd's option for its source, and what is glued to it. The short one may follow others in one word, as in -fr/dev/urandom.
_SOURCE_OPTION = re.compile(r"(?:--rng-device(?:=|$)|-[A-Za-z]*r=*)(.*)$")
_NAMES = {"jitterentropy-r": "jitterentropy-rngd", "jitterentropy": "jitterentropy-rngd", "rng-tools": "rngd", "rng-tools-debian": "rngd"}


def feeder_facts(seen, filling, generation):
    """Return the ``feeder`` facts (dict).

    ``which`` (str or None), ``running`` (tri-state), ``useful`` (tri-state, None without a feeder), ``fake`` (path or None), ``wanted`` (list of str:
    the units or services that every boot shall start), ``idle_reason`` (str or None: why one that is wanted is not to be started on this kernel).
    """
    feeders = (seen["processes"] or {}).get("feeders", ())
    wanted = seen.get("wanted") or {}
    names = [feeder["name"] for feeder in feeders] + [unit.partition(".")[0] for unit in sorted(wanted)]
    fakes = [fake for fake in (_fake_source(feeder["arguments"], feeder.get("own", ())) for feeder in feeders if feeder["name"] == "rngd") if fake]
    running = _running(seen, feeders)
    idle_reason = _idle_reason(wanted) if running is False else None
    useful = "unknown" if names else None
    if fakes or idle_reason or (feeders and filling is True and generation == "rewritten"):
        useful = False
    return {
        "which": _NAMES.get(names[0], names[0]) if names else None,
        "running": running,
        "useful": useful,
        "fake": fakes[0] if fakes else None,
        "wanted": sorted(wanted),
        "idle_reason": idle_reason,
    }


def _running(seen, feeders):
    if feeders:
        return True
    return False if seen["processes"] and seen["processes"]["kernel"] else "unknown"


def _idle_reason(wanted):
    """Return why systemd does not start the feeders that are ``wanted`` (dict of ``_kernel.observe``) on this kernel; None where nothing says so."""
    limited = ["%s is for kernels %s" % (unit, kernels) for unit, kernels in sorted(wanted.items()) if kernels]
    return ", ".join(limited) if limited and len(limited) == len(wanted) else None


def _fake_source(arguments, own):
    """Return the fake source (str) that rngd's ``arguments`` (list of str) name, None where they name none; ``own`` (list of str) are more names for one."""
    for number, word in enumerate(arguments):
        option = _SOURCE_OPTION.match(word)
        value = option and (option.group(1) or "".join(arguments[number + 1:number + 2]))
        if value in FAKE_SOURCES or value in own:
            return value
    return None
