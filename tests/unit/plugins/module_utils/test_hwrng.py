# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choosing a source: what is decided, in which order the kernel is told, and what is left where that fails."""

import copy
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _hwrng, _hwrng_rule, _kernel_hwrng
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_hwrng import Sources

WANTED = {"source": "virtio_rng", "quality": None, "persist": False, "force": False}


class Kernel:
    """A kernel's sources as drivers/char/hw_random/core.c of 6.12 treats them: ``sources`` (dict, name to quality), the best one is current."""

    def __init__(self, sources, current=None, most=1024, has_quality=True):
        self.sources = dict(sources)
        self.current = current or self._best()
        self.most = most
        self.has_quality = has_quality
        self.by_user = False
        self.told = []
        self.refuses = ()

    def _best(self):
        return max(self.sources, key=lambda name: self.sources[name])

    def state(self):
        return {"available": [*self.sources, "none"], "current": self.current, "quality": self.quality(), "has_quality": self.has_quality}

    def quality(self):
        return self.sources.get(self.current) if self.has_quality else None

    def choose(self, name):
        self._refuse(name)
        self.told.append(name)
        self.current = name
        self.by_user = True
        if name != "none":
            self.sources[name] = min(self.most, self.sources[name] or 1024)

    def set_quality(self, quality):
        self._refuse(quality)
        self.told.append(quality)
        self.sources[self.current] = quality
        self.current = self._best()
        self.by_user = False

    def _refuse(self, value):
        if value in self.refuses:
            raise EntropyError("the kernel refused %s." % value)


class NoRule:
    """A system without udev."""

    def read(self):
        return None

    def can_be_written(self):
        return False


@pytest.fixture
def etc(tmp_path):
    (tmp_path / "etc/udev/rules.d").mkdir(parents=True)
    return tmp_path


def make_so(kernel, rule=None, check_mode=False, **wanted):
    return _hwrng.make_so(kernel, rule or NoRule(), dict(WANTED, **wanted), check_mode)


def test_what_is_so_already_is_left_alone():
    kernel = Kernel({"virtio_rng.0": 1024})
    result = make_so(kernel)
    assert (result["changed"], kernel.told) == (False, [])
    assert result["before"] == result["after"] == {"current": "virtio_rng.0", "quality": 1024, "rule": None}
    assert result["available"] == ["virtio_rng.0", "none"]


def test_another_source_gives_way():
    kernel = Kernel({"virtio_rng.1": 1000, "tpm-rng-0": 1024})
    result = make_so(kernel)
    assert (result["changed"], kernel.told, result["after"]["current"]) == (True, ["virtio_rng.1"], "virtio_rng.1")


@pytest.mark.parametrize(("source", "current"), [
    ("virtio_rng", "virtio_rng.1"),  # fits already
    ("virtio_rng.0", "virtio_rng.0"),
    ("tpm-rng", "tpm-rng-0"),
    ("none", "none"),
])
def test_a_source_is_meant_by_its_driver_or_by_its_name(source, current):
    kernel = Kernel({"virtio_rng.0": 1000, "virtio_rng.1": 1000, "tpm-rng-0": 900}, current="virtio_rng.1")
    assert make_so(kernel, source=source)["after"]["current"] == current


def test_a_quality_is_set_on_the_source_that_is_wanted_and_the_choice_is_made_again():
    kernel = Kernel({"virtio_rng.0": 1000, "tpm-rng-0": 1024})
    result = make_so(kernel, quality=512)
    assert kernel.told == ["virtio_rng.0", 512, "virtio_rng.0"]
    assert kernel.sources == {"virtio_rng.0": 512, "tpm-rng-0": 1024}
    assert (kernel.by_user, result["after"]) == (True, {"current": "virtio_rng.0", "quality": 512, "rule": None})


def test_quality_zero_survives_that_choosing_takes_it_for_undeclared():
    kernel = Kernel({"virtio_rng.0": 1024})
    assert make_so(kernel, quality=0)["after"]["quality"] == 0
    assert kernel.quality() == 0


def test_a_guest_whose_command_line_says_quality_zero_is_cured_without_force():
    kernel = Kernel({"virtio_rng.0": 0}, most=0)
    assert make_so(kernel, quality=1000)["after"]["quality"] == 1000
    assert kernel.quality() == 1000


@pytest.mark.parametrize(("sources", "quality", "refusal"), [
    ({"virtio_rng.0": 1000}, 1024, r"quality 1024 is more than the 1000 that its driver declares\. .* set force to true"),
    ({"virtio_rng.0": 1000}, 1025, r"quality 1025: expected 0 to 1024"),
    ({"virtio_rng.0": 1000}, -1, r"quality -1: expected 0 to 1024"),
    ({"tpm-rng-0": 1024}, 1000, r"source virtio_rng: this kernel has none\. Available: tpm-rng-0 none"),
])
def test_what_is_refused_is_refused_before_the_kernel_is_told(sources, quality, refusal):
    kernel = Kernel(sources)
    with pytest.raises(EntropyError, match=refusal):
        make_so(kernel, quality=quality)
    assert kernel.told == []


def test_force_allows_more_than_the_driver_declares():
    assert make_so(Kernel({"virtio_rng.0": 1000}), quality=1024, force=True)["after"]["quality"] == 1024


def test_what_a_source_declares_is_not_known_before_it_is_current():
    kernel = Kernel({"virtio_rng.0": 1024, "tpm-rng-0": 900})
    with pytest.raises(EntropyError, match=r"source tpm-rng-0: quality 100 is more than is known of it"):
        make_so(kernel, source="tpm-rng", quality=100)


def test_a_kernel_without_rng_quality_says_so():
    with pytest.raises(EntropyError, match=r"quality 500 cannot be set: this kernel has no rng_quality \(5\.18 and newer have\)"):
        make_so(Kernel({"virtio_rng.0": 1000}, has_quality=False), quality=500)


@pytest.mark.parametrize("source", ["virtio_rng'; reboot; '", "", "a b", "virtio_rng\n", "virtio_rng\0", "\udc80", "\u0661", "x" * 65, "\x1b[31m" * 4000])
def test_a_name_that_could_be_more_than_a_name_is_refused(source):
    with pytest.raises(EntropyError, match="no name of a source") as failure:
        make_so(Kernel({"virtio_rng.0": 1000}), source=source)
    assert len(str(failure.value)) < 600 and str(failure.value).isascii() and str(failure.value).isprintable()


@pytest.mark.parametrize("content", [b"\xff\xfe virtio_rng.0", b"9" * 5000, b""])
def test_whatever_the_kernel_says_its_state_is_told(tmp_path, content):
    folder = tmp_path / _kernel_hwrng.HW_RANDOM.lstrip("/")
    folder.mkdir(parents=True)
    for name in ("rng_available", "rng_current", "rng_quality"):
        (folder / name).write_bytes(content)
    assert Sources(str(tmp_path)).state()["quality"] is None


def test_an_attribute_that_cannot_be_read_is_one_clear_error(tmp_path):
    (tmp_path / _kernel_hwrng.HW_RANDOM.lstrip("/") / "rng_available").mkdir(parents=True)
    with pytest.raises(EntropyError, match=r"hw_random/: cannot be read: Is a directory\."):
        Sources(str(tmp_path)).state()


def test_check_mode_predicts_the_run_and_tells_the_kernel_nothing(etc):
    wanted = {"quality": 700, "persist": True}
    kernel, rule = Kernel({"virtio_rng.0": 1000, "tpm-rng-0": 1024}), _hwrng_rule.Rule(str(etc))
    predicted = make_so(kernel, rule, check_mode=True, **wanted)
    assert (kernel.told, rule.read()) == ([], None)
    assert make_so(kernel, rule, **wanted) == predicted
    again = make_so(kernel, rule, **wanted)
    assert (again["changed"], again["after"]) == (False, predicted["after"])


@pytest.mark.parametrize("refused", [700, "virtio_rng.0"])
def test_what_the_kernel_refuses_leaves_all_as_it_was(refused):
    kernel = Kernel({"virtio_rng.0": 1000, "tpm-rng-0": 1024})
    before = copy.deepcopy(kernel.state())
    kernel.refuses = (refused,)
    with pytest.raises(EntropyError, match=r"the kernel refused .*\. All is as it was before\."):
        make_so(kernel, quality=700)
    assert kernel.state() == before


def test_a_kernel_that_takes_the_words_and_does_something_else_is_found_out():
    kernel = Kernel({"virtio_rng.0": 1000, "tpm-rng-0": 1024})
    kernel.choose = lambda name: None
    with pytest.raises(EntropyError, match=r"the kernel was told virtio_rng\.0, and has tpm-rng-0 of quality 1024\. All is as it was before"):
        make_so(kernel)


def test_a_rule_that_cannot_be_written_takes_the_choice_back(etc):
    kernel, rule = Kernel({"virtio_rng.0": 1000, "tpm-rng-0": 1024}), _hwrng_rule.Rule(str(etc))
    rule.path = str(etc / "etc/udev/rules.d/missing/name.rules")
    rule.can_be_written = lambda: True
    with pytest.raises(EntropyError, match=r"name\.rules: cannot be written: No such file or directory\. All is as it was before\."):
        make_so(kernel, rule, persist=True)
    assert kernel.current == "tpm-rng-0"


def test_a_system_without_udev_is_told_how_to_do_without():
    with pytest.raises(EntropyError, match=r"cannot be persisted: .* Set persist to false"):
        make_so(Kernel({"virtio_rng.0": 1000}), persist=True)


class TestRule:
    """The one udev rule."""

    def test_it_names_no_number_where_a_driver_is_meant(self, etc):
        rule = _hwrng_rule.Rule(str(etc))
        make_so(Kernel({"virtio_rng.3": 1000}), rule, persist=True)
        assert "virtio_rng.3" not in rule.read()
        assert os.stat(rule.path).st_mode & 0o777 == 0o644
        assert os.listdir(os.path.dirname(rule.path)) == ["60-kvm-entropy-hwrng.rules"]

    def test_persist_false_takes_it_away(self, etc):
        kernel, rule = Kernel({"virtio_rng.0": 1000}), _hwrng_rule.Rule(str(etc))
        make_so(kernel, rule, persist=True)
        result = make_so(kernel, rule, persist=False)
        assert (result["changed"], rule.read(), kernel.told) == (True, None, [])
        assert make_so(kernel, rule, persist=False)["changed"] is False

    def test_a_new_quality_is_a_new_rule(self, etc):
        kernel, rule = Kernel({"virtio_rng.0": 1000}), _hwrng_rule.Rule(str(etc))
        make_so(kernel, rule, persist=True)
        assert "rng_quality" not in rule.read()
        make_so(kernel, rule, persist=True, quality=900)
        assert "echo 900 >rng_quality" in rule.read()

    @pytest.mark.parametrize(("make", "found"), [
        (lambda path: path.symlink_to("/dev/null"), "a symbolic link"), (lambda path: path.symlink_to("/nowhere"), "a symbolic link"), (os.mkfifo, "a FIFO"),
        (os.mkdir, "a folder"), (lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3)), "a character device")])
    @pytest.mark.parametrize("persist", [True, False])
    def test_what_is_no_file_of_roots_own_is_left_and_the_kernel_is_told_nothing(self, etc, make, found, persist):
        kernel, rule = Kernel({"virtio_rng.0": 1000, "tpm-rng-0": 1024}), _hwrng_rule.Rule(str(etc))
        try:
            make(Path(rule.path))
        except PermissionError:
            pytest.skip("no device node can be made here")
        before = os.lstat(rule.path)
        with pytest.raises(EntropyError, match="60-kvm-entropy-hwrng.rules: cannot be read: found %s, expected a regular file of its own or none" % found):
            make_so(kernel, rule, persist=persist)
        assert (kernel.told, os.lstat(rule.path)) == ([], before)

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_a_folder_that_others_can_write_gets_no_rule_and_the_kernel_is_told_nothing(self, etc, check_mode):
        kernel, rule = Kernel({"virtio_rng.0": 1000, "tpm-rng-0": 1024}), _hwrng_rule.Rule(str(etc))
        (etc / "etc/udev/rules.d").chmod(0o777)
        with pytest.raises(EntropyError, match=r"cannot be written: found the folder .*rules\.d, which others can write .* Nothing was changed\."):
            make_so(kernel, rule, check_mode, persist=True)
        assert (kernel.told, os.listdir(etc / "etc/udev/rules.d")) == ([], [])
        # Without a rule it is nobody's business.
        assert make_so(kernel, rule, persist=False)["changed"] is True

    def test_a_rule_that_is_no_text_is_another_one(self, etc):
        kernel, rule = Kernel({"virtio_rng.0": 1000}), _hwrng_rule.Rule(str(etc))
        Path(rule.path).write_bytes(b"\xff\0")
        result = make_so(kernel, rule, persist=True)
        assert (result["changed"], result["before"]["rule"], result["after"]["rule"]) == (True, "\ufffd\0", rule.read())

    def test_what_a_run_that_was_killed_left_does_not_stop_the_next(self, etc):
        kernel, rule = Kernel({"virtio_rng.0": 1000}), _hwrng_rule.Rule(str(etc))
        Path(rule.path + ".new").write_text("ha")
        make_so(kernel, rule, persist=True)
        assert os.listdir(os.path.dirname(rule.path)) == ["60-kvm-entropy-hwrng.rules"]


class TestSources:
    """The kernel's files."""

    @pytest.fixture
    def files(self, tmp_path):
        folder = tmp_path / "sys/class/misc/hw_random"
        folder.mkdir(parents=True)
        for name, text in (("rng_available", "virtio_rng.0 none\n"), ("rng_current", "virtio_rng.0\n"), ("rng_quality", "1000\n")):
            (folder / name).write_text(text, encoding="ascii")
        return folder

    def test_they_are_read_and_written(self, files, tmp_path):
        sources = Sources(str(tmp_path))
        assert sources.state() == {"available": ["virtio_rng.0", "none"], "current": "virtio_rng.0", "quality": 1000, "has_quality": True}
        sources.set_quality(5)
        assert (files / "rng_quality").read_text(encoding="ascii").startswith("5\n")

    def test_a_kernel_without_rng_quality_has_none(self, files, tmp_path):
        (files / "rng_quality").unlink()
        state = Sources(str(tmp_path)).state()
        assert (state["quality"], state["has_quality"]) == (None, False)

    @pytest.mark.parametrize("name", ["rng_available", "rng_current", "rng_quality"])
    def test_what_cannot_be_read_is_said(self, files, tmp_path, name):
        (files / name).unlink()
        (files / name).mkdir()
        with pytest.raises(EntropyError, match="cannot be read: Is a directory"):
            Sources(str(tmp_path)).state()

    def test_a_kernel_that_has_no_such_file_is_said(self, files, tmp_path):
        (files / "rng_available").unlink()
        with pytest.raises(EntropyError, match="cannot be read: No such file or directory"):
            Sources(str(tmp_path)).state()

    def test_bytes_that_are_no_text_are_a_name_like_any_other(self, files, tmp_path):
        (files / "rng_available").write_bytes(b"virtio_rng.0 \xff\n")
        assert Sources(str(tmp_path)).state()["available"] == ["virtio_rng.0", "\\xff"]

    def test_a_machine_without_any_source_says_what_to_do(self, tmp_path):
        with pytest.raises(EntropyError, match=r"hw_random/: not there: .* load virtio_rng"):
            Sources(str(tmp_path)).state()
