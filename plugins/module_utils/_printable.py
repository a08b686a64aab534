# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that a machine's firmware or log made up, as evidence may repeat it. Pure."""

# A line of evidence quotes a name or one message of the kernel's.
MOST = 120


def printable(text, most=MOST):
    """Return at most ``most`` characters of ``text`` (str), with ``?`` for each that is not printable ASCII."""
    shown = "".join(character if " " <= character <= "~" else "?" for character in text[:most + 1])
    return shown if len(shown) <= most else shown[:most - 3] + "..."
