# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host for the tests of virt_rng and virt_rng_info: domains of a private daemon, and the modules as real processes against it."""

import contextlib
import importlib.util
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

import ansible
from lab.userland import Userland

# ./run matrix names a Debian suite here; else libvirt, QEMU and the bindings are this machine's own.
USERLAND = Userland(os.environ.get("KVM_ENTROPY_LIBVIRT"))
SYSTEM_PYTHON = USERLAND.python
COLLECTION = Path(importlib.util.find_spec("ansible_collections.kvm.entropy").submodule_search_locations[0])
RNG = "<rng model='virtio'><rate bytes='1024' period='1000'/><backend model='random'>/dev/urandom</backend></rng>"
DESCRIBED = {"backend": "random", "path": "/dev/urandom", "rate_bytes": 1024, "rate_period": 1000, "model": "virtio", "driver": {}}
# Another one, which is not what is asked for.
SLOW = RNG.replace("1024", "64")
OLD = dict(DESCRIBED, rate_bytes=64)
POWER_OFF = "power the domain off and start it (a reboot inside the guest is not enough)"

# A pc or q35 machine without the devices that libvirt adds by itself, so that a test decides what is on its buses.
BARE = "<controller type='usb' model='none'/><memballoon model='none'/><video><model type='none'/></video>"
NO_PORTS = BARE + "<controller type='pci' index='0' model='pcie-root'/>"


def domain_xml(name, devices="", machine="q35", features="<acpi/>", head="", tail=""):
    """Return the XML of a small domain without an operating system: its QEMU runs and stays in the firmware."""
    return (
        "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
        f"<name>{escape(name)}</name>{head}<memory unit='MiB'>32</memory>"
        f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os><features>{features}</features>"
        f"<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{devices}</devices>{tail}</domain>")


class Host:
    """The domains of a private daemon, seen and changed with virsh, so that the modules' own means prove nothing about themselves."""

    def __init__(self, daemon, folder):
        self.daemon = daemon
        self.uri = daemon.uri
        self._folder = Path(folder)

    def define(self, name, *words, start=False, **parts):
        """Define a domain (see domain_xml); ``start`` it; return its name."""
        self._with_file(domain_xml(name, *words, **parts), "define")
        if start:
            self.virsh("start", name)
        return name

    def define_xml(self, xml):
        """Define a domain of this whole ``xml`` (str)."""
        self._with_file(xml, "define")

    def define_many(self, names):
        """Define small domains of these names in one virsh."""
        files = [self._file(domain_xml(name)) for name in names]
        self.virsh("; ".join(f"define {file}" for file in files))
        for file in files:
            file.unlink()

    def create(self, name, **parts):
        """Start a transient domain."""
        self._with_file(domain_xml(name, **parts), "create")
        return name

    def virsh(self, *words):
        return self.daemon.virsh(*words)

    def clear(self):
        """Remove every domain."""
        for uuid in self.virsh("list", "--uuid").split():
            self.virsh("destroy", uuid)
        for uuid in self.virsh("list", "--all", "--uuid").split():
            self.virsh("undefine", uuid, "--managed-save", "--snapshots-metadata", "--nvram")

    def definition(self, name):
        """Return the whole definition, secrets included (str)."""
        return self.virsh("dumpxml", "--inactive", "--security-info", name)

    def config(self, name):
        """Return the <rng> of the definition (list of str, addresses left out)."""
        return _rngs(self.definition(name))

    def live(self, name):
        """Return the <rng> of what runs (list of str, addresses left out)."""
        return _rngs(self.virsh("dumpxml", name))

    def everything(self):
        """Return all definitions and all that runs (str)."""
        uuids = sorted(self.virsh("list", "--all", "--uuid").split())
        return "".join(self.definition(uuid) + self.virsh("dumpxml", uuid) for uuid in uuids)

    def rng(self, expect_failure=False, **options):
        """Predict what virt_rng does with ``options``, do it, and return the result: prediction and result are the same.

        A prediction changes nothing.
        """
        before = self.everything()
        predicted = self.run("virt_rng", _ansible_check_mode=True, **options)
        assert self.everything() == before
        result = self.run("virt_rng", **options)
        assert foreseeable(predicted) == foreseeable(result)
        assert result.get("failed", False) is expect_failure, result.get("msg")
        return result

    def info(self, environment=None, **options):
        return self.run("virt_rng_info", environment, **options)

    def run(self, module, environment=None, uri=None, wrap=(), **options):
        """Run a module as a process of the interpreter that has libvirt's bindings, behind the words ``wrap`` of a command; return its result."""
        return run_module(module, dict(environment or {}, **self.state), wrap=wrap, uri=uri or self.uri, **options)

    @property
    def state(self):
        """The variables (dict) of a process that keeps its state here, and not on this machine."""
        return {"XDG_STATE_HOME": str(self._folder / "state")}

    def device_file(self, element):
        """Return the path (str) of a file with a device's ``element``, for virsh."""
        return str(self._file(element))

    def _with_file(self, xml, command):
        file = self._file(xml)
        self.virsh(command, str(file))
        file.unlink()

    def _file(self, xml):
        handle, path = tempfile.mkstemp(".xml", dir=self._folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(xml)
        return Path(path)


def run_module(module, environment=None, wrap=(), **options):
    """Run a module as a process of the system's interpreter; return its result (dict)."""
    with module_process(module, environment, wrap, **options) as process:
        output, errors = process.communicate(timeout=300)
    assert not errors, errors
    return json.loads(output)


@contextlib.contextmanager
def module_process(module, environment=None, wrap=(), **options):
    """Start a module as a process of the system's interpreter; yield it (Popen, text), and have it ended afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = Path(folder, "arguments.json")
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": dict(options, _ansible_remote_tmp=folder)}), encoding="utf-8")
        path = os.pathsep.join([*filter(None, [(environment or {}).get("PYTHONPATH")]), python_path(folder)])
        process = subprocess.Popen(
            [*wrap, SYSTEM_PYTHON, str(COLLECTION / "plugins/modules" / f"{module}.py"), str(arguments)],
            env=dict(os.environ, **dict(environment or {}, PYTHONPATH=path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with process:
            try:
                yield process
            finally:
                process.kill()


def python_path(folder):
    """Return the PYTHONPATH (str) by which the system's interpreter finds Ansible and the collection; ``folder`` is for what leads there."""
    # Not the whole of site-packages: what is compiled there may be for another interpreter.
    Path(folder, "ansible").symlink_to(Path(ansible.__file__).parent)
    return os.pathsep.join([str(folder), str(COLLECTION.parents[2])])


def foreseeable(result):
    """Return what check mode has to predict of a result: all of it but the invocation."""
    return {name: value for name, value in result.items() if name not in ("invocation", "exception")}


def row(result, name):
    """Return the row of one domain."""
    found = [one for one in result["domains"] if one["name"] == name]
    assert len(found) == 1, result["domains"]
    return found[0]


def _rngs(xml):
    devices = xml[xml.rindex("<devices>"):]
    return [
        re.sub(r">\s+<", "><", re.sub(r"<(alias|address) [^>]*/>", "", element))
        for element in re.findall(r"<rng\b.*?</rng>", devices, re.DOTALL)
    ]
