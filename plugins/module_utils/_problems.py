# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every problem code there is: what it means, how it is detected, how sure that is, who can see it, what seeing takes, and its remedy.

The one source of these words. Facts, chain, reports and metrics take them from here, and docs/problems.md is written from here.
"""

GUEST, HOST, BOTH = "guest", "host", "both"
# What is worth knowing but no fault: it never makes a verdict worse.
INFO, FAULT = "info", "fault"

PROBLEMS = {}


def _known(code, text, remedy, *, seen_by, needs, detected, sure, severity=FAULT):  # noqa: PLR0913 (a row of a table)
    PROBLEMS[code] = {"code": code, "text": text, "remedy": remedy, "seen_by": seen_by, "needs": needs, "detected": detected, "sure": sure,
                      "severity": severity}


def problem(code, evidence):
    """Return the problem (dict: code, text, remedy, evidence) ``code`` (str) for which ``evidence`` (str) was seen; KeyError for an unknown code."""
    known = PROBLEMS[code]
    return {"code": code, "text": known["text"], "remedy": known["remedy"], "evidence": evidence}


_READ_ONLY = "a read-only libvirt connection"
_LOG = "root, or a kernel log open to all (kernel.dmesg_restrict=0)"
_SITE = "Give the guest its device at the start and virtio_rng in its initramfs (playbook kvm.entropy.site), then power off and start"

_known("no-device",
       "The guest has no virtio-rng device",
       "Give its domain one: kvm.entropy.virt_rng on the host, or the playbook kvm.entropy.site. Where it cannot be plugged while the guest "
       "runs, power the domain off and start it",
       seen_by=BOTH, needs="nothing; on the host " + _READ_ONLY,
       detected="The guest's virtio bus has no device of type 4 (VIRTIO_ID_RNG), nor has its PCI bus one, and its kernel has no other source that may be "
                "sound. On the host: no <rng> in the definition, and none in what runs.",
       sure="Certain. Where both look, the host's word counts, but for a guest that was seen later to be fed by its device (unmanaged-device).")
_known("driver-missing",
       "The virtio-rng device is there and no driver serves it",
       "Load virtio_rng now and at every boot (role kvm.entropy.guest); where the kernel has no such module, install the package that carries it; where a "
       "line of modprobe.d or of the kernel's command line keeps it out, remove that line first",
       seen_by=GUEST, needs="nothing",
       detected="The device on the guest's bus has no link to a driver. The evidence names a line that keeps modprobe or the kernel from loading it: "
                "blacklist, install or alias in modprobe.d, module_blacklist= or modprobe.blacklist= on the kernel's command line.",
       sure="Certain at the moment of the look.")
_known("driver-late",
       "The driver came after user space had started, too late for its first reads",
       "Put virtio_rng into the initramfs (role kvm.entropy.guest with entropy_guest_early) and reboot",
       seen_by=GUEST, needs=_LOG,
       detected="The kernel's fill thread started after systemd or the init did, and the device's PCI function was found before that.",
       sure="Certain; not said of a device that was plugged later, nor where another source may have started the thread.")
_known("initramfs-without-driver",
       "The initramfs of the kernel that boots next does not load the virtio-rng driver, so the next boot has no source until its root file system is "
       "mounted",
       "Put virtio_rng into it: kvm.entropy.rng_driver, or role kvm.entropy.guest with entropy_guest_early. Where it is built by other means, name virtio_rng "
       "there and build it again",
       seen_by=GUEST, needs="a look into the images (initramfs; entropy_verify_initramfs), and root where only root may read them",
       detected="The device has its driver now, and each image that the kernel which boots next has was looked into: the driver is missing in it, or a module "
                "that it needs, or nothing in it loads the driver. Not said where the CPU or the bootloader makes the CRNG ready before any driver does, where "
                "the driver is built in, nor where the next kernel is not known or an image of it was not seen.",
       sure="Certain of the image. A guest that starts with a kernel and an initramfs from outside its disk (QEMU's -kernel) does not use it.")
_known("not-current",
       "The kernel's current source is not the virtio-rng device, and is none that is known to be sound",
       "Choose it: kvm.entropy.hwrng with source virtio_rng",
       seen_by=GUEST, needs="nothing",
       detected="The device has its driver, and rng_current names no virtio-rng source, nor another of the kernel's own drivers with a quality above 0 "
                "(see other-source).",
       sure="Certain. Whether the other source is a good one is not known.")
_known("other-source",
       "The kernel's current source is not a virtio-rng device but another of its own drivers, such as a TPM, SMCCC TRNG or the CPU's TRNG on s390x",
       "None is needed where link fed is ok. To take the host's instead: kvm.entropy.hwrng with source virtio_rng, after kvm.entropy.virt_rng on the host "
       "where there is no device",
       seen_by=GUEST, needs="nothing", severity=INFO,
       detected="rng_current has the name that another driver in the kernel's source gives its generator, and its quality is not 0. It is seen to feed the "
                "kernel where the fill thread has rested 11 s and more: after a read that failed it rests 10 s (hwrng_fillfn() in "
                "drivers/char/hw_random/core.c).",
       sure="Certain of the name. That it feeds the kernel is certain for its last read, by /proc/PID/sched; unknown without CONFIG_SCHED_DEBUG, and in the "
            "first 22 s after the boot.")
_known("quality-zero",
       "The source is trusted with no entropy at all, so its bytes are never credited",
       "Remove rng_core.default_quality and rng_core.current_quality from the kernel command line, and set the quality back: "
       "kvm.entropy.hwrng with source virtio_rng and quality 1000 (before Linux 5.18, write 1000 to /sys/module/rng_core/parameters/current_quality)",
       seen_by=GUEST, needs="nothing",
       detected="rng_quality (5.18 and newer), or before that the parameter current_quality of rng_core, is 0. On kernels before 6.1 that are not ready the "
                "fill thread spins meanwhile, which its CPU time shows.",
       sure="Certain. Since when it is 0 is not known.")
_known("not-filling",
       "The device, its driver and the kernel's choice are right, and still no full buffer arrives, or too few",
       "Look at the host's end: a rate limit that starves (kvm.entropy.virt_rng_info), a backend that delivers nothing, or a host that is "
       "itself not ready",
       seen_by=GUEST, needs="nothing",
       detected="The interrupt counter that is the device's own stands at 0 for 10 s and more after the fill thread started, or that thread does not run, or "
                "it has been waiting for the source for 10 s and more without running (/proc/PID/sched; 70 s where the device has delivered before). "
                "Or bytes trickle: an interrupt may bring one byte, and the kernel takes buffers of 64. A CRNG that is not ready after 10 s has got no full "
                "buffer, as the first one makes it ready. Later the thread's state tells: in the driver's read it is D, in the pause after a full buffer S. "
                "One that is in the read is watched for up to 11 s; how often it is woken, then and since it started (voluntary_ctxt_switches), gives how "
                "long a buffer takes, and over 70 s is too long.",
       sure="Certain for the time until the look; the first 10 s are called unknown, and so is, while the thread rests, a source whose buffers come in more "
            "than four pieces each, unless the load average shows that the thread does not wait for most of the time. Drivers before 5.16 that lack its "
            "changes (Debian's 5.10 has them) hand on less than a full buffer: a trickle is not seen there once the CRNG is ready. An agent's look watches "
            "nothing, and is unknown where it meets the thread in the read.")
_known("not-ready",
       "The CRNG is not ready: who asks for random numbers waits, or gets guessable ones",
       "Give the machine a source: the virtio-rng device for a guest (kvm.entropy.site); generate no key until it is ready",
       seen_by=BOTH, needs="nothing",
       detected="getrandom() with GRND_NONBLOCK would have to wait; it is asked for no byte.",
       sure="Certain: it is the kernel's own answer. Over SSH it is hardly ever seen, as the session itself has waited.")
_known("early-reads",
       "User space was given random numbers before the CRNG was ready in this boot",
       "Make the source early (device at the start, virtio_rng in the initramfs: role kvm.entropy.guest), reboot, then replace the keys that "
       "were generated during this boot's start",
       seen_by=GUEST, needs=_LOG,
       detected="The kernel's log has lines of uninitialized urandom reads, in the words of any kernel since 3.13; those that it kept back are counted too. "
                "Kernels until 4.7 log the first one only.",
       sure="Certain. What the numbers were used for is not known. A log that lost its start, or that has a line of the random driver that is not known, "
            "proves no absence.")
_known("seeded-late",
       "The CRNG became ready only after user space had started; who asked had to wait",
       _SITE,
       seen_by=GUEST, needs=_LOG,
       detected="The log dates readiness after the start of systemd, or of the init where that is the kernel's own, without uninitialized reads.",
       sure="Certain by the log's times. Unknown, and not said, where the log does not go back to the boot.")
_known("rate-starves",
       "The rate limit delays the first credit for so long that the guest finds its numbers elsewhere",
       "Allow at least one fill buffer per period: kvm.entropy.virt_rng with rate_bytes 1024 and rate_period 1000, or rate_bytes 0 for no limit",
       seen_by=HOST, needs=_READ_ONLY,
       detected="Computed from <rate> and the guest's fill buffer, 64 bytes on x86 and arm64: over 1 s of (buffer / bytes, rounded up, less 1) "
                "periods; or over 10 s of a period more, as a reboot inside the guest finds the period's bytes used up.",
       sure="Certain by arithmetic; the buffer is the kernel's (rng_buffer_size() in drivers/char/hw_random/core.c).")
_known("config-only",
       "The definition has the device, what runs has not",
       "Power the domain off and start it (kvm.entropy.virt_restart); a reboot inside the guest is not enough. "
       "Or plug it: kvm.entropy.virt_rng with scope live",
       seen_by=HOST, needs=_READ_ONLY,
       detected="The two descriptions of a running domain are compared.",
       sure="Certain.")
_known("live-only",
       "What runs has the device, the definition has not: it is gone at the next start",
       "Write it into the definition: kvm.entropy.virt_rng with scope config",
       seen_by=HOST, needs=_READ_ONLY,
       detected="The two descriptions of a running domain are compared.",
       sure="Certain.")
_known("managed-save",
       "A saved state has no device, and the next start brings that state back, whatever the definition says",
       "Start the domain, then plug the device (kvm.entropy.virt_rng with scope live) or power it off and start it again. Or drop the saved state "
       "(virsh managedsave-remove), which is like cutting the guest's power",
       seen_by=HOST, needs=_READ_ONLY,
       detected="The description in the domain's managed save has no <rng>, its definition has one.",
       sure="Certain. A save that cannot be read is not judged.")
_known("unmanaged-device",
       "The guest has an rng device that libvirt does not manage",
       "Nothing is needed while the guest is fed. To have it managed: remove it from <qemu:commandline> (virsh edit), then kvm.entropy.virt_rng and a "
       "power-off and start",
       seen_by=BOTH, needs=_READ_ONLY, severity=INFO,
       detected="The domain's <qemu:commandline> has -device virtio-rng-*, as words or as JSON; or libvirt shows no <rng> of a running domain, and its guest, "
                "seen later, has the device and is fed by it.",
       sure="Certain. -readconfig, -set and -global are not followed.")
_known("duplicate-device",
       "The domain has more than one rng device; its guest's kernel listens to one of them only",
       "Keep one: kvm.entropy.virt_rng with exclusive true",
       seen_by=HOST, needs=_READ_ONLY, severity=INFO,
       detected="More than one <rng> in the definition, or in what runs where there is no definition.",
       sure="Certain.")
_known("unsafe-backend",
       "The backend can abort the guest: QEMU ends on a read error, and this file cannot be read without a hardware source behind it",
       "Use backend random with /dev/urandom, or backend builtin: kvm.entropy.virt_rng",
       seen_by=HOST, needs=_READ_ONLY + ", and files of the host",
       detected="The backend is /dev/hwrng, by device number where the file can be looked at, and the host's own rng_current is none.",
       sure="Certain that a read fails now; QEMU's backends/rng-random.c aborts on that.")
_known("unknown-backend",
       "The backend is a character device whose device number is not that of a known random source",
       "Use backend random with /dev/urandom, or backend builtin (kvm.entropy.virt_rng), unless you know that this device is a random source",
       seen_by=HOST, needs=_READ_ONLY + ", and files of the host", severity=INFO,
       detected="The backend is a character device that is neither /dev/random, /dev/urandom nor /dev/hwrng by device number, and no device that is known "
                "to be something else.",
       sure="Certain about the number. Whether the device delivers random numbers is not known.")
_known("backend-starves",
       "The host's backend delivers nothing, or less than its guests draw when they are idle",
       "Use backend random with /dev/urandom, or backend builtin: kvm.entropy.virt_rng",
       seen_by=HOST, needs=_READ_ONLY + ", and reading the device: root for /dev/hwrng",
       detected="The backend's file is not on the host. Or a slow one is read for at most entropy_host_capacity_timeout s, and compared with a fill buffer a "
                "minute for each running guest.",
       sure="Measured at that moment; other readers slow it down.")
_known("cannot-start",
       "The domain could not start again with the <rng> of its definition",
       "Give the definition another backend (kvm.entropy.virt_rng, such as /dev/urandom), or mend what the evidence names: the right of QEMU's user, the "
       "daemon that should listen, the port that is taken",
       seen_by=HOST, needs=_READ_ONLY + ", and files of the host",
       detected="QEMU's user (libvirt's capabilities, the domain's seclabel, or the session daemon's own) may not open the backend by owner, mode, ACL or the "
                "folders on the way; nobody listens on the unix socket or loopback port (/proc/net, then a connection that is refused); its own port is "
                "in use; the folder of its socket is not there; or the driver option iommu is set where QEMU refuses it.",
       sure="Certain at the moment of the look. SELinux, AppArmor and cgroups are not asked, so a domain without this problem may still fail to start.")
_known("backend-slow",
       "The host's backend is slow: when all its guests start together, the last waits over 10 s for its first credit",
       "Use backend random with /dev/urandom, or backend builtin: kvm.entropy.virt_rng",
       seen_by=HOST, needs=_READ_ONLY + ", and reading the device: root for /dev/hwrng", severity=INFO,
       detected="By the same measurement, divided among the guests that run.",
       sure="Computed for the worst case, all of them starting at once.")
_known("untrusted-host",
       "The guest's memory is hidden from its host, so the host must not be its only source of random numbers",
       "Let the guest's CPU take part: RDRAND or RDSEED in its CPU model, and random.trust_cpu=on",
       seen_by=BOTH, needs="nothing in the guest; on the host " + _READ_ONLY, severity=INFO,
       detected="The guest has a device, file or CPU flag that only guests under SEV, TDX, Secure Execution or PEF have, or its kernel's log says so; and it "
                "was not seeded by its CPU.",
       sure="Certain that it is confidential; that the CPU did not take part is unknown where the log is gone.")
_known("fake-source",
       "A feeder gives the kernel its own output back and claims that it is new entropy",
       "Stop it, or take the option that names /dev/urandom or /dev/random as its source out of its configuration",
       seen_by=BOTH, needs="nothing",
       detected="A running rngd names /dev/urandom or /dev/random as its source on its command line, or has it open for reading alone (seen by root).",
       sure="Certain: by device number, whatever the name. Another program that copies the kernel's output into a pipe is not seen through.")
_known("fake-device",
       "A node from which programs take random numbers is not the kernel's generator",
       "Remove it and make it anew: mknod -m 666 /dev/urandom c 1 9; mknod -m 666 /dev/random c 1 8 (a reboot does that too where /dev is devtmpfs). Find "
       "who replaced it, and replace the keys that were generated since",
       seen_by=GUEST, needs="nothing",
       detected="/dev/random or /dev/urandom, or what it links to, is there and is no character device of the numbers 1:8 or 1:9.",
       sure="Certain at the moment of the look. A node that is missing is not told of. Programs that call getrandom() are not affected.")
_known("feeder-useless",
       "The kernel is fed by its own thread, or has no use for a feeder; what is enabled beside it adds nothing that is credited",
       "Remove the feeder, unless a rule that you must comply with asks for it",
       seen_by=BOTH, needs="nothing", severity=INFO,
       detected="rngd, haveged, jitterentropy-rngd or entropy-feeder runs beside a kernel of the rewritten generator that is fed by its own thread; or it is "
                "enabled and its unit says that it is not for this kernel.",
       sure="Certain that nothing it gives is credited once the CRNG is ready.")
_known("feeder-dead",
       "A feeder is wanted at every boot, and it does not run",
       "See why it ended (systemctl status, journalctl -u), or disable it where the kernel needs none",
       seen_by=BOTH, needs="nothing", severity=INFO,
       detected="A feeder's unit is linked into a target (systemd) or a runlevel (OpenRC), and no process of that name runs.",
       sure="Certain at the moment of the look; not said where other users' processes are hidden. Whether the guest misses it, its other links tell.")
_known("source-stuck",
       "The source delivers bytes that no sound source delivers: a constant, a repetition or a bias",
       "Take it out of use (a guest gets another backend by kvm.entropy.virt_rng on its host), and replace the keys that were generated from it. "
       "Then reload entropy-feeder where it runs, so that it trusts the source again",
       seen_by=BOTH, needs="root, and a test that is asked for (health_bytes); nothing where entropy-feeder or the host tells",
       detected="The repetition count or adaptive proportion test of SP 800-90B failed, bytes came again, or more blocks failed FIPS 140-2 than "
                "chance explains (docs/health.md). Or entropy-feeder says that its source failed such tests: twice, or once without feeding again since "
                "(docs/feeders.md). On the host: the backend is /dev/zero, /dev/null or /dev/full by device number, a device that is no random "
                "source such as /dev/kmsg or a terminal, or no character device at all.",
       sure="Nearly: a sound source fails one of 22 million tests of 20,000 bytes. That a source passes proves no entropy.")
_known("no-vmgenid",
       "The guest is not told when it was cloned or restored, and may then repeat random numbers until its kernel reseeds",
       "Put <genid/> into the domain's definition and start the domain again; the guest's kernel needs 5.18 or newer to listen (6.10 where the hypervisor "
       "tells by a device tree, as QEMU does not)",
       seen_by=BOTH, needs="nothing in the guest; on the host " + _READ_ONLY, severity=INFO,
       detected="No vmgenid driver is bound in the guest; on the host, no <genid> in the definition of a domain on x86.",
       sure="Certain. It matters to guests that are cloned or restored only.")
_known("vmgenid-unsupported",
       "The guest is not told when it was cloned or restored, as QEMU has no device for that on its architecture, and may then repeat random numbers until "
       "its kernel reseeds",
       "Have the guest's kernel reseed after it was cloned or restored and before it generates keys: reboot the guest. libvirt refuses <genid/> here",
       seen_by=BOTH, needs="nothing in the guest; on the host " + _READ_ONLY, severity=INFO,
       detected="No vmgenid driver is bound in the guest, or no <genid> is in the definition, and the architecture is none of x86: QEMU's vmgenid depends on "
                "its PC machines (hw/acpi/Kconfig), and libvirt takes <genid/> only where QEMU has it.",
       sure="Certain of QEMU up to 11. It matters to guests that are cloned or restored only.")
_known("host-unsound",
       "The host's own generator cannot be relied upon, and it is where all its guests get theirs",
       "Repair the host first: see its own problems (kvm.entropy.entropy_facts on the host)",
       seen_by=HOST, needs="nothing",
       detected="The host's own facts say not-ready, fake-source, fake-device or source-stuck. It is in the rows of its domains; a host that has none gets "
                "a row of its own.",
       sure="As sure as that problem of the host's.")
_known("managed-elsewhere",
       "The definition is written by a manager, which undoes what is changed beside it",
       "Set it where it comes from: hw_rng in OpenStack's flavor and image, the RNG device in oVirt's cluster and VM, devices.rng in KubeVirt and Harvester, "
       "RAW in OpenNebula's template, vm.rng.enable in CloudStack's agent.properties, the VM's settings in ZStack",
       seen_by=HOST, needs=_READ_ONLY, severity=INFO,
       detected="The definition has metadata in the namespace of OpenStack, oVirt, KubeVirt, OpenNebula or ZStack, CloudStack's name in <sysinfo>, or a name "
                "as OpenNebula (one-7) and CloudStack (i-2-10-VM, and r-, s- and v- with one number) alone give.",
       sure="Certain that the manager wrote it once; by the name alone, nearly.")
_known("stale",
       "The facts are too old to judge by, or of a time to come",
       "Gather them again, set the clock that is wrong, or allow older ones with entropy_verify_max_age (s)",
       seen_by=BOTH, needs="nothing",
       detected="The time of the judgement less the time at which the facts were gathered is more than entropy_verify_max_age, "
                "or they are dated over 5 min ahead.",
       sure="As right as the two machines' clocks.")
_known("unreachable",
       "The machine did not answer",
       "See its error in this run, make it reachable, and verify again",
       seen_by=BOTH, needs="nothing",
       detected="Ansible calls it unreachable in this run, or could not ask it: a plugin, a library or a program for its connection is missing on the "
                "controller, or there is no such container. Older facts in a cache do not count then. The remedy is chosen by the reason's words.",
       sure="Certain.")
_known("look-failed",
       "The machine answered, and the look at it failed",
       "See the reason, mend it there, and verify again",
       seen_by=BOTH, needs="nothing",
       detected="The look ended with an error after the machine had answered: no root by sudo (no password, a wrong one, not allowed), no Python, no space "
                "for Ansible's files. Older facts in a cache do not count then, nor in a later job until a look succeeds. The remedy is chosen by the "
                "reason's words.",
       sure="Certain. The reason may be the machine's own words.")
_known("needs-root",
       "The account that looked may not read what decides the verdict",
       "Look as root: become, with -K where sudo asks for a password; see whether the inventory turns it off by ansible_become: false (docs/rights.md)",
       seen_by=GUEST, needs="nothing",
       detected="The kernel's log, other users' processes, a test that was asked for or, where no inventory names it, the domain's UUID was refused to this "
                "account; ansible_facts.entropy.unseen lists each with what it takes. Another remedy is named where the look was made in a container or as "
                "root.",
       sure="Certain of what was not seen. Seen by root, the machine may be ok or broken.")
_known("host-not-seen",
       "No host was seen that runs this guest's domain",
       "Put its host into the group kvm_hosts, set entropy_domain_uuid where the guest cannot read its own UUID, or say entropy_verify_expect: guest-only",
       seen_by=HOST, needs=_READ_ONLY,
       detected="No host's domains have the guest's UUID, also with its first three fields' bytes swapped; or the guest could not read it, which takes root.",
       sure="Certain of the hosts that were looked at.")
_known("guest-not-seen",
       "Nobody looked into the guest of this domain",
       "Put it into the group kvm_guests, have its host ask its guest agent (entropy_host_guest_agent), or say entropy_verify_expect: host-only for it "
       "or its host",
       seen_by=GUEST, needs="a login, or on the host the guest's agent",
       detected="The domain runs, and no guest with facts has its UUID.",
       sure="Certain of the guests that were looked at.")
_known("left-out",
       "The limit of this run leaves out the other half of this chain",
       "Name the guest and its host in the limit, or give Ansible a fact cache, from which a limited run takes the other half",
       seen_by=BOTH, needs="nothing",
       detected="A guest's host, or a domain's guest, was not seen, and --limit leaves out hosts or guests of which no facts are cached.",
       sure="Nearly: the half that is missing may be another's than theirs.")
_known("ambiguous",
       "Nothing tells which domain is this guest's: several have its UUID, or its UUIDs contradict each other",
       "Look at all the hosts in one run, as a guest may have moved between two looks. Else give each domain its own UUID and each guest its own "
       "entropy_domain_uuid, or none where the guest can read it; undefine what a migration left behind",
       seen_by=BOTH, needs="nothing",
       detected="Two guests' facts have one UUID and not one boot; or two domains have it, and both run or none does. Or "
                "entropy_domain_uuid is not the UUID that the guest itself reports, with which a domain runs.",
       sure="Certain. One that runs among several that are off is taken for the guest's.")
_known("bad-facts",
       "What the machine reports of itself does not fit the schema of this collection's facts, so it is not judged by them",
       "Gather its facts again with the version of the collection that judges. Where that does not help, see who changes what the machine "
       "reports: a replaced Python or module, or a changed fact cache",
       seen_by=BOTH, needs="nothing",
       detected="The facts entropy and entropy_domains are validated on the controller, field by field; the evidence names the first field that is wrong.",
       sure="Certain. Facts that fit the schema may still be untrue: a guest's facts are its own word.")
_known("bad-variable",
       "A variable that tells how this machine is judged has a value that is not allowed",
       "Correct it in the inventory: entropy_domain_uuid is the UUID that 'virsh domuuid' prints, entropy_verify_expect is auto, host-only or guest-only",
       seen_by=BOTH, needs="nothing",
       detected="entropy_domain_uuid or entropy_verify_expect of this host or guest is read from the inventory and checked. Facts never set them.",
       sure="Certain.")
