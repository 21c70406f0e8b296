"""Do the intervals of the quantities cover the truth? Phantoms of known geometry, by seed.

usage: PYTHONPATH=workflow python benchmarks/quantities.py [--quick] [--size 96] [--seeds 101 120]

Each seed draws another specimen: thickness, corrugation, turns, pores, number, size and depth of
the particles. Its labels are the true ones (no segmentation), so what is off comes from voxels
alone. The truth is that of the balls and planes drawn: areas from points on the balls, porosity
from the same definition on a grid three times as fine. Columns: mean truth; mean and standard
deviation of the error; in how many of the specimens low … high holds the truth; mean width of
low … high over 2 × 3.92 standard deviations of the error (above 1 it is too wide).
"""

from __future__ import annotations

import argparse

import numpy as np

from catomo.errors import UserError
from catomo.phantom.settings import Specimen
from catomo.phantom.shares import FULL, PARTICLES, PLATE, labels_of
from catomo.phantom.specimen import Phantom, render_specimen
from catomo.surfaces.measure import measure
from catomo.surfaces.pores import find_pores, hull

PIXEL_NM, HULL_NM, FINER = 0.5, 1.5, 3
OUT_CELLS = (0.3, 0.8, 1.3, 1.8, 2.5)  # how far beyond a ball is looked for what lies behind it
JUDGED = (
    "pt_count", "pt_diameter_d10", "pt_diameter_d32", "pt_spacing_surface", "pt_exposed_area",
    "pt_contact_fraction", "alumina_porosity",
)  # fmt: skip
MORE = ("pt_diameter_d43", "pt_contact_area", "pt_area")


def draw(seed: int, size: int) -> Phantom:
    """Return a specimen; another one is drawn where particles or pores find no room."""
    for attempt in range(50):
        rng = np.random.default_rng([seed, 77, attempt])
        scale = size / 80
        period = rng.uniform(5, 8)
        specimen = Specimen.model_validate({
            "shape_px": [int(64 * scale), size, size],
            "pixel_size_nm": PIXEL_NM,
            "render_oversampling": FINER,
            "plate": {
                "thickness_nm": rng.uniform(7, 11) * scale,
                "edge_nm": rng.uniform(20, 25) * scale,
                "corrugation_period_nm": period,
                "corrugation_depth_nm": rng.uniform(0.8, min(1.7, period / 2.83)),
                "rotation_deg": rng.uniform([-15, -15, 0], [15, 15, 180]).tolist(),
            },
            "pores": {
                "count": int(rng.integers(2, 6)),
                "width_nm": [1.5, 2.8],
                "length_nm": [4, 9],
                "open_fraction": float(rng.uniform(0.3, 0.7)),
                "aligned": bool(rng.random() < 0.5),
            },
            "pt": {
                "count": int(rng.integers(15, 30)),
                "median_diameter_nm": rng.uniform(2.0, 3.2),
                "sigma_log": rng.uniform(0.1, 0.25),
                "clip_nm": [1.3, 4.5],
                "placement": "facet_apex",
                "embedded_fraction": float(rng.uniform(0.15, 0.45)),
            },
            "contrast": {"alumina": 1.0, "pt": 19.5},
            "acquisition": {
                "tilt_deg": [-68, 68, 4], "probe_sigma_px": 0.6, "counts_mid_plate": 150,
                "background_counts": 15, "max_shift_px": 3, "axis_angle_deg": 1.0,
                "axis_offset_px": 1.0, "bad_pixel_fraction": 0.0,
            },
            "film": None,
            "seeds": [seed],
        })  # fmt: skip
        try:
            return render_specimen(specimen, seed)
        except UserError:
            continue
    raise SystemExit(f"seed {seed}: no specimen found room for its particles")


def truth_of(phantom: Phantom) -> dict[str, float]:
    """Return the true quantities of a phantom."""
    diameter = np.array([one["diameter_nm"] for one in phantom.particles])
    centre = np.array([one["centre_px"] for one in phantom.particles]) * PIXEL_NM
    exposed, contact = _areas(phantom.cells, centre, diameter / 2)
    gaps = np.linalg.norm(centre[:, None] - centre, axis=2) - (diameter[:, None] + diameter) / 2
    np.fill_diagonal(gaps, np.inf)
    inside = hull(phantom.cells == 1, HULL_NM / PIXEL_NM * FINER)
    pores = find_pores(phantom.cells != 0, inside)
    return {
        "pt_count": len(diameter),
        "pt_diameter_d10": diameter.mean(),
        "pt_diameter_d32": (diameter**3).sum() / (diameter**2).sum(),
        "pt_diameter_d43": (diameter**4).sum() / (diameter**3).sum(),
        "pt_spacing_surface": np.maximum(gaps.min(axis=1), 0).mean(),
        "pt_exposed_area": exposed,
        "pt_contact_area": contact,
        "pt_area": exposed + contact,
        "pt_contact_fraction": contact / (exposed + contact),
        "alumina_porosity": (pores.open + pores.closed + pores.unknown) / pores.hull,
    }


def _areas(cells: np.ndarray, centres: np.ndarray, radii: np.ndarray) -> tuple[float, float]:
    """Return the area of balls towards empty cells and towards the plate, in nm²."""
    count = 4000
    height = 1 - 2 * (np.arange(count) + 0.5) / count
    turn = np.pi * (1 + 5**0.5) * (np.arange(count) + 0.5)
    flat = np.sqrt(1 - height**2)
    points = np.stack([np.cos(turn) * flat, np.sin(turn) * flat, height], axis=1)
    total = np.zeros(2)
    for number, (centre, radius) in enumerate(zip(centres, radii, strict=True)):
        places = centre + radius * points
        free = np.ones(count, bool)
        for other in np.delete(np.arange(len(radii)), number):
            free &= ((places - centres[other]) ** 2).sum(axis=1) > radii[other] ** 2
        behind = np.full(count, 2)
        for out in OUT_CELLS:
            there = centre + (radius + out * PIXEL_NM / FINER) * points
            index = np.floor((there / PIXEL_NM + 0.5) * FINER).astype(int)
            index = index.clip(0, np.array(cells.shape) - 1)
            behind = np.where(behind == 2, cells[tuple(index.T)], behind)
        share = 4 * np.pi * radius**2 / count
        total += [share * np.sum(free & (behind == 0)), share * np.sum(free & (behind == 1))]
    return float(total[0]), float(total[1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--seeds", type=int, nargs=2, default=(101, 120))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    first, last = options.seeds
    seeds = range(first, first + 2 if options.quick else last + 1)
    results = []
    for seed in seeds:
        phantom = draw(seed, 64 if options.quick else options.size)
        parts = {PLATE: 1, PARTICLES: 2}
        pages = [
            labels_of({k: v * FULL for k, v in s.items()}, parts, FULL) for s in phantom.shares()
        ]
        numbers = measure(np.stack(pages).astype(np.uint8), PIXEL_NM, hull_radius_nm=HULL_NM)
        results.append((truth_of(phantom), numbers))
    print("| quantity | truth | bias | sd | covered | width / bound |")
    print("| --- | --- | --- | --- | --- | --- |")
    covered = []
    for name in (*JUDGED, *MORE):
        true = np.array([truth[name] for truth, _ in results])
        value, low, high = (
            np.array([numbers[name][key] for _, numbers in results], float)
            for key in ("value", "low", "high")
        )
        error, held = value - true, (low <= true) & (true <= high)
        bound = 2 * 3.92 * error.std(ddof=1)
        covered += list(held) * (name in JUDGED)
        print(
            f"| `{name}` | {true.mean():.3f} | {error.mean():+.4f} | {error.std(ddof=1):.4f} "
            f"| {held.sum()} of {len(held)} | {(high - low).mean() / bound:.2f} |"
        )
    print(f"\nThe first {len(JUDGED)} together: {100 * np.mean(covered):.0f} % covered.")


if __name__ == "__main__":
    main()
