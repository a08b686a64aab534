# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look did not see for want of rights, and how to get them. Pure: from the facts' ``unseen``, also of those that an earlier version wrote."""

import re

from ansible_collections.kvm.entropy.plugins.module_utils._problems import problem

_UUID = "domain_uuid"
# What only the next boot depends on decides nothing where it was not seen.
_LATER = "initramfs"
# What it takes where the account is not root; where the look was made in a container, whoever made it; and where it was made as root.
ROOT, OUTSIDE, MORE_THAN_ROOT = "root", "root outside the container", "root with all capabilities"
# The remedy by what it takes. The words may be a machine's own: they choose among these, and nothing else.
_REMEDIES = (
    (OUTSIDE, "Root inside it is not enough. The container's kernel is that of the machine it runs on: put that machine into the inventory in its place, "
              "and look at it as root"),
    (MORE_THAN_ROOT, "The look was made as root already, without a right that root has: the service or the session that logs in takes a capability away "
                     "(CAP_SYSLOG for the log, CAP_SYS_PTRACE for processes) or confines it (SELinux, AppArmor). Look by a login that keeps them"),
)


def refused(facts):
    """Return what decides the machine's verdict, was refused and takes root (str), with the reasons; None where nothing was, or it is known otherwise."""
    return _words(one for one in _of_root(facts) if one.get("what") not in (_UUID, _LATER) and not _is_beside(one, facts))


def uuid_refused(facts):
    """Return why (str) ``facts`` (dict or None) have no domain UUID where that takes root; None where they have one or root would not help."""
    return _words(one for one in _of_root(facts or {}) if one.get("what") == _UUID)


def taken(container, is_root):
    """Return what (str) it takes to see what was refused to a look in ``container`` (str, or None: in none), made as root (``is_root``, bool) or not."""
    return OUTSIDE if container else MORE_THAN_ROOT if is_root else ROOT


def needs_root(evidence):
    """Return the problem (dict) that what decides was refused, with the remedy that fits what the ``evidence`` (str) says it takes."""
    found = problem("needs-root", evidence)
    remedy = next((remedy for words, remedy in _REMEDIES if re.search(r"; it takes %s\b" % words, evidence)), None)
    return dict(found, remedy=remedy) if remedy else found


def _of_root(facts):
    """Yield those of the facts' ``unseen`` (dicts) that root would see."""
    return (one for one in facts.get("unseen") or () if (one.get("needs") or "").startswith("root"))


def _is_beside(one, facts):
    """Return whether ``one`` (dict) of ``unseen`` is about a feeder alone of which it is known that it names no output of the kernel's as its source."""
    return (one.get("what") or "").startswith("feeder") and (facts.get("feeder") or {}).get("fake") != "unknown"


def _words(entries):
    return "; ".join("%s (%s; it takes %s)" % (one.get("what"), one.get("why"), one["needs"]) for one in entries) or None
