# Copyright (c) 2026, kvm.entropy contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make one file, of the standard library alone, of the modules that are the feeder: ``./run docs`` writes it to the role that installs it.

The modules are unchanged but for their imports, which come first and once. No two of them may give the same name to different things.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "roles/feeder/files/entropy-feeder"
UTILITIES = "ansible_collections.kvm.entropy.plugins.module_utils."
MAIN = "_feeder_main"

_HEAD = '''%s
# Written by tests/feeder/bundle.py from plugins/module_utils: change it there.

"""Feed the kernel's random number generator from a hardware source, and stop where a health test fails: entropy-feeder --help."""

import signal

if __name__ == "__main__":
    # Python takes a while to load the rest, and a signal would end what cannot handle it yet: it waits until somebody listens.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGTERM, signal.SIGINT))

%s
'''


class BundleError(Exception):
    """The modules do not fit into one file."""


def program():
    """Return the program (str)."""
    modules = {}
    _collect(MAIN, modules)
    imports, owners, parts = set(), {}, []
    for name, (text, tree) in modules.items():
        for defined, owner in [*_imported(tree), *((each, name) for each in _defined(tree))]:
            if owners.setdefault(defined, owner) != owner:
                raise BundleError("both %s and %s define %s" % (owners[defined], owner, defined))
        imports |= {"import %s" % alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
        imports |= {ast.unparse(node) for node in tree.body if isinstance(node, ast.ImportFrom) and not _is_own(node)}
        parts.append("# --- %s: %s\n\n%s" % (name, ast.get_docstring(tree).splitlines()[0], _body(text, tree)))
    licence = "\n".join((ROOT / "plugins/module_utils" / (MAIN + ".py")).read_text(encoding="utf-8").splitlines()[:3])
    head = _HEAD % (licence, "\n".join(sorted(imports, key=lambda line: (line.startswith("from"), line))))
    return head + "\n" + "\n\n".join(parts)


def _collect(name, modules):
    """Add the module ``name`` (str) to ``modules`` (dict: name to text and syntax tree), after those that it needs."""
    text = (ROOT / "plugins/module_utils" / (name + ".py")).read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_own(node):
            needed = node.module[len(UTILITIES):]
            if not needed or any(alias.asname for alias in node.names):
                raise BundleError("%s line %d: expected from %sMODULE import NAME" % (name, node.lineno, UTILITIES))
            if needed not in modules:
                _collect(needed, modules)
    modules[name] = (text, tree)


def _is_own(node):
    return (node.module or "").startswith(UTILITIES.rstrip("."))


def _defined(tree):
    """Return the names (set of str) that the module of the syntax ``tree`` gives to things."""
    names = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return names


def _imported(tree):
    """Yield the names (str) of the standard library that the module of the syntax ``tree`` imports, and how (str) each comes to it."""
    for node in tree.body:
        for alias in node.names if isinstance(node, ast.Import) or isinstance(node, ast.ImportFrom) and not _is_own(node) else ():
            name = alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
            yield alias.asname or name, "import %s" % name if isinstance(node, ast.Import) else "from %s import %s" % (node.module, name)


def _body(text, tree):
    """Return the text (str) of a module without its licence, docstring and imports."""
    left_out = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))] + [tree.body[0]]
    numbers = {number for node in left_out for number in range(node.lineno, node.end_lineno + 1)}
    lines = [line for number, line in enumerate(text.splitlines(), start=1) if number > 3 and number not in numbers]  # noqa: PLR2004 (the licence)
    return "\n".join(lines).strip("\n") + "\n"


def write():
    """Write the program."""
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    PROGRAM.write_text(program(), encoding="utf-8")
