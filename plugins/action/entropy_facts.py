# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action kvm.entropy.entropy_facts; its documentation is that of the module of this name.

A machine whose Python was replaced answers what it likes, and ansible-core obeys some of that: ``ansible_stats`` in any answer changes the job's
statistics, and each key of ``ansible_facts`` becomes a variable that counts before the inventory. (It takes ``add_host`` and ``add_group`` out by
itself.) So of the answer only what the module returns is kept.

A look that fails at a machine that answered leaves the fact ``entropy_look``, made here and not there, with the reason: the facts of an earlier look, in
``hostvars`` or a cache, are not what the machine shows now. The next look that succeeds empties it.
"""

import json
import time

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.kvm.entropy.plugins.module_utils import _bounds
from ansible_collections.kvm.entropy.plugins.plugin_utils import _look_failure
from ansible_collections.kvm.entropy.plugins.plugin_utils._halves import LOOK
from ansible_collections.kvm.entropy.plugins.plugin_utils._printable import printable

# From this verbosity on (-vvv) the facts are shown.
VERBOSE = 3
# What a failed module says of itself, in at most so many characters each.
_TEXTS = ("msg", "exception", "module_stdout", "module_stderr")
_MOST = 10000
# What ansible-core obeys in the answer of any module (StrategyBase._process_pending_results in ansible/plugins/strategy/__init__.py).
_OBEYED = ("ansible_stats",)
_FOREIGN = ("the machine's answer has %s, which this module does not return, and which ansible-core would obey: the Python there, or the module, was "
            "replaced. Nothing of the answer is used.")
_MOST_NAME = 100
_INTERPRETER = "discovered_interpreter_python"
# Linux's PATH_MAX (include/uapi/linux/limits.h).
_MOST_PATH = 4096
# What ansible-core's own warnings on the way, such as that of interpreter discovery, come to at most, in characters each.
_MOST_WARNINGS, _MOST_WARNING = 20, 1000
_PRINTED = ("warnings", "deprecations")
# ansible-core's records have an event within an event for each cause of an error.
_MOST_DEPTH = 20
# By what ansible-core describes a deprecation.
_DEPRECATION = ("msg", "version", "date", "collection_name")


class ActionModule(ActionBase):
    """Runs the module, and keeps of the machine's answer what the module may say."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        """Return the module's result (dict); raise AnsibleConnectionFailure where the machine did not answer."""
        result = super().run(tmp, task_vars)
        try:
            answer = self._execute_module(task_vars=task_vars)
        except AnsibleConnectionFailure as error:
            # ansible-core says so as well of a password prompt that does not come, and of a folder that cannot be made.
            if not _look_failure.is_of_machine_that_answered(str(error)):
                raise
            self._raise_where_no_command_runs(str(error))
            answer = {"failed": True, "msg": str(error)}
        except Exception as error:  # noqa: BLE001  an answer of another form than JSON's objects ends ansible-core's own reading in many ways
            if _look_failure.is_of_controller(str(error)):
                # Without the cause, which ansible-core 2.19 would tell once more.
                raise AnsibleConnectionFailure("it was not asked: %s" % error) from None
            is_read = isinstance(error, AnsibleError)
            answer = {"failed": True, "msg": str(error) if is_read else "the machine's answer cannot be read: %s" % error}
        result.update(with_look(kept(answer), (task_vars or {}).get("ansible_facts"), int(time.time())))
        # As with ansible.builtin.gather_facts: the facts of a fleet would hide what is said of it. A failure's message is shown all the same.
        result["_ansible_verbose_override"] = self._display.verbosity < VERBOSE
        return result

    def _parse_returned_data(self, res, *more):
        """Read the answer, as ansible-core does, of which it prints some before anybody has looked at it."""
        return super()._parse_returned_data(dict(res, stdout=printable_answer(res["stdout"])), *more)

    def _raise_where_no_command_runs(self, reason):
        """Raise AnsibleConnectionFailure where the ``reason`` (str) is a folder that cannot be made, and the machine runs no command at all.

        Only ssh has an exit status of its own. Where docker, podman or kubectl have no such container, ansible-core takes it for the folder's fault, and
        keeps what they say of it to itself.
        """
        if _look_failure.NO_FOLDER not in reason:
            return
        tried = self._low_level_execute_command("true", sudoable=False)
        if tried.get("rc"):
            said = _look_failure.reason_of(str(tried.get("stderr") or ""), printed=str(tried.get("stdout") or ""))
            raise AnsibleConnectionFailure("it runs no command: %s" % said) from None


def printable_answer(text):
    """Return a machine's answer (str) without what ansible-core would print as it is: lines that follow it, and, from 2.21 on, its warnings.

    What is no answer stays as it is.
    """
    # As ansible-core looks for it (_filter_non_json_lines in ansible/module_utils/json_utils.py).
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if line.strip().startswith("{")), 0)
    last = next((number for number in range(len(lines) - 1, first - 1, -1) if lines[number].strip().endswith("}")), len(lines))
    try:
        answer = json.loads("\n".join(lines[first:last + 1]))
    except (ValueError, RecursionError):
        answer = None  # ansible-core cannot read it either
    said = [key for key in _PRINTED if key in answer] if isinstance(answer, dict) else []
    if not said:
        return "\n".join(lines[:last + 1])
    return json.dumps({**answer, **{key: _shallow(answer[key]) for key in said}})


def _shallow(value, depth=_MOST_DEPTH):
    """Return ``value``, of JSON's types, with every text in it printable, at most _MOST_WARNINGS of a list, and nothing below ``depth``: ansible-core makes
    records of some dictionaries."""
    if isinstance(value, dict):
        return {key: _shallow(one, depth - 1) for key, one in value.items()} if depth else {}
    if isinstance(value, list):
        return [_shallow(one, depth - 1) for one in value[:_MOST_WARNINGS]] if depth else []
    return printable(value, _MOST_WARNING) if isinstance(value, str) else value


def with_look(result, facts, now):
    """Return ``result`` (dict of ``kept``) with the fact ``entropy_look`` where it fails at ``now`` (int, s UTC) or the machine's ``facts`` have one."""
    if result.get("failed"):
        said = [result[key] for key in ("msg", "module_stderr", "exception") if isinstance(result.get(key), str)]
        reason = _look_failure.reason_of(*said, printed=result.get("module_stdout", ""))
        own = {LOOK: {"failed_at": now, "reason": reason}}
        return dict(result, msg=reason, ansible_facts=dict(result.get("ansible_facts") or {}, **own))
    if isinstance(facts, dict) and facts.get(LOOK) and "ansible_facts" in result:
        return dict(result, ansible_facts=dict(result["ansible_facts"], **{LOOK: {}}))
    return result


def kept(answer):
    """Return those parts (dict) of a machine's ``answer`` (dict) that are the module's to say."""
    # What begins like this is ansible-core's own: it takes such keys out of a machine's answer.
    found = {key: value for key, value in answer.items() if key.startswith("_ansible_")}
    found.update({key: _lines(answer[key]) for key in _TEXTS if isinstance(answer.get(key), str)})
    found["changed"] = False
    if answer.get("failed"):
        found["failed"] = True
    if isinstance(answer.get("rc"), int):
        found["rc"] = answer["rc"]
    for key in _PRINTED:
        if isinstance(answer.get(key), list):
            found[key] = [_warning(_plain(one, key)) for one in answer[key][:_MOST_WARNINGS] if not isinstance(one, (int, float, list))]
    facts = answer.get("ansible_facts")
    facts = facts if isinstance(facts, dict) else None
    foreign = [key for key in _OBEYED if key in answer] + sorted(set(facts or ()).difference(("entropy", _INTERPRETER)), key=str)
    if foreign:
        return dict(found, failed=True, msg=_FOREIGN % printable(str(foreign[0]), _MOST_NAME))
    if facts is not None:
        # What a look that failed says of the machine is not what the module says.
        found["ansible_facts"] = _facts({key: facts[key] for key in facts if key == _INTERPRETER} if found.get("failed") else facts)
    return found


def _lines(text):
    """Return a machine's ``text`` (str) for people: its lines, printable; of a long one the first and the last, which a traceback's cause is in."""
    text = text if len(text) <= _MOST else "%s\n%s" % (text[:_MOST // 2 - 1], text[-_MOST // 2:])
    return "\n".join(printable(line, _MOST) for line in text.split("\n"))


def _plain(one, key):
    """Return ``one`` of the ``key`` warnings or deprecations as text or dict: newer ansible-core makes a record of it, with a machine's text as it was."""
    message = getattr(getattr(one, "event", None), "msg", None)
    if message is None:
        return one
    return message if key == "warnings" else {"msg": message, **{name: getattr(one, name, None) for name in _DEPRECATION[1:]}}


def _warning(one):
    """Return a warning or deprecation as ansible-core may print it."""
    if isinstance(one, dict):
        return {key: printable(one[key], _MOST_WARNING) for key in _DEPRECATION if isinstance(one.get(key), str)}
    return printable(str(one), _MOST_WARNING)


def _facts(facts):
    """Return those of ``facts`` (dict) that are the module's to set. One too large for an event, and for every task that follows, is told by its size."""
    found = {}
    if "entropy" in facts:
        try:
            size = _bounds.size(facts["entropy"])
        except Exception as error:  # noqa: BLE001  what is nested too deep, or of another type than JSON's, ends this in many ways
            found["entropy"] = "a value of no size (%s)" % type(error).__name__
        else:
            found["entropy"] = facts["entropy"] if size <= _bounds.EVENT else "a value of %d characters" % size
    path = facts.get(_INTERPRETER)
    if isinstance(path, str) and len(path) <= _MOST_PATH:
        found[_INTERPRETER] = path
    return found
