# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest's half of the chain as its agent shows it: short enough for a row of thousands."""

from ansible_collections.kvm.entropy.plugins.module_utils import _agent_observe, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._agent_files import AgentError, Files, TimeUpError
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of

# What a guest's own facts tell of these; ``host`` and ``config`` are its host's to tell.
LINKS = ("live", "current", "fed", "ready", "in_time")


def hindrance(state, running):
    """Return why (str) the guest of a domain in ``state`` (str), with the XML ``running`` (str or None), need not be asked; None where it may answer."""
    if state != "running":
        return "the domain is %s" % state
    channel = _virt_xml.agent_channel(running)
    if channel is None:
        return ("the domain has no channel for a guest agent: give its definition <channel type='unix'><target type='virtio' "
                "name='org.qemu.guest_agent.0'/></channel>, power it off and start it, with qemu-guest-agent in the guest")
    if channel == "disconnected":
        return "no agent is connected: install and start qemu-guest-agent in the guest"
    return None


def look(ask, seconds, now):
    """Return (the guest's half (dict), None), or (None, why not), of a guest; ``ask`` and ``seconds`` as ``Files`` takes them.

    ``now`` is in UTC epoch seconds.
    """
    try:
        return half_of(facts_of(_agent_observe.observe(Files(ask, seconds), now))), None
    except TimeUpError:
        return None, "its agent answers too slowly: %g s were over before all was read; allow more (guest_agent_timeout, guest_agent_deadline)" % (
            round(seconds, 1))
    except AgentError as error:
        return None, str(error)


def half_of(facts):
    """Return what of a guest's ``facts`` (dict, as ``facts_of``) judges it and helps a person."""
    hwrng = facts["hwrng"]
    return {
        "gathered_at": facts["gathered_at"],
        "release": facts["kernel"]["release"],
        "generation": facts["kernel"]["generation"],
        "ready": facts["crng"]["ready"],
        "current": hwrng["current"],
        "quality": hwrng["quality"],
        "filling": hwrng["filling"],
        # What was delivered differs from guest to guest; where all is well it would keep them from being told together.
        "filling_reason": None if hwrng["filling"] is True else hwrng["filling_evidence"],
        "feeder": facts["feeder"]["which"],
        "links": {link: facts["links"][link] for link in LINKS},
        # An agent is root already: what it does not show takes a login.
        "problems": [{"code": one["code"], "evidence": one["evidence"]} for one in facts["problems"] if one["code"] != "needs-root"],
    }
