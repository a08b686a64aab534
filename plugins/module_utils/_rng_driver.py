# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have the virtio-rng driver loaded now, at every boot and in the initramfs: see all, decide, act, and look into the images again."""

import os
import shutil
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.kvm.entropy.plugins.module_utils import (
    _driver_lock,
    _driver_module,
    _initramfs,
    _initramfs_builder,
    _initramfs_contents,
    _modprobe,
    _program,
)
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._initramfs_build import TEMPORARY, Copies, command, refusal
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_tree import Tree
from ansible_collections.kvm.entropy.plugins.module_utils._own_file import NotOwnError, check_own, read_own, remove_own, replace_own
from ansible_collections.kvm.entropy.plugins.module_utils._printable import printable

DRIVER = _driver_module.DRIVER
AT_BOOT = "/etc/modules-load.d/kvm-entropy.conf"
_AT_BOOT_TEXT = "# Written by kvm.entropy.guest: the host's random numbers come through this driver.\nvirtio_rng\n"
_DRACUT_TEXT = "# Written by kvm.entropy.guest: feed the kernel before user space first reads.\nforce_drivers+=\" virtio_rng \"\n"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A build under emulation takes minutes (s).
_BUILD_SECONDS, _LOAD_SECONDS = 1800, 60
_MOST_WORDS = 600
_MOST_OUTPUT = 1 << 16
_OVERRULED_BY = {_initramfs_builder.INITRAMFS_TOOLS: "update_initramfs=no in /etc/initramfs-tools/update-initramfs.conf, a hook in /etc/initramfs-tools/hooks",
                 _initramfs_builder.DRACUT: "omit_drivers in /etc/dracut.conf.d"}
_HOOKS = ("/etc/initramfs/post-update.d", "/usr/share/initramfs/post-update.d")
# Larger than any list of modules; read_own() cuts there.
_MOST_SETTINGS = 1 << 20


class Seen(NamedTuple):
    """What there was: how the running kernel has the ``driver``, whether it runs (``is_loaded``), the file ``at_boot``, and ``sight``, see ``_initramfs``
    (None where the initramfs is not asked for); ``release`` is the running kernel's, ``modprobe`` that program's path, and
    ``refusal`` what keeps the driver from being loaded."""

    release: str
    driver: _driver_module.Driver
    is_loaded: bool
    at_boot: Optional[str]
    sight: Optional[_initramfs.Sight]
    modprobe: Optional[str]
    refusal: Optional[_modprobe.Refusal]


class Plan(NamedTuple):
    """What is to be done: ``loads`` the driver, ``writes_at_boot``, ``settings`` (the file in which the driver is named to the builder, None where nothing
    is written) and the images to ``build``; and what is ``left`` for people, in words."""

    loads: bool
    writes_at_boot: bool
    settings: Optional[str]
    build: List[_initramfs.Image]
    left: List[str]

    @property
    def is_change(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.loads or self.writes_at_boot or self.settings or self.build)


class System:
    """The machine; ``root`` (str) is where its files are, and ``is_live`` whether its kernel runs here, for tests."""

    def __init__(self, root: str = "", is_live: bool = True):
        self.root = root
        self._is_live = is_live

    def see(self, early: bool, wish: str) -> Seen:
        """Return what there is; ``wish`` is one of ``_initramfs_builder.WISHES``."""
        tree = Tree(self.root or "/")
        try:
            release = tree.text("/proc/sys/kernel/osrelease") or ""
            driver = _driver_module.driver_of(_driver_module.observe(tree, release, self._is_live))
            return Seen(
                release, driver,
                self._is_live and tree.has(_driver_module.REGISTERED), self.read(AT_BOOT),
                _initramfs.look(tree, wish) if early else None, shutil.which("modprobe", path=_PATH),
                _modprobe.refusal_of(tree, driver.needs))
        finally:
            tree.close()

    def read(self, path: str) -> Optional[str]:
        """Return the text of the file ``path`` of ours, None where there is none; raise EntropyError."""
        try:
            return read_own(self.root + path, "surrogateescape")
        except OSError as error:
            raise _refused(path, error) from error

    def check(self, path: str) -> None:
        """Raise EntropyError where ``path`` is not to be written."""
        try:
            check_own(self.root + path)
        except FileNotFoundError:
            # Its folder is made; the one above has to be there and root's.
            self._check_above(path)
        except OSError as error:
            raise _refused(path, error) from error
        folder = os.path.dirname(self.root + path)
        if self.is_read_only(folder if os.path.isdir(folder) else os.path.dirname(folder)):
            raise EntropyError("%s: its file system is mounted read-only. Mount it for writing, and run this again. Nothing was changed." % path)

    @staticmethod
    def is_read_only(folder: str) -> bool:
        """Return whether ``folder`` is on a file system that is mounted read-only."""
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)

    def _check_above(self, path: str) -> None:
        try:
            check_own(self.root + os.path.dirname(path))
        except NotOwnError as error:
            raise _refused(path, error) from error
        except OSError as error:
            raise EntropyError("%s: cannot be written: there is no folder for it. Nothing was changed." % path) from error

    def write(self, path: str, text: Optional[str]) -> None:
        """Make ``text`` what ``path`` holds, or remove it (None); raise EntropyError."""
        try:
            if text is None:
                remove_own(self.root + path)
                return
            folder = os.path.dirname(self.root + path)
            if not os.path.isdir(folder):
                os.mkdir(folder, 0o755)
            replace_own(self.root + path, text, is_lasting=True, keeps_rights=True)
        except OSError as error:
            raise EntropyError("%s: cannot be written: %s" % (path, _sentence(error))) from error

    def run(self, words: List[str], seconds: float, lock: Optional[_driver_lock.Lock] = None) -> Tuple[int, str]:
        """Run a program; return its status and the end of what it printed. With ``lock`` it is a builder, which holds that until it has ended.

        The status is -1 where it took longer than ``seconds``, and 126, as a shell's, where it cannot be started. It does not outlive an exception.
        """
        environment = {"PATH": _PATH, "LC_ALL": "C", "HOME": "/root", "TERM": "dumb"}
        started = words
        if lock:
            environment["TMPDIR"] = self.root + TEMPORARY
            started = _driver_lock.holding(words)
        # Into a file: a daemon that a hook has started would keep a pipe open for ever.
        try:
            with tempfile.TemporaryFile() as output, open(os.devnull, "rb") as nothing:
                files = [lock.file if lock else nothing.fileno(), output.fileno(), output.fileno()]
                with _program.started(started, files, environment, apart=True) as program:
                    if lock:
                        lock.name(program.pid, words)
                    status = program.wait(seconds)
                output.seek(max(0, output.seek(0, os.SEEK_END) - _MOST_OUTPUT))
                return -1 if status is None else status, _end(output.read())
        except OSError as error:
            return 126, "it cannot be started: %s" % (error.strerror or error)

    def run_hooks(self, image: str, release: str) -> None:
        """Run what a boot loader has for a new ``image`` (Debian's kernel policy): some keep a copy of it."""
        for folder in _HOOKS:
            if os.path.isdir(self.root + folder):
                self.run(["run-parts", "--arg=" + release, "--arg=" + image, folder], _BUILD_SECONDS)

    def locked(self, patience: float = _driver_lock.PATIENCE):
        """Hold the lock of builders meanwhile, see ``_driver_lock.locked``."""
        return _driver_lock.locked(self.root, patience)

    def copies(self) -> Copies:
        """Return a place for copies of images."""
        return Copies(self.root)


def make_so(system: System, wanted: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
    """Have the driver as ``wanted`` (dict: early, initramfs) and return the module's result. Raise EntropyError.

    Where a build of the initramfs fails or has no effect, its settings and images are as before then.
    """
    seen = system.see(wanted["early"], wanted["initramfs"])
    if check_mode:
        return _made(system, wanted, seen, None, system.copies().left(), check_mode)
    is_to_build = _builds(plan(seen, wanted["early"]))
    if is_to_build or system.copies().is_left():
        try:
            with system.locked(_driver_lock.PATIENCE if is_to_build else 0) as lock:
                # What an interrupted run has left. Another run may have built meanwhile.
                left = system.copies().drop()
                return _made(system, wanted, system.see(wanted["early"], wanted["initramfs"]), lock, left)
        except _driver_lock.BusyError:
            # Images that are right now, and copies that are another run's.
            if is_to_build:
                raise
    return _made(system, wanted, seen, None, [])


def _builds(planned: Plan) -> bool:
    return bool(planned.settings or planned.build)


def _made(system: System, wanted: Dict[str, Any], seen: Seen, lock: Optional[_driver_lock.Lock], left: List[str], check_mode: bool = False) -> Dict[str, Any]:
    """Do what is to be done about what was ``seen``, with the ``lock`` where that is to build, and return the module's result. Raise EntropyError.

    ``left`` are the paths that a killed build left, and that were removed.
    """
    planned = plan(seen, wanted["early"])
    settings = _settings(system, planned, seen)
    if planned.writes_at_boot:
        system.check(AT_BOOT)
    if planned.build:
        system.copies().check([image.target.image for image in planned.build])
    before, done = state(seen), ["removed %s, which a killed build had left" % path for path in left]
    if check_mode or not planned.is_change:
        return _result(before, predicted(before, planned), planned, done + _words(planned), seen, is_predicted=True)
    if planned.loads:
        _load(system, seen, done)
    if planned.writes_at_boot:
        _write_at_boot(system, done)
    after = _build(system, seen, planned, settings, wanted, done, lock) if _builds(planned) else system.see(wanted["early"], wanted["initramfs"])
    return _result(before, state(after), planned, done, after)


def plan(seen: Seen, early: bool) -> Plan:
    """Return what is to be done about what was ``seen``. Pure."""
    kinds = {seen.driver.kind} | ({image.driver.kind for image in seen.sight.images} if seen.sight else set())
    is_module = _driver_module.MODULE in kinds
    left = []
    loads = seen.driver.kind == _driver_module.MODULE and not seen.is_loaded
    # What keeps the device's alias alone out does not keep modules-load.d out.
    if is_module and seen.refusal and seen.refusal.how != _modprobe.BY_DEVICE:
        left.append("virtio_rng is not loaded at boot%s: %s. Remove that, and run this again" % (
            "" if seen.refusal.how == _modprobe.ALWAYS else ", but by an initramfs that names it", seen.refusal.evidence))
    missing = None if seen.is_loaded else _missing_driver(seen)
    if missing:
        left.append(missing)
    left += _missing_later(seen)
    if not early:
        return Plan(loads, is_module and seen.at_boot != _AT_BOOT_TEXT, None, [], left)
    needed = [image for image in seen.sight.images if _initramfs_contents.is_needed(image.driver)]
    builder = seen.sight.builder
    settings, build = None, []
    if builder.is_supported:
        refused = [(image, refusal(builder, image.target.image, image.target.release)) for image in needed if image.target.image]
        buildable = [image for image, reason in refused if reason is None]
        # Nothing is named to a builder that builds none of the images.
        if buildable and not _initramfs_builder.is_named(seen.sight.settings, builder.name):
            settings = builder.settings
        build = [image for image in buildable if _is_to_build(image, settings)]
        left += ["%s does not load virtio_rng, and is not built here: %s. %s" % (image.target.image, reason, _initramfs_builder.remedy(image.target.image))
                 for image, reason in refused if reason and image.judged.early is not True]
    left += [words for words in (_left(image, builder, build) for image in needed) if words]
    beyond = [target.image or target.release for target in seen.sight.kernels.targets[len(seen.sight.images):]]
    if beyond:
        left.append("More than %d images count, as it is not known which kernel boots next, and these were neither looked into nor built: %s. Remove kernels "
                    "that are not needed any more, and run this again" % (_initramfs.MOST_IMAGES, ", ".join(beyond)))
    return Plan(loads, is_module and seen.at_boot != _AT_BOOT_TEXT, settings, build, left)


def _missing_driver(seen: Seen) -> Optional[str]:
    """Return what is left where the running kernel has no driver, or may have none (str), else None."""
    release = seen.release or "of unknown release"
    if seen.driver.kind == _driver_module.ABSENT:
        return ("Kernel %s has no virtio_rng: %s. Install the package that carries it (Ubuntu: linux-modules-extra), or, where the kernel was updated and its "
                "modules are gone, reboot" % (release, seen.driver.evidence))
    if seen.driver.kind == _driver_module.UNKNOWN:
        return "It was not seen whether kernel %s has virtio_rng: %s. Install its modules, and run this again" % (release, seen.driver.evidence)
    return None


def _missing_later(seen: Seen) -> List[str]:
    """Return what is left where a kernel that may boot next, and does not run, has no driver, or may have none."""
    others = {image.target.release: image.driver for image in (seen.sight.images if seen.sight else ()) if image.target.release != seen.release}
    said = {_driver_module.ABSENT: "Kernel %s, which may boot next, has no virtio_rng: %s",
            _driver_module.UNKNOWN: "It was not seen whether kernel %s, which may boot next, has virtio_rng: %s"}
    return ["%s. Install the package that carries it (Ubuntu: linux-modules-extra), or run depmod %s where modules.dep alone is missing, and run this again" % (
        said[driver.kind] % (release, driver.evidence), release) for release, driver in others.items() if driver.kind in said]


def _is_to_build(image: _initramfs.Image, settings: Optional[str]) -> bool:
    """Return whether ``image`` is to be built anew; ``settings`` are written where they are not None."""
    judged = image.judged
    # What could not be looked into is built when its settings change, and else left alone.
    return settings is not None if judged.driver == _initramfs_contents.UNSEEN else not (judged.early is True and judged.is_named)


def _left(image: _initramfs.Image, builder, build) -> Optional[str]:
    """Return what is left for people about ``image`` (str), None for nothing."""
    target, judged = image.target, image.judged
    if target.image is None:
        return ("No image of an initramfs was found for kernel %s. Where /boot is not mounted, mount it and run this again. Where the image is elsewhere, name "
                "virtio_rng to what builds it. Where there is none, %s alone loads virtio_rng, maybe after the first read" % (target.release, AT_BOOT))
    if image in build or judged.early is True:
        return None
    if judged.driver == _initramfs_contents.UNSEEN:
        return "%s was not looked into: %s" % (target.image, judged.reason)
    if builder.is_supported:
        return None
    return "%s does not load virtio_rng (%s), and this collection does not build it: %s. %s" % (target.image, judged.reason, builder.evidence, builder.remedy)


def state(seen: Seen) -> Dict[str, Any]:
    """Return what is there (dict), for people and for the difference."""
    sight = seen.sight
    found = {"loaded": seen.is_loaded, "at_boot": seen.at_boot == _AT_BOOT_TEXT}
    if sight is not None:
        found["named"] = sight.builder.is_supported and _initramfs_builder.is_named(sight.settings, sight.builder.name)
        found["images"] = {image.target.image: {"kernel": image.target.release, "driver": image.judged.driver, "early": image.judged.early}
                           for image in sight.images if image.target.image}
    return found


def predicted(before: Dict[str, Any], planned: Plan) -> Dict[str, Any]:
    """Return what is going to be (dict) once ``planned`` is done. Pure."""
    after = dict(before, loaded=before["loaded"] or planned.loads, at_boot=before["at_boot"] or planned.writes_at_boot)
    if "images" in before:
        after["named"] = before["named"] or planned.settings is not None
        after["images"] = dict(before["images"])
        for image in planned.build:
            after["images"][image.target.image] = {"kernel": image.target.release, "driver": True, "early": True}
    return after


def _result(before, after, planned: Plan, done: List[str], seen: Seen, is_predicted: bool = False) -> Dict[str, Any]:
    sight = seen.sight
    left = list(planned.left)
    if planned.build:
        built = [image.target.image for image in planned.build]
        left += ["%s was built, and could not be looked into: %s" % (image.target.image, image.judged.reason) for image in sight.images
                 if not is_predicted and image.target.image in built and image.judged.driver == _initramfs_contents.UNSEEN]
        if shutil.which("zipl", path=_PATH):
            left.append("Run zipl: until then the boot record has the old initramfs")
        left.append("Reboot when it suits: the new initramfs counts from the next start on")
    initramfs = None
    if sight is not None:
        initramfs = {"builder": sight.builder.name, "supported": sight.builder.is_supported, "evidence": printable(sight.builder.evidence, 200),
                     "next_known": sight.kernels.is_next_known, "next_evidence": printable(sight.kernels.evidence, 200),
                     "images": [_initramfs.image_fact(image) for image in sight.images]}
    return {"changed": bool(done), "kernel": {"release": seen.release, "driver": seen.driver.kind, "evidence": seen.driver.evidence},
            "before": before, "after": after, "done": done, "left": left, "initramfs": initramfs, "diff": {"before": before, "after": after}}


def _words(planned: Plan) -> List[str]:
    """Return what is going to be done, as ``done`` says it of a run."""
    words = ["loaded %s" % DRIVER] if planned.loads else []
    words += ["wrote %s" % path for path in ([AT_BOOT] if planned.writes_at_boot else []) + ([planned.settings] if planned.settings else [])]
    return words + ["built %s" % image.target.image for image in planned.build]


def _settings(system: System, planned: Plan, seen: Seen) -> Optional[Tuple[str, Optional[str], str]]:
    """Return the path of the settings to be written, their text before (None for none) and after; None where nothing is to be written."""
    path = planned.settings
    if path is None:
        return None
    system.check(path)
    old = system.read(path)
    if old is not None and len(old) >= _MOST_SETTINGS:
        raise EntropyError("%s: it is larger than any such file: found %d bytes and more. Nothing was changed." % (path, _MOST_SETTINGS))
    if path == _initramfs_builder.SETTINGS[_initramfs_builder.DRACUT]:
        return path, old, _DRACUT_TEXT
    text = old or ""
    return path, old, text + ("" if text.endswith("\n") or not text else "\n") + DRIVER + "\n"


def _load(system: System, seen: Seen, done: List[str]) -> None:
    """Load the driver; raise EntropyError."""
    if seen.modprobe is None:
        raise EntropyError("modprobe: there is no such program. Install kmod, and run this again. Nothing was changed.")
    status, said = system.run([seen.modprobe, DRIVER], _LOAD_SECONDS)
    if status != 0:
        raise EntropyError("modprobe %s: it failed on kernel %s with status %d: %s. Nothing was changed.%s" % (
            DRIVER, seen.release, status, said or "it said nothing", _why_not_loaded(said)))
    if not system.see(False, _initramfs_builder.AUTO).is_loaded:
        raise EntropyError("modprobe %s: it ended well, and kernel %s has no driver at %s. See whether a file in /etc/modprobe.d has an install line for it. "
                           "Nothing was changed." % (DRIVER, seen.release, _driver_module.REGISTERED))
    done.append("loaded %s" % DRIVER)


def _write_at_boot(system: System, done: List[str]) -> None:
    """Have the driver loaded at every boot; raise EntropyError."""
    try:
        system.write(AT_BOOT, _AT_BOOT_TEXT)
    except EntropyError as error:
        raise EntropyError("%s%s" % (error, _what_stays(done)), changed=bool(done), done=done) from error
    done.append("wrote %s" % AT_BOOT)


def _what_stays(done: List[str]) -> str:
    """Return the end of a failure's message, which says what was ``done`` and stays so."""
    return " What stays: %s." % ", ".join(done) if done else ""


def _why_not_loaded(said: str) -> str:
    if "Required key not available" in said or "Key was rejected" in said:
        return " The kernel takes signed modules only: install the distribution's own."
    if "Operation not permitted" in said:
        return " It takes root, and a kernel that allows modules to be loaded (kernel.modules_disabled)."
    return ""


def _build(system: System, seen: Seen, planned: Plan, settings, wanted, done: List[str], lock) -> Seen:  # noqa: PLR0913 (what a run has gathered)
    """Name the driver to the builder and build the images; return what there is then. Raise EntropyError; settings and images are as before then."""
    copies = system.copies()
    images = [image.target.image for image in planned.build]
    copies.keep(images)
    is_over = False
    try:
        if settings:
            system.write(settings[0], settings[2])
            done.append("wrote %s" % settings[0])
        for image in planned.build:
            words = command(seen.sight.builder, image.target.image, image.target.release)
            status, said = system.run(words, _BUILD_SECONDS, lock)
            if status != 0:
                raise EntropyError("%s: it failed with status %d%s: %s." % (
                    " ".join(words), status, " (it took longer than %d s)" % _BUILD_SECONDS if status == -1 else "", said or "it said nothing"))
            done.append("built %s" % image.target.image)
        after = system.see(True, wanted["initramfs"])
        for image in after.sight.images:
            if image.target.image in images:
                _check_effect(image, seen.sight.builder, said)
        is_over = True
        return after
    except EntropyError as error:
        words = [one for one in done if one.startswith(("removed", "loaded", "wrote " + AT_BOOT))]
        is_over, back = _put_back(system, copies, planned.build, settings)
        # Images or settings that could not be put back are a change too.
        raise EntropyError("%s %s%s" % (error, back, _what_stays(words)), changed=bool(words) or not is_over, done=words) from error
    except BaseException:
        is_over, _words_of_it = _put_back(system, copies, planned.build, settings)
        raise
    finally:
        # A copy that could not be put back is the only one.
        if is_over:
            copies.drop()


def _check_effect(image: _initramfs.Image, builder, said: str) -> None:
    """Raise EntropyError where the new ``image`` does not load the driver; what could not be looked into is no such case."""
    judged = image.judged
    if judged.driver == _initramfs_contents.UNSEEN or (judged.early is True and judged.is_named):
        return
    reason = judged.reason or "nothing in it names virtio_rng"
    remedy = "See what overrules %s (such as %s, or a program that was diverted)." % (builder.settings, _OVERRULED_BY[builder.name])
    if reason.startswith(_initramfs_contents.IN_IT):
        remedy = "Remove that, and run this again."
    raise EntropyError("%s: it was built by %s, and does not load virtio_rng: %s.%s %s" % (
        image.target.image, builder.program, reason, " It said: %s." % said if said else "", remedy))


def _put_back(system: System, copies: Copies, images: List[_initramfs.Image], settings) -> Tuple[bool, str]:
    """Have settings and images as before; return whether that is so, and what to say of it."""
    failures = []
    if settings:
        try:
            # What could not be written before cannot be now, and is as it was.
            if system.read(settings[0]) != settings[1]:
                system.write(settings[0], settings[1])
        except EntropyError as error:
            failures.append(str(error))
    for image, release in ((image.target.image, image.target.release) for image in images):
        try:
            if copies.put_back(image):
                system.run_hooks(image, release)
        except OSError as error:
            copies.set_aside()
            failures.append("%s: cannot be put back: %s. Its copy is %s: put it there before the next boot." % (
                image, _sentence(error), copies.where(image)))
    if failures:
        return False, "Putting back what was before failed too: %s" % " ".join(failures)
    return True, "The settings and images of the initramfs are as they were before."


def _refused(path: str, error: OSError) -> EntropyError:
    return EntropyError("%s: cannot be written: %s Nothing was changed." % (path, _sentence(error)))


def _sentence(error: OSError) -> str:
    return (error.strerror or str(error)).rstrip(".") + "."


def _end(output: bytes) -> str:
    """Return the end of what a program printed, in one line."""
    return printable(" | ".join(line.strip() for line in output[-_MOST_WORDS * 2:].decode("utf-8", "replace").splitlines() if line.strip())[-_MOST_WORDS:],
                     _MOST_WORDS).rstrip(".")
