#!/usr/bin/python
# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module kvm.entropy.virt_rng."""

DOCUMENTATION = r"""
module: virt_rng
short_description: Give many domains their virtio-rng device
version_added: 0.1.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Makes the C(<rng>) device of many domains what is asked, in their definitions and in what runs, with one connection to libvirt.
  - The daemon edits the definitions, so nothing else in them changes and no secret leaves it. It may add the PCI port that the device needs.
  - A definition gets the new device before it loses the old one; only where there is no slot for two the old one goes first. What libvirt refuses
    leaves the definition as it was and fails that domain, while the others go on.
  - A device that runs and differs is replaced with O(replace_live=true) - the new one is plugged, the guest is seen to use it (O(confirm_by),
    O(confirmed)), and only then the old one is asked for. Otherwise its domain is reported as waiting for a power-off and start.
  - In a definition a device keeps the address, the alias and the ACPI index of the one that it replaces. RV(domains) says which it lost.
options:
  domains:
    description:
      - Names, UUIDs and shell globs of the domains that are meant. V(*) means all.
      - A name or UUID that no domain has is an error, and nothing is changed. A glob may match nothing.
      - A domain with such a character in its name is meant by its very name, as are all that it matches as a glob. V([*]) means the character itself.
    type: list
    elements: str
    required: true
  exclude:
    description: Names, UUIDs and globs of domains that are not meant after all. They may match nothing.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) - at least one device is as described. If none is, the first is replaced, or one is added where there is none.
        A device with backend C(egd) is preserved then, and the described one is added beside it.
      - V(absent) - there is no C(<rng>) at all, whatever its backend. The options that describe the device mean nothing then.
      - With O(alias), only the device of that name is meant.
      - In either state, a device that an interrupted run left beside its successor goes. A device that takes another one's place has an alias that
        says so (C(ua-kvm-entropy-instead-of-) and a digest, or C(ua-kvm-entropy-interim-for-) for a moment), unless it has one of its owner's choice.
    type: str
    choices: [present, absent]
    default: present
  backend:
    description:
      - Where the host takes the random numbers from.
      - V(random) reads the file O(path). V(builtin) lets QEMU ask the host's kernel itself (libvirt 6.1 and QEMU 4.2 or newer).
      - V(egd) talks to a daemon of the Entropy Gathering Daemon's protocol, as O(egd) says. It replaces any other device.
    type: str
    choices: [random, builtin, egd]
    default: random
  path:
    description:
      - The character device of the host that O(backend=random) reads.
      - Only C(/dev/random), C(/dev/urandom) and C(/dev/hwrng) are accepted, by device number and whatever the name. O(allow_unknown_backend) accepts
        others.
      - C(/dev/hwrng) is refused on a host that has no hardware source, and any path that others than root can make lead to another file.
      - A file is refused that the user may not read as whom QEMU will run (the session daemon's own, or what C(qemu.conf) or the domain's C(<seclabel>) of
        model C(dac) says), by owner, mode, ACL and the folders on the way. libvirt never gives that user the file, also with C(dynamic_ownership).
      - With the O(uri) of another machine, or one with the transport C(ext), none of this can be checked but the names C(/dev/null), C(/dev/zero) and
        C(/dev/full), and RV(unchecked) says so.
    type: path
    default: /dev/urandom
  allow_unknown_backend:
    version_added: 0.6.0
    description:
      - Whether O(path) may be a character device whose number is not that of a known random source, such as a vendor's hardware generator. You vouch for it,
        as the guest's kernel credits what it delivers as entropy.
      - What is known to be no random source is refused all the same - a regular file, FIFO, socket, folder or disk, C(/dev/null), C(/dev/zero),
        C(/dev/full), C(/dev/kmsg), C(/dev/mem), terminals and C(/dev/ptmx), input, graphics, and the assigned devices of major 10 such as C(/dev/fuse).
      - A device that a domain already has is never refused for that, so that it can be replaced or removed.
    type: bool
    default: false
  egd: &egd
    version_added: 0.2.0
    description:
      - How O(backend=egd) is connected.
      - Refused in plain text to or from another machine, that is with V(tcp) or V(udp) unless the host is this machine's loopback or C(tls) is used. A V(udp)
        source that is bound may have any address, as it receives only from the one that it connects to.
      - Refused where nobody listens on the unix socket or loopback port to connect to, which is seen in C(/proc/net) and, if not there, by a connection that is
        refused. With C(reconnect) that only keeps a running guest waiting for a power-off and start.
      - Refused where the folder of a unix socket to bind is not there.
      - Refused where another process listens on the port or unix socket to bind. A running domain that listens there itself gets the new device at its next
        start. With O(scope=config) its running device is not looked at, and the row's C(reason) says that the port or socket is in use.
    type: dict
    suboptions:
      type:
        description: The kind of connection.
        type: str
        choices: [tcp, udp, unix]
        required: true
      sources:
        description: One end. V(udp) has one to connect to, and may have one to bind as well.
        type: list
        elements: dict
        required: true
        suboptions:
          mode:
            description: Whether QEMU connects to the daemon, or listens for it.
            type: str
            choices: [connect, bind]
            default: connect
          host:
            description: The address or name, with V(tcp) and V(udp). A udp source that is bound needs none, and then listens on every address.
            type: str
          service:
            description: The port or service, with V(tcp) and V(udp).
            type: str
          path:
            description: The socket, with V(unix).
            type: path
          tls:
            description: Whether the connection is encrypted, with V(tcp). The host needs certificates for it (C(chardev_tls) in libvirt's C(qemu.conf)).
            type: bool
          reconnect:
            description: After how many seconds QEMU connects again when the daemon went away. V(0) is never.
            type: int
      protocol:
        description: What is spoken over V(tcp). The default is V(raw).
        type: str
        choices: [raw, telnet]
  rate_bytes:
    description: How many bytes the guest may take per O(rate_period). V(0) is unlimited.
    type: int
    default: 1024
  rate_period:
    description: The period of the limit, in milliseconds.
    type: int
    default: 1000
  model:
    description: The device's model.
    type: str
    choices: [virtio, virtio-transitional, virtio-non-transitional]
    default: virtio
  driver: &driver
    description:
      - Options of the device's virtio driver. Only what is given is managed.
      - A confidential guest (C(<launchSecurity>)) gets O(driver.iommu=true) unless that is given.
      - O(driver.iommu=true) is refused with a device that offers the protocol from before virtio 1.0 too, as QEMU does not start with it - with
        O(model=virtio-transitional), and with O(model=virtio) on a machine without PCIe.
    type: dict
    suboptions:
      iommu:
        description: Whether the device uses the guest's IOMMU.
        type: bool
      ats:
        description: Whether the device supports address translation services.
        type: bool
      packed:
        description: Whether the device uses packed virtqueues.
        type: bool
      page_per_vq:
        description:
          - Whether each virtqueue's notifications have a page of their own.
          - Such a device needs 8 MiB of addresses, which a PCIe port of a running machine does not have. It comes with a power-off and start.
        type: bool
  alias: &alias
    version_added: 0.7.0
    description:
      - A name of the device's own, which begins with C(ua-), in its definition. It selects the device that is meant; the others stay as they are.
      - With O(state=present), the device of that name is as described. If none has it, the first that is otherwise as described gets it, else a
        device is added.
      - With O(state=absent), only the device of that name goes. What runs has names such as V(rng0) as well.
      - A running device keeps its name until the next start.
    type: str
  address: &address
    version_added: 0.7.0
    description:
      - Where the device is on its bus, in its definition. Only what is given is managed. Numbers may be hexadecimal in quotes, as V("0x1f").
      - A running device keeps its address until the next start. One that is plugged gets this address where it is free.
      - An address that another device has is refused.
    type: dict
    suboptions:
      domain:
        description: The PCI domain. The default is 0.
        type: raw
      bus:
        description: The PCI bus, which is the index of its controller. The default is 0.
        type: raw
      slot:
        description: The PCI slot. The default is 0.
        type: raw
      function:
        description: The PCI function. The default is 0.
        type: raw
      cssid:
        description: The channel subsystem of a ccw device (s390x). The default is 0xfe.
        type: raw
      ssid:
        description: The subchannel set of a ccw device. The default is 0.
        type: raw
      devno:
        description: The device number of a ccw device. It is what makes an address one of ccw.
        type: raw
  devices:
    version_added: 0.2.0
    description:
      - Exactly these devices, instead of the one that the options O(backend) to O(driver) describe - for the way back, as a list such as
        C(before) in a row of RV(domains), which may be empty or have several.
      - What is not given has the default of the option of that name, but for O(devices[].driver), where it is off. O(exclusive) means nothing then.
      - Since 0.7.0 what would be refused as a new wish (a backend that is missing, unreadable or no random source, plain text over a network, an egd daemon
        that does not run) is given back with a warning, as a domain may have had it. Use the other options for new devices.
    type: list
    elements: dict
    suboptions:
      backend:
        description: As O(backend).
        type: str
        choices: [random, builtin, egd]
        default: random
      path:
        description: As O(path), and taken as it is - also relative, with blanks, a tilde or a dollar sign.
        type: str
        default: /dev/urandom
      egd:
        version_added: 0.2.0
        description: As O(egd), with all that libvirt takes.
        type: dict
        suboptions:
          type:
            description: The kind of connection. V(tcp), V(udp) and V(unix) as in O(egd.type); the others only here.
            type: str
            choices: [tcp, udp, unix, dbus, dev, file, nmdm, "null", pipe, pty, qemu-vdagent, spiceport, spicevmc, stdio, vc]
            required: true
          sources:
            description: The ends.
            type: list
            elements: dict
            required: true
            suboptions:
              mode:
                description: As in O(egd.sources).
                type: str
                choices: [connect, bind]
              host:
                description: As in O(egd.sources).
                type: str
              service:
                description: As in O(egd.sources).
                type: str
              path:
                description: A socket, device or file.
                type: str
              tls:
                description: As in O(egd.sources).
                type: bool
              reconnect:
                description: As in O(egd.sources).
                type: int
              append:
                description: Whether a file is appended to, V(on) or V(off).
                type: str
                version_added: 0.7.0
              channel:
                description: The channel of V(spiceport) or V(dbus).
                type: str
                version_added: 0.7.0
              copypaste:
                description: Whether V(qemu-vdagent) shares the clipboard.
                type: bool
                version_added: 0.7.0
              mouse:
                description: The mouse mode of V(qemu-vdagent).
                type: str
                choices: [client, server]
                version_added: 0.7.0
              master:
                description: One end of V(nmdm).
                type: str
                version_added: 0.7.0
              slave:
                description: The other end of V(nmdm).
                type: str
                version_added: 0.7.0
          protocol:
            description: What is spoken over V(tcp). V(telnets) and V(tls) are taken by libvirt, and plain text is sent all the same.
            type: str
            choices: [raw, telnet, telnets, tls]
      rate_bytes:
        description: As O(rate_bytes).
        type: int
        default: 1024
      rate_period:
        description: As O(rate_period).
        type: int
        default: 1000
      model:
        description: As O(model).
        type: str
        choices: [virtio, virtio-transitional, virtio-non-transitional]
        default: virtio
      driver: *driver
      alias: *alias
      address: *address
  scope:
    description:
      - Which half of a domain is meant - its definition (V(config)), its running device (V(live)), or what it has of V(both).
      - A domain that has no such half is skipped, and its row says so.
    type: str
    choices: [config, live, both]
    default: both
  exclusive:
    description:
      - Whether the described device shall be the only C(<rng>). All others go, also those with backend C(egd).
      - One that runs beside it goes with O(replace_live=true), else it waits for a power-off and start.
    type: bool
    default: false
  replace_live:
    version_added: 0.2.0
    description:
      - Whether a running device that differs is replaced while the guest runs. The new one is plugged first, and the old one is asked for when the guest is
        seen to use the new one (O(confirm_by), O(confirmed)), so that the guest is never without. Where there is no place for two, or where the guest could
        not use the new one, the old one stays and the domain waits for a power-off and start.
      - While a device that an earlier run replaced is still there, no further one is plugged, and the domain waits for a power-off and start.
    type: bool
    default: false
  confirm_by:
    version_added: 0.7.0
    description:
      - Who tells that a guest uses its new device, before it is asked for the old one, with O(replace_live=true). That a device is plugged does not say
        so - a guest without the driver, or without room for the device's addresses, has nothing of it.
      - V(qemu) - QEMU itself (7.2 or newer), by the state of that very device and its queue. libvirt marks the domain as tainted (C(custom-monitor)).
      - V(agent) - the guest's QEMU guest agent, when every rng device of the guest has interrupted its driver. libvirt marks the domain as tainted
        (C(custom-ga-command)).
      - Of several, the first that has seen it decides. Where nobody has within O(settle) seconds, the old device stays beside the new one, and the row says
        C(pending_unplug) and why. Running again looks again.
      - By default nobody looks, so that nothing is tainted without your word, and old devices stay until O(confirmed) names their domains.
    type: list
    elements: str
    choices: [qemu, agent]
    default: []
  confirmed:
    version_added: 0.7.0
    description:
      - Names, UUIDs and globs of domains whose guests use their new devices, as you have seen by other means, such as M(kvm.entropy.entropy_facts) in the
        guest (C(hwrng.driver_bound) has one device more than before, and C(hwrng.delivered) has grown). They may match nothing.
      - Their old devices are asked for after O(settle) seconds without another look. V(*) is for those who take the risk that a guest ends up without.
    type: list
    elements: str
    default: []
  settle:
    version_added: 0.2.0
    description:
      - How long, in seconds, the guests have at most to take their new devices into use before they are asked for the old ones, with
        O(replace_live=true). One pause for all together, which ends early where O(confirm_by) has seen all of them.
    type: int
    default: 3
  unplug_timeout:
    description:
      - How long to wait, in seconds, for the guests to give their running devices back, with O(state=absent) and O(replace_live=true). One deadline
        for all together. A guest that is paused or suspended cannot answer and is not waited for.
      - A guest that has not answered by then is reported as C(pending_unplug). It may still answer later.
    type: int
    default: 10
  max_changes:
    version_added: 0.2.0
    description: Refuse, before anything is written, to change more domains than this. V(0) is no limit.
    type: int
    default: 0
  managed_elsewhere:
    version_added: 0.2.0
    description:
      - What to do with domains whose C(<qemu:commandline>) gives them an rng device that libvirt does not manage, and that have no other; and with
        domains that OpenStack, oVirt, KubeVirt, OpenNebula, CloudStack or ZStack will define again by themselves, so that a change made here would be lost.
        Other tools that leave metadata are mentioned in the row.
      - V(refuse) - they are skipped, and their rows say where the device is to be asked for.
      - V(allow) - they are treated as all others.
    type: str
    choices: [refuse, allow]
    default: refuse
  max_results:
    description:
      - How many rows RV(domains) has at most; V(0) is none. RV(truncated) counts those that are left out.
      - They are fewer where the result, diffs included, would be longer than ansible-runner keeps it (700,000 characters, its C(MAX_EVENT_RES) and
        AWX's C(MAX_EVENT_RES_DATA)); it would empty the event.
      - A message names at most 10 domains per reason and 20 reasons. A reason has at most 2,000 characters.
      - Rows of unchanged domains are left out anyway as soon as there are 50 rows. RV(summary) counts all.
    type: int
    default: 500
notes:
  - Check mode needs no right to change anything. Where there is none it opens a read-only connection, which may not ask what the host's QEMU
    supports. RV(unchecked) says so.
  - Check mode predicts that a guest that runs uses a new device, where O(confirm_by) looks, and gives the old one back when asked to, that libvirt has a
    place for a device where only trying tells, and that the QEMU of a guest that runs can open its source. These alone can turn out otherwise.
  - A run that gets SIGTERM, SIGHUP or SIGINT finishes the domain that it is at, then fails and says what was done and what was not, as it does when
    the daemon goes away. Running again finishes the work.
seealso:
  - module: kvm.entropy.virt_rng_info
extends_documentation_fragment:
  - kvm.entropy._virt
  - kvm.entropy._attributes
  - kvm.entropy._attributes.changes
  - kvm.entropy._attributes.linux
  - kvm.entropy._attributes.actiongroup_virt
"""

EXAMPLES = r"""
- name: Give every domain of this host a random number generator, now and at each start
  kvm.entropy.virt_rng:
    domains: ["*"]

- name: Web servers and one database, without the retired ones
  kvm.entropy.virt_rng:
    domains: ["web-*", db01, 2c12a822-84af-424b-91cf-7470bde43aa8]
    exclude: ["web-old-*"]
    backend: builtin
    rate_bytes: 0

- name: The same connection for all modules of the collection that talk to libvirt
  module_defaults:
    group/kvm.entropy.virt:
      uri: qemu:///session
  block:
    - name: Definitions only, what runs is left alone
      kvm.entropy.virt_rng:
        domains: ["*"]
        scope: config
      register: applied

- name: Replace what runs as well, on at most 50 domains, and give back what there was before where it did not help
  kvm.entropy.virt_rng:
    domains: ["*"]
    replace_live: true
    max_changes: 50
  register: replaced

- name: Replace what runs where QEMU sees that the guest uses the new device (this taints the domains)
  kvm.entropy.virt_rng:
    domains: ["web-*"]
    replace_live: true
    confirm_by: [qemu]
    settle: 30

- name: Replace what runs on domains whose guests were seen to use the new device, with entropy_facts
  kvm.entropy.virt_rng:
    domains: ["web-*"]
    replace_live: true
    confirmed: [web-1, web-2]

- name: Remove one of several devices by its name
  kvm.entropy.virt_rng:
    domains: [db01]
    state: absent
    alias: ua-seed

- name: The way back, each definition as it was before
  kvm.entropy.virt_rng:
    domains: ["{{ row.uuid }}"]
    scope: config
    devices: "{{ row.config.before }}"
  loop: "{{ replaced.domains | selectattr('changed') }}"
  loop_control:
    loop_var: row
    label: "{{ row.name }}"

- name: From a daemon on this host that reads a hardware generator
  kvm.entropy.virt_rng:
    domains: [hsm]
    backend: egd
    egd:
      type: unix
      sources: [{path: /run/egd.sock, reconnect: 5}]
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
summary:
  description:
    - How many domains ended how. RV(summary.matched) is the sum of unchanged, changed, skipped and failed.
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: dict
  contains:
    matched:
      description: Domains that were meant.
      type: int
      sample: 40
    unchanged:
      description: Domains on which nothing was to be done, or nothing that can be done while they run.
      type: int
      sample: 36
    changed:
      description: Domains that were changed, in either half.
      type: int
      sample: 3
    restart_required:
      description: Domains, of whatever end, whose running device waits for a power-off and start or for the guest's answer.
      type: int
      sample: 2
    skipped:
      description: Domains without the half that O(scope) means, and domains of somebody else (O(managed_elsewhere)).
      type: int
      sample: 0
    failed:
      description: Domains that libvirt refused to change, wholly or in one half.
      type: int
      sample: 1
domains:
  description: One row per domain, at most O(max_results) - failed ones first, then waiting, changed, skipped and unchanged ones, each by name.
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
      description: The domain's state, in the words of C(virsh domstate). Null where it could not be asked.
      type: str
      sample: running
    changed:
      description: Whether either half was changed.
      type: bool
      sample: true
    failed:
      description: Whether something was refused.
      type: bool
      sample: false
    skipped:
      description: Whether it has nothing of what O(scope) means, or belongs to somebody else (O(managed_elsewhere)).
      type: bool
      sample: false
    reason:
      description: Why it failed, was skipped, or what else is to be known. Null when there is nothing to say.
      type: str
      sample: null
    managed_save:
      description: Whether it has a managed save, which brings its own old definition back at the next start.
      type: bool
      sample: false
    snapshots:
      description: Whether it has snapshots, which bring their own old definitions back when it is reverted to one.
      type: bool
      sample: false
    config:
      description: The definition's half. Null where it was not looked at.
      type: dict
      contains: &half
        before:
          description:
            - The devices before, each a dictionary with the names of the module's options (C(backend), C(path) with backend random, C(egd) with backend egd,
              C(rate_bytes), C(rate_period), C(model), C(driver)), so that the list can be given back as O(devices).
            - Neither addresses nor names are shown. A device keeps those of the one that it replaces where it can, and C(reason) says what it lost.
            - What an egd device logs is not shown and not given back.
          type: list
          elements: dict
          sample: []
        after:
          description: The devices after, in the same shape.
          type: list
          elements: dict
          sample: [{"backend": "random", "path": "/dev/urandom", "rate_bytes": 1024, "rate_period": 1000, "model": "virtio", "driver": {}}]
        result:
          description:
            - One of V(unchanged), V(done), V(busy) (another job holds the domain) and V(refused).
            - Of a running device also V(pending_unplug) (the old device is still there, as the guest has not answered, or as nobody has seen it use the new
              one; not changed, unless a device was plugged) and V(restart_required).
          type: str
          sample: done
        reason:
          description: Why, in words. Null when there is nothing to say.
          type: str
          sample: null
    live:
      description: The running device's half. Null where it was not looked at.
      type: dict
      contains: *half
truncated:
  description: How many domains have no row, unchanged ones included. See O(max_results).
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: int
  sample: 0
unchecked:
  description:
    - What is otherwise checked before anything is written, and could not be here.
    - SELinux, AppArmor and the cgroup's device list are never asked. They are named for a O(path) other than C(/dev/random) and C(/dev/urandom) of the system
      daemon.
  returned: when domains were looked at, that is but for an error in the options, the names, or the connection
  type: list
  elements: str
  sample: []
"""

from ansible_collections.kvm.entropy.plugins.module_utils import _rng_egd, _virt_bindings, _virt_rng
from ansible_collections.kvm.entropy.plugins.module_utils._errors import exit_with
from ansible_collections.kvm.entropy.plugins.module_utils._module import OptionsModule


def device_spec():
    """Return the argument spec (dict) of one device."""
    return {
        "backend": {"type": "str", "choices": ["random", "builtin", "egd"], "default": "random"},
        "path": {"type": "path", "default": "/dev/urandom"},
        "egd": {"type": "dict", "options": {
            "type": {"type": "str", "choices": ["tcp", "udp", "unix"], "required": True},
            "sources": {"type": "list", "elements": "dict", "required": True, "options": {
                "mode": {"type": "str", "choices": ["connect", "bind"], "default": "connect"},
                "host": {"type": "str"},
                "service": {"type": "str"},
                "path": {"type": "path"},
                "tls": {"type": "bool"},
                "reconnect": {"type": "int"},
            }},
            "protocol": {"type": "str", "choices": ["raw", "telnet"]},
        }},
        "rate_bytes": {"type": "int", "default": 1024},
        "rate_period": {"type": "int", "default": 1000},
        "model": {"type": "str", "choices": ["virtio", "virtio-transitional", "virtio-non-transitional"], "default": "virtio"},
        "driver": {"type": "dict", "options": {
            "iommu": {"type": "bool"},
            "ats": {"type": "bool"},
            "packed": {"type": "bool"},
            "page_per_vq": {"type": "bool"},
        }},
        "alias": {"type": "str"},
        "address": {"type": "dict", "options": {name: {"type": "raw"} for name in ("domain", "bus", "slot", "function", "cssid", "ssid", "devno")}},
    }


def devices_spec():
    """Return the same for what a domain may have had, so that all of it can be given back as it was read."""
    spec = device_spec()
    spec["path"]["type"] = "str"
    egd = spec["egd"]["options"]
    egd["type"]["choices"] = list(_rng_egd.ALL_TYPES)
    egd["protocol"]["choices"] = list(_rng_egd.ALL_PROTOCOLS)
    del egd["sources"]["options"]["mode"]["default"]
    egd["sources"]["options"]["path"]["type"] = "str"
    egd["sources"]["options"].update({name: {"type": "str"} for name in ("append", "channel", "master", "slave")})
    egd["sources"]["options"].update(copypaste={"type": "bool"}, mouse={"type": "str", "choices": ["client", "server"]})
    return spec


def argument_spec():
    """Return the module's argument spec (dict)."""
    return dict(
        device_spec(),
        uri={"type": "str", "default": "qemu:///system"},
        domains={"type": "list", "elements": "str", "required": True},
        exclude={"type": "list", "elements": "str", "default": []},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        devices={"type": "list", "elements": "dict", "options": devices_spec()},
        allow_unknown_backend={"type": "bool", "default": False},
        scope={"type": "str", "choices": ["config", "live", "both"], "default": "both"},
        exclusive={"type": "bool", "default": False},
        replace_live={"type": "bool", "default": False},
        confirm_by={"type": "list", "elements": "str", "choices": ["qemu", "agent"], "default": []},
        confirmed={"type": "list", "elements": "str", "default": []},
        settle={"type": "int", "default": 3},
        unplug_timeout={"type": "int", "default": 10},
        max_changes={"type": "int", "default": 0},
        managed_elsewhere={"type": "str", "choices": ["refuse", "allow"], "default": "refuse"},
        max_results={"type": "int", "default": 500},
    )


def main():
    module = OptionsModule(argument_spec=argument_spec(), supports_check_mode=True)

    def work():
        _virt_bindings.require()
        return _virt_rng.run(module.params, module.check_mode, module._diff, module.warn)

    exit_with(module, work)


if __name__ == "__main__":
    main()
