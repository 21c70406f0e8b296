"""Which code a stage runs: the hash that decides whether its result is still valid.

A stage's code is its own module and every catomo module that module imports, found by
reading the sources (never by importing them). Settings models and the command line stay
outside: their values reach a stage as settings, and rewording a description must not
retrain a network.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from catomo.stages import module_of

_FOLDER = Path(__file__).parents[1]

# Modules that every stage uses and that cannot change a result.
_NEUTRAL = {
    "catomo",
    "catomo.cli",
    "catomo.errors",
    "catomo.progress",
    "catomo.record.code",
    "catomo.stages",
}


@cache
def modules_of(verb: str) -> tuple[str, ...]:
    """Return the sorted names of all catomo modules that a verb's result depends on."""
    found: set[str] = set()
    todo = [module_of(verb)]
    while todo:
        name = todo.pop()
        if name in found or name in _NEUTRAL or _is_settings(name):
            continue
        found.add(name)
        todo += [name.rpartition(".")[0], *_imports(name)]  # its package is loaded, too
    return tuple(sorted(found))


@cache
def code_of(verb: str) -> str:
    """Return the sha256 over the sources of `modules_of(verb)`, page templates included."""
    digest = hashlib.sha256()
    for name in modules_of(verb):
        digest.update(name.encode() + b"\0" + _path(name).read_bytes())
        for template in sorted(_path(name).parent.glob("*.html")):
            digest.update(template.read_bytes())
    return digest.hexdigest()


@cache
def packages_of(verb: str) -> tuple[str, ...]:
    """Return the third-party packages (import names) that a verb's modules import."""
    packages = set()
    for name in modules_of(verb):
        for imported in _all_imports(name):
            packages.add(imported.split(".")[0])
    return tuple(sorted(packages - set(sys.stdlib_module_names) - {"catomo", "__future__"}))


def versions_of(verb: str) -> dict[str, str]:
    """Return the versions of the installed packages that a verb may use, by distribution."""
    distributions = metadata.packages_distributions()
    versions = {}
    for package in packages_of(verb):
        for distribution in distributions.get(package, []):
            versions[distribution] = metadata.version(distribution)
    return dict(sorted(versions.items()))


def _is_settings(name: str) -> bool:
    """Return whether a module holds settings models: ``catomo.settings`` or a stage's own."""
    return name.startswith("catomo.settings") or name.endswith(".settings")


def _path(name: str) -> Path:
    path = _FOLDER.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imports(name: str) -> list[str]:
    """Return the catomo modules that the module `name` imports, anywhere in its source."""
    found = []
    for imported in _all_imports(name):
        if imported.split(".")[0] != "catomo":
            continue
        while imported != "catomo" and not _path(imported).is_file():
            imported = imported.rpartition(".")[0]  # a function of a module, not a module
        found.append(imported)
    return found


@cache
def _all_imports(name: str) -> tuple[str, ...]:
    found = []
    for node in ast.walk(ast.parse(_path(name).read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] == "catomo":
                found += [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                found.append(node.module)
    return tuple(found)
