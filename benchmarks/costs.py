"""What each stage takes in memory, disk and time, beside what `catomo check` estimates.

    PYTHONPATH=workflow .venv/bin/python benchmarks/costs.py tests/workflow/tiny.yaml \
        resources/phantoms/demo-128.yaml

Each specimen goes through all nine stages on two cores, with the settings of config/config.yaml.
Memory is the peak of the resident memory of all processes of a verb, sampled every 50 ms: what
Slurm counts. Disk is the size of the stage's folder of results. Each cell holds the estimate, the
measured value and their ratio. With --quick there are fewer iterations and steps: memory and disk
stay the same, times are no results. Time is that of all cores together, in seconds of CPU.
"""

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path

import psutil
import yaml

from catomo.plan.check import data_problems
from catomo.plan.costs import costs
from catomo.plan.plan import load_plan
from catomo.stages import STAGES, record_path

ROOT = Path(__file__).resolve().parents[1]
HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"


class Watch(threading.Thread):
    """Watches the verbs below a process: their peak of memory, and their CPU time."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.parent = psutil.Process(pid)
        self.memory: dict[str, int] = defaultdict(int)
        self.seconds: dict[str, float] = defaultdict(float)
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            try:
                self._look()
            except psutil.Error:  # a process ended while it was looked at
                continue

    def _look(self) -> None:
        for process in self.parent.children(recursive=True):
            words = process.cmdline()
            if len(words) < 3 or "python" not in words[0] or not words[1].endswith("/catomo"):
                continue
            family = [process, *process.children(recursive=True)]
            total = sum(one.memory_info().rss for one in family)
            verb = words[2]
            self.memory[verb] = max(self.memory[verb], total)
            self.seconds[verb] = max(self.seconds[verb], sum(process.cpu_times()[:4]))


def measure(specimen: Path, folder: Path, quick: bool) -> list[dict]:
    """Run a specimen through all stages in a folder; return one row for each estimated stage."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    if quick:
        config["overrides"]["phantom"]["reconstruct"]["iterations"] = 3
        config["overrides"]["phantom"]["train"]["steps"] = 8
    (folder / "config").mkdir()
    shutil.copy(specimen, folder / "specimen.yaml")
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config))
    (folder / "config/datasets.tsv").write_text(
        f"{HEADER}phantom\tphantom\tspecimen.yaml\t\t\ttruth\tphantom\tyes\n"
    )
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", "all"]
    run = subprocess.Popen([*command, "--snakefile", str(ROOT / "Snakefile")], cwd=folder)
    watch = Watch(run.pid)
    watch.start()
    code = run.wait()
    watch.over.set()
    watch.join()
    if code:
        sys.exit(f"{specimen}: the run ended with status {code}")
    return _rows(watch, folder)


def _rows(watch: Watch, folder: Path) -> list[dict]:
    with contextlib.chdir(folder):
        plan, problems = load_plan(["config/config.yaml"], {})
        assert not problems, problems
        [dataset] = plan.datasets.values()
        _, data, _ = data_problems(dataset, plan)
        estimated = {cost.stage: cost for cost in costs(dataset, plan, data)}
    rows = []
    for stage in STAGES:
        if stage.verb not in watch.memory:
            continue
        place = folder / record_path(stage.verb, "phantom")
        disk = sum(file.stat().st_size for file in place.parent.rglob("*") if file.is_file())
        cost = estimated.get(stage.verb)
        rows.append(
            {
                "stage": stage.verb,
                "memory_gb": [cost and cost.memory / 1e9, watch.memory[stage.verb] / 1e9],
                "disk_mb": [cost and cost.disk / 1e6, disk / 1e6],
                "seconds": [cost and cost.seconds, watch.seconds[stage.verb]],
            }
        )
    return rows


def _cell(pair: list[float | None]) -> str:
    estimate, found = pair
    if estimate is None:
        return f"– / {found:.2f}"
    return f"{estimate:.2f} / {found:.2f} = {estimate / max(found, 1e-9):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("specimens", type=Path, nargs="+")
    parser.add_argument("--quick", action="store_true", help="few iterations and steps")
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    figures = {}
    for specimen in options.specimens:
        shape = yaml.safe_load(specimen.read_text())["shape_px"]
        with tempfile.TemporaryDirectory() as folder:
            rows = measure(specimen.resolve(), Path(folder), options.quick)
        size = " × ".join(map(str, shape))
        figures[f"{specimen.name} {size}"] = rows
        print(f"\n{specimen.name}, {size}: estimated / measured = ratio\n")
        print("| stage | memory GB | disk MB | time s |\n| --- | --- | --- | --- |")
        for row in rows:
            cells = " | ".join(_cell(row[key]) for key in ("memory_gb", "disk_mb", "seconds"))
            print(f"| {row['stage']} | {cells} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
