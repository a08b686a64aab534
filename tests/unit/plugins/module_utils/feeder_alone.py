# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feeder's service in a process of its own, with a fake kernel: ``python feeder_alone.py CONFIGURATION [refuses] [ready] [FIFO]``.

Each line that it prints tells what the kernel was given: ``mixed BYTES`` and ``credited BYTES BITS``. With ``refuses`` it takes no credit, as in a container;
with ``ready`` it needs none. With a FIFO it has the older generator, which is thirsty where that can be written to. What the service calls long is 2 s here.
"""

import errno
import os
import select
import sys

from ansible_collections.kvm.entropy.plugins.module_utils import _feeder_service
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_main import main
from feeder_fakes import FakeKernel


class Kernel(FakeKernel):
    """Prints what it is given."""

    def __init__(self):
        words = sys.argv[2:]
        pool = [word for word in words if os.path.isabs(word)]
        super().__init__(is_ready="ready" in words, is_rewritten=not pool)
        if pool:
            os.dup2(os.open(pool[0], os.O_RDWR | os.O_NONBLOCK), self.file, inheritable=False)

    def is_thirsty(self):
        return bool(select.select([], [self.file], [], 0)[1])

    def mix(self, data):
        super().mix(data)
        print("mixed", len(data), flush=True)

    def credit(self, data, bits):
        if "refuses" in sys.argv[2:]:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        super().credit(data, bits)
        print("credited", len(data), bits, flush=True)


_feeder_service.opened_kernel = Kernel
_feeder_service._LATEST = 2
# One per folder of a test, and not one per machine.
_feeder_service._LOCK = os.environ.get("LOCK") or os.path.join(os.environ["RUNTIME_DIRECTORY"], "lock")

if __name__ == "__main__":
    sys.exit(main(["--config", sys.argv[1]]))
