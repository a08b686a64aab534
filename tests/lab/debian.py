# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's suites, fetched by mmdebstrap from wherever this machine gets its packages, and built once into the cache."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from lab import LabError, place, shell

SUITES = {"bullseye": "5.10", "bookworm": "6.1", "trixie": "6.12", "forky": "7.2"}  # and the series of its kernel

# A recipe is read when it is loaded: a file edited under a running process is not what that process builds by.
RECIPE = Path(__file__).read_bytes()

_APT = (
    # A mirror frozen in time, and forky's (its Release file is good for a week), still serve what they list.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    "--aptopt=Acquire::Retries 3",
    # The point release alone: complete and the same everywhere, while an old suite's security archive loses files.
    r"""--setup-hook=sed -i -e '/-security/d' -e '/-updates/d' "$1/etc/apt/sources.list" """,
)


def fetch(suite, tarball, variant, packages, options=()):
    """Write ``suite`` with ``packages`` (names) as a tar archive to the open file ``tarball``. Needs no root: unshare does.

    ``variant`` is mmdebstrap's: ``extract`` unpacks only, ``minbase`` installs.
    """
    check(suite)
    # mmdebstrap's temporary folder must be open to the user namespace's root, too.
    environment = {**os.environ, "TMPDIR": place.TEMPORARY, "LC_ALL": "C.UTF-8", "PATH": "%s:/usr/sbin:/sbin" % os.environ["PATH"]}
    shell.run("mmdebstrap", "--variant=%s" % variant, "--include=%s" % ",".join(packages), *_APT, *options, suite, "-",
              stdout=tarball, env=environment, timeout=1800)


def check(suite):
    """Raise LabError where the lab has no recipe for ``suite``."""
    if suite not in SUITES:
        raise LabError("suite %s is unknown; the lab has %s" % (suite, ", ".join(SUITES)))


def built_once(kind, suite, recipe, build):
    """Return the folder (Path) in the cache that ``build(folder)`` filled for ``suite``: now, or earlier by the same ``recipe`` (bytes).

    Two processes never build the same at once, and a build that failed leaves nothing.
    """
    check(suite)
    folder = place.cache(kind) / ("%s-%s" % (suite, hashlib.sha256(recipe).hexdigest()[:12]))
    with _lock(folder.with_suffix(".lock")):
        if not folder.exists():
            work = Path(tempfile.mkdtemp(prefix="%s.building." % suite, dir=folder.parent))
            try:
                build(work)
                work.chmod(0o755)
                work.rename(folder)
            except BaseException:
                shutil.rmtree(work)
                raise
    return folder


@contextlib.contextmanager
def _lock(path):
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
