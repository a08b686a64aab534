# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look did not see for want of rights. Pure: from the facts' ``unseen``, also of those that an earlier version of the collection wrote."""

_UUID = "domain_uuid"
# What only the next boot depends on decides nothing where it was not seen.
_LATER = "initramfs"


def refused(facts):
    """Return what decides the machine's verdict, was refused and takes root (str), with the reasons; None where nothing was, or it is known otherwise."""
    return _words(one for one in _of_root(facts) if one.get("what") not in (_UUID, _LATER) and not _is_beside(one, facts))


def uuid_refused(facts):
    """Return why (str) ``facts`` (dict or None) have no domain UUID where that takes root; None where they have one or root would not help."""
    return _words(one for one in _of_root(facts or {}) if one.get("what") == _UUID)


def _of_root(facts):
    """Yield those of the facts' ``unseen`` (dicts) that root would see."""
    return (one for one in facts.get("unseen") or () if (one.get("needs") or "").startswith("root"))


def _is_beside(one, facts):
    """Return whether ``one`` (dict) of ``unseen`` is about a feeder alone of which it is known that it names no output of the kernel's as its source."""
    return (one.get("what") or "").startswith("feeder") and (facts.get("feeder") or {}).get("fake") != "unknown"


def _words(entries):
    return "; ".join("%s (%s; it takes %s)" % (one.get("what"), one.get("why"), one["needs"]) for one in entries) or None
