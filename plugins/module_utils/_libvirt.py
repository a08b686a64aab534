# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only file that talks to libvirt: one connection, one listing, and libvirt's refusals in words."""

import atexit
import contextlib
import functools
import re
import threading
from urllib.parse import urlsplit

try:
    import libvirt
except ImportError:
    libvirt = None
try:
    import libvirt_qemu
except ImportError:  # Bindings that were built for other hypervisors alone.
    libvirt_qemu = None

from ansible_collections.kvm.entropy.plugins.module_utils import _options, _refusals, _virt_xml
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._refusals import RefusedError

HAS_BINDINGS = libvirt is not None

# virDomainState in include/libvirt/libvirt-domain.h.
_STATES = ("nostate", "running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended")

# A daemon, or the network to it, that answers nothing for so long is lost: seconds between two questions, and unanswered ones.
_KEEPALIVE_INTERVAL, _KEEPALIVE_COUNT = 5, 6
# Every call wakes libvirt's loop twice, which would take half as long again as reading a definition. So the loop rests so long (s) after each
# turn, and what it waits for, events and the next question, comes so much later at most.
_LOOP_PAUSE = 0.1


class ConnectionLostError(Exception):
    """The daemon no longer answers."""


def is_local(uri):
    """Return whether ``uri`` means a daemon of this machine. Raise EntropyError where it is no URI, as an alias of libvirt.conf, which tells no machine."""
    _options.check_text("uri", uri)
    try:
        parts = urlsplit(uri)
        hostname = parts.hostname
    except ValueError as error:
        raise EntropyError(f"uri: found {_options.shown(uri)}, expected a libvirt URI such as qemu:///system: {error}") from error
    if not parts.scheme:
        raise EntropyError(f"uri: found {_options.shown(uri)}, expected a libvirt URI such as qemu:///system, and no alias of libvirt.conf")
    # Of an external program nobody knows which machine it leads to.
    return hostname is None and not parts.scheme.endswith("+ext")


class Connection:
    """A connection to one daemon."""

    def __init__(self, handle, uri, may_write=True):
        self._handle = handle
        self.uri = uri
        self.may_write = may_write
        self._supported = {}
        self._threads = threading.local()
        self._handles = {}
        self._news = None
        self._lock = threading.Lock()
        self._happened = threading.Event()
        with contextlib.suppress(libvirt.libvirtError):  # Drivers inside this process have nobody to keep alive.
            handle.setKeepAlive(_KEEPALIVE_INTERVAL, _KEEPALIVE_COUNT)

    def domains(self):
        """Return all Domains of the daemon: one listing, and one for each of the three properties that only a listing tells."""
        try:
            flagged = [
                {domain.UUIDString() for domain in self._handle.listAllDomains(flag)} for flag in (
                    libvirt.VIR_CONNECT_LIST_DOMAINS_TRANSIENT,
                    libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE,
                    libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT)
            ]
            return [Domain(self, handle, *flagged) for handle in self._handle.listAllDomains(0)]
        except libvirt.libvirtError as error:
            raise EntropyError(f"libvirt on {self.uri} does not list its domains: {error}. Nothing was changed.") from error

    def versions(self):
        """Return libvirt's version, QEMU's version (str, None where not told) and why the latter is not told (str or None)."""
        try:
            driver = self._handle.getType()
            versions = _version(self._handle.getLibVersion()), _version(self._handle.getVersion())
        except libvirt.libvirtError as error:
            return None, None, f"libvirt does not tell: {error}"
        return versions + (None,) if driver == "QEMU" else (versions[0], None, f"{self.uri} is no QEMU, but {driver}")

    def capabilities(self):
        """Return libvirt's capabilities (XML, str), None where it is no QEMU's or does not tell."""
        try:
            return self._handle.getCapabilities() if self._handle.getType() == "QEMU" else None
        except libvirt.libvirtError:
            return None

    def supported(self, platform):
        """Return (dict of supported rng models and backends, None) for a domain's platform dict (None: the host's default).

        (None, why) where that is not known.
        """
        asked = tuple((platform or {}).get(name) for name in ("emulator", "arch", "type"))
        if asked not in self._supported:
            self._supported[asked] = self._ask_supported(*asked)
        return self._supported[asked]

    def _ask_supported(self, emulator, arch, kind):
        try:
            capabilities = self._handle.getDomainCapabilities(emulator, arch, None, kind, 0)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_OPERATION_DENIED:
                return None, "a read-only connection may not ask for domain capabilities"
            return None, f"libvirt does not tell: {error}"
        try:
            supported = _virt_xml.supported_rng(capabilities)
        except RefusedError as error:
            return None, str(error)
        return supported, None if supported else "this libvirt does not tell (it does since 5.7.0)"

    def call(self, function, *arguments):
        """Return what libvirt's ``function`` returns; raise RefusedError, or ConnectionLostError when the daemon is gone."""
        try:
            return function(*arguments)
        except libvirt.libvirtError as error:
            if not self._is_alive():
                raise ConnectionLostError(str(error)) from error
            raise RefusedError(_refusals.kind(error.get_error_code(), str(error)), str(error)) from error

    def watch(self):
        """Begin to note what happens to devices and domains, for ``news``. Where the driver sends no events it returns None later."""
        events = (
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, lambda _handle, domain, *_unused: self._note(domain)),
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, lambda _handle, domain, alias, *_unused: self._note(domain, alias)),
            (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda _handle, domain, *_unused: self._note(domain)),
        )
        self._news = {}
        try:
            for event, callback in events:
                self._handle.domainEventRegisterAny(None, event, callback, None)
        except libvirt.libvirtError:
            self._news = None

    def news(self, seconds):
        """Wait at most ``seconds`` for something to happen.

        Return a dict of domain UUID to the aliases (set) of devices that its guest refuses to give back; None where nothing tells.
        Raise ConnectionLostError when the daemon is gone.
        """
        self._happened.wait(seconds)
        if not self._is_alive():
            raise ConnectionLostError("the connection was closed")
        with self._lock:
            self._happened.clear()
            told = self._news
            if told is not None:
                self._news = {}
        return told

    def _note(self, domain, *refused):
        with self._lock:
            if self._news is not None:
                self._news.setdefault(domain.UUIDString(), set()).update(refused)
        self._happened.set()

    def lookup(self, uuid):
        """Return libvirt's handle of a domain as it is now."""
        return self._handle.lookupByUUIDString(uuid)

    def of_this_thread(self):
        """Return a Connection that no other thread uses: libvirt (seen with 9.0) may let a call wait as long as another thread's on the same connection."""
        if not hasattr(self._threads, "own"):
            try:
                self._threads.own = Connection(libvirt.open(self.uri), self.uri)
            except libvirt.libvirtError as error:
                raise ConnectionLostError(str(error)) from error
        return self._threads.own

    def handle_of(self, uuid):
        """Return libvirt's handle of a domain, looked up once; raise as ``call`` does."""
        if uuid not in self._handles:
            self._handles[uuid] = self.call(self.lookup, uuid)
        return self._handles[uuid]

    def counted(self, handle, kinds):
        """Return libvirt's statistics of one domain."""
        return self._handle.domainListGetStats([handle], kinds)

    def define(self, xml):
        """Define a domain."""
        self.call(self._handle.defineXML, xml)

    def _is_alive(self):
        try:
            return bool(self._handle.isAlive())
        except libvirt.libvirtError:
            return False

    def close(self):
        with contextlib.suppress(libvirt.libvirtError):  # When the daemon is gone, so is the connection.
            self._handle.close()


class Domain:
    """One domain of the listing. What it reads and does is one call to libvirt each; every method may raise RefusedError."""

    def __init__(self, connection, handle, transient, managed_save, snapshots):
        self._call = connection.call
        self._connection = connection
        self._handle = handle
        self.name = handle.name()
        self.uuid = handle.UUIDString()
        self.is_active = handle.ID() >= 0
        self.is_persistent = self.uuid not in transient
        self.has_managed_save = self.uuid in managed_save
        self.has_snapshots = self.uuid in snapshots

    def refresh(self):
        """Find out anew what was true when it was listed: whether it runs, has a definition, and has a managed save."""
        self._handle = self._call(self._connection.lookup, self.uuid)
        self.is_active = self._handle.ID() >= 0
        self.is_persistent = bool(self._call(self._handle.isPersistent))
        self.has_managed_save = self.is_saved()

    def state(self):
        """Return its state in virsh's words; that of an inactive domain is known from the listing, or from ``refresh``."""
        if not self.is_active:
            return "shutoff"
        number = self._call(self._handle.state)[0]
        return _STATES[number] if 0 <= number < len(_STATES) else "nostate"

    def off_reason(self):
        """Return why it is off (int, virDomainShutoffReason); 0 where its daemon was started anew since."""
        return self._call(self._handle.state)[1]

    def definition(self):
        """Return the XML that the next start uses, without secrets."""
        return self._call(self._handle.XMLDesc, libvirt.VIR_DOMAIN_XML_INACTIVE)

    def running(self):
        """Return the XML of the running domain, without secrets."""
        return self._call(self._handle.XMLDesc, 0)

    def has_job(self):
        """Return whether a job (a migration, save, dump, backup or snapshot) holds the running domain. libvirt waits 30 s for it at each change."""
        try:
            return self._call(self._handle.jobInfo)[0] != libvirt.VIR_DOMAIN_JOB_NONE
        except RefusedError as refusal:
            if refusal.kind == "unsupported":  # A driver that cannot tell of jobs has none.
                return False
            raise

    def attach(self, element):
        """Add a device to the definition."""
        self._call(self._handle.attachDeviceFlags, element, libvirt.VIR_DOMAIN_AFFECT_CONFIG)

    def detach(self, element):
        """Take the device of exactly this element from the definition."""
        self._call(self._handle.detachDeviceFlags, element, libvirt.VIR_DOMAIN_AFFECT_CONFIG)

    def detach_port(self, element):
        """Take the PCI controller of this element from the definition; nothing may sit on it."""
        self._call(self._handle.detachDeviceFlags, element, libvirt.VIR_DOMAIN_AFFECT_CONFIG)

    def plug(self, element):
        """Plug a device into the running domain."""
        self._call(self._handle.attachDeviceFlags, element, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def request_unplug(self, alias):
        """Ask the guest to give a device back. It returns at once; the device leaves when the guest answers."""
        self._call(self._handle.detachDeviceAlias, alias, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def run_id(self):
        """Return the number (int) of its present run, None where it is off. A domain that was started again has another one."""
        found = self._call(self._connection.lookup, self.uuid).ID()
        return None if found < 0 else found

    def saved(self):
        """Return the XML in its managed save, without secrets."""
        return self._call(self._handle.managedSaveGetXMLDesc, 0)

    def is_saved(self):
        """Return whether it has a managed save now."""
        return bool(self._call(self._handle.hasManagedSaveImage, 0))

    def shut_down(self):
        """Ask the guest to power off, by its agent where that talks, else by ACPI.

        By ACPI it returns at once. By the agent it may wait up to 60 s for the guest to be off (VIR_DOMAIN_QEMU_AGENT_COMMAND_SHUTDOWN in
        include/libvirt/libvirt-qemu.h).
        """
        self._call(self._handle.shutdownFlags, 0)

    def destroy(self):
        """Take its power away, after QEMU has written what it has for the disks."""
        self._call(self._handle.destroyFlags, libvirt.VIR_DOMAIN_DESTROY_GRACEFUL)

    def start(self):
        """Start it with its definition."""
        self._call(self._handle.create)

    def signs_seen(self):
        """Return which signs that the guest is up are there (set of str, as ``_virt_xml.signs_of_life``); none where it is off, see ``run_id``."""
        signs = {"agent"} if _virt_xml.agent_talks(self.running()) else set()
        kinds = libvirt.VIR_DOMAIN_STATS_BLOCK | libvirt.VIR_DOMAIN_STATS_INTERFACE
        for _handle, counted in self._call(self._connection.counted, self._handle, kinds):  # libvirt leaves out a domain that is gone
            for sign, name in (("disk", re.compile(r"block\.\d+\.wr\.bytes")), ("interface", re.compile(r"net\.\d+\.tx\.pkts"))):
                if any(value and name.fullmatch(key) for key, value in counted.items()):
                    signs.add(sign)
        return signs

    def ask_agent(self, command, seconds):
        """Return what the guest's agent answers (str) to ``command`` (str). That taints the domain: custom-ga-command.

        It waits ``seconds`` (int, at least 1) for the answer, and 5 s before, once per connection of the agent, to see whether there is anybody
        (VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT in include/libvirt/libvirt-qemu.h); while somebody else asks it, up to 30 s.
        """
        if libvirt_qemu is None:
            raise RefusedError("unsupported", "libvirt's bindings lack libvirt_qemu")
        own = self._connection.of_this_thread()
        return own.call(libvirt_qemu.qemuAgentCommand, own.handle_of(self.uuid), command, seconds, 0)

    def ask_qemu(self, command):
        """Return what QEMU answers (str) to a ``command`` (str) of its machine protocol, errors included. That taints the domain: custom-monitor."""
        if libvirt_qemu is None:
            raise RefusedError("unsupported", "libvirt's bindings lack libvirt_qemu")
        return self._call(libvirt_qemu.qemuMonitorCommand, self._handle, command, libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT)

    def redefine(self, gone, added):
        """Define the domain again without the elements ``gone`` and with ``added``: for drivers that cannot attach at all."""
        secure = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
        current = self._call(self._handle.XMLDesc, secure)
        try:
            new = _virt_xml.edited(current, gone, added)
        except ValueError as error:
            raise RefusedError("other", f"the definition was changed by somebody else: it no longer has {error}") from error
        self._connection.define(new)


def connect(uri, write):
    """Return a Connection that may write; without need to ``write``, one that may only read where there are no more rights.

    Raise EntropyError when ``uri`` is no URI, or the daemon cannot be reached.
    """
    is_local(uri)
    _prepare()
    try:
        return Connection(libvirt.open(uri), uri)
    except libvirt.libvirtError as error:
        if write:
            raise _unreachable(uri, error) from error
    return connect_read_only(uri)


def connect_read_only(uri):
    """Return a Connection that may only read. Raise EntropyError when ``uri`` is no URI, or the daemon cannot be reached."""
    is_local(uri)
    _prepare()
    try:
        return Connection(libvirt.openReadOnly(uri), uri, may_write=False)
    except libvirt.libvirtError as error:
        raise _unreachable(uri, error) from error


def _prepare():
    """Keep libvirt from printing each error to stderr, where it would spoil a module's output, and have its events taken in."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    _run_loop()


@functools.lru_cache(maxsize=None)  # libvirt takes one loop per process, before the first connection.
def _run_loop():
    """Run libvirt's loop beside the calls: it asks the daemon whether it still answers, also while a call waits, and takes events in."""
    libvirt.virEventRegisterDefaultImpl()
    ended = threading.Event()

    def run():
        while not ended.wait(_LOOP_PAUSE):
            libvirt.virEventRunDefaultImpl()

    def end():
        ended.set()
        libvirt.virEventAddTimeout(0, lambda *_unused: None, None)  # wakes it
        loop.join(_KEEPALIVE_INTERVAL)

    loop = threading.Thread(target=run, daemon=True)
    loop.start()
    atexit.register(end)


def _unreachable(uri, error):
    return EntropyError(
        f"cannot reach libvirt at {_options.shown(uri)}: {error}. Nothing was changed. Check that the daemon runs (systemctl status libvirtd, "
        "or virtqemud.socket), that its socket is there, and that this user may use it (root, or the group libvirt).", unreachable_uri=uri)


def _version(number):
    # virConnectGetLibVersion: major * 1,000,000 + minor * 1,000 + release.
    return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"
