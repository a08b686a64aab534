# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver now, at every boot and in the initramfs: on trees whose builder is a function, with the way back for each of its faults."""

import os
import shutil
import stat
import time

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _driver_lock, _initramfs_build, _initramfs_contents, _rng_driver
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._rng_driver import System, make_so
from initramfs_images import BUILTIN, DEPENDENCIES, RELEASE, archive, grow, image, unified

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="it takes root: files of another user are refused")

IMAGE = "/boot/initrd.img-" + RELEASE
LIST = "/etc/initramfs-tools/modules"
DRACUT_CONF = "/etc/dracut.conf.d/kvm-entropy.conf"
AT_BOOT = _rng_driver.AT_BOOT
COMMON = {
    "proc/sys/kernel/osrelease": RELEASE + "\n", "proc/modules": "", "sys/bus/virtio/devices/x": "", "var/lib/x": "", "etc/modules-load.d/x.conf": "",
    "run/x": "",
    "lib/modules/%s/modules.dep" % RELEASE: DEPENDENCIES, "lib/modules/%s/modules.builtin" % RELEASE: BUILTIN,
    "boot/vmlinuz-" + RELEASE: "", "vmlinuz": "-> boot/vmlinuz-" + RELEASE}
TOOLS = {**COMMON, "usr/sbin/update-initramfs": "mkinitramfs\n", "usr/sbin/mkinitramfs": "", "etc/initramfs-tools/modules": "# ours\nloop\n"}
DRACUT = {**COMMON, "usr/bin/dracut": "", "etc/dracut.conf": "", "etc/dracut.conf.d/x.conf": ""}


class Machine(System):
    """A tree with a kernel that loads what it is asked to, and a builder that does as its settings say, or has the ``fault``."""

    def __init__(self, root, files, first, fault=None):
        super().__init__(str(root), is_live=True)
        grow(root, {**files, IMAGE: archive(image(**first))})
        os.chmod(root / IMAGE.lstrip("/"), 0o600)
        self.fault = fault
        self.commands = []

    def run(self, words, seconds, lock=None):
        """Be modprobe, update-initramfs or dracut."""
        self.commands.append(words)
        if words[0] == "run-parts":
            return 0, ""
        if words[0].endswith("modprobe"):
            if self.fault == "modprobe":
                return 1, "modprobe: ERROR: could not insert 'virtio_rng': Required key not available"
            if self.fault != "install":
                os.makedirs(self.root + "/sys/bus/virtio/drivers/virtio_rng")
            return 0, ""
        return self._build(words)

    def _build(self, words):
        is_dracut = words[0].endswith("dracut")
        settings = self.read(DRACUT_CONF if is_dracut else LIST) or ""
        content = archive(image(driver="virtio_rng" in settings and self.fault != "omitted", named="virtio_rng" in settings,
                                builder="dracut" if is_dracut else "initramfs-tools"))
        path = self.root + IMAGE
        if self.fault == "disabled":
            return 0, "update-initramfs: Not updating initramfs."
        if self.fault == "killed":
            raise KeyboardInterrupt
        if self.fault == "killed with its run":
            for end in (".new", ".dpkg-bak", ".tmp", ".kvm-entropy"):
                shutil.copy(path, path + end)
            os.mkdir(self.root + _initramfs_build.TEMPORARY + "/dracut.dTBUqA")
            os._exit(9)
        if self.fault == "removed":
            os.unlink(path)
            return 1, "dracut: Creation of the image failed"
        with open(path, "wb") as file:
            file.write(content[:len(content) // 2] if self.fault in ("half", "half and said nothing") else content)
        return (1, "No space left on device") if self.fault == "half" else (0, "")


def _modprobe(name, **_more):
    """Be shutil.which() on a machine that has this program alone."""
    return "/sbin/modprobe" if name == "modprobe" else None


BUILDERS = {"initramfs-tools": (TOOLS, {}, LIST), "dracut": (DRACUT, {"builder": "dracut"}, DRACUT_CONF)}
ALL = {"early": True, "initramfs": "auto"}


@pytest.fixture(params=BUILDERS)
def made(request, tmp_path, monkeypatch):
    """A function that makes the machine of a builder, and the path of its settings; modprobe is there."""
    monkeypatch.setattr(_rng_driver.shutil, "which", _modprobe)
    # Ours is the whole tree, and pytest's folder is in a sticky one.
    monkeypatch.setattr(_initramfs_build, "_GROWTH", 0)
    files, first, settings = BUILDERS[request.param]

    def make(fault=None, **more):
        machine = Machine(tmp_path / "root", {**files, **more.pop("files", {})}, {"driver": False, "named": False, **first, **more}, fault)
        return machine, settings
    return make


def everything(machine):
    """Return all files (dict, path to content, mode and time) but the lock."""
    found = {}
    for folder, _folders, names in os.walk(machine.root):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and not path.endswith(_driver_lock.LOCK):
                with open(path, "rb") as file:
                    found[path[len(machine.root):]] = (file.read(), stat.S_IMODE(os.stat(path).st_mode), os.stat(path).st_mtime_ns)
    return found


def test_the_driver_is_loaded_now_at_every_boot_and_in_the_initramfs_once(made):
    machine, settings = made()
    before = everything(machine)
    foretold = make_so(machine, ALL, True)
    assert everything(machine) == before
    result = make_so(machine, ALL, False)
    assert {key: foretold[key] for key in ("changed", "before", "after", "done", "left", "diff")} == {
        key: result[key] for key in ("changed", "before", "after", "done", "left", "diff")}
    assert result["done"] == ["loaded virtio_rng", "wrote " + AT_BOOT, "wrote " + settings, "built " + IMAGE]
    assert result["left"] == ["Reboot when it suits: the new initramfs counts from the next start on"]
    (found,) = result["initramfs"]["images"]
    assert (found["when"], found["driver"], found["early"], found["stale"]) == (["running", "next"], True, True, False)
    assert not os.path.exists(machine.root + _initramfs_build.COPIES)
    again = make_so(machine, ALL, False)
    assert (again["changed"], again["done"], again["left"], again["before"]) == (False, [], [], result["after"])


def test_an_administrators_list_gets_one_line_and_keeps_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(_rng_driver.shutil, "which", _modprobe)
    text = b"# Jos\xe9's own \xff\nloop"
    machine = Machine(tmp_path, {**TOOLS, "etc/initramfs-tools/modules": text}, {"driver": False, "named": False})
    path = tmp_path / LIST.lstrip("/")
    path.chmod(0o640)
    os.chown(path, 0, 7)
    make_so(machine, ALL, False)
    assert path.read_bytes() == text + b"\nvirtio_rng\n"
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o640, 7)


FAULTS = {
    "half": "it failed with status 1: No space left on device",
    "removed": "it failed with status 1: dracut: Creation of the image failed",
    "half and said nothing": "and does not load virtio_rng: it is damaged: it is cut off",
    "disabled": "and does not load virtio_rng: it has no module virtio_rng for kernel %s. It said: update-initramfs: Not updating initramfs" % RELEASE,
    "omitted": "and does not load virtio_rng: it has no module virtio_rng for kernel " + RELEASE,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_build_that_fails_or_has_no_effect_fails_and_leaves_settings_and_images_as_before(made, fault):
    machine, settings = made(fault)
    before = everything(machine)
    with pytest.raises(EntropyError) as error:
        make_so(machine, ALL, False)
    assert FAULTS[fault] in str(error.value)
    assert "The settings and images of the initramfs are as they were before." in str(error.value)
    assert error.value.results == {"changed": True, "done": ["loaded virtio_rng", "wrote " + AT_BOOT]}
    after = everything(machine)
    assert after.pop(AT_BOOT)
    # The list was written twice; what it holds is as before.
    assert {path: found[:2] for path, found in after.items()} == {path: found[:2] for path, found in before.items()}
    assert after[IMAGE] == before[IMAGE]
    # Once the fault is mended, the next run does the rest.
    machine.fault = None
    assert make_so(machine, ALL, False)["done"] == ["wrote " + settings, "built " + IMAGE]


def test_a_boot_loader_that_keeps_a_copy_is_told_of_the_image_that_was_put_back(made):
    machine, _settings = made("half", files={"etc/initramfs/post-update.d/loader": "#!/bin/sh\n"})
    with pytest.raises(EntropyError):
        make_so(machine, ALL, False)
    assert machine.commands[-1] == ["run-parts", "--arg=" + RELEASE, "--arg=" + IMAGE, "/etc/initramfs/post-update.d"]
    machine.fault = "disabled"
    with pytest.raises(EntropyError):
        make_so(machine, ALL, False)
    assert machine.commands[-1][0] != "run-parts"


def test_an_image_that_no_room_is_left_for_is_put_back_in_the_place_of_what_is_there(made, monkeypatch):
    machine, _settings = made("half")
    before = everything(machine)
    copied = _initramfs_build._copy

    def full(source, target, rights):
        if target.endswith(".kvm-entropy"):
            raise OSError(28, "No space left on device")
        copied(source, target, rights)

    monkeypatch.setattr(_initramfs_build, "_copy", full)
    with pytest.raises(EntropyError, match="are as they were before"):
        make_so(machine, ALL, False)
    assert everything(machine)[IMAGE] == before[IMAGE]


def test_an_image_that_cannot_be_put_back_leaves_its_copy(made, monkeypatch):
    machine, _settings = made("half")
    before = everything(machine)

    def broken(*_words):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(_initramfs_build, "_copy", broken)
    copy = "%s.1/0-%s" % (_initramfs_build.COPIES, os.path.basename(IMAGE))
    with pytest.raises(EntropyError, match="Its copy is %s: put it there before the next boot" % copy) as error:
        make_so(machine, ALL, False)
    assert error.value.results["changed"]
    assert everything(machine)[copy][0] == before[IMAGE][0]
    assert any("No image" in words for words in make_so(machine, ALL, False)["left"])
    assert everything(machine)[copy][0] == before[IMAGE][0]


def test_a_run_that_is_interrupted_puts_back_what_it_can(made):
    machine, _settings = made("killed")
    before = everything(machine)
    with pytest.raises(KeyboardInterrupt):
        make_so(machine, ALL, False)
    after = everything(machine)
    del after[AT_BOOT]
    assert {path: found[:2] for path, found in after.items()} == {path: found[:2] for path, found in before.items()}


def test_a_stale_image_is_found_by_its_contents_whatever_its_time(made):
    machine, settings = made(files={LIST: "virtio_rng\n", DRACUT_CONF: 'force_drivers+=" virtio_rng "\n'})
    os.utime(machine.root + IMAGE, (2 ** 32, 2 ** 32))
    foretold = make_so(machine, ALL, True)
    assert [found["stale"] for found in foretold["initramfs"]["images"]] == [True]
    assert "wrote " + settings not in foretold["done"]
    assert make_so(machine, ALL, False)["done"][-1] == "built " + IMAGE
    assert make_so(machine, ALL, False)["changed"] is False


def test_a_damaged_image_is_built_again(made):
    machine, _settings = made(files={LIST: "virtio_rng\n", DRACUT_CONF: 'force_drivers+=" virtio_rng "\n'})
    os.truncate(machine.root + IMAGE, 300)
    assert make_so(machine, ALL, False)["done"][-1] == "built " + IMAGE


def test_copies_of_a_killed_run_are_removed(made):
    machine, _settings = made()
    make_so(machine, ALL, False)
    grow_at = machine.root + _initramfs_build.COPIES
    os.makedirs(grow_at)
    shutil.copy(machine.root + IMAGE, grow_at)
    assert make_so(machine, ALL, False)["changed"] is False
    assert not os.path.exists(os.path.dirname(grow_at))


def killed(machine):
    """Have a run of the module on ``machine``, which the kernel ends while it builds."""
    machine.fault = "killed with its run"
    child = os.fork()
    if not child:
        try:
            make_so(machine, ALL, False)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    machine.fault = None


def test_what_a_killed_build_has_left_is_removed_and_nothing_else(made):
    machine, settings = made(files={IMAGE + ".tmp": "an administrator's", IMAGE + ".bak": ""})
    killed(machine)
    left = [IMAGE + end for end in (".new", ".dpkg-bak", ".kvm-entropy")]
    with open(machine.root + IMAGE + ".dpkg-bak", "rb"):
        foretold = make_so(machine, ALL, True)
        result = make_so(machine, ALL, False)
    assert os.path.exists(machine.root + IMAGE + ".dpkg-bak")
    assert result["done"] == foretold["done"] == ["removed %s, which a killed build had left" % path for path in (left[0], left[2])] + ["built " + IMAGE]
    assert {path for path in everything(machine) if path.startswith(IMAGE)} == {IMAGE, IMAGE + ".tmp", IMAGE + ".bak", IMAGE + ".dpkg-bak"}
    assert everything(machine)[settings][0]
    assert not os.path.exists(machine.root + os.path.dirname(_initramfs_build.COPIES))


def test_what_a_killed_build_has_left_is_removed_where_the_image_is_right_by_now(made):
    machine, settings = made()
    killed(machine)
    machine._build(["update-initramfs" if settings == LIST else "dracut"])
    result = make_so(machine, ALL, False)
    assert (result["changed"], len(result["done"])) == (True, 4)
    assert {path for path in everything(machine) if path.startswith(IMAGE)} == {IMAGE}
    assert make_so(machine, ALL, False)["changed"] is False


def test_the_copies_of_another_run_that_still_builds_stay(made):
    machine, settings = made(files={LIST: "virtio_rng\n", DRACUT_CONF: 'force_drivers+=" virtio_rng "\n'}, driver=True, named=True)
    make_so(machine, ALL, False)
    copy = machine.root + _initramfs_build.COPIES + "/0-initrd"
    os.makedirs(os.path.dirname(copy))
    shutil.copy(machine.root + settings, copy)
    with machine.locked():
        assert make_so(machine, ALL, False)["changed"] is False
        assert os.path.exists(copy)
    make_so(machine, ALL, False)
    assert not os.path.exists(copy)


def test_what_another_run_has_built_meanwhile_is_not_built_again(made, monkeypatch):
    machine, _settings = made()
    waited = Machine.locked

    def locked(self, patience):
        monkeypatch.setattr(Machine, "locked", waited)
        assert make_so(self, ALL, False)["done"][-1] == "built " + IMAGE
        return waited(self, patience)

    monkeypatch.setattr(Machine, "locked", locked)
    assert (make_so(machine, ALL, False)["changed"], len(machine.commands)) == (False, 2)


def test_the_records_of_virt_restart_stay(made):
    machine, _settings = made(files={"var/lib/kvm-entropy/restart/a.json": "{}"})
    make_so(machine, ALL, False)
    make_so(machine, ALL, False)
    assert everything(machine)["/var/lib/kvm-entropy/restart/a.json"][0] == b"{}"
    assert not os.path.exists(machine.root + _initramfs_build.COPIES)


def test_check_mode_does_not_say_that_an_image_was_built(made):
    machine, settings = made()
    with open(machine.root + IMAGE, "wb") as file:
        file.write(b"of an unknown program")
    foretold = make_so(machine, ALL, True)
    assert foretold["done"][-2:] == ["wrote " + settings, "built " + IMAGE]
    assert foretold["left"] == ["Reboot when it suits: the new initramfs counts from the next start on"]
    assert foretold["left"] == make_so(machine, ALL, False)["left"]


def test_a_full_boot_is_found_before_anything_is_changed(made, monkeypatch):
    machine, _settings = made()
    before = everything(machine)
    monkeypatch.setattr(_initramfs_build, "_GROWTH", 1 << 60)
    for check_mode in (True, False):
        with pytest.raises(EntropyError, match=r"^/boot: found \d+ MiB free, expected \d+ MiB to build the initramfs.*Nothing was changed\.$"):
            make_so(machine, ALL, check_mode)
    assert everything(machine) == before
    assert machine.commands == []


def test_a_read_only_etc_is_found_before_anything_is_changed(made, monkeypatch):
    machine, _settings = made()
    before = everything(machine)
    monkeypatch.setattr(Machine, "is_read_only", staticmethod(lambda folder: folder.endswith("/etc/modules-load.d")))
    for check_mode in (True, False):
        with pytest.raises(EntropyError, match=r"modules-load.d/kvm-entropy.conf: its file system is mounted read-only\. .*Nothing was changed\.$"):
            make_so(machine, ALL, check_mode)
    assert everything(machine) == before
    assert machine.commands == []


def test_a_line_that_ends_with_a_carriage_return_names_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(_rng_driver.shutil, "which", _modprobe)
    machine = Machine(tmp_path, {**TOOLS, "etc/initramfs-tools/modules": ""}, {})
    with open(machine.root + LIST, "wb") as file:
        file.write(b"virtio_rng\r\n")
    assert "wrote " + LIST in make_so(machine, ALL, False)["done"]
    assert everything(machine)[LIST][0] == b"virtio_rng\r\nvirtio_rng\n"


def test_the_remedy_for_a_line_of_modprobe_is_that_lines(made):
    machine, _settings = made()
    judged = _initramfs_contents.Judged(True, False, None, False, None, _initramfs_contents.IN_IT + "etc/modprobe.d/x.conf has 'install virtio_rng /bin/true'")
    sight = machine.see(True, "auto").sight
    with pytest.raises(EntropyError, match=r"does not load virtio_rng: in it, etc/modprobe.d/x.conf has .*\. Remove that, and run this again\.$"):
        _rng_driver._check_effect(sight.images[0]._replace(judged=judged), sight.builder, "")


def test_a_builder_that_cannot_be_started_fails_like_one_that_ends_so(tmp_path):
    program = tmp_path / "update-initramfs"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    assert System().run([str(program)], 10) == (126, "it cannot be started: Permission denied")
    assert System().run([str(tmp_path / "nothing")], 10) == (126, "it cannot be started: No such file or directory")


def test_a_daemon_of_a_hook_does_not_hold_the_run_up():
    began = time.monotonic()
    assert System().run(["sh", "-c", "echo built; setsid sleep 20 & exit 0"], 15) == (0, "built")
    assert System().run(["sh", "-c", "echo hangs; setsid sleep 20 & sleep 20"], 1) == (-1, "hangs")
    assert time.monotonic() - began < 15


def test_images_beyond_those_that_are_looked_into_are_left_to_people(made):
    others = ["6.%d.0-1-amd64" % number for number in range(10, 20)]
    files = {"vmlinuz": "-> boot/nothing"}
    for other in others:
        files.update({"lib/modules/%s/modules.dep" % other: DEPENDENCIES, "lib/modules/%s/modules.builtin" % other: BUILTIN, "boot/initrd.img-" + other: ""})
    machine, _settings = made(files=files)
    left = "; ".join(make_so(machine, ALL, True)["left"])
    assert "these were neither looked into nor built: /boot/initrd.img-6.12.0-1-amd64, /boot/initrd.img-6.11.0-1-amd64, /boot/initrd.img-6.10" in left


def test_a_kernel_that_boots_next_and_has_no_driver_is_left_to_people(made):
    other = "6.9.0-1-amd64"
    machine, _settings = made(files={"boot/vmlinuz-" + other: "", "vmlinuz": "-> boot/vmlinuz-" + other, "boot/initrd.img-" + other: "",
                                     "lib/modules/%s/modules.dep" % other: "kernel/fs/x.ko:\n"})
    for check_mode in (True, False):
        assert make_so(machine, ALL, check_mode)["left"][0].startswith(
            "Kernel %s, which may boot next, has no virtio_rng: neither modules.dep nor modules.builtin in /lib/modules/%s names it. Install" % (other, other))


FOREIGN = {
    "a link": (lambda path: os.symlink("/etc/hostname", path), "a symbolic link"),
    "a folder": (os.mkdir, "a folder"),
    "a FIFO": (os.mkfifo, "a FIFO"),
    "another user's": (lambda path: (open(path, "w").close(), os.chown(path, 65534, 65534)), "a file of the user 65534"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_file_of_our_own_is_refused_before_anything_is_changed(made, kind):
    make, words = FOREIGN[kind]
    machine, settings = made()
    for path in (AT_BOOT, settings):
        target = machine.root + path
        if os.path.lexists(target):
            os.unlink(target)
        make(target)
        with pytest.raises(EntropyError) as error:
            make_so(machine, ALL, False)
        assert str(error.value).startswith("%s: cannot be written: found %s, expected" % (path, words))
        assert str(error.value).endswith("Nothing was changed.")
        (os.rmdir if kind == "a folder" else os.unlink)(target)
    assert machine.commands == []


def test_a_folder_that_others_can_write_is_refused(made):
    machine, settings = made()
    os.chmod(os.path.dirname(machine.root + settings), 0o777)  # noqa: S103
    with pytest.raises(EntropyError, match="others can write"):
        make_so(machine, ALL, False)
    assert machine.commands == []


@pytest.mark.parametrize(("fault", "words"), [
    ("modprobe", "Required key not available. Nothing was changed. The kernel takes signed modules only"),
    ("install", "it ended well, and kernel %s has no driver" % RELEASE)])
def test_a_driver_that_does_not_load_changes_nothing(made, fault, words):
    machine, _settings = made(fault)
    before = everything(machine)
    with pytest.raises(EntropyError) as error:
        make_so(machine, ALL, False)
    assert words in str(error.value)
    assert everything(machine) == before


def test_without_early_the_initramfs_is_not_looked_at(made):
    machine, _settings = made()
    result = make_so(machine, {"early": False, "initramfs": "auto"}, False)
    assert (result["done"], result["initramfs"], result["left"]) == (["loaded virtio_rng", "wrote " + AT_BOOT], None, [])
    assert make_so(machine, {"early": False, "initramfs": "auto"}, False)["changed"] is False


def test_a_kernel_with_the_driver_built_in_needs_nothing(made):
    machine, _settings = made(files={"lib/modules/%s/modules.builtin" % RELEASE: "kernel/drivers/char/hw_random/virtio-rng.ko\n"})
    os.makedirs(machine.root + "/sys/bus/virtio/drivers/virtio_rng")
    result = make_so(machine, ALL, False)
    assert (result["changed"], result["left"], result["kernel"]["driver"]) == (False, [], "builtin")


@pytest.mark.parametrize(("files", "words"), [
    ({"lib/modules/%s/modules.dep" % RELEASE: "kernel/fs/fuse/virtiofs.ko:\n"}, "Kernel %s has no virtio_rng: neither modules.dep nor" % RELEASE),
    ({"proc/sys/kernel/osrelease": "5.10.0\n"}, "Kernel 5.10.0 has no virtio_rng: the modules of kernel 5.10.0 are not installed")])
def test_a_kernel_without_the_driver_is_said_and_no_failure(made, files, words):
    machine, _settings = made(files=files)
    result = make_so(machine, ALL, False)
    assert result["left"][0].startswith(words)
    assert "loaded virtio_rng" not in result["done"]


REFUSALS = {
    "etc/modprobe.d/x.conf": ("blacklist virtio_rng\n", "virtio_rng is not loaded at boot, but by an initramfs that names it: /etc/modprobe.d/x.conf has"),
    "usr/lib/modprobe.d/x.conf": ("install virtio-rng /bin/false\n", "virtio_rng is not loaded at boot: /usr/lib/modprobe.d/x.conf has"),
    "etc/modprobe.d/y.conf": ("install virtio_ring /bin/true\n", "virtio_rng is not loaded at boot: /etc/modprobe.d/y.conf has"),
    "proc/cmdline": ("quiet module_blacklist=floppy,virtio_rng", "virtio_rng is not loaded at boot: the kernel's command line has module_blacklist="),
}


@pytest.mark.parametrize("path", REFUSALS)
def test_what_keeps_the_driver_out_at_boot_is_said(made, path):
    text, words = REFUSALS[path]
    machine, _settings = made(files={path: text})
    assert make_so(machine, ALL, True)["left"][0].startswith(words)


def test_what_was_done_before_the_list_for_every_boot_could_not_be_written_is_said(made, monkeypatch):
    machine, _settings = made()

    def full(*_words, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_rng_driver, "replace_own", full)
    with pytest.raises(EntropyError, match="No space left on device. What stays: loaded virtio_rng.$") as error:
        make_so(machine, ALL, False)
    assert error.value.results == {"changed": True, "done": ["loaded virtio_rng"]}


def test_an_alias_of_the_device_does_not_keep_the_driver_out_at_boot(made):
    machine, _settings = made(files={"etc/modprobe.d/x.conf": "alias virtio:d00000004v* off\n"})
    assert "at boot" not in " ".join(make_so(machine, ALL, True)["left"])


def test_settings_that_cannot_be_written_are_no_failed_way_back(made, monkeypatch):
    machine, settings = made()
    before = everything(machine)
    replaced = _rng_driver.replace_own

    def read_only(path, *words, **more):
        if path.endswith(settings):
            raise OSError(30, "Read-only file system")
        replaced(path, *words, **more)

    monkeypatch.setattr(_rng_driver, "replace_own", read_only)
    with pytest.raises(EntropyError) as error:
        make_so(machine, ALL, False)
    assert str(error.value).startswith("%s: cannot be written: Read-only file system. The settings and images" % settings)
    assert {path: found for path, found in everything(machine).items() if path != AT_BOOT} == before


OTHERS = {
    "mkinitcpio": ({"usr/bin/mkinitcpio": ""}, "there is /usr/bin/mkinitcpio. Write MODULES+=(virtio_rng)"),
    "rpm-ostree": ({"usr/bin/dracut": "", "run/ostree-booted": ""}, "Run: rpm-ostree initramfs --enable"),
    "a diverted program": ({"usr/sbin/update-initramfs": "exit 0\n"}, "Restore the distribution's update-initramfs"),
    "nothing": ({}, "no program that builds an initramfs is known here"),
}


def test_a_unified_kernel_image_is_not_built_and_nothing_is_named_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr(_rng_driver.shutil, "which", _modprobe)
    path = "/boot/efi/EFI/Linux/fedora-%s.efi" % RELEASE
    machine = Machine(tmp_path, {**DRACUT, path: unified(archive(image(driver=False, builder="dracut")))}, {})
    os.unlink(machine.root + IMAGE)
    result = make_so(machine, ALL, False)
    assert result["done"] == ["loaded virtio_rng", "wrote " + AT_BOOT]
    assert result["left"][0].startswith("%s does not load virtio_rng, and is not built here: it is a unified kernel image. Name virtio_rng" % path)


def test_a_kernel_without_an_image_is_said_and_nothing_is_named_for_it(made):
    machine, _settings = made()
    os.unlink(machine.root + IMAGE)
    result = make_so(machine, ALL, False)
    assert result["done"] == ["loaded virtio_rng", "wrote " + AT_BOOT]
    assert result["left"][0].startswith("No image of an initramfs was found for kernel " + RELEASE)


@pytest.mark.parametrize("builder", OTHERS)
def test_what_builds_the_initramfs_and_is_not_supported_is_named_and_not_guessed(tmp_path, monkeypatch, builder):
    monkeypatch.setattr(_rng_driver.shutil, "which", _modprobe)
    files, words = OTHERS[builder]
    machine = Machine(tmp_path, {**COMMON, **files}, {"driver": False, "builder": None})
    result = make_so(machine, ALL, False)
    assert result["done"] == ["loaded virtio_rng", "wrote " + AT_BOOT]
    (left,) = result["left"]
    assert left.startswith("%s does not load virtio_rng (it has no module virtio_rng" % IMAGE) and words in left
    assert make_so(machine, ALL, False)["changed"] is False


def test_an_image_that_has_the_driver_needs_no_builder(tmp_path, monkeypatch):
    monkeypatch.setattr(_rng_driver.shutil, "which", _modprobe)
    machine = Machine(tmp_path, {**COMMON, "usr/bin/mkinitcpio": ""}, {})
    assert make_so(machine, ALL, False)["left"] == []


def test_an_image_that_cannot_be_looked_into_is_said(made):
    machine, settings = made(files={LIST: "virtio_rng\n", DRACUT_CONF: 'force_drivers+=" virtio_rng "\n'})
    with open(machine.root + IMAGE, "wb") as file:
        file.write(b"an image of another kind")
    result = make_so(machine, ALL, False)
    assert result["left"] == ["%s was not looked into: it begins like no archive that the kernel unpacks (616e20696d61)" % IMAGE]
