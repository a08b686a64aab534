# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One udev rule that makes the kernel's choice again at every boot and every plug."""

import os

from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._own_file import NotOwnError, check_own, read_own, remove_own, replace_own

PATH = "/etc/udev/rules.d/60-kvm-entropy-hwrng.rules"

# The driver numbers its sources anew with every plug, so the rule looks for what the kernel calls them now. "$$" is udev's "$".
_CHOOSE = ("cd /sys/class/misc/hw_random || exit 0; for name in $$(cat rng_current rng_available); do case $$name in {source}|{source}.*|{source}-*) "
           "echo $$name >rng_current; {quality}exit 0;; esac; done")
# As the module itself does: choosing again, as setting a quality makes the kernel forget the choice, may cap the quality.
_QUALITY = "echo {quality} >rng_quality; echo $$name >rng_current; grep -qx {quality} rng_quality || echo {quality} >rng_quality; "

_TEXT = """\
# Written by kvm.entropy.hwrng: choose {source} as the kernel's source of random numbers at every boot and every plug.
# A virtio-rng device (virtio id 4) comes, or its driver does.
SUBSYSTEM=="virtio", ENV{{MODALIAS}}=="virtio:d00000004v*", GOTO="kvm_entropy_choose"
# One goes, and the kernel falls back to another; this event does not tell which device it was.
SUBSYSTEM=="virtio", ACTION=="unbind", GOTO="kvm_entropy_choose"
# At boot, for sources of other drivers.
SUBSYSTEM=="misc", KERNEL=="hw_random", ACTION=="add|change", GOTO="kvm_entropy_choose"
GOTO="kvm_entropy_end"
LABEL="kvm_entropy_choose"
RUN+="/bin/sh -c '{choose}'"
LABEL="kvm_entropy_end"
"""


def text(source, quality):
    """Return the rule (str) for ``source`` (str: driver prefix or name) and ``quality`` (int or None: leave it)."""
    choose = _CHOOSE.format(source=source, quality="" if quality is None else _QUALITY.format(quality=quality))
    return _TEXT.format(source=source, choose=choose)


class Rule:
    """The rule's file; ``root`` (str) is where /etc is, for tests."""

    def __init__(self, root=""):
        self.path = root + PATH

    def read(self):
        """Return the file's content (str), None where there is none. Raise EntropyError where it is not ours."""
        try:
            return read_own(self.path) if os.path.lexists(self.path) else None
        except OSError as error:
            raise EntropyError("%s: cannot be read: %s." % (self.path, error.strerror.rstrip("."))) from error

    def can_be_written(self):
        """Return whether this system has udev's folder for it (bool)."""
        return os.path.isdir(os.path.dirname(self.path))

    def check(self):
        """Raise EntropyError where something else than our file is there, or others could put it there."""
        try:
            check_own(self.path)
        except NotOwnError as error:
            raise EntropyError("%s: cannot be written: %s Nothing was changed." % (self.path, error.strerror)) from error
        except OSError:
            # Whoever writes is told.
            pass

    def write(self, content):
        """Make the file's content ``content`` (str), or remove it (None). Raise EntropyError; the file is as before then."""
        try:
            if content is None:
                remove_own(self.path)
            else:
                # udev reads names that end in .rules only, so it never sees the unfinished file.
                replace_own(self.path, content, is_lasting=True)
        except OSError as error:
            raise EntropyError("%s: cannot be written: %s." % (self.path, error.strerror.rstrip("."))) from error
