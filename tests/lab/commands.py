# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lab's command line can do."""

import argparse
import sys

from lab import LabError
from lab.daemon import Daemon
from lab.shell import say


def host(options):
    """Start the lab's libvirtd alone."""
    print(Daemon(options.dir).start().uri)


def uri(options):
    """Print the URI of the lab's libvirtd."""
    print(Daemon(options.dir).uri)


def down(options):
    """Remove the lab: guests, daemon, files."""
    Daemon(options.dir).remove()
    say("nothing of the lab in %s is left" % options.dir)


def main(arguments=None):
    """Run the command line; return its exit status (int)."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except LabError as error:
        print("lab: error: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="lab", description="A libvirt of its own and real Debian guests, for tests and the demo.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (host, uri, down):
        each = commands.add_parser(command.__name__, help=command.__doc__)
        each.add_argument("--dir", required=True, help="the lab's folder")
        each.set_defaults(command=command)
    return parser
