# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that feed the kernel, as its process list shows them. Pure: from observations."""

# The kernel's own output: what comes from there and is credited again is no new entropy.
FAKE_SOURCES = ("/dev/urandom", "/dev/random")
_SOURCE_OPTIONS = ("-r", "--rng-device")
_NAMES = {"jitterentropy-r": "jitterentropy-rngd"}


def feeder_facts(seen, filling, generation):
    """Return the ``feeder`` facts (dict): which (str or None), running (tri-state), useful (tri-state, None without a feeder), fake (path or None)."""
    if seen["processes"] is None:
        return {"which": None, "running": "unknown", "useful": None, "fake": None}
    feeders = seen["processes"]["feeders"]
    if not feeders:
        return {"which": None, "running": False if seen["processes"]["kernel"] else "unknown", "useful": None, "fake": None}
    fakes = [fake for fake in (_fake_source(feeder["arguments"]) for feeder in feeders if feeder["name"] == "rngd") if fake]
    useful = "unknown"
    if fakes or (filling is True and generation == "rewritten"):
        useful = False
    return {
        "which": _NAMES.get(feeders[0]["name"], feeders[0]["name"]),
        "running": True,
        "useful": useful,
        "fake": fakes[0] if fakes else None,
    }


def _fake_source(arguments):
    """Return the fake source (str) that rngd's ``arguments`` (list of str) name, None where they name none."""
    for number, word in enumerate(arguments):
        value = ""
        if word in _SOURCE_OPTIONS:
            value = "".join(arguments[number + 1:number + 2])
        elif word.startswith("--rng-device="):
            value = word.partition("=")[2]
        elif word.startswith("-r"):
            value = word[2:].lstrip("=")
        if value in FAKE_SOURCES:
            return value
    return None
