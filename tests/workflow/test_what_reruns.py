"""One byte edited in any input reruns its stages and their followers; a move or copy nothing.

No stage computes anything here: a stand-in writes its files. What is planned depends on the
fingerprints of the inputs alone, as it does after a real run.
"""

from __future__ import annotations

import csv
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
    "overrides": {
        "known": {"align": {"apply": "data/other.xf"}},
        "folder": {"align": {"review": "data/folder.review.yaml"}},
    },
}
FILES = (
    *("data/mdoc.mrc", "data/mdoc.mrc.mdoc", "data/known.tif", "data/angles of it.txt"),
    *(f"data/folder/image_{number}.tif" for number in range(1, 6)),
    *("data/other.xf", "data/other.tlt", "data/folder.review.yaml", "data/phantom.yaml"),
    *(f"data/{folder}/slice_{number}.tif" for folder in ("slices", "labels") for number in (1, 2)),
    *("data/user.tif", "data/scores.tif", "a.keras", "b.keras", "start.keras"),
)
# Writes all files of the folder of the record that it is told to write, one that no rule names,
# and the list of them; a report describes the folder above, too. A stage that is named in
# fails.txt ends with an error.
STAND_IN = """
import pathlib, sys
record = pathlib.Path(sys.argv[sys.argv.index("--output") + 1])
if pathlib.Path("fails.txt").is_file() and sys.argv[1] == pathlib.Path("fails.txt").read_text():
    sys.exit(f"catomo {sys.argv[1]}: it was told to fail")
names = [pathlib.Path(name) for name in pathlib.Path("outputs.txt").read_text().splitlines()]
names = [name for name in names if name.parent == record.parent] + [record.parent / "more/x.txt"]
for name in names:
    name.parent.mkdir(exist_ok=True)
    name.write_text(str(name))
listed = [name.relative_to(record.parent).as_posix() for name in names]
(record.parent / f".{sys.argv[1]}.files").write_text("\\n".join(listed) + "\\n")
if sys.argv[1] == "report":
    (record.parent.parent / "ro-crate-metadata.json").write_text("{}")
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
    "angles of a known alignment, a review and a model to start from": {
        "data/other.tlt": (3, jobs(FROM_ALIGN, "known")),
        "data/folder.review.yaml": (3, jobs(FROM_ALIGN, "folder")),
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


LOST = {
    "results/mdoc/04_slices": jobs(("slices", *FROM_PREDICT), "mdoc"),  # a whole folder
    "results/folder/02_align/aligned.tif": jobs(FROM_ALIGN, "folder"),
    "results/known/08_surfaces/more/x.txt": jobs(("surfaces", "report"), "known"),
    "results/known/01_tilt_series/more/x.txt": jobs(FROM_IMPORT, "known"),
    "results/phantom/01_tilt_series/tilt_series.json": jobs(("simulate", *FROM_ALIGN), "phantom"),
    "results/models/learned/05_train/model.keras": TRAINED,
    "results/scored/07_evaluate": jobs(("evaluate", "report"), "scored"),
}


@pytest.fixture
def lost(made, tmp_path):
    """Folders and files of stages moved away, though all that was made from them is there."""
    for number, name in enumerate(LOST):
        (made.folder / name).rename(tmp_path / str(number))
    yield made
    for number, name in enumerate(LOST):
        (tmp_path / str(number)).rename(made.folder / name)


def test_what_is_lost_is_made_again_with_its_followers_alone(lost):
    assert lost.planned() == set().union(*LOST.values())
    said = lost.snakemake("--dry-run", "--quiet").stderr
    assert "results/folder/02_align: aligned.tif is missing though the record lists it" in said
    assert "results/known/08_surfaces: more/x.txt is missing" in said
    # What programs read holds no word of it.
    for flag in ("--summary", "--dry-run", "--list-target-rules"):
        assert "missing though" not in lost.snakemake(flag).stdout
    # A stopping point, and a file, ask for what they depend on alone.
    of_aligned = {"align folder", "simulate phantom", "align phantom"}
    of_aligned |= {"import_tilt_series known", "align known"}
    assert lost.planned("aligned") == of_aligned
    surfaces = "results/mdoc/08_surfaces/quantities.json"
    assert lost.planned(surfaces) == jobs(("slices", "predict", "surfaces"), "mdoc")
    series = "results/known/01_tilt_series/tilt_series.tif"  # its stage has no input at all
    assert lost.planned(series) == {"import_tilt_series known"}
    assert lost.planned("results/scored/08_surfaces/particles.csv") == set()


LET_GO = {"mdoc": "02_align/aligned.tif", "known": "03_reconstruct/volume.tif"}


def test_what_was_let_go_is_made_again_only_when_a_later_stage_must_read_it(made, tmp_path):
    for dataset, name in LET_GO.items():
        path = made.folder / "results" / dataset / name
        path.rename(tmp_path / dataset)
        entry = f'{{"files": {{"{path.name}": {{"sha256": "", "bytes": 1}}}}}}'
        (path.parent / "pruned.json").write_text(entry)
    changes = {"mdoc": {"reconstruct": {"iterations": 3}}, "known": {"slices": {"suggest": 5}}}
    overrides = {
        name: {**CONFIG["overrides"].get(name, {}), **changes.get(name, {})}
        for name in (CONFIG["overrides"] | changes)
    }
    try:
        assert made.planned() == set()
        made.write("config/config.yaml", yaml.safe_dump(CONFIG | {"overrides": overrides}))
        of_known = jobs(("reconstruct", "slices", *FROM_PREDICT), "known")
        assert made.planned() == jobs(FROM_ALIGN, "mdoc") | of_known
    finally:
        made.write("config/config.yaml", yaml.safe_dump(CONFIG))
        for dataset, name in LET_GO.items():
            (tmp_path / dataset).rename(made.folder / "results" / dataset / name)
            (made.folder / "results" / dataset / name).with_name("pruned.json").unlink()


def test_a_stage_that_fails_is_planned_again_whatever_lies_after_it(made, tmp_path):
    """Its old results are gone, those after it still lie there and fit no longer."""
    project = Project(tmp_path / "project")
    shutil.rmtree(project.folder)
    shutil.copytree(made.folder, project.folder, copy_function=shutil.copy2)
    overrides = {**CONFIG["overrides"], "mdoc": {"reconstruct": {"iterations": 3}}}
    project.write("config/config.yaml", yaml.safe_dump(CONFIG | {"overrides": overrides}))
    project.write("fails.txt", "reconstruct")
    run = project.snakemake()
    assert run.returncode == 1
    assert "it was told to fail (see logs/mdoc/reconstruct.log)" in run.stderr
    assert "results/summary.html: says which datasets failed, and why" in run.stderr
    assert '<table id="datasets">' in (project.folder / "results/summary.html").read_text()
    expected = jobs(("reconstruct", "slices", *FROM_PREDICT), "mdoc")
    assert project.planned() == expected
    project.write("config/config.yaml", yaml.safe_dump(CONFIG))
    assert project.planned() == expected  # also with the settings of before
    (project.folder / "fails.txt").unlink()
    assert project.snakemake().returncode == 0
    assert project.planned() == set()


def test_a_run_that_stops_leaves_no_old_numbers_as_complete(made, tmp_path):
    """Of two series that changed, the first fails and the other is not reached."""
    project = Project(tmp_path / "project")
    shutil.rmtree(project.folder)
    shutil.copytree(made.folder, project.folder, copy_function=shutil.copy2)
    for name in ("data/mdoc.mrc", "data/known.tif"):
        project.write(name, "another series\n")
    project.write("fails.txt", "import")
    assert project.snakemake("--cores", "1", "summary").returncode == 1
    with open(project.folder / "results/summary.csv", newline="", encoding="utf-8") as file:
        rows = {row["dataset"]: row for row in csv.DictReader(file)}
    told = {(rows[n]["state"], rows[n]["line"].rpartition(": ")[2]) for n in ("mdoc", "known")}
    assert told == {
        ("failed", "it was told to fail"),
        ("out of date", "was to be made again, and was not"),
    }


def test_the_settings_of_one_dataset_rerun_no_other(made):
    overrides = {**CONFIG["overrides"], "user": {"slices": {"suggest": 5}}}
    made.write("config/config.yaml", yaml.safe_dump(CONFIG | {"overrides": overrides}))
    try:
        assert made.planned() == jobs(("slices", *FROM_PREDICT), "user")
    finally:
        made.write("config/config.yaml", yaml.safe_dump(CONFIG))


def planned_with_summary(project: Project) -> tuple[set[str], bool]:
    """Return the jobs of a dry run, and whether the summary of all datasets is among them."""
    run = project.snakemake("--dry-run")
    return project.jobs_in(run), "rule summary:" in run.stdout + run.stderr


def test_a_group_touches_the_summary_alone_and_a_title_the_page_too(made):
    header, *rows = ROWS.splitlines()
    of_group = "\n".join([f"{header}\tgroup", *(f"{row}\tfresh" for row in rows)]) + "\n"
    turned = "\n".join([header, *rows[::-1]]) + "\n"
    overrides = {**CONFIG["overrides"], "user": {"report": {"title": "Batch 7"}}}
    try:
        made.write("config/datasets.tsv", turned)
        assert planned_with_summary(made) == (set(), False)
        made.write("config/datasets.tsv", of_group)
        assert planned_with_summary(made) == (set(), True)
        made.write("config/datasets.tsv", ROWS)
        made.write("config/config.yaml", yaml.safe_dump(CONFIG | {"overrides": overrides}))
        assert planned_with_summary(made) == ({"report user"}, True)
    finally:
        made.write("config/datasets.tsv", ROWS)
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
