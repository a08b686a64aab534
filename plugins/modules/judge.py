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
    description: How many guests may be unknown before RV(failure) tells so. V(-1) is any number.
    type: int
    default: -1
  max_results:
    description:
      - Of how many guests RV(told) has the lines, the worst first, as far as ansible-runner keeps them in an event (700,000 characters). The rest is counted.
      - V(0) is all of them.
    type: int
    default: 500
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
    description: It changes nothing.
  platform:
    support: full
    platforms: all
    description: It works on the controller.
extends_documentation_fragment: []
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
      that nothing tells when the CRNG became ready.
  type: dict
  returned: success
  sample: {broken: 1, degraded: 0, ok: 998, unknown: 1, not_proven: 3}
told:
  description: The lines for a person. Those of each guest that is not ok (of all with C(-v)), the worst first, what is left out, and the counts.
  type: list
  elements: str
  returned: success
failure:
  description: Why the job fails, V(null) where it does not.
  type: str
  returned: success
"""
