"""What pip installs: the package's imports are declared, pins and version come from one place."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import catomo

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKED = ("workflow", "train", "surfaces")

# The distribution of a package, where that is not its import name.
DISTRIBUTION = {
    "keras": "tensorflow",
    "mpl_toolkits": "matplotlib",
    "pydantic_core": "pydantic",
    "rsciio": "rosettasciio",
    "skimage": "scikit-image",
    "astra": "astra-toolbox",
    "cupy": "cupy-cuda13x",
    "cupyx": "cupy-cuda13x",
    "vtk": "pyvista",
    "vtkmodules": "pyvista",
    "yaml": "pyyaml",
}
# Imported where present, and installed with conda alone.
CONDA_ONLY = {"tomopy"}


def _names(requirements):
    return {re.match(r"[\w-]+", text)[0].lower() for text in requirements}


def _imported():
    """Return the third-party packages that any module of catomo imports, anywhere in it."""
    found = set()
    for path in Path(catomo.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"catomo"}


def test_everything_that_is_imported_is_declared():
    imported = _imported() - CONDA_ONLY
    declared = _names(PROJECT["dependencies"]).union(*map(_names, EXTRAS.values()))
    assert {DISTRIBUTION.get(name, name) for name in imported} <= declared


def test_requirements_lock_the_core_and_the_extras_of_the_workflow():
    text = (ROOT / "requirements.txt").read_text()
    locked = set(re.findall(r"^([\w-]+)==", text, re.MULTILINE))
    wanted = _names(PROJECT["dependencies"]).union(*(_names(EXTRAS[name]) for name in LOCKED))
    assert wanted <= locked
    makefile = (ROOT / "Makefile").read_text()
    assert set(re.findall(r"--extra (\w+)", makefile)) == set(LOCKED)


def test_the_version_stands_in_one_place():
    assert PROJECT["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", catomo.__version__)
    assert "\nversion:" not in (ROOT / "CITATION.cff").read_text()


def test_the_list_of_licences_names_one_for_every_package_of_the_core():
    program = ROOT / "resources" / "licences.py"
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    head, *rows = (line.split("\t") for line in run.stdout.splitlines())
    assert head == ["package", "version", "licence", "home page"]
    licences = {name.lower().replace("_", "-"): licence for name, _, licence, _ in rows}
    core = _names(PROJECT["dependencies"])
    assert core <= licences.keys()
    assert all(len(licences[name]) > 2 for name in core)
    assert "BSD" in licences["numpy"]
