# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may ask of virt_rng, for hypothesis: as in a playbook, defaults left out, numbers as text where a survey gave them."""

from generated_rngs import DRIVER, MODELS
from hypothesis import strategies as st

_LOOPBACK = {"host": "127.0.0.1", "service": "0"}
_EGD = st.sampled_from((
    {"type": "tcp", "sources": [dict(_LOOPBACK, mode="bind")]},
    {"type": "tcp", "sources": [dict(_LOOPBACK, mode="bind")], "protocol": "telnet"},
    {"type": "udp", "sources": [{"host": "127.0.0.1", "service": "9"}]},
    {"type": "udp", "sources": [dict(_LOOPBACK, mode="bind"), {"host": "127.0.0.1", "service": "9"}]},
    {"type": "unix", "sources": [{"path": "/run/no.sock", "reconnect": 5}]},
))
# What is refused, or taken, before a domain is looked at; and what only a start would show.
_ODD_EGD = st.sampled_from((
    {"type": "tcp", "sources": [{"host": "egd.example.org", "service": "7000"}]},
    {"type": "tcp", "sources": [{"host": "egd.example.org", "service": "7000", "tls": True}]},
    {"type": "unix", "sources": [{"path": "/run/no.sock"}]},
    {"type": "unix", "sources": [{"path": "/run/bound &amp; <rng>.sock", "mode": "bind"}]},
    {"type": "udp", "sources": [dict(_LOOPBACK, mode="bind")]},
    {"type": "unix", "sources": []},
    {"type": "tcp", "sources": [{"host": "127.0.0.1", "service": "1"}]},
    {"type": "unix", "sources": [{"path": "/nowhere/egd.sock", "mode": "bind"}]},
))

# What is fit to be asked for and QEMU fails to open: it may not, and it has no certificates.
_UNREACHABLE_EGD = st.sampled_from((
    {"type": "tcp", "sources": [{"host": "127.0.0.1", "service": "1", "mode": "bind"}]},
    {"type": "tcp", "sources": [{"host": "192.0.2.1", "service": "1", "tls": True}]},
))


def _device(sound):
    return {
        "backend": st.sampled_from(("random", "builtin", "egd")),
        "path": st.sampled_from(("/dev/urandom", "/dev/random") + (() if sound else ("/dev/null", "/etc/passwd", "urandom", "/dev/hwrng"))),
        "egd": st.one_of(_EGD, _UNREACHABLE_EGD if sound else _ODD_EGD),
        "rate_bytes": st.sampled_from((0, 64, 1024, "1024", 5, 4294967295) + (() if sound else (-1, 2 ** 32))),
        "rate_period": st.sampled_from((1000, 250, "60000") + (() if sound else (0,))),
        "model": st.sampled_from(MODELS),
        "driver": st.dictionaries(st.sampled_from(DRIVER[1:] if sound else DRIVER), st.sampled_from((True, False, "yes")), max_size=2),
    }


@st.composite
def described(draw, sound=False):
    """Return the options (dict) that describe one device. ``sound``: none that are refused."""
    options = draw(st.fixed_dictionaries({}, optional=_device(sound)))
    if options.get("backend") == "egd" and sound:
        options.setdefault("egd", draw(_EGD))
    return options


@st.composite
def options(draw, sound=False):
    """Return what is asked (dict), all but which domains."""
    asked = draw(st.one_of(
        described(sound),
        st.just({"state": "absent"}),
        st.lists(described(sound), max_size=3).map(lambda devices: {"devices": devices})))
    ways = draw(st.fixed_dictionaries({}, optional={
        "scope": st.sampled_from(("config", "live", "both", "both")), "exclusive": st.booleans(), "replace_live": st.booleans(),
        "confirmed": st.sampled_from((["*"], ["*"], [])), "managed_elsewhere": st.sampled_from(("refuse", "allow"))}))
    return dict(asked, **ways, settle=0, unplug_timeout=0)
