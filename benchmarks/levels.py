"""Are bare, poor and rich specimens of one kind labelled alike by one model?

    PYTHONPATH=workflow python benchmarks/levels.py FOLDER [--seeds 1 2 3] [--code NAME]
        [--specimen FILE] [--particles 10] [--quick] [--json FILE]

Specimens of the demo's kind with 0, 2, 10 and 20 Pt particles (`--specimen`, `--particles` take
another kind, or number of particles of the normal one) are led through all stages up to
the labels. One model per seed learns from the truth of the normal specimen at dose 1.
It labels all four specimens, recorded with half and twice the dose, and with the images of dose 1
multiplied by 0.3 and by 3, as another detector or another program would store them.

A row gives volume and number of the Pt particles found beside those of the truth, the Dice
coefficient of Pt and of alumina, the share of all matter that is called Pt, and the factor
between the values of the specimen and those of the training data as estimated and as it is.

The column of the known scale is the Pt volume found in the same slices with the true factor set
by hand. What differs between both is the error of the levels, the rest is that of the
segmentation: a network finds small particles too large and large ones too small, so the error of
a specimen of few particles depends on their sizes.

FOLDER keeps the volumes and `levels.csv`, so that an interrupted run goes on. `--code` names the
code in that file: with PYTHONPATH of another clone and another name its rows stand beside these.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import tifffile
import yaml

from catomo.align.settings import Align
from catomo.align.stage import align
from catomo.files.store import read_pages
from catomo.labels.overlap import dice
from catomo.labels.particles import label_particles
from catomo.network.levels import Levels
from catomo.predict.settings import Predict
from catomo.predict.stage import predict
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stage import reconstruct
from catomo.record.record import read_record
from catomo.slices.settings import Slices
from catomo.slices.stage import slices_of_reconstruction
from catomo.tilt_series.import_series import import_tilt_series
from catomo.tilt_series.settings import ImportSeries, Simulate
from catomo.tilt_series.simulate import simulate
from catomo.train.settings import Train
from catomo.train.stage import train

ROOT = Path(__file__).parents[1]
SPECIMENS = ("normal", "bare", "poor", "rich")
# Dose, and what the images of that dose are multiplied by.
RECORDINGS = ((1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 0.3), (1.0, 3.0))
# Of the demo, but for a smaller network and half as many steps, which are enough here.
TRAINING = {
    "steps": 300,
    "learning_rate": 1e-3,
    "warmup_steps": 20,
    "clip_norm": 0.0,
    "batch_size": 4,
    "patch_px": 128,
    "network": {"levels": 4, "base_filters": 8},
    "threads": 1,
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
COLUMNS = (
    "code",
    "specimen",
    "seed",
    "dose",
    "scale",
    "pt_nm3",
    "pt_nm3_truth",
    "pt_nm3_known",
    "particles",
    "particles_truth",
    "dsc_pt",
    "dsc_alumina",
    "pt_of_matter",
    "factor",
    "factor_truth",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--code", default="catomo")
    parser.add_argument("--specimen", type=Path, default=ROOT / "resources/phantoms/demo-128.yaml")
    parser.add_argument("--particles", type=int, default=10, help="of the normal specimen")
    parser.add_argument("--quick", action="store_true", help="one seed, one dose, few steps")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    file = options.folder / "levels.csv"
    rows = _rows(file)
    done = {_cell(row) for row in rows}
    for seed in options.seeds[:1] if options.quick else options.seeds:
        for dose, scale in RECORDINGS[:1] if options.quick else RECORDINGS:
            for specimen in SPECIMENS:
                key = (options.code, specimen, str(seed), str(dose), str(scale))
                if key in done:
                    continue
                row = dict(zip(COLUMNS, key, strict=False))
                row |= _labelled(options, specimen, seed, dose, scale)
                rows.append(row)
                _append(file, row)
    print(_table(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def _labelled(options, specimen: str, seed: int, dose: float, scale: float) -> dict:
    """Return what one model finds in one specimen."""
    place = _volume(options, specimen, seed, dose, scale)
    own = options.folder / options.code / place.name
    if not (own / "04" / "slices.json").is_file():
        slices_of_reconstruction(place / "03", own / "04", Slices(), "d", truth=_truth(place))
    model = _model(options, seed)
    predict(own / "04", model, own / "06", Predict())
    slices_of_reconstruction(place / "03", own / "04_known", _known(model, dose * scale), "d")
    predict(own / "04_known", model, own / "06_known", Predict())
    unscaled = options.folder / options.code / _name(options, specimen, seed, dose, 1.0)
    truth = read_pages(unscaled / "04" / "truth_labels.tif")
    labels = read_pages(own / "06" / "labels.tif")
    known = read_pages(own / "06_known" / "labels.tif")
    voxel_nm3 = read_record(own / "04", "slices")["pixel_size_nm"] ** 3
    found, matter = np.count_nonzero(labels == 2), np.count_nonzero(labels)
    return {
        "pt_nm3": found * voxel_nm3,
        "pt_nm3_truth": np.count_nonzero(truth == 2) * voxel_nm3,
        "pt_nm3_known": np.count_nonzero(known == 2) * voxel_nm3,
        "particles": label_particles(labels, 2).max(),
        "particles_truth": label_particles(truth, 2).max(),
        "dsc_pt": dice(truth, labels, 3)[2],
        "dsc_alumina": dice(truth, labels, 3)[1],
        "pt_of_matter": found / max(matter, 1),
        "factor": read_record(own / "06", "predict").get("levels", {}).get("factor"),
        "factor_truth": dose * scale,
    }


def _known(model: Path, factor: float) -> Slices:
    """Return settings that give the values of a specimen their true scale."""
    learnt = Levels.of(read_record(model, "train")["levels"])
    support = learnt.background + factor * learnt.above(learnt.support)
    return Slices(background=learnt.background, support=support)


def _model(options, seed: int) -> Path:
    """Return the model of a seed, trained if it is not there."""
    name = _name(options, "normal", seed, 1.0, 1.0)
    folder = options.folder / options.code / name
    model = folder / "05" / "training.json"
    if not model.is_file():
        settings = TRAINING | {"seed": seed} | ({"steps": 100} if options.quick else {})
        data = [("normal", folder / "04", "truth")]
        train(data, folder / "05", Train.model_validate(settings))
    return folder / "05"


def _volume(options, specimen: str, seed: int, dose: float, scale: float) -> Path:
    """Return the folder of a specimen with its stages 01 to 03, made if they are not there."""
    place = options.folder / _name(options, specimen, seed, dose, scale)
    if (place / "03" / "reconstruction.json").is_file():
        return place
    place.mkdir(parents=True, exist_ok=True)
    if scale == 1:
        content = yaml.safe_load(options.specimen.read_text())
        content["pt"]["count"] = _count(options, specimen)
        for key in ("counts_mid_plate", "background_counts"):
            content["acquisition"][key] *= dose
        (place / "specimen.yaml").write_text(yaml.safe_dump(content))
        simulate(place / "specimen.yaml", place / "01", Simulate(seed=seed))
    else:
        source = read_record(_volume(options, specimen, seed, dose, 1.0) / "01", "simulate")
        images = read_pages(source.file("tilt_series.tif"))
        tifffile.imwrite(place / "scaled.tif", images * np.float32(scale), photometric="minisblack")
        angles, size_nm = source["tilt_deg"], source["pixel_size_nm"]
        file = place / "scaled.tlt"
        file.write_text("".join(f"{angle}\n" for angle in angles))
        import_tilt_series(place / "scaled.tif", place / "01", ImportSeries(), file, size_nm)
    align(place / "01", place / "02", Align())
    reconstruct(place / "02", place / "03", Reconstruct(iterations=40), truth=_truth(place))
    return place


def _truth(place: Path) -> Path | None:
    """Return where the truth of a specimen is; scaled images have none of their own."""
    return place / "01" if (place / "01" / "truth.json").is_file() else None


def _name(options, specimen: str, seed: int, dose: float, scale: float) -> str:
    count = _count(options, specimen)
    return f"pt{count}_s{seed}_d{dose}" + (f"_x{scale}" if scale != 1 else "")


def _count(options, specimen: str) -> int:
    counts = {"bare": 0, "poor": 2, "normal": options.particles, "rich": 2 * options.particles}
    return counts[specimen]


def _rows(file: Path) -> list[dict]:
    if not file.is_file():
        return []
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def _append(file: Path, row: dict) -> None:
    is_new = not file.is_file()
    with file.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS)
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def _cell(row: dict) -> tuple:
    return tuple(row[column] for column in COLUMNS[:5])


def _table(rows: list[dict]) -> str:
    """Return the rows as Markdown: means over the seeds, Pt found as a share of the truth."""
    lines = [
        "| code | specimen | dose | scale | seeds | Pt volume found / true "
        "| the same, known scale | particles found/true "
        "| DSC Pt | DSC alumina | Pt in matter (%) | factor estimated / true |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        cell = tuple(str(row[column]) for column in ("code", "specimen", "dose", "scale"))
        groups.setdefault(cell, []).append(row)
    for cell, group in groups.items():

        def all_of(name: str, over: str = "", of: list[dict] = group) -> list[float]:
            return [
                float(row[name]) / (float(row[over]) if over else 1)
                for row in of
                if str(row[name]) not in ("", "None", "nan") and (not over or float(row[over]))
            ]

        found = ", ".join(f"{int(row['particles'])}/{int(row['particles_truth'])}" for row in group)
        cells = [
            *(
                ", ".join(f"{value:.3f}" for value in all_of(name, "pt_nm3_truth")) or "–"
                for name in ("pt_nm3", "pt_nm3_known")
            ),
            found,
            *(
                f"{np.mean(values):.3f}" if (values := all_of(name)) else "–"
                for name in ("dsc_pt", "dsc_alumina")
            ),
            ", ".join(f"{100 * value:.2f}" for value in all_of("pt_of_matter")),
            ", ".join(f"{value:.3f}" for value in all_of("factor", "factor_truth")) or "–",
        ]
        lines.append(f"| {' | '.join([*cell, str(len(group)), *cells])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
