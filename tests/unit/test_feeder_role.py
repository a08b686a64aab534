# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role feeder writes, where no real system is here to try it: the service of OpenRC, and the defaults that the program knows too."""

import subprocess
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import DEFAULTS, options_of

ROLE = Path(__file__).resolve().parents[2] / "roles/feeder"


def loaded(name):
    return yaml.safe_load((ROLE / name).read_text(encoding="utf-8"))


def rendered(template, **others):
    """Return what ``template`` (str) of the role gives with its defaults and ``others``, as Ansible sets Jinja."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    environment.filters["dirname"] = lambda path: str(Path(path).parent)
    variables = {**loaded("defaults/main.yml"), "__entropy_feeder_program": "/usr/local/sbin/entropy-feeder",
                 "__entropy_feeder_configuration": "/etc/entropy-feeder.conf", **others}
    return environment.from_string((ROLE / "templates" / template).read_text(encoding="utf-8")).render(variables)


def test_the_service_of_openrc_is_a_shell_script_that_begins_with_its_interpreter(tmp_path):
    script = tmp_path / "entropy-feeder"
    script.write_text(rendered("entropy-feeder.openrc.j2"))
    assert script.read_text().startswith("#!/sbin/openrc-run\n")
    subprocess.run(["sh", "-n", script], check=True)
    # As OpenRC does it: by the variables that the script sets.
    words = '. "$1"; echo "$command $command_args $capabilities $secbits $no_new_privs"; echo "$supervise_daemon_args"'
    told = subprocess.run(["sh", "-c", words, "sh", script], capture_output=True, text=True, check=True)
    command, process = told.stdout.splitlines()
    assert command == "/usr/local/sbin/entropy-feeder --config /etc/entropy-feeder.conf ^cap_sys_admin 0x3 yes"
    assert {"PYTHONHASHSEED=0", "RUNTIME_DIRECTORY=/run/entropy-feeder"} <= set(process.split())


@pytest.mark.parametrize(("source", "systemd", "allowed"), [
    ("/dev/hwrng", "systemd 252 (252.39-1~deb12u1)", "/dev/char/10:183 r"), ("/dev/hwrng", "systemd 239 (239-82.el8)", "char-misc r"),
    ("/dev/ttyUSB0", "systemd 252 (252)", "char-* r")])
def test_the_service_of_systemd_may_read_its_source_also_where_that_comes_later(source, systemd, allowed):
    unit = rendered("entropy-feeder.service.j2", entropy_feeder_source=source, __entropy_feeder_systemd={"stdout": systemd})
    assert [line.partition("=")[2] for line in unit.splitlines() if line.startswith("DeviceAllow=")] == ["/dev/char/1:8 rw", allowed]


@pytest.mark.parametrize("line", [
    "Environment=PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 PYTHONNOUSERSITE=1", "NoNewPrivileges=yes", "DevicePolicy=closed", "PrivateNetwork=yes",
    "ProtectSystem=strict", "SystemCallFilter=@system-service", "SystemCallFilter=~@privileged @resources", "Before=sysinit.target shutdown.target",
    "WantedBy=sysinit.target", "Restart=on-failure", "WatchdogSec=180"])
def test_the_service_of_systemd_is_shut_in_begins_early_and_is_started_again(line):
    assert line in rendered("entropy-feeder.service.j2", __entropy_feeder_systemd={"stdout": "systemd 252 (252)"}).splitlines()


@pytest.mark.parametrize(("metrics", "rights"), [("", ["CAP_SYS_ADMIN"]), ("/srv/metrics/feeder.prom", ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])])
def test_only_for_metrics_the_service_of_systemd_may_write_into_other_users_folders(metrics, rights):
    unit = rendered("entropy-feeder.service.j2", entropy_feeder_metrics=metrics, __entropy_feeder_systemd={"stdout": "systemd 252 (252)"})
    assert [line.partition("=")[2] for line in unit.splitlines() if line.startswith("CapabilityBoundingSet=")] == rights
    assert ("ReadWritePaths=-/srv/metrics" in unit) == bool(metrics)


def words_of_systemd(text):
    """Return the words (list of str) of a setting's value ``text`` (str): systemd.syntax(7), and %% as in systemd.unit(5)."""
    words, word, quote, at = [], None, None, 0
    while at < len(text):
        each = text[at]
        if each == "\\":
            at += 1
            word = (word or "") + text[at]
        elif quote is None and each in "\"'":
            quote, word = each, word or ""
        elif each == quote:
            quote = None
        elif quote is None and each == " ":
            words, word = words + ([word] if word is not None else []), None
        else:
            word = (word or "") + each
        at += 1
    assert quote is None
    words += [word] if word is not None else []
    assert all("%" not in word.replace("%%", "") for word in words)
    return [word.replace("%%", "%") for word in words]


@pytest.mark.parametrize("folder", [
    "/srv/metrics", "/var/lib/prometheus/node-exporter", "/srv/a b", "/srv/100%", "/srv/%h", "/srv/%%", "/srv/$HOME", "/srv/'a'", '/srv/"a b"',
    "/srv/back\\slash", "/srv/end\\", "/srv/#x", "/srv/;x", "/srv/é", "/srv/a:b", "/srv/{{ x }}", "/srv/~", "/srv/-x", "/srv/+x", "/srv/a  b"])
def test_the_folder_of_the_metrics_and_nothing_else_can_be_written_whatever_its_name(folder):
    unit = rendered("entropy-feeder.service.j2", entropy_feeder_metrics=folder + "/feeder.prom", __entropy_feeder_systemd={"stdout": "systemd 252 (252)"})
    plain = rendered("entropy-feeder.service.j2", entropy_feeder_metrics="/srv/feeder.prom", __entropy_feeder_systemd={"stdout": "systemd 252 (252)"})
    (line,) = [line for line in unit.splitlines() if line.startswith("ReadWritePaths=")]
    assert words_of_systemd(line.partition("=")[2]) == ["-" + folder]
    # Nothing continues a line, and no other line is different.
    assert not line.endswith("\\")
    assert [one for one in unit.splitlines() if one != line] == [one for one in plain.splitlines() if not one.startswith("ReadWritePaths=")]


def test_the_service_of_systemd_begins_with_sighup_ignored_and_by_its_own_name(tmp_path):
    program = tmp_path / "entropy-feeder"
    program.write_text("#!/bin/sh\nkill -HUP $$\nread name </proc/$$/comm\necho $name $#  $*\n")
    program.chmod(0o755)
    unit = rendered("entropy-feeder.service.j2", __entropy_feeder_program=str(program), __entropy_feeder_systemd={"stdout": "systemd 252 (252)"})
    (command,) = [line.partition("=")[2] for line in unit.splitlines() if line.startswith("ExecStart=")]
    assert "$" not in command
    done = subprocess.run(words_of_systemd(command), capture_output=True, text=True, check=True)
    assert done.stdout == "entropy-feeder 2 --config /etc/entropy-feeder.conf\n"


def test_the_lock_outlives_the_service_and_its_status_may_not():
    unit = rendered("entropy-feeder.service.j2", __entropy_feeder_systemd={"stdout": "systemd 252 (252)"})
    assert "RuntimeDirectory=entropy-feeder\n" in unit
    assert "\nRuntimeDirectoryPreserve=yes\n" in unit
    assert "rm -f /run/entropy-feeder/status.json\n" in rendered("entropy-feeder.openrc.j2")


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
