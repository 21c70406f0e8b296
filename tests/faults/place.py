"""A small project with whole results, copied for every fault, and what may be asked of a copy."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from catomo.stages import STAGES, record_path, stage_of
from faults.forked import Run
from faults.processes import Cost, watch

ROOT = Path(__file__).parents[2]
# Of the dataset p, a phantom, and of its model m.
RECORDS = {
    stage.verb: record_path(stage.verb, "m" if stage.per_model else "p")
    for stage in STAGES
    if stage.verb not in ("import", "segmentation", "export")
}
HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
# The stages without a network take little time, so most faults of theirs are done without one.
ROWS = {
    "whole": "p\tphantom\tsmall.yaml\t\t\ttruth\tm\tyes\n",
    "short": "p\tphantom\tsmall.yaml\t\t\t\t\t\n",
}
SHORT = ("simulate", "align", "reconstruct", "slices", "report")
CONFIG = """\
reconstruct: {iterations: 2}
slices: {suggest: 8}
train: {steps: 4, batch_size: 2, network: {base_filters: 4, levels: 3}}
surfaces: {redraws: 0}
"""


def followers(there: Container[str], verb: str) -> set[str]:
    """Return a stage and those that are made from it, as far as their records are there."""
    stages = [v for v in RECORDS if RECORDS[v].removeprefix("results/") in there]
    later = stages[stages.index(verb) :]
    return {v for v in later if verb not in stage_of(v).does_without}


class Place:
    """A folder in which the workflow runs, with the rules of this repository.

    Attributes
    ----------
    folder : path
    targets : list of str
        What is asked for when a run names nothing: all, or a record.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.targets: list[str] = []

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(self, *arguments: str, environment: dict[str, str] | None = None) -> Run:
        """Start the workflow."""
        command = ("snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", *arguments)
        return Run(self.folder, command, environment or {})

    def snakemake(
        self, *arguments: str, environment: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Run the workflow; return status and what it said."""
        return self.start("--rerun-incomplete", *arguments, environment=environment).wait()

    def remove_after(self, verb: str) -> None:
        """Remove what was made from the results of a stage, and ask for its record alone."""
        later = followers(self.hashes(), verb) - {verb}
        for name in later:
            shutil.rmtree((self.folder / RECORDS[name]).parent)
        if "report" in later:
            (self.folder / "results/p/ro-crate-metadata.json").unlink()
        self.targets = [RECORDS[verb]]

    def planned(self) -> set[str]:
        """Return the rules that a dry run would run, without the summary of all datasets."""
        _, said = self.snakemake("--dry-run", *self.targets)
        lines = [line.split() for line in said.splitlines() if line.startswith(("rule", "localru"))]
        return {words[1].rstrip(":") for words in lines} - {"all", "summary"}

    def verified(self) -> tuple[int, str]:
        """Return status and line of `catomo verify`."""
        return Run(self.folder, ("catomo", "verify"), {}).wait()

    def hashes(self) -> dict[str, str]:
        """Return the sha256 of every file of the results that a stage lists, and of the records."""
        results = self.folder / "results"
        return {
            path.relative_to(results).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(results.rglob("*"))
            if path.is_file()
            and path.name != ".snakemake_timestamp"
            and not path.name.startswith(("summary.", ".summary."))
        }

    def cost(self, verb: str) -> Cost:
        """Return what a stage took when the whole results were made."""
        costs = json.loads((self.folder / "costs.json").read_text())
        return Cost(**costs[verb])


def make_base(folder: Path) -> Place:
    """Return a project whose results are whole, ``whole`` or ``short`` by the folder's name."""
    place = Place(folder)
    if (folder / "costs.json").is_file():
        return place
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("small.yaml"), folder)
    place.write("config/datasets.tsv", HEADER + ROWS[folder.name])
    place.write("config/config.yaml", CONFIG)
    costs = {}
    for verb in RECORDS if folder.name == "whole" else SHORT:
        run = place.start(RECORDS[verb])
        costs[verb] = asdict(watch(folder, verb, run))
        status, said = run.wait()
        assert status == 0, said
    assert place.planned() == set()
    place.write("costs.json", json.dumps(costs, indent=1))
    return place


@contextmanager
def copy_of(base: Place) -> Iterator[Place]:
    """Copy a project with its results, and remove the copy afterwards."""
    folder = base.folder.parent / f"copy of {base.folder.name}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base.folder, folder, symlinks=True)
    try:
        yield Place(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
