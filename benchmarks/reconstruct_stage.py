"""The stage `reconstruct` on a made-up aligned stack, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from reconstruct_peers import TILT_DEG, anonymous_gb, phantom_case

VOLUME = (702, 512, 1024)


def volume(folder: Path, quick: bool) -> dict:
    """Run the stage on a made-up aligned stack in a process of its own; return the figures."""
    rows, depth, width = (48 if quick else VOLUME[0], *VOLUME[1:])
    case = phantom_case(folder, (depth, width))
    run_stage(folder / "first", case, 8)  # compiles
    seconds, peak, cores = run_stage(folder / "measured", case, rows)
    print(
        f"## The stage `reconstruct`: {rows}x{depth}x{width}, 69 tilts, OSEM 10 subsets x 5, "
        "with the default prior\n"
    )
    print("| cores | seconds | anonymous memory, peak GB |\n|---|---|---|")
    print(f"| {cores} | {seconds:.1f} | {peak:.2f} |\n", flush=True)
    return {"volume_seconds": seconds, "volume_shape": [rows, depth, width], "peak_gb": peak}


def run_stage(
    folder: Path, case: Path, rows: int, backend: str = "cpu", cores: int = 2
) -> tuple[float, float, int]:
    """Run the stage on a stack of so many rows; return seconds, peak memory and cores."""
    if not (folder / "02_align" / "alignment.json").is_file():
        _write_alignment(folder / "02_align", case, rows)
    settings = {
        "backend": backend,
        "algorithm": "osem",
        "subsets": 10,
        "iterations": 5,
        "depth_nm": float(VOLUME[1]),
    }
    cores = min(cores, len(os.sched_getaffinity(0)))
    command = [sys.executable, "-m", "catomo", "reconstruct", str(folder / "02_align")]
    command += ["--output", str(folder / "03_reconstruct"), "--threads", str(cores)]
    command += ["--settings", json.dumps(settings)]
    workflow = Path(__file__).resolve().parents[1] / "workflow"
    places = [str(workflow), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    start, peak = time.perf_counter(), 0.0
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        while process.poll() is None:
            peak = max(peak, anonymous_gb(process.pid))
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit((folder / "log").read_text()[-2000:])
    return time.perf_counter() - start, peak, cores


def _write_alignment(folder: Path, case: Path, rows: int) -> None:
    """Write a `02_align` of counts whose brightness changes along the tilt axis."""
    from catomo.files.store import StackWriter
    from catomo.record.record import committing
    from catomo.settings.base import Settings

    sinogram = np.load(case)["sinogram"]
    profile = 0.5 + np.sin(np.pi * (np.arange(rows) + 0.5) / rows)
    rng = np.random.default_rng(0)
    with committing(folder, "align", Settings()) as out:
        shape = (len(TILT_DEG), rows, sinogram.shape[1])
        with StackWriter(out.path("aligned.tif"), shape, np.float32, 1.0) as writer:
            for tilt, line in enumerate(sinogram):
                writer.write(tilt, rng.poisson(10 * profile[:, None] * line)[None])
        out.record.update(
            {
                "tilt_deg": TILT_DEG,
                "pixel_size_nm": 1.0,
                "orientation": {"tilt_axis": "y", "angle_unit": "deg", "handedness": 1},
                "verdict": "pass",
                "reasons": [],
            }
        )
