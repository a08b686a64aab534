# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a guest uses its new device, so that the old one may go. That libvirt has plugged a device says nothing: its guest may have no room for it.

Seen in use means that the guest's driver has got bytes of that very device. Each way to see it taints the domain, so that it is asked for.
"""

import json

from ansible_collections.kvm.entropy.plugins.module_utils import _agent_files, _agent_observe, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._refusals import RefusedError

QEMU, AGENT = "qemu", "agent"
WAYS = (QEMU, AGENT)

# What a person does where nobody has seen it.
REMEDY = "look with entropy_facts in the guest and name the domain in confirmed, or give confirm_by, and run again"
NOT_ASKED = "nobody has seen the guest use the new device: " + REMEDY

# In QMP since 7.2, as "unstable" (qapi/virtio.json); a device of libvirt has its alias as its name among QEMU's objects.
_STATUS, _QUEUE = "x-query-virtio-status", "x-query-virtio-queue-status"
_DEVICE = "/machine/peripheral/%s/virtio-backend"
_TAKEN = "VIRTIO_CONFIG_S_DRIVER_OK"

_AGENT_SECONDS = 5


def why_not_in_use(domain, aliases, running, ways):
    """Return why the guest is not seen to use its devices of these ``aliases`` (set of str), or None where it is.

    ``running`` (int) is how many rng devices the domain runs; ``ways`` (list of str, of WAYS) are asked in their order until one has seen it.
    """
    reasons = []
    for way in ways:
        why = _by_qemu(domain, aliases) if way == QEMU else _by_agent(domain, running)
        if why is None:
            return None
        reasons.append(why)
    return "; ".join(reasons)


def _by_qemu(domain, aliases):
    for alias in sorted(aliases):
        try:
            status, queue = (_told(domain, command, path=_DEVICE % alias, **more) for command, more in ((_STATUS, {}), (_QUEUE, {"queue": 0})))
        except RefusedError as refusal:
            return f"QEMU does not tell: {refusal}"
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return f"QEMU does not tell: its answer is not understood ({error!r})"
        why = qemu_shows(status, queue)
        if why:
            return f"QEMU says that {why}"
    return None


def qemu_shows(status, queue):
    """Return what QEMU's ``status`` of a virtio device and of its ``queue`` (dicts) show that is missing (str), None where the device is in use."""
    if not any(str(one).startswith(_TAKEN) for one in status["status"]["statuses"]):
        return "the guest's driver has not taken the new device"
    # Indices go round, and so may be 0 again.
    if not queue["used-idx"] and not queue["signalled-used-valid"]:
        return "the guest's driver has taken the new device and got no bytes of it"
    return None


def _told(domain, command, **arguments):
    """Return what QEMU answers (dict); raise RefusedError where it does not."""
    answer = json.loads(domain.ask_qemu(json.dumps({"execute": command, "arguments": arguments})))
    if "error" not in answer:
        return answer["return"]
    if answer["error"].get("class") == "CommandNotFound":
        raise RefusedError("unsupported", f"it has no {command} (7.2 and newer have)")
    raise RefusedError("other", str(answer["error"].get("desc")))


def _by_agent(domain, running):
    """Return why the agent does not show that every one of the ``running`` devices delivers; which of them is which the guest's kernel does not tell."""
    try:
        if _virt_xml.agent_channel(domain.running()) in (None, "disconnected"):  # Else each look would wait for it.
            return "no agent of the guest is connected"
        delivering = len(_agent_observe.delivering(_agent_files.Files(domain.ask_agent, _AGENT_SECONDS)))
    except RefusedError as refusal:
        return f"the guest's agent cannot be asked: {refusal}"
    except _agent_files.AgentError as error:
        return f"of the guest's agent nothing is known: {error}"
    except _agent_files.TimeUpError:
        return f"the guest's agent did not answer within {_AGENT_SECONDS} s"
    if delivering >= running:
        return None
    return f"the guest's agent shows {delivering} rng devices that have delivered, and the domain runs {running}"
