"""Few tilts: where 5 to 15 images come to lie, what their volume is worth, and what is told.

    python benchmarks/few_tilts.py --output FILE.jsonl [--specimens balls plate film rim]
        [--tilts 5 7 9 11 15] [--seeds 1 2 3] [--older CLONE] [--table]

with ``PYTHONPATH=workflow``. The specimens are those of `detector_faults.py`, 64² px, and the
plate of the tests, which reaches to the rim of 48 × 64 px; each image is shifted by up to 3 px in
each direction, without faults. Of the 35 tilts (±68°) those nearest to so many at equal distances
are kept. They are aligned by this code, by that of an older clone if one is named, and by the true
geometry. The same clean images, moved by each of these, are reconstructed in every eighth slice.
Columns:

across       RMS error across the tilt axis, in px; a·cos θ + b·sin θ + c is removed
along        that along it, but for a constant
axis         error of the tilt axis, in degrees
correlation  of the volume with the truth in the specimen and 2 px around it, at the best place;
             the truth is made as smooth as 1 px (standard deviation), or it would depend on which
             part of a pixel the specimen was moved by

Each row is appended to the file when it is done, and rows that are there are not computed again.
``--table`` prints the file as a table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from align import quiet
from align_faults import at_best_place, bodies, true_geometry
from catomo.align.geometry import Geometry
from catomo.align.preprocess import clean
from catomo.align.settings import Align
from catomo.align.tilts import align_tilts
from catomo.align.truth import compare
from catomo.phantom.specimen import read_specimen
from catomo.tilt_series.microscope import simulate_tilt_series
from detector_faults import TILTS, Recorded, balls, plate
from rows import add, read

SPECIMENS = ("balls", "plate", "film", "rim")
RIM = Path(__file__).parents[1] / "tests" / "workflow" / "tiny.yaml"
COUNTS = (5, 7, 9, 11, 15)
CODES = ("known", "older", "today")
_BY_OLDER_CODE = """
import json, sys
import numpy as np
from catomo.align.tilts import align_tilts
given = np.load(sys.argv[1])
found = align_tilts(given["images"], given["tilt_deg"])
geometry = found.geometry
print(json.dumps({"angle": geometry.axis_angle_deg, "across": geometry.across.tolist(),
    "along": geometry.along.tolist(), "verdict": found.verdict, "reasons": found.reasons}))
"""

Found = tuple[Geometry, str, list[str]]  # with the verdict and its reasons


@cache
def recorded(specimen: str, seed: int) -> Recorded:
    """Return the whole series of a specimen."""
    if specimen == "rim":
        asked = read_specimen(RIM)
        made = simulate_tilt_series(asked, seed)
        return Recorded(made.series.images, true_geometry(made), *bodies(made, asked))
    return balls(seed) if specimen == "balls" else plate(seed, specimen == "film")


def by_older_code(images: np.ndarray, tilts: np.ndarray, clone: Path) -> Found:
    """Return what the code of an older clone finds."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "given.npz"
        np.savez(given, images=images, tilt_deg=tilts)
        command = [sys.executable, "-c", _BY_OLDER_CODE, str(given)]
        environment = os.environ | {"PYTHONPATH": str(clone / "workflow")}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    said = json.loads(run.stdout.splitlines()[-1])
    geometry = Geometry(said["angle"], np.array(said["across"]), np.array(said["along"]))
    return geometry, said["verdict"], said["reasons"]


def found_by(code: str, images: np.ndarray, tilts: np.ndarray, truth: Geometry, older) -> Found:
    """Return the geometry that one code finds, or the true one."""
    if code == "known":
        return truth, "", []
    if code == "older":
        return by_older_code(images, tilts, older)
    found = align_tilts(images, tilts)
    return found.geometry, found.verdict, found.reasons


def row_of(code: str, specimen: str, count: int, seed: int, older: Path | None) -> dict:
    """Return the errors of one alignment and of its volume."""
    row: dict = {"code": code, "specimen": specimen, "tilts": count, "seed": seed}
    with quiet():
        made = recorded(specimen, seed)
        chosen = np.round(np.linspace(0, len(TILTS) - 1, count)).astype(int)
        images, tilts = made.images[chosen].astype(np.float32), TILTS[chosen]
        whole = made.truth
        truth = Geometry(whole.axis_angle_deg, whole.across[chosen], whole.along[chosen])
        geometry, verdict, reasons = found_by(code, images, tilts, truth, older)
        seen = compare(geometry, tilts, truth)
        cleaned = clean(images.copy(), tilts, Align()).images
        moved = np.array([geometry.warp(image, t, 3) for t, image in enumerate(cleaned)])
        smooth = gaussian_filter(made.density, 1.0)
        pair = at_best_place(moved, tilts, smooth, made.solid, seen["object_shift_px"])
    return row | {
        "across_px": seen["jitter_rms_px"],
        "along_px": seen["along_rms_px"],
        "axis_deg": seen["axis_error_deg"],
        "correlation": float(np.corrcoef(*pair)[0, 1]),
        "verdict": verdict,
        "reasons": reasons,
    }


def table(rows: list[dict]) -> str:
    """Return one line for each series: before → today, and with the true geometry."""
    found = {(row["specimen"], row["tilts"], row["seed"], row["code"]): row for row in rows}
    columns = ("specimen", "tilts", "seed", "across px", "along px", "axis °", "correlation")
    columns += ("known", "verdict")
    lines = [f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]
    for key in sorted({key[:3] for key in found}):
        pair = [found[*key, code] for code in ("older", "today") if (*key, code) in found]
        known = found.get((*key, "known"))
        cells = [
            " → ".join(f"{row[name]:.2f}" for row in pair)
            for name in ("across_px", "along_px", "axis_deg", "correlation")
        ]
        best = f"{known['correlation']:.2f}" if known else "–"
        verdict = " → ".join(row["verdict"] for row in pair)
        lines.append(f"| {' | '.join(map(str, [*key, *cells, best, verdict]))} |")
    return "\n".join(lines)


def main() -> None:
    options = _options()
    path = options.output
    rows = read(path)
    done = {(row["code"], row["specimen"], row["tilts"], row["seed"]) for row in rows}
    codes = [code for code in CODES if code != "older" or options.older]
    asked = product(options.seeds, options.specimens, options.tilts, codes)
    for seed, specimen, count, code in () if options.table else asked:
        if (code, specimen, count, seed) not in done:
            add(path, rows, row_of(code, specimen, count, seed, options.older))
    print(table(rows))


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--specimens", nargs="+", choices=SPECIMENS, default=SPECIMENS)
    parser.add_argument("--tilts", type=int, nargs="+", choices=range(5, 36), default=COUNTS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--older", type=Path, metavar="CLONE", help="a clone to compare with")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
