# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading another tree: nothing of this machine gets into it, and nothing outside of it is read."""

import os
import shutil
import subprocess
import sys
import tempfile

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._entropy import gather
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._kernel import fill_thread, is_kthreadd, observe
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_tree import Tree
from waiting import when

RANDOM = "/proc/sys/kernel/random/"
HW_RANDOM = "/sys/class/misc/hw_random/"


@pytest.fixture
def tree(tmp_path):
    """A folder, with a function that writes files into it."""
    def write(path, text):
        file = tmp_path / "tree" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (tmp_path / "tree").mkdir()
    write.root = str(tmp_path / "tree")
    write.outside = tmp_path / "outside"
    write.outside.mkdir()
    return write


def link(tree, path, target):
    file = os.path.join(tree.root, path.lstrip("/"))
    os.makedirs(os.path.dirname(file), exist_ok=True)
    os.symlink(target, file)


def test_an_empty_tree_tells_nothing_and_lists_what_it_would_take(tree):
    facts = gather(tree.root)
    assert facts["crng"]["ready"] == facts["hwrng"]["filling"] == facts["hwrng"]["device"] == facts["kvm_guest"] == "unknown"
    assert facts["vmgenid"] == facts["fips"] == facts["confidential"] == facts["feeder"]["running"] == "unknown"
    assert [facts["boot_id"], facts["kernel"]["release"], facts["kernel"]["pool_bits"], facts["hwrng"]["current"], facts["domain_uuid"]] == [None] * 5
    assert (facts["problems"], facts["verdict"]) == ([], "unknown")
    assert {"crng.ready", "hwrng.filling, feeder"} <= {each["what"] for each in facts["unseen"]}


def test_feeders_that_every_boot_shall_start_are_those_that_are_enabled_and_not_masked(tree):
    wants = "/etc/systemd/system/multi-user.target.wants/"
    for unit in ("rngd.service", "haveged.service", "rng-tools-debian.service", "sshd.service"):
        link(tree, wants + unit, "/usr/lib/systemd/system/" + unit)
    tree("/usr/lib/systemd/system/haveged.service", "[Unit]\nConditionKernelVersion=<5.6\n[Service]\nExecStart=/usr/sbin/haveged\n")
    link(tree, "/etc/systemd/system/rngd.service", "/dev/null")
    link(tree, "/run/systemd/system/rng-tools-debian.service", "/dev/null")
    assert observe(tree.root)["wanted"] == {"haveged.service": "<5.6"}


def test_openrcs_feeders_are_those_in_a_runlevel(tree):
    link(tree, "/etc/runlevels/default/rngd", "/etc/init.d/rngd")
    link(tree, "/etc/runlevels/boot/hostname", "/etc/init.d/hostname")
    assert observe(tree.root)["wanted"] == {"rngd": None}


def test_feeders_of_init_scripts_are_those_that_a_runlevel_starts_unless_a_unit_takes_their_place(tree):
    for level in ("2", "5"):
        for link_name in ("S01rng-tools-debian", "S01haveged", "S02rng-tools", "K01rngd", "S03ssh"):
            link(tree, "/etc/rc%s.d/%s" % (level, link_name), "../init.d/" + link_name[3:])
    tree("/usr/lib/systemd/system/haveged.service", "[Service]\nExecStart=/usr/sbin/haveged\n")
    link(tree, "/etc/systemd/system/rng-tools.service", "/dev/null")
    assert observe(tree.root)["wanted"] == {"rng-tools-debian": None}


def test_an_unpacked_report_tells_what_its_machine_saved(tree):
    # The layout of an sosreport: the kernel's files as they were, and the log as dmesg printed it.
    tree("/proc/sys/kernel/osrelease", "5.14.0-427.el9.x86_64\n")
    tree(RANDOM + "poolsize", "256\n")
    tree(RANDOM + "boot_id", "8bf53aba-774b-4738-8f38-cb0e3ea73721\n")
    tree(HW_RANDOM + "rng_available", "virtio_rng.0 none\n")
    tree(HW_RANDOM + "rng_current", "virtio_rng.0\n")
    tree(HW_RANDOM + "rng_quality", "1000\n")
    tree("/sys/bus/virtio/devices/virtio0/device", "0x0004\n")
    tree("/sos_commands/kernel/dmesg", "[    0.000000] Linux version 5.14.0\n[    0.800000] random: crng init done\n"
         "[    1.500000] systemd[1]: systemd 252 running in system mode\n")
    facts = gather(tree.root)
    assert (facts["kernel"]["release"], facts["kernel"]["generation"]) == ("5.14.0-427.el9.x86_64", "rewritten")
    assert (facts["hwrng"]["current"], facts["hwrng"]["quality"], facts["hwrng"]["device"], facts["hwrng"]["filling"]) == (
        "virtio_rng.0", 1000, True, "unknown")
    assert (facts["crng"]["ready"], facts["crng"]["ready_at"], facts["crng"]["in_time"]) == (True, 0.8, True)


def test_only_the_last_boot_of_a_saved_log_counts(tree):
    tree("/var/log/dmesg", "[    0.000000] Linux version 5.10\n[    9.000000] random: crng init done\n"
         "[    0.000000] Linux version 5.10\n[    0.500000] random: crng init done\n")
    assert gather(tree.root)["crng"]["ready_at"] == 0.5


@pytest.mark.parametrize("target", ["{outside}/secret", "../../../../../../../../../../{outside}/secret"])
def test_links_that_lead_out_are_not_followed(tree, target):
    (tree.outside / "secret").write_text("this machine's", encoding="utf-8")
    link(tree, HW_RANDOM + "rng_current", target.format(outside=tree.outside))
    assert gather(tree.root)["hwrng"]["current"] is None


def test_a_folder_that_is_a_link_to_this_machine_is_not_followed(tree):
    link(tree, "/proc", "/proc")
    link(tree, "/sys", "../../../../../../../../../sys")
    assert observe(tree.root)["texts"] == {}


def test_links_inside_lead_where_they_lead_for_that_system(tree):
    tree("/sys/devices/virtual/misc/hw_random/rng_current", "virtio_rng.3\n")
    link(tree, "/sys/class/misc/hw_random", "/sys/devices/virtual/misc/hw_random")
    assert gather(tree.root)["hwrng"]["current"] == "virtio_rng.3"


def test_links_in_a_circle_end(tree):
    link(tree, HW_RANDOM + "rng_current", "rng_current")
    seen = observe(tree.root)
    assert seen["refused"] == {HW_RANDOM + "rng_current": "ELOOP"}


def test_what_is_no_file_is_not_opened_for_long(tree):
    os.makedirs(tree.root + HW_RANDOM)
    os.mkfifo(tree.root + HW_RANDOM + "rng_current")
    assert gather(tree.root)["hwrng"]["current"] is None


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="no /proc of its own here")
def test_this_machines_own_kernel_mounted_in_a_tree_is_not_that_trees():
    # The parent of a mounted /proc, seen as another tree: /proc is there, and on another file system.
    root = Tree("/")
    root.is_live = False
    root._last = os.O_NOFOLLOW  # what a tree that is not live has
    try:
        assert root.text("/proc/uptime") is None
        assert root.refused == {"/proc/uptime": "EXDEV"}
    finally:
        root.close()


def test_a_root_that_is_not_there_is_an_error_that_says_what_to_give(tree):
    with pytest.raises(EntropyError, match=r"root .*/nothing: cannot be read: No such file or directory\. Give the folder"):
        gather(tree.root + "/nothing")


def test_the_running_system_is_itself_by_any_name():
    assert observe("/proc/self/root")["live"] is True
    assert observe("/..")["live"] is True


def test_a_feeder_is_seen_with_the_devices_that_it_reads():
    # A program by that name, which has the kernel's own output open for reading, a random device for writing too, and nothing for its input.
    folder = tempfile.mkdtemp()
    program = os.path.join(folder, "rngd")
    shutil.copy(os.path.realpath(shutil.which("sleep")), program)
    with open("/dev/urandom", "rb") as reads, open("/dev/random", "r+b", buffering=0) as both:
        process = subprocess.Popen([program, "60"], stdin=subprocess.DEVNULL, pass_fds=(reads.fileno(), both.fileno()))
    try:
        # A new program has its name a moment after its start.
        (feeder,) = when(lambda: [each for each in observe()["processes"]["feeders"] if each["pid"] == process.pid])
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)
    assert (feeder["name"], feeder["open"]) == ("rngd", ["urandom"])


def test_a_container_is_known_by_its_namespaces():
    text = "import sys; sys.path[:0] = %r; from ansible_collections.kvm.entropy.plugins.module_utils._kernel import observe; print(observe()['container'])"
    done = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", text % sys.path], capture_output=True, text=True, check=False)
    if done.returncode and "unshare" in done.stderr:
        pytest.skip("no namespaces may be made here: %s" % done.stderr)
    assert done.stdout.strip() not in ("", "None"), done.stderr


def test_a_containers_second_process_is_no_kernel_thread():
    text = ("import sys, subprocess; sys.path[:0] = %r; from ansible_collections.kvm.entropy.plugins.module_utils._kernel import observe\n"
            "second = subprocess.Popen(['sleep', '60'])\n"
            "print(second.pid, observe()['processes']['kernel'])\nsecond.kill()\nsecond.wait()") % (sys.path,)
    done = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", text], capture_output=True, text=True, check=False)
    if done.returncode and "unshare" in done.stderr:
        pytest.skip("no namespaces may be made here: %s" % done.stderr)
    assert done.stdout.split() == ["2", "False"], done.stderr


@pytest.mark.parametrize(("stat", "is_it"), [
    ("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0", True), ("2 (kthreadd) S 1 0 0 0 -1 2129984 0 0", False), ("2 (kthreadd) S 0 0 0 0 -1 4194304 0 0", False),
    ("2 (hwrng) S 0 0 0 0 -1 2129984 0 0", False), ("22 (kthreadd) S 0 0 0 0 -1 2129984 0 0", False), ("2 (x) (kthreadd) S 0 0 0 0 -1 2129984 0 0", False),
    ("", False)])
def test_the_kernels_first_thread_is_known_by_its_name_its_parent_and_its_flags(stat, is_it):
    assert is_kthreadd(stat) is is_it


def test_a_fill_thread_that_has_ended_does_not_run():
    assert fill_thread("141 (hwrng) Z 2 0 0 0 -1 2129984 0 0 0 0 9 7 0 0 20 0 1 0 91963 0 0", 100) is None


@pytest.mark.parametrize(("flags", "is_thread"), [("2129984", True), ("4194304", False), ("0", False), ("9" * 5000, False), ("x", False)])
def test_a_kernel_thread_is_known_by_its_flags(flags, is_thread):
    stat = "141 (hwrng) S 2 0 0 0 -1 %s 0 0 0 0 9 7 0 0 20 0 1 0 91963 0 0" % flags
    assert (fill_thread(stat, 100) is not None) is is_thread


def test_the_running_systems_observations_lead_to_facts():
    facts = gather()
    assert facts["kernel"]["release"] == os.uname().release
    assert facts["crng"]["ready"] is True  # whoever runs tests has waited for it
    assert facts["verdict"] in ("ok", "degraded", "broken", "unknown")


def test_the_nodes_of_the_running_system_are_known_by_their_numbers():
    assert observe()["random_nodes"] == {"/dev/random": ["random", "character device 1:8"], "/dev/urandom": ["urandom", "character device 1:9"]}


@pytest.mark.parametrize(("path", "text", "line"), [
    ("/etc/modprobe.d/x.conf", "install \\\nvirtio* /bin/true\n", "/etc/modprobe.d/x.conf has 'install virtio* /bin/true'"),
    ("/proc/cmdline", "quiet modprobe.blacklist=virtio_rng", "the kernel's command line has modprobe.blacklist=virtio_rng")])
def test_a_device_without_a_driver_comes_with_the_line_that_keeps_the_driver_out(tree, path, text, line):
    tree(path, text)
    assert observe(tree.root)["refusal"] is None
    tree("/sys/bus/virtio/devices/virtio0/device", "0x0004\n")
    evidence = {each["code"]: each["evidence"] for each in gather(tree.root)["problems"]}["driver-missing"]
    assert evidence == "the device has no driver; virtio_rng is not loaded, as " + line
    link(tree, "/sys/bus/virtio/devices/virtio0/driver", "../../drivers/virtio_rng")
    assert observe(tree.root)["refusal"] is None


def test_programs_that_credit_a_seed_of_the_boot_before_are_told(tree):
    assert observe(tree.root)["seeders"] == []
    tree("/var/lib/seedrng/seed.credit", "x")
    tree("/etc/systemd/system/systemd-random-seed.service.d/credit.conf", "[Service]\nEnvironment=A=1 SYSTEMD_RANDOM_SEED_CREDIT=force\n")
    tree("/usr/lib/systemd/system/systemd-random-seed.service", "[Service]\n# Environment=SYSTEMD_RANDOM_SEED_CREDIT=yes\n")
    tree("/proc/cmdline", "quiet systemd.setenv=SYSTEMD_RANDOM_SEED_CREDIT=1")
    assert observe(tree.root)["seeders"] == [
        "/var/lib/seedrng", "/proc/cmdline", "/etc/systemd/system/systemd-random-seed.service.d/credit.conf"]


def test_what_stands_around_a_value_is_taken_away_in_whatever_order(tree):
    for end in ("\n\0", "\0\n", " \0 \n", "\0\0", "\t", ""):
        tree(HW_RANDOM + "rng_current", "virtio_rng.0" + end)
        assert gather(tree.root)["hwrng"]["current"] == "virtio_rng.0", repr(end)
