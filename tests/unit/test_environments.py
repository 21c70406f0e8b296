"""The conda files: they parse, are pinned, list what their stages import, and agree with pip."""

import re
from pathlib import Path

import pytest
import yaml

from catomo.record import code

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
    return {
        spec.split()[0]: (spec.split()[1:] or [""])[0].lstrip("=")
        for spec in content["dependencies"]
    }


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
def test_pins_share_their_minor_version_with_pip(path):
    pinned: dict[str, set] = {}  # several versions where a marker tells Pythons apart
    for name, version in re.findall(r"^([a-z0-9-]+)==([\w.]+)", _requirements(), re.MULTILINE):
        pinned.setdefault(name, set()).add(tuple(version.split(".")[:2]))
    names = {"matplotlib-base": "matplotlib", "tensorflow": "tensorflow-cpu"}
    for name, version in _specs(path).items():
        here = pinned.get(names.get(name, name))
        if not version or here is None:
            # No pin: tomopy.yaml leaves these to TomoPy's own limits. No pip: conda-forge alone.
            assert name in {"python", "astra-toolbox", "tomopy"} or path.stem == "tomopy", name
            continue
        assert tuple(version.split(".")) in here, name


def _requirements() -> str:
    return (ROOT / "requirements.txt").read_text()


def test_requirements_have_hashes_and_name_no_host():
    text = _requirements()
    assert "--hash=sha256:" in text
    assert "://" not in text
