"""One byte edited in any input reruns its stages and their followers; a move or copy nothing.

No stage computes anything here: a stand-in writes its files. What is planned depends on the
fingerprints of the inputs alone, as it does after a real run.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml

from conftest import Project

pytestmark = pytest.mark.slow

ROWS = """\
dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains
mdoc\ttilt_series\tdata/mdoc.mrc\t\t\t\ta.keras\tno
folder\ttilt_series\tdata/folder\t\t0.5\t\ta.keras\tno
known\ttilt_series\tdata/known.tif\tdata/angles of it.txt\t0.5\t\ta.keras\tno
phantom\tphantom\tdata/phantom.yaml\t\t\t\ta.keras\tno
taught\tslices\tdata/slices\t\t0.5\tdata/labels\tlearned\tyes
user\tslices\tdata/user.tif\t\t0.5\t\tlearned\tno
scored\tslices\tdata/user.tif\t\t0.5\tdata/scores.tif\tb.keras\tno
"""
CONFIG = {
    "train": {"init_from": "start.keras"},
    "overrides": {"known": {"align": {"apply": "data/other.xf"}}},
}
FILES = (
    *("data/mdoc.mrc", "data/mdoc.mrc.mdoc", "data/known.tif", "data/angles of it.txt"),
    *(f"data/folder/image_{number}.tif" for number in range(1, 6)),
    *("data/other.xf", "data/other.tlt", "data/phantom.yaml"),
    *(f"data/{folder}/slice_{number}.tif" for folder in ("slices", "labels") for number in (1, 2)),
    *("data/user.tif", "data/scores.tif", "a.keras", "b.keras", "start.keras"),
)
# Writes all files of the folder of the record that it is told to write.
STAND_IN = """
import pathlib, sys
record = pathlib.Path(sys.argv[sys.argv.index("--output") + 1])
for name in pathlib.Path("outputs.txt").read_text().splitlines():
    if pathlib.Path(name).parent == record.parent:
        pathlib.Path(name).write_text(name)
"""

FROM_PREDICT = ("predict", "surfaces", "report")
FROM_ALIGN = ("align", "reconstruct", "slices", *FROM_PREDICT)
FROM_IMPORT = ("import_tilt_series", *FROM_ALIGN)


def jobs(rules: tuple[str, ...], *datasets: str) -> set[str]:
    return {f"{rule} {dataset}" for rule in rules for dataset in datasets}


# Loose slices of a folder have no surfaces.
TRAINED = {
    *("train learned", "predict taught", "evaluate taught", "report taught"),
    *jobs(FROM_PREDICT, "user"),
}
# Which byte of which file is edited, and what is made again. What stands in one group is edited
# at once: no two of it have a job in common.
EDITS = {
    "first and last bytes": {
        "data/mdoc.mrc": (0, jobs(FROM_IMPORT, "mdoc")),
        "data/folder/image_5.tif": (-1, jobs(FROM_IMPORT, "folder")),
        "data/other.xf": (3, jobs(FROM_ALIGN, "known")),
        "data/phantom.yaml": (3, jobs(("simulate", *FROM_ALIGN), "phantom")),
        "data/scores.tif": (4, jobs(("evaluate", "report"), "scored")),
        "data/labels/slice_1.tif": (4, TRAINED),
    },
    "what lies beside and in the middle": {
        "data/mdoc.mrc.mdoc": (5, jobs(FROM_IMPORT, "mdoc")),
        "data/folder/image_3.tif": (5, jobs(FROM_IMPORT, "folder")),
        "data/angles of it.txt": (5, jobs(FROM_IMPORT, "known")),
        "data/slices/slice_2.tif": (-1, TRAINED | {"slices taught"}),
        "b.keras": (-1, jobs((*FROM_PREDICT, "evaluate"), "scored")),
    },
    "angles of a known alignment and a model to start from": {
        "data/other.tlt": (3, jobs(FROM_ALIGN, "known")),
        "start.keras": (-1, TRAINED),
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Project:
    project = Project(tmp_path_factory.mktemp("reruns") / "project")
    for name in FILES:
        project.write(name, f"this stands for {name}\n")
    project.write("config/datasets.tsv", ROWS)
    project.write("config/config.yaml", yaml.safe_dump(CONFIG))
    project.write("workflow/catomo/__main__.py", STAND_IN)
    summary = project.snakemake("--summary").stdout.splitlines()[1:]
    project.write("outputs.txt", "\n".join(line.split("\t")[0] for line in summary))
    run = project.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    return project


def edit(path: Path, place: int) -> None:
    """Change one byte of a file, and keep its size and its time."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=times)


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
def test_one_byte_reruns_exactly_its_stages_and_their_followers(made, edits):
    for name, (place, _) in edits.items():
        edit(made.folder / name, place)
    try:
        planned = made.planned()
    finally:
        for name, (place, _) in edits.items():
            edit(made.folder / name, place)
    assert planned == set().union(*(expected for _, expected in edits.values()))


def test_the_settings_of_one_dataset_rerun_no_other(made):
    overrides = {**CONFIG["overrides"], "user": {"slices": {"suggest": 5}}}
    made.write("config/config.yaml", yaml.safe_dump(CONFIG | {"overrides": overrides}))
    try:
        assert made.planned() == jobs(("slices", *FROM_PREDICT), "user")
    finally:
        made.write("config/config.yaml", yaml.safe_dump(CONFIG))


@pytest.mark.parametrize(
    ("copy", "without"),
    [(shutil.copy, ()), (shutil.copy2, (".snakemake", ".catomo"))],
    ids=["all with new times", "data and results beside another clone"],
)
def test_a_copy_has_nothing_to_do(made, tmp_path, copy, without):
    other = Project(tmp_path / "project")
    shutil.rmtree(other.folder)
    shutil.copytree(made.folder, other.folder, copy_function=copy, ignore=lambda _, names: without)
    assert other.planned() == set()
