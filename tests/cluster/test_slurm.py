"""The Slurm profile as it is shipped, on a real Slurm of two nodes: `make cluster`.

One run does it all: a phantom that goes through, with one of its jobs killed; a specimen that
is wrong; and a reconstruction whose backend is not installed, which needs a GPU.
"""

import filecmp
import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
import yaml

from cluster import slurm
from conftest import ROOT, Project

PROFILE = ("--workflow-profile", "workflow/profiles/slurm")
GPUS = ("--set-resources", "train:gpu=1", "predict:gpu=1")
HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
ROWS = (
    "tiny\tphantom\ttiny.yaml\t\t\ttruth\ttiny\tyes\n"
    "wrong\tphantom\twrong.yaml\n"
    "card\tphantom\ttiny.yaml\n"
)
CONFIG = {
    "reconstruct": {"iterations": 5},
    "slices": {"suggest": 24},
    "train": {"steps": 30, "batch_size": 2, "network": {"base_filters": 4, "levels": 3}},
    "overrides": {"card": {"reconstruct": {"backend": "cuda"}}},
}
MOST_SECONDS = 1500


def _project(folder: Path) -> Project:
    project = Project(folder)
    shutil.copy(ROOT / "tests/workflow/tiny.yaml", folder / "tiny.yaml")
    project.write("wrong.yaml", "shape_px: [1, 2]\n")
    project.write("config/datasets.tsv", HEADER + ROWS)
    project.write("config/config.yaml", yaml.safe_dump(CONFIG))
    return project


def _kill_once(folder: Path, words: str, done: threading.Event) -> None:
    """Kill the first process whose command line names the folder and holds some words."""
    while not done.wait(0.05):
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it has just ended
                continue
            if "python" in command.split(" ")[0] and f"{folder}/workflow/catomo {words}" in command:
                os.kill(int(file.parent.name), signal.SIGKILL)
                done.set()
                return


class Runs:
    """The same project run by Slurm and on this machine alone, and what both took."""

    def __init__(self, folder: Path):
        self.slurm, self.local = _project(folder / "slurm"), _project(folder / "local")
        killed = threading.Event()
        killer = threading.Thread(
            target=_kill_once,
            args=(self.slurm.folder, "reconstruct results/tiny/", killed),
        )
        killer.start()
        start = time.monotonic()
        self.output = self.slurm.run("snakemake", *PROFILE, *GPUS)
        self.slurm_seconds = time.monotonic() - start
        self.killed = killed.is_set()
        killed.set()
        killer.join()
        self.jobs = slurm.jobs()
        start = time.monotonic()
        self.local_output = self.local.snakemake()
        self.local_seconds = time.monotonic() - start

    def of(self, rule: str, dataset: str) -> list[slurm.Job]:
        """Return the jobs of a rule and a dataset in the order in which they were submitted."""
        return [job for job in self.jobs if job.comment == f"rule_{rule}_wildcards_{dataset}"]

    def seconds(self, job: slurm.Job) -> float | None:
        """Return how long the stage alone took in the last job of its kind."""
        rule, _, dataset = job.comment.removeprefix("rule_").partition("_wildcards_")
        owner = f"models/{dataset}" if rule == "train" else dataset
        file = self.slurm.folder / "logs" / owner / f"{rule}.benchmark.jsonl"
        if job.state != "COMPLETED" or not file.is_file():
            return None
        return json.loads(file.read_text().splitlines()[-1])["s"]

    def table(self) -> str:
        """Return all jobs as lines for a person, and what both runs took."""
        lines = ["job  state      node  cores  GPUs  memory MB  in Slurm s  stage s  rule, dataset"]
        for job in self.jobs:
            own = self.seconds(job)
            alone = "" if own is None else f"{own:.1f}"
            lines.append(
                f"{job.number:3d}  {job.state:9s}  {job.node:4s}  {job.cores:5d}  {job.gpus:4d}  "
                f"{job.memory_mb:9d}  {job.seconds:10d}  {alone:>7s}  "
                f"{job.comment.removeprefix('rule_').replace('_wildcards_', ', ')}"
            )
        in_slurm = sum(job.seconds for job in self.jobs if self.seconds(job) is not None)
        alone = sum(self.seconds(job) or 0 for job in self.jobs)
        number = sum(self.seconds(job) is not None for job in self.jobs)
        lines.append(
            f"{number} finished jobs: {in_slurm} s in Slurm, {alone:.0f} s of them in the stages; "
            f"{(in_slurm - alone) / max(number, 1):.1f} s more for each job. The whole run "
            f"{self.slurm_seconds:.0f} s by Slurm, {self.local_seconds:.0f} s on two cores here."
        )
        return "\n".join(lines)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Runs:
    if not os.environ.get("CATOMO_CLUSTER"):
        pytest.skip("`make cluster` starts a Slurm of two nodes and runs these tests")
    if slurm.missing():
        pytest.skip(slurm.missing())
    pytest.importorskip("snakemake_executor_plugin_slurm")
    folder = tmp_path_factory.mktemp("cluster")
    with slurm.slurm(folder):
        runs = Runs(folder)
    print(f"\n{runs.table()}")
    return runs


def test_all_is_done_but_what_cannot_be(runs):
    assert runs.output.returncode == 1
    verified = runs.slurm.catomo("verify", "results/tiny")
    assert verified.returncode == 0, runs.output.stderr
    assert runs.slurm.catomo("verify", "results/models").returncode == 0
    assert not list(runs.slurm.folder.glob("results/wrong/*/*.json"))
    assert not list(runs.slurm.folder.glob("results/card/03_reconstruct/*.json"))


def test_jobs_run_on_both_nodes_and_ask_for_no_more_than_a_node_has(runs):
    assert {job.node for job in runs.jobs} == {slurm.GPU_NODE, slurm.CPU_NODE}
    assert max(job.cores for job in runs.jobs) == slurm.CORES
    assert max(job.memory_mb for job in runs.jobs) <= slurm.MEMORY_MB


def test_jobs_that_ask_for_a_gpu_go_to_the_node_that_has_one(runs):
    with_gpu = [job for job in runs.jobs if job.gpus]
    assert {job.comment for job in with_gpu} == {
        "rule_train_wildcards_tiny",
        "rule_predict_wildcards_tiny",
        "rule_reconstruct_wildcards_card",  # its backend is named
    }
    assert {job.node for job in with_gpu} == {slurm.GPU_NODE}


def test_a_killed_job_is_tried_again_with_more_memory(runs):
    assert runs.killed
    first, second = runs.of("reconstruct", "tiny")
    assert (first.state, second.state) == ("FAILED", "COMPLETED")
    assert second.memory_mb == min(2 * first.memory_mb, slurm.MEMORY_MB)


@pytest.mark.parametrize(
    ("rule", "dataset", "says"),
    [("simulate", "wrong", "wrong.yaml"), ("reconstruct", "card", "cuda")],
)
def test_what_the_user_has_to_mend_is_not_tried_again(runs, rule, dataset, says):
    [job] = runs.of(rule, dataset)
    assert job.state == "FAILED"
    log = (runs.slurm.folder / "logs" / dataset / f"{rule}.log").read_text()
    assert f"catomo {rule}: " in log.splitlines()[-1]
    assert says in log


def test_the_results_are_those_of_a_run_on_this_machine(runs):
    places = [project.folder / "results" for project in (runs.slurm, runs.local)]
    names = [
        {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
        for place in places
    ]
    assert names[0] == names[1]
    _, different, unread = filecmp.cmpfiles(*places, sorted(names[0]), shallow=False)
    assert (different, unread) == ([], [])
