"""Is a person warned where a model does not fit, and only there?

    PYTHONPATH=workflow:resources python benchmarks/fit_warning.py FOLDER
        [--good 20] [--seeds 2] [--quick]

Five phantoms of one specimen, with the paper's pixel size and lengths, teach a model; a sixth tells
how right its confidence is. Then the stage `predict` labels

- the five, and so many others of the same specimen (`--good`): no warning may come,
- and, of so many seeds, each change below, beside the same seed unchanged.

For each the table has the DSC of alumina and Pt against the truth, how far it fell, whether the
interval that was foretold holds it, and what the record of the prediction warns of. What is in
FOLDER is not made again.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from ready_model import MADE_NM, SEED, SHAPE, recorded, specimen_of
from scipy.ndimage import gaussian_filter

from catomo.errors import UserError
from catomo.files.store import read_pages
from catomo.labels.overlap import confusion_matrix
from catomo.phantom.settings import Specimen
from catomo.predict.settings import Predict
from catomo.predict.stage import predict
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.volume import reconstruct_volume
from catomo.record.record import read_record
from catomo.slices.settings import Slices
from catomo.slices.stage import slices_of_stack
from catomo.train.settings import Train
from catomo.train.stage import train

TEACHERS, CALIBRATES, FIRST = range(600, 605), 605, 610
TAUGHT = "taught the model"
LARGER = 1.3
FELL = 0.1  # a DSC that falls by more must not go without a warning


class Case(NamedTuple):
    """One change: of the specimen, of its volume, of the settings of the stage `slices`."""

    specimen: dict | None = None
    volume: Callable[[np.ndarray], np.ndarray] = np.asarray
    slices: dict | None = None
    told_nm: float = MADE_NM
    draw: Callable | None = None


def noise_alone(volume: np.ndarray) -> np.ndarray:
    """Return values of the same mean and scatter without a specimen."""
    return np.random.default_rng(0).normal(volume.mean(), volume.std(), volume.shape)


CASES = {
    "half the dose": Case({"acquisition": {"counts_mid_plate": 50}}),
    "a tenth of the dose": Case({"acquisition": {"counts_mid_plate": 10}}),
    "double dose": Case({"acquisition": {"counts_mid_plate": 200}}),
    "blurred by 1 px": Case(volume=lambda values: gaussian_filter(values, 1.0)),
    "blurred by 2 px": Case(volume=lambda values: gaussian_filter(values, 2.0)),
    "greys not bent (gamma 1)": Case(slices={"gamma": 1.0}),
    "white at 99 %": Case(slices={"high_percentile": 99.0}),
    "pixels 1.3 times as large, told": Case(
        {"pixel_size_nm": LARGER * MADE_NM}, told_nm=LARGER * MADE_NM
    ),
    "pixels 1.3 times as large, untold": Case({"pixel_size_nm": LARGER * MADE_NM}),
    "pixels 1.3 times as small, untold": Case({"pixel_size_nm": MADE_NM / LARGER}),
    "inverted": Case(volume=lambda values: values.max() - values),
    "tilts to ±60°": Case({"acquisition": {"tilt_deg": [-60, 60, 2]}}),
    "tilts to ±50°": Case({"acquisition": {"tilt_deg": [-50, 50, 2]}}),
    "tilts to ±44°": Case({"acquisition": {"tilt_deg": [-44, 44, 2]}}),
    "another specimen": Case(draw=specimen_of),
    "Pt 9 times as bright as alumina": Case({"contrast": {"pt": 9.0}}),
    "Pt 3 times as bright as alumina": Case({"contrast": {"pt": 3.0}}),
    "Pt twice as bright as alumina": Case({"contrast": {"pt": 2.0}}),
    "no Pt": Case({"pt": {"count": 0}}),
    "noise alone": Case(volume=noise_alone),
}


SPECIMEN = {  # the pixel size and about the lengths of the paper's images
    "shape_px": list(SHAPE),
    "pixel_size_nm": MADE_NM,
    "render_oversampling": 1,
    "plate": {
        "thickness_nm": 12.0,
        "edge_nm": 38.0,
        "corrugation_period_nm": 6.0,
        "corrugation_depth_nm": 1.2,
    },
    "pores": {
        "count": 25,
        "width_nm": [1.2, 3.0],
        "length_nm": [2.0, 8.0],
        "open_fraction": 0.3,
        "aligned": False,
    },
    "pt": {
        "count": 100,
        "median_diameter_nm": 1.7,
        "sigma_log": 0.3,
        "clip_nm": [0.9, 3.6],
        "placement": "random",
        "embedded_fraction": 0.2,
    },
    "contrast": {"alumina": 1.0, "pt": 19.5},
    "acquisition": {
        "tilt_deg": [-68, 68, 2],
        "probe_sigma_px": 1.0,
        "counts_mid_plate": 100,
        "background_counts": 3,
        "max_shift_px": 0,
        "axis_angle_deg": 0,
        "axis_offset_px": 0,
        "bad_pixel_fraction": 0,
    },
    "film": None,
    "seeds": [1],
}


def drawn(changes: dict) -> Callable:
    """Return what draws the specimen, turned at random and changed in some keys."""

    def draw(rng) -> Specimen:
        turned = {"plate": {"rotation_deg": [*rng.uniform(-20, 20, 2), rng.uniform(0, 180)]}}
        return Specimen.model_validate(_merged(_merged(SPECIMEN, turned), changes))

    return draw


def _merged(below: dict, above: dict) -> dict:
    both = {
        key: _merged(below[key], value) if isinstance(value, dict) and below.get(key) else value
        for key, value in above.items()
    }
    return below | both


def made(place: Path, number: int, case: Case) -> tuple[str, Path, Path]:
    """Return name, slices and labels of a phantom, made in a folder if they are not there."""
    slices, labels = place / "04_slices", place / "labels.tif"
    if not (slices / "slices.json").is_file():
        place.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([SEED, number])
        draw = case.draw or drawn(case.specimen or {})
        counts, tilts, truth = recorded(draw, rng, number)
        tifffile.imwrite(labels, truth, photometric="minisblack")
        settings = Reconstruct(depth_nm=SHAPE[1] * MADE_NM, backend="cpu")
        volume, _ = reconstruct_volume(counts, tilts, MADE_NM, settings)
        changed = np.asarray(case.volume(volume), np.float32)
        tifffile.imwrite(place / "volume.tif", changed, photometric="minisblack")
        rule = Slices.model_validate(case.slices or {})
        slices_of_stack(place / "volume.tif", slices, rule, place.name, case.told_nm)
    return place.name, slices, labels


def learnt(folder: Path) -> Path:
    """Return the model of the five phantoms, trained if it is not there."""
    numbers = (*TEACHERS, CALIBRATES)
    data = [made(_place(folder, TAUGHT, number), number, Case()) for number in numbers]
    names = [f"{name}/*" for name, _, _ in data]
    settings = {
        "batch_size": 2,
        "patch_px": 256,
        "learning_rate": 1e-3,
        "steps": 300,
        "threads": 2,
        "split": {"method": "names", "test": [], "validation": names[-1:]},
    }
    if not (folder / "05_train/training.json").is_file():
        train(data, folder / "05_train", Train.model_validate(settings))
    return folder / "05_train/model.keras"


class Found(NamedTuple):
    """What the stage `predict` made of slices."""

    dsc: list[float]  # of alumina and Pt against the truth; NaN: none is there; empty: refused
    held: list[bool]  # whether the foretold 95 % intervals hold them; empty: nothing is foretold
    warned: str  # of what, or why it refused


def found(model: Path, data: tuple[str, Path, Path]) -> Found:
    """Label slices, and compare with the truth."""
    _, slices, labels = data
    out = slices.parent / "06_predict"
    try:
        if not (out / "prediction.json").is_file():
            predict(slices, model, out, Predict())
    except UserError as error:
        return Found([], [], f"refused: {str(error).splitlines()[0]}")
    record = read_record(out, "predict")
    matrix = confusion_matrix(
        tifffile.imread(labels), read_pages(record.file("labels.tif")), len(record["classes"])
    )
    dsc = (2 * np.diagonal(matrix) / (matrix.sum(axis=0) + matrix.sum(axis=1)))[1:].tolist()
    foretold = [record["expected_dsc"][name] for name in record["classes"][1:]]
    held = [
        one["low"] <= value <= one["high"] for one, value in zip(foretold, dsc, strict=True) if one
    ]
    return Found(
        dsc, held, ", ".join(dict.fromkeys(one["what"] for one in record["fit"]["differs"]))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--good", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="two good ones, two changes")
    options = parser.parse_args()
    cases = dict(list(CASES.items())[:2]) if options.quick else CASES
    goods, seeds = (2, 1) if options.quick else (options.good, options.seeds)
    model = learnt(options.folder)
    print("| slices | seed | DSC alumina | DSC Pt | fell | held | warned of |")
    print("| --- | ---: | ---: | ---: | ---: | --- | --- |")

    def row(name: str, number: int, case: Case, good: Found | None = None) -> Found:
        one = found(model, made(_place(options.folder, name, number), number, case))
        cells = ["" if math.isnan(value) else f"{value:.3f}" for value in one.dsc] or ["", ""]
        cells += [f"{_fall(one, good):.3f}" if one.dsc and good else ""]
        cells += [", ".join("yes" if held else "no" for held in one.held), one.warned]
        print(f"| {name} | {number} | {' | '.join(cells)} |", flush=True)
        return one

    taught = [row(TAUGHT, number, Case()) for number in TEACHERS]
    unchanged = {
        number: row("another seed", number, Case())
        for number in range(FIRST, FIRST + max(goods, seeds))
    }
    silent = 0
    for name, case in cases.items():
        for number in range(FIRST, FIRST + seeds):
            good = unchanged[number]
            one = row(name, number, case, good)
            silent += bool(one.dsc) and not one.warned and _fall(one, good) > FELL
    others = list(unchanged.values())
    false = sum(bool(one.warned) for one in (*taught, *others))
    held = sum(one.held == [True, True] for one in others)
    print(f"\n{false} false warnings in {len(taught) + len(others)} unchanged ones.")
    print(f"Both DSC lie in the foretold interval in {held} of {len(others)} other seeds.")
    print(f"A DSC fell by over {FELL} without a warning in {silent} changed ones.")


def _place(folder: Path, name: str, number: int) -> Path:
    return folder / f"{re.sub(r'[^a-z0-9]+', '_', name)}_{number}"


def _fall(one: Found, good: Found) -> float:
    """Return how far the class fell that fell most."""
    return float(np.nanmax(np.subtract(good.dsc, one.dsc)))


if __name__ == "__main__":
    main()
