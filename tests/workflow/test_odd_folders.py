"""The workflow and the data below folders whose names hold signs that shells and Python use."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml

from conftest import Project

ODD = "it's {here} Ü x"
HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
QUICK = {
    "reconstruct": {"iterations": 2},
    "slices": {"suggest": 24},
    "train": {"steps": 10, "batch_size": 2, "network": {"base_filters": 4, "levels": 3}},
    "surfaces": {"redraws": 0},
}
# As the table has it; ${DATA} is a variable, $odd and $(date) are none.
SERIES = "${DATA}/s\"e`r;i$(date) é/s'{x}.tif"
ANGLES = "${DATA}/$odd {0}.tlt"


@pytest.fixture
def project(tmp_path) -> Project:
    """A copy of the project below a folder with an odd name."""
    project = Project(tmp_path / ODD / "project")
    shutil.copy(Path(__file__).with_name("tiny.yaml"), project.folder / "tiny {x} 'y'.yaml")
    project.write("config/config.yaml", yaml.safe_dump(QUICK))
    return project


@pytest.fixture
def data(tmp_path) -> Path:
    """A tilt series and its angles in such a folder, with such names."""
    folder = tmp_path / ODD / "data"
    series = Path(SERIES.replace("${DATA}", str(folder)))
    series.parent.mkdir(parents=True)
    images = np.random.default_rng(1).normal(100, 5, (9, 32, 32)).astype(np.float32)
    tifffile.imwrite(series, images, photometric="minisblack")
    angles = "".join(f"{angle}\n" for angle in range(-60, 61, 15))
    Path(ANGLES.replace("${DATA}", str(folder))).write_text(angles)
    return folder


@pytest.mark.slow
def test_the_phantom_passes_all_stages_with_an_environment_in_the_folder(project):
    """As `make demo` does there: the environment's own Python runs Snakemake and the stages."""
    environment = project.folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    [packages] = environment.glob("lib/*/site-packages")
    (packages / "outer.pth").write_text("\n".join(p for p in sys.path if "site-packages" in p))
    row = "tiny\tphantom\ttiny {x} 'y'.yaml\t\t\ttruth\t\t\n"
    project.write("config/datasets.tsv", HEADER + row)
    run = subprocess.run(
        [environment / "bin/python", "-m", "snakemake", "--cores", "2"],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert (project.folder / "results/tiny/09_report/report.html").is_file()
    assert project.planned() == set()
    assert "all as recorded" in project.catomo("verify").stdout
    snakemakes_page = project.snakemake("--report", "report.html")
    assert snakemakes_page.returncode == 0, snakemakes_page.stdout + snakemakes_page.stderr


@pytest.mark.slow
def test_a_series_with_odd_names_is_imported_and_its_move_reruns_nothing(project, data):
    row = f"real\ttilt_series\t{SERIES}\t{ANGLES}\t0.5\n"
    project.write("config/datasets.tsv", HEADER + row)
    check = project.catomo("check", DATA=str(data))
    assert check.returncode == 0, check.stdout + check.stderr
    record = "results/real/01_tilt_series/tilt_series.json"
    run = project.snakemake(record, DATA=str(data))
    assert run.returncode == 0, run.stdout + run.stderr
    assert (project.folder / record).is_file()
    moved = data.rename(data.with_name("moved $HOME"))
    again = project.snakemake("--dry-run", record, DATA=str(moved))
    assert "Nothing to be done" in again.stdout + again.stderr


def test_every_path_of_the_table_reaches_the_command_as_one_word(project, data):
    labels, model = f"{data}/la'b\"els", f"{data}/m {{o}} $del.keras"
    for name in ("images.tif", "la'b\"els"):
        (data / name).write_bytes(b"")
    Path(model).write_bytes(b"")
    rows = [
        f"a\ttilt_series\t{SERIES}\t{ANGLES}\t0.5\t\t{model}\t",
        f"b\tslices\t{data}/images.tif\t\t0.5\t{labels}\t\tyes",
        f"c\tslices\t{data}/images.tif\t\t0.5\t{labels}\t{model}\tno",
        "p\tphantom\ttiny {x} 'y'.yaml",
    ]
    project.write("config/datasets.tsv", HEADER + "\n".join(rows) + "\n")
    run = project.snakemake("--dry-run", "--printshellcmds", DATA=str(data))
    assert run.returncode == 0, run.stdout + run.stderr
    words: dict[str, list[str]] = {}
    for line in re.findall(r'"\$CATOMO_PYTHON" .*', run.stdout + run.stderr):
        # What a shell makes of it, the redirection left out.
        command = line.partition(" > ")[0]
        shell = ["bash", "-euc", f'printf "%s\\0" {command}']
        said = subprocess.run(
            shell, env={"DATA": str(data), "CATOMO_PYTHON": "x", "CATOMO_PACKAGE": "y"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        _, _, verb, *arguments = said.stdout.split("\0")
        words.setdefault(verb, []).extend(arguments)
    expanded = {name: name.replace("${DATA}", str(data)) for name in (SERIES, ANGLES)}
    assert expanded[SERIES] in words["import"]
    assert expanded[ANGLES] in words["import"]
    assert "tiny {x} 'y'.yaml" in words["simulate"]
    assert f"{data}/images.tif" in words["slices"]
    for verb in ("slices", "train", "evaluate"):
        assert labels in words[verb]
    assert model in words["predict"]
    assert shlex.quote(labels) != labels  # it does need quoting
