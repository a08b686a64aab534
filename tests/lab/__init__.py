# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab: a libvirt of its own, real Debian guests over SSH on loopback, and quick guests read over their console."""


class LabError(Exception):
    """The lab could not do what was asked; the text says what was found and what to do."""
