# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a lab keeps its files, and as whom its daemon and guests run."""

import contextlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

# Started by root, the lab drops to nobody: an unprivileged libvirtd cannot touch the machine's own libvirt.
NOBODY = 65534
# For what is big or must be open to other users: on disk, unlike /tmp on newer systems, and entered by everyone.
TEMPORARY = "/var/tmp"  # noqa: S108 (every use makes a folder or file with an unguessable name)
# A UNIX socket's path has 107 bytes (sun_path); libvirt's longest one below a lab's state is
# config/libvirt/qemu/lib/domain-1234-<20 letters>/monitor.sock.
LONGEST_STATE = 36
CONSOLES_KEPT = 20


def as_root():
    """Return whether the lab was started by root."""
    return os.geteuid() == 0


def lab_user(groups=()):
    """Return the words (list of str) that start a command as the lab's unprivileged user."""
    if not as_root():
        return []
    kept = ["--groups=%s" % ",".join(str(group) for group in groups)] if groups else ["--clear-groups"]
    return ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, *kept]


def give(path):
    """Make ``path`` belong to the lab's unprivileged user."""
    if as_root():
        os.chown(path, NOBODY, NOBODY)


def reachable(path):
    """Return whether the lab's unprivileged user can enter every folder that leads to ``path``."""
    existing = [folder for folder in [Path(path), *Path(path).parents] if folder.exists()]
    if not as_root():
        return all(os.access(folder, os.X_OK) for folder in existing)
    return all(folder.stat().st_mode & 0o001 for folder in existing)


def cache(kind):
    """Return the folder (Path, made if need be) outside the repository for what is built once: ``kind`` is what: images, hosts, quick and so on.

    It is below ``$XDG_CACHE_HOME`` or ``~/.cache``; below /var/cache where the lab's user cannot enter that, as with root's home.
    """
    folder = cache_base() / kind
    _make_folders(folder)
    return folder


def cache_base():
    """Return the folder (Path) that holds the folders of ``cache``; it need not exist."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (base if reachable(base) else Path("/var/cache")) / "kvm-entropy"


def keep(path, name):
    """Return a copy (Path) of the file ``path`` that outlives its lab, below the cache; ``name`` (str) begins its name. The newest ones are kept."""
    return keep_text(Path(path).read_text(errors="replace"), name)


def keep_text(text, name):
    """Return a file (Path) with ``text`` (str) as ``keep`` makes it."""
    folder = cache("consoles")
    kept = Path(tempfile.mkdtemp(prefix="%s." % time.strftime("%Y%m%d-%H%M%S"), dir=folder)) / ("%s.log" % name)
    kept.write_text(text)
    with contextlib.suppress(FileNotFoundError):  # another process tidies up as well
        for old in sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime_ns)[:-CONSOLES_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    return kept


def default_folder():
    """Return the folder (Path) of the lab that a person starts without saying where."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kvm-entropy" / "lab"


def make_state(folder):
    """Make the lab's state folder, ``folder``/state, where it does not exist yet.

    It is a link to a folder of its own in /var/tmp where ``folder`` is too long for a socket's path, has characters that would
    need quoting in many places, or cannot be entered by the lab's unprivileged user.
    """
    state = folder / "state"
    if os.path.lexists(state):
        return
    made = not folder.exists()
    _make_folders(folder)
    if re.fullmatch(r"[A-Za-z0-9_./-]{1,%d}" % LONGEST_STATE, str(state)) and reachable(folder):
        state.mkdir()
    else:
        state.symlink_to(tempfile.mkdtemp(prefix="kvm-entropy-lab.", dir=TEMPORARY))
    state.chmod(0o755)
    (state / ".lab").write_text("made" if made else "")


def find_state(folder):
    """Return the real path (Path) of the state that ``make_state`` made below ``folder``, or None where there is none."""
    state = folder / "state"
    return state.resolve() if (state / ".lab").exists() else None


def remove_state(folder):
    """Remove what ``make_state`` made, ``folder`` included where nothing else is in it. Nothing there: nothing is done."""
    state = find_state(folder)
    made = state and (state / ".lab").read_text()
    while state and state.exists():
        # A connection that is just ending takes its socket away by itself.
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(state)
    if (folder / "state").is_symlink():
        (folder / "state").unlink()
    if made and not any(folder.iterdir()):
        folder.rmdir()


def _make_folders(folder):
    """Make ``folder`` and its missing parents with mode 755 whatever the umask is."""
    missing = [each for each in [folder, *folder.parents] if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        each.chmod(0o755)
