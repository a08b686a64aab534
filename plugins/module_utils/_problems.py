# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every problem that the collection knows, in one place: code, what it means, what to do, who can see it and with which privilege.

Codes are stable: facts, chain, report, metrics and messages use the same. docs/problems.md is checked against this file.
"""

GUEST, HOST, BOTH = "guest", "host", "both"
# What is worth knowing but no fault: it never makes a verdict worse.
INFO, FAULT = "info", "fault"

PROBLEMS = {}


def _known(code, seen_by, needs, text, remedy, severity=FAULT):
    PROBLEMS[code] = {"code": code, "text": text, "remedy": remedy, "seen_by": seen_by, "needs": needs, "severity": severity}


def problem(code, evidence):
    """Return the problem (dict: code, text, remedy, evidence) ``code`` (str) for which ``evidence`` (str) was seen; KeyError for an unknown code."""
    known = PROBLEMS[code]
    return {"code": code, "text": known["text"], "remedy": known["remedy"], "evidence": evidence}


_known("no-device", BOTH, "nothing; on the host a read-only libvirt connection",
       "The guest has no virtio-rng device, so nothing comes from its host",
       "Give its domain one: kvm.entropy.virt_rng on the host, or the playbook kvm.entropy.site. Where it cannot be plugged while the guest "
       "runs, power the domain off and start it")
_known("driver-missing", GUEST, "nothing",
       "The virtio-rng device is there and no driver serves it",
       "Load virtio_rng now and at every boot (role kvm.entropy.guest); where the kernel has no such module, install the package that carries it")
_known("driver-late", GUEST, "root, or a kernel log open to all (kernel.dmesg_restrict=0)",
       "The driver came after user space had started, too late for its first reads",
       "Put virtio_rng into the initramfs (role kvm.entropy.guest with entropy_guest_early) and reboot")
_known("not-current", GUEST, "nothing",
       "The kernel listens to another source than the virtio-rng device, or to none",
       "Choose it: kvm.entropy.hwrng with source virtio_rng")
_known("quality-zero", GUEST, "nothing",
       "The source is trusted with no entropy at all, so its bytes are never credited",
       "Remove rng_core.default_quality and rng_core.current_quality from the kernel command line, and set the quality back: "
       "kvm.entropy.hwrng with source virtio_rng and quality 1000")
_known("not-filling", GUEST, "nothing",
       "The device, its driver and the kernel's choice are right, and still no bytes arrive",
       "Look at the host's end: a rate limit that starves (kvm.entropy.virt_rng_info), a backend that delivers nothing, or a host that is "
       "itself not ready")
_known("not-ready", BOTH, "nothing",
       "The CRNG is not ready: who asks for random numbers waits, or gets guessable ones",
       "Give the machine a source: the virtio-rng device for a guest (kvm.entropy.site); generate no key until it is ready")
_known("early-reads", GUEST, "root, or a kernel log open to all (kernel.dmesg_restrict=0)",
       "User space was given random numbers before the CRNG was ready in this boot",
       "Make the source early (device at the start, virtio_rng in the initramfs: role kvm.entropy.guest), reboot, then replace the keys that "
       "were generated during this boot's start")
_known("seeded-late", GUEST, "root, or a kernel log open to all (kernel.dmesg_restrict=0)",
       "The CRNG became ready only after user space had started; who asked had to wait",
       "Have the device at the start of the guest and virtio_rng in its initramfs (playbook kvm.entropy.site), then power off and start")
_known("rate-starves", HOST, "a read-only libvirt connection",
       "The rate limit delays the first credit by over a second, when the guest has found its numbers elsewhere",
       "Allow at least one fill buffer per period: kvm.entropy.virt_rng with rate_bytes 1024 and rate_period 1000, or rate_bytes 0 for no limit")
_known("config-only", HOST, "a read-only libvirt connection",
       "The definition has the device, what runs has not",
       "Power the domain off and start it (kvm.entropy.virt_restart); a reboot inside the guest is not enough. "
       "Or plug it: kvm.entropy.virt_rng with scope live")
_known("live-only", HOST, "a read-only libvirt connection",
       "What runs has the device, the definition has not: it is gone at the next start",
       "Write it into the definition: kvm.entropy.virt_rng with scope config")
_known("duplicate-device", HOST, "a read-only libvirt connection",
       "The domain has more than one rng device; its guest's kernel listens to one of them only",
       "Keep one: kvm.entropy.virt_rng with exclusive true", severity=INFO)
_known("unsafe-backend", HOST, "a read-only libvirt connection, and files of the host",
       "The backend can abort the guest: QEMU ends on a read error, and this file cannot be read without a hardware source behind it",
       "Use backend random with /dev/urandom, or backend builtin: kvm.entropy.virt_rng")
_known("backend-starves", HOST, "a read-only libvirt connection, and reading the device: root for /dev/hwrng",
       "The host's backend delivers nothing, or less than its guests draw when they are idle",
       "Use backend random with /dev/urandom, or backend builtin: kvm.entropy.virt_rng")
_known("backend-slow", HOST, "a read-only libvirt connection, and reading the device: root for /dev/hwrng",
       "The host's backend is slow: when all its guests start together, the last waits over 10 s for its first credit",
       "Use backend random with /dev/urandom, or backend builtin: kvm.entropy.virt_rng", severity=INFO)
_known("untrusted-host", BOTH, "nothing in the guest; on the host a read-only libvirt connection",
       "The guest's memory is hidden from its host, so the host must not be its only source of random numbers",
       "Let the guest's CPU take part: RDRAND or RDSEED in its CPU model, and random.trust_cpu=on", severity=INFO)
_known("fake-source", BOTH, "nothing",
       "A feeder gives the kernel its own output back and claims that it is new entropy",
       "Stop it, or take the option that names /dev/urandom or /dev/random as its source out of its configuration")
_known("feeder-useless", BOTH, "nothing",
       "The kernel is fed by its own thread already; the feeder that runs beside it adds nothing that is credited",
       "Remove the feeder, unless a rule that you must comply with asks for it", severity=INFO)
_known("feeder-dead", BOTH, "nothing",
       "A feeder is wanted at every boot, and it does not run",
       "See why it ended (systemctl status, journalctl -u), or disable it where the kernel needs none")
_known("source-stuck", BOTH, "root",
       "The source delivers bytes that no random source delivers: a repetition or a constant",
       "Take the source out of use, and replace the keys that were generated from it")
_known("no-vmgenid", BOTH, "nothing in the guest; on the host a read-only libvirt connection",
       "The guest is not told when it was cloned or restored, and may then repeat random numbers until its kernel reseeds",
       "Put <genid/> into the domain's definition and start the domain again; the guest's kernel needs 5.18 or newer to listen", severity=INFO)
_known("host-unsound", HOST, "nothing",
       "The host's own generator cannot be relied upon, and it is where all its guests get theirs",
       "Repair the host first: see its own problems (kvm.entropy.entropy_facts on the host)")
_known("managed-elsewhere", HOST, "a read-only libvirt connection",
       "The definition is written by a manager, which undoes what is changed beside it",
       "Set it where it comes from: hw_rng in OpenStack's flavor and image, the RNG device in oVirt's cluster and VM, devices.rng in KubeVirt", severity=INFO)
_known("stale", BOTH, "nothing",
       "The facts are too old to judge by",
       "Gather them again, or allow them with entropy_verify_max_age (s)")
_known("unreachable", BOTH, "nothing",
       "The machine did not answer, or gathering its facts failed",
       "See its error in this run, make it reachable, and verify again")
_known("host-not-seen", HOST, "a read-only libvirt connection",
       "No host was seen that runs this guest's domain",
       "Put its host into the group kvm_hosts, set entropy_domain_uuid where the guest cannot read its own UUID, or say entropy_verify_expect: guest-only")
_known("guest-not-seen", GUEST, "a login",
       "Nobody looked into the guest of this domain",
       "Put it into the group kvm_guests, or say entropy_verify_expect: host-only for it or its host")
_known("ambiguous", BOTH, "nothing",
       "More than one domain or guest has this UUID, and nothing tells which one is meant",
       "Give each domain its own UUID and each guest its own entropy_domain_uuid; undefine what a migration left behind")
