# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""<rng> elements, in all the forms that libvirt 9.0 takes, for hypothesis."""

from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional")
DRIVER = ("iommu", "ats", "packed", "page_per_vq")

# What QEMU can open here, and what only a definition can have.
SOUND_PATHS = ("/dev/urandom", "/dev/random")
ODD_PATHS = ("/dev/null", "/dev/hwrng", "urandom", "/run/nothing", "/dev/<odd> & 'quoted\"", " /dev/padded ", "\n/dev/urandom\n", "~/rng", "/dev/$HOME")

# Nobody listens there, and nobody has to.
SOUND_EGD = (
    "<backend model='egd' type='unix'><source mode='connect' path='/run/no.sock'><reconnect enabled='yes' timeout='5'/></source></backend>",
    "<backend model='egd' type='udp'><source mode='connect' host='127.0.0.1' service='9'/></backend>",
    "<backend model='egd' type='udp'><source mode='bind' host='127.0.0.1' service='0'/><source mode='connect' host='127.0.0.1' service='9'/></backend>",
    "<backend model='egd' type='tcp'><source mode='bind' host='127.0.0.1' service='0'/><protocol type='raw'/></backend>",
    "<backend model='egd' type='tcp'><source mode='bind' host='127.0.0.1' service='0'/><protocol type='telnet'/></backend>",
)
ODD_EGD = (
    "<backend model='egd' type='tcp'><source mode='connect' host='egd.example.org' service='7000'/></backend>",
    "<backend model='egd' type='tcp'><source mode='connect' host='127.0.0.1' service='7000' tls='no'/><protocol type='telnet'/></backend>",
    "<backend model='egd' type='tcp'><source mode='connect' host='egd.example.org' service='7000' tls='yes'/></backend>",
    "<backend model='egd' type='tcp'><source mode='bind' host='::1' service='7000'/><protocol type='tls'/></backend>",
    "<backend model='egd' type='tcp'><source mode='connect' host='127.0.0.1' service='7000'><reconnect enabled='no'/></source></backend>",
    "<backend model='egd' type='tcp'><source mode='connect' host='127.0.0.1' service='7000'><reconnect enabled='yes' timeout='1'/></source></backend>",
    "<backend model='egd' type='udp'><source mode='bind' service='7001'/><source mode='connect' host='192.0.2.7' service='7002'/></backend>",
    "<backend model='egd' type='udp'><source mode='connect' service='7002'/></backend>",
    "<backend model='egd' type='unix'><source mode='connect' path='/run/no &amp; such &lt;rng&gt;.sock'/></backend>",
    "<backend model='egd' type='unix'><source mode='bind' path='/run/bound.sock'/></backend>",
    "<backend model='egd' type='pty'/>",
    "<backend model='egd' type='dev'><source path='/dev/ttyS9'/></backend>",
    "<backend model='egd' type='file'><source path='/var/tmp/egd'/></backend>",
    "<backend model='egd' type='pipe'><source path='/var/tmp/egd'/></backend>",
    "<backend model='egd' type='file'><source path='/var/tmp/egd' append='on'/></backend>",
    "<backend model='egd' type='udp'><source mode='bind' host='192.0.2.1' service='7001'/><source mode='connect' host='127.0.0.1' service='7002'/></backend>",
    "<backend model='egd' type='qemu-vdagent'><source><clipboard copypaste='no'/><mouse mode='client'/></source></backend>",
    "<backend model='egd' type='null'/>",
    "<backend model='egd' type='stdio'/>",
)


# The device that the module describes by default, but for one property.
NEAR = (
    "<rng model='virtio'><rate bytes='1024' period='999'/><backend model='random'>/dev/urandom</backend></rng>",
    "<rng model='virtio'><rate bytes='1023' period='1000'/><backend model='random'>/dev/urandom</backend></rng>",
    "<rng model='virtio'><rate bytes='1024' period='1000'/><backend model='random'>/dev/random</backend></rng>",
    "<rng model='virtio-non-transitional'><rate bytes='1024' period='1000'/><backend model='random'>/dev/urandom</backend></rng>",
    "<rng model='virtio'><driver packed='on'/><rate bytes='1024'/><backend model='random'>/dev/urandom</backend></rng>",
)


def _random(path):
    return f"<backend model='random'>{escape(path)}</backend>" if path else "<backend model='random'/>"


def backends(sound):
    """Return <backend> elements (strategy of str); only ``sound`` ones let a domain start here."""
    paths = SOUND_PATHS + ("",) + (() if sound else ODD_PATHS)
    egd = SOUND_EGD + (() if sound else ODD_EGD)
    return st.one_of(st.sampled_from(paths).map(_random), st.just("<backend model='builtin'/>"), st.sampled_from(egd))


def rates():
    """Return <rate> elements or nothing (strategy of str)."""
    return st.sampled_from((
        "", "<rate bytes='1024' period='1000'/>", "<rate bytes='1024'/>", "<rate period='5'/>", "<rate bytes='0' period='7'/>",
        "<rate bytes='64' period='250'/>", "<rate bytes='4294967295' period='4294967295'/>"))


def drivers(sound):
    """Return <driver> elements or nothing (strategy of str). QEMU doesn't start every device with iommu."""
    names = DRIVER[1:] if sound else DRIVER
    said = st.dictionaries(st.sampled_from(names), st.sampled_from(("on", "off")), max_size=3)
    return st.one_of(st.just(""), said.map(
        lambda options: f"<driver{''.join(f' {name}={quoteattr(value)}' for name, value in sorted(options.items()))}/>" if options else ""))


@st.composite
def _any_rngs(draw, sound):
    model = draw(st.sampled_from(MODELS[:1] + MODELS))
    return f"<rng model='{model}'>{draw(drivers(sound))}{draw(rates())}{draw(backends(sound))}</rng>"


def rngs(sound=False):
    """Return <rng> elements (strategy of str) without names and address."""
    return st.one_of(_any_rngs(sound), _any_rngs(sound), st.sampled_from(NEAR))
