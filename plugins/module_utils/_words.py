# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words about many domains that stay short, however many there are and whatever libvirt says of each. Pure."""

import collections

from ansible_collections.kvm.entropy.plugins.module_utils import _bounds

# At most so many reasons are told in the message of a failure, together in so many characters, and so many domains named for one of them; the
# rows have more.
_MOST_REASONS = 20
_MOST_MESSAGE = 20000
MOST_NAMED = 10

# What libvirt says of one domain, with its devices where they could not be put back, has place in this; what is longer is cut.
_MOST_REASON = 2000
# No domain of QEMU has a longer name, as its definition is a file of that name (NAME_MAX in Linux's include/uapi/linux/limits.h).
MOST_NAME = 255


def names(found, between=", "):
    """Return the first of the names ``found`` (list of str) in words, with ``between`` (str) between two, and how many more there are."""
    rest = len(found) - MOST_NAMED
    return between.join(cut(name, MOST_NAME) for name in found[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def reason(text):
    """Return the reason ``text`` (str or None) as a row has it."""
    return text and cut(text, _MOST_REASON)


def failure(failed, number, what="failed"):
    """Return the message that names each domain of ``failed`` (list of (name, why)), of ``number`` that were meant, and why; or None."""
    if not failed:
        return None
    by_reason = collections.OrderedDict()
    for name, why in failed:
        by_reason.setdefault(why, []).append(name)
    all_told = [f"{'domain' if len(which) == 1 else 'domains'} {names(which)}: {reason(why)}" for why, which in by_reason.items()]
    told = _bounds.fitting(all_told[:_MOST_REASONS], _MOST_MESSAGE)
    rest = len(all_told) - len(told)
    return f"{len(failed)} of {number} domains {what}. " + ". ".join(told) + (f". And {rest} more reasons" if rest else "")


def cut(text, most):
    """Return ``text`` (str), or its first ``most`` (int) characters, the last of them an ellipsis."""
    return text if len(text) <= most else text[:most - 1] + "…"
