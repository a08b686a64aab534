# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of entropy-feeder."""

import argparse
import json

from ansible_collections.kvm.entropy.plugins.module_utils._feeder_blocks import counts_words, tested
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_lock import LockError
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_options import (
    CONFIGURATION,
    DEFAULTS,
    OPTIONS,
    SECTION,
    FeederError,
    check_metrics,
    options_of,
    regular_data,
    shown,
    versioned_options,
    whole_number,
)
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_output import log, secure_standard_files, tell
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_report import STALE, began, stale_of, status_path, status_words
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_service import listen, once, serve
from ansible_collections.kvm.entropy.plugins.module_utils._feeder_source import Source

# Exit statuses. 2 is argparse's own for a wrong command line; systemd is told not to start the service again then.
EXIT_DONE, EXIT_FAILED, EXIT_WRONG = 0, 1, 2
# Far more than a status has (bytes).
_MOST_STATUS = 65536
# 2.5 TB, for which a fast source takes months; and a day (s).
_MOST_BLOCKS, _MOST_SECONDS = 10 ** 9, 86400

_ABOUT = """\
Feed the Linux kernel's random number generator from a hardware source such as a virtio-rng, in a guest whose kernel does not do that by itself.
Every byte is mixed in at once. Credit begins after a start-up test of 1,024 bytes and ends where a health test fails (NIST SP 800-90B, section 4.4).
These tests find a source that is stuck, broken or worse than is claimed of it. They don't prove that it is random.
"""
_EXITS = """\
exit status: 0 done; all blocks passed and no health test failed (--test); the feeder runs (--status). 1 it was not, they didn't, it doesn't, or
another service feeds this kernel. 2 the command line or the configuration is wrong.
"""


def main(words=None):
    """Run the program with its command line's ``words`` (list of str) and return its exit status (int)."""
    secure_standard_files()
    given = _parser().parse_args(words)
    try:
        return _run(given)
    except (LockError, OSError) as error:
        # An error of the system is such as standard output on a full disk, or closed by whoever read it.
        log(str(error))
        return EXIT_FAILED
    except FeederError as error:
        log(str(error))
        return EXIT_WRONG
    except KeyboardInterrupt:
        return EXIT_FAILED


def _run(given):
    if given.status or given.test is not None or given.check:
        listen()
    said = {option.name: getattr(given, option.name) for option in OPTIONS if getattr(given, option.name) is not None}
    if given.status:
        return _status(given.json)
    if given.test is not None:
        path = said.pop("source", None) or DEFAULTS["source"]
        return _test(path, given.test, options_of(None, said), given.json)

    if given.check:
        found = options_of(given.config, said)
        Source(found.source).check()
        check_metrics(found.metrics)
        tell("%s is right: %s" % (given.config, ", ".join("%s %s" % one for one in found._asdict().items() if one[1] != "")))
    elif given.once:
        return _once(options_of(given.config, said), given.within)
    else:
        serve(lambda: versioned_options(given.config, said))
    return EXIT_DONE


def _once(options, seconds):
    try:
        tell(once(options, seconds))
    except FeederError as error:
        log(str(error))
        return EXIT_FAILED
    return EXIT_DONE


def _test(path, blocks, options, as_json):
    counts = tested(path, blocks, options)
    tell(json.dumps(counts) if as_json else counts_words(counts))
    if counts["blocks"] < blocks:
        log("source %s: ended after %d blocks, expected %d" % (path, counts["blocks"], blocks))
    return EXIT_DONE if counts["blocks"] == blocks and not any(counts["failures"].values()) else EXIT_FAILED


def _status(as_json):
    try:
        status = json.loads(regular_data(status_path(), _MOST_STATUS).decode())
        words, now = status_words(status), began(status["pid"])
        runs = now is not None and now == status["began"]
        stale = stale_of(status) if runs else []
    except FileNotFoundError:
        status, words, runs, stale = {}, [], False, []
    except (OSError, FeederError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        log("%s: found no status of this version: %s" % (shown(status_path()), shown(repr(error))))
        return EXIT_FAILED
    if as_json:
        tell(json.dumps(dict(status, running=runs, stale=stale)))
    else:
        tell("\n".join(["the feeder runs" if runs else "the feeder does not run"] + words + [STALE[what] for what in stale]))
    return EXIT_DONE if runs else EXIT_FAILED


def _parser():
    parser = argparse.ArgumentParser("entropy-feeder", description=_ABOUT, epilog=_EXITS, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--once", action="store_true", help="seed the kernel now and exit, as early in a boot or after cloning")
    what.add_argument("--test", type=_blocks, metavar="N", help="test N blocks of 2,500 bytes (%d at most) of --source, here also a file, or - for "
                      "standard input" % _MOST_BLOCKS)
    what.add_argument("--status", action="store_true", help="tell what the service does")
    what.add_argument("--check", action="store_true", help="say whether the configuration is right, and exit")
    parser.add_argument("--within", type=_seconds, default=30, metavar="S", help="give up --once after so long (s, default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print --test and --status for programs")
    parser.add_argument("--config", default=CONFIGURATION, metavar="FILE", help="the configuration (default %(default)s, which may be missing)")
    options = parser.add_argument_group("options that a section [%s] of the configuration has as well, with _ for -" % SECTION)
    for option in OPTIONS:
        about = "%s (%s; default %s)" % (option.about, option.bounds, option.default or "none")
        options.add_argument("--" + option.name.replace("_", "-"), dest=option.name, metavar="X", help=about.replace("%", "%%"))
    return parser


def _blocks(text):
    return _number(text, _MOST_BLOCKS)


def _seconds(text):
    return _number(text, _MOST_SECONDS)


def _number(text, most):
    number = whole_number(text, most)
    if number is None:
        raise argparse.ArgumentTypeError("found %s, expected a whole number from 1 to %d" % (shown(repr(text)), most))
    return number


if __name__ == "__main__":
    raise SystemExit(main())
