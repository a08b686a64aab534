# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which feeder a guest is to have, and why. Pure: from its facts and what is asked for."""

from collections import namedtuple

NONE, RNGD, PYTHON = "none", "rngd", "python"
AUTO, ALWAYS = "auto", "always"
WISHES = (AUTO, NONE, RNGD, PYTHON, ALWAYS)

# rngd gives the rewritten generator its bytes once, when it starts, and then waits for a thirst that never comes again; from 6 on it reseeds every 300 s.
_RESEEDING = 6

_PYTHON_FEEDER = "entropy-feeder"
# What role guest can remove. The names among a guest's facts are its own words.
_REMOVABLE = ("rngd", "haveged", "jitterentropy-rngd", _PYTHON_FEEDER)
_PROGRAMS = {NONE: (), RNGD: ("rngd",), PYTHON: (_PYTHON_FEEDER,)}


class Choice(namedtuple("Choice", "feeder reason applicable remove refused")):
    """``feeder`` (NONE, RNGD or PYTHON) and the ``reason`` (str); whether what was asked for is ``applicable`` here (bool); the programs to ``remove`` (list
    of str); why it is ``refused`` (str or None)."""


def choose(facts, wish, rngd=None, remove_useless=False):
    """Return the Choice for a guest with these ``facts`` (the dict of ``entropy_facts``).

    ``wish`` is one of WISHES; ``rngd`` (int or None) is the generation of its distribution's rngd, None where none is known; with ``remove_useless`` (bool)
    feeders that add nothing, or harm, are to go.
    """
    if facts["container"]:
        return Choice(NONE, "no feeder", False, [], "this is a container (%s): the kernel and its pool are its host's. Give the feeder to the host" % (
            facts["container"]))
    feeder, reason, applicable = _wished(facts, wish, rngd)
    if feeder == RNGD and rngd is None:
        return Choice(NONE, reason, True, [], "no package with rngd is known for this distribution: set entropy_guest_rngd, or entropy_guest_feeder to python")
    useless = _useless(facts, feeder, rngd) if remove_useless and applicable else []
    return Choice(feeder, reason, applicable, useless, None)


def _wished(facts, wish, rngd):
    if wish == ALWAYS:
        if facts["fips"] is True:
            return NONE, "not applicable: in FIPS mode the kernel's generator is another, and the rules that ask for rngd except it", False
        return RNGD, "a policy asks for rngd, whatever the kernel does", True
    if wish != AUTO:
        return wish, "it is asked for", True
    return _needed(facts, rngd) + (True,)


def _needed(facts, rngd):
    """Return (feeder, reason) where the guest's own need decides."""
    feeder = facts["feeder"]
    needed, why = feeder["needed"], feeder["needed_evidence"]
    if needed is not True:
        return NONE, why if needed is False else "not known whether one is needed: %s" % why
    if facts["confidential"] is True:
        return NONE, "%s; a confidential guest must not take its host's bytes for secret. Choose rngd or python where you trust this source" % why
    if _PYTHON_FEEDER in feeder["all"]:
        return PYTHON, "%s; entropy-feeder is there already" % why
    if rngd is None:
        return PYTHON, "%s; no package with rngd is known for this distribution" % why
    if not _reseeds(rngd, facts):
        return PYTHON, "%s; rngd %d gives this kernel its bytes once and never again" % (why, rngd)
    return RNGD, why


def _reseeds(rngd, facts):
    """Return whether an rngd of this generation (int) goes on feeding the kernel (bool)."""
    return rngd >= _RESEEDING or facts["kernel"]["generation"] != "rewritten"


def _useless(facts, chosen, rngd):
    """Return which programs (list of str) are there and add nothing."""
    feeder = facts["feeder"]
    kept = _PROGRAMS[chosen]
    if chosen == RNGD and feeder["needed"] is True and not _reseeds(rngd, facts):
        # A policy has its rngd, and the kernel what feeds it.
        kept += (_PYTHON_FEEDER,)
    others = [name for name in dict.fromkeys(feeder["all"]) if name in _REMOVABLE and name not in kept]
    return others if chosen != NONE or feeder["useful"] is False else []
