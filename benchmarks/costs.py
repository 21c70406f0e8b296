"""What each stage takes in memory, disk and time, beside what `catomo check` estimates.

    PYTHONPATH=workflow .venv/bin/python benchmarks/costs.py tests/workflow/tiny.yaml \
        resources/phantoms/demo-128.yaml

Each specimen goes through all nine stages, with the settings of config/config.yaml.
Memory is the peak of the resident memory of all processes of a verb, sampled every 50 ms: what
Slurm counts. Disk is the size of the stage's folder of results. Each cell holds the estimate, the
measured value and their ratio. With --quick there are fewer iterations, steps and views: memory and
disk stay the same, times only compare. Time is that of all cores together, in seconds of CPU.

With --folder the results stay there, and what is there is not made again: large specimens can be
measured stage by stage with --until. With --model nothing is trained.
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


def measure(specimen: Path, folder: Path, options: argparse.Namespace) -> list[dict]:
    """Run a specimen through the stages in a folder; return one row for each estimated stage."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    settings = config["overrides"]["phantom"]
    if options.quick:
        settings["reconstruct"]["iterations"] = 3
        settings["train"]["steps"] = 8
        settings["predict"] = {"average": "none"}
    model, trains = "phantom", "yes"
    if options.model:
        model, trains = str(options.model.resolve()), "no"
        del settings["train"]
    (folder / "config").mkdir(parents=True, exist_ok=True)
    shutil.copy(specimen, folder / "specimen.yaml")
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config))
    (folder / "config/datasets.tsv").write_text(
        f"{HEADER}phantom\tphantom\tspecimen.yaml\t\t\ttruth\t{model}\t{trains}\n"
    )
    target = record_path(options.until, "phantom") if options.until else "all"
    command = [sys.executable, "-m", "snakemake", "--cores", str(options.cores), "--quiet", "all"]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--", target]
    run = subprocess.Popen(command, cwd=folder)
    watch = Watch(run.pid)
    watch.start()
    code = run.wait()
    watch.over.set()
    watch.join()
    if code:
        sys.exit(f"{specimen}: the run ended with status {code}")
    return _rows(_measured(watch, folder / "measured.json"), folder)


def _measured(watch: Watch, file: Path) -> dict[str, list[float]]:
    """Return memory and time of each verb, of earlier runs as well, and keep them in a file."""
    found = json.loads(file.read_text()) if file.is_file() else {}
    found |= {verb: [watch.memory[verb], watch.seconds[verb]] for verb in watch.memory}
    file.write_text(json.dumps(found))
    return found


def _rows(measured: dict[str, list[float]], folder: Path) -> list[dict]:
    with contextlib.chdir(folder):
        plan, problems = load_plan(["config/config.yaml"], {})
        assert not problems, problems
        [dataset] = plan.datasets.values()
        _, data, _ = data_problems(dataset, plan)
        estimated = {cost.stage: cost for cost in costs(dataset, plan, data)}
    rows = []
    for stage in STAGES:
        if stage.verb not in measured:
            continue
        place = folder / record_path(stage.verb, "phantom")
        disk = sum(file.stat().st_size for file in place.parent.rglob("*") if file.is_file())
        cost, (memory, seconds) = estimated.get(stage.verb), measured[stage.verb]
        rows.append(
            {
                "stage": stage.verb,
                "memory_gb": [cost and cost.memory / 1e9, memory / 1e9],
                "disk_mb": [cost and cost.disk / 1e6, disk / 1e6],
                "seconds": [cost and cost.seconds, seconds],
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
    parser.add_argument("--folder", type=Path, help="where results stay (default: nowhere)")
    parser.add_argument("--until", metavar="VERB", help="the last stage (default: all of them)")
    parser.add_argument("--model", type=Path, help="a model that labels; nothing is trained")
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    figures = {}
    for specimen in options.specimens:
        shape = yaml.safe_load(specimen.read_text())["shape_px"]
        with tempfile.TemporaryDirectory() as passing:
            folder = options.folder / specimen.stem if options.folder else Path(passing)
            rows = measure(specimen.resolve(), folder, options)
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
