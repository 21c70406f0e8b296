"""A simulated microscope: projections of a known specimen, as a STEM would record them.

Every cell of the fine specimen falls onto the detector where the geometry says, misalignment
included, so no image is ever resampled. Then come the probe, the counts and the bad pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from catomo.files.series import TiltSeries
from catomo.phantom.settings import Acquisition, Specimen
from catomo.phantom.specimen import Phantom, mid_plate_nm, render_specimen
from catomo.progress import progress
from catomo.tilt_series.faults import (
    Bodies,
    Distorted,
    bodies_of,
    contaminate,
    damp,
    detect,
    distorted,
    double,
    shade,
    true_tilts,
)
from catomo.tilt_series.film import FilmSheet, film_under
from catomo.tilt_series.misalignment import ALIGNED, Misalignment

_ROWS_AT_ONCE = 4  # rows of cells projected at once: few enough for the processor's cache


def tilts_of(acquisition: Acquisition) -> np.ndarray:
    """Return the tilt angles in degrees, the last one included."""
    first, last, step = acquisition.tilt_deg
    return first + step * np.arange(round((last - first) / step + 1e-9) + 1)


@dataclass(frozen=True)
class SimulatedSeries:
    """A simulated tilt series and what is true about it.

    Attributes
    ----------
    series : TiltSeries
        Counts, misaligned as the specimen file asks.
    misalignment : Misalignment
        Tilt axis and shifts of the images.
    phantom : Phantom
        The drawn particle.
    film : FilmSheet or None
    true_tilt_deg : ndarray (tilt,)
        Where the images were taken; `series` has the recorded angles.
    """

    series: TiltSeries
    misalignment: Misalignment
    phantom: Phantom
    film: FilmSheet | None
    true_tilt_deg: np.ndarray


def simulate_tilt_series(specimen: Specimen, seed: int) -> SimulatedSeries:
    """Draw a specimen and record a tilt series of it.

    Parameters
    ----------
    specimen : Specimen
        What is recorded, and how; see `catomo.phantom.specimen.read_specimen`.
    seed : int
        Decides pores, particles, shifts and noise.

    Returns
    -------
    SimulatedSeries

    Raises
    ------
    UserError
        If the pores or particles do not fit into the specimen.
    """
    acquisition, faults = specimen.acquisition, specimen.faults
    recorded_deg = tilts_of(acquisition)
    tilt_deg = true_tilts(recorded_deg, faults, seed)
    rng = np.random.default_rng([seed, 1])
    across, along = rng.uniform(-1, 1, (2, len(tilt_deg))) * acquisition.max_shift_px
    double((across, along), faults)
    misalignment = Misalignment(
        acquisition.axis_angle_deg, acquisition.axis_offset_px, across, along
    )
    phantom = render_specimen(specimen, seed)
    film = film_under(phantom, specimen, tilt_deg, rng)
    seen = distorted(misalignment, specimen, len(tilt_deg), seed)
    images = project(
        phantom.density(specimen.contrast),
        tilt_deg,
        oversampling=phantom.oversampling,
        misalignment=seen,
        probe_sigma_px=acquisition.probe_sigma_px,
        bodies=bodies_of(phantom, specimen, len(tilt_deg), seed),
    )
    if isinstance(seen, Distorted):
        seen.keep_brightness(images)
    if film:
        for t, tilt in enumerate(tilt_deg):
            images[t] += film.projection(*_aligned_points(images[t], seen, t), tilt)
    contaminate(images, specimen, tilt_deg)
    damp(images, specimen)
    counts = record_counts(images, specimen, rng)
    double((counts,), faults)
    series = TiltSeries(counts, recorded_deg, specimen.pixel_size_nm)
    return SimulatedSeries(series, misalignment, phantom, film, tilt_deg)


def project(
    density: np.ndarray,
    tilt_deg: Sequence[float] | np.ndarray,
    *,
    oversampling: int = 1,
    detector: tuple[int, int] | None = None,
    misalignment: Misalignment | Distorted = ALIGNED,
    probe_sigma_px: float = 0.0,
    bodies: Bodies | None = None,
) -> np.ndarray:
    """Project a volume onto the detector at each tilt.

    Each cell is a point mass, shared by the four nearest pixels of a fine detector, which is
    then blurred by the probe and binned. No reconstruction here uses this discretisation.

    Parameters
    ----------
    density : ndarray
        Cells (y, z, x), `oversampling` per pixel along each axis.
    tilt_deg : sequence of float
    oversampling : int
        Cells per pixel along each axis.
    detector : (int, int), optional
        Rows and columns of an image; default as (y, x) of the volume.
    misalignment : Misalignment or Distorted
    probe_sigma_px : float
        Standard deviation of the probe in detector pixels.
    bodies : Bodies, optional
        Cells that move or change from tilt to tilt.

    Returns
    -------
    ndarray
        Integrals of density along the beam in pixels, float32 (tilt, y, x).
    """
    n = oversampling
    rows, columns = detector or (density.shape[0] // n, density.shape[2] // n)
    margin = int(np.ceil(4 * probe_sigma_px)) + 1  # blur may carry mass in from outside
    fine = np.zeros(
        (len(tilt_deg), (rows + 2 * margin) * n, (columns + 2 * margin) * n), np.float32
    )
    origin_y, origin_x = ((size - 1) / 2 for size in fine.shape[1:])
    middle_y, middle_z, middle_x = ((size - 1) / 2 for size in density.shape)
    cosines, sines = np.cos(np.deg2rad(tilt_deg)), np.sin(np.deg2rad(tilt_deg))

    for start in progress(range(0, len(density), _ROWS_AT_ONCE), "project"):
        slab = density[start : start + _ROWS_AT_ONCE]
        y, z, x = np.nonzero(slab)
        if not len(y):
            continue
        mass = slab[y, z, x].astype(np.float64) / n**3
        which = bodies.number[y + start, z, x] if bodies else y
        cells = np.stack([y + start - middle_y, z - middle_z, x - middle_x]) / n
        for t, (cos, sin) in enumerate(zip(cosines, sines, strict=True)):
            at, seen = bodies.at(t, which, cells, mass) if bodies else (cells, mass)
            dx, dy = misalignment.to_raw(at[2] * cos - at[1] * sin, at[0], t)
            _share(fine[t], dy * n + origin_y, dx * n + origin_x, seen)
    return _read_out(fine, n, margin, probe_sigma_px)


def _read_out(fine: np.ndarray, n: int, margin: int, probe_sigma_px: float) -> np.ndarray:
    """Return images of a fine detector (tilt, y, x), blurred, binned by n, without the margin."""
    rows, columns = (size // n for size in fine.shape[1:])
    images = np.empty((len(fine), rows - 2 * margin, columns - 2 * margin), np.float32)
    for image, cells in zip(images, fine, strict=True):
        blurred = gaussian_filter(cells, probe_sigma_px * n, mode="constant")
        binned = blurred.reshape(rows, n, columns, n).sum(axis=(1, 3))
        image[:] = binned[margin:-margin, margin:-margin]
    return images


def record_counts(images: np.ndarray, specimen: Specimen, rng: np.random.Generator) -> np.ndarray:
    """Return Poisson counts of noise-free projections, with hot and dead pixels, float32.

    Parameters
    ----------
    images : ndarray
        Projections (tilt, y, x) in px of density.
    specimen : Specimen
        `counts_mid_plate` is what a plain piece of its plate gives at 0°, background excluded.
    rng : Generator
    """
    acquisition = specimen.acquisition
    mid_plate = mid_plate_nm(specimen) / specimen.pixel_size_nm * specimen.contrast.plate
    scale = acquisition.counts_mid_plate / mid_plate
    expected = shade(images * scale + acquisition.background_counts, specimen.faults)
    counts = rng.poisson(expected).astype(np.float32)
    # Defects of a detector are the same pixels in all images; an alignment may lock onto them.
    pixels = images[0].size
    bad = rng.choice(pixels, round(acquisition.bad_pixel_fraction * pixels), replace=False)
    flat = counts.reshape(len(counts), pixels)
    flat[:, bad[0::2]] = 20 * acquisition.counts_mid_plate
    flat[:, bad[1::2]] = 0
    detect(counts, specimen.faults, rng)
    return counts


def _share(image: np.ndarray, y: np.ndarray, x: np.ndarray, mass: np.ndarray) -> None:
    """Add point masses to `image`, each shared bilinearly by its four nearest pixels."""
    rows, columns = image.shape
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    inside = (left >= 0) & (left < columns - 1) & (top >= 0) & (top < rows - 1)
    if not inside.all():
        left, top, x, y, mass = (values[inside] for values in (left, top, x, y, mass))
    if not len(left):
        return
    x, y = x - left, y - top
    first = top.min()
    window = image[first : top.max() + 2]  # cells of a few rows fall into a few rows
    right_mass = mass * x
    left_mass = mass - right_mass
    at = (top - first) * columns + left
    for step, share in (
        (0, left_mass * (1 - y)),
        (1, right_mass * (1 - y)),
        (columns, left_mass * y),
        (columns + 1, right_mass * y),
    ):
        window += np.bincount(at + step, share, window.size).reshape(window.shape)


def _aligned_points(
    image: np.ndarray, misalignment: Misalignment | Distorted, t: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which aligned points (u, v) the pixels of raw image t show."""
    dy, dx = (np.arange(size) - (size - 1) / 2 for size in image.shape)
    return misalignment.to_aligned(dx, dy[:, None], t)
