# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rngd's options name as its sources and its sink, in every spelling that getopt_long(3) takes. Pure.

rngd exits where it does not know an option or finds an operand. Which version runs is not known, so the options count in each version that takes them.
"""

import getopt
import re
from collections import namedtuple

# The options that argp adds to each program (argp-parse.c in glibc).
_OF_ARGP = ("?V", ("help", "usage", "version", "program-name=", "HANG"))
# struct argp_option of rng-tools 6.17, rng-tools 5, and rng-tools-debian 2.3, which goes back to rng-tools 2.
_TABLES = tuple((short + _OF_ARGP[0], long + _OF_ARGP[1]) for short, long in (
    ("dfibx:n:lO:o:r:tp:s:W:qve:R:uD:", (
        "debug", "foreground", "ignorefail", "background", "exclude=", "include=", "list", "option=", "random-device=", "rng-device=", "test", "pid-file=",
        "random-step=", "fill-watermark=", "quiet", "entropy-count=", "force-reseed=", "use-slow-sources", "drop-privileges=")),
    ("fibo:r:p:s:W:qvd:n:e:", (
        "foreground", "ignorefail", "background", "random-device=", "rng-device=", "pid-file=", "random-step=", "fill-watermark=", "quiet", "verbose",
        "no-drng=", "no-tpm=", "entropy-count=")),
    ("bB:fp:S:H:Q:r:R:T:o:s:t:W:", (
        "background", "rng-buffers=", "foreground", "pidfile=", "stats-interval=", "hrng=", "rng-entropy=", "rng-quality=", "rng-device=", "rng-driver=",
        "rng-timeout=", "random-device=", "random-step=", "timeout=", "feed-interval=", "fill-watermark=")),
))
# The options that name a file, by letter and by name.
SOURCE = ("r", "rng-device")
SINK = ("o", "random-device")
# The option of a source, as in --option namedpipe:path:FILE (rng-tools 6).
_PATH_KEY = "path"


class Options(namedtuple("Options", "sources sinks operands")):
    """The files (three lists of str) that rngd reads, that it feeds, and that it names without an option."""


def read(arguments):
    """Return what ``arguments`` (list of str, without the program's name) mean (list of Options) to each rngd that takes them."""
    found = []
    for short, long in _TABLES:
        try:
            options, operands = getopt.gnu_getopt(arguments, short, long)
        except getopt.GetoptError:
            continue
        found.append(Options(_sources(options), [value for name, value in options if name.lstrip("-") in SINK], operands))
    return found


def _sources(options):
    paths = []
    for name, value in options:
        if name.lstrip("-") in SOURCE:
            paths.append(value)
        elif name in ("-O", "--option") and value.split(":")[1:2] == [_PATH_KEY]:
            paths.append(value.split(":", 2)[-1])
    return paths


def sources(arguments):
    """Return the sources (list of str, each once) that a running rngd's ``arguments`` (list of str, the program's name first) name."""
    words = arguments[1:]
    known = [options for options in read(words) if not any(options.operands)]
    return list(dict.fromkeys(path for options in known for path in options.sources)) if known else guessed(words, *SOURCE)


def guessed(words, letter, option):
    """Return what may be the values (list of str) of the option ``letter``, or ``option``, in ``words`` (list of str) that no known version takes."""
    found = [_guess(word, following, letter, option) for word, following in zip(words, words[1:] + [""])]
    return [value for value in dict.fromkeys(found) if value is not None]


def _guess(word, following, letter, option):
    name, equals, value = word.partition("=")
    if len(name) > len("--") and ("--" + option).startswith(name):
        return value if equals else following
    glued = re.match(r"-[A-Za-z]*%s(.*)\Z" % letter, word, re.DOTALL)
    return (glued.group(1) or following) if glued else None
