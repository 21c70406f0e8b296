"""The real needle: which alignment lets tilts predict each other better, catomo's or ETSpy's?

    python benchmarks/align_needle.py HAADF.mrc HAADF.rawtlt HAADF_Aligned.hspy
        [--picture FILE.png] [--json FILE] [--quick]

with ``PYTHONPATH=workflow``. The three files are in ``etspy/tests/test_data`` of the wheel of ETSpy
1.3.0 (``pip download --no-deps etspy==1.3.0``); ETSpy itself is not needed.

No truth is known, so the measure is held-out tilts. The tilts are dealt into five folds; each
fold is left out of a reconstruction, which is then projected along the tilts left out, so every
image is predicted once by a volume it had no part in. Its error is the share of its power that
the prediction, scaled to fit, does not explain, within the mask.

Both sides get the same raw images (bad pixels mended, 2nd percentile of each subtracted), the
same single cubic warp, the same mask (what all tilts show in both alignments) and the same
OSEM, that of `catomo reconstruct` by default. ETSpy's aligned stack was warped twice, which would
count against it, so its shifts and axis are taken from the file's metadata instead; that they
make the shipped stack out of the raw one is checked and printed as a correlation. Its specimen
is moved (a·cos θ + b·sin θ across, a constant along: no change of the alignment) to where catomo
has it, so that the mask covers the same part of the needle.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import h5py
import numpy as np

from align_peers import from_etspy
from catomo.align.bad_pixels import mend
from catomo.align.geometry import Geometry
from catomo.align.low_order import low_order_terms
from catomo.align.settings import Align
from catomo.align.stage import align
from catomo.figures import AFTER, BEFORE, new_figure, save
from catomo.files.store import StackReader
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.backends import make_solver
from catomo.reconstruct.method import Method, TiltGeometry
from catomo.reconstruct.settings import Reconstruct
from catomo.record.record import read_record
from catomo.tilt_series.import_series import import_tilt_series
from catomo.tilt_series.settings import ImportSeries

FOLDS = 5
PIXEL_SIZE_NM = 3.36
SIDES = {"ETSpy, shipped": BEFORE, "catomo": AFTER}


def main() -> None:
    options = _options()
    shifts, tiltaxis, yshift, shipped = read_hspy(options.aligned)
    with tempfile.TemporaryDirectory() as work:
        images, tilt_deg, ours, verdict = _align(options.series, options.angles, Path(work))
    theirs = mirrored(from_etspy(shifts, tiltaxis, yshift).geometry())
    likeness = _likeness(images, theirs, shipped)
    images = np.stack([np.maximum(i - np.percentile(i, 2), 0) for i in images])
    geometries = dict(zip(SIDES, (moved_onto(theirs, ours, tilt_deg), ours), strict=True))
    rows = slice(None, None, 4 if options.quick else 1)  # slices do not depend on each other
    mask = np.all([seen(g, images) for g in geometries.values()], axis=0)[rows]

    errors, volumes = {}, {}
    for side, geometry in geometries.items():
        warped = [geometry.warp(image, t, order=3)[rows] for t, image in enumerate(images)]
        aligned = np.stack(warped)
        predicted, volumes[side] = held_out(aligned, tilt_deg)
        errors[side] = unexplained(aligned, predicted, mask)

    print(f"shipped stack remade from raw: correlation {likeness:.5f}; catomo's verdict: {verdict}")
    print(f"mask: {mask.mean():.0%} of the frame; {FOLDS} folds\n")
    print("| alignment | axis angle | unexplained power, mean | median | worst tilt |")
    print("| --- | --- | --- | --- | --- |")
    for side, error in errors.items():
        angle = geometries[side].axis_angle_deg
        print(
            f"| {side} | {angle:.2f}° | {error.mean():.3%} | {np.median(error):.3%} "
            f"| {error.max():.3%} at {tilt_deg[error.argmax()]:g}° |"
        )
    better = errors["catomo"] < errors["ETSpy, shipped"]
    print(f"\ncatomo predicts {better.sum()} of {len(better)} tilts better")
    if options.picture:
        draw(options.picture, tilt_deg, errors, volumes)
    if options.json:
        content = {
            "mean": {side: float(error.mean()) for side, error in errors.items()},
            "unexplained": {side: error.tolist() for side, error in errors.items()},
            "tilt_deg": tilt_deg.tolist(),
            "remade": likeness,
            "verdict": verdict,
            "quick": options.quick,
        }
        options.json.write_text(json.dumps(content, indent=1) + "\n")


def read_hspy(path: Path):
    """Return shifts (tilt, 2), tilt axis in degrees, y shift in px and stack of an .hspy file.

    The x shift in the shipped file is a copy of the y shift and was never applied.
    """
    with h5py.File(path) as file:
        experiment = next(iter(file["Experiments"].values()))
        tomography = experiment["metadata/Tomography"]
        shifts = tomography["_sig_shifts/data"][()]
        said = tomography.attrs
        return shifts, float(said["tiltaxis"]), float(said["yshift"]), experiment["data"][()]


def mirrored(geometry: Geometry) -> Geometry:
    """Return a geometry of transposed images as one of images turned by `import`."""
    return Geometry(-geometry.axis_angle_deg, -geometry.across, geometry.along)


def moved_onto(geometry: Geometry, other: Geometry, tilt_deg) -> Geometry:
    """Return the same alignment of a specimen moved to where `other` has it."""
    columns = low_order_terms(tilt_deg)[:, :2]
    across = other.across - geometry.across
    moved = columns @ np.linalg.lstsq(columns, across, rcond=None)[0]
    along = np.mean(other.along - geometry.along)
    return Geometry(geometry.axis_angle_deg, geometry.across + moved, geometry.along + along)


def seen(geometry: Geometry, images) -> np.ndarray:
    """Return which pixels (y, x) of the aligned images lie in the raw frame at all tilts."""
    frame = np.ones(images.shape[1:], np.float32)
    inside = [geometry.warp(frame, t, order=1) > 0.999 for t in range(len(images))]
    return np.all(inside, axis=0)


def held_out(aligned, tilt_deg) -> tuple[np.ndarray, np.ndarray]:
    """Return images (tilt, y, x) predicted by the other folds, and the first fold's volume."""
    width = aligned.shape[2]
    sinograms = np.ascontiguousarray(np.maximum(aligned, 0).swapaxes(0, 1))
    settings, predicted, volumes = Reconstruct(), np.empty_like(sinograms), []
    for fold in range(FOLDS):
        held = np.arange(len(tilt_deg)) % FOLDS == fold
        shape, method = (width, width), Method("osem", settings.iterations, settings.subsets)
        solve = make_solver("cpu", TiltGeometry(tilt_deg[~held], shape, width), method)
        volumes.append(solve(np.ascontiguousarray(sinograms[:, ~held])))
        project = ShearProjector(tilt_deg[held], shape, width)
        predicted[:, held] = project.forward(volumes[-1])
    return predicted.swapaxes(0, 1), volumes[0]


def unexplained(images, predicted, mask) -> np.ndarray:
    """Return, per tilt, the share of an image's power that its scaled prediction misses."""
    shares = []
    for image, guess in zip(images, predicted, strict=True):
        image, guess = image[mask].astype(np.float64), guess[mask].astype(np.float64)
        explained = np.dot(image, guess) ** 2 / np.dot(guess, guess)
        shares.append(1 - explained / np.dot(image, image))
    return np.array(shares)


def draw(path, tilt_deg, errors, volumes) -> None:
    """Draw the error by tilt, and three slices of either reconstruction, each to its maximum."""
    figure, axes = new_figure(2, 4, size=(14, 6.5))
    theirs, ours = errors.values()
    for side, error in errors.items():
        axes[0, 0].plot(tilt_deg, 100 * error, color=SIDES[side], label=side)
    axes[0, 0].set(xlabel="tilt in degrees", ylabel="unexplained power in %")
    axes[0, 0].legend()
    axes[1, 0].plot(tilt_deg, theirs / ours, color=AFTER)
    axes[1, 0].axhline(1, color=BEFORE)
    axes[1, 0].set(xlabel="tilt in degrees", ylabel="error of ETSpy / of catomo")
    brightness = volumes["catomo"].mean(axis=(1, 2))
    rows = np.flatnonzero(brightness > 0.05 * brightness.max())
    centre = slice(volumes["catomo"].shape[1] // 4, -volumes["catomo"].shape[1] // 4)
    for line, (side, volume) in zip(axes, volumes.items(), strict=True):
        for place, share in zip(line[1:], (0.2, 0.5, 0.8), strict=True):
            row = rows[int(share * len(rows))]
            place.imshow(volume[row, centre, centre], vmin=0)
            place.set_title(f"{side}, row {row}")
            place.set_axis_off()
    save(figure, path)


def _align(series: Path, angles: Path, work: Path):
    """Return mended raw images, tilts, catomo's geometry and its verdict."""
    settings = ImportSeries(tilt_axis="x")
    import_tilt_series(series, work / "raw", settings, angles, PIXEL_SIZE_NM)
    align(work / "raw", work / "aligned", Align())
    record = read_record(work / "aligned", "align")
    across = np.array(record["across_px"]) + record["axis_offset_px"]
    geometry = Geometry(record["axis_angle_deg"], across, np.array(record["along_px"]))
    with StackReader(work / "raw" / "tilt_series.tif") as reader:
        images = np.stack([mend(image, 8.0)[0] for image in reader.read()])
    return images, np.array(record["tilt_deg"]), geometry, record["verdict"]


def _likeness(images, geometry, shipped) -> float:
    """Correlate the middle of the shipped stack with the raw one warped by its metadata."""
    t, middle = len(images) // 2, np.s_[70:-70, 60:-60]
    remade = geometry.warp(images[t] - images[t].min(), t, order=1)
    theirs = np.rot90(shipped[t], -1)
    return float(np.corrcoef(remade[middle].ravel(), theirs[middle].ravel())[0, 1])


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("series", type=Path, help="HAADF.mrc")
    parser.add_argument("angles", type=Path, help="HAADF.rawtlt")
    parser.add_argument("aligned", type=Path, help="HAADF_Aligned.hspy")
    parser.add_argument("--picture", type=Path, help="PNG of errors and slices")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the error of every tilt")
    parser.add_argument("--quick", action="store_true", help="every fourth slice only")
    return parser.parse_args()


if __name__ == "__main__":
    main()
