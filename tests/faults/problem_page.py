# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/problems.md: the registry of problem codes, with an example of each from the recorded matrix. ``./run docs`` writes it."""

from pathlib import Path

from ansible_collections.kvm.entropy.plugins.module_utils._entropy import facts_of
from ansible_collections.kvm.entropy.plugins.module_utils._problems import BOTH, GUEST, HOST, INFO, PROBLEMS
from ansible_collections.kvm.entropy.plugins.module_utils._verdict import BREAKING, DEGRADING, UNDECIDED
from ansible_collections.kvm.entropy.plugins.plugin_utils._scope import scope_of, within

from faults.cases import CASES, judged, record_of

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/problems.md"
HEAD = """# Problem codes

Codes are stable. Facts, `verify`'s lines, reports and metrics use the same ones, each with its evidence. This page is written from
`plugins/module_utils/_problems.py` by `./run docs`; a test compares the two. The examples are real: each is what the collection says of a
machine that was recorded with that fault (`tests/faults`), but where it says otherwise.

| code | what it means | seen by | what it does to the verdict |
|---|---|---|---|
"""
SEEN_BY = {GUEST: "the guest", HOST: "the host", BOTH: "guest and host"}
# What decides whether a guest whose other links are right is well; elsewhere a link that is broken or unknown decides.
BY_LINKS = "what its link does: broken is degraded, unknown is unknown"


def weight(code):
    """Return in words what the problem ``code`` (str) does to a verdict."""
    if PROBLEMS[code]["severity"] == INFO:
        return "nothing, it is for information"
    return "broken" if code in BREAKING else "degraded" if code in DEGRADING else "unknown, unless it is worse" if code in UNDECIDED else BY_LINKS


def example(code):
    """Return (where from, the lines) of an example of the problem ``code`` (str)."""
    for name, case in CASES.items():
        if code in case.codes:
            row, _facts = judged(record_of(name))
            return "Recorded: %s." % case.about, lines(row, code)
    row, words = CHANGED[code]()
    return "Not recorded: %s." % words, lines(row, code)


def lines(row, code):
    """Return what is told of ``row`` (dict): its head, and the evidence of the problem ``code`` (str)."""
    (one,) = [one for one in row["problems"] if one["code"] == code]
    return [row["text"][0], "    %s: %s (%s)" % (code, one["text"], one["evidence"])]


def _changed(name, change):
    record = record_of(name)
    change(record)
    return judged(record)[0]


def _group(record):
    (host,) = record["hosts"].values()
    return host["domains"]["groups"][0]


def _only_guest(record):
    (guest,) = record["guests"].values()
    return guest


def _with_wrong_facts(record):
    guest = _only_guest(record)
    guest["entropy"] = dict(facts_of(guest.pop("seen")), crng="ready")


def _confidential(record):
    _only_guest(record)["seen"]["log"]["lines"].append([0.01, "Memory Encryption Features active: AMD SEV"])


def _by_tpm(record):
    (guest,) = record["guests"].values()
    folder = "/sys/class/misc/hw_random/"
    guest["seen"]["texts"].update({folder + "rng_current": "tpm-rng-0", folder + "rng_available": "tpm-rng-0 virtio_rng.0 none"})
    guest["seen"]["processes"].update(fill_state="S", fill_slept=42)


def _with_capacity(entry):
    def change(record):
        (host,) = record["hosts"].values()
        device = dict(_group(record)["config"][0], path="/dev/hwrng")
        _group(record).update(config=[device], live=[device])
        host["domains"]["host"] = {"capacity": [dict({"backend": "random", "path": "/dev/hwrng", "kind": "hwrng", "unsafe": False, "idle": 1.1}, **entry)]}
    return change


SLOW = {"delivered": 100, "enough": False, "reason": "/dev/hwrng delivers 100 bytes/s. Domains with it: 30, running: 30, drawing 32 bytes/s when idle, "
        "without a limit. Started together, the last is seeded 19.2 s after the first"}
DRY = {"delivered": 0, "enough": False, "reason": "/dev/hwrng delivers nothing. Domains with it: 30, running: 30, drawing 32 bytes/s when idle"}


def _limited():
    """Return the row (dict) of a healthy guest whose host the run's limit leaves out."""
    record = record_of("healthy-debian-13")
    name = next(iter(record["guests"]))
    record["hosts"] = {"kvm1": {}}
    (row,) = within([judged(record)[0]], scope_of(["kvm1"], [name], name, {name}), {name})
    return row


# Codes that no recorded machine has, from one that is changed.
UNREADABLE = "backend path /dev/hwrng: the user 64055 (groups 64055) may not read /dev/hwrng (mode 0600, owner 0:0). QEMU runs as that user"
CHANGED = {
    "bad-facts": lambda: (_changed("healthy-debian-13", _with_wrong_facts),
                          "a healthy guest whose Python was replaced, as if it reported text in place of a number"),
    "bad-variable": lambda: (_changed("healthy-debian-13", lambda record: _only_guest(record).update(uuid="web-1")),
                             "a healthy guest whose entropy_domain_uuid is its name"),
    "left-out": lambda: (_limited(), "a healthy guest, as if a limit had left out its host"),
    "untrusted-host": lambda: (_changed("healthy-6.12", _confidential), "the log line of a guest under AMD SEV was added to a healthy guest"),
    "other-source": lambda: (_changed("healthy-6.12", _by_tpm), "a healthy guest, as if its kernel had chosen a TPM"),
    "host-unsound": lambda: (_changed("healthy-debian-13", lambda record: record["hosts"]["kvm1"].update(seen_of="rngd-fake")),
                             "a healthy guest, on a host whose rngd is fake"),
    "unmanaged-device": lambda: (_changed("healthy-debian-13", lambda record: _group(record).update(config=[], live=[], unmanaged=["virtio-rng-pci own"])),
                                 "a healthy guest, as if its device were given by <qemu:commandline>"),
    "managed-elsewhere": lambda: (_changed("windows", lambda record: _group(record).update(managed_elsewhere="openstack")),
                                  "a domain, as if OpenStack had defined it"),
    "cannot-start": lambda: (_changed("windows", lambda record: _group(record).update(start_hindrance=UNREADABLE)),
                             "a domain, as if QEMU's user could not read its backend"),
    "vmgenid-unsupported": lambda: (_changed("windows", lambda record: _group(record).update(genid=False, arch="aarch64")),
                                    "a domain, as if it were of another architecture"),
    "backend-starves": lambda: (_changed("windows", _with_capacity(DRY)), "a domain, as if its host's source delivered nothing"),
    "unknown-backend": lambda: (_changed("windows", _with_capacity({"kind": "device", "delivered": None})), "a domain, as if its host did not know the device"),
    "backend-slow": lambda: (_changed("windows", _with_capacity(SLOW)), "a domain, as if its host's source were slow"),
}


def page():
    """Return the whole page (str)."""
    table = ["| [`%s`](#%s) | %s | %s | %s |" % (code, code, known["text"], SEEN_BY[known["seen_by"]], weight(code)) for code, known in PROBLEMS.items()]
    return HEAD + "\n".join(table) + "\n" + "".join(section(code) for code in PROBLEMS)


def section(code):
    """Return the part (str) of the page on the problem ``code`` (str)."""
    known = PROBLEMS[code]
    source, told = example(code)
    return "\n".join([
        "", "## " + code, "", known["text"] + ".", "",
        "- **Detected:** " + known["detected"], "- **How sure:** " + known["sure"],
        "- **Seen by:** %s. It takes %s." % (SEEN_BY[known["seen_by"]], known["needs"]),
        "- **Verdict:** %s." % weight(code), "- **Remedy:** %s." % known["remedy"], "", source, "", "```text", *told, "```", ""])
