"""Does the test of placement tell particles at apexes from chance? Phantoms by seed.

    PYTHONPATH=workflow python benchmarks/placement.py FOLDER [--size 128] [--seeds 201 220]
        [--kinds facet_apex random clustered facet_valley] [--quick]

Each seed draws another plate: thickness, corrugation, turns, pores, number, size and depth of the
particles. Its labels are the true ones, without a tilt series. Of each kind of placement the table
gives in how many phantoms a test rejects chance (p < 0.05), and whether its p-values are evenly
spread (Kolmogorov and Smirnov), as they are where chance placed the particles.

`placement_<size>px.csv` in FOLDER holds a row per phantom, so that an interrupted run goes on.
Without that file all is measured anew.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from scipy.stats import kstest

from catomo.errors import UserError
from catomo.labels.settings import Particles
from catomo.phantom.settings import Specimen
from catomo.phantom.shares import FULL, PARTICLES, PLATE, labels_of
from catomo.phantom.specimen import render_specimen
from catomo.surfaces.measure import Roles, all_quantities
from catomo.surfaces.settings import Surfaces

PIXEL_NM, FINER, HULL_NM = 0.25, 2, 1.5
KINDS = ["facet_apex", "random", "clustered", "facet_valley"]
TESTS = {
    "apex": "placement_p",
    "facets": "placement_p_facets",
    "neighbour": "placement_p_neighbour",
}
COLUMNS = ["kind", "seed", "particles", "apex_share", *TESTS]


def draw(kind: str, seed: int, size: int) -> np.ndarray:
    """Return the labels of a phantom; another is drawn where particles or pores find no room."""
    for attempt in range(50):
        rng = np.random.default_rng([seed, 41, attempt])
        scale = size / 128
        period = rng.uniform(5, 8)
        content = {
            "shape_px": [size, size, size],
            "pixel_size_nm": PIXEL_NM,
            "render_oversampling": FINER,
            "plate": {
                "thickness_nm": rng.uniform(6, 9) * scale,
                "edge_nm": rng.uniform(15, 19) * scale,
                "corrugation_period_nm": period,
                "corrugation_depth_nm": rng.uniform(1.2, min(1.8, period / 2.83)),
                "rotation_deg": rng.uniform([-15, -15, 0], [15, 15, 180]).tolist(),
            },
            "pores": {
                "count": int(rng.integers(0, 7)),
                "width_nm": [1.2, 2.8],
                "length_nm": [4, 12],
                "open_fraction": float(rng.uniform(0.3, 0.7)),
                "aligned": bool(rng.random() < 0.5),
            },
            "particles": {
                "count": int(rng.integers(15, 31)),
                "median_diameter_nm": rng.uniform(1.6, 2.4),
                "sigma_log": rng.uniform(0.1, 0.3),
                "clip_nm": [1.0, 4.0],
                "placement": kind,
                "embedded_fraction": float(rng.uniform(0.15, 0.45)),
            },
            "contrast": {"plate": 1.0, "particles": 19.5},
            "acquisition": {
                "tilt_deg": [-68, 68, 4], "probe_sigma_px": 0.6, "counts_mid_plate": 150,
                "background_counts": 15, "max_shift_px": 3, "axis_angle_deg": 1.0,
                "axis_offset_px": 1.0, "bad_pixel_fraction": 0.0,
            },
            "film": None,
            "seeds": [seed],
        }  # fmt: skip
        try:
            phantom = render_specimen(Specimen.model_validate(content), seed)
        except UserError:
            continue
        parts = {PLATE: 1, PARTICLES: 2}
        shares = ({k: v * FULL for k, v in one.items()} for one in phantom.shares())
        return np.stack([labels_of(one, parts, FULL) for one in shares]).astype(np.uint8)
    raise SystemExit(f"seed {seed}: no specimen found room for its particles")


def measured(kind: str, seed: int, size: int) -> dict:
    """Return the row of a phantom."""
    labels = draw(kind, seed, size)
    names = [phase.name for phase in Surfaces().classes]
    roles = Roles(names, names[1], Particles(), HULL_NM, seed=seed)
    quantities = all_quantities(labels, PIXEL_NM, roles)[0]
    found = {key: quantities[f"pt_{name}"]["value"] for key, name in TESTS.items()}
    return {
        "kind": kind, "seed": seed, "particles": quantities["pt_count"]["value"],
        "apex_share": quantities["pt_apex_share"]["value"], **found,
    }  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seeds", type=int, nargs=2, default=(201, 220))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS[:3])
    parser.add_argument("--quick", action="store_true", help="two seeds of 96 px")
    options = parser.parse_args()
    if options.quick:
        options.size, options.seeds = 96, (options.seeds[0], options.seeds[0] + 1)
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / f"placement_{options.size}px.csv"
    rows = list(csv.DictReader(path.open())) if path.is_file() else []
    done = {(row["kind"], int(row["seed"])) for row in rows}
    wanted = range(options.seeds[0], options.seeds[1] + 1)
    for kind, seed in ((kind, seed) for kind in options.kinds for seed in wanted):
        if (kind, seed) in done:
            continue
        rows.append(measured(kind, seed, options.size))
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    print("| placement | phantoms | test | not judged | p < 0.05 | evenly spread (KS) |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind in options.kinds:
        here = [row for row in rows if row["kind"] == kind and int(row["seed"]) in wanted]
        for test in TESTS:
            p = np.array([float(row[test]) for row in here if row[test] not in ("", None)])
            even = f"{kstest(p, 'uniform').pvalue:.2f}" if len(p) else "–"
            print(
                f"| {kind} | {len(here)} | {test} | {len(here) - len(p)} | {(p < 0.05).sum()} | "
                f"{even} |"
            )


if __name__ == "__main__":
    main()
