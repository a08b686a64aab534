# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A judged row in words: one line with every link, then one line for each problem."""

from ansible_collections.kvm.entropy.plugins.module_utils._verdict import LINKS


def text_of(row):
    """Return the lines (list of str) that tell a person about ``row`` (dict, see ``_chain.chain``)."""
    links = "  ".join("%s %s" % (link.replace("_", " "), row["links"][link]) for link in LINKS)
    return ["%s: %s  [ %s ]" % (_name(row), row["verdict"].upper(), links)] + [
        "    %s: %s (%s) -> %s" % (one["code"], one["text"].rstrip("."), one["evidence"], one["remedy"])
        for one in row["problems"]]


def _name(row):
    """Return what a person calls the guest: its inventory name, its domain and its host, as far as they are known."""
    where = "domain %s on %s" % (row["domain"], row["host"]) if row["domain"] else None
    if row["guest"] is None:
        return where
    return "%s (%s)" % (row["guest"], where) if where and row["guest"] != row["domain"] else row["guest"]
