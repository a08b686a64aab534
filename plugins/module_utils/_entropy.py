# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what the kernel shows to the facts ``ansible_facts.entropy``. Imports the standard library only, so that an initramfs can call it."""

from ansible_collections.kvm.entropy.plugins.module_utils import _kernel, _verdict
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_crng import crng_facts, first_consumer
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_feeder import feeder_facts
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_health import check, health_facts
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_hwrng import hwrng_facts, number
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_hypervisor import kvm_guest
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_log import events
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_platform import confidential, cpu_facts, domain_uuid, fips, is_x86, vmgenid
from ansible_collections.kvm.entropy.plugins.module_utils._entropy_problems import next_boot_problems, problems, unseen
from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

SCHEMA = 1
# The input pool's size in bits tells which generator runs, as the rewrite went into old release series too (5.10.119, 5.15.44).
GENERATIONS = {256: "rewritten", 4096: "legacy"}
RANDOM = "/proc/sys/kernel/random/"


def gather(root="/", health_bytes=0, health_timeout=10, initramfs=False):
    """Return the facts (dict) of the system below ``root`` (str), tested with at most ``health_bytes`` of its source in at most ``health_timeout`` s.

    With ``initramfs`` (bool) the images of the initramfs are looked into as well.

    Raise EntropyError where ``root`` is no folder or one of the others is out of its bounds.
    """
    check(health_bytes, health_timeout)
    facts = facts_of(_kernel.observe(root, health_bytes, health_timeout))
    if initramfs:
        # What reads archives takes modules that an ordinary look does without, and that an initramfs which calls this does not have.
        from ansible_collections.kvm.entropy.plugins.module_utils import _initramfs  # noqa: PLC0415

        found = _initramfs.examine(root, facts["container"])
        facts["unseen"] += _initramfs.unseen(found)
        add_initramfs(facts, found)
    return facts


def add_initramfs(facts, found):
    """Add to ``facts`` (dict) what was ``found`` (dict, see ``_initramfs.examine``) of the initramfs, and judge them anew."""
    facts["initramfs"] = found
    facts["problems"] += next_boot_problems(facts)
    facts["links"], facts["verdict"] = _verdict.judge_guest(facts)


def facts_of(seen):
    """Return the facts (dict) that the observations ``seen`` (``_kernel.observe``) give. Tri-states are True, False or ``unknown``."""
    texts = seen["texts"]
    boot_id = texts.get(RANDOM + "boot_id")
    log = events(seen["log"], texts.get("/proc/cmdline", ""))
    is_guest, guest_evidence = kvm_guest(seen, log)
    is_hidden, hidden_evidence = confidential(seen, log, is_guest)
    uuid, uuid_from, uuid_reason = domain_uuid(seen, is_guest)
    facts = {
        "schema": SCHEMA,
        "gathered_at": seen["now"],
        "boot_id": boot_id and printable(boot_id),
        "kernel": _kernel_facts(texts),
        "hwrng": hwrng_facts(seen, log, first_consumer(log)),
        "cpu": cpu_facts(seen),
        "vmgenid": vmgenid(seen),
        "fips": fips(seen),
        "kvm_guest": is_guest,
        "kvm_guest_evidence": guest_evidence,
        "confidential": is_hidden,
        "confidential_evidence": hidden_evidence,
        "container": seen.get("container"),
        "domain_uuid": uuid,
        "domain_uuid_from": uuid_from,
        "domain_uuid_reason": uuid_reason,
        "health": health_facts(seen),
        "initramfs": None,
    }
    facts["feeder"] = feeder_facts(seen, facts["hwrng"], facts["kernel"]["generation"])
    facts["crng"] = crng_facts(seen, log, facts["hwrng"], facts["cpu"], facts["feeder"])
    facts["unseen"] = unseen(seen, log, facts)
    facts["problems"] = problems(facts, log, is_x86(seen), seen.get("refusal"))
    facts["links"], facts["verdict"] = _verdict.judge_guest(facts)
    return facts


def _kernel_facts(texts):
    release = texts.get("/proc/sys/kernel/osrelease")
    pool, available = (number(texts.get(RANDOM + name)) for name in ("poolsize", "entropy_avail"))
    return {
        "release": release and printable(release),
        "pool_bits": pool,
        "available_bits": available,
        "generation": GENERATIONS.get(pool, "unknown"),
    }
