"""The ready model: a network that phantoms of many kinds taught, for where labels are few.

    python resources/ready_model.py FOLDER [--pixel-size-nm 0.12]
        [--phantoms 23] [--steps 1200] [--threads 2]

draws plates of γ-alumina with pores, Pt and a support film, each another one in size, rotation,
contrast, dose and tilts; reconstructs a few slices of each with the missing wedge, without or with
total variation; and trains the network of the preset `compact` on their truth. All lengths are
drawn in pixels, and the network knows nothing else: the pixel size is only what the model is said
to fit, and writing the model for another one trains nothing.

FOLDER holds ``ready-model-<size>nm.keras``, the ``README.md`` that goes with it (what taught it,
how good it is, licence, sha256) and the ``LICENSE``. What the training needs lies in FOLDER/made:
an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile

import catomo
from catomo.errors import UserError
from catomo.network.model_file import Model
from catomo.phantom.settings import Specimen
from catomo.phantom.shares import labels_of
from catomo.phantom.specimen import Phantom, render_specimen
from catomo.reconstruct.edges import missing_wedge_deg
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.volume import reconstruct_volume
from catomo.record.hashes import sha256_of
from catomo.record.record import Record, read_record
from catomo.slices.settings import Slices
from catomo.slices.stage import slices_of_stack
from catomo.tilt_series.film import FilmSheet
from catomo.tilt_series.microscope import project, record_counts, tilts_of
from catomo.train.settings import Train
from catomo.train.stage import train

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (24, 384, 384)  # of a phantom (y, z, x), in pixels
EVERY = 4  # one slice of so many is used: less than a particle
MADE_NM = 0.12  # the pixel size with which phantoms are drawn
TESTED = 4  # phantoms that do not teach the model, the first ones
CALIBRATED = 3  # the last ones, which tell how right the confidence of the model is
SEED = 20220
SETTINGS = {"batch_size": 2, "patch_px": 256, "learning_rate": 1e-3}

CARD = """\
# Ready model of catomo {version}, for slices of {size:g} nm per pixel

A network (U-Net, {levels} levels, {filters} filters, the preset `compact`) that labels background,
γ-alumina and Pt. {taught} phantoms with {slices} slices of {rows} × {columns} px taught it in
{steps} steps, {tested} other phantoms tested it, and {calibrated} more told how right its
confidence is. No image of a microscope had a part in it, so its labels of a real specimen are a
draft for a person to correct.

- Phantoms: numbers 0 to {last} of those that `resources/ready_model.py` draws. Plates 60 to 250 px
  thick, flat or corrugated; particles of 2 to 33 px; slit pores 3 to 33 px wide; with a support
  film or without; 20 to 200 counts; tilts to ±60°, ±68° or ±76°; reconstructed without or with
  total variation.
- Pixel size: lengths in pixels are all that it knows. This file is for {size:g} nm, so for
  particles of {small:.2g} to {large:.2g} nm; `make ready-model PIXEL_SIZE_NM=…` writes it for
  another size.
- On the phantoms that tested it the Dice coefficient was {scores}.
- Use: in the column `model` of `datasets.tsv` for a draft, or as `train.init_from` for a model of
  your own: see `docs/how-to/few-labels.md`.
- Made by catomo {version} (code {code}) with seed {training_seed}, on {cpu}, in {precision}.
  Another processor gives other last digits.
- Licence: {licence}, see `LICENSE`. It was made from simulated data alone.

sha256 of `{name}`:
{sha256}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pixel-size-nm", type=float, default=MADE_NM)
    parser.add_argument("--phantoms", type=int, default=23)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    made = options.folder / "made"
    data = [dataset(made / f"phantom{number:02d}", number) for number in range(options.phantoms)]
    names = [f"{name}/*" for name, _, _ in data]
    tested, calibrated = names[:TESTED], names[-CALIBRATED:]
    settings = Train.model_validate(
        {
            **SETTINGS,
            "steps": options.steps,
            "threads": options.threads,
            "split": {"method": "names", "test": tested, "validation": calibrated},
        }
    )
    trained = made / "05_train"
    if not (trained / "training.json").is_file():
        train(data, trained, settings)
    print(write(trained, options.folder, options.pixel_size_nm))


def write(trained: Path, folder: Path, size_nm: float) -> Path:
    """Write a trained model for a pixel size, as a draft, with its card and the licence."""
    record = read_record(trained, "train")
    model = Model.load(record.file("model.keras"), "float32")
    path = folder / f"ready-model-{size_nm:g}nm.keras"
    replace(model, info=replace(model.info, draft=True, pixel_size_nm=size_nm)).save(path)
    (folder / "README.md").write_text(card(record, path, size_nm), encoding="utf-8")
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    return path


def card(record: Record, path: Path, size_nm: float) -> str:
    """Return what is to be known of a model that was trained here."""
    parts, network = record["split"].values(), record["settings"]["network"]
    scores = [f"{name} {one['dsc']:.3f}" for name, one in record["test"].items()]
    return CARD.format(
        version=catomo.__version__,
        size=size_nm,
        levels=network["levels"],
        filters=network["base_filters"],
        taught=sum(bool(one["train"]) for one in parts),
        tested=sum(bool(one["test"]) for one in parts),
        slices=sum(len(one["train"]) for one in parts),
        rows=SHAPE[1],
        columns=SHAPE[2],
        steps=record["steps"],
        calibrated=sum(bool(one["validate"]) for one in parts),
        last=len(parts) - 1,
        small=2 * size_nm,
        large=33 * size_nm,
        scores=" and ".join(scores[1:]),
        code=record["code"][:12],
        training_seed=record["seed"],
        cpu=record["cpu"],
        precision=record["precision"],
        licence=(ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()[0],
        name=path.name,
        sha256=sha256_of(path),
    )


def dataset(place: Path, number: int) -> tuple[str, Path, Path]:
    """Return name, slices and labels of a phantom, made in a folder if they are not there."""
    slices, labels = place / "04_slices", place / "labels.tif"
    if not (slices / "slices.json").is_file():
        place.mkdir(parents=True, exist_ok=True)
        volume, truth, tilts = reconstructed(number)
        tifffile.imwrite(labels, truth, photometric="minisblack")
        tifffile.imwrite(place / "volume.tif", volume, photometric="minisblack")
        # The truth tells where the support is; of doses this far apart the greys alone do not.
        settings = Slices(background=0.0, support=float(np.median(volume[truth == 1])))
        slices_of_stack(
            place / "volume.tif",
            slices,
            settings,
            place.name,
            MADE_NM,
            missing_wedge_deg=missing_wedge_deg(tilts),
        )
    return place.name, slices, labels


def reconstructed(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values (n, z, x) and truth of some slices of a phantom of any kind, and its tilts."""
    rng = np.random.default_rng([SEED, number])
    counts, tilts, truth = recorded(specimen_of, rng, number)
    settings = Reconstruct(
        iterations=int(rng.integers(6, 16)),
        tv=float(rng.choice([0.0, 0.01])),
        depth_nm=SHAPE[1] * MADE_NM,
        backend="cpu",
    )
    volume, _ = reconstruct_volume(counts, tilts, MADE_NM, settings)
    return volume, truth, tilts


def recorded(draw, rng, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return counts (tilt, n, x), tilts and truth (n, z, x) of the phantom ``draw(rng)`` says.

    The counts are those of some slices, without the background of the detector.
    """
    specimen, phantom = _phantom(draw, rng, number)
    shares = list(phantom.shares())
    tilts = tilts_of(specimen.acquisition)
    images = project(
        phantom.density(specimen.contrast),
        tilts,
        oversampling=phantom.oversampling,
        probe_sigma_px=specimen.acquisition.probe_sigma_px,
    )
    if specimen.film:
        reach = (SHAPE[0], 3 * SHAPE[2])
        side = rng.choice([-1, 1])
        film = FilmSheet(
            specimen.film, MADE_NM, side * rng.uniform(0.29, 0.45) * SHAPE[1], reach, rng
        )
        y, x = (np.arange(size) - (size - 1) / 2 for size in images.shape[1:])
        for image, tilt in zip(images, tilts, strict=True):
            image += film.projection(x, y[:, None], tilt)
    counts = record_counts(images, specimen, rng)[:, ::EVERY]
    counts = np.maximum(counts - specimen.acquisition.background_counts, 0)
    return counts, tilts, np.stack([labels_of(share) for share in shares[::EVERY]])


def _phantom(draw, rng, number: int) -> tuple[Specimen, Phantom]:
    while True:
        specimen = draw(rng)
        try:
            return specimen, render_specimen(specimen, number)
        except UserError:  # no room for the pores or particles: another one
            continue


def specimen_of(rng) -> Specimen:
    """Draw a specimen of any kind."""
    size = np.exp(rng.uniform(np.log(0.35), np.log(1.2)))  # of what the plate carries
    period = size * rng.uniform(4, 7)
    is_flat = rng.random() < 0.25
    return Specimen.model_validate(
        {
            "shape_px": list(SHAPE),
            "pixel_size_nm": MADE_NM,
            "render_oversampling": 1,
            "plate": {
                "thickness_nm": rng.uniform(7, 30),
                "edge_nm": rng.uniform(25, 45),
                "corrugation_period_nm": period,
                "corrugation_depth_nm": 0.0 if is_flat else period * rng.uniform(0.1, 0.3),
                "rotation_deg": [rng.uniform(-50, 50), rng.uniform(-30, 30), rng.uniform(0, 180)],
            },
            "pores": {
                "count": int(rng.integers(10, 40)),
                "width_nm": [1.0 * size, 3.3 * size],
                "length_nm": [2.0 * size, 8.0 * size],
                "open_fraction": 0.3,
                "aligned": bool(rng.random() < 0.3),
            },
            "pt": {
                "count": int(rng.integers(60, 140) / size),
                "median_diameter_nm": 1.7 * size,
                "sigma_log": rng.uniform(0.1, 0.4),
                "clip_nm": [0.8 * size, 3.3 * size],
                "placement": rng.choice(["facet_apex", "facet_valley", "random", "clustered"]),
                "embedded_fraction": rng.uniform(0.0, 0.5),
            },
            "contrast": {"alumina": 1.0, "pt": rng.uniform(8, 20)},
            "acquisition": {
                "tilt_deg": [[-60, 60, 3], [-68, 68, 2], [-76, 76, 2]][rng.integers(3)],
                "probe_sigma_px": rng.uniform(0.6, 2.5) * min(size, 1),
                "counts_mid_plate": 10 ** rng.uniform(1.3, 2.3),
                "background_counts": 3,
                "max_shift_px": 0,
                "axis_angle_deg": 0,
                "axis_offset_px": 0,
                "bad_pixel_fraction": 0,
            },
            "film": None
            if rng.random() < 0.3
            else {
                "thickness_nm": rng.uniform(3, 12),
                "contrast": rng.uniform(0.05, 0.4),
                "texture_sigma_nm": 2.0,
                "texture_amplitude": 0.25,
            },
            "seeds": [1],
        }
    )


if __name__ == "__main__":
    main()
