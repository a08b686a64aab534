# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who defines a domain again by itself, so that a change made beside it is lost, read from the domain's XML. Pure."""

import re
from typing import List, NamedTuple, Optional, Pattern
from xml.etree import ElementTree


class Manager(NamedTuple):
    """One of those: the signs of its domains, where its owner asks for a device, and how the domain is restarted there."""

    name: str
    shown: str
    namespace: Optional[str]
    domain_name: Optional[Pattern]
    system: Optional[str]
    give: str
    restart: str


# Their own sources: nova/virt/libvirt/config.py; vdsm's lib/vdsm/virt/vmxml.py; pkg/virt-launcher/virtwrap/api/schema.go in KubeVirt (and so Harvester and
# OpenShift Virtualization); src/vmm/LibVirtDriverKVM.cc in OpenNebula; LibvirtVMDef.java, VirtualMachineName.java and AgentProperties.java in CloudStack;
# kvmagent/plugins/vm_plugin.py in zstack-utility. Proxmox VE, Ganeti, Incus and Xen Orchestra do not use libvirt.
_MANAGERS = (
    Manager("openstack", "OpenStack", "http://openstack.org/xmlns/libvirt/nova/", None, None,
            "give the image the property hw_rng_model=virtio and the flavor hw_rng:allowed=True", "openstack server reboot --hard"),
    Manager("ovirt", "oVirt", "http://ovirt.org/vm/", None, None, "give the virtual machine a random number generator there", "shut down and run"),
    Manager("kubevirt", "KubeVirt", "http://kubevirt.io", None, None,
            "give the VirtualMachine spec.template.spec.domain.devices.rng (in Harvester, by its YAML)",
            "virtctl restart"),
    Manager("opennebula", "OpenNebula", "http://opennebula.org/xmlns/libvirt/", re.compile(r"one-\d+"), None,
            "give the VM's template RAW = [ TYPE = \"kvm\", DATA = \"<devices><rng ...>...</rng></devices>\" ]", "onevm poweroff, then onevm resume"),
    Manager("cloudstack", "CloudStack", None, re.compile(r"(?:i-\d+-\d+|[rsv]-\d+)-VM"), "CloudStack KVM Hypervisor",
            "set vm.rng.enable=true and vm.rng.path=/dev/urandom in the host's agent.properties, and restart cloudstack-agent",
            "stop and start the instance there"),
    Manager("zstack", "ZStack", "http://zstack.org", None, None, "give the VM instance the device there", "stop and start the VM instance there"),
)
_BY_NAME = {manager.name: manager for manager in _MANAGERS}
_NAMESPACES = tuple((manager, re.compile("xmlns(:[^=\\s]+)?=[\"']" + re.escape(manager.namespace))) for manager in _MANAGERS if manager.namespace)
_NAMED = tuple(manager for manager in _MANAGERS if manager.domain_name)
_NAME = re.compile(r"<name>([^<]*)</name>")
_PRODUCT = re.compile(r"<entry name='product'>([^<]*)</entry>")

# What leaves metadata and the domain to its owner: libosinfo's (virt-install, virt-manager, virt-v2v and others), Cockpit, GNOME Boxes, kcli, uvtool.
_HARMLESS = (
    "http://libosinfo.org/", "https://github.com/cockpit-project/cockpit/", "https://wiki.gnome.org/Apps/Boxes", "http://live.gnome.org/Boxes", "kvirt",
    "https://libvirt.org/", "http://libvirt.org/", "http://github.com/launchpad/uvtool")
_MOST, _LONGEST = 5, 200


def managed_elsewhere(xml):
    """Return who defines the domain of ``xml`` (str) again by itself, as in MANAGERS, or None."""
    metadata = _metadata(xml)
    found = next((manager for manager, namespace in _NAMESPACES if metadata and namespace.search(metadata)), None)
    if found is None:
        name = _NAME.search(xml)  # libvirt writes it first.
        found = next((manager for manager in _NAMED if name and manager.domain_name.fullmatch(name.group(1))), None)
    if found is None and "<sysinfo" in xml:
        product = _PRODUCT.search(xml, xml.rfind("</metadata>") + 1)
        found = next((manager for manager in _MANAGERS if product and product.group(1) == manager.system), None)
    return found and found.name


def unknown_metadata(xml) -> List[str]:
    """Return the namespaces of metadata in ``xml`` (str) that no known tool leaves, whose tool may define the domain again."""
    metadata = _metadata(xml)
    if not metadata:
        return []
    try:
        children = list(ElementTree.fromstring(metadata))
    except (ElementTree.ParseError, ValueError):
        return []
    known = _HARMLESS + tuple(manager.namespace for manager in _MANAGERS if manager.namespace)
    found = [child.tag[1:].partition("}")[0] for child in children if child.tag.startswith("{")]
    return list(dict.fromkeys(namespace[:_LONGEST] for namespace in found if not namespace.startswith(known)))[:_MOST]


def shown(name):
    """Return the manager's name as people write it (str)."""
    return _BY_NAME[name].shown


def where_to_give(name):
    """Return in words (str) where the owner of a domain of the manager ``name`` (str) asks for a device."""
    return "%s: %s" % (_BY_NAME[name].shown, _BY_NAME[name].give)


def where_to_restart(name):
    """Return in words (str) who restarts such a domain, and how."""
    return "%s (%s)" % (_BY_NAME[name].shown, _BY_NAME[name].restart)


def _metadata(xml):
    """Return the <metadata> of ``xml`` (str), empty where it has none."""
    start, end = xml.find("<metadata>"), xml.rfind("</metadata>")
    return xml[start:end + len("</metadata>")] if 0 <= start < end else ""
