"""What `align: mend` wins back of what faults of the recording cost the volume.

    python benchmarks/align_mends.py --output FILE.jsonl [--keys KEY ...] [--seeds 1 2 3]
        [--severities 20 50] [--size 128] [--table]
    python benchmarks/align_mends.py --output FILE.jsonl --good [--specimens FILE.yaml ...]
        [--series 01_TILT_SERIES ...] [--seeds 1 2 3] [--table]

with ``PYTHONPATH=workflow:tests``. Specimens, faults, severities and the error of the volume are
those of `align_faults.py`. Each series is aligned as always and once more with what mends its fault
(`MENDED_BY`). A specimen without a fault is asked to be mended of everything, and must stay as it
is. With ``--good`` so must the ten good series of the tests, specimens of files without faults, and
recorded series.

Each row is appended to the file when it is done, and rows that are there are not computed again.
``--table`` prints the file as a table.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
import yaml

from align import quiet
from align_faults import SHARES, specimen, true_geometry, value_of, volume_error
from catomo.align.geometry import Geometry
from catomo.align.settings import Align
from catomo.align.tilts import align_tilts
from catomo.align.truth import compare
from catomo.phantom.settings import Specimen
from catomo.record.record import read_record
from catomo.tilt_series.microscope import simulate_tilt_series
from helpers.balls import TILTS, good_series
from rows import add, read

MENDED_BY = {
    "": ["rotation", "magnification", "scan_drift", "angle_scale", "tilt_angles"],
    "rotation_deg": ["rotation"],
    "magnification": ["magnification"],
    "shear": ["scan_drift"],
    "scan_drift_px": ["scan_drift"],
    "angle_scale": ["angle_scale"],
    "angle_jitter_deg": ["tilt_angles"],
}


def row_of(size: int, key: str, value: float, seed: int) -> dict:
    """Return errors, verdicts and times of one series, aligned without and with mending."""
    asked = specimen(size, key, value)
    with quiet():
        made = simulate_tilt_series(asked, seed)
    row = {"size": size, "key": key, "value": value, "seed": seed}
    for name, kinds in (("plain", []), ("mended", MENDED_BY[key])):
        started = time.perf_counter()
        with quiet():
            series = made.series
            aligned = align_tilts(series.images, series.tilt_deg, Align(mend=kinds))
        row[f"{name}_s"] = time.perf_counter() - started
        seen = compare(aligned.geometry, series.tilt_deg, true_geometry(made))
        used = replace(made, series=replace(series, tilt_deg=aligned.per_tilt["tilt_deg"]))
        row[name] = volume_error(aligned.images, used, asked, seen["object_shift_px"])
        row[f"{name}_verdict"], row[f"{name}_reasons"] = aligned.verdict, aligned.reasons
    tried = aligned.steps.get("mends", {})
    row["applied"] = [kind for kind in MENDED_BY[key] if tried[kind]["applied"]]
    row["tried"] = {kind: tried[kind] for kind in MENDED_BY[key]}
    return row


def good_series_of(options):
    """Yield name, images, tilts and true geometry of series that must stay as they are."""
    for number in range(10):
        images, truth = good_series(number)
        yield f"good {number}", images.astype(np.float32), TILTS, Geometry(*truth)
    for path in options.specimens:
        asked = Specimen.model_validate(yaml.safe_load(path.read_text()))
        for seed in options.seeds:
            with quiet():
                made = simulate_tilt_series(asked, seed)
            series = made.series
            yield f"{path.stem}, seed {seed}", series.images, series.tilt_deg, true_geometry(made)
    for place in options.series:
        record = read_record(place, "simulate", "import")
        images = tifffile.imread(record.file("tilt_series.tif")).astype(np.float32)
        yield place.parent.name, images, np.array(record["tilt_deg"]), None


def kept_row(name: str, images: np.ndarray, tilt_deg: np.ndarray, truth: Geometry | None) -> dict:
    """Return how a series without faults is aligned when it is to be mended of everything."""
    row: dict = {"name": name}
    for part, kinds in (("plain", []), ("mended", MENDED_BY[""])):
        with quiet():
            aligned = align_tilts(images, tilt_deg, Align(mend=kinds))
        seen = compare(aligned.geometry, tilt_deg, truth) if truth is not None else {}
        row[part] = {"verdict": aligned.verdict, "across_rms_px": seen.get("across_rms_px")}
    tried = aligned.steps.get("mends", {})
    return row | {"applied": [kind for kind, trial in tried.items() if trial["applied"]]}


def kept_table(rows: list[dict]) -> str:
    """Return the rows of series without faults as Markdown."""
    lines = ["| series | across px | mended | applied | verdict | mended |", "| --- " * 6 + "|"]
    for row in rows:
        across = (row[part]["across_rms_px"] for part in ("plain", "mended"))
        cells = ["" if px is None else f"{px:.3f}" for px in across]
        cells += [", ".join(row["applied"]) or "nothing"]
        cells += [row[part]["verdict"] for part in ("plain", "mended")]
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    options = _options()
    rows = read(options.output)
    if options.good:
        known = {row["name"] for row in rows}
        for name, *series in good_series_of(options) if not options.table else ():
            if name not in known:
                add(options.output, rows, kept_row(name, *series))
        print(kept_table(rows))
        return
    done = {(row["size"], row["key"], row["value"], row["seed"]) for row in rows}
    for seed in options.seeds:
        for key in options.keys:
            values = [value_of(key, s, options.size) for s in options.severities] if key else [0]
            for value in values:
                if (options.size, key, value, seed) in done or options.table:
                    continue
                add(options.output, rows, row_of(options.size, key, value, seed))
    print(table(rows))


def table(rows: list[dict]) -> str:
    """Return rows as Markdown."""
    lines = [
        "| fault | value | seed | error | mended | applied | verdict | mended | seconds | mended |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in sorted(rows, key=lambda row: (row["size"], row["key"], row["value"], row["seed"])):
        lines.append(
            f"| {row['key'] or 'none'} | {row['value']:g} | {row['seed']} | {row['plain']:.3f} | "
            f"{row['mended']:.3f} | {', '.join(row['applied']) or 'nothing'} | "
            f"{row['plain_verdict']} | {row['mended_verdict']} | {row['plain_s']:.0f} | "
            f"{row['mended_s']:.0f} |"
        )
    return "\n".join(lines)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--keys", nargs="+", default=list(MENDED_BY), choices=list(MENDED_BY))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--severities", type=int, nargs="+", choices=SHARES, default=SHARES[1:])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--good", action="store_true", help="series without faults instead")
    parser.add_argument("--specimens", type=Path, nargs="+", default=[], metavar="FILE")
    parser.add_argument("--series", type=Path, nargs="+", default=[], metavar="FOLDER")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
