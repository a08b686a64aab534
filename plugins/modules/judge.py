# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action kvm.entropy.judge, which works on the controller: plugins/action/judge.py."""

DOCUMENTATION = r"""
module: judge
short_description: Judge the chain from the host to the key for every guest, by the facts that hostvars has
version_added: 0.3.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Reads the facts of hosts (C(entropy_domains), C(entropy)) and guests (C(entropy)) through C(hostvars), from this run or from a fact cache,
    and joins and judges them as P(kvm.entropy.chain#filter) does. It looks at no machine.
  - Prints the lines for a person, each guest's as one text, unless the stdout callback prints JSON.
  - With C(--limit), it judges the hosts and guests of the limit, and the domains of these hosts. Cached facts of the others are used to join them, and the
    others are counted. C(--limit localhost) judges all by what is cached.
  - What the role P(kvm.entropy.verify#role) does its work with. Its result is hidden from callbacks, so that no event carries ten
    thousand rows; register it.
options:
  hosts:
    description: The inventory names of the KVM hosts.
    type: list
    elements: str
    default: []
  guests:
    description: The inventory names of the guests.
    type: list
    elements: str
    default: []
  hosts_group:
    description: The group that O(hosts) are taken from, for the message of a run that has nobody to judge.
    type: str
    version_added: 0.7.0
  guests_group:
    description: The group that O(guests) are taken from, for the message of a run that has nobody to judge.
    type: str
    version_added: 0.7.0
  expect:
    description: What can be seen of a host or guest that does not say so itself by C(entropy_verify_expect).
    type: str
    choices: [auto, host-only, guest-only]
    default: auto
  max_age:
    description: Facts older than this, in seconds, are stale and judge nothing.
    type: int
    default: 86400
  fail_on:
    description: The verdicts for which RV(failure) tells why the job fails. This action itself never fails for a verdict.
    type: list
    elements: str
    choices: [broken, degraded, unknown, ok]
    default: [broken]
  max_unknown:
    description:
      - How many hosts and guests of the inventory may be unknown before RV(failure) tells so. V(-1) is any number.
      - Guests whose domain is off, as their host says, do not count. Domains that are no guest's of the inventory count only where nothing is known of
        anybody.
      - The default was V(-1) before 0.7.0.
    type: int
    default: 0
  min_judged:
    description:
      - How many hosts and guests there must be to judge, at least. With fewer, this action fails and says why. V(0) allows none.
      - Hosts at which nobody looks (C(entropy_verify_expect=guest-only)) do not count.
    type: int
    default: 1
    version_added: 0.7.0
  max_results:
    description:
      - Of how many guests RV(told) has the lines, the worst first, as far as ansible-runner keeps them in an event (700,000 characters). The rest is counted.
      - V(0) is all of them.
    type: int
    default: 500
  max_names:
    description: How many names each list of RV(stats) has, at most.
    type: int
    default: 100
    version_added: 0.7.0
  role_variables:
    description:
      - Takes every option that is not given from the variables of the role P(kvm.entropy.verify#role), as localhost has them by the play, the inventory and
        C(-e). Neither facts nor the variables of the host on which the play happens to run count.
    type: bool
    default: false
    version_added: 0.7.0
  check_only:
    description: Checks the options, and whether there is anybody to judge, and judges nobody.
    type: bool
    default: false
    version_added: 0.7.0
extends_documentation_fragment:
  - kvm.entropy._attributes.controller
"""

EXAMPLES = r"""
- name: Judge every guest
  kvm.entropy.judge:
    hosts: "{{ groups['kvm_hosts'] }}"
    guests: "{{ groups['kvm_guests'] }}"
  register: judged

- name: Name those that are broken
  ansible.builtin.debug:
    msg: "{{ judged.rows | from_json | selectattr('verdict', 'equalto', 'broken') | map(attribute='guest') }}"
"""

RETURN = r"""
rows:
  description: Every row as P(kvm.entropy.chain#filter) returns it, worst first, as JSON. A text, so that only who reads it pays for ten thousand rows.
  type: str
  returned: success
counts:
  description:
    - How many guests have each verdict, and how many of those that are ok are C(not_proven) (since 0.7.0) - no log goes back to their boot any more, so
      that nothing tells when the CRNG became ready. Rows of hosts, of which no domains are known, are none.
  type: dict
  returned: success
  sample: {broken: 1, degraded: 0, ok: 998, unknown: 1, not_proven: 3}
told:
  description:
    - The lines for a person. Those of each guest that is not ok (of all with C(-v)), the worst first, what is left out, the counts, and over how many hosts,
      guests and other domains was judged.
  type: list
  elements: str
  returned: success
failure:
  description: Why the job fails, V(null) where it does not. In check mode never for a verdict.
  type: str
  returned: success
stats:
  description: What the role hands to the job with M(ansible.builtin.set_stats).
  type: dict
  returned: success
  version_added: 0.7.0
  contains:
    entropy_verdicts:
      description: The same as RV(counts).
      type: dict
    entropy_judged:
      description: How many C(hosts) and C(guests) were judged, and how many the limit left out (C(hosts_left_out), C(guests_left_out)).
      type: dict
    entropy_limit:
      description:
        - A limit for Ansible that names the broken and degraded guests, those with a broken link, and their hosts, the worst first, at most O(max_names)
          names.
        - V(!all) where there are none, with which Ansible ends with an error. An empty limit would be everybody.
      type: str
      sample: web-1.example.org,kvm1.example.org
    entropy_limit_omitted:
      description: How many of these guests RV(stats.entropy_limit) has no room for.
      type: int
    entropy_broken:
      description: The names of the broken guests, the first O(max_names).
      type: list
      elements: str
    entropy_pending:
      description: The names of the guests that wait for a restart, the first O(max_names).
      type: list
      elements: str
    entropy_pending_count:
      description: How many guests wait for a restart.
      type: int
"""
