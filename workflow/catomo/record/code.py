"""Which code a stage runs: the hash that decides whether its result is still valid.

The code of a stage is the module in which its work begins, and every catomo module that this
one imports, directly or through others. The imports are read from the sources; nothing is
imported. Settings models and the command line are left out: the values of settings are compared
on their own, and a reworded description must not train a network again.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

from catomo.stages import module_of

_FOLDER = Path(__file__).parents[1]

# Modules that any stage may import and that cannot change a result.
_NEUTRAL = {
    "catomo",
    "catomo.cli",
    "catomo.errors",
    "catomo.progress",
    "catomo.record.code",
    "catomo.record.forms",
    "catomo.record.listed",
    "catomo.record.lock",
    "catomo.record.remembered",
    "catomo.stages",
}


@cache
def modules_of(verb: str) -> tuple[str, ...]:
    """Return the sorted names of all catomo modules that a verb's result depends on."""
    modules: set[str] = set()
    waiting = [module_of(verb)]
    while waiting:
        name = waiting.pop()
        if name in modules or name in _NEUTRAL or _is_settings(name):
            continue
        modules.add(name)
        package = name.rpartition(".")[0]  # importing a module loads its package, too
        waiting += [package, *_imports(name)]
    return tuple(sorted(modules))


@cache
def code_of(verb: str) -> str:
    """Return the sha256 over the sources of `modules_of(verb)`, with page templates and kernels."""
    digest = hashlib.sha256()
    for name in modules_of(verb):
        digest.update(name.encode() + b"\0" + _path(name).read_bytes())
        for suffix in ("html", "cu"):
            for beside in sorted(_path(name).parent.glob(f"*.{suffix}")):
                digest.update(beside.read_bytes())
    return digest.hexdigest()


@cache
def packages_of(verb: str) -> tuple[str, ...]:
    """Return the third-party packages (import names) that a verb's modules import."""
    packages = {
        imported.split(".")[0] for name in modules_of(verb) for imported in _all_imports(name)
    }
    return tuple(sorted(packages - set(sys.stdlib_module_names) - {"catomo", "__future__"}))


def versions_of(verb: str) -> dict[str, str]:
    """Return the versions of the installed packages that a verb may use, by distribution."""
    versions = {}
    for package in packages_of(verb):
        for distribution in _distributions().get(package, []):
            versions[distribution] = metadata.version(distribution)
    return dict(sorted(versions.items()))


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Return the installed distributions by the import names they bring."""
    return metadata.packages_distributions()


def _is_settings(name: str) -> bool:
    """Return whether a module is part of ``catomo.settings`` or the settings of a package."""
    return name.startswith("catomo.settings") or name.endswith(".settings")


def _path(name: str) -> Path:
    path = _FOLDER.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imports(name: str) -> list[str]:
    """Return the catomo modules that the module `name` imports, anywhere in its source."""
    modules = []
    for imported in _all_imports(name):
        if imported.split(".")[0] != "catomo":
            continue
        while imported != "catomo" and not _path(imported).is_file():
            imported = imported.rpartition(".")[0]  # from a function's name to its module
        modules.append(imported)
    return modules


@cache
def _all_imports(name: str) -> tuple[str, ...]:
    """Return the full names of everything that a module imports, anywhere in its source."""
    imports = []
    for node in ast.walk(ast.parse(_path(name).read_text())):
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] == "catomo":
                imports += [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                imports.append(node.module)
    return tuple(imports)
