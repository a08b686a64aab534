#!/usr/bin/python
# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module kvm.entropy.virt_rng_info."""

DOCUMENTATION = r"""
module: virt_rng_info
short_description: Read the virtio-rng devices of many domains
version_added: 0.1.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Reads the C(<rng>) devices of many domains, in their definitions and in what runs, whether the two are the same, and whether a device can be
    plugged into a running domain now.
  - Opens a read-only connection, so it works for an auditor who has no right to change anything. O(guest_agent=true) alone opens one that may write.
options:
  domains:
    description:
      - Names, UUIDs and shell globs of the domains that are meant, as with M(kvm.entropy.virt_rng).
      - A name or UUID that no domain has is an error. A glob may match nothing.
    type: list
    elements: str
    default: ["*"]
  exclude:
    description: Names, UUIDs and globs of domains that are not meant after all. They may match nothing.
    type: list
    elements: str
    default: []
  only:
    description:
      - Which rows RV(domains) has.
      - V(drift) - those whose running device is not what the definition says.
      - V(problem) - those too, and those with no device or with several in either half.
      - RV(summary) counts all of them anyway.
    type: str
    choices: [all, drift, problem]
    default: all
  max_results:
    description:
      - How many domains are told at most, in RV(domains) or RV(groups).
      - They are fewer where the result would be longer than ansible-runner keeps it (700,000 characters, its C(MAX_EVENT_RES) and AWX's
        C(MAX_EVENT_RES_DATA)). RV(truncated) counts those that are left out.
      - V(0) is no limit of either kind. The event of a longer result has no result then. What is registered and what becomes a fact is whole.
    type: int
    default: 500
  group:
    version_added: 0.2.0
    description:
      - Whether domains that are alike but for their names and UUIDs are told together, in RV(groups) instead of RV(domains). Ten thousand of them
        take some 0.6 MB, a tenth of their rows.
    type: bool
    default: false
  capacity_bytes:
    description:
      - How many bytes may be read, at most, from each slow backend to see how many it delivers, C(/dev/hwrng) or a character device other than
        C(/dev/random) and C(/dev/urandom). V(0) reads nothing.
      - They are lost to the guests. The source is read as QEMU does, without waiting in it, so that no guest waits for this.
      - A source that is rationed, as a nested host's virtio-rng, gives a whole ration at once. Less than that says nothing of its rate.
      - Nothing is read while the host's own CRNG is not ready. This is no test of randomness.
    type: int
    default: 0
    version_added: 0.2.0
  capacity_timeout:
    description: How long to read each of them at most, in seconds (1 to 60), whatever it has delivered by then.
    type: int
    default: 2
    version_added: 0.2.0
  guest_agent:
    description:
      - Whether the guests of the running domains are looked into as well, through their QEMU guest agents and without a login, as RV(domains[].guest) or
        RV(guests).
      - Some 25 small files below C(/proc) and C(/sys) are asked for, in some 50 calls, one after the other, and nothing in the guest is changed. What it
        takes of a guest's rights, and what cannot be seen that way, is in C(docs/agent.md).
      - libvirt asks no agent over a read-only connection, so that this opens one that may write, and needs C(org.libvirt.api.domain.write) of the domains
        where libvirt checks single rights. For a user who has no such connection the guests are null, with that as the reason.
      - Each domain that is asked is tainted until it is powered off (C(custom-ga-command), shown by C(virsh dominfo) and in its log). That is libvirt's
        word for an agent's command of which it does not know the effect. The supporters of some products ask what a tainted domain is about.
      - An agent that is absent, old, blocked, frozen, or slow, or a guest without Linux, is no failure, but a reason in C(guest_reason).
    type: bool
    default: false
    version_added: 0.3.0
  guest_agent_timeout:
    description:
      - How long (s, 1 to 3600) a guest has to answer all that is asked of it.
      - An agent that says nothing at all costs 5 s in any case, as libvirt waits so long to see whether there is anybody, and up to 30 s while another program
        is asking it.
    type: int
    default: 10
    version_added: 0.3.0
  guest_agent_deadline:
    description:
      - How long (s, 1 to 3600) all guests together have, four at a time. When it is over the module goes on, whatever an agent does.
      - Which guests were not asked by then is told.
    type: int
    default: 60
    version_added: 0.3.0
seealso:
  - module: kvm.entropy.virt_rng
extends_documentation_fragment:
  - kvm.entropy._virt
  - kvm.entropy._attributes
  - kvm.entropy._attributes.info
  - kvm.entropy._attributes.linux
  - kvm.entropy._attributes.actiongroup_virt
"""

EXAMPLES = r"""
- name: What every domain of this host has
  kvm.entropy.virt_rng_info:
  register: found

- name: Domains that wait for a power-off and start
  kvm.entropy.virt_rng_info:
    only: drift
  register: waiting

- name: Name them
  ansible.builtin.debug:
    msg: "{{ waiting.domains | map(attribute='name') }}"

- name: Whether /dev/hwrng delivers what the guests of this host need
  kvm.entropy.virt_rng_info:
    capacity_bytes: 16384
    capacity_timeout: 2
  become: true
  register: found

- name: Look into the guests as well, without logging in to them
  kvm.entropy.virt_rng_info:
    guest_agent: true
  become: true
  register: found

- name: Name those whose kernels are not fed by their host
  ansible.builtin.debug:
    msg: "{{ found.domains | selectattr('guest') | selectattr('guest.filling', 'sameas', false) | map(attribute='name') }}"

- name: Tell the backends that do not
  ansible.builtin.debug:
    msg: "{{ found.host.capacity | selectattr('enough', 'sameas', false) | map(attribute='reason') }}"
"""

RETURN = r"""
missing_library:
  description: The Python library that this host lacks.
  version_added: 0.2.0
  returned: when libvirt's bindings are missing
  type: str
  sample: libvirt
unreachable_uri:
  description: The O(uri) of a daemon that does not answer.
  version_added: 0.2.0
  returned: when libvirt could not be reached
  type: str
  sample: qemu:///system
uri:
  description: The connection that was asked.
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: str
  sample: qemu:///system
host:
  description: What the host supports.
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: dict
  contains:
    libvirt_version:
      description: The daemon's version. Null where it does not tell.
      type: str
      sample: 9.0.0
    qemu_version:
      description: The version of QEMU. Null where libvirt does not tell, or runs something else.
      type: str
      sample: 7.2.22
    qemu_version_reason:
      description: Why RV(host.qemu_version) is null.
      type: str
      sample: null
    backends:
      description: The backends that QEMU supports. Null where not known, which is so wherever libvirt lets no read-only connection ask.
      type: list
      elements: str
      sample: null
    backends_reason:
      description: Why RV(host.backends) is null.
      type: str
      sample: a read-only connection may not ask for domain capabilities
    entropy:
      description: What the host's kernel knows about its own randomness, as M(kvm.entropy.entropy_facts) returns it. Null with the O(uri) of another machine.
      type: dict
    entropy_reason:
      description: Why RV(host.entropy) is null.
      type: str
      sample: null
    capacity:
      description:
        - What the backends of the domains that are meant must deliver and do deliver, one entry per backend and path. Null with the O(uri) of another
          machine.
        - What is needed is counted of running devices, what domains merely define draws nothing.
      type: list
      elements: dict
      contains:
        backend:
          description: The devices' backend - V(random), V(builtin) or V(egd).
          type: str
          sample: random
        path:
          description: The path that backend V(random) reads, or since 0.4.0 the socket that backend V(egd) needs to start, else null.
          type: str
          sample: /dev/hwrng
        kind:
          description:
            - What that is on this host - V(random), V(urandom) and V(builtin) are the kernel's own generator, V(hwrng) its hardware source, V(egd)
              a daemon.
            - V(device) is one of an unknown number, V(unsuitable) one that is no random source, such as C(/dev/kmsg) or a terminal, since 0.6.0.
            - V(blocking) is a C(/dev/random) that waits for its pool, as kernels before 5.6 have it. V(file) is no character device, V(missing) not there.
            - V(constant) is C(/dev/zero), C(/dev/null) or C(/dev/full), since 0.3.0.
          type: str
          sample: hwrng
        domains:
          description: How many domains have such a device, in their definition or running.
          type: int
          sample: 210
        running:
          description: How many domains run with such a device.
          type: int
          sample: 200
        limit:
          description: What the rate limits of those that run allow together, in bytes per second.
          type: int
          sample: 204800
        unlimited:
          description: How many of those that run have no limit. They are not in RV(host.capacity[].limit).
          type: int
          sample: 0
        idle:
          description:
            - What those that run draw when nothing in them reads C(/dev/hwrng), in bytes per second.
            - Each guest's kernel fills one buffer, 64 bytes on x86 and arm64, every 60 s.
          type: float
          sample: 213.3
        seed_bytes:
          description: What those that run draw until each is seeded, one buffer each, in bytes.
          type: int
          sample: 12800
        delivered:
          description:
            - What the backend delivered, in bytes per second, beside what the guests drew meanwhile. Null where it was not measured.
            - What it had ready is not counted where it goes on delivering.
          type: int
          sample: 1024
        delivered_reason:
          description: Why RV(host.capacity[].delivered) is null.
          type: str
          sample: null
        seed_seconds:
          description: How long (s) it takes at this rate to seed all that run when they start together, as after a power failure. Null where not known.
          type: float
          sample: 12.5
        unsafe:
          description: Whether QEMU aborts its guests, because nothing is behind C(/dev/hwrng) (the problem C(unsafe-backend)).
          type: bool
          sample: false
        enough:
          description:
            - Whether the backend is right for those that run.
            - False where it is unsafe, missing, no character device or no random source, where it delivers nothing or less than they draw when idle (the
              problem C(backend-starves)), or where the last of them is seeded more than 10 s after the first (C(backend-slow)).
            - Limits that allow more than is delivered are no fault, as idle guests draw next to nothing.
            - Null where it is not known.
          type: bool
          sample: false
        reason:
          description: Why, in words for a person.
          type: str
          sample: "/dev/hwrng delivers 1.0 KiB/s. Domains with it: 210, running: 200, drawing 213 bytes/s when idle, at most 200.0 KiB/s. Started
            together, the last is seeded 12.5 s after the first. Give them /dev/urandom (kvm.entropy.virt_rng)"
    capacity_truncated:
      version_added: 0.2.0
      description: How many entries are left out of RV(host.capacity), which has 100,000 characters at most, some 150 backends.
      type: int
      sample: 0
    capacity_reason:
      description: Why RV(host.capacity) is null.
      type: str
      sample: null
domains:
  description: One row per domain - those to look at first, then the others, each by name. A domain that was undefined meanwhile is left out.
  returned: when O(group=false)
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
      description: The domain's state, in the words of C(virsh domstate).
      type: str
      sample: running
    persistent:
      description: Whether it has a definition. A transient domain has none.
      type: bool
      sample: true
    arch:
      description: The guest's architecture.
      type: str
      sample: x86_64
    config:
      description:
        - The devices in the definition, each a dictionary with the names of M(kvm.entropy.virt_rng)'s options (C(backend), C(path) with backend random,
          C(rate_bytes), C(rate_period), C(model), C(driver)).
        - C(egd) (C(type), C(sources)) tells how a device with backend egd is connected.
        - Null for a transient domain.
      type: list
      elements: dict
      sample: [{"backend": "random", "path": "/dev/urandom", "rate_bytes": 1024, "rate_period": 1000, "model": "virtio", "driver": {}}]
    live:
      description: The devices of the running domain, in the same shape. Null for a domain that does not run.
      type: list
      elements: dict
      sample: []
    drift:
      description: Whether it runs with other devices than its definition has, by meaning.
      type: bool
      sample: true
    genid:
      description: Whether the guest is told when it was cloned or restored (C(<genid>)).
      type: bool
      sample: false
    managed_save:
      description: Whether it has a managed save, which brings its own old definition back at the next start.
      type: bool
      sample: false
    saved:
      description: The devices in its managed save. Null where it has none, or none that can be read.
      type: list
      elements: dict
      sample: null
      version_added: 0.3.0
    snapshots:
      description: Whether it has snapshots, which bring their own old definitions back when it is reverted to one.
      type: bool
      sample: false
    managed_elsewhere:
      description:
        - Who defines this domain again by itself - V(openstack), V(ovirt), V(kubevirt) (also Harvester and OpenShift Virtualization), since 0.7.0
          V(opennebula), V(cloudstack), V(zstack) or null.
        - They are known by their metadata, CloudStack by its name in C(<sysinfo>) or its domains' names.
      type: str
      sample: null
    metadata:
      version_added: 0.7.0
      description:
        - The XML namespaces (at most 5) of metadata that a tool left in the definition that is not known here. It may define the domain again by itself.
        - Tools that are known to leave a domain to its owner (virt-manager, virt-install, Cockpit, GNOME Boxes, kcli, uvtool) are not named.
      type: list
      elements: str
      sample: []
    start_hindrance:
      version_added: 0.7.0
      description:
        - Why the domain could not start with the C(<rng>) of its definition, as far as this host tells - a backend that is missing or that QEMU's user may not
          read, a port or socket where nobody listens, a port that is taken. Null where nothing is known to keep it from starting.
        - Null with the O(uri) of another machine.
      type: str
      sample: "backend path /dev/hwrng: the user 64055 (groups 64055) may not read /dev/hwrng (mode 0600, owner 0:0). QEMU runs as that user. Give
        /dev/urandom, or give that user the right (a udev rule)"
    unmanaged:
      description:
        - The rng devices that the domain gives QEMU by C(<qemu:commandline>), each as QEMU's name of it and its id. libvirt shows no C(<rng>) for them.
        - What C(-readconfig), C(-set) and C(-global) give is not seen.
      returned: where there are any
      version_added: 0.7.0
      type: list
      elements: str
      sample: [virtio-rng-pci rng9]
    plug:
      description: Whether one more device can be plugged now.
      type: dict
      contains:
        possible:
          description: Whether it can. Null where only trying tells.
          type: bool
          sample: false
        reason:
          description: Why not, or why that is not known.
          type: str
          sample: "no free PCIe root port: all 4 are taken"
    guest:
      description:
        - What the guest's kernel shows through its agent. Null where it was not to be had.
        - What it tells is the guest's own word.
      returned: when O(guest_agent=true)
      version_added: 0.3.0
      type: dict
      contains:
        gathered_at:
          description: When the guests of this host were asked (s since 1970 UTC).
          type: int
          sample: 1795583008
        release:
          description: The kernel's release.
          type: str
          sample: 6.1.0-50-cloud-amd64
        generation:
          description: Which generator runs - V(rewritten) (Linux 5.18, and where it was taken into older series), V(legacy) or V(unknown).
          type: str
          sample: rewritten
        ready:
          description:
            - Whether the CRNG is ready, by what the rewritten generator has collected. V(unknown) with the legacy one, and with Linux 5.17, whose counts do
              not tell.
          type: raw
          sample: true
        current:
          description: The kernel's current source, V(none) for none. Null where not told.
          type: str
          sample: virtio_rng.0
        quality:
          description: Its quality, of 1024. Null where there is none.
          type: int
          sample: 1000
        filling:
          description: Whether the kernel is fed by it, or V(unknown), as M(kvm.entropy.entropy_facts) tells it.
          type: raw
          sample: true
        filling_reason:
          description: Why not, or why that is not known.
          type: str
          sample: null
        feeder:
          description: A program that feeds the kernel as one of the known services of systemd. Null for none that was seen.
          type: str
          sample: null
        links:
          description: The links C(live), C(current), C(fed), C(ready) and C(in_time) of the chain. C(in_time) takes the log, which an agent does not give.
          type: dict
          sample: {"live": "ok", "current": "ok", "fed": "ok", "ready": "ok", "in_time": "unknown"}
        problems:
          description: Problems, each with its C(code) and C(evidence).
          type: list
          elements: dict
          sample: []
    guest_reason:
      description: Why RV(domains[].guest) is null, and what to do about it.
      returned: when O(guest_agent=true)
      version_added: 0.3.0
      type: str
      sample: "no agent is connected: install and start qemu-guest-agent in the guest"
guests:
  version_added: 0.3.0
  description:
    - What guests told through their agents, one entry for all running domains of which the same is to be told.
    - Beside the groups, as it would leave few domains alike.
  returned: when O(group=true) and O(guest_agent=true)
  type: list
  elements: dict
  contains:
    domains:
      description: Their UUIDs, each with the domain's name.
      type: dict
      sample: {2c12a822-84af-424b-91cf-7470bde43aa8: web-1}
    guest:
      description: As RV(domains[].guest).
      type: dict
    guest_reason:
      description: As RV(domains[].guest_reason).
      type: str
      sample: null
groups:
  version_added: 0.2.0
  description: One entry for all domains with the same row, in the order of RV(domains).
  returned: when O(group=true)
  type: list
  elements: dict
  contains:
    domains:
      description: Their UUIDs, each with the domain's name. All else is as in RV(domains), without C(name) and C(uuid).
      type: dict
      sample: {2c12a822-84af-424b-91cf-7470bde43aa8: web-1}
unchecked:
  version_added: 0.7.0
  description: What C(start_hindrance) would tell and could not be checked.
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: list
  elements: str
  sample: []
truncated:
  description: How many domains were left out because of O(max_results).
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: int
  sample: 0
summary:
  description: How many domains are how, whatever O(only) leaves out.
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: dict
  contains:
    matched:
      description: Domains that were meant.
      type: int
      sample: 40
    running:
      description: Domains that run, paused ones included.
      type: int
      sample: 31
    without_device:
      description: Domains without a device in their definition, or transient ones that run without.
      type: int
      sample: 2
    drift:
      description: Domains whose running device is not what the definition says.
      type: int
      sample: 1
    problem:
      description: Domains that O(only=problem) returns.
      type: int
      sample: 3
    guests_seen:
      description: Domains whose guests told something through their agents.
      returned: when O(guest_agent=true)
      version_added: 0.3.0
      type: int
      sample: 29
    failed:
      description: Domains that could not be read.
      type: int
      sample: 0
"""

from ansible_collections.kvm.entropy.plugins.module_utils import _virt_bindings, _virt_rng_info
from ansible_collections.kvm.entropy.plugins.module_utils._errors import exit_with
from ansible_collections.kvm.entropy.plugins.module_utils._module import OptionsModule


def main():
    module = OptionsModule(
        argument_spec={
            "uri": {"type": "str", "default": "qemu:///system"},
            "domains": {"type": "list", "elements": "str", "default": ["*"]},
            "exclude": {"type": "list", "elements": "str", "default": []},
            "only": {"type": "str", "choices": ["all", "drift", "problem"], "default": "all"},
            "max_results": {"type": "int", "default": 500},
            "group": {"type": "bool", "default": False},
            "capacity_bytes": {"type": "int", "default": 0},
            "capacity_timeout": {"type": "int", "default": 2},
            "guest_agent": {"type": "bool", "default": False},
            "guest_agent_timeout": {"type": "int", "default": 10},
            "guest_agent_deadline": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )

    def work():
        _virt_bindings.require()
        return _virt_rng_info.run(module.params)

    exit_with(module, work)


if __name__ == "__main__":
    main()
