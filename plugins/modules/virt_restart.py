#!/usr/bin/python
# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: virt_restart
short_description: Power off and start the domains that wait for their new virtio-rng device
version_added: 0.2.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Restarts the domains that run with another C(<rng>) than their definition has, as a reboot inside the guest never brings a new definition. All
    others are left alone, so a second run does nothing.
  - Gently. The guest is asked to power off, by its agent where that talks, else by ACPI. When it is off, it is started, and seen to come up, before the
    next one is asked.
  - A guest that does not power off in time runs on. It is destroyed only with O(force=true).
  - Starts the guests that an earlier run asked to power off and did not start because it was killed. RV(left_off) names them.
  - A domain that libvirt does not start, or that is not seen up, ends the run after those that are on their way, as the next one might share its trouble.
options:
  domains:
    description: Names, UUIDs and shell globs of the domains that are meant, as in M(kvm.entropy.virt_rng). V(*) means all.
    type: list
    elements: str
    required: true
  exclude:
    description: Names, UUIDs and globs of domains that are not meant after all. They may match nothing.
    type: list
    elements: str
    default: []
  shutdown_timeout:
    description: How long a guest has to power off, in seconds, counted from when it is asked. With an agent that talks, libvirt itself may wait for up to 60.
    type: int
    default: 120
  force:
    description:
      - Whether a guest that has not powered off by then is destroyed, as if its power were cut. What its disks had not been told yet is lost.
    type: bool
    default: false
  wait_for:
    description:
      - What tells that a guest is up after its start.
      - V(agent) - its guest agent opens its channel. No command is sent to it. A domain whose definition has no channel C(org.qemu.guest_agent.0) is
        refused.
      - V(auto) - its agent, where that talks now; else a write to one of its disks; else a packet that it sends, on an interface that the host counts (one
        with a device on the host). Firmware does none of these by itself, but for network boot. Where there is none of them, nothing is waited for.
      - V(nothing) - the start itself is enough.
    type: str
    choices: [auto, agent, nothing]
    default: auto
  up_timeout:
    description: How long a guest has to come up, in seconds.
    type: int
    default: 300
  at_once:
    description: How many domains of this host may be off at the same time.
    type: int
    default: 1
  max_changes:
    description: Refuse, before anything is done, to restart more domains than this. V(0) is no limit.
    type: int
    default: 0
  managed_elsewhere:
    description:
      - What to do with domains that OpenStack, oVirt, KubeVirt, OpenNebula, CloudStack or ZStack start by themselves.
      - V(refuse) - they are skipped, and their rows say where to restart them.
      - V(allow) - they are treated as all others.
    type: str
    choices: [refuse, allow]
    default: refuse
  max_results:
    description:
      - How many rows RV(domains) has at most; V(0) is none. RV(truncated) counts those that are left out.
      - They are fewer where the result, diffs included, would be longer than ansible-runner keeps it (700,000 characters, its C(MAX_EVENT_RES) and
        AWX's C(MAX_EVENT_RES_DATA)); it would empty the event.
    type: int
    default: 500
notes:
  - Refused for domains that would not come back with their definition - those with a managed save, with an C(on_poweroff) other than C(destroy), paused or
    suspended ones, and since 0.7.0 those whose C(<rng>) QEMU could not open, because the backend is missing or not to be read by QEMU's user, nobody listens
    where it connects, or its port is in use. They run on. Transient domains have no definition to wait for.
  - Each domain is decided about again when its turn comes. One that was restarted, saved, paused or taken up by a job meanwhile is not asked.
  - Check mode needs no right to change anything. It predicts that guests power off when asked, and come up.
  - Where an agent talks, libvirt may answer only when the guest is off, or after 60 seconds. For so long nothing else is done - with O(at_once) above
    V(1) guests are asked one after the other, one that is off meanwhile is started that much later, and so is a signal heeded.
  - A guest that powers off after O(shutdown_timeout) is started as long as the run goes on. One that does so later stays off, as the failure says, until
    the next run.
  - A run that gets SIGTERM, SIGHUP or SIGINT asks no further guest. Those that were asked already are started when they are off.
  - A run that is killed (SIGKILL, or its host's power), or loses its connection to libvirt, may leave guests off that it asked to power off. The next run
    with the same O(uri), as the same user and on the same machine, starts those of them that O(domains) selects, and warns of the others.
  - It warns of them and does not start them where that was more than 24 hours ago, where the machine was started anew since (a boot starts only domains that
    are marked autostart), and where the domain was migrated, saved, reverted to a snapshot, renamed or defined anew under another name since. Each of those is
    named once. That somebody started it and powered it off again is not seen. Before you leave a domain off on purpose, run this once more, or exclude it.
  - For that, a file for each guest that is asked is kept until it was started, below C(/var/lib/kvm-entropy/restart), for other users than root
    C(~/.local/state/kvm-entropy/restart), with C(XDG_STATE_HOME) below that. Where it cannot be written the run does its work and warns.
seealso:
  - module: kvm.entropy.virt_rng
  - module: kvm.entropy.virt_rng_info
extends_documentation_fragment:
  - kvm.entropy._virt
  - kvm.entropy._attributes
  - kvm.entropy._attributes.changes
  - kvm.entropy._attributes.linux
  - kvm.entropy._attributes.actiongroup_virt
"""

EXAMPLES = r"""
- name: Bring the new device to all web servers that wait for it, one after the other
  kvm.entropy.virt_restart:
    domains: ["web-*"]

- name: In the maintenance window, also those that do not answer
  kvm.entropy.virt_restart:
    domains: ["*"]
    exclude: ["db-*"]
    shutdown_timeout: 300
    force: true
    at_once: 4
"""

RETURN = r"""
missing_library:
  description: The Python library that this host lacks.
  returned: when libvirt's bindings are missing
  type: str
  sample: libvirt
unreachable_uri:
  description: The O(uri) of a daemon that does not answer.
  returned: when libvirt could not be reached
  type: str
  sample: qemu:///system
summary:
  description: How many domains ended how. RV(summary.matched) is the sum of the others.
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: dict
  contains:
    matched:
      description: Domains that were meant.
      type: int
      sample: 40
    unchanged:
      description: Domains that do not wait for their definition, or did so no more when their turn came.
      type: int
      sample: 37
    changed:
      description: Domains that were restarted, or started where an earlier run had left them off.
      type: int
      sample: 2
    skipped:
      description: Domains that wait and belong to somebody else (O(managed_elsewhere)).
      type: int
      sample: 0
    failed:
      description: Domains that wait and could not be restarted, wholly or in part.
      type: int
      sample: 1
domains:
  description: One row per domain that waited, at most O(max_results) - failed ones first, then restarted and skipped ones, each by name.
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: list
  elements: dict
  contains:
    name:
      description: The domain's name.
      type: str
      sample: web-1
    uuid:
      description: The domain's UUID.
      type: str
      sample: 2c12a822-84af-424b-91cf-7470bde43aa8
    state:
      description: The state in which it was found, in the words of C(virsh domstate).
      type: str
      sample: running
    changed:
      description: Whether it was powered off or started.
      type: bool
      sample: true
    failed:
      description: Whether it still waits, is off, or was not seen up.
      type: bool
      sample: false
    skipped:
      description: Whether it was left to somebody else.
      type: bool
      sample: false
    result:
      description:
        - How it ended. C(done), C(unchanged), C(busy) (a job such as a migration or backup holds it), C(refused) (nothing was done),
          C(not_off) (the guest did not power off and runs on), C(not_started) (it is off), C(not_up) (started, and not seen up in time),
          C(not_reached) (the run ended before its turn).
      type: str
      sample: done
    reason:
      description: Why it did not end as C(done), and what to do; or that an earlier run had left it off. Null where there is nothing to say.
      type: str
      sample: null
    before:
      description: The devices that ran, in the form of the options of M(kvm.entropy.virt_rng). Null where an earlier run had left the domain off.
      type: list
      elements: dict
      sample: []
    after:
      description: The devices of the definition, which a start brings.
      type: list
      elements: dict
      sample: [{"backend": "random", "path": "/dev/urandom", "rate_bytes": 1024, "rate_period": 1000, "model": "virtio", "driver": {}}]
    up_by:
      description: What was waited for - C(agent), C(disk), C(interface) or C(nothing). Null where it was not to be restarted.
      type: str
      sample: agent
left_off:
  version_added: 0.6.0
  description:
    - The domains that an earlier run asked to power off and did not start, because it was killed or lost its connection, and that were off when this run began.
    - At most some 300, in 50,000 characters.
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: list
  elements: dict
  contains:
    name:
      description: The domain's name at that time.
      type: str
      sample: web-1
    uuid:
      description: The domain's UUID.
      type: str
      sample: 2c12a822-84af-424b-91cf-7470bde43aa8
    asked_at:
      description: When it was asked to power off, in seconds since 1970 UTC.
      type: int
      sample: 1795583008
    started:
      description: Whether this run has started it, or in check mode would.
      type: bool
      sample: true
    reason:
      description: Why it was not started. Null where it was.
      type: str
      sample: null
unchecked:
  version_added: 0.7.0
  description: What may keep a domain from starting again and could not be checked. With the O(uri) of another machine no backend is looked at.
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: list
  elements: str
  sample: []
truncated:
  description: How many of the rows are left out of RV(domains).
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: int
  sample: 0
"""

from ansible_collections.kvm.entropy.plugins.module_utils import _virt_bindings, _virt_restart
from ansible_collections.kvm.entropy.plugins.module_utils._errors import exit_with
from ansible_collections.kvm.entropy.plugins.module_utils._module import OptionsModule


def main():
    module = OptionsModule(
        argument_spec={
            "uri": {"type": "str", "default": "qemu:///system"},
            "domains": {"type": "list", "elements": "str", "required": True},
            "exclude": {"type": "list", "elements": "str", "default": []},
            "shutdown_timeout": {"type": "int", "default": 120},
            "force": {"type": "bool", "default": False},
            "wait_for": {"type": "str", "choices": ["auto", "agent", "nothing"], "default": "auto"},
            "up_timeout": {"type": "int", "default": 300},
            "at_once": {"type": "int", "default": 1},
            "max_changes": {"type": "int", "default": 0},
            "managed_elsewhere": {"type": "str", "choices": ["refuse", "allow"], "default": "refuse"},
            "max_results": {"type": "int", "default": 500},
        },
        supports_check_mode=True,
    )

    def work():
        _virt_bindings.require()
        return _virt_restart.run(module.params, module.check_mode, module._diff, module.warn)

    exit_with(module, work)


if __name__ == "__main__":
    main()
