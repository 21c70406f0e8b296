"""The notebooks: stored without outputs; their cells run in order and write nothing.

A cell with the tag ``needs-<package>`` is left out where that package is not installed.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def _cells(path: Path) -> list[dict]:
    book = json.loads(path.read_text())
    return [cell for cell in book["cells"] if cell["cell_type"] == "code"]


def _is_runnable(cell: dict) -> bool:
    needed = [tag.removeprefix("needs-") for tag in cell["metadata"].get("tags", [])]
    return all(find_spec(package) for package in needed)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path):
    for cell in _cells(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_cells_of_a_notebook_run_and_write_nothing(path, tmp_path):
    cells = ["".join(cell["source"]) for cell in _cells(path) if _is_runnable(cell)]
    run = subprocess.run(
        [sys.executable, "-c", "\n\n".join(cells)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow"), "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert list(tmp_path.iterdir()) == []
