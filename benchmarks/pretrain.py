"""A model trained on phantoms alone, for `train.py` to begin with.

    PYTHONPATH=workflow python benchmarks/pretrain.py FOLDER [--phantoms 16] [--steps 1500]

draws plates of γ-alumina with pores, Pt and a support film, each another one in size, rotation,
contrast and noise; reconstructs a few slices of each with the missing wedge, as long as the
authors' own; and trains the preset `compact` on their truth. FOLDER/phantoms.keras, which says
that it is a draft, is what `train.py` takes as `/start=`. Slices have the pixel size of the
authors' patches, 0.12 nm.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile

from catomo.errors import UserError
from catomo.network.model_file import Model
from catomo.phantom.settings import Specimen
from catomo.phantom.shares import labels_of
from catomo.phantom.specimen import render_specimen
from catomo.projection.volumes import mlem
from catomo.slices.contrast import levels_of
from catomo.slices.settings import Slices
from catomo.slices.stage import slices_of_stack
from catomo.tilt_series.film import FilmSheet
from catomo.tilt_series.microscope import project, record_counts, tilts_of
from catomo.train.settings import Train
from catomo.train.stage import train

PIXEL_NM = 0.12
SHAPE = (32, 512, 512)  # of a phantom (y, z, x)
EVERY = 4  # one slice of so many is used: 0.5 nm, less than a Pt particle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--phantoms", type=int, default=16)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    images, labels = options.folder / "images", options.folder / "labels"
    for place in (images, labels):
        place.mkdir(parents=True, exist_ok=True)
    for number in range(options.phantoms):
        names = [f"phantom{number:02d}_slice{row:03d}.tif" for row in range(0, SHAPE[0], EVERY)]
        if (labels / names[-1]).is_file():  # the last file that a phantom gets
            continue
        for name, (image, mask) in zip(names, _slices(number), strict=True):
            tifffile.imwrite(images / name, image)
            tifffile.imwrite(labels / name, mask)
    settings = Train.model_validate(
        {
            "steps": options.steps,
            "threads": options.threads,
            "split": {"method": "names", "test": ["phantom00_*"]},
        }
    )
    slices = options.folder / "04_slices"
    slices_of_stack(images, slices, Slices(), "phantoms", PIXEL_NM)
    train([("phantoms", slices, labels)], options.folder / "05_train", settings)
    model = Model.load(options.folder / "05_train" / "model.keras", "float32")
    draft = replace(model, info=replace(model.info, draft=True))
    draft.save(options.folder / "phantoms.keras")


def _slices(number: int):
    """Yield greys and truth of some slices of a phantom, reconstructed."""
    rng = np.random.default_rng([20220, number])
    while True:
        specimen = _specimen(rng)
        try:
            phantom = render_specimen(specimen, number)
        except UserError:  # no room for the pores or particles: another one
            continue
        break
    shares = list(phantom.shares())
    tilts = tilts_of(specimen.acquisition)
    images = project(
        phantom.density(specimen.contrast),
        tilts,
        oversampling=phantom.oversampling,
        probe_sigma_px=specimen.acquisition.probe_sigma_px,
    )
    reach = (SHAPE[0], 3 * SHAPE[2])
    side = rng.choice([-1, 1])
    film = FilmSheet(specimen.film, PIXEL_NM, side * rng.uniform(150, 230), reach, rng)
    y, x = (np.arange(size) - (size - 1) / 2 for size in images.shape[1:])
    for image, tilt in zip(images, tilts, strict=True):
        image += film.projection(x, y[:, None], tilt)
    counts = record_counts(images, specimen, rng)[:, ::EVERY]
    counts = np.maximum(counts - specimen.acquisition.background_counts, 0)
    iterations = int(rng.integers(15, 80))
    found = mlem(counts, tilts, iterations, SHAPE[1:])
    settings = Slices(background=0.0)
    rule = levels_of(found.__getitem__, found.shape, found.dtype, settings, "phantom").contrast
    for image, share in zip(found, shares[::EVERY], strict=True):
        yield rule.greys(image), labels_of(share)


def _specimen(rng) -> Specimen:
    """Draw a specimen at random."""
    thickness, depth = rng.uniform(12, 30), rng.uniform(0.4, 1.2)
    return Specimen.model_validate(
        {
            "shape_px": list(SHAPE),
            "pixel_size_nm": PIXEL_NM,
            "render_oversampling": 1,
            "plate": {
                "thickness_nm": thickness,
                "edge_nm": rng.uniform(25, 45),
                "corrugation_period_nm": rng.uniform(4, 7),
                "corrugation_depth_nm": depth,
                "rotation_deg": [rng.uniform(-50, 50), rng.uniform(-30, 30), rng.uniform(0, 180)],
            },
            "pores": {
                "count": int(rng.integers(10, 40)),
                "width_nm": [1.0, 4.0],
                "length_nm": [2.0, 8.0],
                "open_fraction": 0.3,
                "aligned": False,
            },
            "pt": {
                "count": int(rng.integers(40, 120)),
                "median_diameter_nm": 1.7,
                "sigma_log": 0.35,
                "clip_nm": [0.8, 4.0],
                "placement": "facet_apex",
                "embedded_fraction": rng.uniform(0.0, 0.5),
            },
            "contrast": {"alumina": 1.0, "pt": rng.uniform(8, 20)},
            "acquisition": {
                "tilt_deg": [-68, 68, 2],
                "probe_sigma_px": rng.uniform(1.0, 2.5),
                "counts_mid_plate": 10 ** rng.uniform(1.3, 2.3),
                "background_counts": 3,
                "max_shift_px": 0,
                "axis_angle_deg": 0,
                "axis_offset_px": 0,
                "bad_pixel_fraction": 0,
            },
            "film": {
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
