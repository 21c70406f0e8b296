"""The front door: every name of `catomo.__all__`, lazily, documented, writing nothing."""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import catomo

ROOT = Path(__file__).parents[2]
PACKAGE = Path(catomo.__file__).parent
NAMES = {
    "score_labels",
    "reconstruct_volume",
    "TiltSeries",
    "read_tilt_series",
    "align_tilts",
    "project",
    "back_project",
    "mlem",
    "osem",
    "export_slices",
    "build_unet",
    "train_unet",
    "segment",
    "dice",
    "hausdorff_distance",
    "label_particles",
    "surface_mesh",
    "measure",
}
# What `pip install catomo` without extras does not bring.
EXTRAS = (
    "tensorflow", "keras", "pyvista", "vtk", "napari", "snakemake", "rsciio", "astra", "cupy"
)  # fmt: skip


def _python(program: str, folder: Path, **environment: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(PACKAGE.parent)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_all_names_are_there():
    assert set(catomo.__all__) == NAMES
    assert set(dir(catomo)) >= NAMES
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = catomo.no_such_name


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_name_is_documented_as_numpydoc(name):
    thing = getattr(catomo, name)
    assert thing.__name__ == name
    doc = inspect.getdoc(thing)
    sections = re.findall(r"^(\w+)\n-+$", doc, re.MULTILINE)
    if inspect.isclass(thing):
        assert "Attributes" in sections
        return
    assert {"Parameters", "Returns"} <= set(sections)
    described = doc.split("Parameters\n----------")[1]
    for parameter in inspect.signature(thing).parameters:
        assert re.search(rf"^[*\w, ]*\b{parameter}\b", described, re.MULTILINE), parameter


def test_importing_is_light(tmp_path):
    program = "import sys, catomo; print([m for m in sys.modules if m in ('numpy', 'pydantic')])"
    assert _python(program, tmp_path).strip() == "[]"


def test_type_checkers_see_the_modules_of_the_table():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    seen = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        for alias in node.names
    }
    assert seen == catomo._MODULES


@pytest.mark.slow
def test_without_the_extras_all_but_the_network_is_there(tmp_path):
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({EXTRAS}))\n"
        "import catomo\n"
        "for name in catomo.__all__:\n"
        "    try: getattr(catomo, name)\n"
        "    except ImportError as error: print(error)\n"
    )
    assert _python(program, tmp_path).splitlines() == [
        f"catomo.{name} needs {package}: pip install 'catomo[train]'"
        for name, package in (
            ("build_unet", "keras"),
            ("train_unet", "keras"),
            ("segment", "tensorflow"),
        )
    ]


@pytest.mark.slow
def test_without_an_extra_a_verb_says_which_one_it_needs(tmp_path):
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({EXTRAS}))\n"
        "from catomo.cli import main\n"
        "sys.stderr = sys.stdout\n"
        "try: main(['predict', 'slices', '--model', 'm', '--output', 'out'])\n"
        "except SystemExit as end: print(end.code)\n"
    )
    assert _python(program, tmp_path).splitlines() == [
        "catomo predict: keras is not installed; pip install 'catomo[train]'",
        "1",
    ]


RECONSTRUCT = """
import numpy as np, catomo
volume = np.zeros((2, 12, 12)); volume[:, 5:8, 4:7] = 1
tilts = np.arange(-60, 61, 10)
images = catomo.project(volume, tilts)
again = catomo.osem(images, tilts, iterations=2, subsets=3)
numbers = catomo.label_particles((again > 0.5).astype(np.uint8), 1)
print(numbers.max(), catomo.export_slices(again).dtype)
"""


@pytest.mark.slow
def test_nothing_is_written_where_one_is(tmp_path):
    """A folder of one's own, in which one may not write; compiled code is kept in the cache."""
    folder, cache = tmp_path / "here", tmp_path / "cache"
    folder.mkdir()
    folder.chmod(0o555)
    environment = {"XDG_CACHE_HOME": str(cache)}
    assert _python(RECONSTRUCT, folder, **environment).split() == ["1", "uint8"]
    assert list(folder.iterdir()) == []
    assert list(cache.rglob("*.nbi"))


@pytest.mark.slow
def test_without_a_home_compiled_code_is_among_temporary_files(tmp_path):
    file = tmp_path / "no folder"
    file.write_text("")
    environment = {"XDG_CACHE_HOME": str(file), "HOME": str(file), "TMPDIR": str(tmp_path)}
    program = "import os, catomo; catomo.project; print(os.environ['NUMBA_CACHE_DIR'])"
    place = Path(_python(program, tmp_path, **environment).strip())
    assert place.parent == tmp_path
    assert place.name.startswith("catomo-numba")
