# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide what becomes of each domain: what is asked for, less what its state, its owner or its host forbid."""

import collections

from ansible_collections.kvm.entropy.plugins.module_utils import (
    _domains,
    _libvirt,
    _managers,
    _qemu_args,
    _refusals,
    _rng_access,
    _rng_checks,
    _rng_confirm,
    _rng_device,
    _rng_egd,
    _rng_place,
    _rng_plan,
    _rng_rows,
    _virt_plug,
    _virt_xml,
    _words,
)

# Why a guest in this state (virDomainState) cannot give a device back.
_DEAF = {"paused": "the guest is paused and cannot answer", "pmsuspended": "the guest is suspended and cannot answer"}


class Plan:
    """Decides domain by domain, and gathers what is to be said about several of them at once."""

    def __init__(self, connection, options, wanted):
        self._connection = connection
        self._wanted = wanted if options["devices"] is not None else wanted._replace(alias=options["alias"])
        self._ways = options["confirm_by"] if wanted.devices else []
        self._is_confirmed = _domains.matcher(options["confirmed"]) if wanted.devices else lambda _domain: True
        self._with_config = options["scope"] in ("config", "both")
        self._with_live = options["scope"] in ("live", "both")
        self._replace = options["replace_live"]
        self._owners = options["managed_elsewhere"] == "refuse"
        self._access = _rng_access.Access(connection)
        self._may_starve = any(map(_rng_checks.may_starve, wanted.devices))
        # In order, each once: a domain is decided about again where another run was faster.
        self._confidential = collections.OrderedDict()
        self._starving = collections.OrderedDict()
        self._bound = list(dict.fromkeys(where for device in wanted.devices if "egd" in device for where in _rng_egd.bound(device["egd"])))
        self._binding = collections.OrderedDict()
        self._decided = {}
        self.unchecked = []

    def outcome(self, domain):
        """Return the Outcome predicted for ``domain``."""
        outcome = _rng_rows.Outcome(domain)
        try:
            self._decide(domain, outcome)
        except _libvirt.RefusedError as refusal:
            outcome.error = _refusals.why_unseen(refusal)
        return outcome

    def _decide(self, domain, outcome):
        outcome.state = domain.state()
        self._say_what_is_left_out(domain, outcome)
        definition = domain.definition() if self._with_config and domain.is_persistent else None
        running = domain.running() if self._with_live and domain.is_active else None
        if not definition and not running:
            outcome.skipped = True
            return
        is_confidential = _virt_xml.is_confidential(definition or running)
        wanted = self._wanted_for(domain, definition or running, is_confidential)
        if self._bound:
            self._binding[domain.name] = True
        if definition:
            outcome.config = self._definition_part(definition, wanted, is_confidential)
            if outcome.config.is_to_act:
                outcome.config.ports = _virt_xml.pci_indices(definition)
        if running:
            outcome.way_back = self._way_back(domain)
            outcome.ways = [] if self._is_confirmed(domain) else self._ways
            unseen = None if outcome.ways or self._is_confirmed(domain) else _rng_confirm.NOT_ASKED
            rngs = _rngs(_virt_xml.rng_elements(running), _virt_xml.is_confidential(running))
            outcome.live = _rng_plan.decide_running(rngs, wanted, self._replace, self._guest(running, rngs, outcome, unseen))
        if outcome.is_to_act:
            self._check(domain, outcome, definition or running)
        with_command_line = [xml for xml in (definition, running) if xml and _qemu_args.has_command_line(xml)]
        if with_command_line:
            self._mind_command_line(outcome, with_command_line)
        self._say_what_brings_back_the_old(domain, outcome)

    def _definition_part(self, definition, wanted, is_confidential):
        """Return the Part for a ``definition`` (XML, str). On one host most domains have the same few devices, of which the same is decided."""
        elements = tuple(_virt_xml.rng_elements(definition))
        if (elements, is_confidential) not in self._decided:
            self._decided[elements, is_confidential] = _rng_plan.definition_part(_rngs(elements, is_confidential), wanted)
        return _rng_plan.Part(*self._decided[elements, is_confidential])

    def _mind_command_line(self, outcome, xmls):
        """Plug no device beside one that libvirt does not know of, and say which there are and what could not be read."""
        given = [words for xml in xmls for words in _qemu_args.rng_devices(xml)]
        unread = [words for xml in xmls for words in _qemu_args.not_read(xml)]
        if unread:
            outcome.notes.append(f"not checked for an rng device: {', '.join(sorted(set(unread)))} in its <qemu:commandline>")
        if not given or outcome.skipped:
            return
        names = ", ".join(sorted(set(given)))
        if any(part.add and not part.present for part in outcome.parts) and self._owners:
            outcome.skip(f"its <qemu:commandline> gives it {names}, which libvirt does not manage, and none is added beside it "
                         "(managed_elsewhere: allow adds one all the same)")
        else:
            outcome.notes.append(f"its <qemu:commandline> gives it {names}, which libvirt does not manage and which stays; virsh edit removes it")

    def _guest(self, running, rngs, outcome, unseen):
        """Return the Guest that runs with the XML ``running``, and so with ``rngs`` (list of Rng)."""
        return _rng_plan.Guest(
            outcome.way_back, _DEAF.get(outcome.state), lambda devices: self._plug(running, rngs, devices),
            lambda going: _virt_plug.unplug(running, [rng.xml for rng in going]), unseen)

    def _plug(self, running, rngs, devices):
        for egd, other in ((device["egd"], rng.device["egd"]) for device in devices for rng in rngs if "egd" in device and "egd" in rng.device):
            place = _rng_egd.both_bind(egd, other)
            if place:
                return _virt_plug.Plug(False, f"the running device listens on {place} itself")
        daemon = self._access.daemon
        missing = filter(None, (_rng_egd.unserved(device["egd"], daemon, self._access.once) for device in devices if "egd" in device and daemon is not None))
        for path in missing:  # At a start QEMU tries it again and again with reconnect; a plug it gives up at once.
            return _virt_plug.Plug(False, f"nothing listens on {path}; start the daemon there and run again")
        return _virt_plug.plug(running, devices)

    def _check(self, domain, outcome, xml):
        """Leave alone what belongs to somebody else, is held by a job, or would not run on this host."""
        owner = _managers.managed_elsewhere(xml) if self._owners else None
        if owner:
            outcome.skip(f"{_managers.where_to_give(owner)}; it defines this domain again by itself, and a change made here would be lost "
                         "(managed_elsewhere: allow makes it all the same)")
        elif domain.is_active and domain.has_job():
            outcome.refuse("a job (a migration, save, backup or snapshot) holds the domain: run again when it has ended", _rng_plan.BUSY)
        else:
            for why_unfit in (self._why_unsupported, self._why_not_open, self._why_no_iommu):
                self._refuse_new(outcome, why_unfit(xml, outcome.adding) if outcome.adding else None)
            self._check_bound(domain, outcome)
            _check_place(outcome, xml)
            _say_who_may_undo_it(outcome, xml)

    def _wanted_for(self, domain, xml, is_confidential):
        """Return the Wanted for this domain: a confidential guest reaches a device only through its bounce buffers."""
        wanted = self._wanted
        if not wanted.devices:
            return wanted
        if self._may_starve and _starves(wanted, xml):
            self._starving[domain.name] = True
        if is_confidential:
            self._confidential[domain.name] = True
            return wanted._replace(devices=[dict(device, driver=dict({"iommu": True}, **device["driver"])) for device in wanted.devices])
        return wanted

    def _why_unsupported(self, xml, adding):
        """Return what this domain's QEMU lacks of the devices ``adding`` (str), or None."""
        supported, why_unknown = self._connection.supported(_virt_xml.platform(xml))
        if supported is None:
            text = f"whether this host's QEMU has the backend and model: {why_unknown}"
            self.unchecked += [text] if text not in self.unchecked else []
            return None
        for device in adding:
            for kind, name in (("backendModel", "backend"), ("model", "model")):
                if device[name] not in supported[kind]:
                    has = ", ".join(supported[kind]) or "no virtio-rng at all"
                    return f"this host's QEMU has no {name} {device[name]}: it has {has}"
        return None

    def _why_not_open(self, xml, adding):
        """Return why QEMU's user may not open a source of the devices ``adding`` (str), or None."""
        whys = [self._access.why_not(device, xml) for device in adding]
        self.unchecked += [text for text in self._access.unchecked if text not in self.unchecked]
        return next(filter(None, whys), None)

    def _why_no_iommu(self, xml, adding):
        """Return why a device of ``adding`` cannot have the driver option iommu (str), or None: one that offers the old protocol too."""
        why = next(filter(None, (_virt_plug.why_no_iommu(xml, device) for device in adding)), None)
        if not why:
            return None
        if any(device["driver"].get("iommu") for device in self._wanted.devices):
            remedy = "Give model: virtio-non-transitional"
        elif _virt_xml.is_confidential(xml):
            remedy = "A confidential guest gets this option unless you set it. Give model: virtio-non-transitional"
        else:
            remedy = "The new device keeps this option of the replaced one. Give driver: {iommu: false}, or model: virtio-non-transitional"
        return f"{why}: QEMU would not start. {remedy}"

    def _check_bound(self, domain, outcome):
        """Refuse a port or a socket to bind on which another process listens already."""
        daemon = self._access.daemon
        binding = [device["egd"] for device in outcome.adding if "egd" in device] if self._bound and daemon is not None else []
        own = [rng.device["egd"] for rng in outcome.live.present if "egd" in rng.device] if outcome.live else []
        kinds = [kind for kind in _rng_egd.TYPES if (daemon.same_files if kind == "unix" else daemon.same_network) is not False] if binding else []
        taken = next(filter(None, (_rng_egd.taken(egd, own, kinds, self._access.once) for egd in binding)), None)
        if taken and domain.is_active and not outcome.live:
            outcome.change_notes.append(f"egd: {taken} is in use, maybe by this domain itself, whose running device scope config leaves out")
        elif taken:
            self._refuse_new(outcome, f"egd: {taken} is in use by another process. Give another one, or end that process first")

    def _refuse_new(self, outcome, why):
        """Refuse a new wish for the reason ``why`` (str or None); what is given back is only told about."""
        if why and self._wanted.whole:
            outcome.change_notes.append(f"given back all the same: {why}")
        elif why:
            outcome.refuse(why)

    def _say_what_is_left_out(self, domain, outcome):
        if self._with_config and not domain.is_persistent:
            outcome.notes.append("transient: it has no definition that a next start would use" + ("" if self._with_live else ", use scope live"))
        if not self._with_config and not domain.is_active:
            outcome.notes.append(f"{outcome.state}: it has no running device, use scope config")

    def _say_what_brings_back_the_old(self, domain, outcome):
        if not outcome.config or not outcome.config.is_to_act:
            return
        if domain.has_managed_save:
            outcome.notes.append("it has a managed save: the next start brings back the device as it was saved; "
                                 "virsh managedsave-remove gives up the saved state")
        if domain.has_snapshots:
            outcome.notes.append("it has snapshots: going back to one brings back its device too")

    def _way_back(self, domain):
        """Return how what cannot be done to the running device is done anyway."""
        if not domain.is_persistent:
            return "it is transient: destroy it and create it again with the <rng> that is wanted"
        restart = "power the domain off and start it (a reboot inside the guest is not enough)"
        if self._with_config:
            return f"the definition is right: {restart}"
        return f"scope live leaves the definition alone: use scope both, then {restart}"

    def warn(self, warn):
        """Tell ``warn`` what concerns several domains, once each."""
        if len(self._binding) > 1:
            warn(f"{len(self._binding)} domains are to listen on the same {', '.join(self._bound)}, and only one of them can at a time: give each its own "
                 f"({_words.names(list(self._binding))})")
        if self._starving:
            slow = filter(_rng_checks.may_starve, self._wanted.devices)
            rates = sorted({f"{device['rate_bytes']} bytes per {device['rate_period']} ms" for device in slow})
            warn(f"{', '.join(rates)} delay the first credit for so long that the guest finds its random numbers elsewhere: give at least 64 bytes "
                 f"per period, and no period over 10 s ({_words.names(list(self._starving))})")
        if self._confidential:
            warn("confidential guests got the driver option iommu unless you set it; their owners do not trust this host, so it "
                 f"cannot be their only source of random numbers ({_words.names(list(self._confidential))})")


def _say_who_may_undo_it(outcome, xml):
    namespaces = ", ".join(_managers.unknown_metadata(xml))
    if namespaces:
        outcome.change_notes.append(f"its definition has metadata of {namespaces}: if that tool defines the domain again by itself, it undoes this change")


def _check_place(outcome, xml):
    """Refuse a name that another device of the domain has, and an address where none can be, or where a guest would not see it."""
    part = outcome.config or outcome.live
    for device in filter(_rng_place.is_asked_for, part.add):
        staying = _virt_xml.edited(xml, [rng.xml for rng in part.removed], None)
        why = _virt_plug.why_no_place(staying, device["address"]) if "address" in device else None
        if "alias" in device and _virt_xml.has_alias(staying, device["alias"]):
            outcome.refuse(f"another device of the domain has the alias {device['alias']}: give another one")
        elif why:
            outcome.refuse(f"address {_rng_place.shown(device['address'])}: {why}")


def _rngs(elements, is_confidential):
    """Return the Rng of ``elements`` (list). Those of a confidential guest say that iommu is off, as unsaid it would be on when they are given back."""
    rngs = [_rng_device.read(element) for element in elements]
    if not is_confidential:
        return rngs
    return [rng._replace(device=dict(rng.device, driver=dict({"iommu": False}, **rng.device["driver"]))) for rng in rngs]


def _starves(wanted, xml):
    arch = _virt_xml.arch(xml)
    return any(_rng_checks.delay(device, arch) for device in wanted.devices)
