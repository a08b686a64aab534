# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of a host's domains are meant: by name, by UUID, by glob, less the excluded."""

import fnmatch
import re

from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_GLOB = re.compile(r"[*?\[]")


def select(domains, patterns, exclude, uri):
    """Return those of ``domains`` (objects with ``name`` and ``uuid``) that are meant, sorted by name, each once.

    A pattern means the domain of that very name, else the domain of that UUID, else every domain whose name matches it as a
    shell glob, case-sensitive. Globs may match nothing; raise EntropyError for the names and UUIDs that do.
    """
    meant, unmatched = {}, []
    for pattern in patterns:
        found = _matching(domains, pattern)
        if not found and not _GLOB.search(pattern):
            unmatched.append(pattern)
        meant.update((domain.uuid, domain) for domain in found)
    if unmatched:
        raise EntropyError(
            f"no domain on {uri} has the name or UUID {', '.join(map(repr, unmatched))}: nothing was changed. "
            f"It has {_known(domains)}. Correct 'domains', or use a glob for what may be missing.")
    for pattern in exclude:
        for domain in _matching(domains, pattern):
            meant.pop(domain.uuid, None)
    return sorted(meant.values(), key=lambda domain: domain.name)


def _matching(domains, pattern):
    named = [domain for domain in domains if domain.name == pattern]
    if _GLOB.search(pattern):
        matches = re.compile(fnmatch.translate(pattern)).match
        return named + [domain for domain in domains if matches(domain.name)]
    if not named and _UUID.fullmatch(pattern):
        wanted = pattern.replace("-", "").lower()
        return [domain for domain in domains if domain.uuid.replace("-", "") == wanted]
    return named


def _known(domains, most=10):
    names = sorted(domain.name for domain in domains)
    if not names:
        return "no domains at all"
    rest = len(names) - most
    return ", ".join(map(repr, names[:most])) + (f" and {rest} more" if rest > 0 else "")
