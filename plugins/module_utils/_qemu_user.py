# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As which user QEMU runs with a domain, in libvirt's words. Pure, but for the names in this machine's user database."""

import grp
import os
import pwd
import re

from ansible_collections.kvm.entropy.plugins.module_utils import _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._file_rights import User

# The label of the security driver DAC is USER:GROUP, each a name or, behind a plus sign, a number (virParseOwnershipIds in src/util/virutil.c).
_SECLABEL = re.compile(r"<seclabel\b([^>]*?)(?:/>|>(.*?)</seclabel>)", re.DOTALL)
_DAC = re.compile(r"\bmodel=['\"]dac['\"]")
_LABEL = re.compile(r"<label>([^<]*)</label>")


def of_host(capabilities):
    """Return the User of all domains that name no other, from libvirt's ``capabilities`` (XML, str); None where QEMU runs as the daemon itself does.

    libvirt says there what its qemu.conf, or its build, sets. A session daemon has no driver DAC.
    """
    for model in _virt_xml.parsed(capabilities).findall("host/secmodel"):
        label = model.findtext("baselabel")
        if model.findtext("model") == "dac" and label:
            ids = _ids(label)
            return ids and User(ids[0], ids[1], _further_groups(*ids))
    return None


def of_domain(xml, base):
    """Return the User (or None where it is not known) of the domain of ``xml`` (str) where others are ``base`` (User).

    Whether libvirt may label files (relabel) makes no difference: it changes the owner of no <rng> backend, whatever its dynamic_ownership
    (virSecurityDACSetAllLabel in src/security/security_dac.c, 4.0 to 11.3; seen with 9.0). The further groups are the base's (virSecurityDACGetIds).
    """
    for said, inner in _SECLABEL.findall(xml, xml.rfind("</devices>")):
        label = _DAC.search(said) and _LABEL.search(inner)
        if label:
            ids = _ids(label.group(1))
            return ids and User(ids[0], ids[1], base.groups)
    return base


def _ids(label):
    """Return (uid, gid) of a label (str), None where this machine does not know its names."""
    user, _colon, group = label.strip().partition(":")
    try:
        return _id(user, lambda name: pwd.getpwnam(name).pw_uid), _id(group, lambda name: grp.getgrnam(name).gr_gid)
    except (KeyError, ValueError):
        return None


def _id(name, looked_up):
    if name.startswith("+"):
        return int(name[1:])
    try:
        return looked_up(name)
    except KeyError:
        return int(name)


def _further_groups(uid, gid):
    """Return the groups (frozenset of int) that libvirt gives a process of ``uid``: those of the user database (virGetGroupList)."""
    try:
        return frozenset(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except (KeyError, OSError):
        return frozenset()
