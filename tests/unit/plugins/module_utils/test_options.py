# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An option that cannot be right is one error, which names it, what was found and what is expected."""

import json
import re

import pytest
from ansible.module_utils import basic
from ansible_collections.kvm.entropy.plugins.module_utils import _options
from ansible_collections.kvm.entropy.plugins.module_utils._errors import EntropyError
from ansible_collections.kvm.entropy.plugins.module_utils._module import OptionsModule

SPEC = {
    "count": {"type": "int", "default": 3},
    "seconds": {"type": "float", "default": 1},
    "where": {"type": "str", "default": "here"},
    "inner": {"type": "list", "elements": "dict", "options": {"count": {"type": "int"}, "deep": {"type": "dict", "options": {"count": {"type": "int"}}}}},
}
HUGE = 10 ** 400


@pytest.fixture
def made(monkeypatch, capsys):
    """Return a function that makes an OptionsModule with ``options``: its options (dict), or the failure's message (str)."""
    def make(**options):
        # Not by _ANSIBLE_ARGS: where a test has loaded a controller, its decoder refuses what a target's takes.
        monkeypatch.setattr(basic, "_load_params", lambda: json.loads(json.dumps(options)))
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic, "_PARSED_MODULE_ARGS", {}, raising=False)  # ansible-core 2.21
        try:
            return OptionsModule(argument_spec=SPEC).params
        except SystemExit:
            return json.loads(capsys.readouterr().out)["msg"]
    return make


@pytest.mark.parametrize("value, words", [
    (float("inf"), "inf"), (float("-inf"), "-inf"), (float("nan"), "nan"), ("inf", "inf"), ("NaN", "NaN"), (HUGE, "a number of over 20 digits"),
    (-HUGE, "a number of over 20 digits"), ("1e999999999", "1e999999999"), ("1e400", "1e400"), (True, "True"), ("", "''"), ("9" * 5000, "9" * 200 + "..."),
    ("\u0661", "\u0661"), ([2 ** 63, None], "[9223372036854775808, None]"), ({}, "{}")])
def test_a_number_that_no_conversion_survives_is_refused_in_words(made, value, words):
    assert made(count=value) == f"count: found {words}, expected a whole number: nothing was changed"
    assert made(seconds=value) == f"seconds: found {words}, expected a number: nothing was changed"
    assert made(inner=[{"count": 1}, {"deep": {"count": value}}]) == f"inner: deep: count: found {words}, expected a whole number: nothing was changed"


@pytest.mark.parametrize("value", ["\ud800", "a\udc80", "/a\0b"])
def test_text_that_no_system_call_takes_is_refused_in_words(made, value):
    assert made(where=value) == f"where: found {value!r}, expected UTF-8 text without NUL: nothing was changed"


@pytest.mark.parametrize("value", [7, [7], [None], [["a"]]])
def test_what_has_suboptions_and_is_no_dictionary_is_refused_in_words(made, value):
    assert made(inner=value) == f"inner: found {value}, expected a list of dictionaries: nothing was changed"
    assert made(inner=[{"deep": value}]) == f"inner: deep: found {value}, expected a dictionary: nothing was changed"


def test_plain_numbers_are_taken_as_numbers_or_text(made):
    assert made(count=" 12 ")["count"] == made(count=12)["count"] == 12
    assert made(seconds="0.5")["seconds"] == made(seconds=".5")["seconds"] == 0.5
    assert (made()["count"], made(where="caf\u00e9")["where"]) == (3, "caf\u00e9")


def test_a_number_out_of_its_bounds_is_named_with_them():
    _options.check_numbers({"count": 3}, {"count": (0, 3)})
    for value, words in ((4, "4"), (-1, "-1"), (HUGE, "a number of over 20 digits")):
        with pytest.raises(EntropyError, match=f"^count: found {words}, expected 0 to 3: nothing was changed$"):
            _options.check_numbers({"count": value}, {"count": (0, 3)})


@pytest.mark.parametrize("value", ["a\0b", "a\nb", "a\x7fb", "a\ud800b", "a\uffffb"])
def test_text_with_a_character_that_no_path_has_is_named_with_it(value):
    _options.check_text("path", "/dev/caf\u00e9 \u4e16")
    with pytest.raises(EntropyError, match=re.escape(f"path: found {ascii(value)} with the character U+{ord(value[1]):04X} at position 1")):
        _options.check_text("path", value)


def test_a_value_is_shown_printable_and_short():
    assert _options.shown("/dev/\u202eurandom") == "'/dev/\\u202eurandom'"
    assert len(_options.shown("x" * 10 ** 6)) < 300
