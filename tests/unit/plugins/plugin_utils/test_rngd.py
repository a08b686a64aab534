# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An inventory's options for rngd: those by which it would credit the kernel's own output are refused in every spelling."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kvm.entropy.plugins.filter.rngd_refusal import rngd_refusal
from ansible_collections.kvm.entropy.plugins.plugin_utils._rngd import refusal

ARGS = {"name": "RNGD_ARGS", "value": "-r /dev/hwrng -x pkcs11 -x nist"}


@pytest.mark.parametrize(("options", "configuration"), [
    ("-f -r /dev/hwrng", None), ("-f -r /dev/hwrng -x nist -x pkcs11", {}), ("-f $RNGD_ARGS", ARGS), ("-f ${RNGD_ARGS} -q", ARGS),
    ("-f -r /dev/hwrng $MORE", None), ("-f -r /dev/hwrng", {"name": "HRNGDEVICE", "value": "/dev/hwrng"}),
    ("-f -r /dev/hwrng", {"name": "HRNGDEVICE", "value": "/dev/null"}),
    ("-f -o /dev/random -r '/dev/hwrng'", None), ("-f", {"name": "RNGDOPTIONS", "value": "--fill-watermark=90% --feed-interval=1"}), ("", None),
    ("-f -r /dev/hwrng", {"name": "X", "value": None}), ("-f -p /dev/urandom -r /dev/tpm0", None), ("--of-a-version-to-come=3 -r /dev/hwrng", None),
    ("-f -t 60 -W 2048 -r /dev/hwrng", None)])
def test_a_hardware_source_is_allowed(options, configuration):
    assert refusal(options, configuration) == ""


@pytest.mark.parametrize("options", [
    "-r /dev/urandom", "-fr/dev/urandom", "--rng-d /dev/urandom", "--rng=/dev/urandom", "--rng-device '/dev/urandom'", '-r "/dev/urandom"', '"-r/dev/urandom"',
    "-r/dev/u'rand'om", "-r //dev//./urandom", "-r /dev/../dev/random", "-O namedpipe:path:/dev/urandom", "-r /proc/self/fd/0", "-r /dev/fd/3", "-r /dev/stdin",
    "-r dev/urandom", "-r urandom", "-r=/dev/urandom", "-r /dev/%i", "-r $SOURCE/x", "-r /dev/\\x75random", "-r '/dev/urandom", "-d -r/dev/urandom",
    "--of-a-version-to-come=3 -r /dev/urandom", "-r /dev/hwrng -r /dev/urandom", "-r '/dev/hwrng\0'", "-f /dev/urandom"])
def test_another_source_is_refused_with_what_was_found(options):
    assert refusal(options).startswith("found ")


@pytest.mark.parametrize("options", ["-o /dev/urandom", "-fo/srv/x", "--random-d=/srv/x", "--random-dev /srv/x -r /dev/hwrng", "-o random",
                                     "--to-come -o /srv/x", "--to-come --random-device=/srv/x", "--to-come --rand /srv/x"])
def test_another_sink_is_refused(options):
    assert "where rngd is to write" in refusal(options)


@pytest.mark.parametrize("value", ["-r /dev/urandom", "/dev/urandom", "-r '/dev/urandom'", "-o /srv/x", 'x" -r "y', "`x`", "a\nb", "\\x2d"])
@pytest.mark.parametrize("options", ["-f $RNGD_ARGS", "-f ${RNGD_ARGS}", "-f"])
def test_a_configuration_is_read_with_the_options(options, value):
    assert refusal(options, {"name": "RNGD_ARGS", "value": value})


@pytest.mark.parametrize(("options", "configuration"), [(None, None), (["-f"], None), ("-f", "x"), ("-f", ["x"]), ("-f", {"name": 7})])
def test_what_is_no_text_is_an_error_of_the_filter(options, configuration):
    with pytest.raises(AnsibleFilterError, match=r"kvm\.entropy\.rngd_refusal: found "):
        rngd_refusal(options, configuration)
