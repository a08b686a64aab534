# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Debian guest whose init is OpenRC's: the suite's own packages in the place of systemd's."""

from pathlib import Path

from lab import LabError, debian, shell

SUITE = "trixie"
PACKAGES = ("openrc", "sysvinit-core", "initscripts", "insserv", "libeinfo1", "librc1t64")
RECIPE = Path(__file__).read_bytes()

_DOWNLOAD = """--extract-hook=mkdir "$1/openrc" && cd "$1/openrc" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q download %s""" % " ".join(PACKAGES)
# What systemd-networkd and the files of tmpfiles.d did before.
_NETWORK = """#!/sbin/openrc-run
start() {
    ip link set lo up
    for card in /sys/class/net/e*; do
        ip link set "${card##*/}" up
        ip addr add 10.0.2.15/24 dev "${card##*/}"
        ip route add default via 10.0.2.2
    done
    mkdir -p /run/sshd
}
"""
_INSTALL = """set -e
cd /root
tar -x ./openrc
DEBIAN_FRONTEND=noninteractive dpkg --force-conflicts --force-remove-essential --force-remove-protected -r systemd-sysv
DEBIAN_FRONTEND=noninteractive dpkg -i openrc/*.deb
cat >/etc/init.d/lab-network <<'END'
%sEND
chmod 755 /etc/init.d/lab-network
rc-update add lab-network sysinit
rc-update add ssh default
""" % _NETWORK


def install(guest):
    """Have ``guest`` (Guest, of SUITE) boot with OpenRC, now and from now on."""
    folder = debian.built_once("openrc", SUITE, debian.RECIPE + RECIPE, _build)
    with open(folder / "packages.tar", "rb") as packages:
        shell.run(*guest.ssh_words(), _INSTALL, stdin=packages)
    guest.reboot()
    if guest.ssh("cat /proc/1/comm").strip() != "init":
        raise LabError("%s: another init than OpenRC's runs" % guest.name)


def _build(folder):
    shell.say("%s: fetch OpenRC (about 5 s)" % SUITE)
    with open(folder / "packages.tar", "wb") as packages:
        debian.fetch(SUITE, packages, "extract", ("insserv",), [_DOWNLOAD])
