"""A test double of conda: it answers what Snakemake asks, and downloads nothing.

An environment that it makes runs the Python of the tests, which then finds the packages that the
environment's file lists, those that they need in turn, and no other. So a stage that imports what
its file does not list fails as it would with conda. What conda-forge offers, whether it solves, and
all else that conda does, it cannot tell.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from itertools import pairwise
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# The names for pip of a package of conda-forge, the first that is installed here counts.
_PIP = {
    "matplotlib-base": ("matplotlib",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
}
_VERSION = "conda 26.1.0"

_CONDA = """\
#!/bin/sh
exec {python} {here} {home} "$@"
"""
_ACTIVATE = """\
export CONDA_PREFIX="$1"
export PATH="$1/bin:$PATH"
"""
_PYTHON = """\
#!/bin/sh
PYTHONPATH={site} exec {python} "$@"
"""
_ONLY_LISTED = """\
import sys
from importlib.machinery import PathFinder

LEFT_OUT = {left_out}


class Listed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in LEFT_OUT:
            return None
        return super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Listed
"""


def install(home: Path) -> str:
    """Install the double into a folder; return the PATH with which it is found."""
    here, python = shlex.quote(__file__), shlex.quote(sys.executable)
    text = _CONDA.format(python=python, here=here, home=shlex.quote(str(home)))
    _write(home / "bin" / "conda", text)
    _write(home / "bin" / "activate", _ACTIVATE)
    return f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"


def left_out(specs: list[str]) -> set[str]:
    """Return the modules installed here that an environment of such packages does not have."""
    waiting = [name for spec in specs for name in _PIP.get(spec.split()[0], (spec.split()[0],))]
    listed = {"catomo"}  # it may be installed here, too, and comes with the workflow
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in listed:
            continue
        try:
            needs = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:
            continue
        listed.add(name)
        waiting += [r.name for r in needs if r.marker is None or r.marker.evaluate({"extra": ""})]
    return {
        module
        for module, names in packages_distributions().items()
        if not listed & {canonicalize_name(name) for name in names}
    }


def main(home: Path, arguments: list[str]) -> None:
    """Answer one command."""
    with (home / "asked.txt").open("a") as file:
        file.write(f"{' '.join(arguments)}\n")
    if arguments[:1] == ["--version"]:
        print(_VERSION)
    elif arguments[:1] == ["info"]:
        print(json.dumps({"conda_prefix": str(home), "platform": "linux-64"}))
    elif arguments[:1] == ["config"]:
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif arguments[:2] == ["env", "create"]:
        options = dict(pairwise(arguments))
        specs = yaml.safe_load(Path(options["--file"]).read_text())["dependencies"]
        _make(Path(options["--prefix"]), specs)
    elif arguments[:1] != ["clean"]:
        sys.exit(f"this stand-in for conda does not know: conda {' '.join(arguments)}")


def _make(prefix: Path, specs: list[str]) -> None:
    site = prefix / "site"
    _write(site / "sitecustomize.py", _ONLY_LISTED.format(left_out=sorted(left_out(specs))))
    python, place = shlex.quote(sys.executable), shlex.quote(str(site))
    _write(prefix / "bin" / "python", _PYTHON.format(site=place, python=python))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
