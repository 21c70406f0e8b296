"""The oldest packages that the conda files allow, for pip.

    python tests/helpers/floors.py > FILE

What conda-forge offers changes from week to week. The unit tests run with the versions of
requirements.txt and, by `make floors`, with these.
"""

from __future__ import annotations

from pathlib import Path

import yaml

ENVIRONMENTS = Path(__file__).parents[2] / "envs"

# The name for pip of a package, where it is not that of conda-forge.
PIP = {"matplotlib-base": "matplotlib", "tensorflow": "tensorflow-cpu"}
# No PyPI package, not needed by the tests that run here, or the interpreter itself.
_LEFT_OUT = {"python", "tomopy", "astra-toolbox"}


def lines() -> list[str]:
    """Return one requirement per package: the newest patch of the oldest version allowed."""
    lowest: dict[str, str] = {}
    for path in sorted(ENVIRONMENTS.glob("*.yaml")):
        for spec in yaml.safe_load(path.read_text())["dependencies"]:
            name, _, limits = spec.partition(" ")
            if limits and name not in _LEFT_OUT:
                floor = limits.split(",")[0].removeprefix(">=")
                name = PIP.get(name, name)
                lowest[name] = max(floor, lowest.get(name, floor), key=_numbers)
    return [f"{name}=={version}.*" for name, version in sorted(lowest.items())]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


if __name__ == "__main__":
    print("\n".join(lines()))
