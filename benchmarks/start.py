"""How long `catomo check` and `snakemake -n` take where nothing changed, of two checkouts.

    python benchmarks/start.py OTHER_CHECKOUT [NUMBER_OF_DATASETS]

Each checkout gets a folder with that many small tilt series, their angle files, and results of
`import` as far as a start looks at them: records, empty files, and Snakemake's own notes, which
come from a run with a program that copies these files instead of importing. Both start three
times in turn, after one start that does not count; printed are the medians.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

HERE = Path(__file__).resolve().parents[1]
HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
OUTPUTS = ("tilt_series.json", "tilt_series.tif", "tilt_series.png")
COMMANDS = {
    "catomo check": ["-m", "catomo", "check"],
    "snakemake -n": ["-m", "snakemake", "--cores", "1", "-n", "imported"],
}
SNAKEFILE = """
include: "{checkout}/Snakefile"
import os
os.environ["CATOMO_PYTHON"] = "{program}"

rule imported:
    input: [record("import", name) for name in PLAN.datasets]
"""
# "$CATOMO_PYTHON" "$CATOMO_PACKAGE" import … --output results/NAME/01_tilt_series/…
PROGRAM = """#!/bin/sh
while [ "$1" != --output ]; do shift; done
cp -r made/"$(basename "$(dirname "$(dirname "$2")")")"/. "$(dirname "$2")"
"""


def _run(checkout: Path, folder: Path, arguments: list[str]) -> float:
    """Return the seconds that a command of a checkout takes in a folder."""
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(checkout / "workflow")},
        capture_output=True,
        text=True,
        check=False,
    )
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    assert "-n" not in arguments or ("Nothing to be done" in said and "missing" not in said), said
    return time.perf_counter() - start


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _make(checkout: Path, folder: Path, count: int) -> None:
    """Write tables, data and results into a folder."""
    rng = np.random.default_rng(1)
    images = rng.normal(100, 5, (9, 64, 64)).astype(np.float32)
    angles = "".join(f"{angle}\n" for angle in range(-60, 61, 15))
    rows = HEADER
    (folder / "config").mkdir(parents=True)
    for number in range(count):
        name = f"d{number:04d}"
        data = folder / "data" / name
        data.mkdir(parents=True)
        images[0, 0, 0] = number
        tifffile.imwrite(data / "series.tif", images, photometric="minisblack")
        (data / "angles.tlt").write_text(angles)
        rows += f"{name}\ttilt_series\tdata/{name}/series.tif\tdata/{name}/angles.tlt\t0.5\n"
        inputs = {
            "series": {"file": "series.tif", "sha256": _sha256(data / "series.tif")},
            "angles": {"file": "angles.tlt", "sha256": _sha256(data / "angles.tlt")},
        }
        made = folder / "made" / name
        made.mkdir(parents=True)
        for file in OUTPUTS:
            (made / file).touch()
        record = {"stage": "import", "code": "", "settings": {}, "inputs": inputs, "files": {}}
        (made / OUTPUTS[0]).write_text(json.dumps(record))
    (folder / "config/datasets.tsv").write_text(rows)
    (folder / "config/config.yaml").write_text("{}\n")
    program = folder / "program.sh"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    (folder / "Snakefile").write_text(SNAKEFILE.format(checkout=checkout, program=program))
    _run(checkout, folder, ["-m", "snakemake", "--cores", "4", "imported"])


def main() -> None:
    """Print a line per command."""
    other = Path(sys.argv[1]).resolve()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    place = Path(tempfile.mkdtemp())
    checkouts = {"other": other, "this": HERE}
    try:
        for name, checkout in checkouts.items():
            _make(checkout, place / name, count)
        for command, arguments in COMMANDS.items():
            seconds: dict[str, list[float]] = {name: [] for name in checkouts}
            for turn in range(4):
                for name, checkout in checkouts.items():
                    taken = _run(checkout, place / name, arguments)
                    if turn:
                        seconds[name].append(taken)
            before, now = (statistics.median(seconds[name]) for name in checkouts)
            print(
                f"{command}, {count} datasets: other {before:.2f} s, this {now:.2f} s, "
                f"ratio {now / before:.2f}",
                flush=True,
            )
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
