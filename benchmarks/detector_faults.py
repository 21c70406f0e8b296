"""Faults of the detector: what random ones cost the alignment and the volume, and what is told.

    python benchmarks/detector_faults.py --output FILE.jsonl [--specimens balls plate film]
        [--seeds 1 2 3] [--table]

with ``PYTHONPATH=workflow``. Each seed draws a series of each specimen and one random pattern: hot
or dead clusters, rows and columns, hot pixels, a gain pattern. The series is aligned and
reconstructed with and without it. Errors: the axis beside that of the clean series, and the volume
against the truth (`align_faults`), as a part of that of the clean series.

Each row is appended to the file when it is done, and rows that are there are not computed again.
``--table`` prints the file as a table.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import yaml
from scipy.ndimage import gaussian_filter

from align import DEMO, quiet
from align_faults import bodies, error_of, true_geometry
from catomo.align.chain import solve
from catomo.align.geometry import Geometry
from catomo.align.preprocess import clean
from catomo.align.settings import Align
from catomo.align.truth import compare
from catomo.phantom.settings import Specimen
from catomo.tilt_series.microscope import simulate_tilt_series
from rows import add, read

TILTS = np.arange(-68.0, 69, 4)
FILM = {
    "thickness_nm": 5,
    "contrast": 0.35,
    "texture_sigma_nm": 1.5,
    "texture_amplitude": 0.25,
}
SPECIMENS = ("balls", "plate", "film")
WIDE = 64  # px of all images
AXIS_LIMIT_DEG, VOLUME_LIMIT = 0.3, 1.1


@dataclass(frozen=True)
class Recorded:
    """A series, where its images lie, and the truth: density (y, z, x) and solid parts."""

    images: np.ndarray
    truth: Geometry
    density: np.ndarray
    solid: np.ndarray

    def volume_error(self, aligned: np.ndarray, moved: dict[str, float]) -> float:
        """Return the error of the volume of aligned images (`align_faults.error_of`)."""
        return error_of(aligned, TILTS, self.density, self.solid, moved)


def balls(seed: int) -> Recorded:
    """Return counts of Gaussian balls, whose projections are known exactly."""
    rng = np.random.default_rng([seed, 1])
    n = int(rng.integers(8, 30))
    places = rng.normal(0, [7, 10, 7], (n, 3)).clip(-20, 20)
    sigma, weight = rng.uniform(1.3, 4, n), rng.uniform(5, 60, n)
    across, along = rng.uniform(-3, 3, (2, len(TILTS)))
    truth = Geometry(float(rng.uniform(-4, 4)), across + rng.uniform(-2, 2), along)
    middle = (WIDE - 1) / 2
    grid = np.arange(WIDE) - middle
    turn = np.deg2rad(truth.axis_angle_deg)
    images = np.empty((len(TILTS), WIDE, WIDE))
    for t, tilt in enumerate(np.deg2rad(TILTS)):
        x = places[:, 0] * np.cos(tilt) - places[:, 2] * np.sin(tilt) + truth.across[t]
        y = places[:, 1] + truth.along[t]
        right, down = (
            np.cos(turn) * x + np.sin(turn) * y,
            np.cos(turn) * y - np.sin(turn) * x,
        )
        in_x = np.exp(-(((grid[:, None] - right) / sigma) ** 2) / 2)
        in_y = np.exp(-(((grid[:, None] - down) / sigma) ** 2) / 2)
        images[t] = (in_y * weight * sigma) @ in_x.T
    counts = 10 ** rng.uniform(2.2, 3.2)  # at the brightest pixel
    images = rng.poisson(counts * images / images.max() + 0.08 * counts)
    density = np.zeros((WIDE,) * 3)  # (y, z, x)
    for (x, y, z), wide, high in zip(places, sigma, weight, strict=True):
        parts = [np.exp(-(((grid - at) / wide) ** 2) / 2) for at in (y, z, x)]
        density += high * np.einsum("i,j,k->ijk", *parts)
    return Recorded(images.astype(np.float32), truth, density, density > 0.1 * density.max())


def plate(seed: int, film: bool, particles: bool = True) -> Recorded:
    """Return counts of the demo's specimen, drawn small, on film or on nothing, with particles."""
    content = yaml.safe_load(DEMO.read_text())
    content |= {"shape_px": [WIDE] * 3, "pixel_size_nm": 0.5, "render_oversampling": 1}
    content["film"] = FILM if film else None
    content["pt"]["count"] *= particles
    content["acquisition"] |= {
        "tilt_deg": [-68, 68, 4],
        "max_shift_px": 3,
        "bad_pixel_fraction": 0.0,
    }
    asked = Specimen.model_validate(content)
    made = simulate_tilt_series(asked, seed)
    return Recorded(made.series.images, true_geometry(made), *bodies(made, asked))


def spoilt(images: np.ndarray, seed: int) -> tuple[np.ndarray, list[str]]:
    """Return images with a random pattern of faults that stay in place, and their names."""
    rng = np.random.default_rng([seed, 2])
    images = images.copy()
    rows, columns = images.shape[1:]
    bright = float(np.percentile(images, 99))
    kinds = rng.permutation(["clusters", "lines", "gain", "pixels"])[: rng.integers(1, 4)]
    names = []
    for kind in sorted(kinds):
        if kind == "gain":
            sigma, shape = (
                float(rng.uniform(0.05, 0.15)),
                str(rng.choice(["pixels", "smooth", "columns"])),
            )
            images *= gain_pattern(rng, (rows, columns), shape, sigma)
            names.append(f"gain {shape} {100 * sigma:.0f} %")
        elif kind == "clusters":
            hot = bool(rng.integers(2))
            count = int(rng.integers(2, 8))
            for _ in range(count):
                high, wide = rng.integers(2, 6, 2)
                row, column = rng.integers(1, rows - high), rng.integers(1, columns - wide)
                part = (slice(None), slice(row, row + high), slice(column, column + wide))
                shape = rng.random((high, wide)) < 0.8
                images[part] = np.where(
                    shape, images[part] + 5 * bright if hot else 0, images[part]
                )
            names.append(f"{count} {'hot' if hot else 'dead'} clusters")
        elif kind == "lines":
            for _ in range(int(rng.integers(1, 3))):
                along = int(rng.integers(2))
                at = int(rng.integers(2, images.shape[1 + along] - 2))
                line = (slice(None), at) if along == 0 else (slice(None), slice(None), at)
                how = str(rng.choice(["dead", "hot", "dim"]))
                images[line] = {
                    "dead": 0 * images[line],
                    "hot": images[line] + bright,
                    "dim": 0.5 * images[line],
                }[how]
                names.append(f"{how} {('row', 'column')[along]} {at}")
        else:
            count = int(rng.integers(5, 30))
            at = rng.integers(0, rows, count), rng.integers(0, columns, count)
            images[(slice(None), *at)] += rng.uniform(1, 10, count).astype(np.float32) * bright
            names.append(f"{count} hot pixels")
    return images, names


def gain_pattern(rng, shape: tuple[int, int], kind: str, sigma: float) -> np.ndarray:
    """Return a gain pattern of single pixels, of soft spots or of columns."""
    noise = rng.normal(size=shape)
    if kind == "smooth":
        noise = gaussian_filter(noise, 3)
    elif kind == "columns":
        noise[:] = noise[0]
    return np.exp(sigma * (noise - noise.mean()) / noise.std()).astype(np.float32)


def row_of(specimen: str, seed: int, faults: bool) -> dict:
    """Return what is found of a series with a pattern of faults or without."""
    row: dict = {"specimen": specimen, "seed": seed, "faults": []}
    with quiet():
        made = balls(seed) if specimen == "balls" else plate(seed, specimen == "film")
        images = made.images.copy()
        if faults:
            images, row["faults"] = spoilt(images, seed)
        settings = Align()
        series = clean(images, TILTS, settings)
        geometry = solve(series, settings).geometry
        seen = compare(geometry, TILTS, made.truth)
        aligned = [geometry.warp(image, t, 3) for t, image in enumerate(series.images)]
        pixels = series.notes["bad_pixels"]
        row |= {
            "axis_deg": geometry.axis_angle_deg - made.truth.axis_angle_deg,
            "across_rms_px": seen["across_rms_px"],
            "error": made.volume_error(np.array(aligned), seen["object_shift_px"]),
            "named": pixels.get("detector_faults", []),
            "gain_sigma": pixels.get("gain_pattern_sigma", 0.0),
        }
    return row


def holds(clean_row: dict, bad: dict) -> bool:
    """Tell whether faults cost no more than is allowed."""
    return (
        abs(bad["axis_deg"] - clean_row["axis_deg"]) <= AXIS_LIMIT_DEG
        and bad["error"] <= VOLUME_LIMIT * clean_row["error"]
    )


def table(rows: list[dict]) -> str:
    """Return rows as Markdown, and how many hold."""
    lines = [
        "| specimen | seed | faults | axis ° | error | holds | gain told | named |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    without = {(row["specimen"], row["seed"]): row for row in rows if not row["faults"]}
    held = []
    for row in sorted(rows, key=lambda row: (row["specimen"], row["seed"])):
        beside = without.get((row["specimen"], row["seed"]))
        if not row["faults"] or beside is None:
            continue
        held.append(holds(beside, row))
        lines.append(
            f"| {row['specimen']} | {row['seed']} | {', '.join(row['faults'])} | "
            f"{row['axis_deg'] - beside['axis_deg']:+.2f} | {row['error'] / beside['error']:.2f} | "
            f"{'yes' if held[-1] else 'NO'} | {row['gain_sigma']:.3f} | {', '.join(row['named'])} |"
        )
    lines.append(f"\n{sum(held)} of {len(held)} hold")
    invented = [row for row in without.values() if row["named"] or row["gain_sigma"]]
    lines.append(f"faults found in {len(invented)} of {len(without)} series without any")
    lines += [f"{r['specimen']} {r['seed']}: {r['named']} {r['gain_sigma']}" for r in invented]
    return "\n".join(lines)


def main() -> None:
    options = _options()
    path = options.output
    rows = read(path)
    done = {(row["specimen"], row["seed"], bool(row["faults"])) for row in rows}
    for seed in [] if options.table else options.seeds:
        for specimen, faults in product(options.specimens, (False, True)):
            if (specimen, seed, faults) not in done:
                add(path, rows, row_of(specimen, seed, faults))
    print(table(rows))


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--specimens", nargs="+", choices=SPECIMENS, default=SPECIMENS)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 21)))
    parser.add_argument("--table", action="store_true", help="only print what is there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
