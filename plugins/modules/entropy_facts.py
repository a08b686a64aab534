#!/usr/bin/python
# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module kvm.entropy.entropy_facts."""

DOCUMENTATION = r"""
module: entropy_facts
short_description: Tell what a kernel knows about its randomness
version_added: 0.1.0
author: kvm.entropy contributors (@kvm-entropy)
description:
  - Looks, on a guest or on a host, at whether the kernel's generator (CRNG) is ready, since when and by whom it was seeded, which hardware
    sources there are, whether the kernel is fed by one, and whether all that was in time for user space's first read.
  - It probes and never compares version numbers. What it cannot see is V(unknown) (names and numbers are null) and listed in C(unseen).
  - It draws no random number unless O(health_bytes) asks for it, changes nothing and needs no privileges. As root it sees more, namely the domain UUID
    and, where C(kernel.dmesg_restrict) is set, the kernel's log.
  - Where the kernel's log has lost the start of the boot, or may not be read, C(journalctl) is asked for what the journal of this boot has of it (since 0.7.0),
    for at most 5 s and 8 MiB. Only records that journald itself marks as the kernel's count.
options:
  root:
    description:
      - Where the system to look at is. Another folder than V(/) can be a mounted image, a container's root or an unpacked sosreport.
      - What only a running kernel can tell is V(unknown) then, and never this machine's own answer. Symbolic links do not lead out of it.
      - Such a folder may hold anything. A look takes at most 64 MiB of memory. It opens regular files only, and reads a bounded part of each; what was
        left out is V(unknown).
    type: path
    default: /
  health_bytes:
    description:
      - How many bytes of the kernel's current source (C(/dev/hwrng)) may be read, at most, to test whether it is stuck, repeats itself or is biased. V(0) reads
        nothing, otherwise V(2500) to V(1048576). 20,000 make 8 blocks of FIPS 140-2, and take 20 s where a host allows the usual 1,024 bytes per second.
      - They are thrown away, neither kept nor returned, and lost to the kernel. Nothing is read while the CRNG is not ready, where the kernel has no current
        source, or with another O(root) than V(/); nor where C(/dev/hwrng) is not character device 10:183, which is looked at before it is opened. It
        takes root.
      - It proves no entropy. See C(docs/health.md) for what is found and what is not.
    type: int
    default: 0
    version_added: 0.3.0
  health_timeout:
    description:
      - How long to read at most, in seconds (0.1 to 300), whatever has come by then. A source that starves is left when time is over, even where a read of it
        would wait for ever.
    type: float
    default: 10
    version_added: 0.3.0
  initramfs:
    description:
      - Whether the images of the initramfs are looked into, for the virtio-rng driver. These are the images of the running kernel and of the one that boots
        next, or of all kernels where the next one cannot be known, 8 at most.
      - It takes about half a second per image, 30 seconds at most for all, 160 MiB of memory at most, and root where only root may read them. For zstd, lz4
        and lzo the machine's own program is run.
    type: bool
    default: false
    version_added: 0.7.0
seealso:
  - module: kvm.entropy.hwrng
  - module: kvm.entropy.rng_driver
extends_documentation_fragment:
  - kvm.entropy._attributes
  - kvm.entropy._attributes.info
  - kvm.entropy._attributes.facts
  - kvm.entropy._attributes.linux
"""

EXAMPLES = r"""
- name: Look at the machine's randomness
  kvm.entropy.entropy_facts:

- name: Refuse to generate keys before numbers are good
  ansible.builtin.assert:
    that: ansible_facts['entropy'].crng.ready is true

- name: Test what the source delivers, and fail where it is no random source
  kvm.entropy.entropy_facts:
    health_bytes: 20000
    health_timeout: 30
  become: true
  register: looked
  failed_when: looked.ansible_facts.entropy.health.passed is false

- name: Look whether the next boot has the driver in its initramfs
  kvm.entropy.entropy_facts:
    initramfs: true
  become: true

- name: Look at a mounted image
  kvm.entropy.entropy_facts:
    root: /mnt/image
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: success
  type: complex
  contains:
    entropy_look:
      description:
        - Why the look failed at a machine that answered, as a dictionary of C(failed_at) (seconds since 1970 UTC, of the controller) and C(reason). It tells a
          judgement, in this job or a later one, that facts of an earlier look are not what the machine shows now.
        - Empty after a look that succeeded where one had failed before.
      returned: failure
      type: dict
      sample: {failed_at: 1795588707, reason: Missing sudo password}
      version_added: 0.7.0
    entropy:
      description: All that the kernel tells. Tri-states are V(true), V(false) or V(unknown); numbers and names that were not seen are null.
      returned: success
      type: dict
      contains:
        schema:
          description: The version of this structure.
          type: int
          sample: 1
        gathered_at:
          description: When, in seconds since 1970 (UTC).
          type: int
          sample: 1795463462
        boot_id:
          description: The id of this boot. Null while the CRNG is not ready, as its first read would draw from it.
          type: str
          sample: 8bf53aba-774b-4738-8f38-cb0e3ea73721
        kernel:
          description: The kernel and its input pool.
          type: dict
          contains:
            release:
              description: As C(uname -r) gives it.
              type: str
              sample: 6.1.0-42-cloud-amd64
            pool_bits:
              description: The pool's size, in bits.
              type: int
              sample: 256
            available_bits:
              description: With V(generation=rewritten) the bits collected towards readiness, never spent; else the bits now estimated in the pool.
              type: int
              sample: 256
            generation:
              description: V(rewritten) (a pool of 256 bits), V(legacy) (4096 bits) or V(unknown).
              type: str
              sample: rewritten
        crng:
          description: The generator.
          type: dict
          contains:
            ready:
              description: Whether getrandom() answers without waiting (tri-state).
              type: raw
              sample: true
            ready_evidence:
              description: How that is known.
              type: str
              sample: getrandom(GRND_NONBLOCK) answers
            ready_at:
              description: When it became ready, in seconds since the boot.
              type: float
              sample: 2.284427
            seeded_by:
              description:
                - V(cpu), V(bootloader), V(hwrng), V(jitter), or V(unknown) where more than one could have been.
                - V(jitter) is what the kernel times itself, by its jitter loop or interrupts. It is told where everything else is excluded.
              type: str
              sample: hwrng
            seeded_by_evidence:
              description: How that is known.
              type: str
              sample: ready at 2.28 s, when virtio_rng.0 began to feed at 2.22 s
            uninitialized_reads:
              description:
                - How many reads of user space the kernel logged before it was ready. Kernels until 4.7 log the first one only.
                - Null where the log does not go back to the boot, has a line of the kernel's random driver that is not known, or ends before the CRNG was
                  ready; or where nothing shows that the kernel logs such reads (3.13 and newer).
              type: int
              sample: 0
            init_started_at:
              description: When the first program started that is known to use random numbers, in seconds since the boot.
              type: float
              sample: 7.8
            in_time:
              description: Whether it was ready before that (tri-state).
              type: raw
              sample: true
            in_time_evidence:
              description: How that is known.
              type: str
              sample: ready at 5.80 s, before systemd started at 7.80 s
            fake_devices:
              description:
                - Which of C(/dev/random) and C(/dev/urandom) is there and is none of the kernel's generator, neither character device 1:8 nor 1:9, whatever
                  it links to.
              type: list
              elements: str
              sample: []
              version_added: 0.7.0
        hwrng:
          description: The hardware sources and the virtio-rng device.
          type: dict
          contains:
            available:
              description: The sources that the kernel has, without its word C(none).
              type: list
              elements: str
              sample: [virtio_rng.0]
            current:
              description: The source that the kernel listens to; V(none) where it has none.
              type: str
              sample: virtio_rng.0
            other_sources:
              description: The available sources that are no virtio-rng device.
              type: list
              elements: str
              sample: []
            quality:
              description: How many bits of entropy per 1024 bits the kernel credits the current source.
              type: int
              sample: 1000
            filling:
              description:
                - Whether the kernel is fed from the current source (tri-state).
                - A virtio-rng device is seen to deliver by its fill thread, which rests only after a full buffer, as an interrupt may bring a single byte.
                  Where that thread is in the driver's read, this module watches it until it rests, for up to 11 s. Another of the kernel's own drivers is
                  seen to deliver by how long that thread rests, for which this module waits up to 11 s in a guest.
              type: raw
              sample: true
            filling_evidence:
              description: How that is known.
              type: str
              sample: virtio_rng.0 of quality 1000; thread hwrng is in the pause that follows a full buffer, 59 interrupts
            spin:
              description: How much CPU the kernel's fill thread has used that goes on without a pause. Null where it rests as it should.
              type: str
              sample: null
              version_added: 0.3.0
            delivered:
              description: How many interrupts the virtio-rng devices raised since the driver came. Each brought a byte or more, to whoever read.
              type: int
              sample: 59
            device:
              description: Whether a virtio-rng device exists, whatever its driver (tri-state).
              type: raw
              sample: true
            device_at:
              description: The device's PCI address. Null where it is on another bus.
              type: str
              sample: "0000:01:00.0"
            driver_loaded:
              description: Whether the driver is loaded or built in (tri-state).
              type: raw
              sample: true
            driver_bound:
              description: The devices on the virtio bus that the driver serves.
              type: list
              elements: str
              sample: [virtio4]
            driver_at:
              description: When the driver began to feed the kernel, in seconds since the boot.
              type: float
              sample: 2.22
            early:
              description: Whether that was before the first program that is known to use random numbers (tri-state).
              type: raw
              sample: true
        cpu:
          description: The CPU's own generator.
          type: dict
          contains:
            rdrand:
              description: Whether the CPU has RDRAND (tri-state).
              type: raw
              sample: true
            rdseed:
              description: Whether the CPU has RDSEED (tri-state).
              type: raw
              sample: false
            trusted:
              description: Whether the kernel is told to credit it (tri-state).
              type: raw
              sample: true
        vmgenid:
          description: Whether the kernel is told when this machine was cloned or restored (tri-state).
          type: raw
          sample: false
        fips:
          description: Whether the kernel runs in FIPS mode (tri-state).
          type: raw
          sample: false
        kvm_guest:
          description:
            - Whether this machine is a guest of KVM or QEMU (tri-state), by the hypervisor's own signs (CPU, ACPI, PCI, clock source, device tree, the
              kernel's log). DMI, which whoever starts a guest may write, counts only where there are none.
            - V(unknown) where the signs contradict each other. The links are judged as a guest's then.
          type: raw
          sample: true
        kvm_guest_evidence:
          description: How that is known.
          type: str
          sample: ACPI has QEMU's device QEMU0002:00
        confidential:
          description: Whether this guest's memory is hidden from its host (tri-state), by SEV, TDX, Secure Execution, PEF or CCA.
          type: raw
          sample: false
        confidential_evidence:
          description: How that is known. Null where it is V(unknown).
          type: str
          sample: it has the device sev-guest
          version_added: 0.6.0
        container:
          description: Which manager's container this is, such as V(docker), V(podman) or V(lxc). Its kernel, and all that is told of it, is its host's.
          type: str
          sample: null
          version_added: 0.4.0
        feeder:
          description: Programs that feed the kernel.
          type: dict
          contains:
            which:
              description: The program that runs, or that is enabled; the first where there are more.
              type: str
              sample: rngd
            all:
              description: Every program that runs or is enabled.
              type: list
              elements: str
              sample: [rngd]
              version_added: 0.4.0
            running:
              description: Whether a process that counts runs (tri-state). V(unknown) where one may be there.
              type: raw
              sample: true
            reads:
              description:
                - The kinds of devices that those which run have open for reading alone - V(hwrng), V(random), V(urandom) or another V(device).
                - Null where none runs, or where that takes root.
              type: list
              elements: str
              sample: [hwrng]
              version_added: 0.4.0
            needed:
              description:
                - Whether this kernel is fed only where a program feeds it (tri-state) - it has a source, and credits nothing of it by itself.
                - False as well where no program could help, as there is no source, or one that delivers nothing.
              type: raw
              sample: false
              version_added: 0.4.0
            needed_evidence:
              description: Why.
              type: str
              sample: "the kernel feeds itself: virtio_rng.0 of quality 1024; thread hwrng is in the pause that follows a full buffer, 3 interrupts"
              version_added: 0.4.0
            dead:
              description: The programs that every boot shall start, on this kernel too, and that do not run.
              type: list
              elements: str
              sample: []
              version_added: 0.5.0
            stuck:
              description: How the source failed health tests, as C(entropy-feeder) says itself. One failure of a source that feeds again may be chance and is
                not told.
              type: str
              sample: null
              version_added: 0.4.0
            silent:
              description: Why C(entropy-feeder) runs and credits nothing, though no test failed, as it says itself.
              type: str
              sample: null
              version_added: 0.5.0
            useful:
              description: Whether the kernel would miss it (tri-state). Null without a feeder.
              type: raw
              sample: false
            fake:
              description:
                - The file from which it feeds the kernel its own output back.
                - V(unknown) where a process that may be rngd names one, and this user cannot see whether it can credit.
              type: str
              sample: /dev/urandom
            fake_evidence:
              description: Which process does that.
              type: str
              sample: rngd (pid 783, uid 0, /usr/sbin/rngd) runs with /dev/urandom as its source
              version_added: 0.6.0
            processes:
              description:
                - The processes that count, at most eight, each with its pid, user id and executable as far as they are known.
                - Every user may start a program under every name. A process counts if it has CAP_SYS_ADMIN in the initial user namespace, has not ended, and
                  runs a program that only root may write.
              type: list
              elements: str
              sample: ["rngd (pid 783, uid 0, /usr/sbin/rngd)"]
              version_added: 0.6.0
            unproven:
              description: The processes with the name of a feeder of which this user cannot see whether they count, with the reason; at most eight.
              type: list
              elements: str
              sample: ["rngd (pid 783, uid 0): its user namespace and executable cannot be seen"]
              version_added: 0.6.0
            ignored:
              description: The processes with the name of a feeder that cannot credit, with the reason; at most eight. They change no other fact.
              type: list
              elements: str
              sample: ["rngd (pid 4711, uid 1000, /tmp/rngd): it has no CAP_SYS_ADMIN"]
              version_added: 0.6.0
            wanted:
              description: The feeders' units (systemd) or services (OpenRC) that every boot shall start.
              type: list
              elements: str
              sample: [rngd.service]
              version_added: 0.3.0
            idle_reason:
              description: Why systemd does not start one that is wanted on this kernel.
              type: str
              sample: null
              version_added: 0.3.0
        domain_uuid:
          description: The UUID of this guest's libvirt domain.
          type: str
          sample: 2c12a822-84af-424b-91cf-7470bde43aa8
        domain_uuid_from:
          description: V(dmi), V(sysinfo) (s390x) or V(device-tree) (ppc64).
          type: str
          sample: dmi
        domain_uuid_reason:
          description: Why it is not known.
          type: str
          sample: only root may read /sys/class/dmi/id/product_uuid
        health:
          description: What the test of the source's bytes found. Null where O(health_bytes=0).
          version_added: 0.3.0
          type: dict
          contains:
            source:
              description: The source that was current. Null where that was not seen.
              type: str
              sample: virtio_rng.0
            bytes_asked:
              description: What O(health_bytes) says.
              type: int
              sample: 20000
            bytes_read:
              description: How many came.
              type: int
              sample: 20000
            seconds:
              description: How long that took.
              type: float
              sample: 0.412
            reason:
              description: Why nothing or not all was read, or why V(passed) is V(unknown). Null where all was read and decides.
              type: str
              sample: "not tested: the CRNG is not ready, and needs these bytes first"
            fips:
              description: The tests of FIPS 140-2 on blocks of 2,500 bytes. Null where nothing was read.
              type: dict
              contains:
                blocks:
                  description: How many whole blocks there were.
                  type: int
                  sample: 8
                passed:
                  description: How many of them failed no test. Of a sound source, 8 in 10,000 do.
                  type: int
                  sample: 8
                cutoff:
                  description: How many failed blocks are a fault. Chance alone brings that about in fewer than one of a million tests.
                  type: int
                  sample: 3
                failures:
                  description: How many blocks failed each test.
                  type: dict
                  sample: {monobit: 0, poker: 0, runs: 0, long_run: 0, continuous_run: 0}
            sp800_90b:
              description: The continuous health tests of SP 800-90B, 4.4, on bytes. Null where nothing was read.
              type: dict
              contains:
                min_entropy:
                  description: What the source is tested for, in bits per byte. What it is credited with, quality / 1024 * 8; 1 where that is 0 or not known.
                  type: float
                  sample: 8.0
                alpha:
                  description: The chance of a false alarm, per byte and per window, from which the cutoffs follow. 2**-40.
                  type: float
                  sample: 9.094947017729282e-13
                repetition_count:
                  description: How often C(cutoff) equal bytes came in a row (C(failures)).
                  type: dict
                  sample: {failures: 0, cutoff: 6}
                adaptive_proportion:
                  description: How often the first byte of a window of 512 was C(cutoff) times in it (C(failures)).
                  type: dict
                  sample: {failures: 0, cutoff: 19}
            period:
              description: After how many bytes the same bytes came again, wherever in the stream that was. Null where they did not.
              type: int
              sample: null
            passed:
              description:
                - V(false) where a test of SP 800-90B failed, the bytes came again, or so many blocks of FIPS 140-2 failed that chance does not explain it.
                  That is the problem C(source-stuck).
                - V(unknown) where nothing or too little was read, or more blocks failed than usual and not enough for a fault. A source that is credited with
                  less than 1,000 of 1,024 bits is not judged by FIPS 140-2.
              type: raw
              sample: true
            meaning:
              description: What that means, and what not.
              type: str
              sample: "No fault was found in these bytes: stuck, repeating or biased sources are found, entropy is not proved; this is no validated source under
                SP 800-90B and nothing to cite for FIPS 140."
        initramfs:
          description: What was seen of the initramfs. Null where O(initramfs=false).
          version_added: 0.7.0
          type: dict
          contains:
            examined:
              description: Whether any image was looked into.
              type: bool
              sample: true
            reason:
              description: Why none was.
              type: str
              sample: null
            builder:
              description: The program that builds it, as M(kvm.entropy.rng_driver) names it in RV(kvm.entropy.rng_driver#module:initramfs.builder).
              type: str
              sample: initramfs-tools
            builder_evidence:
              description: How it is known.
              type: str
              sample: /usr/sbin/update-initramfs calls mkinitramfs
            next_known:
              description: Whether the kernel that boots next is known.
              type: bool
              sample: true
            next_evidence:
              description: How it is known.
              type: str
              sample: the link /vmlinuz
            images:
              description: The images that count.
              type: list
              elements: dict
              contains:
                kernel:
                  description: The kernel's release.
                  type: str
                  sample: 7.2.12+deb14-cloud-amd64
                when:
                  description: When it counts, V(running), V(next), or V(installed) where the next one is not known.
                  type: list
                  elements: str
                  sample: [running, next]
                image:
                  description: The image's path. Null where there is none.
                  type: str
                  sample: /boot/initrd.img-7.2.12+deb14-cloud-amd64
                examined:
                  description: Whether the image was looked into.
                  type: bool
                  sample: true
                driver:
                  description: Whether it has the driver and the modules that this needs (tri-state).
                  type: raw
                  sample: true
                early:
                  description: Whether it loads the driver (tri-state).
                  type: raw
                  sample: true
                by:
                  description: The file in it that names the driver, V(udev) where udev loads it by the device's alias, or V(kernel) where it is built in.
                  type: str
                  sample: etc/cmdline.d/20-force_drivers.conf
                builder:
                  description: The program that built it, by its contents.
                  type: str
                  sample: dracut
                stale:
                  description: Whether the settings name the driver and the image does not, as it was not built since.
                  type: bool
                  sample: false
                reason:
                  description: What is wrong, or why it was not looked into.
                  type: str
                  sample: null
        unseen:
          description: What could not be seen.
          type: list
          elements: dict
          contains:
            what:
              description: The facts.
              type: str
              sample: domain_uuid
            why:
              description: Why not.
              type: str
              sample: only root may read /sys/class/dmi/id/product_uuid
            needs:
              description: What it would take.
              type: str
              sample: root
        problems:
          description: What is not right.
          type: list
          elements: dict
          contains:
            code:
              description: A stable name.
              type: str
              sample: no-device
            text:
              description: What it means.
              type: str
              sample: The guest has no virtio-rng device
            remedy:
              description: What to do.
              type: str
              sample: "Give its domain one: kvm.entropy.virt_rng on the host"
            evidence:
              description: How it is known.
              type: str
              sample: no virtio device with id 4 on the bus
        links:
          description: Each link of the chain that this machine can tell of, V(ok), V(broken), V(unknown) or V(n/a).
          type: dict
          sample: {host: n/a, config: n/a, live: ok, current: ok, fed: ok, ready: ok, in_time: unknown}
        verdict:
          description: V(ok), V(degraded), V(broken) or V(unknown), from this machine's evidence alone.
          type: str
          sample: ok
"""

from ansible_collections.kvm.entropy.plugins.module_utils._entropy import gather
from ansible_collections.kvm.entropy.plugins.module_utils._errors import exit_with
from ansible_collections.kvm.entropy.plugins.module_utils._module import OptionsModule


def main():
    """Run the module."""
    module = OptionsModule(
        argument_spec={
            "root": {"type": "path", "default": "/"},
            "health_bytes": {"type": "int", "default": 0},
            "health_timeout": {"type": "float", "default": 10},
            "initramfs": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    exit_with(module, lambda: {"changed": False, "ansible_facts": {"entropy": gather(**module.params)}})


if __name__ == "__main__":
    main()
