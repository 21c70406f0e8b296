"""A tilt series of Gaussian balls, whose projections are known exactly."""

import json

import numpy as np

from catomo.align.settings import Align
from catomo.align.stage import align
from catomo.files.store import StackReader, write_stack
from catomo.record.record import committing, read_record
from catomo.tilt_series.settings import Simulate

TILTS = np.arange(-66.0, 67, 4)
SIZE = 96
# Gaussian balls without any symmetry: x, y, z, sigma in px, weight. The projection of a ball is
# known exactly, so no rendering error hides in the tests.
BALLS = np.array(
    [
        [-20, -24, 6, 2.0, 120.0],
        [14, -8, -9, 2.5, 20.0],
        [4, 10, 8, 4.0, 10.0],
        [-9, 16, -5, 2.2, 25.0],
        [20, 22, 2, 3.0, 15.0],
        [0, -2, 1, 9.0, 12.0],
    ]
)


def shifts(seed, largest=4.0):
    return np.random.default_rng(seed).uniform(-largest, largest, (2, len(TILTS)))


def project(balls, angle_deg, across, along, shape=(SIZE, SIZE), tilts=TILTS):
    """Return the raw images (tilt, y, x) of balls: turned, seen along z, shifted, image turned."""
    a = np.deg2rad(angle_deg)
    x, y, z, sigma, weight = balls.T
    rows, columns = (np.arange(n) - (n - 1) / 2 for n in shape)
    images = np.empty((len(tilts), *shape))
    for t, theta in enumerate(np.deg2rad(tilts)):
        u = x * np.cos(theta) - z * np.sin(theta) + across[t]
        v = y + along[t]
        dx, dy = np.cos(a) * u + np.sin(a) * v, np.cos(a) * v - np.sin(a) * u
        in_x = np.exp(-(((columns[:, None] - dx) / sigma) ** 2) / 2)
        in_y = np.exp(-(((rows[:, None] - dy) / sigma) ** 2) / 2)
        images[t] = (in_y * weight * sigma) @ in_x.T
    return images


def good_series(seed):
    """Return one of ten series without a fault, of other balls, counts and shifts each.

    With it axis angle, shifts across and along the axis, where its images truly lie.
    """
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 40))
    balls = np.column_stack(
        [
            *rng.normal(0, [9, 7, 12], (n, 3)).clip(-24, 24).T[[0, 2, 1]],
            rng.uniform(1.2, 6, n),
            rng.uniform(5, 60, n),
        ]
    )
    across, along = rng.uniform(-5, 5, (2, len(TILTS)))
    angle_deg = rng.uniform(-5, 5)
    across += rng.uniform(-4, 4)
    images = project(balls, angle_deg, across, along)
    counts = 10 ** rng.uniform(2.2, 3.5)  # at the brightest pixel
    images = rng.poisson(counts * images / images.max() + rng.uniform(0, 0.3) * counts)
    return images, (angle_deg, across, along)


def write_series(folder, images, tilts=TILTS, truth=None):
    """Write a folder as `simulate` does."""
    with committing(folder, "simulate", Simulate()) as out:
        write_stack(out.path("tilt_series.tif"), images.astype(np.float32), 0.5)
        if truth is not None:
            out.path("truth.json").write_text(json.dumps(truth))
        out.record.update(
            tilt_deg=tilts,
            pixel_size_nm=0.5,
            orientation={"tilt_axis": "y", "angle_unit": "deg", "handedness": 1},
        )
    return folder


def phantom(folder, angle=2.3, offset=2.7, noise=False, balls=BALLS, change=lambda images: images):
    across, along = shifts(1)
    images = project(balls, angle, across + offset, along) + 7.0
    if noise:
        images = np.random.default_rng(2).poisson(4 * images).astype(float)
    truth = {
        "axis_angle_deg": angle,
        "axis_offset_px": offset,
        "across_px": across.tolist(),
        "along_px": along.tolist(),
    }
    return write_series(folder, change(images), truth=truth)


def run(series, output, **settings):
    align(series, output, Align(**settings))
    with StackReader(output / "aligned.tif") as reader:
        return read_record(output, "align"), reader.read()
