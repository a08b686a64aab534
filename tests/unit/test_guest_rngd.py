# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role guest knows of each distribution's rngd, of which only Debian's is tried for real."""

from pathlib import Path

import jinja2
import pytest
import yaml
from ansible_collections.kvm.entropy.plugins.plugin_utils._rngd import refusal

ROLE = Path(__file__).resolve().parents[2] / "roles/guest"
# By Ansible's facts: DISTRIBUTION_RELEASE, DISTRIBUTION or OS FAMILY, with its major version or without. Ubuntu is of Debian's family.
KNOWN = ("Alpine", "Archlinux", "Debian", "Debian_forky", "RedHat", "Suse")


def rngds(name):
    """Return every rngd (list of dict) in the variables of ``name`` (str)."""
    variables = yaml.safe_load((ROLE / f"vars/rngd/{name}.yml").read_text(encoding="utf-8"))
    return [variables["__entropy_guest_rngd_usual"], *variables.get("__entropy_guest_rngd_others", ())]


def told(rngd):
    """Return what ``rngd`` (dict) is told (str): on its command line, and in its configuration, which the command line may name as a variable."""
    return " ".join((rngd.get("options", ""), rngd.get("configuration", {}).get("value", "")))


@pytest.mark.parametrize("name", KNOWN)
def test_each_distributions_rngd_can_be_installed_started_and_told_its_source(name):
    for rngd in rngds(name):
        assert rngd["package"] and rngd["unit"] and isinstance(rngd["generation"], int)
        # A drop-in needs the program and its options; a configuration is told its variable, which those name.
        assert ("program" in rngd) == ("options" in rngd) and ("program" in rngd or "configuration" in rngd)
        if "configuration" in rngd:
            assert set(rngd["configuration"]) == {"path", "name", "value"}
            assert "options" not in rngd or rngd["options"].split()[-1] == "$" + rngd["configuration"]["name"]


@pytest.mark.parametrize("name", KNOWN)
def test_none_is_told_another_source_than_the_kernels_hardware_or_another_sink(name):
    for rngd in rngds(name):
        assert "/dev/hwrng" in told(rngd).split()
        configuration = {key: jinja2.Template(value).render(__entropy_guest_rngd_help={}) for key, value in rngd.get("configuration", {}).items()}
        assert refusal(rngd.get("options", "-f -r /dev/hwrng"), configuration) == ""


def test_the_specification_has_every_key_that_they_use():
    specification = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    keys = set(specification["argument_specs"]["main"]["options"]["entropy_guest_rngd"]["options"])
    assert set().union(*(rngd for name in KNOWN for rngd in rngds(name))) == keys


@pytest.mark.parametrize(("said", "words"), [("  -D, --drop-privileges=user:group\n", "-D daemon:daemon"), ("  -d, --debug\n", ""), (None, "")])
def test_red_hats_is_told_to_drop_its_rights_only_where_it_can(said, words):
    value = jinja2.Template(rngds("RedHat")[0]["configuration"]["value"]).render(__entropy_guest_rngd_help={} if said is None else {"stdout": said})
    assert value == " ".join(["-r /dev/hwrng -x pkcs11 -x nist", words]).strip()
