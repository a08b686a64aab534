# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One process that has the name of a feeder: what it runs, with which rights, and what it reads. Plain observations of the running system.

Any user may start a program under any name, so ``_entropy_process`` decides from these whether it can credit at all.
"""

import os
import re
import stat

from ansible_collections.kvm.entropy.plugins.module_utils import _device_kind, _rngd_options

# include/uapi/linux/capability.h: RNDADDENTROPY takes it (drivers/char/random.c, random_ioctl()), in the initial user namespace.
CAP_SYS_ADMIN = 21
# PROC_USER_INIT_INO and PROC_PID_INIT_INO in include/linux/proc_ns.h (since 3.8), as the links in /proc/PID/ns show them.
FIRST_USER_NAMESPACE, FIRST_PID_NAMESPACE = "user:[%d]" % 0xeffffffd, "pid:[%d]" % 0xeffffffc
FIRST, OTHER = "first", "other"

# A process may be in 65,536 groups (NGROUPS_MAX), all in one line of its status before its capabilities.
_STATUS_BYTES = 1024 * 1024
_ARGUMENTS_BYTES = 16 * 1024
# rngd and its like have some ten files open.
_MOST_OPEN = 1024
# TASK_COMM_LEN in include/linux/sched.h, less the NUL.
_NAME_LENGTH = 15


def observe(tree, pid, name):
    """Return what the process ``pid`` (str) called ``name`` (str) shows, None where it has ended:

    ``pid`` (int), ``name``, ``state`` (str, proc_pid_status(5)), ``uid`` (int, the effective one), ``capable`` (bool: CAP_SYS_ADMIN is effective),
    ``namespace`` (``first`` or ``other`` user namespace), ``program`` (str, its executable), ``program_fault`` (str: why others than root may have
    chosen what it runs, None for no reason, and where it cannot credit anyway), ``arguments`` (list of str), ``own`` (list of str: the sources among these
    that are the kernel's own generator) and ``open`` (list of str: the kinds of devices that it has open for reading, see ``_device_kind``). Each is
    None where it is not shown; the last three are not looked at where any user may have started the process, who could make that take long, nor is the
    executable's file where it cannot credit.
    """
    text = tree.text("/proc/%s/status" % pid, _STATUS_BYTES)
    # One that ended meanwhile, as a feeder's reading process may, hides nothing.
    if text is None and "/proc/%s/status" % pid not in tree.refused:
        return None
    seen = dict(status(text), pid=int(pid), name=name, namespace=_namespace(tree, pid), program=_path(pid), program_fault=None)
    seen.update(arguments=[], own=[], open=None)
    if seen["capable"] is not False and seen["namespace"] != OTHER:
        seen["program"], seen["program_fault"] = _program(pid, name)
        if not seen["program_fault"]:
            seen["arguments"] = (tree.text("/proc/%s/cmdline" % pid, _ARGUMENTS_BYTES) or "").split("\0")
            seen.update(own=_own_output(pid, seen["arguments"]), open=_opened(tree, pid))
    # One that became another program meanwhile, as a user's does with the help of sudo, had the name and the rights at different times.
    return seen if tree.text("/proc/%s/comm" % pid) == name else None


def status(text):
    """Return ``state``, ``uid`` and ``capable`` (dict, see ``observe``) as ``text`` (str or None), the content of /proc/PID/status, tells them."""
    state, uid, capabilities = (re.search(line, text or "", re.MULTILINE | re.ASCII) for line in (
        r"^State:\t([A-Z])", r"^Uid:\t\d{1,10}\t(\d{1,10})\t", r"^CapEff:\t([0-9a-f]{1,16})$"))
    return {
        "state": state and state.group(1),
        "uid": int(uid.group(1)) if uid else None,
        "capable": bool(int(capabilities.group(1), 16) >> CAP_SYS_ADMIN & 1) if capabilities else None,
    }


def _namespace(tree, pid):
    found = tree.target("/proc/%s/ns/user" % pid)
    if found is None:
        # A kernel without user namespaces has one for all, and shows none.
        return None if os.path.lexists("/proc/self/ns/user") else FIRST
    return FIRST if found == FIRST_USER_NAMESPACE else OTHER


def _path(pid):
    """Return the path (str) of the executable of process ``pid`` (str), None where it is not shown. Its file system, which may never answer, is not asked."""
    try:
        return os.readlink("/proc/%s/exe" % pid)
    except OSError:
        return None


def _program(pid, name):
    """Return the executable (str) of process ``pid`` (str) called ``name`` (str), and its fault (str or None); None for both where it is not shown."""
    link = "/proc/%s/exe" % pid
    try:
        # The file itself is looked at, which may have another path here, or none any more.
        path, found = os.readlink(link), os.stat(link)
    except OSError:
        return None, None
    return path, _file_fault(found, os.path.basename(path), name, _gives_rights(link, found)) or _folder_fault(pid, path)


def _gives_rights(link, found):
    """Return whether the file ``link`` (str), of the os.stat_result ``found``, gives the right to credit to whoever starts it (bool)."""
    if found.st_mode & stat.S_ISUID:
        return True
    try:
        # struct vfs_cap_data in include/uapi/linux/capability.h: after the revision, what is permitted of the first 32 capabilities.
        permitted = os.getxattr(link, "security.capability")[4:8]
    except OSError:
        return False
    return bool(int.from_bytes(permitted, "little") >> CAP_SYS_ADMIN & 1)


def _file_fault(found, base, name, gives_rights):
    if not stat.S_ISREG(found.st_mode):
        return "it is no regular file"
    if found.st_uid != 0:
        return "it belongs to uid %d" % found.st_uid
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others than root may write it"
    # A link to such a program gives its process any name, and the program's rights; a second name of the file does it for the executable's too.
    if gives_rights and (base[:_NAME_LENGTH] != name or found.st_nlink > 1):
        return "anyone may start it with root's rights and by any name"
    return None


def _folder_fault(pid, path):
    """Return why (str) others than root may put another file in the place of ``path`` (str), None where nothing shows that they may."""
    above = os.path.dirname(path)
    while above.startswith("/"):
        try:
            mode = os.stat("/proc/%s/root%s" % (pid, above)).st_mode
        except OSError:
            mode = 0
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return "anyone may write its folder %s" % above
        if above == "/":
            break
        above = os.path.dirname(above)
    return None


def _opened(tree, pid):
    """Return the kinds (list of str) of devices that process ``pid`` (str) has open for reading alone, None where that is not shown."""
    numbers = tree.names("/proc/%s/fd" % pid)
    if numbers is None:
        return None
    kinds = set()
    for number in numbers[:_MOST_OPEN]:
        flags = re.search(r"^flags:\s*([0-7]+)", tree.text("/proc/%s/fdinfo/%s" % (pid, number)) or "", re.MULTILINE)
        try:
            kind = _device_kind.device_kind(os.stat("/proc/%s/fd/%s" % (pid, number)))
        except OSError:
            continue
        # What is open for writing too is what it feeds. /dev/null and its like are every service's standard input.
        if flags and int(flags.group(1), 8) & os.O_ACCMODE == os.O_RDONLY and kind not in (_device_kind.FILE, _device_kind.CONSTANT):
            kinds.add(kind)
    return sorted(kinds)


def _own_output(pid, arguments):
    """Return the sources (list of str) in ``arguments`` (list of str) of rngd, process ``pid`` (str), that are /dev/random or /dev/urandom by any name."""
    return [path for path in _rngd_options.sources(arguments) if _is_own_output(pid, path)]


def _is_own_output(pid, path):
    # A path is the process's own: from its working folder, or from its root. Where these are not shown, ours has to do.
    for base in ("/proc/%s/root" % pid if path.startswith("/") else "/proc/%s/cwd/" % pid, ""):
        try:
            if _device_kind.device_kind(os.stat(base + path)) in (_device_kind.RANDOM, _device_kind.URANDOM):
                return True
        except (OSError, ValueError):
            continue
    return False
