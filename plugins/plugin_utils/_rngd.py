# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory would have rngd do: why its options are refused before anything is installed. Pure."""

import posixpath
import re
import shlex

from ansible_collections.kvm.entropy.plugins.module_utils import _rngd_options

_RANDOM, _URANDOM = "/dev/random", "/dev/urandom"
# A process's own descriptors lead anywhere.
_ANYWHERE = re.compile(r"/(proc|dev/fd)(/|$)|/dev/std(in|out|err)$")
# Neither quotation marks nor what systemd (%, $, \) or a shell would put something else in place of.
_PLAIN = re.compile(r"/[A-Za-z0-9._+:@,/-]*\Z")
_VARIABLE = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?\Z")


def refusal(options, configuration=None):
    """Return why (str, empty for no reason) an rngd must not be started with ``options`` (str, as in a unit file).

    ``configuration`` (dict: name, value) is the variable of its configuration file, which ``options`` may hold as ``$NAME``.
    """
    name, value = (configuration or {}).get("name"), str((configuration or {}).get("value") or "")
    if re.search(r"[\"\\`\0\n]", value):
        return "found %s, which holds a quotation mark, a backslash or another character that its file cannot hold" % ascii(value)
    try:
        words = _words(str(options or ""), name, value)
    except ValueError as error:
        return "found %s, which cannot be split into words: %s" % (ascii(options), error)
    return next(filter(None, _faults(words)), "")


def _words(options, name, value):
    """Return the words (list of str) that rngd gets, with those of ``value`` (str) in the place of the variable ``name`` or after the others."""
    if "\\" in options:
        raise ValueError("it holds a backslash")
    variable = re.compile(r"\$(?:\{%(name)s\}|%(name)s\b)" % {"name": re.escape(name)}) if name else None
    is_named = bool(variable and variable.search(options))
    options = variable.sub(lambda _match: value, options) if is_named else "%s %s" % (options, value)
    # What another variable holds is not known here. The role looks at the process once it runs.
    return [word for word in shlex.split(options) if not _VARIABLE.match(word)]


def _faults(words):
    known = _rngd_options.read(words)
    whole = [each for each in known if not each.operands] or known
    # An init script's configuration names the source without an option.
    sources = [path for each in whole for path in each.sources + each.operands] if known else _rngd_options.guessed(words, *_rngd_options.SOURCE)
    sinks = [path for each in whole for path in each.sinks] if known else _rngd_options.guessed(words, *_rngd_options.SINK)
    for path in sources:
        if not _PLAIN.match(path) or _ANYWHERE.match(_normal(path)):
            yield "found %s as a source, expected the path of a device such as /dev/hwrng" % ascii(path)
        if _normal(path) in (_RANDOM, _URANDOM):
            yield "found %s as a source, which is the kernel's own output; expected a hardware source such as /dev/hwrng" % path
    for path in sinks:
        if not _PLAIN.match(path) or _normal(path) != _RANDOM:
            yield "found %s where rngd is to write (-o, --random-device), expected no such option, or /dev/random" % ascii(path)


def _normal(path):
    return posixpath.normpath(re.sub(r"/+", "/", path))
