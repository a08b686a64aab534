# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains that a manager defines again are known by what it leaves in them, and their owner is told where to go."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _managers

XML = ("<domain type='kvm'>\n  <name>{name}</name>\n  <uuid>2c12a822-84af-424b-91cf-7470bde43aa8</uuid>\n{metadata}  <memory unit='KiB'>1</memory>\n{sysinfo}"
       "  <devices>\n  </devices>\n</domain>\n")


def xml(name="web-1", metadata="", sysinfo=""):
    return XML.format(name=name, metadata=f"  <metadata>\n    {metadata}\n  </metadata>\n" if metadata else "", sysinfo=sysinfo)


NOVA = '<nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1"><nova:name>web</nova:name></nova:instance>'
LIBOSINFO = '<libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0"><libosinfo:os id="http://debian.org/debian/12"/>' \
    "</libosinfo:libosinfo>"
FOREIGN = '<isard:isard xmlns:isard="http://isardvdi.com"><isard:who user_id="a"/></isard:isard>'
CLOUDSTACK = ("  <sysinfo type='smbios'>\n    <system>\n      <entry name='manufacturer'>Apache Software Foundation</entry>\n"
              "      <entry name='product'>CloudStack KVM Hypervisor</entry>\n    </system>\n  </sysinfo>\n")


@pytest.mark.parametrize("domain, who", [
    (xml(metadata=NOVA), "openstack"),
    (xml(metadata='<ovirt-vm:vm xmlns:ovirt-vm="http://ovirt.org/vm/1.0"/>'), "ovirt"),
    (xml(metadata='<kubevirt xmlns="http://kubevirt.io"><uid/></kubevirt>'), "kubevirt"),
    (xml(metadata='<one:vm xmlns:one="http://opennebula.org/xmlns/libvirt/1.0"><one:name>web</one:name></one:vm>'), "opennebula"),
    (xml(metadata='<zs:zstack xmlns:zs="http://zstack.org"><internalId>1</internalId></zs:zstack>'), "zstack"),
    (xml(metadata=LIBOSINFO + NOVA), "openstack"),
    (xml("one-42"), "opennebula"), (xml("i-2-10-VM"), "cloudstack"), (xml("r-4-VM"), "cloudstack"), (xml("s-1-VM"), "cloudstack"),
    (xml("v-2-VM"), "cloudstack"),
    (xml("i-2-10-web", sysinfo=CLOUDSTACK), "cloudstack"), (xml("i-2-10-VM", LIBOSINFO), "cloudstack"),
])
def test_a_manager_is_known_by_metadata_system_or_name(domain, who):
    assert _managers.managed_elsewhere(domain) == who
    assert _managers.where_to_give(who).startswith(_managers.shown(who)) and "(" in _managers.where_to_restart(who)


@pytest.mark.parametrize("domain", [
    xml(), xml("one-"), xml("one-42-web"), xml("someone-42"), xml("i-2-VM"), xml("VM"), xml("x-1-VM"), xml(metadata=LIBOSINFO), xml(metadata=FOREIGN),
    xml(metadata='<app xmlns="http://example.org/">http://openstack.org/xmlns/libvirt/nova/1.1</app>'),
    xml(metadata="<a xmlns='http://example.org/'><name>one-42</name><entry name='product'>CloudStack KVM Hypervisor</entry></a>"),
    xml(sysinfo=CLOUDSTACK.replace("CloudStack KVM Hypervisor", "My own")),
])
def test_all_others_are_their_owners(domain):
    assert _managers.managed_elsewhere(domain) is None


@pytest.mark.parametrize("metadata, found", [
    ("", []), (LIBOSINFO, []), (NOVA, []), (FOREIGN, ["http://isardvdi.com"]), (LIBOSINFO + FOREIGN + FOREIGN, ["http://isardvdi.com"]),
    ('<kvirt:info xmlns:kvirt="kvirt"><kvirt:plan>a</kvirt:plan></kvirt:info>', []),
    ('<cockpit_machines:data xmlns:cockpit_machines="https://github.com/cockpit-project/cockpit/tree/master/pkg/machines"/>', []),
    ('<vmtemplate xmlns="unraid" name="Debian"/>', ["unraid"]), ("<!-- no child -->", []), ("<broken", []),
    ("<a xmlns='http://a/'><![CDATA[</metadata><b xmlns='http://b/'/>]]></a>", ["http://a/"]),
    ("".join(f"<a xmlns='http://{n}/{'x' * 300}'/>" for n in range(9)), [f"http://{n}/{'x' * 300}"[:200] for n in range(5)]),
])
def test_metadata_of_a_tool_that_is_not_known_is_named(metadata, found):
    assert _managers.unknown_metadata(xml(metadata=metadata)) == found
