"""The conda files: they parse, have limits, list what their stages import, agree with pip."""

import re
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from catomo.record import code
from helpers import floors

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "envs").glob("*.yaml"))

# Which rule files use which environment is read from the rules themselves.
RULES = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("0*.smk")))

# The name on conda-forge of a package, where it is not its import name.
CONDA = {
    "yaml": "pyyaml",
    "skimage": "scikit-image",
    "matplotlib": "matplotlib-base",
    "astra": "astra-toolbox",
    "keras": "tensorflow",
    "mpl_toolkits": "matplotlib-base",
}
# The rule reconstruct chooses between these two by its backend.
_BY_BACKEND = ("reconstruct", "tomopy")

# Imported only where present, each with the reason why an environment may lack it.
OPTIONAL = {
    "cupy": "on machines with a GPU, as envs/reconstruct.yaml says",
    "cupyx": "part of cupy",
    "h5py": "the extra `formats`, and part of keras",
    "rosettasciio": "the extra `formats`",
    "rsciio": "the extra `formats`",
    "tomopy": "the environment tomopy.yaml alone",
    "vtk": "part of pyvista",
    "vtkmodules": "part of pyvista",
}


def _specs(path: Path) -> dict[str, str]:
    content = yaml.safe_load(path.read_text())
    return {spec.split()[0]: (spec.split()[1:] or [""])[0] for spec in content["dependencies"]}


def _verbs_of(name: str) -> list[str]:
    """Return the verbs of the rules whose environment is `name`."""
    verbs = []
    for rule in re.split(r"\nrule ", RULES)[1:]:
        conda = re.search(r"conda:\s+(\S+)", rule).group(1)
        if conda == f'environment("{name}")' or (
            conda == "environment_of_backend" and name in _BY_BACKEND
        ):
            verbs += re.findall(r'"\$CATOMO_PACKAGE" (\w+)', rule)
    return verbs


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_channels_are_conda_forge_alone(path):
    content = yaml.safe_load(path.read_text())
    assert content["channels"] == ["conda-forge", "nodefaults"]
    assert "python" in _specs(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_import_of_a_stage_is_in_its_environment(path):
    specs = _specs(path)
    verbs = _verbs_of(path.stem)
    assert verbs
    needed = {package for verb in verbs for package in code.packages_of(verb)}
    needed |= {"pydantic", "yaml"}  # settings are checked in every environment
    missing = {CONDA.get(p, p) for p in needed - OPTIONAL.keys()} - specs.keys()
    assert not missing


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_ranges_have_a_floor_and_end_before_a_major_version_unseen(path):
    for name, limits in _specs(path).items():
        if path.stem == "tomopy" and not limits:
            continue  # left to TomoPy's own limits
        ranges = SpecifierSet(limits)
        assert sorted(limit.operator for limit in ranges) == ["<", ">="], name
        low, high = (Version(limit.version) for limit in sorted(ranges, key=_operator))
        assert high == Version("3.14") or high.release[1:] in ((), (0,)), name
        assert low < high, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_versions_that_pip_installs_lie_within_the_ranges(path):
    pinned: dict[str, set] = {}  # several versions where a marker tells Pythons apart
    for name, version in re.findall(r"^([a-z0-9-]+)==([\w.]+)", _requirements(), re.MULTILINE):
        pinned.setdefault(name, set()).add(Version(version))
    for name, limits in _specs(path).items():
        here = pinned.get(floors.PIP.get(name, name))
        if not limits or here is None:
            # No limits: left to TomoPy. No pip: conda-forge alone, or an extra.
            assert name in {"python", "astra-toolbox", "tomopy"} or path.stem == "tomopy", name
            continue
        assert all(version in SpecifierSet(limits) for version in here), name


def test_floors_name_each_package_once_with_the_highest_of_its_lower_ends():
    lines = floors.lines()
    assert "tensorflow-cpu==2.19.*" in lines
    assert "numpy==2.1.*" in lines
    names = [line.partition("==")[0] for line in lines]
    assert len(names) == len(set(names))
    assert not {"python", "tomopy", "astra-toolbox"} & set(names)


def _operator(limit) -> bool:
    return limit.operator == "<"


def _requirements() -> str:
    return (ROOT / "requirements.txt").read_text()


def test_requirements_have_hashes_and_name_no_host():
    text = _requirements()
    assert "--hash=sha256:" in text
    assert "://" not in text
