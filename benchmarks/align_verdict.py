"""The verdict on worse and worse alignments: what the limits of `align.verdict` rest on.

    python benchmarks/align_verdict.py --specimen FILE.yaml ... [--seed 1] [--work FOLDER]
        [--json FILE] [--quick]

with ``PYTHONPATH=workflow``. The true geometry of a simulated series is spoilt on purpose, handed
to `align --apply`, and the verdict and the measures behind it are printed. Four ways:

random  every shift off by a normal deviate of this many px, across and along
offset  the axis off by this many px
axis    the axis turned by this many degrees, the specimen's place kept
drift   the specimen running away across the axis, up to this many px at the last tilt

and last what catomo finds by itself. Useful limits let the first lines of each way pass and
name the last.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from align import DEMO, quiet, simulated, true_geometry
from catomo.align.geometry import Geometry
from catomo.align.settings import Align
from catomo.align.stage import align
from catomo.record.record import read_record

STEPS = {
    "random": (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
    "offset": (0.5, 1.0, 2.0, 4.0),
    "axis": (0.25, 0.5, 1.0, 2.0, 4.0),
    "drift": (0.5, 1.0, 2.0, 4.0, 8.0),
}
MEASURES = ("residual_across_px", "residual_along_px", "reprojection_error", "likeness")


def spoilt(truth: Geometry, way: str, amount: float) -> Geometry:
    """Return the true geometry, wrong by an amount in one way."""
    rng = np.random.default_rng(0)
    across, along = truth.across, truth.along
    if way == "axis":
        return truth.turned(amount)
    if way == "random":
        across, along = np.stack([across, along]) + amount * rng.normal(size=(2, len(across)))
    if way == "offset":
        across = across + amount
    if way == "drift":
        across = across + amount * np.linspace(-1, 1, len(across)) ** 3
    return Geometry(truth.axis_angle_deg, across, along)


def judged(series: Path, work: Path, geometry: Geometry | None) -> dict:
    """Return verdict, reasons and measures of a given alignment, or of the one found."""
    known = None
    if geometry:
        known = work / "known.json"
        content = {
            "tilt_deg": read_record(series, "simulate")["tilt_deg"],
            "axis_angle_deg": geometry.axis_angle_deg,
            "axis_offset_px": 0.0,
            "across_px": geometry.across.tolist(),
            "along_px": geometry.along.tolist(),
        }
        known.write_text(json.dumps(content))
    with quiet():
        align(series, work / "judged", Align(), apply=known)
    record = read_record(work / "judged", "align")
    measures = {name: record["measures"][name] for name in MEASURES}
    return {"verdict": record["verdict"], "reasons": record["reasons"]} | measures


def main() -> None:
    options = _options()
    figures = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        for specimen in options.specimen:
            series = simulated(specimen, options.seed, None, None, work)
            truth = true_geometry(series)
            print(f"\n**{specimen.stem}**\n\n| wrong by | verdict | {' | '.join(MEASURES)} |")
            print("| --- |" + " --- |" * (1 + len(MEASURES)))
            found = figures[specimen.stem.removesuffix("-256")] = {}
            for way, amounts in STEPS.items():
                for amount in amounts[-1:] if options.quick else amounts:
                    row = judged(series, work, spoilt(truth, way, amount))
                    found[f"{way}_{amount:g}"] = row
                    _print(f"{way} {amount:g}", row)
            found["catomo"] = judged(series, work, None)
            _print("catomo's own", found["catomo"])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


def _print(words: str, row: dict) -> None:
    cells = " | ".join(f"{row[name]:.3f}" for name in MEASURES)
    print(f"| {words} | {row['verdict']} | {cells} |", flush=True)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--specimen", type=Path, nargs="+", default=[DEMO])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, help="folder for the simulated series")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--quick", action="store_true", help="the worst of each way only")
    return parser.parse_args()


if __name__ == "__main__":
    main()
