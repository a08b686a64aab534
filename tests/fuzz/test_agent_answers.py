# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest's agent answers: a half comes of it, or a reason why not, both short and fit for JSON."""

import json

from agent_fakes import UNITS, recorded, refusal
from ansible_collections.kvm.entropy.plugins.module_utils import _agent_half
from ansible_collections.kvm.entropy.plugins.module_utils._bounds import size
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000
MOST = 3000
COMMANDS = ["guest-file-open", "guest-file-read", "guest-file-close", "guest-get-osinfo"]
RELEASE = "/proc/sys/kernel/osrelease"
FEEDER = {UNITS: None, UNITS + "rngd.service/cgroup.procs": "77\n", "/proc/77/comm": "rngd\n", "/proc/77/cmdline": "rngd\0-r\0/dev/urandom\0",
          "/proc/77/status": "State:\tS\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n"}
PATHS = sorted([*recorded("bookworm").files, *FEEDER])

contents = (st.binary(max_size=80) | st.text(max_size=80) | st.from_regex(r"[0-9]{1,30}( [0-9]{1,9}){0,30}\n") | st.just("virtio_rng.0\n") | st.just("none\n")
            | st.from_regex(r"(State:\t[SZ]|Uid:\t[0-9]\t[0-9]{1,30}\t|CapEff:\t[0-9a-f]{1,30}|\n){1,5}")
            | st.lists(st.sampled_from(["rngd", "-r", "--rng", "-fr", "/dev/urandom", "--", "-O", "a:path:b", "\udc80"]), max_size=6).map("\0".join))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["return", "error", "buf-b64", "count", "id", "x"]), inner, max_size=3), max_leaves=8)


def look(agent):
    """Return what comes of a look through ``agent``, after what holds of every look."""
    half, why = _agent_half.look(agent.ask, 10, NOW)
    assert (half is None) == (why is not None) and size([half, why]) < MOST
    json.dumps([half, why], ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert half is None or set(half["links"].values()) <= {"ok", "broken", "unknown"}
    return half


def encoded(files):
    return {path: text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text for path, text in files.items()}


@examples(300)
@given(st.dictionaries(st.sampled_from([path for path in PATHS if path != RELEASE]), contents))
def test_whatever_a_guest_shows_a_half_comes_of_it(changed):
    assert look(recorded("bookworm", dict(FEEDER, **encoded(changed)))) is not None


@examples(100)
@given(contents)
def test_whatever_release_a_guest_shows_the_look_ends(release):
    look(recorded("bookworm", encoded({RELEASE: release})))


@examples(300)
@given(st.dictionaries(st.sampled_from(COMMANDS), st.text(max_size=200) | values.map(json.dumps) | values.map(lambda value: json.dumps({"return": value}))
                       | st.sampled_from(["[" * 900, '{"return": ' + "9" * 900 + "}", '{"return": "\\ud800"}', '{"return": {"buf-b64": "\\udc80"}}'])))
def test_whatever_an_agent_answers_the_look_ends(answers):
    look(recorded("bookworm", without=[RELEASE] if "guest-get-osinfo" in answers else (), answers=answers))


@examples(100)
@given(st.sampled_from(COMMANDS), st.sampled_from(["silent", "denied", "busy", "gone", "stopped", "unsupported", "other"]),
       st.text(st.characters(codec=None), max_size=300))
def test_whatever_libvirt_says_of_it_the_look_ends(command, kind, words):
    look(recorded("bookworm", without=[RELEASE] if command == "guest-get-osinfo" else (), answers={command: refusal(kind, words)}))
