# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the <rng> of many domains what was asked: read all, decide all, then act."""

from ansible_collections.kvm.entropy.plugins.module_utils import (
    _domains,
    _libvirt,
    _rng_apply,
    _rng_checks,
    _rng_device,
    _rng_plan,
    _rng_rows,
    _virt_plug,
    _virt_xml,
)
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError

# At most so many domains are named in a warning.
_MOST_NAMED = 10


def run(options, check, diff, warn):
    """Return the result (dict) of the module's ``options`` (dict); raise EntropyError where a domain failed, or all.

    ``check`` predicts, ``diff`` adds the devices before and after, ``warn`` takes one text.
    """
    wanted = _wanted(options)
    unchecked = _check_source(options, wanted)
    connection = _libvirt.connect(options["uri"], write=not check)
    try:
        domains = _domains.select(connection.domains(), options["domains"], options["exclude"], options["uri"])
        plan = _Plan(connection, options, wanted)
        try:
            outcomes = [plan.outcome(domain) for domain in domains]
        except _libvirt.ConnectionLostError as error:
            raise EntropyError(f"libvirt at {options['uri']} went away while its domains were read: {error}. Nothing was changed: run again.") from error
        lost = None if check else _act(outcomes, options["unplug_timeout"])
    finally:
        connection.close()
    plan.warn(warn)
    result = _rng_rows.report(outcomes, options["max_results"], diff)
    result["unchecked"] = unchecked + plan.unchecked
    return _result(result, outcomes, lost, options["uri"])


def _wanted(options):
    """Return the device that is asked for, None for none at all."""
    if options["state"] == "absent":
        return None
    _rng_checks.check_options(options)
    return _rng_device.described(options)


def _check_source(options, wanted):
    """Return what could not be checked (list of str); raise EntropyError for a source that would hurt."""
    if wanted is None or wanted["backend"] != "random":
        return []
    if not _libvirt.is_local(options["uri"]):
        return [f"backend path {wanted['path']}: {options['uri']} is another machine"]
    _rng_checks.check_path(wanted["path"])
    return []


def _act(outcomes, unplug_timeout):
    """Do what was decided; return the ConnectionLostError that ended it early, or None."""
    left = [outcome for outcome in reversed(outcomes) if not outcome.is_failed]
    try:
        while left:
            _rng_apply.apply(left[-1].domain, left[-1].config, left[-1].live, left[-1].way_back)
            left.pop()
        _rng_apply.await_unplugs(
            [(outcome.domain, outcome.live) for outcome in outcomes if outcome.live and outcome.live.result == _rng_plan.PENDING], unplug_timeout)
    except _libvirt.ConnectionLostError as lost:
        for outcome in left:
            outcome.refuse("libvirt went away before this was done, or before it was confirmed")
        return lost
    return None


def _result(result, outcomes, lost, uri):
    message = _rng_rows.failure(outcomes)
    if lost:
        message = f"libvirt at {uri} went away: {lost}. Running again finishes the work. {message or ''}"
    if message:
        raise EntropyError(message, **result)
    return result


class _Plan:
    """Decides domain by domain, and gathers what is to be said about several of them at once."""

    def __init__(self, connection, options, wanted):
        self._connection = connection
        self._wanted = wanted
        self._with_config = options["scope"] in ("config", "both")
        self._with_live = options["scope"] in ("live", "both")
        self._exclusive = options["exclusive"]
        self._may_starve = wanted is not None and _rng_checks.may_starve(wanted)
        self._confidential = []
        self._starving = []
        self.unchecked = []

    def outcome(self, domain):
        """Return the Outcome predicted for ``domain``."""
        outcome = _rng_rows.Outcome(domain)
        try:
            self._decide(domain, outcome)
        except _libvirt.RefusedError as refusal:
            outcome.error = "it was undefined while this ran" if refusal.kind == "gone" else f"libvirt refuses to show it: {refusal}"
        return outcome

    def _decide(self, domain, outcome):
        outcome.state = domain.state()
        self._say_what_is_left_out(domain, outcome)
        definition = domain.definition() if self._with_config and domain.is_persistent else None
        running = domain.running() if self._with_live and domain.is_active else None
        if not definition and not running:
            outcome.skipped = True
            return
        wanted = self._wanted_for(domain, definition or running)
        outcome.way_back = self._way_back(domain)
        if definition:
            outcome.config = _rng_plan.decide_definition(_rngs(definition), wanted, self._exclusive)
        if running:
            outcome.live = _rng_plan.decide_running(
                _rngs(running), wanted, self._exclusive, lambda: _virt_plug.plug(running, wanted["model"]), outcome.way_back)
        self._check_support(outcome, definition or running)
        self._say_what_brings_back_the_old(domain, outcome)

    def _wanted_for(self, domain, xml):
        """Return the wanted device for this domain: a confidential guest reaches a device only through its bounce buffers."""
        wanted = self._wanted
        if wanted is None:
            return None
        if self._may_starve and _rng_checks.starves(wanted, _virt_xml.platform(xml)["arch"]):
            self._starving.append(domain.name)
        if _virt_xml.is_confidential(xml):
            self._confidential.append(domain.name)
            wanted = dict(wanted, driver=dict({"iommu": True}, **wanted["driver"]))
        return wanted

    def _check_support(self, outcome, xml):
        """Refuse what this domain's QEMU lacks."""
        adding = [part for part in outcome.parts if part.add]
        if not adding:
            return
        supported, why_unknown = self._connection.supported(_virt_xml.platform(xml))
        if supported is None:
            text = f"whether this host's QEMU has the backend and model: {why_unknown}"
            self.unchecked += [text] if text not in self.unchecked else []
            return
        device = adding[0].add
        for kind, name in (("backendModel", "backend"), ("model", "model")):
            if device[name] not in supported[kind]:
                has = ", ".join(supported[kind]) or "no virtio-rng at all"
                outcome.refuse(f"this host's QEMU has no {name} {device[name]}: it has {has}")
                return

    def _say_what_is_left_out(self, domain, outcome):
        if self._with_config and not domain.is_persistent:
            outcome.notes.append("transient: it has no definition that a next start would use" + ("" if self._with_live else ", use scope live"))
        if not self._with_config and not domain.is_active:
            outcome.notes.append(f"{outcome.state}: it has no running device, use scope config")

    def _say_what_brings_back_the_old(self, domain, outcome):
        if not outcome.config or outcome.config.result != _rng_plan.DONE:
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
        if self._starving:
            warn(f"{self._wanted['rate_bytes']} bytes per {self._wanted['rate_period']} ms delay the first credit by over a second, when "
                 f"the guest has found its random numbers elsewhere: give at least 64 bytes per period ({_names(self._starving)})")
        if self._confidential:
            warn("confidential guests got the driver option iommu unless you set it; their owners do not trust this host, so it "
                 f"cannot be their only source of random numbers ({_names(self._confidential)})")


def _rngs(xml):
    return [_rng_device.read(element) for element in _virt_xml.rng_elements(xml)]


def _names(names):
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
