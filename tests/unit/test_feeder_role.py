# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role feeder writes, where no real system is here to try it: the service of OpenRC, and the defaults that the program knows too."""

import subprocess
from pathlib import Path

import jinja2
import yaml
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import DEFAULTS, options_of

ROLE = Path(__file__).resolve().parents[2] / "roles/feeder"


def loaded(name):
    return yaml.safe_load((ROLE / name).read_text(encoding="utf-8"))


def rendered(template):
    """Return what ``template`` (str) of the role gives with its defaults, as Ansible sets Jinja."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    environment.filters["dirname"] = lambda path: str(Path(path).parent)
    variables = {**loaded("defaults/main.yml"), "__entropy_feeder_program": "/usr/local/sbin/entropy-feeder",
                 "__entropy_feeder_configuration": "/etc/entropy-feeder.conf"}
    return environment.from_string((ROLE / "templates" / template).read_text(encoding="utf-8")).render(variables)


def test_the_service_of_openrc_is_a_shell_script_that_begins_with_its_interpreter(tmp_path):
    script = tmp_path / "entropy-feeder"
    script.write_text(rendered("entropy-feeder.openrc.j2"))
    assert script.read_text().startswith("#!/sbin/openrc-run\n")
    subprocess.run(["sh", "-n", script], check=True)
    # As OpenRC does it: by the variables that the script sets.
    told = subprocess.run(["sh", "-c", '. "$1"; echo "$command $command_args $capabilities"', "sh", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "/usr/local/sbin/entropy-feeder --config /etc/entropy-feeder.conf ^cap_sys_admin"


def test_the_configuration_with_the_roles_defaults_is_what_the_program_takes_without_one(tmp_path):
    written = tmp_path / "feeder.conf"
    written.write_text(rendered("entropy-feeder.conf.j2"))
    assert options_of(str(written), {})._asdict() == DEFAULTS


def test_every_option_of_the_program_is_a_variable_of_the_role_that_is_documented():
    names = {"entropy_feeder_" + name for name in DEFAULTS}
    documented = loaded("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert names <= set(documented) and names <= set(loaded("defaults/main.yml"))
    assert {name: about["default"] for name, about in documented.items()} == loaded("defaults/main.yml")
    readme = (ROLE / "README.md").read_text(encoding="utf-8")
    assert [name for name in documented if "`%s`" % name not in readme] == []
