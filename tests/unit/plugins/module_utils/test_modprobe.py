# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps the driver from being loaded, by the files of modprobe.d."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._modprobe import ALWAYS, BY_ALIAS, refusal_in


@pytest.mark.parametrize(("texts", "how"), [
    ({"/etc/modprobe.d/a.conf": "blacklist virtio_rng\n"}, BY_ALIAS),
    ({"/etc/modprobe.d/a.conf": "", "/etc/modprobe.d/b.conf": "install virtio-rng /bin/true\n"}, ALWAYS),
    ({"/usr/lib/modprobe.d/a.conf": "blacklist virtio_rng\n", "/etc/modprobe.d/a.conf": ""}, None),
    ({"/lib/modprobe.d/a.conf": "blacklist virtio_rng\n", "/run/modprobe.d/a.conf": "# masked\n"}, None),
    ({"usr/lib/modprobe.d/a.conf": "blacklist virtio_rng\n", "etc/modprobe.d/a.conf": ""}, None),
    ({"/usr/lib/modprobe.d/a.conf": "", "/etc/modprobe.d/a.conf": "blacklist virtio_rng\n"}, BY_ALIAS)])
def test_of_several_files_of_one_name_the_first_folders_counts(texts, how):
    found = refusal_in(texts)
    assert (found and found.how) == how
