# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide which domains are powered off and started: those that run with other devices than their definition has, and may be."""

from ansible_collections.kvm.entropy.plugins.module_utils import (
    _libvirt,
    _managers,
    _refusals,
    _restart_record,
    _rng_device,
    _rng_start,
    _virt_xml,
    _words,
)

UNCHANGED, DONE, REFUSED, BUSY = "unchanged", "done", "refused", "busy"
# The guest has not powered off in time; libvirt did not start it again; it was not seen up in time; the run ended before it was its turn.
NOT_OFF, NOT_STARTED, NOT_UP, NOT_REACHED = "not_off", "not_started", "not_up", "not_reached"

# What tells that a guest is up. A guest agent that talks; a disk that is written to or packets that are sent, which firmware does not do by itself.
AGENT, DISK, INTERFACE, NOTHING = "agent", "disk", "interface", "nothing"

OFF_BEFORE = "it was powered off while this ran: its next start brings what its definition has"
_CANNOT_ANSWER = {"paused": "virsh resume", "pmsuspended": "virsh dompmwakeup"}


class Case:
    """One domain: its devices in what runs (``before``) and in the definition (``after``), what is decided, and then what became of it.

    ``left_off`` (LeftOff or None) is the record of an earlier run that asked its guest to power off; ``is_off`` that it is to be started, and no more.
    ``access`` (Access or None) tells what QEMU may open.
    """

    def __init__(self, domain, owners, up, left_off=None, access=None):
        self.domain = domain
        self.left_off = left_off
        self.access = access
        self.is_off = False
        self.owners = owners
        self.up = up
        self.state = None
        self.before = None
        self.after = None
        self.up_by = None
        self.result = UNCHANGED
        self.reason = None
        self.is_skipped = False
        self.is_changed = False

    @property
    def is_to_restart(self):
        return self.result == DONE

    @property
    def is_failed(self):
        return self.result not in (UNCHANGED, DONE)

    def end(self, result, reason=None):
        """Note how it ended."""
        self.result, self.reason = result, reason

    def skip(self, reason):
        """Leave it to its owner."""
        self.is_skipped = True
        self.end(UNCHANGED, reason)

    def row(self):
        """Return the domain's row (dict)."""
        return {
            "name": self.domain.name,
            "uuid": self.domain.uuid,
            "state": self.state,
            "changed": self.is_changed,
            "failed": self.is_failed,
            "skipped": self.is_skipped,
            "result": self.result,
            "reason": _words.reason(self.reason),
            "before": self.before,
            "after": self.after,
            "up_by": self.up_by,
        }


def decide(domain, owners, up, left_off=None, access=None):
    """Return the Case of ``domain``: result done where it is to be restarted.

    ``owners`` (bool) says whether domains that somebody else defines again are left to them; ``up`` (auto, agent or nothing) what to wait for.
    ``left_off`` (LeftOff or None) is what an earlier run has left of it; without ``access`` (Access) no backend is looked at.
    """
    case = Case(domain, owners, up, left_off, access)
    _settle(case, lambda: _decide(case))
    return case


def decide_again(case):
    """Decide anew when the turn of ``case`` has come, which may be hours after it was decided; leave in it what holds now."""
    def again():
        case.domain.refresh()
        _decide(case)
        if case.result == UNCHANGED and not case.reason:
            case.reason = _why_no_longer(case.domain)

    case.end(UNCHANGED)
    _settle(case, again)


def _settle(case, work):
    try:
        work()
    except _libvirt.RefusedError as refusal:
        case.end(REFUSED, _refusals.why_unseen(refusal))
    case.is_changed = case.is_to_restart


def _why_no_longer(domain):
    """Return why a domain that waited for its definition does so no longer."""
    if not domain.is_persistent:
        return "its definition was taken away while this ran"
    if not domain.is_active:
        return OFF_BEFORE
    return "what runs and its definition have the same devices by now: somebody restarted it, or changed one of them, while this ran"


def _decide(case):
    domain = case.domain
    case.state, case.is_off = domain.state(), False
    if not domain.is_persistent:
        return
    definition = domain.definition()
    if case.left_off and not domain.is_active and not domain.has_managed_save:
        _decide_left_off(case, definition)
        return
    running = domain.running() if domain.is_active else domain.saved() if domain.has_managed_save else None
    if running is None:
        return
    case.before, case.after = _devices(running), _devices(definition)
    if _rng_device.same(case.before, case.after):
        return
    owner = _managers.managed_elsewhere(definition) if case.owners else None
    if owner:
        case.skip(f"it belongs to {_managers.where_to_restart(owner)}: restart it there (managed_elsewhere: allow does it here all the same)")
        return
    case.end(*_may(case, running, definition))
    if case.is_to_restart:
        case.up_by = _sign(running, definition, case.up)


def _decide_left_off(case, definition):
    """Decide about a domain that an earlier run has powered off."""
    case.after = _devices(definition)
    owner = _managers.managed_elsewhere(definition) if case.owners else None
    why_not = case.left_off.why_not or _restart_record.taken_over(case.domain.off_reason()) or _why_another(case)
    if owner:
        case.skip(f"it is off since an earlier run asked it to power off, and belongs to {_managers.where_to_restart(owner)}: start it there")
    elif why_not:
        case.end(UNCHANGED, f"it is off since an earlier run asked it to power off, and is not started: {why_not}. To start it: "
                            f"virsh start {case.domain.uuid}")
    else:
        case.end(DONE, "an earlier run asked it to power off and was ended before it started it")
        case.is_off, case.up_by = True, _sign_after_off(case, definition)


def _why_another(case):
    """Return why the domain is not the one that was asked to power off, or somebody has taken it up since (str), or None."""
    if case.domain.name == case.left_off.name:
        return None
    return f"it was renamed or defined anew since (its name was {_words.cut(case.left_off.name, 255)})"


def _sign_after_off(case, definition):
    """Return what will tell that a guest is up of which only the record says what did."""
    has_channel = _virt_xml.has_agent_channel(definition)
    if case.up == AGENT:
        return AGENT if has_channel else NOTHING
    is_known = case.left_off.up_by in (DISK, INTERFACE) or (case.left_off.up_by == AGENT and has_channel)
    return case.left_off.up_by if case.up != NOTHING and is_known else NOTHING


def _may(case, running, definition):
    """Return (result, reason) for a domain that waits for its definition."""
    domain = case.domain
    if not domain.is_active:
        return REFUSED, ("it has a managed save, with which it starts with its old device. Start it, then run again; or give up the saved state: "
                         f"virsh managedsave-remove {domain.uuid}")
    if case.state in _CANNOT_ANSWER:
        return REFUSED, f"the guest is {case.state} and cannot power off: {_CANNOT_ANSWER[case.state]} {domain.uuid}, then run again"
    after_off = {_virt_xml.on_poweroff(xml) for xml in (running, definition)} - {"destroy"}
    if after_off:
        return REFUSED, (f"its on_poweroff is {after_off.pop()}, expected destroy: a power-off would not end it, so it would not start with its "
                         "definition. Change it with virsh edit, or destroy and start the domain yourself")
    if case.up == AGENT and not _virt_xml.has_agent_channel(definition):
        return REFUSED, ("its definition has no channel org.qemu.guest_agent.0, expected by wait_for: agent: nothing would tell that its guest is up. "
                         "Add the channel, or restart it with wait_for: auto")
    if domain.has_job():
        return BUSY, "a job (a migration, save, backup or snapshot) holds the domain: run again when it has ended"
    return _may_start(case, definition)


def _may_start(case, definition):
    """Return (result, reason) for a domain of which only its backend can keep it from starting again."""
    why_not = case.access and _rng_start.why_not(case.after, definition, case.before, case.access)
    if not why_not:
        return DONE, None
    return REFUSED, (f"it would not start with its definition: {why_not}. It runs on with its old device. Mend that, or give the definition another backend "
                     "(kvm.entropy.virt_rng), then run again")


def _devices(xml):
    return [_rng_device.read(element).device for element in _virt_xml.rng_elements(xml)]


def _sign(running, definition, up):
    """Return what will tell that the guest is up."""
    if up == NOTHING:
        return NOTHING
    signs = _virt_xml.signs_of_life(running)
    if not _virt_xml.has_agent_channel(definition):
        signs.discard(AGENT)
    found = [sign for sign in (AGENT, DISK, INTERFACE) if sign in signs and up in ("auto", sign)]
    return found[0] if found else AGENT if up == AGENT else NOTHING
