"""Time and memory of `align` on a large series: 69 images of 1024 x 1024 px.

A simulated series (``01_tilt_series`` of the verb `simulate`) is enlarged to the size asked for,
with noise anew, and aligned in a process of its own: once without projection matching, once
with. Peak memory is the highest resident size of that process, libraries included, beside the
size of the stack in float32. With two cores and nothing else running:

    PYTHONPATH=workflow python benchmarks/align_large.py results/phantom/01_tilt_series
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

from catomo.files.store import StackReader, StackWriter
from catomo.record.code import versions_of
from catomo.record.record import committing, read_record
from catomo.tilt_series.settings import Simulate


def enlarge(series: Path, output: Path, size: int) -> float:
    """Write the series at another size, with Poisson noise; return the stack's gigabytes."""
    source = read_record(series, "simulate")
    rng = np.random.default_rng(0)
    with (
        committing(output, "simulate", Simulate()) as out,
        StackReader(source.file("tilt_series.tif")) as reader,
    ):
        count, rows, _ = reader.shape
        factor = size / rows
        shape = (count, size, size)
        pixel_size_nm = source["pixel_size_nm"] / factor
        with StackWriter(out.path("tilt_series.tif"), shape, np.float32, pixel_size_nm) as writer:
            for t in range(count):
                smooth = ndimage.gaussian_filter(reader.read(t, t + 1)[0], 1.0)
                image = ndimage.zoom(smooth, factor, order=1, grid_mode=True, mode="nearest")
                writer.write(t, rng.poisson(np.maximum(image, 0))[None].astype(np.float32))
        out.record.update(
            tilt_deg=source["tilt_deg"],
            pixel_size_nm=pixel_size_nm,
            orientation=source["orientation"],
        )
    return 4e-9 * count * size * size


def measure(series: Path, output: Path, matching: bool) -> dict:
    """Align in a process of its own; return seconds, core-seconds, gigabytes and steps."""
    settings = json.dumps({"projection_matching": matching})
    command = [sys.executable, "-m", "catomo", "align", str(series), "--output", str(output)]
    start = time.monotonic()
    process = subprocess.Popen([*command, "--settings", settings], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status:
        sys.exit("align failed; run it by hand to see why")
    record = read_record(output, "align")
    return {
        "seconds": seconds,
        "core_seconds": usage.ru_utime + usage.ru_stime,
        "peak_gb": usage.ru_maxrss * 1024e-9,
        "verdict": record["verdict"],
        "reprojection_error": record["measures"]["reprojection_error"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("series", type=Path, help="01_tilt_series of a phantom")
    parser.add_argument("--size", type=int, default=1024, help="px")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--quick", action="store_true", help="256 px")
    options = parser.parse_args()
    if options.quick:
        options.size = 256
    found = {"size_px": options.size, "cores": os.cpu_count(), "versions": versions_of("align")}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        stack_gb = found["stack_gb"] = enlarge(options.series, folder / "large", options.size)
        # Once on a small series first: compiling the kernels is paid once a machine.
        enlarge(options.series, folder / "small", 128)
        measure(folder / "small", folder / "warm", True)
        print("| projection matching | s | core-s | peak GB | of the stack | verdict | error |")
        print("|---|---|---|---|---|---|---|")
        for matching in (False, True):
            one = measure(folder / "large", folder / f"aligned-{matching}", matching)
            found["with" if matching else "without"] = one
            print(
                f"| {'with' if matching else 'without'} | {one['seconds']:.0f} "
                f"| {one['core_seconds']:.0f} | {one['peak_gb']:.2f} "
                f"| {one['peak_gb'] / stack_gb:.2f} | {one['verdict']} "
                f"| {one['reprojection_error']:.3f} |",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
