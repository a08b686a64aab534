# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one exception of this collection, and the one place where it becomes a module's failure."""

import traceback


class EntropyError(Exception):
    """A failure told to the user: the object, what was found, what was expected and what to do.

    ``results`` (dict) is what had been done or seen by then; it is returned beside the message.
    """

    def __init__(self, message, **results):
        super().__init__(message)
        self.results = results


class UnfitError(EntropyError):
    """A device is refused for what was ``found`` (str), and its ``consequence`` (str: what would follow, and what to do)."""

    def __init__(self, found, consequence):
        super().__init__("%s: nothing was changed. %s" % (found, consequence))
        self.found = found
        self.in_words = "%s. %s" % (found, consequence)


def exit_with(module, work):
    """End ``module`` (AnsibleModule) with the dict that ``work()`` returns, or with its EntropyError as the failure."""
    try:
        result = work()
    except EntropyError as error:
        module.fail_json(msg=str(error), exception=traceback.format_exc(), **error.results)
    module.exit_json(**result)
