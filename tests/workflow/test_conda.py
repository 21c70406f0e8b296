"""`snakemake --use-conda` with a test double of conda: what the environments list is enough.

The double (helpers/conda.py) takes the packages from the Python of the tests. That conda-forge has
them and solves them is seen with a real conda alone.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from conftest import ROOT, Project
from faults.place import CONFIG, HEADER, ROWS
from helpers import conda

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="the stand-in for conda is a shell script"),
]


@pytest.fixture
def small(project, tmp_path) -> tuple[Project, dict[str, str]]:
    """A small phantom through all nine stages, and the environment in which conda is found."""
    shutil.copy(ROOT / "tests/faults/small.yaml", project.folder)
    project.write("config/datasets.tsv", HEADER + ROWS["whole"])
    project.write("config/config.yaml", CONFIG)
    return project, {"PATH": conda.install(tmp_path / "conda")}


def test_all_stages_run_with_what_their_environments_list(small, tmp_path):
    project, environment = small
    run = project.snakemake("--use-conda", **environment)
    assert run.returncode == 0, run.stdout + run.stderr
    asked = (tmp_path / "conda" / "asked.txt").read_text().splitlines()
    created = [line for line in asked if line.startswith("env create")]
    assert len(created) == 4  # io, reconstruct, segment, surfaces; nobody asks for tomopy
    made = list((project.folder / ".snakemake/conda").glob("*/bin/python"))
    assert len(made) == len(created)
    assert "9 stages" in project.catomo("verify").stdout
    again = project.snakemake("--use-conda", **environment)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_package_that_no_environment_lists_is_not_found(small):
    project, environment = small
    lists = project.folder / "envs" / "io.yaml"
    lines = lists.read_text().splitlines()
    lists.write_text("\n".join(line for line in lines if "pydantic" not in line))
    target = "results/p/01_tilt_series/tilt_series.json"
    run = project.snakemake("--use-conda", target, **environment)
    assert run.returncode == 1, run.stdout
    log = Path(project.folder / "logs/p/simulate.log").read_text()
    assert "No module named 'pydantic'" in log
