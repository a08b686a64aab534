# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names under which the kernel's drivers register their hardware sources (``struct hwrng``). Pure."""

import re

# drivers/char/hw_random/virtio-rng.c: "virtio" until 3.16, then with its number.
_VIRTIO = re.compile(r"virtio(?:_rng\.\d+)?")

# Drivers whose device is a generator of its own: the platform's or hypervisor's interfaces, TPMs, cryptographic processors, then generators on chips.
# Where it came up by its place in the device tree, the name begins with the device's address.
_KNOWN = re.compile("|".join((
    # arm64 (arm_smccc_trng.c, optee-rng.c), s390x (s390-trng.c), ppc64 (pseries-rng.c, powernv-rng.c), SPARC (n2-drv.c), Nitro Enclaves (nsm).
    r"smccc_trng", r"optee-rng", r"s390-trng", r"trng", r"pseries-rng", r"powernv-rng", r"n2rng", r"nsm-hwrng",
    # drivers/char/tpm/tpm-chip.c; tpm-rng.c before 4.15 had no number.
    r"tpm-rng(?:-\d+)?",
    # drivers/crypto: AMD's (ccp/ccp-dev.c), NXP's, HiSilicon's, Arm's.
    r"ccp(?:-\d+-rng)?", r"rng-caam", r"hisi[-_]trng(?:-v2)?", r"cctrng",
    # drivers/char/hw_random.
    r"intel", r"amd", r"geode", r"via", r"ba431-rng", r"bcm2835(?:-rng)?", r"cavium[-_]rng.*", r"cn10k.*", r"exynos.*trng", r"hisi(?:-rng)?",
    r"imx-rngc", r"mxc-rnga", r"iproc-rng200", r"ks-sa-hwrng", r"meson(?:-rng)?", r"mtk[-_]rng", r"nomadik", r"octeon[-_]rng", r"omap.*",
    r"(?:rockchip|rk3\d+)-rng", r"st-rng", r"stm32[-_]rng", r"timeriomem_rng", r"xgene-rng", r"xiphera-trng", r"zynqmp[-_]rng",
    r"[0-9a-f]{6,16}\.(?:rng|trng|hwrng|crypto|prng)", r"chaoskey.*",
)))


def is_virtio(name):
    """Return whether ``name`` (str or None) is a virtio-rng device's."""
    return bool(name and _VIRTIO.fullmatch(name))


def is_known(name):
    """Return whether ``name`` (str or None) is that of another of the kernel's own drivers."""
    return bool(name and _KNOWN.fullmatch(name))
