# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of a host's domains are meant: by name, by UUID, by glob, less the excluded."""

import fnmatch
import re

from ansible_collections.kvm.entropy.plugins.module_utils import _words
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_GLOB = re.compile(r"[*?\[]")


def select(domains, patterns, exclude, uri):
    """Return those of ``domains`` (objects with ``name`` and ``uuid``) that are meant, sorted by name, each once.

    A pattern means the domain of that very name, else the domain of that UUID, else every domain whose name matches it as a
    shell glob, case-sensitive. Globs may match nothing; raise EntropyError for the names and UUIDs that do.
    """
    index = _Index(domains)
    meant, unmatched = {}, []
    for pattern in patterns:
        found = index.matching(pattern)
        if not found and not _GLOB.search(pattern):
            unmatched.append(pattern)
        meant.update((domain.uuid, domain) for domain in found)
    if unmatched:
        raise EntropyError(
            f"no domain on {uri} has the name or UUID {_words.names(list(map(repr, unmatched)))}: nothing was changed. "
            f"It has {_known(domains)}. Correct 'domains', or use a glob for what may be missing.")
    for pattern in exclude:
        for domain in index.matching(pattern):
            meant.pop(domain.uuid, None)
    return sorted(meant.values(), key=lambda domain: domain.name)


def matcher(patterns):
    """Return a function that tells whether one of ``patterns`` (list of str: names, UUIDs and globs) means a domain. They may mean none."""
    def is_meant(domain):
        return any(_Index([domain]).matching(pattern) for pattern in patterns)
    return is_meant


class _Index:
    """Finds domains by name and UUID without a look at each, so that ten thousand names of ten thousand domains take no time."""

    def __init__(self, domains):
        self._domains = domains
        self._by_name = {domain.name: domain for domain in domains}
        self._by_uuid = {domain.uuid.replace("-", ""): domain for domain in domains}

    def matching(self, pattern):
        """Return the domains (list) that ``pattern`` means."""
        named = [self._by_name[pattern]] if pattern in self._by_name else []
        if _GLOB.search(pattern):
            matches = _compiled(pattern).match
            return named + [domain for domain in self._domains if matches(domain.name)]
        if not named and _UUID.fullmatch(pattern):
            found = self._by_uuid.get(pattern.replace("-", "").lower())
            return [found] if found else []
        return named


def _compiled(glob):
    try:
        return re.compile(fnmatch.translate(glob))
    except re.error as error:  # Before Python 3.10, of a range that is none, such as [z-a].
        raise EntropyError(f"found glob {glob!r}, expected a shell glob such as web-*: {error}: nothing was changed") from error


def _known(domains):
    names = sorted(domain.name for domain in domains)
    return _words.names(list(map(repr, names))) if names else "no domains at all"
