"""The commands in the tutorial and the how-tos: each is run on a tiny sample, or says why not.

``make`` and ``snakemake`` are asked what they would do. A command whose block is marked with
``% not run: reason`` needs what is not here (a cluster, a window, a GPU); the options of ``catomo``
and ``snakemake``, and the extras that pip installs, are checked even then.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from typing import NamedTuple

import numpy as np
import pytest
import tifffile
from snakemake.cli import parse_args

from catomo import cli
from catomo.stages import STAGES
from conftest import ROOT, Project
from helpers.mrc import mrc
from helpers.segmentations import ball_on_slab

PAGES = sorted(page for part in ("tutorial", "how-to") for page in ROOT.glob(f"docs/{part}/*.md"))
BLOCK = re.compile(
    r"^( *)(?:% not run: ([^\n]+)\n\1)?```(bash|console|sh|shell)\n(.*?)^\1```$", re.M | re.S
)
TABLE = (
    "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
    "my_sample\ttilt_series\tdata/series.mrc\tdata/series.rawtlt\t0.12\n"
    "phantom\tphantom\tresources/phantoms/demo-128.yaml\t\t\ttruth\tphantom\tyes\n"
)
# Runs each command of Snakemake in a process of its own, and imports Snakemake only once.
RUN_SNAKEMAKE = """
import json, os, sys
from snakemake.cli import main
for number, words in enumerate(json.load(open("commands.json"))):
    if not os.fork():
        log = os.open(f"{number}.log", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1), os.dup2(log, 2)
        main(words)
    _, status = os.wait()
    if status:
        sys.exit(" ".join(words) + ": " + open(f"{number}.log").read())
"""


class Command(NamedTuple):
    """A command of a page, and why it is not run; empty if it is."""

    page: str
    text: str
    why_not: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)


def _commands() -> list[Command]:
    return [
        Command(page.stem, " ".join(line.split()), reason or "")
        for page in PAGES
        for _, reason, language, text in BLOCK.findall(page.read_text())
        for line in text.replace("\\\n", " ").splitlines()
    ]


COMMANDS = _commands()
RUN = sorted({command.text for command in COMMANDS if not command.why_not})


def _of(program: str) -> list[str]:
    return [text for text in RUN if text.split()[0] == program]


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Project:
    """A project in the state that the how-tos speak of, with a specimen of 24 slices."""
    project = Project(tmp_path_factory.mktemp("docs") / "project")
    labels = ball_on_slab()
    images = np.repeat(10 * labels.sum(axis=1, dtype=np.int16)[None], 13, axis=0)
    angles = "".join(f"{angle}\n" for angle in range(-60, 61, 10))
    for name, size_nm in (("data/series", 0.12), ("resources/needle/HAADF", 3.36)):
        project.write(f"{name}.rawtlt", angles)
        mrc(project.folder / f"{name}.mrc", images, size_nm)
    project.write("config/datasets.tsv", TABLE)
    for name, volume in (("segmented", labels), ("volume", 100 * labels)):
        tifffile.imwrite(project.folder / f"data/{name}.tif", volume, photometric="minisblack")
    for person, moved in (("my_sample", 0), ("second_person", 1)):
        folder = project.folder / "labels" / person
        folder.mkdir(parents=True)
        for number in range(8, 16):
            page = np.roll(labels[number], moved, axis=1)
            tifffile.imwrite(folder / f"slice_{number:04d}.tif", page, photometric="minisblack")
    return project


@pytest.fixture(scope="module")
def with_results(sample) -> Project:
    """The sample aligned, with slices and two scored segmentations, which are alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(sample.folder)
        patch.setenv("NUMBA_CACHE_DIR", str(sample.folder / "numba"))
        size = ["--pixel-size-nm", "0.12"]
        slices = "results/my_sample/04_slices"
        cli.main(["slices", "--stack", "data/volume.tif", "--output", slices, *size])
        made, labels = "results/one/06_segmentation", "labels/second_person"
        cli.main(["segmentation", "data/segmented.tif", "--output", made, *size])
        cli.main(["evaluate", made, "--labels", labels, "--output", "results/one/07_evaluate"])
        shutil.copytree("results/one", "results/other")
        series, aligned = "results/my_sample/01_tilt_series", "results/my_sample/02_align"
        angles = ["--angles", "data/series.rawtlt"]
        cli.main(["import", "data/series.mrc", *angles, "--output", series])
        cli.main(["align", series, "--output", aligned])
    return sample


def test_every_page_of_tasks_shows_commands_and_every_block_has_a_language():
    assert {page.stem for page in PAGES} >= {"own-data", "annotate", "cluster", "gpu", "compare"}
    for page in PAGES:
        text = page.read_text()
        fences = re.findall(r"^ *```(.*)$", text, re.M)
        assert all(fences[::2]), f"{page.name}: a block without a language hides its commands"
        assert not any(fences[1::2]), page.name


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.page}: {command.text}")
def test_a_command_has_the_options_that_it_is_given(command):
    program, *words = command.words
    if program == "catomo":
        cli.parser().parse_args(words)
    elif program == "snakemake":
        if "--workflow-profile" in words:  # it may name a plugin that is not installed
            place = words.index("--workflow-profile")
            assert (ROOT / words[place + 1] / "config.yaml").is_file()
            del words[place : place + 2]
        targets = parse_args(words)[1].targets
        points = {stage.stopping_point for stage in STAGES}
        assert all(target in points or target.startswith("results/") for target in targets)
    elif program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        for name in re.findall(r"(?:catomo|\.)\[(.*?)\]", command.text):
            assert set(name.split(",")) <= set(extras["optional-dependencies"])
    else:
        assert program == "make" or command.why_not


@pytest.mark.parametrize("text", _of("make"))
def test_make_knows_the_target(text):
    run = subprocess.run(
        [*text.split(), "-n"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("text", _of("catomo"))
def test_catomo_does_what_the_page_says(text, with_results, monkeypatch):
    monkeypatch.chdir(with_results.folder)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(with_results.folder / "numba"))
    words = shlex.split(text)[1:]
    cli.main(words)
    if "--output" in words:
        output = with_results.folder / words[words.index("--output") + 1]
        assert output.is_file() if output.suffix == ".html" else list(output.glob("*.json"))


@pytest.mark.slow
def test_snakemake_plans_what_the_page_says(sample):
    commands = [shlex.split(text.replace(" -n ", " "))[1:] for text in _of("snakemake")]
    plans = [words if "--unlock" in words else [*words, "-n"] for words in commands]
    plans = [words for number, words in enumerate(plans) if words not in plans[:number]]
    sample.write("commands.json", json.dumps(plans))
    sample.write("run_snakemake.py", RUN_SNAKEMAKE)
    run = sample.run("run_snakemake", PYTHONPATH="workflow:.")
    assert run.returncode == 0, run.stdout + run.stderr
    for number, words in enumerate(plans):
        log = (sample.folder / f"{number}.log").read_text()
        assert "--unlock" in words or "Job stats" in log, log
