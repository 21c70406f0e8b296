"""Faults of the recording: what they cost the volume, and whether the verdict sees them.

    python benchmarks/align_faults.py --output FILE.jsonl [--keys KEY ...] [--seeds 1 2 3]
        [--severities 10 20 50] [--size 128] [--table]

with ``PYTHONPATH=workflow``. A specimen is recorded with one fault of the block `faults` of its
file, aligned as always, and reconstructed in every eighth slice. Its error is that of the volume
inside the plate and 2 px around it against the truth, at the best scale, place and turn about the
tilt axis, which no image can tell. `SEVERITIES` holds the values of each key. A row also holds the
numbers that the verdict depends on, so that other limits can be tried on it.

Each row is appended to the file when it is done, and rows that are there are not computed again.
``--table`` prints the file as a table.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import yaml
from scipy import ndimage, optimize

from align import DEMO, quiet
from catomo.align.geometry import Geometry
from catomo.align.tilts import align_tilts
from catomo.align.truth import compare
from catomo.phantom.settings import Specimen
from catomo.phantom.shares import PARTICLES, PLATE
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.tilt_series.microscope import SimulatedSeries, simulate_tilt_series
from rows import add, read

TILTS = [-68, 68, 4]
ITERATIONS, SUBSETS = 8, 5
SLICES_APART = 8
RIM_PX = 2
SHARES = (10, 20, 50)
STEPS = (  # that the verdict depends on
    *("brightness", "clipped", "black_level", "distortion", "angles", "local", "flyback"),
)

# Values of each key of a specimen file, in the block `faults` unless another is named, at which the
# error of the volume is about 10, 20 and 50 % above that without the fault, in images of 128 px.
SEVERITIES = {
    "rotation_deg": (0.8, 1.2, 2.0),
    "magnification": (0.017, 0.025, 0.043),
    "shear": (0.018, 0.027, 0.045),
    "scan_drift_px": (2.1, 3.1, 5.2),
    "flyback_px": (14, 21, 38),
    "shadow_share": (0.3, 0.36, 0.45),
    "contamination_nm": (1.1, 2.7, 5),
    "particle_drift_nm": (0.29, 0.42, 0.71),
    "diffraction_share": (0.06, 0.13, 0.36),
    "damping": (0.04, 0.06, 0.12),
    "offset_counts": (-130, -200, -320),
    "saturation": (0.007, 0.011, 0.02),
    "dead_lines": (10, 20, 40),
    "angle_scale": (1.02, 1.029, 1.048),
    "angle_jitter_deg": (1.1, 1.6, 2.7),
    "backlash_deg": (1.9, 2.8, 4.8),
    "missing_image": (33, 29, 17),
    "doubled_image": (33, 29, 17),
    "acquisition.max_shift_px": (30, 36, 45),
    "acquisition.axis_angle_deg": (9.5, 11, 13),
    "acquisition.bad_pixel_fraction": (0.006, 0.02, 0.06),
}
GROWING = ("scan_drift_px", "flyback_px", "dead_lines", "acquisition.max_shift_px")  # with the size
WITH = {"shadow_share": {"shadow_images": 10}, "diffraction_share": {"diffraction_factor": 2.0}}


def value_of(key: str, share: int, size: int) -> float:
    """Return the value of a key for images of a size, of which the error is to grow by a share."""
    value = SEVERITIES[key][SHARES.index(share)]
    if key not in GROWING:
        return value
    return type(value)(round(value * size / 128, 3))


def specimen(size: int, key: str, value: float) -> Specimen:
    """Return the demo's specimen, scaled to a size, with one fault."""
    content = yaml.safe_load(DEMO.read_text())
    finer = size / content["shape_px"][0]
    content["shape_px"] = [size] * 3
    content["pixel_size_nm"] /= finer
    content["render_oversampling"] = 1
    content["acquisition"] |= {"tilt_deg": TILTS}
    block, _, name = key.rpartition(".")
    if key:
        content.setdefault(block or "faults", {})
        content[block or "faults"] |= {name: value, **WITH.get(key, {})}
    return Specimen.model_validate(content)


def row_of(size: int, key: str, value: float, seed: int) -> dict:
    """Return what one fault does: errors of the volume and the alignment, and the verdict."""
    asked = specimen(size, key, value)
    with quiet():
        made = simulate_tilt_series(asked, seed)
        aligned = align_tilts(made.series.images, made.series.tilt_deg)
    row = {"size": size, "key": key, "value": value, "seed": seed, "verdict": aligned.verdict}
    row["reasons"] = aligned.reasons
    truth = true_geometry(made)
    seen = compare(aligned.geometry, made.series.tilt_deg, truth)
    row |= {name: seen[name] for name in ("across_rms_px", "along_rms_px", "axis_error_deg")}
    row["object_shift_px"] = seen["object_shift_px"]
    row["error"] = volume_error(aligned.images, made, asked, seen["object_shift_px"])
    row["measures"] = aligned.measures.record() | {
        name: aligned.steps[name] for name in STEPS if name in aligned.steps
    }
    return row


def true_geometry(made: SimulatedSeries) -> Geometry:
    """Return where the images lie but for the fault."""
    misaligned = made.misalignment
    return Geometry(
        misaligned.axis_angle_deg,
        np.asarray(misaligned.across_px) + misaligned.axis_offset_px,
        np.asarray(misaligned.along_px),
    )


def volume_error(
    images: np.ndarray, made: SimulatedSeries, asked: Specimen, moved: dict[str, float]
) -> float:
    """Return the error of the volume inside the plate and around it, at the best place."""
    return error_of(images, made.series.tilt_deg, *bodies(made, asked), moved)


def bodies(made: SimulatedSeries, asked: Specimen) -> tuple[np.ndarray, np.ndarray]:
    """Return the density (y, z, x) of plate and particles, and where one of them is."""
    shares = list(made.phantom.shares())
    contrast = asked.contrast
    density = np.stack(
        [s[PLATE] * contrast.plate + s[PARTICLES] * contrast.particles for s in shares]
    )
    return density, np.stack([s[PLATE] + s[PARTICLES] >= 0.5 for s in shares])


def error_of(
    images: np.ndarray,
    tilt_deg: np.ndarray,
    density: np.ndarray,
    solid: np.ndarray,
    moved: dict[str, float],
) -> float:
    """Return the error of the volume of aligned images in what is solid and around it.

    `density` (y, z, x) is the truth, and `moved` where the specimen lies in the aligned images.
    """
    return _nrmse(*at_best_place(images, tilt_deg, density, solid, moved))


def at_best_place(
    images: np.ndarray,
    tilt_deg: np.ndarray,
    density: np.ndarray,
    solid: np.ndarray,
    moved: dict[str, float],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the voxels of the volume of aligned images, and those of the truth laid on it.

    They are those in what is solid and around it; see `error_of`.
    """
    inside = ndimage.binary_dilation(solid, iterations=RIM_PX).astype(np.float32)
    rows = np.arange(SLICES_APART // 2, images.shape[1], SLICES_APART)
    shape = density.shape[1], density.shape[2]
    project = ShearProjector(tilt_deg, shape, images.shape[2])
    solve = MaximumLikelihood(project, ITERATIONS, SUBSETS)
    volume = solve(np.ascontiguousarray(images[:, rows].swapaxes(0, 1)))
    middle = [(n - 1) / 2 for n in density.shape]
    y, z, x = np.meshgrid(
        rows - moved["y"], *(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij"
    )

    def both(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        turn, at_z, at_x = np.deg2rad(place[0]), place[1], place[2]
        dz, dx = z - at_z, x - at_x
        points = (
            y,
            np.cos(turn) * dz - np.sin(turn) * dx + middle[1],
            np.sin(turn) * dz + np.cos(turn) * dx + middle[2],
        )
        truth = ndimage.map_coordinates(density, points, order=1, mode="constant")
        mask = ndimage.map_coordinates(inside, points, order=0, mode="constant") > 0
        return volume[mask].astype(float), truth[mask].astype(float)

    start = np.array([0.0, moved["z"], moved["x"]])
    simplex = start + np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    options = {"initial_simplex": simplex, "maxfev": 45, "xatol": 0.02, "fatol": 1e-4}
    best = optimize.minimize(
        lambda place: _nrmse(*both(place)), start, method="Nelder-Mead", options=options
    )
    return both(best.x)


def _nrmse(volume: np.ndarray, truth: np.ndarray) -> float:
    """Return the error of the volume at the best scale."""
    if not len(truth) or not volume.any():
        return 1.0
    scaled = volume * (volume @ truth) / (volume @ volume)
    return float(np.linalg.norm(scaled - truth) / np.linalg.norm(truth))


def main() -> None:
    options = _options()
    rows = read(options.output)
    done = {(row["size"], row["key"], row["value"], row["seed"]) for row in rows}
    asked = [("", 0.0)] + [
        (key, value_of(key, share, options.size))
        for share in options.severities
        for key in SEVERITIES
        if not options.keys or key in options.keys
    ]
    for seed in options.seeds:
        for key, value in asked:
            if (options.size, key, value, seed) in done or options.table:
                continue
            add(options.output, rows, row_of(options.size, key, value, seed))
    print(table(rows))


def table(rows: list[dict]) -> str:
    """Return rows as Markdown, each with its error in parts of that of the same seed without."""
    clean = {(row["size"], row["seed"]): row["error"] for row in rows if not row["key"]}
    lines = [
        "| fault | value | seed | error of the volume | across px | axis ° | verdict | reasons |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in sorted(rows, key=lambda row: (row["size"], row["key"], row["value"], row["seed"])):
        worse = row["error"] / clean[row["size"], row["seed"]] - 1
        lines.append(
            f"| {row['key'] or 'none'} | {row['value']:g} | {row['seed']} | "
            f"{row['error']:.3f} ({worse:+.0%}) | {row['across_rms_px']:.2f} | "
            f"{row['axis_error_deg']:.2f} | {row['verdict']} | {'; '.join(row['reasons'])} |"
        )
    return "\n".join(lines)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--keys", nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--severities", type=int, nargs="+", choices=SHARES, default=SHARES)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--table", action="store_true", help="only print what is there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
