# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter kvm.entropy.chain."""

from ansible.errors import AnsibleFilterError
from ansible_collections.kvm.entropy.plugins.plugin_utils._chain import chain
from ansible_collections.kvm.entropy.plugins.plugin_utils._schema import MisfitError, moment, shown

DOCUMENTATION = r"""
name: chain
short_description: Join hosts' domains and guests' facts into one judged row per guest
version_added: 0.1.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Joins what KVM hosts know of their domains with what guests know of themselves, by the guest's domain UUID, and judges each link of
    the chain from the host's random number generator to the guest's first key.
  - A pure function. It reads nothing but its parameters.
  - A half that does not fit the schema of this collection's facts is the problem V(bad-facts) of its own row, and a wrong C(uuid) or C(expect)
    the problem V(bad-variable). All other halves are judged.
options:
  _input:
    description:
      - The hosts, a dictionary from a host's name to its half.
      - A half has the keys C(domains) (its fact C(entropy_domains)), C(entropy) (its fact C(entropy)), C(error) (why it did not answer
        in this run), C(look_failed) (why the look at it failed though it answered; since 0.7.0) and C(expect). Each may be absent or null.
    type: dict
    required: true
  guests:
    description:
      - The guests, a dictionary from a guest's name to its half.
      - A half has the keys C(entropy) (its fact C(entropy)), C(error) (why it did not answer in this run), C(look_failed), C(uuid) (its domain's UUID,
        where the platform does not tell) and C(expect) (V(auto), V(host-only) or V(guest-only)). Each may be absent or null.
    type: dict
    required: true
  now:
    description: The time that ages are counted from, in seconds since 1970 UTC.
    type: int
    required: true
  max_age:
    description: Facts older than this, in seconds, are stale and count as not seen.
    type: int
    default: 86400
"""

EXAMPLES = r"""
- name: Judge one guest whose host nobody looked at
  ansible.builtin.debug:
    msg: "{{ {} | kvm.entropy.chain({'web-1': {'entropy': hostvars['web-1']['ansible_facts']['entropy'], 'expect': 'guest-only'}},
      now=(now(utc=true) - '1970-01-01 00:00:00' | to_datetime).total_seconds() | int) }}"
"""

RETURN = r"""
_value:
  description:
    - One row per guest, and one per domain that no guest claims, worst first. A host has a row of its own, without guest and domain, where no other row
      is about it and it was not seen, or its own generator cannot be relied upon.
    - A row has C(guest), C(domain), C(domain_state), C(uuid), C(host) (each null where not known), C(links) (a dictionary from each of C(host), C(config),
      C(live), C(current), C(fed), C(ready), C(in_time) to V(ok), V(broken), V(unknown) or V(n/a)), C(verdict) (V(ok), V(degraded),
      V(broken) or V(unknown)), C(problems) (each with C(code), C(text), C(remedy), C(evidence)), C(guest_age) and C(host_age),
      the age of each half in seconds, null where there is none, and C(text), the same in lines for a person.
  type: list
  elements: dict
"""


_WHOLE = moment(10 ** 12)


def judged_rows(hosts, guests, now, max_age=86400):
    """Return the rows of ``_chain.chain``; raise AnsibleFilterError where a parameter is not of its kind."""
    for what, halves in (("hosts", hosts), ("guests", guests)):
        if not isinstance(halves, dict):
            raise AnsibleFilterError("kvm.entropy.chain: %s must be a dictionary from names to halves, found %s" % (what, shown(halves)))
    seconds = []
    for what, value in (("now", now), ("max_age", max_age)):
        try:
            # A template may have made a float of it.
            seconds.append(_WHOLE(int(value) if isinstance(value, float) and value.is_integer() else value))
        except MisfitError as misfit:
            raise AnsibleFilterError("kvm.entropy.chain: %s" % misfit.at(what)) from misfit
    return chain(hosts, guests, *seconds)


class FilterModule:
    """Tell Ansible the collection's filter."""

    def filters(self):
        """Return the filters (dict: name to function)."""
        return {"chain": judged_rows}
