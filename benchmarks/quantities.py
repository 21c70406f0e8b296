"""Do the intervals of the quantities cover the truth? Phantoms of known geometry, by seed.

    PYTHONPATH=workflow python benchmarks/quantities.py FOLDER [--size 128] [--seeds 101 120]
        [--labels truth|model] [--model-seeds 901 902 903 904 905] [--quick]

Each seed draws another specimen: thickness, corrugation, turns, pores, number, size and depth of
the particles. With `--labels truth` its labels are the true ones (no segmentation), so what is off
comes from voxels alone. With `--labels model` a tilt series of it is simulated, aligned,
reconstructed and labelled by one model that learnt from the truth of other seeds. Ask for the
model's own seeds as well: only of these it is known how wrong its labels are.

The truth is that of the balls and planes drawn: areas from points on the balls, porosity from the
same definition on a grid three times as fine. Columns: mean truth; mean and standard deviation of
the error; in how many of the specimens low … high holds the truth; mean width of low … high over
2 × 3.92 standard deviations of the error (above 1 it is too wide).

FOLDER keeps the specimens and their labels, and `quantities_<labels>_<size>px.csv` in it holds the
rows of all seeds, so that an interrupted run goes on. Without that file all is measured anew.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import yaml

from catomo.align.settings import Align
from catomo.align.stage import align
from catomo.errors import UserError
from catomo.labels.settings import Particles
from catomo.phantom.settings import Specimen
from catomo.phantom.shares import FULL, PARTICLES, PLATE, labels_of
from catomo.phantom.specimen import Phantom, render_specimen
from catomo.predict.settings import Predict
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stage import reconstruct
from catomo.record.record import read_record
from catomo.slices.settings import Slices
from catomo.slices.stage import slices_of_reconstruction
from catomo.surfaces.measure import Roles, all_quantities
from catomo.surfaces.pores import find_pores, hull
from catomo.surfaces.settings import Surfaces
from catomo.surfaces.stage import make_surfaces
from catomo.tilt_series.settings import Simulate
from catomo.tilt_series.simulate import simulate
from catomo.train.settings import Train

PIXEL_NM, HULL_NM, FINER = 0.5, 1.5, 3
OUT_CELLS = (0.3, 0.8, 1.3, 1.8, 2.5)  # how far beyond a ball is looked for what lies behind it
JUDGED = (
    "pt_count", "pt_diameter_d10", "pt_diameter_d32", "pt_spacing_surface", "pt_exposed_area",
    "pt_contact_fraction", "alumina_porosity",
)  # fmt: skip
TRAINING = {
    "steps": 300,
    "learning_rate": 1e-3,
    "warmup_steps": 20,
    "clip_norm": 0.0,
    "batch_size": 4,
    "patch_px": 128,
    "network": {"levels": 4, "base_filters": 8},
    "threads": 1,
    "split": {"validation_fraction": 0.2},
    "augment": {
        "rotation_deg": 10.0,
        "zoom_fraction": 0.05,
        "shear": 0.0,
        "elastic_px": 0.0,
        "gain": 0.05,
        "gamma": 0.05,
        "noise": 0.01,
    },
}
COLUMNS = ["seed", "quantity", "truth", "value", "low", "high"]
MORE = ("pt_diameter_d43", "pt_contact_area", "pt_area")


def draw(seed: int, size: int) -> tuple[dict, Phantom]:
    """Return a specimen; another one is drawn where particles or pores find no room."""
    for attempt in range(50):
        rng = np.random.default_rng([seed, 77, attempt])
        scale = size / 80
        period = rng.uniform(5, 8)
        content = {
            "shape_px": [size, size, size],
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
        }  # fmt: skip
        try:
            return content, render_specimen(Specimen.model_validate(content), seed)
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


def specimen_of(folder: Path, seed: int, size: int) -> Path:
    """Return the folder of a specimen with its file, truth and true labels, made if need be."""
    place = folder / f"{size}px_seed{seed}"
    if (place / "truth.json").is_file():
        return place
    place.mkdir(parents=True, exist_ok=True)
    content, phantom = draw(seed, size)
    (place / "specimen.yaml").write_text(yaml.safe_dump(content))
    parts = {PLATE: 1, PARTICLES: 2}
    pages = [labels_of({k: v * FULL for k, v in s.items()}, parts, FULL) for s in phantom.shares()]
    np.savez_compressed(place / "labels.npz", labels=np.stack(pages).astype(np.uint8))
    (place / "truth.json").write_text(json.dumps(truth_of(phantom), default=float))
    return place


def reconstructed(place: Path, seed: int, settings: Reconstruct) -> Path:
    """Return the slices of a specimen's simulated, aligned and reconstructed series."""
    slices = place / "04" / "slices.json"
    if not slices.is_file():
        if not (place / "02" / "alignment.json").is_file():
            simulate(place / "specimen.yaml", place / "01", Simulate(seed=seed))
            align(place / "01", place / "02", Align())
        reconstruct(place / "02", place / "03", settings, truth=place / "01")
        slices_of_reconstruction(place / "03", place / "04", Slices(), "d", truth=place / "01")
    return place / "04"


def model_of(options: argparse.Namespace) -> Path:
    """Return the model that learnt from the truth of other seeds, trained if need be."""
    from catomo.train.stage import train  # late: TensorFlow takes long to start

    folder = options.folder / f"model_{options.size}px"
    if not (folder / "training.json").is_file():
        data = [
            (
                f"seed{seed}",
                reconstructed(specimen_of(options.folder, seed, options.size), seed, Reconstruct()),
                "truth",
            )
            for seed in options.model_seeds
        ]
        train(data, folder, Train.model_validate(TRAINING))
    return folder


def quantities_of(options: argparse.Namespace, seed: int) -> tuple[dict, dict]:
    """Return truth and measured quantities of a specimen."""
    place = specimen_of(options.folder, seed, options.size)
    truth = json.loads((place / "truth.json").read_text())
    if options.labels == "truth":
        labels = np.load(place / "labels.npz")["labels"]
        names = [phase.name for phase in Surfaces().classes]
        roles = Roles(names, names[1], Particles(), HULL_NM)
        return truth, all_quantities(labels, PIXEL_NM, roles)[0]
    from catomo.predict.stage import predict

    slices = reconstructed(place, seed, Reconstruct())
    if not (place / "06" / "prediction.json").is_file():
        predict(slices, model_of(options), place / "06", Predict(threads=1))
    make_surfaces(place / "06", place / "08", Surfaces(hull_radius_nm=HULL_NM))
    return truth, read_record(place / "08", "surfaces")["quantities"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", choices=["truth", "model"], default="truth")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seeds", type=int, nargs=2, default=(101, 120))
    parser.add_argument("--model-seeds", type=int, nargs="+", default=range(901, 906))
    parser.add_argument("--quick", action="store_true", help="two seeds of 64 px")
    options = parser.parse_args()
    if options.quick:
        options.size, options.seeds = 64, (options.seeds[0], options.seeds[0] + 1)
        options.model_seeds = options.model_seeds[:1]
    file = options.folder / f"quantities_{options.labels}_{options.size}px.csv"
    rows = list(csv.reader(file.open()))[1:] if file.is_file() else []
    done = {row[0] for row in rows}
    for seed in range(options.seeds[0], options.seeds[1] + 1):
        if str(seed) in done:
            continue
        truth, numbers = quantities_of(options, seed)
        for name in (*JUDGED, *MORE):
            ends = [numbers[name][key] for key in ("value", "low", "high")]
            cells = ["" if number is None else f"{number:.6g}" for number in (truth[name], *ends)]
            rows.append([str(seed), name, *cells])
        with file.open("w", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows([COLUMNS, *rows])
    asked = set(map(str, range(options.seeds[0], options.seeds[1] + 1)))
    print(table([row for row in rows if row[0] in asked]))


def table(rows: list[list]) -> str:
    """Return the rows as Markdown, a line for each quantity."""
    lines = [
        "| quantity | truth | bias | sd | covered | width / bound |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    covered: list[bool] = []
    for name in (*JUDGED, *MORE):
        cells = [[cell or "nan" for cell in row[2:]] for row in rows if row[1] == name]
        true, value, low, high = np.array(cells, float).T
        error, held = value - true, (low <= true) & (true <= high)
        bound = 2 * 3.92 * error.std(ddof=1)
        words = f"{held.sum()} of {len(held)}", f"{(high - low).mean() / bound:.2f}"
        if np.isnan(low).all():
            words = "no interval", "–"
        elif name in JUDGED:
            covered += list(held)
        lines.append(
            f"| `{name}` | {true.mean():.3f} | {error.mean():+.4f} | {error.std(ddof=1):.4f} "
            f"| {words[0]} | {words[1]} |"
        )
    if covered:
        share = 100 * np.mean(covered)
        lines.append(f"\nThose of the first {len(JUDGED)} with intervals: {share:.0f} % covered.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
