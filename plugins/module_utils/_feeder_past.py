# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder remembers of each source, as a kernel that changes to another one may change back. Pure."""

import collections

# A source that was plugged anew has a name of its own, so the names do not end. A machine has one to three sources at a time.
MOST_SOURCES = 16


class Past:
    """One record per source; of more than MOST_SOURCES the one that was asked for least recently is forgotten."""

    def __init__(self, new):
        """``new()`` returns the record of a source that is not known."""
        self._new = new
        self._records = collections.OrderedDict()

    def of(self, name):
        """Return the record of the source ``name`` (str, or None for the only one)."""
        if name not in self._records:
            self._records[name] = self._new()
        self._records.move_to_end(name)
        if len(self._records) > MOST_SOURCES:
            self._records.popitem(last=False)
        return self._records[name]

    def forget(self):
        """Know no source any more."""
        self._records.clear()
