# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rngd of a suite's own package for a quick guest, with every library that it needs, so that it runs whatever else is in the guest."""

import os
import re
import tarfile
import tempfile
from pathlib import Path

from lab import debian, initramfs, place, shell

PACKAGES = {"bullseye": "rng-tools5", "bookworm": "rng-tools5", "trixie": "rng-tools5", "forky": "rng-tools"}
RECIPE = Path(__file__).read_bytes()

INSIDE = "/lab/rngd"
LOADER = "ld-linux-x86-64.so.2"
# How it is started in a guest that has files() in it.
COMMAND = ("%s/%s" % (INSIDE, LOADER), "--library-path", INSIDE, INSIDE + "/rngd")


def files(suite):
    """Return what a quick guest of ``suite`` needs in its ``files`` (dict) to run COMMAND."""
    return {INSIDE: debian.built_once("feeders", suite, debian.RECIPE + RECIPE, lambda folder: _build(suite, folder))}


def _build(suite, folder):
    shell.say("%s: fetch rngd for quick guests (about 10 s)" % suite)
    with tempfile.TemporaryFile(dir=place.TEMPORARY) as tarball:
        debian.fetch(suite, tarball, "extract", (PACKAGES[suite],))
        tarball.seek(0)
        with tarfile.open(fileobj=tarball) as packages:
            members = {initramfs.merged(member.name): member for member in packages}
            for name, content in _needed(packages, members).items():
                (folder / name).write_bytes(content)


def _needed(packages, members):
    """Return rngd, the loader and the libraries (dict of bytes): a program has the names of those that it needs in it, as texts of their own."""
    libraries = {path.rpartition("/")[2].encode(): path for path in members if re.match(r"usr/lib(64|/x86_64-linux-gnu)/[^/]+\.so\.[0-9.]+$", path)}
    needed, wanted = {}, ["usr/sbin/rngd", libraries[LOADER.encode()]]
    while wanted:
        path = wanted.pop()
        content = _content(packages, members, path)
        needed[path.rpartition("/")[2]] = content
        texts = set(content.split(b"\0"))
        wanted += [other for name, other in libraries.items() if name in texts and name.decode() not in needed]
    return needed


def _content(packages, members, path):
    member = members[path]
    while member.issym():
        path = initramfs.merged(os.path.normpath(os.path.join("/", os.path.dirname(path), member.linkname)).lstrip("/"))
        member = members[path]
    return packages.extractfile(member).read()
