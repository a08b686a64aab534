# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps the driver from being loaded, by the files of modprobe.d and the kernel's command line, as kmod and the kernel read them."""

import time

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils._kernel_tree import Tree
from ansible_collections.kvm.entropy.plugins.module_utils._modprobe import ALWAYS, BY_ALIAS, BY_DEVICE, refusal_in, refusal_of
from initramfs_images import grow

NEEDS = ("virtio_ring", "virtio")


@pytest.mark.parametrize(("texts", "how"), [
    ({"/etc/modprobe.d/a.conf": "blacklist virtio_rng\n"}, BY_ALIAS),
    ({"/etc/modprobe.d/a.conf": "", "/etc/modprobe.d/b.conf": "install virtio-rng /bin/true\n"}, ALWAYS),
    ({"/usr/lib/modprobe.d/a.conf": "blacklist virtio_rng\n", "/etc/modprobe.d/a.conf": ""}, None),
    ({"/lib/modprobe.d/a.conf": "blacklist virtio_rng\n", "/run/modprobe.d/a.conf": "# masked\n"}, None),
    ({"usr/lib/modprobe.d/a.conf": "blacklist virtio_rng\n", "etc/modprobe.d/a.conf": ""}, None),
    ({"/usr/lib/modprobe.d/a.conf": "", "/etc/modprobe.d/a.conf": "blacklist virtio_rng\n"}, BY_ALIAS),
    ({"/etc/modprobe.d/b.conf": "install virtio_rng /bin/true\n", "/usr/lib/modprobe.d/a.conf": "install virtio_rng modprobe -i virtio_rng\n"}, None)])
def test_of_several_files_of_one_name_the_first_folders_counts(texts, how):
    found = refusal_in(texts)
    assert (found and found.how) == how


LINES = {
    "blacklist \\\nvirtio_rng\n": BY_ALIAS,
    "black\\\nlist virtio-rng": BY_ALIAS,
    "\tblacklist\t\tvirtio_rng  # why\n": BY_ALIAS,
    "# old \\\nblacklist virtio_rng\n": None,
    "#blacklist virtio_rng\n": None,
    "blacklist virtio_rng\r\n": None,
    # A blacklist has names, and no patterns.
    "blacklist virtio*\n": None,
    "blacklist virtio\n": None,
    "install virtio* /bin/true\n": ALWAYS,
    "install virtio_rn? /bin/false\n": ALWAYS,
    "install virtio[-_]rng /bin/false\n": ALWAYS,
    "install virtio_rng \\\n  /bin/false\n": ALWAYS,
    "install virtio_r /bin/true\n": None,
    "install virtio-ring /bin/true\n": ALWAYS,
    # kmod ignores a line without a command, and takes the first that fits.
    "install virtio_rng\n": None,
    "install virtio_rng /sbin/modprobe --ignore-install virtio_rng; true\ninstall virtio* /bin/true\n": ALWAYS,
    "install virtio* /sbin/modprobe --ignore-install $CMDLINE_OPTS\ninstall virtio_rng /bin/true\n": None,
    "alias virtio_rng off\n": ALWAYS,
    "alias virtio:d00000004v* off\n": BY_DEVICE,
    "alias virtio:d00000004v* off\nalias virtio:d* virtio-rng\n": None,
    "alias virtio:d00000001v* off\n": None,
    "options virtio_rng off=1\nsoftdep virtio_rng pre: none\nremove virtio_rng /bin/true\n": None,
}


@pytest.mark.parametrize("text", LINES)
def test_a_file_is_read_as_kmod_reads_it(tmp_path, text):
    grow(tmp_path, {"etc/modprobe.d/x.conf": text.encode(), **dict.fromkeys(("etc/modprobe.d/.hidden.conf", "etc/modprobe.d/x"), "blacklist virtio_rng\n")})
    tree = Tree(str(tmp_path))
    try:
        found = refusal_of(tree, NEEDS)
    finally:
        tree.close()
    assert (found and found.how) == LINES[text]


def test_the_evidence_is_the_line_as_a_whole():
    found = refusal_in({"/etc/modprobe.d/x.conf": "install \\\n\tvirtio* \\\n  /bin/true\n"})
    assert found.evidence == "/etc/modprobe.d/x.conf has 'install virtio* /bin/true'"


COMMAND_LINES = {
    "quiet module_blacklist=floppy,virtio_rng": ALWAYS,
    "module-blacklist=virtio_ring": ALWAYS,
    'module_blacklist="virtio_rng,floppy" ro': ALWAYS,
    '"modprobe.blacklist=virtio_rng"': BY_ALIAS,
    # Of the kernel's own the last one counts, and kmod adds up.
    "module_blacklist=virtio_rng module_blacklist=floppy": None,
    "modprobe.blacklist=virtio_rng modprobe.blacklist=floppy": BY_ALIAS,
    # Neither takes a pattern, or another name than the module's own. dracut's goes into a file.
    "module_blacklist=virtio-rng modprobe.blacklist=virtio-rng": None,
    "module_blacklist=virtio* modprobe.blacklist=virtio*,virtio_ring": None,
    "rd.driver.blacklist=floppy,virtio-rng": BY_ALIAS,
    "virtio_rng.blacklist=1 blacklist=virtio_rng": None,
}


@pytest.mark.parametrize("command_line", COMMAND_LINES)
def test_a_command_line_is_read_as_the_kernel_and_kmod_read_it(command_line):
    found = refusal_in({}, command_line, NEEDS)
    assert (found and found.how) == COMMAND_LINES[command_line]


def test_a_line_whose_bracket_is_not_closed_is_none_and_takes_no_time():
    texts = {"/etc/modprobe.d/a.conf": "alias %s off\ninstall virtio_rng /bin/true\n" % ("[" * 20000)}
    begun = time.process_time()
    assert refusal_in(texts).how == ALWAYS
    # Looked at by fnmatch, it takes half a minute.
    assert time.process_time() - begun < 5
    assert refusal_in({"/etc/modprobe.d/a.conf": "install virtio_rn[g /bin/true\n"}) is None
    assert refusal_in({"/etc/modprobe.d/a.conf": "install virtio_rn[g] /bin/true\n"}).how == ALWAYS


def test_a_pattern_of_many_stars_takes_no_time():
    began = time.monotonic()
    assert refusal_in({"/etc/modprobe.d/x.conf": "install %s /bin/true\n" % ("*[a-z_]" * 40 + "1") * 100}, "", NEEDS) is None
    assert time.monotonic() - began < 5
