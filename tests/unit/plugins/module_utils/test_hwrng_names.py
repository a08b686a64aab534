# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the kernel's hardware sources."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._hwrng_names import is_known, is_virtio


@pytest.mark.parametrize("name", ["virtio", "virtio_rng.0", "virtio_rng.17"])
def test_a_virtio_rng_device_is_known_by_the_name_of_every_kernel(name):
    assert (is_virtio(name), is_known(name)) == (True, False)


@pytest.mark.parametrize("name", [
    "tpm-rng", "tpm-rng-0", "smccc_trng", "s390-trng", "trng", "pseries-rng", "powernv-rng", "ccp", "ccp-1-rng", "optee-rng", "rng-caam", "3f104000.rng",
    "intel", "amd", "via", "nsm-hwrng"])
def test_the_kernels_other_drivers_are_known(name):
    assert (is_virtio(name), is_known(name)) == (False, True)


@pytest.mark.parametrize("name", [
    None, "", "none", "other-source", "virtio_rng", "virtio_rng.0x", "my-virtio_rng.0", "tpm-rng-0\n", "tpm-rng-evil", "xtrng", "trng2", "faketpm-rng"])
def test_any_other_name_is_not(name):
    assert (is_virtio(name), is_known(name)) == (False, False)
