# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest's half through its agent: judged as by a login where the agent shows enough, and never harmed by what it answers."""

import json
import time

import pytest
from agent_fakes import HW_RANDOM, RANDOM, UNITS, FakeAgent, recorded, refusal
from ansible_collections.kvm.entropy.plugins.module_utils import _agent_half
from ansible_collections.kvm.entropy.plugins.module_utils._bounds import size

NOW = 1_800_000_000
DRIVER = "/sys/bus/virtio/drivers/virtio_rng"
DEVICE = "/sys/bus/virtio/devices/virtio3/"
FILL = "/proc/141/stat"
STATUS = "Name:\trngd\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\nCapEff:\t%s\n"


def seen(agent, seconds=10):
    half, why = _agent_half.look(agent.ask, seconds, NOW)
    assert not agent.open, "what was opened is closed"
    assert why is None, why
    return half


def why_not(agent, seconds=10):
    half, why = _agent_half.look(agent.ask, seconds, NOW)
    assert half is None
    return why


def codes(half):
    return [one["code"] for one in half["problems"] if one["code"] != "no-vmgenid"]


@pytest.mark.parametrize(("guest", "release"), [("bookworm", "6.1.0-50-cloud-amd64"), ("bullseye", "5.10.0-32-cloud-amd64")])
def test_a_sound_guest_is_seen_whole_but_for_its_log(guest, release):
    half = seen(recorded(guest))
    assert half == {
        "gathered_at": NOW, "release": release, "generation": "rewritten", "ready": True, "current": "virtio_rng.0", "quality": 1000, "filling": True,
        "filling_reason": None, "feeder": None, "links": {"live": "ok", "current": "ok", "fed": "ok", "ready": "ok", "in_time": "unknown"},
        "problems": [{"code": "no-vmgenid", "evidence": "no vmgenid driver is bound"}]}


def test_few_questions_are_asked_and_none_that_draws_from_the_generator():
    agent = recorded("bullseye")
    seen(agent)
    assert len(agent.asked) < 60
    assert not {RANDOM + "uuid", RANDOM + "boot_id", "/dev/hwrng", "/dev/random", "/dev/urandom"} & {path for _name, path in agent.asked}


def test_a_generation_id_that_the_kernel_listens_to_is_seen():
    assert seen(recorded("bookworm", {"/sys/bus/platform/drivers/vmgenid/QEMUVGID:00": None}))["problems"] == []


def test_a_pool_that_is_not_full_is_a_generator_that_is_not_ready():
    half = seen(recorded("bookworm", {RANDOM + "entropy_avail": "255\n"}))
    # The first full buffer of a device would have filled it.
    assert (half["ready"], half["links"]["ready"], codes(half)) == (False, "broken", ["not-filling", "not-ready"])
    assert half["problems"][1]["evidence"] == "entropy_avail is 255 of 256 bits"


@pytest.mark.parametrize("changed", [
    {RANDOM + "poolsize": "4096\n", RANDOM + "entropy_avail": "3500\n"}, {RANDOM + "entropy_avail": "many\n"},
    {"/proc/sys/kernel/osrelease": "5.17.3\n", RANDOM + "entropy_avail": "255\n"}])
def test_a_pool_that_does_not_tell_leaves_readiness_open(changed):
    half = seen(recorded("bookworm", changed))
    assert (half["ready"], half["links"]["ready"], codes(half)) == ("unknown", "unknown", [])


def test_a_device_without_its_driver_is_found_on_the_bus():
    agent = recorded("bookworm", {DEVICE + "uevent": "MODALIAS=virtio:d00000004v00001AF4\n", HW_RANDOM + "rng_current": "none\n", DRIVER: None},
                     without=["/proc/interrupts"])
    agent.files["/sys/bus/virtio/devices/virtio0/uevent"] = "DRIVER=virtio_net\nMODALIAS=virtio:d00000001v00001AF4\n"
    half = seen(agent)
    assert (codes(half), half["links"]["live"], half["links"]["current"]) == (["driver-missing"], "ok", "broken")
    assert half["problems"][0]["evidence"] == "the device has no driver; virtio_rng is loaded"


def test_a_device_that_only_pci_shows_is_found_there():
    agent = recorded("bookworm", {"/proc/bus/pci/devices": "0000\t808629c0\t0\n0308\t1af41044\t0\t0\n", "/sys/class/misc": None},
                     without=["/proc/interrupts", "/sys/bus/virtio/", HW_RANDOM])
    half = seen(agent)
    assert (codes(half), half["current"]) == (["driver-missing"], "none")
    assert half["problems"][0]["evidence"] == "the device at PCI 0000:03:01.0 has no driver; virtio_rng is not loaded"


def test_a_guest_without_a_device_has_none():
    half = seen(recorded("bookworm", {HW_RANDOM + "rng_current": "none\n"}, without=["/proc/interrupts", "/sys/bus/virtio/"]))
    assert (codes(half), half["links"]["live"], half["links"]["fed"]) == (["no-device"], "broken", "broken")


def test_what_the_agent_may_not_read_is_unknown_and_not_absent():
    agent = recorded("bookworm", without=[HW_RANDOM])
    opened = agent.guest_file_open

    def confined(path, mode):
        if path.startswith(HW_RANDOM):
            raise refusal("other", "failed to open file '%s' (mode: 'r'): Permission denied" % path)
        return opened(path, mode)
    agent.guest_file_open = confined
    half = seen(agent)
    assert (half["current"], half["links"]["current"], half["links"]["fed"], codes(half)) == (None, "unknown", "unknown", [])


@pytest.mark.parametrize("quality", ["0\n", "1000\n"])
def test_no_thread_is_looked_for_where_the_source_is_trusted_with_nothing(quality):
    agent = recorded("bookworm", {HW_RANDOM + "rng_quality": quality})
    half = seen(agent)
    assert codes(half) == (["quality-zero"] if quality == "0\n" else [])
    assert any((path or "").endswith("/stat") for _name, path in agent.asked) is (quality != "0\n")


def test_a_kernel_without_its_fill_thread_is_not_fed():
    half = seen(recorded("bullseye", {FILL: "141 (kworker/0:1) S 2" + " 0" * 40}))
    assert (half["filling"], half["filling_reason"], codes(half)) == (False, "the kernel's thread hwrng does not run", ["not-filling"])


def test_where_process_2_is_not_the_kernels_its_threads_are_not_shown():
    changed = {FILL: "141 (kworker/0:1) S 2" + " 0" * 40, "/proc/2/stat": "2 (bash) S 1 0 0 0 -1 4194304 0 0" + " 0" * 40}
    half = seen(recorded("bullseye", changed))
    assert (half["filling"], half["links"]["fed"], codes(half)) == ("unknown", "unknown", [])
    assert "kthreadd" in half["filling_reason"]


def test_where_the_guest_shows_no_sys_no_device_is_missing():
    half = seen(recorded("bookworm", without=["/proc/interrupts", "/sys/"]))
    assert (half["links"]["live"], codes(half)) == ("unknown", [])


def test_a_fill_thread_that_spins_feeds_nothing_while_the_generator_is_not_ready():
    changed = {RANDOM + "entropy_avail": "5\n", HW_RANDOM + "rng_quality": "1\n"}
    assert seen(recorded("bookworm", changed))["filling"] is True
    spinning = "445 (hwrng) R 2 0 0 0 -1 2129984 0 0 0 0 9 7000 0 0 20 0 1 0 91963 0 0"
    half = seen(recorded("bookworm", dict(changed, **{"/proc/445/stat": spinning})))
    assert (half["filling"], half["links"]["fed"], codes(half)) == (False, "broken", ["not-filling", "not-ready"])
    assert half["filling_reason"] == "virtio_rng.0 delivers and nothing is credited; its fill thread spins: 70.1 s of CPU in 140.0 s"


def test_a_program_that_calls_itself_as_the_thread_is_not_taken_for_it():
    assert seen(recorded("bullseye", {FILL: "141 (hwrng) S 1" + " 0" * 40}))["filling"] is False


def test_without_a_list_of_threads_it_stays_open_whether_the_kernel_is_fed():
    half = seen(recorded("bookworm", without=["/proc/2/"]))
    assert (half["filling"], half["filling_reason"], codes(half)) == ("unknown", "the guest does not list the kernel's threads", [])


def test_older_lists_of_threads_serve_as_well():
    threads = json.loads(json.dumps(recorded("bullseye").files["/proc/2/task/2/children"])).replace(" ", "\n")
    assert seen(recorded("bullseye", {"/sys/fs/cgroup/cgroup.procs": threads}, without=["/proc/2/"]))["filling"] is True


def test_a_buffer_that_never_came_is_told_once_the_source_has_been_there_for_a_while():
    counters = "".join(line if "virtio3-input" not in line else " 35:  0  0   PCI-MSI 1-edge      virtio3-input\n"
                       for line in recorded("bookworm").files["/proc/interrupts"].splitlines(True))
    half = seen(recorded("bookworm", {"/proc/interrupts": counters}))
    assert (half["filling"], codes(half)) == (False, ["not-filling"])
    assert half["filling_reason"].startswith("nothing delivered in ")


def test_counter_lines_that_end_in_spaces_alone_are_none_and_crash_nothing():
    counters = " 35:  7       \n 36: 1 2  \n" + recorded("bookworm").files["/proc/interrupts"]
    assert seen(recorded("bookworm", {"/proc/interrupts": counters}))["filling"] is True


@pytest.mark.parametrize("slices", [UNITS, "/sys/fs/cgroup/systemd/system.slice/"])
@pytest.mark.parametrize(("arguments", "expected"), [("-f\0-r\0/dev/urandom\0", ["fake-source"]), ("-f\0", ["feeder-useless"])])
def test_a_feeder_is_found_as_a_service_with_its_source(slices, arguments, expected):
    feeder = {slices: None, slices + "rngd.service/cgroup.procs": "77\n", "/proc/77/comm": "rngd\n", "/proc/77/cmdline": "/usr/sbin/rngd\0" + arguments,
              "/proc/77/status": STATUS % "000001ffffffffff"}
    half = seen(recorded("bookworm", feeder, without=[UNITS]))
    assert (half["feeder"], codes(half)) == ("rngd", expected)
    assert "rngd (pid 77, uid 0, rngd.service) runs" in half["problems"][0]["evidence"]


@pytest.mark.parametrize(("status", "name", "fed"), [(STATUS % "0000000000000000", None, "ok"), (None, "rngd", "unknown")])
def test_a_service_that_cannot_credit_is_no_feeder_and_one_that_is_not_seen_whole_proves_nothing(status, name, fed):
    feeder = {UNITS: None, UNITS + "rngd.service/cgroup.procs": "77\n", "/proc/77/comm": "rngd\n", "/proc/77/cmdline": "rngd\0-r\0/dev/urandom\0",
              "/proc/77/status": status}
    half = seen(recorded("bookworm", feeder))
    assert (half["feeder"], codes(half), half["links"]["fed"]) == (name, [], fed)


# --- agents that tell nothing -------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("state", "channel", "why"), [
    ("paused", "", "the domain is paused"), ("shutoff", "", "the domain is shutoff"),
    ("running", "", "the domain has no channel for a guest agent: give its definition"),
    ("running", "<channel><target type='virtio' name='org.qemu.guest_agent.0' state='disconnected'/></channel>", "no agent is connected: install"),
    ("running", "<channel><target type='virtio' name='com.redhat.spice.0' state='connected'/></channel>", "the domain has no channel"),
])
def test_whom_nobody_needs_to_ask_is_known_without_a_call(state, channel, why):
    assert _agent_half.hindrance(state, f"<domain><devices>{channel}</devices></domain>").startswith(why)


def test_an_agent_that_is_connected_or_may_be_is_asked():
    for end in (" state='connected'", ""):
        xml = f"<domain><devices><channel><target type='virtio' name='org.qemu.guest_agent.0'{end}/></channel></devices></domain>"
        assert _agent_half.hindrance("running", xml) is None


# The words of agents 5.2, 7.2 and 10.0, behind those of libvirt in two languages.
@pytest.mark.parametrize("words", [
    "internal error: unable to execute QEMU agent command 'guest-file-open': Command guest-file-open has been disabled",
    "internal error: unable to execute QEMU agent command 'guest-file-open': The command guest-file-open has been disabled for this instance",
    "Interner Fehler: QEMU-Agentbefehl: The command guest-file-open has not been found",
    "internal error: Command guest-file-open has been disabled: the command is not allowed"])
def test_an_agent_that_gives_no_files_is_told_with_the_setting(words):
    agent = recorded("bookworm", answers={"guest-file-open": refusal("other", words)})
    assert why_not(agent).startswith("its agent does not allow guest-file-open (RHEL's and Fedora's do not): allow guest-file-open, ")
    assert len(agent.asked) == 1


def test_an_agent_that_opens_and_does_not_read_is_blocked_as_well():
    agent = recorded("bookworm", answers={"guest-file-read": refusal("other", "Command guest-file-read has been disabled")})
    assert "does not allow guest-file-read" in why_not(agent) and not agent.open


def test_a_guest_whose_file_systems_are_frozen_is_looked_at_later():
    words = "unable to execute QEMU agent command 'guest-file-open': Command guest-file-open has been disabled: the agent is in frozen state"
    assert why_not(recorded("bookworm", answers={"guest-file-open": refusal("other", words)})) == (
        "its file systems are frozen, as for a backup: look again later")


@pytest.mark.parametrize(("kind", "why"), [
    ("silent", "its agent does not answer (so)"), ("denied", "libvirt does not let this user ask guest agents (so): that takes org.libvirt.api.domain.write"),
    ("busy", "something else is talking to its agent (so)"), ("gone", "it was undefined meanwhile"), ("stopped", "it ended meanwhile"),
    ("unsupported", "its hypervisor's driver asks no guest agents (so)")])
def test_what_keeps_us_from_the_agent_is_told_and_costs_one_wait(kind, why):
    agent = recorded("bookworm", answers={"guest-file-read": refusal(kind, "so")})
    assert _agent_half.look(agent.ask, 10, NOW)[1].startswith(why)
    assert [name for name, _path in agent.asked] == ["guest-file-open", "guest-file-read"], "an agent that is lost is not asked to close"


@pytest.mark.parametrize(("osinfo", "words"), [
    ({"return": {"id": "mswindows"}}, "so it runs no Linux, but mswindows: it can be judged by its host only"),
    ({"return": {"id": 7}}, "so it runs no Linux: it")])
def test_a_guest_without_linux_is_left_to_its_host(osinfo, words):
    assert words in why_not(FakeAgent({}, {"guest-get-osinfo": json.dumps(osinfo)}))


def test_an_agent_too_old_to_name_its_system_is_no_failure():
    assert "so it runs no Linux: it can" in why_not(FakeAgent({}, {"guest-get-osinfo": refusal("other", "The command guest-get-osinfo has not been found")}))


@pytest.mark.parametrize("answer", [
    "", "nonsense", "[]", "{}", "null", '{"error": {}}', '{"return": null}', '{"return": "7"}', '{"return": true}', '{"return": {"a": 1}}', '{"return": 1e400}',
    '{"return": ' + "9" * 900, "[" * 900, '{"return": "' + "x" * 100000 + '"}'])
def test_an_open_that_is_answered_with_nonsense_ends_the_look(answer):
    why = why_not(FakeAgent({"/proc/sys/kernel/osrelease": "6.1\n"}, {"guest-file-open": answer}))
    assert why.startswith("its agent gives no proper answer to guest-file-open, but ") and len(why) < 400


@pytest.mark.parametrize("answer", [
    '{"return": {}}', '{"return": []}', '{"return": "MjU2"}', '{"return": 7}', '{"return": {"buf-b64": 7}}', '{"return": {"buf-b64": "M"}}',
    '{"return": {"buf-b64": "MjU2\\u00e4"}}', '{"return": {"buf-b64": null}}', '{"return": {"count": 9, "buf-b64": "' + "A" * 100000 + '"}}'])
def test_a_file_that_is_answered_with_nonsense_ends_the_look_and_is_closed(answer):
    agent = recorded("bookworm", answers={"guest-file-read": answer})
    why = why_not(agent)
    assert why.startswith("its agent gives no proper answer to guest-file-read, but ") and len(why) < 400 and not agent.open


class Clock:
    """A clock that each question makes later by ``step`` (s)."""

    def __init__(self, step):
        self.now, self.step = 0, step

    def __call__(self):
        return self.now


@pytest.mark.parametrize(("step", "known"), [(0.1, True), (0.3, False), (3, False)])
def test_a_slow_agent_has_its_time_and_no_more(step, known, monkeypatch):
    clock, agent = Clock(step), recorded("bookworm")

    def ask(command, seconds):
        clock.now += step
        return agent.ask(command, seconds)
    plain = _agent_half.Files
    monkeypatch.setattr(_agent_half, "Files", lambda ask, seconds: plain(ask, seconds, clock))
    half, why = _agent_half.look(ask, 10.0123, NOW)  # What is left until the deadline of all guests is no round number.
    assert (half is not None) is known and not agent.open
    assert known or why.startswith("its agent answers too slowly: 10 s were over")
    assert clock.now <= 10 + 3 * step, "the file at hand is read and closed"


def test_where_the_time_ends_among_the_threads_the_rest_is_told(monkeypatch):
    clock, agent = Clock(0), recorded("bookworm", {"/proc/2/task/2/children": " ".join(map(str, range(3, 5000)))})

    def ask(command, seconds):
        clock.now += 0.1 if "/stat" in command else 0
        return agent.ask(command, seconds)
    plain = _agent_half.Files
    monkeypatch.setattr(_agent_half, "Files", lambda ask, seconds: plain(ask, seconds, clock))
    half, why = _agent_half.look(ask, 10, NOW)
    assert (why, half["filling"], half["links"]["ready"]) == (None, "unknown", "ok")
    assert half["filling_reason"] == "the kernel's thread hwrng was not found among the first 102 threads in the time given"


# --- guests that lie ----------------------------------------------------------------------------------------------------

HUGE = b"9" * (2 << 20)
PATHS = sorted(recorded("bookworm").files)


@pytest.mark.parametrize("content", [
    HUGE, b"\xff\xfe" * 3000, b"\0" * 5000, "\u0669\u0663".encode(), b"-1", b"99999999999999999999", b"\n" * 4000, b"1 " * 2000])
@pytest.mark.parametrize("path", PATHS)
def test_no_file_with_nonsense_harms_or_floods(path, content):
    half, why = _agent_half.look(recorded("bookworm", {path: content}).ask, 10, NOW)
    assert (half is None) == (why is not None) and size([half, why]) < 2000
    assert json.dumps([half, why]).isascii()


@pytest.mark.parametrize("line", [b"1: 1" + b" " * 2**20, (b"1:" + b" 1" * 8192 + b" " * 300 + b"\0\n") * 60, (b"1: 1" + b" " * 700 + b"\0\n") * 1400])
def test_no_counters_keep_us_busy(line):
    begun = time.process_time()
    seen(recorded("bookworm", {"/proc/interrupts": line}))
    assert time.process_time() - begun < 0.5
