# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder can be told: bounds, which of two wins, and an error that says what is wrong, whatever is in the file."""

import pytest
from ansible_collections.kvm.entropy.plugins.module_utils import _feeder_options
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import DEFAULTS, OPTIONS, FeederError, Options, options_of
from health_bytes import STEADY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

NUMBERS = [option for option in OPTIONS if option.least is not None]


@pytest.fixture
def configured(tmp_path):
    """Return a function that returns the Options of a configuration with this text (str or bytes)."""
    path = tmp_path / "feeder.conf"

    def read(text, **said):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return options_of(str(path), said)

    read.path = str(path)
    return read


def test_an_empty_section_means_the_defaults(configured):
    assert configured("[feeder]\n") == Options(**DEFAULTS) == options_of(None, {})


def test_each_option_is_read(configured):
    text = "# why\n[feeder]\nsource = /dev/ttyACM0\nmin_entropy: 7.5\nalpha=20\ninterval=300\nlimit=1024\ntimeout=5\nretry=600\nmetrics=/var/lib/feeder.prom\n"
    assert configured(text) == Options("/dev/ttyACM0", 7.5, 20, 300, 1024, 5, 600, "/var/lib/feeder.prom")


def test_a_percent_sign_is_nothing_special(configured):
    assert configured("[feeder]\nsource = /dev/%s%%\n").source == "/dev/%s%%"


def test_what_is_said_on_the_command_line_wins(configured):
    assert configured("[feeder]\nlimit = 1024\nretry = 5\n", limit="64")[4:7] == (64, 30, 5)


def test_the_usual_file_may_be_missing_and_another_one_may_not(tmp_path, monkeypatch):
    missing = str(tmp_path / "missing.conf")
    with pytest.raises(FeederError, match=r"missing\.conf: no such file; expected one with a section \[feeder\]"):
        options_of(missing, {})
    monkeypatch.setattr(_feeder_options, "CONFIGURATION", missing)
    assert options_of(missing, {"retry": "7"}).retry == 7


@pytest.mark.parametrize("option", NUMBERS, ids=lambda option: option.name)
def test_bounds_are_inclusive(configured, option):
    for value in (option.least, option.most, option.default):
        found = getattr(configured("[feeder]\n%s = %s\n" % (option.name, value)), option.name)
        assert (found, type(found)) == (value, type(option.default))


@pytest.mark.parametrize("option", NUMBERS, ids=lambda option: option.name)
def test_what_is_out_of_bounds_or_no_number_is_refused_by_name(configured, option):
    step = 0.01 if isinstance(option.default, float) else 1
    for text in (str(option.least - step), str(option.most + step), "-1", "nan", "inf", "1e400", "", "four", "1 2", "0x10"):
        with pytest.raises(FeederError) as refused:
            configured("[feeder]\n%s = %s\n" % (option.name, text))
        assert str(refused.value) == "%s: %s: found %s, expected a number (%s)" % (configured.path, option.name, text or "nothing", option.bounds)


def test_half_a_second_is_no_whole_number(configured):
    with pytest.raises(FeederError, match=r"retry: found 2\.5, expected a number"):
        configured("[feeder]\nretry = 2.5\n")


@pytest.mark.parametrize(("text", "why"), [
    ("source = dev/hwrng", "source: found dev/hwrng, expected an absolute path"),
    ("source =", "source: found nothing, expected an absolute path"),
    ("metrics = feeder.prom", "metrics: found feeder.prom, expected an absolute path"),
    ("metrics = /run/a\n  READY=1", r"metrics: found '/run/a\nREADY=1', expected a path of printable characters"),
    ("source = /dev/hw\0rng", r"source: found '/dev/hw\x00rng', expected a path of printable characters"),
    ("sauce = /dev/hwrng", "found the option sauce, expected one of: source, min_entropy, alpha, interval, limit, timeout, retry, metrics"),
    ("retry = 1\nretry = 2", "option 'retry' in section 'feeder' already exists"),
    ("retry", "'retry"),
    ("[more]\nretry = 1", "found the sections feeder, more, expected [feeder] alone"),
])
def test_what_is_wrong_is_said_with_the_files_name(configured, text, why):
    with pytest.raises(FeederError) as refused:
        configured("[feeder]\n%s\n" % text)
    assert str(refused.value).startswith(configured.path)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "why"), [
    ("", "found the sections none, expected [feeder] alone"),
    ("[DEFAULT]\nretry = 1\n", "found the sections DEFAULT, expected [feeder] alone"),
    ("retry = 1\n", "no section headers"),
    (b"[feeder]\nsource = /dev/\xff\n", "can't decode byte 0xff"),
])
def test_a_file_that_is_no_such_configuration_is_refused(configured, text, why):
    with pytest.raises(FeederError) as refused:
        configured(text)
    assert str(refused.value).startswith(configured.path)
    assert why in str(refused.value)


def test_bytes_that_are_no_text_are_refused_on_the_command_line_too():
    with pytest.raises(FeederError, match="source: found '/dev/.udcff', expected a path of printable characters"):
        options_of(None, {"source": b"/dev/\xff".decode("utf-8", "surrogateescape")})


def test_a_folder_is_no_configuration(tmp_path):
    with pytest.raises(FeederError, match="found a folder, expected a regular file"):
        options_of(str(tmp_path), {})


NAMES = some.sampled_from([*DEFAULTS, "Source", "limit ", "sauce", "", "[", "feeder", "é"])
VALUES = some.one_of(
    some.sampled_from(["/dev/hwrng", "/", "", " ", "%", "%(source)s", "${x}", "nan", "1_000", "9" * 5000, "٣", "/dev/x\n y", "\ty", "; x", "/\0", "\x85/"]),
    some.integers(-2, 2 ** 21).map(str), some.floats().map(str), some.text(max_size=20))
LINES = some.one_of(
    some.tuples(NAMES, some.sampled_from(["=", ":", " = ", "", "=="]), VALUES).map("".join),
    some.sampled_from(["", "# x", "; x", " x", "[feeder", "[]", "[DEFAULT]", "[feeder]", "\ufeff", "=", ":", "x", "\x1c", "\x0c"]), some.text(max_size=30))
NEARLY_RIGHT = some.tuples(some.sampled_from(["[feeder]\n", "[feeder]\n", "", "\ufeff[feeder]\n"]), some.lists(LINES, max_size=6).map("\n".join)).map("".join)
QUICK = settings(STEADY, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(text=some.one_of(NEARLY_RIGHT.map(lambda text: text.encode("utf-8", "surrogatepass")), some.binary(max_size=200)))
def test_whatever_a_file_holds_there_are_options_within_their_bounds_or_an_error_that_names_it(configured, text):
    try:
        options = configured(text)
    except FeederError as error:
        assert str(error).startswith(configured.path)
        return
    assert all(option.least <= getattr(options, option.name) <= option.most for option in NUMBERS)
    assert options.source.startswith("/")
    assert options.metrics[:1] in ("", "/")
    assert (options.source + options.metrics).isprintable()


@QUICK
@given(said=some.dictionaries(some.sampled_from([*DEFAULTS]), VALUES))
def test_whatever_the_command_line_says_too(said):
    try:
        options = options_of(None, said)
    except FeederError as error:
        assert any(str(error).startswith(name + ": found ") for name in said)
        return
    assert all(option.least <= getattr(options, option.name) <= option.most for option in NUMBERS)


def test_nearly_right_files_are_right_often_enough_to_be_worth_trying(configured):
    outcomes = set()

    @QUICK
    @given(text=NEARLY_RIGHT)
    def read(text):
        try:
            outcomes.add(len(set(configured(text.encode("utf-8", "surrogatepass"))) - set(DEFAULTS.values())))
        except FeederError:
            outcomes.add("refused")

    read()
    assert {"refused", 0, 1} <= outcomes
