# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many examples a property is tried on: the same few in every run, or many random ones.

``KVM_ENTROPY_EXAMPLES=20 ./run pytest tests/integration/test_virt_rng_properties.py`` tries twenty times as many, others in each run; so does
``./run fuzz 20`` with all of tests/fuzz.
"""

import os

from hypothesis import HealthCheck, settings

_TIMES = int(os.environ.get("KVM_ENTROPY_EXAMPLES", "0"))


def examples(count):
    """Return the settings (a decorator) of a property that is tried on ``count`` examples."""
    return settings(
        max_examples=count * max(1, _TIMES), derandomize=not _TIMES, database=None, deadline=None, print_blob=bool(_TIMES),
        # A fixture's daemon is the same for all examples, and each example removes its domains.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])
