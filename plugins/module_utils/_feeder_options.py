# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the feeder can be told, in its configuration and on its command line."""

import configparser
import math
import os
import stat
import zlib
from collections import namedtuple

from ansible_collections.kvm.entropy.plugins.module_utils._own_file import check_own, kind_of

# Of a configuration (bytes): far more than all options and a page of comments take.
_MOST_BYTES_READ = 65536
# How much of a text that is wrong is repeated (characters).
_MOST_SHOWN = 200

# What a file of metrics begins with, by which an earlier one is known to be the feeder's.
METRICS_START = "# HELP entropy_feeder_"
SECTION = "feeder"
CONFIGURATION = "/etc/entropy-feeder.conf"


class FeederError(Exception):
    """What ends the feeder: it names the object, what was found, what was expected and what to do."""


def shown(text):
    """Return ``text`` (str) as a message may have it: one line, printable, and not without end."""
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."


def whole_number(text, most):
    """Return the number (int) from 1 to ``most`` that ``text`` (str) is in ASCII digits, None where it is none."""
    is_number = 0 < len(text) <= len(str(most)) and all(each in "0123456789" for each in text)
    return int(text) if is_number and 1 <= int(text) <= most else None


class Option(namedtuple("Option", "name default least most unit about")):
    """One option: its ``default`` (str, int or float, which is its type too), its bounds (None for text), its ``unit`` and what it is ``about`` (str)."""

    @property
    def bounds(self):
        """What it is given in, and what is accepted (str)."""
        return self.unit if self.least is None else "%s, %s to %s" % (self.unit, self.least, self.most)

    def value(self, text):
        """Return the value that ``text`` (str) means; raise FeederError."""
        if self.least is None:
            return self._path(text)
        try:
            value = type(self.default)(text)
        except ValueError:
            value = math.nan
        if not self.least <= value <= self.most:
            raise FeederError("%s: found %s, expected a number (%s)" % (self.name, shown(text) or "nothing", self.bounds))
        return value

    def _path(self, text):
        # A path comes into lines of the metrics and of what systemd is told.
        if not (text.isprintable() and _can_be_a_name(text)):
            raise FeederError("%s: found %s, expected a path of printable characters" % (self.name, shown(text)))
        if text and not os.path.isabs(text):
            raise FeederError("%s: found %s, expected an absolute path" % (self.name, shown(text)))
        if not (text or self.name == "metrics"):
            raise FeederError("%s: found nothing, expected an absolute path" % self.name)
        return text


OPTIONS = (
    Option("source", "/dev/hwrng", None, None, "path", "a character device or a FIFO; /dev/hwrng is whatever source the kernel listens to"),
    # A virtio-rng gives what its host's generator made: far more than 4 bits per byte, and more is not needed to seed with 64 bytes.
    Option("min_entropy", 4.0, 0.1, 8.0, "bits per byte", "what is claimed of the source, and at most credited"),
    # SP 800-90B, 4.3, recommends 20 to 40.
    Option("alpha", 30, 20, 40, "2**-N", "how rarely a sound source may fail a health test, per sample"),
    # CRNG_RESEED_INTERVAL of Linux (drivers/char/random.c) is 60 s.
    Option("interval", 60, 1, 86400, "s", "from one reseed to the next once the kernel is ready"),
    Option("limit", 4096, 64, 1048576, "bytes per minute", "how much is read once the kernel is ready"),
    Option("timeout", 30, 1, 60, "s", "for how long one read may take, after which it is begun again"),
    Option("retry", 60, 1, 86400, "s", "how long a source that failed a health test is left alone before it is tested again"),
    Option("metrics", "", None, None, "path", "a file for Prometheus's textfile collector; empty for none"),
)
DEFAULTS = {option.name: option.default for option in OPTIONS}
Options = namedtuple("Options", [option.name for option in OPTIONS])


def _can_be_a_name(text):
    """Return whether ``text`` (str) can be encoded as the name of a file (bool): Python 3.6 takes ASCII for it in a service, which has no locale."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def version_of(path, data=None):
    """Return what is at ``path`` (str), or was there as ``data`` (bytes), as a dict of plain values: ``path``, and ``crc32`` (int; None where nothing is)."""
    try:
        if data is None:
            data = regular_data(path, 16 * _MOST_BYTES_READ)
    except (OSError, FeederError):
        pass
    return {"path": os.path.abspath(path), "crc32": None if data is None else zlib.crc32(data)}


def options_of(path, given):
    """Return the Options of the file ``path`` (str; None for none), over which ``given`` (dict of str) wins; raise FeederError.

    A file that is missing is an error only where it is not the usual one.
    """
    return _options(_texts(path)[0] if path else {}, path, given)


def check_metrics(path):
    """Raise FeederError where the metrics cannot be written to ``path`` (str; empty for none). A folder that is not there may come later.

    A service does not ask for it: what is there may be another user's doing, who must not keep the kernel from being fed.
    """
    if os.path.isdir(path):
        raise FeederError("metrics: found the folder %s, expected a file in it, such as %s" % (path, os.path.join(path, "entropy-feeder.prom")))
    try:
        if path:
            check_own(path, may_be_others=True, start=METRICS_START)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise FeederError("metrics: %s: %s" % (path, error.strerror)) from error


def versioned_options(path, given):
    """Return the same, and what was read (``version_of``)."""
    texts, version = _texts(path)
    return _options(texts, path, given), version


def _options(texts, path, given):
    texts.update(given)
    unknown = sorted(set(texts) - set(DEFAULTS))
    if unknown:
        raise FeederError("%s: found the option %s, expected one of: %s" % (shown(path), shown(", ".join(unknown)), ", ".join(DEFAULTS)))
    values = dict(DEFAULTS)
    for option in OPTIONS:
        if option.name in texts:
            try:
                values[option.name] = option.value(texts[option.name])
            except FeederError as error:
                raise FeederError("%s: %s" % (shown(path), error) if option.name not in given else str(error)) from error
    return Options(**values)


def _texts(path):
    """Return the options (dict of str) of the file ``path`` (str), and what was read (``version_of``)."""
    parser = configparser.ConfigParser(interpolation=None, default_section="", empty_lines_in_values=False)
    try:
        data = regular_data(path, _MOST_BYTES_READ)
        parser.read_string(data.decode(), path)
    except FileNotFoundError:
        if path == CONFIGURATION:
            return {}, version_of(path)
        raise FeederError("%s: no such file; expected one with a section [%s]" % (shown(path), SECTION)) from None
    except (OSError, ValueError, configparser.Error) as error:
        raise FeederError("%s: %s" % (shown(path), shown(" ".join(str(error).split())))) from error
    if parser.sections() != [SECTION]:
        raise FeederError("%s: found the sections %s, expected [%s] alone" % (shown(path), shown(", ".join(parser.sections())) or "none", SECTION))
    return dict(parser[SECTION]), version_of(path, data)


def regular_data(path, most):
    """Return what the regular file ``path`` (str) holds (bytes); raise OSError, ValueError; FeederError where it is no such file or holds more than ``most``.

    What is not a regular file is not opened: a FIFO would wait for a writer, and a device may act.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise FeederError("%s: found %s, expected a regular file" % (shown(path), kind_of(found)))
    # A file of /proc that calls itself regular may wait all the same.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as file:
        data = file.read(most + 1) or b""
    if len(data) > most:
        raise FeederError("%s: found more than %d bytes, expected fewer" % (shown(path), most))
    return data
