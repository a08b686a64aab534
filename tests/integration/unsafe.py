# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which devices virt_rng reads and never writes, so that for them there is no way back by it: what its documentation refuses."""

import re

from generated_rngs import SOUND_PATHS

# The words of the refusal, and whether a device (dict) is one for it.
_REFUSALS = (
    ("expected the absolute path|No such file or directory: nothing was changed|no character device|no hardware source behind it|"
     "delivers zeros or nothing",
     lambda device: device.get("path") not in SOUND_PATHS),
    ("value of type must be one of", lambda device: device.get("egd", {}).get("type") not in ("tcp", "udp", "unix")),
    ("value of protocol must be one of", lambda device: device.get("egd", {}).get("protocol") not in ("raw", "telnet")),
    ("egd: .* in plain text", lambda device: any(source.get("host") not in ("127.0.0.1", "::1") for source in device.get("egd", {}).get("sources", []))),
    ("egd: socket .*: No such file", lambda device: device.get("egd", {}).get("type") == "unix"),
    ("egd: a source of type udp and mode connect: host is missing", lambda device: device.get("egd", {}).get("type") == "udp"),
    ("the driver option iommu needs", lambda device: device["driver"].get("iommu")),
)


def is_unsafe(devices, message):
    """Return whether the ``message`` refuses to write one of ``devices`` (list of dict), which somebody else had written, for what it is."""
    return any(re.search(words, message) and any(map(is_it, devices)) for words, is_it in _REFUSALS)
