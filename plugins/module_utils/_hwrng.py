# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose the kernel's current source and its quality, now and at every boot: decide all, then act, then read back."""

import re

from ansible_collections.kvm.entropy.plugins.module_utils import _hwrng_rule
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

NONE = "none"
# The kernel's own buffer for such a name is a page (drivers/char/hw_random/core.c, rng_current_store()); no driver's has more than 20 characters.
LONGEST_NAME = 64
VIRTIO_RNG = "virtio_rng"
# drivers/char/hw_random/virtio-rng.c declares 1000 until 6.2, and then nothing, which the core takes for its maximum: in every kernel at least this.
VIRTIO_QUALITY = 1000


def make_so(sources, rule, wanted, check_mode):
    """Make the kernel's choice what is ``wanted`` (dict: source, quality, persist, force) and return the module's result (dict).

    ``sources`` is a ``_kernel_hwrng.Sources`` and ``rule`` a ``_hwrng_rule.Rule``, or what behaves like them. Raise EntropyError; all is as before then.
    """
    state = sources.state()
    before = {"current": state["current"], "quality": state["quality"], "rule": rule.read()}
    after = plan(state, before, wanted, rule.can_be_written())
    changed = after != before
    if changed and not check_mode:
        after = _act(sources, rule, before, after)
    return {"changed": changed, "available": state["available"], "before": before, "after": after, "diff": {"before": before, "after": after}}


def plan(state, before, wanted, has_udev):
    """Return what shall be (dict: current, quality, rule). Pure.

    ``state`` is of ``Sources.state()``, ``before`` what is (current, quality, rule), ``has_udev`` (bool) whether a rule has a place.
    A quality of None in the result of a source that is not current yet is what its driver declares. Raise EntropyError for what is refused.
    """
    name = _chosen(state, wanted["source"])
    if wanted["persist"] and not has_udev:
        raise EntropyError("source %s: cannot be persisted: this system has no folder for %s, so no udev. Set persist to false."
                           % (wanted["source"], _hwrng_rule.PATH))
    if wanted["quality"] is not None:
        _check_quality(state, name, wanted["quality"], wanted["force"])
    own_quality = state["quality"] if name == state["current"] else None
    return {
        "current": name,
        "quality": own_quality if wanted["quality"] is None else wanted["quality"],
        "rule": _hwrng_rule.text(wanted["source"], wanted["quality"]) if wanted["persist"] else None,
    }


def _chosen(state, source):
    """Return the available name (str) that ``source`` (str: a driver's prefix or a name) means: the current one where it fits, else the first."""
    if not re.match(r"[A-Za-z0-9_.:-]{1,%d}\Z" % LONGEST_NAME, source):
        raise EntropyError("source %s: no name of a source: expected at most %d letters, digits and _ . : -" % (ascii(source[:LONGEST_NAME]), LONGEST_NAME))
    fitting = [name for name in state["available"] if name == source or name.startswith((source + ".", source + "-"))]
    if not fitting:
        raise EntropyError("source %s: this kernel has none. Available: %s." % (source, " ".join(state["available"]) or "nothing"))
    return state["current"] if state["current"] in fitting else fitting[0]


def _check_quality(state, name, quality, force):
    if not 0 <= quality <= 1024:
        raise EntropyError("source %s: quality %d: expected 0 to 1024, the bits of entropy in 1024 bits" % (name, quality))
    if name == NONE:
        raise EntropyError("source none: it has no quality. Leave quality out.")
    if not state["has_quality"]:
        raise EntropyError("source %s: quality %d cannot be set: this kernel has no rng_quality (5.18 and newer have). Leave quality out: "
                           "its driver's own is used, unless the kernel command line or a parameter of rng_core says otherwise." % (name, quality))
    declared = [VIRTIO_QUALITY] if name.startswith(VIRTIO_RNG) else []
    if name == state["current"] and state["quality"] is not None:
        declared.append(state["quality"])
    if not force and (not declared or quality > max(declared)):
        raise EntropyError("source %s: quality %d is more than %s. To claim more entropy than the driver does, set force to true." % (
            name, quality, "the %d that its driver declares" % max(declared) if declared
            else "is known of it, as it is not current: choose it without quality first"))


def _act(sources, rule, before, after):
    """Do what ``plan`` decided and return what is then (dict). Raise EntropyError; all is as before then."""
    try:
        _tell_kernel(sources, after)
        seen = sources.state()
        _compare(seen, after)
        if after["rule"] != before["rule"]:
            rule.write(after["rule"])
    except EntropyError as error:
        raise EntropyError("%s %s" % (error, _restored(sources, before))) from error
    return {"current": seen["current"], "quality": seen["quality"], "rule": after["rule"]}


def _tell_kernel(sources, after):
    # A quality belongs to the current source, so that has to be the right one first.
    if sources.state()["current"] != after["current"]:
        sources.choose(after["current"])
    if after["quality"] is None or sources.quality() == after["quality"]:
        return
    sources.set_quality(after["quality"])
    # That made the kernel choose again and forget the user's choice (rng_quality_store() in drivers/char/hw_random/core.c) ...
    sources.choose(after["current"])
    # ... and choosing makes 6.2 and newer take 0 for "not declared" and cap at rng_core.default_quality (hwrng_init()).
    if sources.quality() != after["quality"]:
        sources.set_quality(after["quality"])


def _compare(seen, after):
    if seen["current"] != after["current"] or after["quality"] not in (None, seen["quality"]):
        raise EntropyError("source %s: the kernel was told %s%s, and has %s of quality %s." % (
            after["current"], after["current"], "" if after["quality"] is None else " of quality %d" % after["quality"],
            seen["current"], seen["quality"]))


def _restored(sources, before):
    """Give the kernel its choice ``before`` (dict) back and return what to say of it (str)."""
    try:
        _tell_kernel(sources, before)
        _compare(sources.state(), before)
    except EntropyError as error:
        return "Giving back what was before (%s of quality %s) failed too: %s" % (before["current"], before["quality"], error)
    return "All is as it was before."
